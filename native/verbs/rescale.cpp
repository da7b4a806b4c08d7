// RESCALE and ZOOM: resampling that moves nothing, by WARP's own ways. SCATTER: random neighbors.
#include <algorithm>
#include <cstring>

#include "variegate/filters.hpp"
#include "variegate/random.hpp"
#include "variegate/rounding.hpp"
#include "variegate/verbs.hpp"

namespace variegate::inline VARIEGATE_TARGET {
namespace {

constexpr float nothing[max_channels] = {};

Warp plain_warp(const double* matrix, Shape out, Resample resample, Border border) {
    Warp warp{};
    warp.resample = resample;
    warp.border = border;
    warp.antialias = border == Border::Constant;
    warp.height = out.height;
    warp.width = out.width;
    warp.matrix = matrix;
    warp.fill = nothing;
    return warp;
}

// From one size to another, as Resize does it.
template <class T>
void resize(const T* in, Shape shape, Shape size, Resample resample, T* out, Scratch& scratch) {
    if (shape == size) {
        std::copy_n(in, shape.values(), out);
        return;
    }
    const double across = static_cast<double>(shape.width) / size.width;
    const double down = static_cast<double>(shape.height) / size.height;
    const double matrix[9] = {across, 0, 0, 0, down, 0, 0, 0, 1};
    warp(in, shape, plain_warp(matrix, size, resample, Border::Constant), out, scratch);
}

template <class T> using Sum = std::conditional_t<sizeof(T) == 1, uint16_t, float>;

template <class T> void add_all(const T* in, int64_t count, Sum<T>* sums) {
    for (int64_t i = 0; i < count; ++i) sums[i] = static_cast<Sum<T>>(sums[i] + in[i]);
}

void settle(const uint16_t* sums, int64_t count, int zooms, uint8_t* out) {
    // Rounded halves up: the sums over twice the number of images are whole numbers, and 2^24 over
    // it is exact enough for all of them.
    const auto twice = static_cast<uint32_t>(2 * zooms);
    const uint64_t factor = (uint64_t{1} << 32) / twice + 1;
    for (int64_t i = 0; i < count; ++i)
        out[i] =
            static_cast<uint8_t>(((2u * sums[i] + static_cast<uint32_t>(zooms)) * factor) >> 32);
}

void settle(const float* sums, int64_t count, int zooms, float* out) {
    for (int64_t i = 0; i < count; ++i) out[i] = sums[i] / static_cast<float>(zooms);
}

} // namespace

template <class T>
void rescale(const T* in, Shape shape, const int32_t* numbers, T* out, Scratch& scratch) {
    const Shape small{numbers[0], numbers[1], shape.channels};
    T* between = scratch.smaller.get<T>(small.values());
    resize(in, shape, small, static_cast<Resample>(numbers[2]), between, scratch);
    resize<T>(between, small, shape, static_cast<Resample>(numbers[3]), out, scratch);
}

template <class T>
void zoom(const T* in, Shape shape, const double* numbers, T* out, Scratch& scratch) {
    const double step = numbers[0];
    const int count = static_cast<int>(numbers[1]);
    const int64_t values = shape.values();
    if (count == 1) {
        std::copy_n(in, values, out);
        return;
    }
    auto* sums = scratch.sums.get<Sum<T>>(values);
    std::copy_n(in, values, sums);
    for (int i = 1; i < count; ++i) {
        const double scale = 1 / (1 + i * step), shift = (1 - scale) / 2;
        const double matrix[9] = {scale, 0, shape.width * shift, 0, scale, shape.height * shift, 0,
                                  0,     1};
        const Warp larger = plain_warp(matrix, shape, Resample::Bilinear, Border::Edge);
        warp(in, shape, larger, out, scratch);
        add_all(out, values, sums);
    }
    settle(sums, values, count, out);
}

template <class T>
void scatter(const T* in, Shape shape, const int32_t* numbers, uint64_t key, T* out,
             Scratch& scratch) {
    constexpr uint64_t next_round = 0x9E3779B97F4A7C15ULL;
    const int distance = numbers[0], rounds = numbers[1], depth = shape.channels;
    const int choices = 2 * distance + 1;
    if (rounds == 0 || distance == 0) {
        std::copy_n(in, shape.values(), out);
        return;
    }
    T* other = scratch.smaller.get<T>(rounds > 1 ? shape.values() : 0);
    // The last round writes the result.
    T* to = rounds % 2 ? out : other;
    for (int round = 0; round < rounds; ++round, key += next_round) {
        uint16_t parts[4];
        int64_t i = 0;
        for (int r = 0; r < shape.height; ++r) {
            for (int c = 0; c < shape.width; ++c, ++i) {
                if (i % 4 == 0) random_parts(key, i / 4, 1, parts);
                const int part = parts[i % 4];
                const int down = ((part >> 8) * choices >> 8) - distance;
                const int across = ((part & 255) * choices >> 8) - distance;
                const int row = std::clamp(r + down, 0, shape.height - 1);
                const int column = std::clamp(c + across, 0, shape.width - 1);
                const T* from = in + (int64_t{row} * shape.width + column) * depth;
                for (int k = 0; k < depth; ++k) to[i * depth + k] = from[k];
            }
        }
        in = to;
        to = to == out ? other : out;
    }
}

template void rescale<uint8_t>(const uint8_t*, Shape, const int32_t*, uint8_t*, Scratch&);
template void rescale<float>(const float*, Shape, const int32_t*, float*, Scratch&);
template void zoom<uint8_t>(const uint8_t*, Shape, const double*, uint8_t*, Scratch&);
template void zoom<float>(const float*, Shape, const double*, float*, Scratch&);
template void scatter<uint8_t>(const uint8_t*, Shape, const int32_t*, uint64_t, uint8_t*, Scratch&);
template void scatter<float>(const float*, Shape, const int32_t*, uint64_t, float*, Scratch&);

} // namespace variegate::inline VARIEGATE_TARGET
