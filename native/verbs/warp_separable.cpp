// Pillow's two-pass resize, along rows and then along columns, for any scale, mirroring and offset.
// uint8 in 22-bit fixed point: equal to the reference. Only the source rows that the second pass
// needs go through the first.
#include <algorithm>
#include <cstring>

#include "variegate/float4.hpp"
#include "variegate/separable.hpp"

namespace variegate::inline VARIEGATE_TARGET {
namespace {

template <class T> void pass_along(const T* in, const Axis<T>& axis, int depth, T* out) {
    using Sum = typename Weighting<T>::Sum;
    for (int i = 0; i < axis.count; ++i, out += depth) {
        const Taps taps = axis.taps[i];
        const auto* weights = axis.weights + taps.offset;
        const T* from = in + static_cast<int64_t>(taps.first) * depth;
        for (int k = 0; k < depth; ++k) {
            Sum sum = 0;
            for (int t = 0; t < taps.count; ++t) sum += weights[t] * from[t * int64_t{depth} + k];
            out[k] = Weighting<T>::settled(sum);
        }
    }
}

// One output row from rows that lie `stride` values apart.
template <class T>
void pass_across(const T* in, int64_t stride, const Axis<T>& axis, int row, int64_t count,
                 Buffer& room, T* out) {
    using Sum = typename Weighting<T>::Sum;
    const Taps taps = axis.taps[row];
    const auto* weights = axis.weights + taps.offset;
    const T* from = taps.count == 0 ? in : in + (taps.first - axis.lowest) * stride;
    Sum* sums = room.get<Sum>(count);
    std::fill_n(sums, count, Sum{0});
    for (int t = 0; t < taps.count; ++t, from += stride) {
        const auto weight = weights[t];
        for (int64_t i = 0; i < count; ++i) sums[i] += weight * from[i];
    }
    for (int64_t i = 0; i < count; ++i) out[i] = Weighting<T>::settled(sums[i]);
}

#ifdef VARIEGATE_SSE2
// Four sums of weights times values.
struct Sums {
    __m128i low = _mm_setzero_si128();
    __m128i high = _mm_setzero_si128();

    // pairs: two values of each of the four sums, in 16 bits; weights: two that were split.
    void add(__m128i pairs, const int32_t* weights) {
        low = _mm_add_epi32(low, _mm_madd_epi16(pairs, _mm_set1_epi32(weights[0])));
        high = _mm_add_epi32(high, _mm_madd_epi16(pairs, _mm_set1_epi32(weights[1])));
    }
    __m128i settled() const {
        const __m128i sum = _mm_add_epi32(_mm_slli_epi32(high, low_bits), low);
        return _mm_srai_epi32(_mm_add_epi32(sum, _mm_set1_epi32(1 << (separable_bits - 1))),
                              separable_bits);
    }
};

__m128i load_eight(const uint8_t* from) {
    return _mm_loadl_epi64(reinterpret_cast<const __m128i*>(from));
}

// Reads and writes a few values behind the row's end, which both rows must have.
template <int Depth> void pass_along(const uint8_t* in, const Axis<uint8_t>& axis, uint8_t* out) {
    for (int i = 0; i < axis.count; ++i, out += Depth) {
        const Taps taps = axis.taps[i];
        const int32_t* weights = axis.weights + taps.offset;
        const uint8_t* from = in + static_cast<int64_t>(taps.first) * Depth;
        Sums sums;
        for (int t = 0; t < taps.count; t += 2, from += 2 * Depth) {
            const __m128i both = load_eight(from);
            const __m128i pairs = _mm_unpacklo_epi8(both, _mm_srli_epi64(both, 8 * Depth));
            sums.add(_mm_unpacklo_epi8(pairs, _mm_setzero_si128()), weights + t);
        }
        const __m128i whole = sums.settled();
        const __m128i bytes = _mm_packus_epi16(_mm_packs_epi32(whole, whole), whole);
        const int32_t four = _mm_cvtsi128_si32(bytes);
        std::memcpy(out, &four, 4);
    }
}

#endif

// The rows that the second pass needs, each through the first pass.
template <class T>
void all_along(const T* in, Shape shape, const Axis<T>& columns, Span rows, Scratch& scratch,
               T* out) {
    if (rows.from >= rows.to) return;
    const int depth = shape.channels;
    const int64_t stride = static_cast<int64_t>(shape.width) * depth;
    const int64_t count = static_cast<int64_t>(columns.count) * depth;
#ifdef VARIEGATE_SSE2
    if constexpr (sizeof(T) == 1) {
        if ((depth == 3 || depth == 4) &&
            pass_along_rows(in + rows.from * stride, shape.width, rows.to - rows.from, depth,
                            columns, scratch, out))
            return;
        Buffer& room = scratch.lines;
        for (int r = rows.from; r < rows.to && (depth == 3 || depth == 4); ++r, out += count) {
            const T* from = in + r * stride;
            if (r + rows_at_end(stride, 8) >=
                shape.height) { // nothing behind the image may be read
                T* copy = room.get<T>(stride);
                from = std::copy_n(from, stride, copy) - stride;
            }
            depth == 3 ? pass_along<3>(from, columns, out) : pass_along<4>(from, columns, out);
        }
        if (depth == 3 || depth == 4) return;
    }
#endif
    (void)scratch;
    for (int r = rows.from; r < rows.to; ++r, out += count)
        pass_along(in + r * stride, columns, depth, out);
}

template <class T> const T* turned(const T* in, Shape shape, Scratch& scratch) {
    T* out = scratch.turned.get<T>(shape.values());
    const int depth = shape.channels;
    for (int r = 0; r < shape.height; ++r)
        for (int c = 0; c < shape.width; ++c, in += depth)
            std::copy_n(in, depth, out + (static_cast<int64_t>(c) * shape.height + r) * depth);
    return out;
}

// The outputs that lie inside the frame: a run, since their centers rise or fall.
template <class T> Span inside_of(const Axis<T>& axis) {
    Span span{0, axis.count};
    while (span.from < span.to && axis.taps[span.from].count == 0) ++span.from;
    while (span.to > span.from && axis.taps[span.to - 1].count == 0) --span.to;
    return span;
}

} // namespace

template <class T>
void warp_separable(const T* in, Shape shape, const Warp& warp, T* out, Scratch& scratch) {
    double m[9];
    std::copy_n(warp.matrix, 9, m);
    if (m[0] == 0) {
        in = turned(in, shape, scratch);
        std::swap(shape.height, shape.width);
        std::swap_ranges(m, m + 3, m + 3);
    }
    const AxisRule across{m[0], m[2], shape.width, warp.width, warp.resample, warp.border};
    const AxisRule down{m[4], m[5], shape.height, warp.height, warp.resample, warp.border};
    const Axis<T> columns = make_axis<T>(across, scratch, 0), rows = make_axis<T>(down, scratch, 1);
    const int depth = shape.channels;
    if constexpr (sizeof(T) == 1) {
#ifdef VARIEGATE_SSE2
        if (depth == 3 || depth == 4) split_weights(columns);
#endif
        split_weights(rows);
    }
    const int64_t count = static_cast<int64_t>(warp.width) * depth;
    T* passed = scratch.pass.get<T>(std::max(0, rows.highest - rows.lowest) * count);
    all_along(in, shape, columns, {rows.lowest, rows.highest}, scratch, passed);
    T fill[max_channels];
    for (int k = 0; k < depth; ++k) fill[k] = Rounding<T>::fill(warp.fill[k]);
    const Span inside = inside_of(columns);
    for (int i = 0; i < warp.height; ++i, out += count) {
        if (rows.taps[i].count == 0) {
            paint(fill, warp.width, depth, out);
            continue;
        }
        if constexpr (sizeof(T) == 1)
            pass_across_rows(passed, count, rows, i, count, out);
        else
            pass_across(passed, count, rows, i, count, scratch.lines, out);
        paint(fill, inside.from, depth, out);
        paint(fill, warp.width - inside.to, depth, out + int64_t{inside.to} * depth);
    }
}

template void warp_separable<uint8_t>(const uint8_t*, Shape, const Warp&, uint8_t*, Scratch&);
template void warp_separable<float>(const float*, Shape, const Warp&, float*, Scratch&);

} // namespace variegate::inline VARIEGATE_TARGET
