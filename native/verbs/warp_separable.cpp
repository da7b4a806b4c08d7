// Pillow's two-pass resize, along rows and then along columns, for any scale, mirroring and offset.
// uint8 in 22-bit fixed point: equal to the reference. Only the source rows that the second pass
// needs go through the first.
#include <algorithm>
#include <cstring>

#include "variegate/float4.hpp"
#include "variegate/separable.hpp"

namespace variegate::inline VARIEGATE_TARGET {
namespace {

// NumPy's pairwise sum, so that weights have the reference's last bit.
double pairwise_sum(const double* values, int64_t count) {
    if (count < 8) {
        double sum = 0;
        for (int64_t i = 0; i < count; ++i) sum += values[i];
        return sum;
    }
    if (count > 128) {
        int64_t half = count / 2;
        half -= half % 8;
        return pairwise_sum(values, half) + pairwise_sum(values + half, count - half);
    }
    double part[8];
    std::copy_n(values, 8, part);
    int64_t i = 8;
    for (; i + 8 <= count; i += 8)
        for (int k = 0; k < 8; ++k) part[k] += values[i + k];
    double sum =
        ((part[0] + part[1]) + (part[2] + part[3])) + ((part[4] + part[5]) + (part[6] + part[7]));
    for (; i < count; ++i) sum += values[i];
    return sum;
}

struct AxisRule {
    double scale;
    double offset;
    int length;
    int count;
    Resample resample;
    Border border;
};

double reach_of(Resample resample) {
    if (resample == Resample::Box) return 0.5;
    return resample == Resample::Bilinear ? 1 : 2;
}

double kernel_at(Resample resample, double t) {
    if (resample == Resample::Box) return t > -0.5 && t <= 0.5 ? 1.0 : 0.0;
    return resample == Resample::Bilinear ? triangle_kernel(t) : cubic_kernel(t);
}

// The weights of one output, from that of source index touched.from on: in a row where all taps
// lie inside, else gathered in `dense`, which is zero everywhere.
struct Weights {
    Span touched;
    double* values;
};

Weights weights_of(const AxisRule& rule, double middle, Buffer& room, double* dense) {
    const double widen = std::max(1.0, std::fabs(rule.scale));
    const double support = reach_of(rule.resample) * widen;
    auto from = static_cast<int64_t>(std::floor(middle - support + 0.5));
    auto to = static_cast<int64_t>(std::floor(middle + support + 0.5));
    if (rule.border == Border::Constant) {
        from = std::max<int64_t>(from, 0);
        to = std::min<int64_t>(to, rule.length);
    }
    if (from >= to) return {{0, 0}, dense};
    double* values = room.get<double>(to - from);
    for (int64_t tap = from; tap < to; ++tap) {
        const double t = (tap - middle + 0.5) / widen;
        values[tap - from] = kernel_at(rule.resample, t);
    }
    const double sum = pairwise_sum(values, to - from);
    if (sum == 0) return {{0, 0}, dense};
    if (from >= 0 && to <= rule.length) {
        for (int64_t k = 0; k < to - from; ++k) values[k] /= sum;
        return {{static_cast<int>(from), static_cast<int>(to)}, values};
    }
    Span touched{rule.length, 0};
    for (int64_t tap = from; tap < to; ++tap) {
        const int index = continued(static_cast<int>(tap), rule.length, rule.border);
        dense[index] += values[tap - from] / sum;
        touched.from = std::min(touched.from, index);
        touched.to = std::max(touched.to, index + 1);
    }
    return {touched, dense + touched.from};
}

template <class T>
Axis<T> make_axis(const AxisRule& rule, Scratch& scratch, Buffer& taps_room, Buffer& weights_room) {
    using Weight = typename Axis<T>::Weight;
    auto* taps = taps_room.get<Taps>(rule.count);
    double* dense = scratch.lines.get<double>(rule.length);
    std::fill_n(dense, rule.length, 0.0);
    // Weights of all outputs one behind the other. Their number is known only afterwards: first a
    // guess, then grown.
    const double widen = std::max(1.0, std::fabs(rule.scale));
    int64_t room = (static_cast<int64_t>(std::min(4 * widen, 1.0 * rule.length)) + 3) * rule.count;
    Weight* weights = weights_room.get<Weight>(room);
    Axis<T> axis{taps, weights, rule.count, rule.length, 0};
    int64_t used = 0;
    for (int i = 0; i < rule.count; ++i) {
        const double center = rule.scale * (i + 0.5) + rule.offset;
        taps[i] = {0, 0, used};
        if (rule.border == Border::Constant && !(center >= 0 && center < rule.length)) continue;
        const auto [touched, found] = weights_of(rule, near_enough(center), scratch.tile, dense);
        if (used + touched.to - touched.from + 1 > room) {
            room = 2 * room + rule.length;
            weights = weights_room.grown<Weight>(room, used);
            axis.weights = weights;
        }
        Span span{touched.to, touched.from}; // without the zeros at both ends
        for (int index = touched.from; index < touched.to; ++index) {
            const Weight weight = Weighting<T>::weight(found[index - touched.from]);
            found[index - touched.from] = 0;
            weights[used + index - touched.from] = weight;
            if (weight == 0) continue;
            span.from = std::min(span.from, index);
            span.to = index + 1;
        }
        if (span.from >= span.to) span = {touched.from, touched.to};
        std::copy(weights + used + span.from - touched.from,
                  weights + used + span.to - touched.from, weights + used);
        taps[i] = {span.from, span.to - span.from, used};
        used += span.to - span.from;
        if (used % 2 != 0) weights[used++] = 0; // taps go by pairs
        if (span.from >= span.to) continue;
        axis.lowest = std::min(axis.lowest, span.from);
        axis.highest = std::max(axis.highest, span.to);
    }
    return axis;
}

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
    const Axis<T> columns = make_axis<T>(across, scratch, scratch.places[0], scratch.weights[0]);
    const Axis<T> rows = make_axis<T>(down, scratch, scratch.places[1], scratch.weights[1]);
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
