// Straight maps row by row: where a row's points lie, and which of its columns are inside the
// frame.
#pragma once

#include "variegate/warping.hpp"

namespace variegate::inline VARIEGATE_TARGET {

// Where a row's coordinate lies at the center of column j: the reference's operations in order.
struct Line {
    double slope;
    double start;

    double at(int j) const { return slope * (j + 0.5) + start; }
};

// Along one axis: the coordinate in row i and column j is slope * (j + 1/2) + (down * (i + 1/2) +
// offset).
struct Rise {
    double slope;
    double down;
    double offset;

    Line line(int row) const { return {slope, down * (row + 0.5) + offset}; }
};

inline Rise along_x(const Warp& warp) { return {warp.matrix[0], warp.matrix[1], warp.matrix[2]}; }
inline Rise along_y(const Warp& warp) { return {warp.matrix[3], warp.matrix[4], warp.matrix[5]}; }

// The columns [from, to) of each row whose points lie inside the frame. room: for as many.
void find_inside(const Warp& warp, Shape frame, int32_t* from, int32_t* to, int32_t* room);

} // namespace variegate::inline VARIEGATE_TARGET
