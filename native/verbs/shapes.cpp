// SHAPES: a veil over the image, as thick as the shapes drawn on it. A plane of what still shows
// through is made shape by shape, then the image is blended once.
#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>

#include "variegate/rounding.hpp"
#include "variegate/tables.hpp"
#include "variegate/verbs.hpp"

namespace variegate::inline VARIEGATE_TARGET {
namespace {

constexpr int row_numbers = 8;

// Rows top..bottom-1 and columns left..right-1.
struct Box {
    int top, bottom, left, right;

    void join(const Box& other) {
        if (other.top >= other.bottom || other.left >= other.right) return;
        const bool empty = top >= bottom || left >= right;
        top = empty ? other.top : std::min(top, other.top);
        bottom = empty ? other.bottom : std::max(bottom, other.bottom);
        left = empty ? other.left : std::min(left, other.left);
        right = empty ? other.right : std::max(right, other.right);
    }
};

// The plane and memory for one row of numbers.
struct Sheet {
    float* clear; // height * width
    int height, width;
    double* distance; // width
    uint8_t* inside;  // width

    // The pixels whose centers may lie between the two ends.
    static int first(double low, int length) {
        return static_cast<int>(clip(std::floor(low - 0.5), 0.0, static_cast<double>(length)));
    }
    static int after(double high, int length) {
        return static_cast<int>(clip(std::ceil(high + 0.5), 0.0, static_cast<double>(length)));
    }
    Box around(double x1, double y1, double x2, double y2, double reach) const {
        return {first(std::min(y1, y2) - reach, height), after(std::max(y1, y2) + reach, height),
                first(std::min(x1, x2) - reach, width), after(std::max(x1, x2) + reach, width)};
    }
};

// Covers a part of a row by the distances of its pixels.
void cover(const Sheet& sheet, int r, const Box& box, double alpha, double softness) {
    float* clear = sheet.clear + static_cast<int64_t>(r) * sheet.width;
    for (int c = box.left; c < box.right; ++c) {
        const double share = clip(0.5 - sheet.distance[c] / softness, 0.0, 1.0);
        clear[c] *= static_cast<float>(1.0 - alpha * share);
    }
}

// A line segment x1 y1 x2 y2.
struct Segment {
    double x1, y1, along_x, along_y, scale;

    explicit Segment(const double* ends)
        : x1(ends[0]), y1(ends[1]), along_x(ends[2] - ends[0]), along_y(ends[3] - ends[1]) {
        const double square = along_x * along_x + along_y * along_y;
        scale = square > 0 ? 1.0 / square : 0.0;
    }
    double square_distance(double x, double y) const {
        const double share = clip(((x - x1) * along_x + (y - y1) * along_y) * scale, 0.0, 1.0);
        const double across = x - x1 - share * along_x, down = y - y1 - share * along_y;
        return across * across + down * down;
    }
};

Box draw_disc(const Sheet& sheet, const double* row) {
    const double x = row[3], y = row[4], radius = row[5];
    const Box box = sheet.around(x, y, x, y, radius + row[2] / 2);
    for (int r = box.top; r < box.bottom; ++r) {
        const double down = (r + 0.5 - y) * (r + 0.5 - y);
        for (int c = box.left; c < box.right; ++c) {
            const double across = c + 0.5 - x;
            sheet.distance[c] = std::sqrt(across * across + down) - radius;
        }
        cover(sheet, r, box, row[1], row[2]);
    }
    return box;
}

Box draw_segment(const Sheet& sheet, const double* row) {
    const Segment segment(row + 3);
    const double half = row[7];
    const Box box = sheet.around(row[3], row[4], row[5], row[6], half + row[2] / 2);
    for (int r = box.top; r < box.bottom; ++r) {
        for (int c = box.left; c < box.right; ++c)
            sheet.distance[c] = std::sqrt(segment.square_distance(c + 0.5, r + 0.5)) - half;
        cover(sheet, r, box, row[1], row[2]);
    }
    return box;
}

Box draw_plane(const Sheet& sheet, const double* row) {
    const Box box{0, sheet.height, 0, sheet.width};
    for (int r = 0; r < sheet.height; ++r) {
        for (int c = 0; c < sheet.width; ++c)
            sheet.distance[c] = row[3] * (c + 0.5) + row[4] * (r + 0.5) - row[5];
        cover(sheet, r, box, row[1], row[2]);
    }
    return box;
}

Box draw_bell(const Sheet& sheet, const double* row) {
    const auto bell = [](double away, double sigma) {
        return std::exp(-0.5 * (away / sigma) * (away / sigma));
    };
    for (int c = 0; c < sheet.width; ++c) sheet.distance[c] = bell(c + 0.5 - row[3], row[5]);
    for (int r = 0; r < sheet.height; ++r) {
        const double alpha = row[1] * bell(r + 0.5 - row[4], row[6]);
        float* clear = sheet.clear + static_cast<int64_t>(r) * sheet.width;
        for (int c = 0; c < sheet.width; ++c)
            clear[c] *= static_cast<float>(1.0 - alpha * sheet.distance[c]);
    }
    return {0, sheet.height, 0, sheet.width};
}

// rows: `count` edges, one after the other.
Box draw_polygon(const Sheet& sheet, const double* rows, int64_t count) {
    const double alpha = rows[1], softness = rows[2];
    double low[2] = {rows[3], rows[4]}, high[2] = {rows[3], rows[4]};
    for (int64_t n = 0; n < count; ++n) {
        const double* ends = rows + row_numbers * n + 3;
        for (int k = 0; k < 4; ++k) {
            low[k % 2] = std::min(low[k % 2], ends[k]);
            high[k % 2] = std::max(high[k % 2], ends[k]);
        }
    }
    const Box box = sheet.around(low[0], low[1], high[0], high[1], softness / 2);
    for (int r = box.top; r < box.bottom; ++r) {
        const double y = r + 0.5;
        std::fill(sheet.distance + box.left, sheet.distance + box.right,
                  std::numeric_limits<double>::infinity());
        std::memset(sheet.inside + box.left, 0, static_cast<size_t>(box.right - box.left));
        for (int64_t n = 0; n < count; ++n) {
            const double* ends = rows + row_numbers * n + 3;
            const Segment edge(ends);
            for (int c = box.left; c < box.right; ++c) {
                const double square = edge.square_distance(c + 0.5, y);
                sheet.distance[c] = square < sheet.distance[c] ? square : sheet.distance[c];
            }
            if ((ends[1] > y) == (ends[3] > y)) continue;
            const double slope = (ends[2] - ends[0]) / (ends[3] - ends[1]);
            const double cut = ends[0] + (y - ends[1]) * slope;
            for (int c = box.left; c < box.right; ++c)
                sheet.inside[c] ^= static_cast<uint8_t>(c + 0.5 < cut);
        }
        for (int c = box.left; c < box.right; ++c) {
            const double root = std::sqrt(sheet.distance[c]);
            sheet.distance[c] = sheet.inside[c] ? -root : root;
        }
        cover(sheet, r, box, alpha, softness);
    }
    return box;
}

// Draws the rows first..last-1; returns what they touch.
Box draw(const Sheet& sheet, const double* shapes, int64_t first, int64_t last) {
    Box touched{0, 0, 0, 0};
    for (int64_t n = first; n < last;) {
        const double* row = shapes + row_numbers * n++;
        switch (static_cast<ShapeKind>(static_cast<int>(row[0]))) {
        case ShapeKind::Disc:
            touched.join(draw_disc(sheet, row));
            break;
        case ShapeKind::Segment:
            touched.join(draw_segment(sheet, row));
            break;
        case ShapeKind::Plane:
            touched.join(draw_plane(sheet, row));
            break;
        case ShapeKind::Gauss:
            touched.join(draw_bell(sheet, row));
            break;
        case ShapeKind::Edge: {
            int64_t count = 1;
            for (; n < last; ++n, ++count) {
                const double* next = shapes + row_numbers * n;
                if (next[0] != row[0] || next[7] != row[7]) break;
            }
            touched.join(draw_polygon(sheet, row, count));
            break;
        }
        }
    }
    return touched;
}

// cover (values,): how much of each value is covered; gain and shift are repeated for each pixel.
template <class T>
void blend(const float* cover, const float* gain, const float* shift, int64_t count, T* image) {
    constexpr float to_level = sizeof(T) == 1 ? 1.0f : 255.0f;
    for (int64_t i = 0; i < count; ++i) {
        const float value = static_cast<float>(image[i]) * to_level;
        const float level = clip(value + cover[i] * (gain[i] * value + shift[i]), 0.0f, 255.0f);
        if constexpr (sizeof(T) == 1)
            image[i] = static_cast<T>(static_cast<int>(level + 0.5f));
        else
            image[i] = cover[i] == 0.0f ? image[i] : level / 255.0f;
    }
}

} // namespace

template <class T>
void shapes(T* image, Shape shape, const Tables& tables, int64_t row, Scratch& scratch) {
    const int width = shape.width, depth = shape.channels;
    const int64_t first = tables.shapes_start[row], last = tables.shapes_start[row + 1];
    const bool outside = tables.shapes_outside[row] != 0;
    if (first == last && !outside) return;
    const int64_t wide = static_cast<int64_t>(width) * depth;
    auto* numbers = scratch.lines.get<float>(3 * wide);
    float *cover = numbers, *gain = numbers + wide, *shift = numbers + 2 * wide;
    for (int64_t i = 0; i < wide; ++i) {
        gain[i] = tables.shapes_gain[max_channels * row + i % depth];
        shift[i] = tables.shapes_shift[max_channels * row + i % depth];
    }
    auto* clear = scratch.points.get<float>(shape.pixels());
    auto* memory = scratch.passed_row.get<double>(2 * static_cast<int64_t>(width) + 1);
    std::fill_n(clear, shape.pixels(), 1.0f);
    const Sheet sheet{clear, shape.height, width, memory,
                      reinterpret_cast<uint8_t*>(memory + width)};
    Box box = draw(sheet, tables.shapes, first, last);
    if (outside) box = {0, shape.height, 0, width};
    for (int r = box.top; r < box.bottom; ++r) {
        const float* line = clear + static_cast<int64_t>(r) * width;
        float* to = cover;
        for (int c = box.left; c < box.right; ++c) {
            const float share = outside ? line[c] : 1.0f - line[c];
            for (int k = 0; k < depth; ++k) *to++ = share;
        }
        const int64_t place = (static_cast<int64_t>(r) * width + box.left) * depth;
        blend(cover, gain, shift, static_cast<int64_t>(box.right - box.left) * depth,
              image + place);
    }
}

template void shapes<uint8_t>(uint8_t*, Shape, const Tables&, int64_t, Scratch&);
template void shapes<float>(float*, Shape, const Tables&, int64_t, Scratch&);

} // namespace variegate::inline VARIEGATE_TARGET
