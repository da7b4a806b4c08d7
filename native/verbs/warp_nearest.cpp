// The nearest pixel of straight maps with a fill around the frame, as masks have them: a row's
// places are worked out side by side, then its pixels are fetched.
#include <algorithm>
#include <array>
#include <cstring>

#include "variegate/frame_spans.hpp"

#if defined(__AVX512VBMI__)
#include <immintrin.h>
#endif

namespace variegate::inline VARIEGATE_TARGET {
namespace {

constexpr int block = 64; // columns at once

constexpr std::array<double, block> first_centers() {
    std::array<double, block> centers{};
    for (int j = 0; j < block; ++j) centers[static_cast<size_t>(j)] = j + 0.5;
    return centers;
}
constexpr std::array<double, block> centers = first_centers();

// Source pixels of neighboring columns of a row.
struct Places {
    int32_t column[block];
    int32_t row[block];
};

// Those of columns first, first + 1, ... The reference's operations in order: what is added to a
// center is whole, and changes no bit of the coordinate.
void find_places(const Line& x, const Line& y, int first, int count, Places& places) {
    const double before = first, slope_x = x.slope, slope_y = y.slope;
    const double start_x = x.start, start_y = y.start;
#pragma omp simd
    for (int j = 0; j < count; ++j) {
        const double center = before + centers[static_cast<size_t>(j)];
        places.column[j] = static_cast<int32_t>(slope_x * center + start_x);
        places.row[j] = static_cast<int32_t>(slope_y * center + start_y);
    }
}

void find_offsets(const Places& places, int count, int32_t stride, int32_t depth,
                  int32_t* offsets) {
#pragma omp simd
    for (int j = 0; j < count; ++j) offsets[j] = places.row[j] * stride + places.column[j] * depth;
}

#if defined(__AVX512VBMI__)

inline __m512i as_bytes(const int32_t* numbers, int less) {
    const auto four = [&](int k) {
        return _mm512_cvtepi32_epi8(
            _mm512_sub_epi32(_mm512_loadu_si512(numbers + 16 * k), _mm512_set1_epi32(less)));
    };
    const __m256i left = _mm256_inserti128_si256(_mm256_castsi128_si256(four(0)), four(1), 1);
    const __m256i right = _mm256_inserti128_si256(_mm256_castsi128_si256(four(2)), four(3), 1);
    return _mm512_inserti64x4(_mm512_castsi256_si512(left), right, 1);
}

// Bytes picked out of the source rows that the block touches, row by row. False where these are
// many, or too long for a register.
bool shuffle(const uint8_t* in, int64_t stride, const Places& places, int count, uint8_t* out) {
    constexpr int most_rows = 24;
    const int* column = places.column;
    const int* row = places.row; // both rise or fall
    const int left = std::min(column[0], column[count - 1]);
    const int reach = std::max(column[0], column[count - 1]) - left + 1;
    const int top = std::min(row[0], row[count - 1]), bottom = std::max(row[0], row[count - 1]);
    if (reach > 2 * block || bottom - top >= most_rows) return false;
    const auto bytes = [](int some) {
        return some >= block ? ~__mmask64{0} : (__mmask64{1} << std::max(some, 0)) - 1;
    };
    const __mmask64 near = bytes(reach), far = bytes(reach - block);
    const __m512i columns = as_bytes(column, left), rows = as_bytes(row, top);
    __m512i found = _mm512_setzero_si512();
    for (int r = top; r <= bottom; ++r) {
        const uint8_t* from = in + r * stride + left;
        const __m512i first = _mm512_maskz_loadu_epi8(near, from);
        const __m512i second = far ? _mm512_maskz_loadu_epi8(far, from + block) : first;
        const __mmask64 own =
            _mm512_cmpeq_epi8_mask(rows, _mm512_set1_epi8(static_cast<int8_t>(r - top)));
        found =
            _mm512_mask_blend_epi8(own, found, _mm512_permutex2var_epi8(first, columns, second));
    }
    if (count == block)
        _mm512_storeu_si512(out, found);
    else
        _mm512_mask_storeu_epi8(out, bytes(count), found);
    return true;
}

#else

bool shuffle(const uint8_t*, int64_t, const Places&, int, uint8_t*) { return false; }

#endif

template <class T, int Depth>
void fetch(const T* in, const int32_t* offsets, int count, int depth, T* out) {
    if constexpr (Depth == 1) {
        int j = 0;
        for (; j + 4 <= count; j += 4) { // loads of several pixels before the stores
            const T a = in[offsets[j]], b = in[offsets[j + 1]], c = in[offsets[j + 2]],
                    d = in[offsets[j + 3]];
            out[j] = a, out[j + 1] = b, out[j + 2] = c, out[j + 3] = d;
        }
        for (; j < count; ++j) out[j] = in[offsets[j]];
    } else {
        const int width = Depth ? Depth : depth;
        for (int j = 0; j < count; ++j, out += width)
            std::memcpy(out, in + offsets[j], static_cast<size_t>(width) * sizeof(T));
    }
}

template <class T, int Depth>
void run(const T* in, Shape shape, const Warp& warp, const T* fill, T* out, Scratch& scratch) {
    const int depth = shape.channels;
    const auto stride = static_cast<int32_t>(shape.width * depth);
    int32_t* from = scratch.fixed.get<int32_t>(3 * int64_t{warp.height});
    int32_t *to = from + warp.height, *room = to + warp.height;
    find_inside(warp, shape, from, to, room);
    int32_t offsets[block];
    Places places{};
    for (int i = 0; i < warp.height; ++i, out += int64_t{warp.width} * depth) {
        const Line x = along_x(warp).line(i), y = along_y(warp).line(i);
        paint(fill, from[i], depth, out);
        for (int first = from[i]; first < to[i]; first += block) {
            const int count = std::min(block, to[i] - first);
            T* to = out + int64_t{first} * depth;
            find_places(x, y, first, count, places);
            if constexpr (sizeof(T) == 1 && Depth == 1)
                if (shuffle(in, stride, places, count, to)) continue;
            find_offsets(places, count, stride, depth, offsets);
            fetch<T, Depth>(in, offsets, count, depth, to);
        }
        paint(fill, warp.width - to[i], depth, out + int64_t{to[i]} * depth);
    }
}

} // namespace

bool is_nearest(Shape shape, const Warp& warp) {
    return warp.resample == Resample::Nearest && warp.border == Border::Constant && !warp.field &&
           is_affine(warp.matrix) && shape.values() <= INT32_MAX;
}

template <class T>
void warp_nearest(const T* in, Shape shape, const Warp& warp, T* out, Scratch& scratch) {
    T fill[max_channels];
    for (int k = 0; k < shape.channels; ++k) fill[k] = Rounding<T>::fill(warp.fill[k]);
    if (shape.channels == 1) return run<T, 1>(in, shape, warp, fill, out, scratch);
    if (shape.channels == 3) return run<T, 3>(in, shape, warp, fill, out, scratch);
    run<T, 0>(in, shape, warp, fill, out, scratch);
}

template void warp_nearest<uint8_t>(const uint8_t*, Shape, const Warp&, uint8_t*, Scratch&);
template void warp_nearest<float>(const float*, Shape, const Warp&, float*, Scratch&);

} // namespace variegate::inline VARIEGATE_TARGET
