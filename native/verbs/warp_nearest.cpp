// The nearest pixel of straight maps with a fill around the frame, as masks have them: a row's
// places are worked out side by side, then its pixels are fetched.
#include <algorithm>
#include <array>
#include <cstring>

#include "variegate/frame_spans.hpp"

namespace variegate::inline VARIEGATE_TARGET {
namespace {

constexpr int block = 64; // columns at once

constexpr std::array<double, block> first_centers() {
    std::array<double, block> centers{};
    for (int j = 0; j < block; ++j) centers[static_cast<size_t>(j)] = j + 0.5;
    return centers;
}
constexpr std::array<double, block> centers = first_centers();

// Where the pixels of columns first, first + 1, ... lie. The reference's operations in order: what
// is added to a center is whole, and changes no bit of the coordinate.
void find_offsets(const Line& x, const Line& y, int first, int count, int32_t stride, int32_t depth,
                  int32_t* offsets) {
    const double before = first, slope_x = x.slope, slope_y = y.slope;
    const double start_x = x.start, start_y = y.start;
#pragma omp simd
    for (int j = 0; j < count; ++j) {
        const double center = before + centers[static_cast<size_t>(j)];
        const auto column = static_cast<int32_t>(slope_x * center + start_x);
        const auto row = static_cast<int32_t>(slope_y * center + start_y);
        offsets[j] = row * stride + column * depth;
    }
}

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
    for (int i = 0; i < warp.height; ++i, out += int64_t{warp.width} * depth) {
        const Line x = along_x(warp).line(i), y = along_y(warp).line(i);
        paint(fill, from[i], depth, out);
        for (int first = from[i]; first < to[i]; first += block) {
            const int count = std::min(block, to[i] - first);
            find_offsets(x, y, first, count, stride, depth, offsets);
            fetch<T, Depth>(in, offsets, count, depth, out + int64_t{first} * depth);
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
