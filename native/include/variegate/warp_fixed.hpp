// Bilinear and, where vectors are wide enough, bicubic warps of bytes in whole numbers.
#pragma once

#include "variegate/frame_spans.hpp"
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
    // Places of columns first, first + 1, ..., up to the end of the last one's block.
    void find(int first, int count, int32_t* places) const;
};

// The coordinates of a straight map, row by row.
struct Tracks {
    Rise x;
    Rise y;
    double share_x; // of a pixel of the frame in the image
    double share_y;
    const uint32_t* step_x;
    const uint32_t* step_y;

    Track along_x(int row) const {
        const Line line = x.line(row);
        return {line.slope, line.start, share_x, step_x};
    }
    Track along_y(int row) const {
        const Line line = y.line(row);
        return {line.slope, line.start, share_y, step_y};
    }
};

constexpr int blocks_together = 16; // of pixels, of one row or of several

// Rows first..last-1 of an output of `width` columns, of which those from..to-1 are sampled.
struct Rows {
    int first;
    int last;
    const int32_t* from; // of every row of the output, as the next
    const int32_t* to;
    int width;
};

// The copy of an image with a margin of `reach` pixels that continues it by the border's rule (by
// its edge where the border is constant). Reads of 16 bytes from its last pixel on are allowed.
FixedRow with_margin(const uint8_t* in, Shape shape, Border border, int reach, Buffer& room);

// Pixels at `count` places. Reads places up to the end of their block.
void sample_fixed(const FixedRow& image, const int32_t* xs, const int32_t* ys, int count,
                  uint8_t* out);
// Pixels of some rows of the output, which goes from `out` to `end`. Columns that are not sampled
// may be written to, in these rows and in later ones. room: for places of a row and a block, twice.
void sample_rows(const FixedRow& image, const Tracks& tracks, const Rows& rows, int32_t* room,
                 uint8_t* out, const uint8_t* end);
bool has_sample_cubic();
void sample_cubic(const FixedRow& image, const int32_t* xs, const int32_t* ys, int count,
                  uint8_t* out);
// Pixels at `count` neighboring places, the first at (x, y).
void sample_shifted(const FixedRow& image, int32_t x, int32_t y, int count, uint8_t* out);

// Whether warp_fixed can do a warp that is neither along the axes nor of whole pixels.
bool is_fixed(Shape shape, const Warp& warp);
void warp_fixed(const uint8_t* in, Shape shape, const Warp& warp, uint8_t* out, Scratch& scratch);

} // namespace variegate::inline VARIEGATE_TARGET
