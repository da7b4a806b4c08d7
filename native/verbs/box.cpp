// The mean of a small square of bytes, exact: sums of columns run down the image in 16 bits, sums
// of rows are multiplied by the reciprocal of the number of pixels.
#include <algorithm>

#include "variegate/filters.hpp"
#include "variegate/vectors.hpp"
#include "variegate/verbs.hpp"

namespace variegate::inline VARIEGATE_TARGET {
namespace {

constexpr int parts = 4; // vectors that are summed at once
constexpr int block = parts * Shorts::count;

// (sum + half) / pixels without its fraction is the upper 16 bits of (sum + half) * factor,
// shifted: true of all sums for the squares that are taken (tests/engine/test_squares.py divides
// them all).
struct Division {
    int half;
    int factor;
    int shift;

    explicit Division(int pixels) : half(pixels / 2), factor(0), shift(0) {
        while ((2 << shift) < pixels) ++shift;
        factor = ((1 << (16 + shift)) + pixels - 1) / pixels;
    }
};

// The sums of a row's neighbors along it, divided but for the shift. line: the sums of columns,
// continued on both sides; a block may be read and written behind the last value.
void sum_along(const uint16_t* line, int64_t count, int taps, int depth, const Division& by,
               uint16_t* out) {
    const Shorts half = Shorts::all(static_cast<uint16_t>(by.half));
    const Shorts factor = Shorts::all(static_cast<uint16_t>(by.factor));
    for (int64_t i = 0; i < count; i += block) {
        Shorts sums[parts];
        for (Shorts& sum : sums) sum = half;
        const uint16_t* from = line + i;
        for (int tap = 0; tap < taps; ++tap, from += depth)
            for (int k = 0; k < parts; ++k)
                sums[k] = sums[k] + Shorts::load(from + k * Shorts::count);
        for (int k = 0; k < parts; ++k) (sums[k] * factor).store(out + i + k * Shorts::count);
    }
}

} // namespace

void mean_of_squares(const uint8_t* in, Shape shape, int radius, uint8_t* out, Scratch& scratch) {
    const int depth = shape.channels, taps = 2 * radius + 1;
    const int64_t count = static_cast<int64_t>(shape.width) * depth,
                  sides = int64_t{radius} * depth;
    const Division by(taps * taps);
    auto* line = scratch.lines.get<uint16_t>(count + 2 * sides + block);
    auto* sums = scratch.pass.get<uint16_t>(count + block);
    std::fill_n(line, count + 2 * sides + block, uint16_t{0});
    uint16_t* own = line + sides;
    const auto row = [&](int64_t r) { return in + mirrored(r, shape.height) * count; };
    for (int r = -radius; r <= radius; ++r) {
        const uint8_t* from = row(r);
        for (int64_t i = 0; i < count; ++i) own[i] = static_cast<uint16_t>(own[i] + from[i]);
    }
    for (int64_t r = 0; r < shape.height; ++r) {
        continue_row(own, shape.width, depth, radius);
        sum_along(line, count, taps, depth, by, sums);
        uint8_t* to = out + r * count;
        for (int64_t i = 0; i < count; ++i) to[i] = static_cast<uint8_t>(sums[i] >> by.shift);
        const uint8_t *below = row(r + radius + 1), *gone = row(r - radius);
        for (int64_t i = 0; i < count; ++i)
            own[i] = static_cast<uint16_t>(own[i] + below[i] - gone[i]);
    }
}

} // namespace variegate::inline VARIEGATE_TARGET
