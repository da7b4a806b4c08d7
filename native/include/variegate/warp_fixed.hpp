// Bilinear and, where vectors are wide enough, bicubic warps of bytes in whole numbers.
#pragma once

#include "variegate/warping.hpp"

namespace variegate::inline VARIEGATE_TARGET {

// An image of bytes with a margin all around. Places in it are whole numbers of 1/65536 pixel, from
// the center of the pixel one up and one to the left of the first one.
struct FixedRow {
    static constexpr double one = 65536.0;
    static constexpr int block = 16; // rows of places have room for whole blocks

    const uint8_t* pixels;
    int64_t stride;
    int depth;
    int right; // the last column and row that the tap before a place may have
    int bottom;
};

// A coordinate along a row of the output: that of column j is (slope * (j + 1/2) + start) * share.
struct Track {
    double slope;
    double start;
    double share;
    const uint32_t* steps; // from the first pixel of a block to each

    int32_t place(int j) const {
        return static_cast<int32_t>(((slope * (j + 0.5) + start) * share + 0.5) * FixedRow::one);
    }
    // Places of the first columns of `count` blocks.
    void starts(int first, int32_t* places, int count) const {
#pragma omp simd
        for (int n = 0; n < count; ++n) places[n] = place(first + FixedRow::block * n);
    }
    // Places of columns first, first + 1, ..., up to the end of the last one's block.
    void find(int first, int count, int32_t* places) const;
};

// The copy of an image with a margin of `reach` pixels that continues it by the border's rule (by
// its edge where the border is constant). Reads of 16 bytes from its last pixel on are allowed.
FixedRow with_margin(const uint8_t* in, Shape shape, Border border, int reach, Buffer& room);

// Pixels at `count` places. Reads places up to the end of their block.
void sample_fixed(const FixedRow& image, const int32_t* xs, const int32_t* ys, int count,
                  uint8_t* out);
// Pixels at `count` places along two tracks, from column `first` on. room: for as many places and a
// block, twice.
void sample_along(const FixedRow& image, const Track& x, const Track& y, int first, int count,
                  int32_t* room, uint8_t* out);
bool has_sample_cubic();
void sample_cubic(const FixedRow& image, const int32_t* xs, const int32_t* ys, int count,
                  uint8_t* out);
// Pixels at `count` neighboring places, the first at (x, y).
void sample_shifted(const FixedRow& image, int32_t x, int32_t y, int count, uint8_t* out);

// Whether warp_fixed can do a warp that is neither along the axes nor of whole pixels.
bool is_fixed(Shape shape, const Warp& warp);
void warp_fixed(const uint8_t* in, Shape shape, const Warp& warp, uint8_t* out, Scratch& scratch);

} // namespace variegate::inline VARIEGATE_TARGET
