// Maps along the axes that take whole pixels: a source row for each output row, a source column for
// each column.
#include <algorithm>
#include <cstring>

#include "variegate/warping.hpp"

namespace variegate::inline VARIEGATE_TARGET {
namespace {

constexpr int outside = -1;

// The source index of each of `count` outputs at scale * (i + 1/2) + offset, or `outside`.
void index_axis(double scale, double offset, int length, int count, Border border, int* index) {
    for (int i = 0; i < count; ++i) {
        const double at = near_enough(scale * (i + 0.5) + offset);
        const bool gone = border == Border::Constant && (at < 0 || at >= length);
        index[i] = gone ? outside : continued(static_cast<int>(fast_floor(at)), length, border);
    }
}

bool is_whole_step(double scale, double offset) {
    return std::fabs(scale) == 1 && offset == fast_floor(offset);
}

template <class T, int Depth>
void pick_row(const T* line, int64_t step, const int* columns, int count, int depth, const T* fill,
              T* out) {
    const int width = Depth ? Depth : depth;
    for (int j = 0; j < count; ++j, out += width) {
        const T* from = columns[j] == outside ? fill : line + columns[j] * step;
        std::memcpy(out, from, static_cast<size_t>(width) * sizeof(T));
    }
}

template <class T> void paint_row(const T* fill, int count, int depth, T* out) {
    for (int j = 0; j < count; ++j) std::copy_n(fill, depth, out + int64_t{j} * depth);
}

// A run of neighbors in order is copied whole.
template <class T>
void copy_row(const T* line, const int* columns, int count, int depth, const T* fill, T* out) {
    int from = 0, to = count;
    while (from < to && columns[from] == outside) ++from;
    while (to > from && columns[to - 1] == outside) --to;
    paint_row(fill, from, depth, out);
    if (to > from)
        std::memcpy(out + int64_t{from} * depth, line + int64_t{columns[from]} * depth,
                    static_cast<size_t>(to - from) * depth * sizeof(T));
    paint_row(fill, count - to, depth, out + int64_t{to} * depth);
}

bool is_run(const int* columns, int count) {
    int last = outside;
    bool ended = false;
    for (int j = 0; j < count; ++j) {
        if (columns[j] == outside) {
            ended = ended || last != outside;
        } else {
            if (ended || (last != outside && columns[j] != last + 1)) return false;
            last = columns[j];
        }
    }
    return true;
}

} // namespace

template <class T> bool picks_pixels(const Warp& warp) {
    const double* m = warp.matrix;
    if (warp.field || !is_affine(m)) return false;
    const bool upright = m[1] == 0 && m[3] == 0;
    if (!upright && !(m[0] == 0 && m[4] == 0)) return false;
    if (warp.resample == Resample::Nearest) return true;
    const double across = upright ? m[0] : m[1], down = upright ? m[4] : m[3];
    return is_whole_step(across, m[2]) && is_whole_step(down, m[5]);
}

template <class T>
void warp_picking(const T* in, Shape shape, const Warp& warp, T* out, Scratch& scratch) {
    const double* m = warp.matrix;
    const int depth = shape.channels;
    const int64_t stride = static_cast<int64_t>(shape.width) * depth;
    const bool upright = m[1] == 0 && m[3] == 0;
    int* columns = scratch.places[0].get<int>(warp.width);
    int* rows = scratch.places[1].get<int>(warp.height);
    if (upright) {
        index_axis(m[0], m[2], shape.width, warp.width, warp.border, columns);
        index_axis(m[4], m[5], shape.height, warp.height, warp.border, rows);
    } else {
        index_axis(m[3], m[5], shape.height, warp.width, warp.border, columns);
        index_axis(m[1], m[2], shape.width, warp.height, warp.border, rows);
    }
    T fill[max_channels];
    for (int k = 0; k < depth; ++k) fill[k] = Rounding<T>::fill(warp.fill[k]);
    const bool whole = upright && is_run(columns, warp.width);
    const int64_t along = upright ? depth : stride, down = upright ? stride : depth;
    for (int i = 0; i < warp.height; ++i, out += int64_t{warp.width} * depth) {
        const T* line = in + rows[i] * down;
        if (rows[i] == outside)
            paint_row(fill, warp.width, depth, out);
        else if (whole)
            copy_row(line, columns, warp.width, depth, fill, out);
        else if (depth == 3)
            pick_row<T, 3>(line, along, columns, warp.width, depth, fill, out);
        else if (depth == 1)
            pick_row<T, 1>(line, along, columns, warp.width, depth, fill, out);
        else
            pick_row<T, 0>(line, along, columns, warp.width, depth, fill, out);
    }
}

template bool picks_pixels<uint8_t>(const Warp&);
template bool picks_pixels<float>(const Warp&);
template void warp_picking<uint8_t>(const uint8_t*, Shape, const Warp&, uint8_t*, Scratch&);
template void warp_picking<float>(const float*, Shape, const Warp&, float*, Scratch&);

} // namespace variegate::inline VARIEGATE_TARGET
