// Where output pixels come from: matrices, fields, and the factor by which a map shrinks.
#include "variegate/warping.hpp"

#include <algorithm>

namespace variegate::inline VARIEGATE_TARGET {
namespace {

// What lies behind the eye goes far outside.
void divide(double* values, const double* depth, int count) {
    constexpr double smallest = 1e-300; // below it every quotient is far away
#pragma omp simd
    for (int j = 0; j < count; ++j) {
        const double safe = depth[j] > smallest ? depth[j] : smallest;
        const double value = near_enough(values[j] / safe);
        values[j] = depth[j] > 0 ? value : -far_away;
    }
}

} // namespace

Points::Points(const Warp& given, Buffer& room)
    : warp(given), straight(!given.field && is_affine(given.matrix)),
      x(room.get<double>(4 * static_cast<int64_t>(given.width))), y(x + given.width),
      column_(y + given.width), depth_(column_ + given.width) {
    for (int j = 0; j < given.width; ++j) column_[j] = j + 0.5;
}

void Points::row(int i) {
    const double middle = i + 0.5;
    if (!straight) return bent_row(middle);
    const double* m = warp.matrix;
    const double u = m[1] * middle + m[2], v = m[4] * middle + m[5];
    const double across = m[0], down = m[3];
    for (int j = 0; j < warp.width; ++j) {
        x[j] = across * column_[j] + u;
        y[j] = down * column_[j] + v;
    }
    // Monotone along the row: only a row whose ends are far away has points that are.
    const auto is_far = [&](const double* values) {
        return !(std::fabs(values[0]) <= far_away && std::fabs(values[warp.width - 1]) <= far_away);
    };
    for (double* values : {x, y}) {
        if (!is_far(values)) continue;
        for (int j = 0; j < warp.width; ++j) values[j] = near_enough(values[j]);
    }
}

void Points::bent_row(double middle) {
    for (int j = 0; j < warp.width; ++j) {
        x[j] = column_[j];
        y[j] = middle;
    }
    transform(warp.matrix);
    if (!warp.field) return;
    displace();
    transform(warp.before);
}

// Every point of the row through a matrix; points behind the eye of a perspective go far outside.
void Points::transform(const double* matrix) {
    const int count = warp.width;
    double m[9]; // a copy, which no store below can change
    std::copy_n(matrix, 9, m);
    double *const x = this->x, *const y = this->y, *const depth = depth_;
    if (is_affine(matrix)) {
#pragma omp simd
        for (int j = 0; j < count; ++j) {
            const double u = m[0] * x[j] + (m[1] * y[j] + m[2]);
            const double v = m[3] * x[j] + (m[4] * y[j] + m[5]);
            x[j] = near_enough(u);
            y[j] = near_enough(v);
        }
        return;
    }
    // Loops of their own: the compiler would make branches of the choices otherwise.
#pragma omp simd
    for (int j = 0; j < count; ++j) {
        const double u = m[0] * x[j] + (m[1] * y[j] + m[2]);
        const double v = m[3] * x[j] + (m[4] * y[j] + m[5]);
        depth[j] = m[6] * x[j] + (m[7] * y[j] + m[8]);
        x[j] = u;
        y[j] = v;
    }
    divide(x, depth, count);
    divide(y, depth, count);
}

// Adds the displacement at each point, bilinear between nodes; beyond the frame the rim's holds.
void Points::displace() {
    const double* m = warp.matrix;
    // Along a row of the field itself, as where nothing moved it before, nodes are the same for
    // whole runs of pixels.
    if (is_affine(m) && m[3] == 0 && m[0] > 0) return displace_level();
    const double last_x = warp.nodes_x - 1, last_y = warp.nodes_y - 1;
    const double scale_x = last_x / warp.field_width, scale_y = last_y / warp.field_height;
    const int most_x = warp.nodes_x - 2, most_y = warp.nodes_y - 2;
    const int line = 2 * warp.nodes_x, count = warp.width;
    const double* field = warp.field;
    double *const x = this->x, *const y = this->y;
#pragma omp simd
    for (int at = 0; at < count; ++at) {
        const double gx = clip(x[at] * scale_x, 0.0, last_x);
        const double gy = clip(y[at] * scale_y, 0.0, last_y);
        const int j = std::min(static_cast<int>(gx), most_x);
        const int i = std::min(static_cast<int>(gy), most_y);
        const double tx = gx - j, ty = gy - i;
        const int upper = i * line + 2 * j, lower = upper + line;
        const auto shift = [&](int k) {
            const double top = field[upper + k] + tx * (field[upper + k + 2] - field[upper + k]);
            const double bottom = field[lower + k] + tx * (field[lower + k + 2] - field[lower + k]);
            return top + ty * (bottom - top);
        };
        x[at] += shift(0);
        y[at] += shift(1);
    }
}

// The same where x rises along the row and y stays.
void Points::displace_level() {
    const double last_x = warp.nodes_x - 1, last_y = warp.nodes_y - 1;
    const double scale_x = last_x / warp.field_width, scale_y = last_y / warp.field_height;
    const int most_x = warp.nodes_x - 2, count = warp.width;
    double *const x = this->x, *const y = this->y, *const gx = depth_;
#pragma omp simd
    for (int at = 0; at < count; ++at) gx[at] = clip(x[at] * scale_x, 0.0, last_x);
    const double gy = clip(y[0] * scale_y, 0.0, last_y);
    const int i = std::min(static_cast<int>(gy), warp.nodes_y - 2);
    const double ty = gy - i, slope = warp.matrix[0] * scale_x;
    const double* upper = warp.field + int64_t{2} * i * warp.nodes_x;
    const double* lower = upper + 2 * warp.nodes_x;
    const auto node = [&](int place) { return upper[place] + ty * (lower[place] - upper[place]); };
    for (int at = 0; at < count;) {
        const int j = std::min(static_cast<int>(gx[at]), most_x);
        // The first pixel of the next nodes: guessed, then set right on the places themselves.
        int end = count;
        if (j < most_x) {
            end = std::min(
                count,
                at + 1 + static_cast<int>(clip((j + 1 - gx[at]) / slope, 0.0, double(count))));
            while (end > at + 1 && gx[end - 1] >= j + 1) --end;
            while (end < count && gx[end] < j + 1) ++end;
        }
        const double left_x = node(2 * j), left_y = node(2 * j + 1);
        const double over_x = node(2 * j + 2) - left_x, over_y = node(2 * j + 3) - left_y;
#pragma omp simd
        for (int k = at; k < end; ++k) {
            x[k] += left_x + (gx[k] - j) * over_x;
            y[k] += left_y + (gx[k] - j) * over_y;
        }
        at = end;
    }
}

Span Points::within(Span span, const double* values, double slope, double low, double high) const {
    if (span.from >= span.to) return span;
    const auto reaches = [&](int j, double bound) { return values[j] >= bound; };
    if (slope == 0) {
        const bool inside = reaches(span.from, low) && !reaches(span.from, high);
        return inside ? span : Span{span.from, span.from};
    }
    if (reaches(span.from, low) && reaches(span.to - 1, low) && !reaches(span.from, high) &&
        !reaches(span.to - 1, high))
        return span; // as most rows are
    // The first place at which the values have passed a bound: guessed, then set right on the
    // values themselves.
    const auto first = [&](double bound) {
        const bool rising = slope > 0;
        const double guess = span.from + std::ceil((bound - values[span.from]) / slope);
        int j = static_cast<int>(clip(guess, double(span.from), double(span.to)));
        while (j > span.from && reaches(j - 1, bound) == rising) --j;
        while (j < span.to && reaches(j, bound) != rising) ++j;
        return j;
    };
    const int enter = first(slope > 0 ? low : high), leave = first(slope > 0 ? high : low);
    return {enter, std::max(enter, leave)};
}

namespace {

// before @ matrix, in one order on every machine.
void multiply(const double* a, const double* b, double* out) {
    for (int r = 0; r < 3; ++r)
        for (int c = 0; c < 3; ++c)
            out[3 * r + c] = (a[3 * r] * b[c] + a[3 * r + 1] * b[3 + c]) + a[3 * r + 2] * b[6 + c];
}

int whole_factor(double x, double y, double w) {
    if (x * x + y * y < 3.9 * (w * w)) return 1; // as most are, without a root
    return std::max(1, static_cast<int>(clip(std::hypot(x, y) / w, 0.0, double(1 << 20))));
}

} // namespace

Factors reduction(const Warp& warp) {
    double m[9];
    if (warp.field)
        multiply(warp.before, warp.matrix, m);
    else
        std::copy_n(warp.matrix, 9, m);
    const double x = warp.width / 2.0, y = warp.height / 2.0;
    const double u = (m[0] * x + m[1] * y) + m[2], v = (m[3] * x + m[4] * y) + m[5];
    const double w = (m[6] * x + m[7] * y) + m[8];
    if (!(w > 0)) return {};
    const double right = u / w, below = v / w;
    return {whole_factor(m[3] - below * m[6], m[4] - below * m[7], w),
            whole_factor(m[0] - right * m[6], m[1] - right * m[7], w)};
}

template <class T> void reduce(const T* in, Shape shape, Factors factors, T* out) {
    const int depth = shape.channels;
    const int64_t stride = static_cast<int64_t>(shape.width) * depth;
    for (int top = 0; top < shape.height; top += factors.down) {
        const int bottom = std::min<int64_t>(shape.height, int64_t{top} + factors.down);
        for (int64_t left = 0; left < shape.width; left += factors.across) {
            const int64_t right = std::min<int64_t>(shape.width, left + factors.across);
            const int64_t count = (bottom - top) * (right - left);
            for (int k = 0; k < depth; ++k) {
                if constexpr (sizeof(T) == 1) {
                    int64_t sum = 0;
                    for (int r = top; r < bottom; ++r)
                        for (int64_t c = left; c < right; ++c)
                            sum += in[r * stride + c * depth + k];
                    *out++ = static_cast<T>((2 * sum + count) / (2 * count));
                } else {
                    double sum = 0;
                    for (int r = top; r < bottom; ++r)
                        for (int64_t c = left; c < right; ++c)
                            sum += in[r * stride + c * depth + k];
                    *out++ = static_cast<T>(sum / static_cast<double>(count));
                }
            }
        }
    }
}

template void reduce<uint8_t>(const uint8_t*, Shape, Factors, uint8_t*);
template void reduce<float>(const float*, Shape, Factors, float*);

} // namespace variegate::inline VARIEGATE_TARGET
