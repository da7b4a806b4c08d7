// Warps of bytes: the source gets a margin that continues it by
// the border's rule, so that no tap needs a test; coordinates are whole numbers of 1/65536 pixel.
#include <algorithm>
#include <cmath>
#include <cstring>

#include "variegate/frame_spans.hpp"
#include "variegate/warp_fixed.hpp"

namespace variegate::inline VARIEGATE_TARGET {
namespace {

constexpr int longest = 32000; // sides whose coordinates fit 15 bits and a fraction of 16

// A coordinate inside the frame as a place in the image with its margin of one pixel.
int32_t fixed(double value) { return static_cast<int32_t>((value + 0.5) * FixedRow::one); }

// Coordinates anywhere as places in the image with its margin: brought to 0..length, where the
// continued image has the same values. `shrink` is the share of a pixel of the frame in the image.
template <class Fold>
void to_places(const double* values, int count, double shrink, double size, Fold fold,
               int32_t* places) {
#pragma omp simd
    for (int j = 0; j < count; ++j) places[j] = fixed(clip(fold(values[j] * shrink), 0.0, size));
}

// floor for |value| < 2^31.
double small_floor(double value) {
    const double whole = static_cast<double>(static_cast<int32_t>(value));
    return whole > value ? whole - 1.0 : whole;
}

void to_places(const double* values, int count, double shrink, int length, Border border,
               int32_t* places) {
    const double size = length, turn = 1 / size, turns = turn / 2;
    const auto reflected = [=](double value) {
        value -= 2 * size * small_floor(value * turns);
        return value > size ? 2 * size - value : value;
    };
    const auto wrapped = [=](double value) { return value - size * small_floor(value * turn); };
    const auto kept = [](double value) { return value; };
    if (border == Border::Reflect) return to_places(values, count, shrink, size, reflected, places);
    if (border == Border::Wrap) return to_places(values, count, shrink, size, wrapped, places);
    to_places(values, count, shrink, size, kept, places);
}

// Steps of a block's pixels. Where they leave the image it only matters that they are numbers.
void find_steps(double slope, uint32_t* steps) {
    const auto step = static_cast<int64_t>(clip(slope, -32768.0, 32768.0) * 4294967296.0);
    for (int k = 0; k < FixedRow::block; ++k) steps[k] = static_cast<uint32_t>((step * k) >> 16);
}

// Places of one block. Not inlined: the compiler would turn the loops around it inside out.
[[gnu::noinline]] void spread(int32_t first, const uint32_t* steps, int32_t* places) {
    const auto start = static_cast<uint32_t>(first);
    for (int k = 0; k < FixedRow::block; ++k) places[k] = static_cast<int32_t>(start + steps[k]);
}

class FixedWarp {
  public:
    FixedWarp(const uint8_t* in, Shape shape, const Warp& warp, Scratch& scratch)
        : warp_(warp), frame_(shape), cubic_(warp.resample == Resample::Bicubic),
          points_(warp, scratch.points) {
        if (warp.antialias) factors_ = reduction(warp);
        if (factors_.down != 1 || factors_.across != 1) {
            shape.height = (shape.height + factors_.down - 1) / factors_.down;
            shape.width = (shape.width + factors_.across - 1) / factors_.across;
            auto* smaller = scratch.reduced.get<uint8_t>(shape.values());
            reduce(in, frame_, factors_, smaller);
            in = smaller;
        }
        height_ = shape.height, width_ = shape.width;
        image_ = with_margin(in, shape, warp.border, cubic_ ? 2 : 1, scratch.margin);
        const int64_t places = int64_t{warp.width} + FixedRow::block;
        xs_ = scratch.fixed.get<int32_t>(2 * places + 3 * int64_t{warp.height});
        ys_ = xs_ + places;
        from_ = ys_ + places;
        to_ = from_ + warp.height;
        share_x_ = 1.0 / factors_.across, share_y_ = 1.0 / factors_.down;
        find_steps(warp.matrix[0] / factors_.across, step_x_);
        find_steps(warp.matrix[3] / factors_.down, step_y_);
        for (int k = 0; k < shape.channels; ++k) fill_[k] = Rounding<uint8_t>::fill(warp.fill[k]);
    }

    void run(uint8_t* out) {
        stride_ = static_cast<int64_t>(warp_.width) * image_.depth;
        if (points_.straight) return straight_rows(out);
        for (int i = 0; i < warp_.height; ++i, out += stride_) bent_row(i, out);
    }

  private:
    void straight_rows(uint8_t* out) {
        find_inside(warp_, frame_, from_, to_, to_ + warp_.height);
        const Rise x = along_x(warp_), y = along_y(warp_);
        const Tracks tracks{x, y, share_x_, share_y_, step_x_, step_y_};
        const bool shifted = x.slope == 1 && y.slope == 0 && share_x_ == 1 && share_y_ == 1;
        const uint8_t* end = out + warp_.height * stride_;
        for (int first = 0; first < warp_.height;) {
            const int last = cubic_ || shifted ? first + 1 : rows_together(first);
            if (cubic_ || shifted)
                row(tracks, first, out + first * stride_);
            else
                sample_rows(image_, tracks, {first, last, from_, to_, warp_.width}, xs_, out, end);
            for (; first < last; ++first) { // after their pixels, which reach a little beyond
                beyond(tracks, first, {0, from_[first]}, out + first * stride_);
                beyond(tracks, first, {to_[first], warp_.width}, out + first * stride_);
            }
        }
    }

    // The row behind those from `first` on whose pixels are worked on together.
    int rows_together(int first) const {
        for (int blocks = 0; first < warp_.height; ++first) {
            const int own = (to_[first] - from_[first] + FixedRow::block - 1) / FixedRow::block;
            if (blocks && blocks + own > blocks_together) break;
            blocks += own;
        }
        return first;
    }

    // Columns whose points lie inside the frame.
    void row(const Tracks& tracks, int i, uint8_t* row) {
        const int from = from_[i], count = to_[i] - from;
        if (count <= 0) return;
        row += static_cast<int64_t>(from) * image_.depth;
        const Track x = tracks.along_x(i), y = tracks.along_y(i);
        if (!cubic_) return sample_shifted(image_, x.place(from), y.place(from), count, row);
        x.find(from, count, xs_);
        y.find(from, count, ys_);
        sample(count, row);
    }

    // Columns whose points lie outside the frame.
    void beyond(const Tracks& tracks, int i, Span span, uint8_t* row) {
        if (span.from >= span.to) return;
        if (warp_.border == Border::Constant) return fill(row, span);
        const Line x = tracks.x.line(i), y = tracks.y.line(i);
        double *u = points_.x, *v = points_.y;
        for (int j = span.from; j < span.to; ++j) {
            u[j] = near_enough(x.at(j));
            v[j] = near_enough(y.at(j));
        }
        find_places(span);
        sample(span.to - span.from, row + static_cast<int64_t>(span.from) * image_.depth);
    }

    void bent_row(int i, uint8_t* row) {
        points_.row(i);
        find_places({0, warp_.width});
        sample(warp_.width, row);
        if (warp_.border == Border::Constant) paint_outside(row);
    }

    void paint_outside(uint8_t* row) {
        const double *x = points_.x, *y = points_.y;
        const double width = frame_.width, height = frame_.height;
        const int count = warp_.width;
        int32_t* outside = xs_; // their places have been used
#pragma omp simd
        for (int j = 0; j < count; ++j)
            outside[j] = (x[j] < 0) | (x[j] >= width) | (y[j] < 0) | (y[j] >= height);
        for (int from = 0; from < count;) {
            int to = from;
            while (to < count && outside[to]) ++to;
            fill(row, {from, to});
            for (from = to; from < count && !outside[from];) ++from;
        }
    }

    void sample(int count, uint8_t* out) {
        if (cubic_) return sample_cubic(image_, xs_, ys_, count, out);
        sample_fixed(image_, xs_, ys_, count, out);
    }

    void find_places(Span span) {
        const int count = span.to - span.from;
        to_places(points_.x + span.from, count, share_x_, width_, warp_.border, xs_);
        to_places(points_.y + span.from, count, share_y_, height_, warp_.border, ys_);
    }

    void fill(uint8_t* row, Span span) {
        const int depth = image_.depth;
        paint(fill_, span.to - span.from, depth, row + static_cast<int64_t>(span.from) * depth);
    }

    const Warp& warp_;
    const Shape frame_;
    const bool cubic_;
    Points points_;
    Factors factors_;
    double share_x_ = 1; // of a pixel of the frame in the image, which may have been reduced
    double share_y_ = 1;
    int64_t stride_ = 0; // of the output
    int height_;         // of the image after its reduction
    int width_;
    FixedRow image_;
    int32_t* xs_;
    int32_t* ys_;
    int32_t* from_; // columns inside the frame, of each row of a straight map
    int32_t* to_;
    uint8_t fill_[max_channels];
    uint32_t step_x_[FixedRow::block]; // from the first pixel of a block to each
    uint32_t step_y_[FixedRow::block];
};

} // namespace

void Track::find(int first, int count, int32_t* places) const {
    for (int j = 0; j < count; j += FixedRow::block) spread(place(first + j), steps, places + j);
}

bool is_fixed(Shape shape, const Warp& warp) {
    // With the border `edge` a cubic changes up to two pixels beyond the frame, which the margin
    // does not hold.
    const bool cubic = warp.resample == Resample::Bicubic && warp.border != Border::Edge;
    const bool known = warp.resample == Resample::Bilinear || (cubic && has_sample_cubic());
    return known && (shape.channels == 1 || shape.channels == 3 || shape.channels == 4) &&
           shape.height <= longest && shape.width <= longest &&
           (shape.width + 4) * (shape.height + int64_t{4}) * shape.channels < INT32_MAX / 2;
}

void warp_fixed(const uint8_t* in, Shape shape, const Warp& warp, uint8_t* out, Scratch& scratch) {
    FixedWarp(in, shape, warp, scratch).run(out);
}

} // namespace variegate::inline VARIEGATE_TARGET
