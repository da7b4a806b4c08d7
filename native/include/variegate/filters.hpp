// What the verbs that look at neighbors share: their limits, and borders.
#pragma once

#include "variegate/target.hpp"

#include <algorithm>
#include <cstdint>
#include <cstdlib>

namespace variegate {

constexpr int most_kernel_bits = 20;
constexpr int64_t most_kernel_sum = 1 << 22; // 255 times that, and as much for rounding: 31 bits
constexpr int most_reach = 1024;             // of a kernel, in pixels
constexpr int most_radius = 128;             // of a median
constexpr int most_tiles = 1024;             // a side
constexpr int most_zooms = 256;              // their bytes add up in 16 bits
constexpr int most_distance = 127;           // of a scattered pixel: a byte picks a row
constexpr int most_rounds = 64;

inline namespace VARIEGATE_TARGET {

// Indices outside 0..length-1 reflected about the outer pixels' centers (c b a
// b c).
inline int mirrored(int64_t index, int length) {
    if (length == 1) return 0;
    const int64_t period = 2 * (static_cast<int64_t>(length) - 1);
    index = std::abs(index) % period;
    return static_cast<int>(std::min(index, period - index));
}

// Continues a row of pixels by so many on both sides, by the same rule.
template <class Number> void continue_row(Number* row, int width, int depth, int pixels) {
    for (int side = 1; side <= pixels; ++side) {
        const int64_t left = mirrored(-side, width);
        const int64_t right = mirrored(int64_t{width} - 1 + side, width);
        std::copy_n(row + left * depth, depth, row - int64_t{side} * depth);
        std::copy_n(row + right * depth, depth, row + (int64_t{width} - 1 + side) * depth);
    }
}

} // namespace VARIEGATE_TARGET
} // namespace variegate
