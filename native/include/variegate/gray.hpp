// The gray of a pixel in the image's own range: Pillow's integer formula for uint8, the same
// weights for floats. One channel is its own gray; of four the first three count; other counts take
// the (rounded) mean.
#pragma once

#include "variegate/target.hpp"

#include <cstdint>

namespace variegate::inline VARIEGATE_TARGET {

constexpr int gray_red = 19595, gray_green = 38470, gray_blue = 7471;

inline bool has_color(int channels) { return channels == 3 || channels == 4; }

inline uint8_t color_gray(const uint8_t* pixel) {
    const int sum = gray_red * pixel[0] + gray_green * pixel[1] + gray_blue * pixel[2];
    return static_cast<uint8_t>((sum + 32768) >> 16);
}

inline float color_gray(const float* pixel) {
    return static_cast<float>(pixel[0] * (gray_red / 65536.0) + pixel[1] * (gray_green / 65536.0) +
                              pixel[2] * (gray_blue / 65536.0));
}

inline uint8_t mean_gray(const uint8_t* pixel, int channels) {
    int sum = 0;
    for (int k = 0; k < channels; ++k) sum += pixel[k];
    return static_cast<uint8_t>((2 * sum + channels) / (2 * channels));
}

inline float mean_gray(const float* pixel, int channels) {
    double sum = 0;
    for (int k = 0; k < channels; ++k) sum += pixel[k];
    return static_cast<float>(sum / channels);
}

template <class T> inline T gray_of(const T* pixel, int channels) {
    if (channels == 1) return pixel[0];
    return has_color(channels) ? color_gray(pixel) : mean_gray(pixel, channels);
}

} // namespace variegate::inline VARIEGATE_TARGET
