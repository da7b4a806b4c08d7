// The parts of WARP. The meaning is variegate/engine/sampling.py: whether a pixel lies outside, and
// which pixel is nearest, is decided by the same double precision operations in the same order.
#pragma once

#include "variegate/target.hpp"

#include <cmath>
#include <cstring>

#include "variegate/copying.hpp"
#include "variegate/rounding.hpp"
#include "variegate/verbs.hpp"

namespace variegate::inline VARIEGATE_TARGET {

constexpr double far_away = 1e9;

inline bool is_affine(const double* m) { return m[6] == 0 && m[7] == 0 && m[8] == 1; }

inline double near_enough(double value) { return clip(value, -far_away, far_away); }

// Indices outside 0..length-1 brought inside by the border's rule.
inline int continued(int index, int length, Border border) {
    if (index >= 0 && index < length) return index;
    if (border == Border::Reflect) {
        const int64_t period = 2 * static_cast<int64_t>(length);
        int64_t turn = index % period;
        if (turn < 0) turn += period;
        return static_cast<int>(turn < length ? turn : period - 1 - turn);
    }
    if (border == Border::Wrap) {
        const int turn = index % length;
        return turn < 0 ? turn + length : turn;
    }
    return index < 0 ? 0 : length - 1;
}

inline double triangle_kernel(double t) {
    t = 1 - std::fabs(t);
    return t > 0 ? t : 0.0;
}

// Keys' cubic kernel with a = -1/2, as Pillow's BICUBIC.
inline double cubic_kernel(double t) {
    t = std::fabs(t);
    if (t < 1) return (1.5 * t - 2.5) * t * t + 1;
    return t < 2 ? ((-0.5 * t + 2.5) * t - 4) * t + 2 : 0.0;
}

// Writes one pixel `count` times: at once where its bytes are one, else twice as many with each
// copy.
template <class T> void paint(const T* pixel, int64_t count, int depth, T* out) {
    if (count <= 0) return;
    if constexpr (sizeof(T) == 1) {
        bool gray = true;
        for (int k = 1; k < depth; ++k) gray = gray && pixel[k] == pixel[0];
        if (gray) {
            std::memset(out, pixel[0], static_cast<size_t>(count * depth));
            return;
        }
    }
    for (int k = 0; k < depth; ++k) out[k] = pixel[k];
    for (int64_t done = 1; done < count; done *= 2) {
        const int64_t more = done < count - done ? done : count - done;
        std::memcpy(out + done * depth, out, static_cast<size_t>(more * depth) * sizeof(T));
    }
}

// The part [from, to) of a row whose source coordinate lies in [low, high).
struct Span {
    int from;
    int to;
};

// Where the pixels of one output row come from.
class Points {
  public:
    Points(const Warp& warp, Buffer& room);
    // Fills x and y for row i.
    void row(int i);
    // Narrows a span to the points with low <= coordinate < high. Straight maps only.
    Span within(Span span, const double* values, double slope, double low, double high) const;

    const Warp& warp;
    const bool straight; // affine without a field: coordinates are monotone along a row
    double* x;
    double* y;

  private:
    void bent_row(double middle);
    void transform(const double* matrix);
    void displace();
    void displace_level();

    double* column_; // the centers of the columns
    double* depth_;  // of a perspective's points
};

// Whole factors by which the source is reduced before a map that shrinks it.
struct Factors {
    int down = 1;
    int across = 1;
};
Factors reduction(const Warp& warp);
// Means over blocks, rounded. out: ceil(height / down) x ceil(width / across).
template <class T> void reduce(const T* in, Shape shape, Factors factors, T* out);

// Pillow's two-pass resize for maps along the axes.
template <class T>
void warp_separable(const T* in, Shape shape, const Warp& warp, T* out, Scratch& scratch);

// Whether each output row and column comes from one source row and column: copies, flips, crops,
// quarter turns, and any nearest map along the axes.
template <class T> bool picks_pixels(const Warp& warp);
template <class T>
void warp_picking(const T* in, Shape shape, const Warp& warp, T* out, Scratch& scratch);

// Straight maps of the nearest pixel with a fill around the frame.
bool is_nearest(Shape shape, const Warp& warp);
template <class T>
void warp_nearest(const T* in, Shape shape, const Warp& warp, T* out, Scratch& scratch);

// One pixel by taps that may leave the frame, as the reference does it.
template <class T>
void sample_point(const T* in, Shape shape, double x, double y, Resample resample, Border border,
                  T* out);

// How far from the frame's edges (left and top, right, bottom) a point must lie for sample_inside.
struct Margin {
    double near;
    double right;
    double bottom;
};
Margin inside_margin(Resample resample);
// The pixels [span.from, span.to) of a row, all of whose taps are inside.
template <class T>
void sample_inside(const T* in, Shape shape, const double* x, const double* y, Span span,
                   Resample resample, T* out_row);

} // namespace variegate::inline VARIEGATE_TARGET
