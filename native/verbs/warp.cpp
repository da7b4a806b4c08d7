// WARP: the choice between its ways, and the general one, row by row.
#include "variegate/warp_fixed.hpp"

#include <algorithm>

namespace variegate::inline VARIEGATE_TARGET {

Warp warp_row(const Tables& tables, int64_t row) {
    const int32_t* mode = tables.warp_mode + 4 * row;
    const int64_t nodes = static_cast<int64_t>(tables.nodes_y) * tables.nodes_x * 2;
    Warp warp;
    warp.resample = static_cast<Resample>(mode[0]);
    warp.border = static_cast<Border>(mode[1]);
    warp.antialias = mode[2] != 0;
    warp.height = tables.warp_size[2 * row];
    warp.width = tables.warp_size[2 * row + 1];
    warp.matrix = tables.warp_matrix + 9 * row;
    warp.before = tables.warp_before + 9 * row;
    warp.field = mode[3] < 0 ? nullptr : tables.fields + nodes * mode[3];
    warp.field_height = tables.warp_field_size[2 * row];
    warp.field_width = tables.warp_field_size[2 * row + 1];
    warp.nodes_y = tables.nodes_y;
    warp.nodes_x = tables.nodes_x;
    warp.fill = tables.warp_fill + max_channels * row;
    return warp;
}

bool stretches(const double* m) {
    if (!is_affine(m)) return false;
    if (m[1] == 0 && m[3] == 0) return std::fabs(m[0]) != 1 || std::fabs(m[4]) != 1;
    if (m[0] == 0 && m[4] == 0) return std::fabs(m[1]) != 1 || std::fabs(m[3]) != 1;
    return false;
}

namespace {

template <class T> class GeneralWarp {
  public:
    GeneralWarp(const T* in, Shape shape, const Warp& warp, Scratch& scratch)
        : frame_(shape), image_(in), shape_(shape), points_(warp, scratch.points),
          margin_(inside_margin(warp.resample)) {
        for (int k = 0; k < shape.channels; ++k) fill_[k] = Rounding<T>::fill(warp.fill[k]);
        if (!warp.antialias || warp.resample == Resample::Nearest) return;
        factors_ = reduction(warp);
        if (factors_.down == 1 && factors_.across == 1) return;
        shape_.height = (shape.height + factors_.down - 1) / factors_.down;
        shape_.width = (shape.width + factors_.across - 1) / factors_.across;
        T* smaller = scratch.reduced.get<T>(shape_.values());
        reduce(in, shape, factors_, smaller);
        image_ = smaller;
    }

    void run(T* out) {
        const Warp& warp = points_.warp;
        const int64_t stride = static_cast<int64_t>(warp.width) * shape_.channels;
        for (int i = 0; i < warp.height; ++i) {
            points_.row(i);
            if (points_.straight)
                straight_row(out + i * stride);
            else
                bent_row(out + i * stride);
        }
    }

  private:
    // The frame in coordinates before the reduction, then the taps' room in those after it.
    void straight_row(T* row) {
        const Warp& warp = points_.warp;
        const double* m = warp.matrix;
        const bool framed = warp.border == Border::Constant;
        Span all{0, warp.width};
        if (framed) {
            all = points_.within(all, points_.x, m[0], 0, frame_.width);
            all = points_.within(all, points_.y, m[3], 0, frame_.height);
        }
        shrink_points(all);
        Span inner = all;
        inner = points_.within(inner, points_.x, m[0] / factors_.across, margin_.near,
                               shape_.width - margin_.right);
        inner = points_.within(inner, points_.y, m[3] / factors_.down, margin_.near,
                               shape_.height - margin_.bottom);
        if (inner.from >= inner.to) inner = {all.from, all.from};
        sample_inside(image_, shape_, points_.x, points_.y, inner, warp.resample, row);
        fill(row, 0, all.from);
        sample_points(row, all.from, inner.from);
        sample_points(row, inner.to, all.to);
        fill(row, all.to, warp.width);
    }

    void bent_row(T* row) {
        const Warp& warp = points_.warp;
        const bool framed = warp.border == Border::Constant;
        for (int j = 0; j < warp.width;) {
            if (framed && is_outside(j)) {
                fill(row, j, j + 1);
                ++j;
                continue;
            }
            int end = j;
            while (end < warp.width && is_inner(end)) ++end;
            if (end > j) {
                shrink_points({j, end});
                sample_inside(image_, shape_, points_.x, points_.y, {j, end}, warp.resample, row);
                j = end;
            } else {
                shrink_points({j, j + 1});
                sample_points(row, j, j + 1);
                ++j;
            }
        }
    }

    bool is_outside(int j) const {
        const double x = points_.x[j], y = points_.y[j];
        return x < 0 || x >= frame_.width || y < 0 || y >= frame_.height;
    }

    bool is_inner(int j) const {
        double x = points_.x[j], y = points_.y[j];
        if (factors_.across != 1) x /= factors_.across;
        if (factors_.down != 1) y /= factors_.down;
        return x >= margin_.near && x < shape_.width - margin_.right && y >= margin_.near &&
               y < shape_.height - margin_.bottom;
    }

    void shrink_points(Span span) {
        if (factors_.across != 1)
            for (int j = span.from; j < span.to; ++j) points_.x[j] /= factors_.across;
        if (factors_.down != 1)
            for (int j = span.from; j < span.to; ++j) points_.y[j] /= factors_.down;
    }

    void sample_points(T* row, int from, int to) {
        for (int j = from; j < to; ++j)
            sample_point(image_, shape_, points_.x[j], points_.y[j], points_.warp.resample,
                         points_.warp.border, row + static_cast<int64_t>(j) * shape_.channels);
    }

    void fill(T* row, int from, int to) {
        const int depth = shape_.channels;
        paint(fill_, to - from, depth, row + static_cast<int64_t>(from) * depth);
    }

    const Shape frame_;
    const T* image_;
    Shape shape_; // of the image after its reduction
    Points points_;
    const Margin margin_;
    Factors factors_;
    T fill_[max_channels];
};

} // namespace

template <class T> void warp(const T* in, Shape shape, const Warp& warp, T* out, Scratch& scratch) {
    const bool smooth = warp.antialias && warp.resample != Resample::Nearest;
    if (smooth && !warp.field && stretches(warp.matrix))
        return warp_separable(in, shape, warp, out, scratch);
    if (picks_pixels<T>(warp)) return warp_picking(in, shape, warp, out, scratch);
    if (is_nearest(shape, warp)) return warp_nearest(in, shape, warp, out, scratch);
    if constexpr (sizeof(T) == 1)
        if (is_fixed(shape, warp)) return warp_fixed(in, shape, warp, out, scratch);
    GeneralWarp<T>(in, shape, warp, scratch).run(out);
}

template void warp<uint8_t>(const uint8_t*, Shape, const Warp&, uint8_t*, Scratch&);
template void warp<float>(const float*, Shape, const Warp&, float*, Scratch&);

} // namespace variegate::inline VARIEGATE_TARGET
