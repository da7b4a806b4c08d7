// RECTANGLES and GRID: parts of the image are painted over.
#include <algorithm>

#include "variegate/random.hpp"
#include "variegate/rounding.hpp"
#include "variegate/verbs.hpp"

namespace variegate::inline VARIEGATE_TARGET {
namespace {

template <class T> void own_fill(const float* fill, int depth, T* pixel) {
    for (int k = 0; k < depth; ++k) pixel[k] = Rounding<T>::rounded(fill[k]);
}

// The highest 8 bits of the value's own word.
template <class T> T random_level(uint64_t key, int64_t place) {
    const auto top = static_cast<int>(random_word(key, static_cast<uint64_t>(place)) >> 56);
    if constexpr (sizeof(T) == 1)
        return static_cast<T>(top);
    else
        return static_cast<T>(top / 255.0);
}

template <class T> void fill_pixels(T* to, int64_t count, const T* pixel, int depth) {
    if (depth == 1) {
        std::fill_n(to, count, pixel[0]);
        return;
    }
    for (int64_t i = 0; i < count; ++i, to += depth) std::copy_n(pixel, depth, to);
}

} // namespace

template <class T> void rectangles(T* image, Shape shape, const Tables& tables, int64_t row) {
    const uint64_t key = tables.rectangles_noise[row];
    const int depth = shape.channels;
    T pixel[max_channels];
    own_fill(tables.rectangles_fill + max_channels * row, depth, pixel);
    for (int64_t n = tables.rectangles_start[row]; n < tables.rectangles_start[row + 1]; ++n) {
        const int32_t* rect = tables.rectangles + 4 * n;
        const int top = std::max(rect[0], 0), left = std::max(rect[1], 0);
        const int bottom = std::min(rect[2], shape.height), right = std::min(rect[3], shape.width);
        if (left >= right) continue;
        for (int r = top; r < bottom; ++r) {
            const int64_t from = (static_cast<int64_t>(r) * shape.width + left) * depth;
            const int64_t to = from + static_cast<int64_t>(right - left) * depth;
            if (key)
                for (int64_t i = from; i < to; ++i) image[i] = random_level<T>(key, i);
            else
                fill_pixels(image + from, right - left, pixel, depth);
        }
    }
}

template <class T> void grid(T* image, Shape shape, const Tables& tables, int64_t row) {
    const double* numbers = tables.grid + 6 * row;
    const double period = numbers[0], side = numbers[1], offset_u = numbers[2];
    const double offset_v = numbers[3], cosine = numbers[4], sine = numbers[5];
    const int depth = shape.channels;
    T pixel[max_channels];
    own_fill(tables.grid_fill + max_channels * row, depth, pixel);
    const auto hides = [&](double u) { return u - fast_floor(u / period) * period < side; };
    for (int r = 0; r < shape.height; ++r) {
        const double y = r + 0.5 - shape.height / 2.0;
        T* to = image + static_cast<int64_t>(r) * shape.width * depth;
        for (int c = 0; c < shape.width; ++c, to += depth) {
            const double x = c + 0.5 - shape.width / 2.0;
            const double u = (cosine * x - sine * y) + offset_u;
            if (!hides(u)) continue;
            const double v = (sine * x + cosine * y) + offset_v;
            if (hides(v)) std::copy_n(pixel, depth, to);
        }
    }
}

template void rectangles<uint8_t>(uint8_t*, Shape, const Tables&, int64_t);
template void rectangles<float>(float*, Shape, const Tables&, int64_t);
template void grid<uint8_t>(uint8_t*, Shape, const Tables&, int64_t);
template void grid<float>(float*, Shape, const Tables&, int64_t);

} // namespace variegate::inline VARIEGATE_TARGET
