// Bilinear warps of bytes in whole numbers.
#pragma once

#include "variegate/warping.hpp"

namespace variegate::inline VARIEGATE_TARGET {

// An image of bytes with a margin of one pixel all around. Places in it are whole numbers of
// 1/65536 pixel, from the center of the margin's first pixel.
struct FixedRow {
    static constexpr double one = 65536.0;
    static constexpr int block = 16; // rows of places have room for whole blocks

    const uint8_t* pixels;
    int64_t stride;
    int depth;
    int right; // the last column and row that a first tap may have
    int bottom;
};

// The copy of an image with its margin; reads of whole vectors behind its last pixel are allowed.
FixedRow with_margin(const uint8_t* in, Shape shape, Border border, Buffer& room);

// Pixels at `count` places. Reads places up to the end of their block.
void sample_fixed(const FixedRow& image, const int32_t* xs, const int32_t* ys, int count,
                  uint8_t* out);
// Pixels at `count` neighboring places, the first at (x, y).
void sample_shifted(const FixedRow& image, int32_t x, int32_t y, int count, uint8_t* out);

// Whether warp_fixed can do a warp that is neither along the axes nor of whole pixels.
bool is_fixed(Shape shape, const Warp& warp);
void warp_fixed(const uint8_t* in, Shape shape, const Warp& warp, uint8_t* out, Scratch& scratch);

} // namespace variegate::inline VARIEGATE_TARGET
