// CHANNELS, TOWARD, PICK and LUMA: what mixes the channels of one pixel.
#include <cstring>

#include "variegate/float4.hpp"
#include "variegate/gray.hpp"
#include "variegate/rounding.hpp"
#include "variegate/verbs.hpp"

namespace variegate::inline VARIEGATE_TARGET {
namespace {

// One channel counts as three equal ones and gives their luma.
template <class T> void gray_channels(const T* in, int64_t count, const double* matrix, T* out) {
    constexpr double weights[3] = {0.299, 0.587, 0.114};
    double slope[3], offset[3];
    for (int k = 0; k < 3; ++k) {
        slope[k] = matrix[4 * k] + matrix[4 * k + 1] + matrix[4 * k + 2];
        offset[k] = matrix[4 * k + 3] * 255.0;
    }
    for (int64_t i = 0; i < count; ++i) {
        const double level = Rounding<T>::level(in[i]);
        double sum = 0;
        for (int k = 0; k < 3; ++k)
            sum += clip(level * slope[k] + offset[k], 0.0, 255.0) * weights[k];
        out[i] = Rounding<T>::rounded(sum);
    }
}

// The first three channels of a pixel. The last pixel may have nothing behind it that could be
// read.
template <class T> Float4 load_color(const T* from, bool last) {
    if (!last) return Float4::load(from);
    const T lanes[4] = {from[0], from[1], from[2], 0};
    return Float4::load(lanes);
}

// Levels that have been rounded or not, as the caller says, back to three channels.
void store_color(Float4 value, uint8_t* out) {
    const uint32_t bytes = value.truncated();
    std::memcpy(out, &bytes, 3);
}

void store_color(Float4 value, float* out) {
    float lanes[4];
    value.clipped(0.0f, 1.0f).store(lanes);
    std::memcpy(out, lanes, 3 * sizeof(float));
}

template <class T, int Depth>
void color_channels(const T* in, int64_t count, int depth, const double* matrix, T* out) {
    // In the image's own range and single precision: off by far less than a level.
    const double half = sizeof(T) == 1 ? 0.5 : 0.0;
    float numbers[4][4] = {};
    for (int k = 0; k < 3; ++k) {
        for (int j = 0; j < 3; ++j) numbers[j][k] = static_cast<float>(matrix[4 * k + j]);
        numbers[3][k] = static_cast<float>(matrix[4 * k + 3] * Rounding<T>::full + half);
    }
    const Float4 red = Float4::load(numbers[0]), green = Float4::load(numbers[1]);
    const Float4 blue = Float4::load(numbers[2]), offset = Float4::load(numbers[3]);
    const int step = Depth ? Depth : depth;
    for (int64_t i = 0; i < count; ++i, in += step, out += step) {
        const Float4 own = load_color(in, i + 1 == count);
        const Float4 sum =
            own.spread<0>() * red + own.spread<1>() * green + own.spread<2>() * blue + offset;
        for (int k = 3; k < step; ++k) out[k] = in[k];
        store_color(sum, out);
    }
}

// Three or four channels: the blend of one pixel side by side, each lane as Pillow does it.
template <class T, int Depth> void color_toward(const T* in, int64_t count, float factor, T* out) {
    const Float4 share = Float4::all(factor);
    for (int64_t i = 0; i < count; ++i, in += Depth, out += Depth) {
        const Float4 start = Float4::all(color_gray(in));
        const Float4 own = load_color(in, i + 1 == count);
        if constexpr (Depth == 4) out[3] = in[3];
        store_color(start + share * (own - start), out);
    }
}

} // namespace

template <class T>
void channels(const T* in, int64_t count, int depth, const double* matrix, T* out) {
    if (depth == 1) return gray_channels(in, count, matrix, out);
    if (depth == 3) return color_channels<T, 3>(in, count, depth, matrix, out);
    if (depth == 4) return color_channels<T, 4>(in, count, depth, matrix, out);
    color_channels<T, 0>(in, count, depth, matrix, out);
}

template <class T> void toward(const T* in, int64_t count, int depth, float factor, T* out) {
    if (depth == 1 || factor == 1.0f) {
        if (in != out) std::memcpy(out, in, static_cast<size_t>(count * depth) * sizeof(T));
        return;
    }
    if (depth == 3) return color_toward<T, 3>(in, count, factor, out);
    if (depth == 4) return color_toward<T, 4>(in, count, factor, out);
    const int moved = depth < 3 ? depth : 3;
    for (int64_t i = 0; i < count; ++i, in += depth, out += depth) {
        const float start = gray_of(in, depth);
        for (int k = 0; k < moved; ++k) out[k] = blended(start, in[k], factor);
        for (int k = moved; k < depth; ++k) out[k] = in[k];
    }
}

template <class T>
void pick(const T* in, int64_t count, int depth, const int32_t* from, const float* fill, T* out) {
    T pixel[max_channels];
    for (int64_t i = 0; i < count; ++i, in += depth, out += depth) {
        for (int k = 0; k < depth; ++k)
            pixel[k] = from[k] < 0 ? Rounding<T>::fill(fill[k]) : in[from[k]];
        for (int k = 0; k < depth; ++k) out[k] = pixel[k];
    }
}

template <class T> void luma(const T* in, int64_t count, int depth, T* out) {
    if (depth == 1) {
        if (in != out) std::memcpy(out, in, static_cast<size_t>(count) * sizeof(T));
        return;
    }
    for (int64_t i = 0; i < count; ++i, in += depth) out[i] = gray_of(in, depth);
}

template void channels<uint8_t>(const uint8_t*, int64_t, int, const double*, uint8_t*);
template void channels<float>(const float*, int64_t, int, const double*, float*);
template void toward<uint8_t>(const uint8_t*, int64_t, int, float, uint8_t*);
template void toward<float>(const float*, int64_t, int, float, float*);
template void pick<uint8_t>(const uint8_t*, int64_t, int, const int32_t*, const float*, uint8_t*);
template void pick<float>(const float*, int64_t, int, const int32_t*, const float*, float*);
template void luma<uint8_t>(const uint8_t*, int64_t, int, uint8_t*);
template void luma<float>(const float*, int64_t, int, float*);

} // namespace variegate::inline VARIEGATE_TARGET
