// RECTANGLES and GRID: parts of the image are painted over.
#include <algorithm>
#include <cmath>
#include <cstring>

#include "variegate/random.hpp"
#include "variegate/rounding.hpp"
#include "variegate/verbs.hpp"

namespace variegate::inline VARIEGATE_TARGET {
namespace {

template <class T> void own_fill(const float* fill, int depth, T* pixel) {
    for (int k = 0; k < depth; ++k) pixel[k] = Rounding<T>::rounded(fill[k]);
}

// Random levels for the values first..last-1 of an image: eight of a word, the lowest bits first.
template <class T> void fill_random(T* image, uint64_t key, int64_t first, int64_t last) {
    constexpr int64_t tile = 1024;
    uint8_t parts[tile];
    for (int64_t place = first / 8 * 8; place < last; place += tile) {
        const int64_t end = std::min(place + tile, last);
        random_parts(key, place / 8, (end - place + 7) / 8, parts);
        for (int64_t i = std::max(place, first); i < end; ++i) {
            if constexpr (sizeof(T) == 1)
                image[i] = parts[i - place];
            else
                image[i] = static_cast<T>(parts[i - place] / 255.0);
        }
    }
}

// A pixel, many times over.
template <class T> struct Brush {
    static constexpr int pixels = 32;
    int depth;
    T values[pixels * max_channels];

    Brush(const float* fill, int channels) : depth(channels) {
        own_fill(fill, depth, values);
        for (int i = depth; i < pixels * depth; ++i) values[i] = values[i - depth];
    }
    void paint(T* to, int64_t count) const {
        for (; count >= pixels; count -= pixels, to += pixels * depth)
            std::memcpy(to, values, static_cast<size_t>(pixels * depth) * sizeof(T));
        std::memcpy(to, values, static_cast<size_t>(count * depth) * sizeof(T));
    }
};

// A row of Grid: period, side, offset of u and v, cosine and sine.
struct Line {
    const double* numbers;
    double y;
    double middle; // of the width
    int width;
};

// hidden[c]: whether the grid hides pixel c of a row.
template <class Floor> void hide(const Line& line, Floor floor, uint8_t* hidden) {
    const double period = line.numbers[0], side = line.numbers[1], offset_u = line.numbers[2];
    const double offset_v = line.numbers[3], cosine = line.numbers[4], sine = line.numbers[5];
    const double part_u = sine * line.y, part_v = cosine * line.y, middle = line.middle;
    const auto hides = [&](double u) { return u - floor(u / period) * period < side; };
    for (int c = 0; c < line.width; ++c) {
        const double x = c + 0.5 - middle;
        const double u = (cosine * x - part_u) + offset_u;
        const double v = (sine * x + part_v) + offset_v;
        hidden[c] = static_cast<uint8_t>(hides(u) & hides(v));
    }
}

// Of values in the range of 32 bits: the only ones that every processor converts side by side.
double near_floor(double value) {
    const double whole = static_cast<int32_t>(value);
    return whole - (whole > value ? 1.0 : 0.0);
}

// Whether no pixel of the image lies further than 2^31 periods away.
bool stays_near(const double* numbers, Shape shape) {
    const double reach = static_cast<double>(shape.width) + shape.height;
    const double offset = std::max(std::fabs(numbers[2]), std::fabs(numbers[3]));
    const double scale = std::max(std::fabs(numbers[4]), std::fabs(numbers[5]));
    return reach * scale + offset < 2e9 * std::fabs(numbers[0]);
}

} // namespace

template <class T> void rectangles(T* image, Shape shape, const Tables& tables, int64_t row) {
    const uint64_t key = tables.rectangles_noise[row];
    const int depth = shape.channels;
    const Brush<T> brush(tables.rectangles_fill + max_channels * row, depth);
    for (int64_t n = tables.rectangles_start[row]; n < tables.rectangles_start[row + 1]; ++n) {
        const int32_t* rect = tables.rectangles + 4 * n;
        const int top = std::max(rect[0], 0), left = std::max(rect[1], 0);
        const int bottom = std::min(rect[2], shape.height), right = std::min(rect[3], shape.width);
        if (left >= right) continue;
        for (int r = top; r < bottom; ++r) {
            const int64_t from = (static_cast<int64_t>(r) * shape.width + left) * depth;
            if (key)
                fill_random(image, key, from, from + static_cast<int64_t>(right - left) * depth);
            else
                brush.paint(image + from, right - left);
        }
    }
}

template <class T> void grid(T* image, Shape shape, const Tables& tables, int64_t row) {
    const Brush<T> brush(tables.grid_fill + max_channels * row, shape.channels);
    const double* numbers = tables.grid + 6 * row;
    const bool near = stays_near(numbers, shape);
    auto* hidden = Scratch::mine().lines.get<uint8_t>(shape.width + 1);
    for (int r = 0; r < shape.height; ++r) {
        const Line line{numbers, r + 0.5 - shape.height / 2.0, shape.width / 2.0, shape.width};
        if (near)
            hide(line, [](double value) { return near_floor(value); }, hidden);
        else
            hide(line, [](double value) { return fast_floor(value); }, hidden);
        T* to = image + static_cast<int64_t>(r) * shape.width * shape.channels;
        for (int c = 0; c < shape.width;) {
            const auto* end = static_cast<const uint8_t*>(
                std::memchr(hidden + c, 1 - hidden[c], static_cast<size_t>(shape.width - c)));
            const int next = end ? static_cast<int>(end - hidden) : shape.width;
            if (hidden[c]) brush.paint(to + static_cast<int64_t>(c) * shape.channels, next - c);
            c = next;
        }
    }
}

template void rectangles<uint8_t>(uint8_t*, Shape, const Tables&, int64_t);
template void rectangles<float>(float*, Shape, const Tables&, int64_t);
template void grid<uint8_t>(uint8_t*, Shape, const Tables&, int64_t);
template void grid<float>(float*, Shape, const Tables&, int64_t);

} // namespace variegate::inline VARIEGATE_TARGET
