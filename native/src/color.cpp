// CHANNELS, TOWARD and LUMA: what mixes the channels of one pixel.
#include <cstring>

#include "variegate/gray.hpp"
#include "variegate/rounding.hpp"
#include "variegate/verbs.hpp"

namespace variegate {
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

template <class T, int Depth>
void color_channels(const T* in, int64_t count, int depth, const double* matrix, T* out) {
    // In the image's own range and single precision: off by far less than a level.
    const auto full = static_cast<float>(Rounding<T>::full);
    const float half = sizeof(T) == 1 ? 0.5f : 0.0f;
    float weight[3][4], offset[4] = {};
    for (int k = 0; k < 3; ++k) {
        for (int j = 0; j < 3; ++j) weight[j][k] = static_cast<float>(matrix[4 * k + j]);
        weight[k][3] = 0.0f;
        offset[k] = static_cast<float>(matrix[4 * k + 3] * Rounding<T>::full);
    }
    const int step = Depth ? Depth : depth;
    for (int64_t i = 0; i < count; ++i, in += step, out += step) {
        const float red = in[0], green = in[1], blue = in[2];
        float value[4];
        for (int k = 0; k < 4; ++k) {
            const float sum =
                red * weight[0][k] + green * weight[1][k] + blue * weight[2][k] + offset[k];
            value[k] = clip(sum, 0.0f, full) + half;
        }
        for (int k = 0; k < 3; ++k) {
            if constexpr (sizeof(T) == 1)
                out[k] = static_cast<T>(static_cast<int>(value[k]));
            else
                out[k] = value[k];
        }
        for (int k = 3; k < step; ++k) out[k] = in[k];
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
    const int moved = depth < 3 ? depth : 3;
    for (int64_t i = 0; i < count; ++i, in += depth, out += depth) {
        const float start = gray_of(in, depth);
        for (int k = 0; k < moved; ++k) out[k] = blended(start, in[k], factor);
        for (int k = moved; k < depth; ++k) out[k] = in[k];
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
template void luma<uint8_t>(const uint8_t*, int64_t, int, uint8_t*);
template void luma<float>(const float*, int64_t, int, float*);

} // namespace variegate
