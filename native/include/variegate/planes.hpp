// Pixels of three bytes taken apart into one plane for each channel, tile by
// tile, so that vectors hold one channel of many pixels.
#pragma once

#include "variegate/target.hpp"

#include <cstdint>

namespace variegate::inline VARIEGATE_TARGET {

// A tile of three planes and what it was made from stay in the nearest cache.
constexpr int tile_pixels = 2048;

struct Planes {
    // Whole vectors may be read and written behind the last pixel.
    static constexpr int slack = 64;
    alignas(64) uint8_t channel[3][tile_pixels + slack];
};

// pixels <= tile_pixels; nothing beside the 3 * pixels bytes is read or
// written.
void split(const uint8_t* in, int64_t pixels, Planes& planes);
void join(const Planes& planes, int64_t pixels, uint8_t* out);

// The grays of a tile (see gray.hpp); out may be a plane of it: tile_pixels +
// slack bytes.
void gray_plane(const Planes& planes, int64_t pixels, uint8_t* out);
// What CHANNELS, HSV, PICK and TOWARD do to a tile.
void mix_planes(Planes& planes, int64_t pixels, const double* matrix);
void turn_planes(Planes& planes, int64_t pixels, const double* row);
// The hue alone, by `turn` sixths of the circle (0..6); false where vectors are too narrow for it.
bool turn_hues(Planes& planes, int64_t pixels, double turn);
void pick_planes(Planes& planes, int64_t pixels, const int32_t* from, const float* fill);
void blend_planes(Planes& planes, int64_t pixels, float factor);

// The sum of the grays of `count` pixels of three bytes.
uint64_t gray_sum(const uint8_t* in, int64_t count);
// tables: 3 x 256. `out` may be `in`.
void lookup_planes(const uint8_t* in, int64_t count, const uint8_t* tables, uint8_t* out);

} // namespace variegate::inline VARIEGATE_TARGET
