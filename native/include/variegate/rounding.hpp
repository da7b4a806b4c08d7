// How values become pixels, stated once. The reference engine (variegate/engine/reference.py) is
// the meaning.
//
//   level      a double on 0..255 for every dtype
//   rounded    a level back to a pixel: clipped, uint8 to the nearest, halves up
//   truncated  a float in the image's own range back to a pixel: clipped, uint8 drops the fraction,
//   as Pillow does settled    a double in the image's own range back to a pixel: clipped, uint8 to
//   the nearest
//
// Every clip turns NaN into the lower end, so that no conversion to a whole number is undefined.
#pragma once

#include "variegate/target.hpp"

#include <cmath>
#include <cstdint>

namespace variegate::inline VARIEGATE_TARGET {

template <class Number> inline Number clip(Number value, Number low, Number high) {
    value = value > low ? value : low;
    return value < high ? value : high;
}

inline uint8_t to_nearest(double level) {
    return static_cast<uint8_t>(static_cast<int>(clip(level, 0.0, 255.0) + 0.5));
}

template <class T> struct Rounding;

template <> struct Rounding<uint8_t> {
    static constexpr double full = 255.0;
    static double level(uint8_t value) { return value; }
    static uint8_t rounded(double level) { return to_nearest(level); }
    static uint8_t truncated(float value) {
        return static_cast<uint8_t>(static_cast<int>(clip(value, 0.0f, 255.0f)));
    }
    static uint8_t settled(double value) { return to_nearest(value); }
    // A fill level where it is not clipped by anything else.
    static uint8_t fill(double level) { return to_nearest(level); }
};

template <> struct Rounding<float> {
    static constexpr double full = 1.0;
    static double level(float value) { return static_cast<double>(value) * 255.0; }
    static float rounded(double level) {
        return static_cast<float>(clip(level, 0.0, 255.0) / 255.0);
    }
    static float truncated(float value) { return clip(value, 0.0f, 1.0f); }
    static float settled(double value) { return static_cast<float>(clip(value, 0.0, 1.0)); }
    static float fill(double level) { return static_cast<float>(level / 255.0); }
};

// Pillow's Image.blend in single precision: start + factor * (value - start).
template <class T> inline T blended(float start, T value, float factor) {
    return Rounding<T>::truncated(start + factor * (static_cast<float>(value) - start));
}

// floor without a library call on processors that have no instruction for it.
inline double fast_floor(double value) {
    if (!(std::fabs(value) < 4e18)) return std::floor(value);
    const double whole = static_cast<double>(static_cast<int64_t>(value));
    return whole > value ? whole - 1.0 : whole;
}

} // namespace variegate::inline VARIEGATE_TARGET
