// MEDIAN: the middle of a square of values, the border repeated. Squares of 3, 5 and 7 a side are
// sorted in vectors; larger ones of bytes are counted, those of floats selected from.
#include <algorithm>

#include "variegate/filters.hpp"
#include "variegate/sorting.hpp"
#include "variegate/verbs.hpp"

namespace variegate::inline VARIEGATE_TARGET {
namespace {

// Where a square whose rows and columns are sorted can have its middle: not where half of all
// values are known to be smaller, or larger.
template <int Side> constexpr bool may_be_middle(int row, int column) {
    constexpr int half = (Side * Side + 1) / 2;
    return (row + 1) * (column + 1) <= half && (Side - row) * (Side - column) <= half;
}

template <int Side> constexpr int candidates() {
    int count = 0;
    for (int i = 0; i < Side * Side; ++i) count += may_be_middle<Side>(i / Side, i % Side);
    return count;
}

template <int Side> constexpr std::array<int, candidates<Side>()> candidate_places() {
    std::array<int, candidates<Side>()> out{};
    size_t used = 0;
    for (int i = 0; i < Side * Side; ++i)
        if (may_be_middle<Side>(i / Side, i % Side)) out[used++] = i;
    return out;
}

// square: Side rows of Side values whose columns are sorted.
template <int Side, class Vector> VARIEGATE_INLINE Vector middle_of(Vector* square) {
    each<Side>([&](auto row) VARIEGATE_INLINE_LAMBDA { sort_all<Side>(square + row * Side); });
    constexpr auto places = candidate_places<Side>();
    constexpr int count = static_cast<int>(places.size());
    constexpr int first = count == 3 ? 3 : count / 2 + 2;
    const auto at = [&](auto place)
                        VARIEGATE_INLINE_LAMBDA { return square[places[size_t{place}]]; };
    Vector some[first];
    each<first>([&](auto place) VARIEGATE_INLINE_LAMBDA { some[place] = at(place); });
    return middle<first, first>(some, at);
}

// A row continued on both sides by its outer pixels.
template <class T> void repeat_ends(const T* in, Shape shape, int radius, T* out) {
    const int64_t depth = shape.channels, count = shape.width * depth;
    for (int side = 0; side < radius; ++side) {
        std::copy_n(in, depth, out + side * depth);
        std::copy_n(in + count - depth, depth, out + radius * depth + count + side * depth);
    }
    std::copy_n(in, count, out + radius * depth);
}

// The rows of a square about row r, each continued; rows outside repeat the outer ones.
template <class T> struct Square {
    const T* in;
    Shape shape;
    int radius;
    T* memory; // 2 radius + 1 rows of `stride` values
    int64_t stride;
    int ready = 0;

    const T* row(int r) {
        const int64_t count = static_cast<int64_t>(shape.width) * shape.channels;
        r = std::clamp(r, 0, shape.height - 1);
        for (; ready <= r; ++ready)
            repeat_ends(in + ready * count, shape, radius,
                        memory + ready % (2 * radius + 1) * stride);
        return memory + r % (2 * radius + 1) * stride;
    }
};

template <class T>
Square<T> make_square(const T* in, Shape shape, int radius, int64_t beyond, Scratch& scratch) {
    const int64_t depth = shape.channels;
    const int64_t stride = (shape.width + 2 * int64_t{radius}) * depth + beyond;
    const int64_t values = (2 * int64_t{radius} + 1) * stride;
    T* memory = scratch.pass.get<T>(values);
    std::fill_n(memory, values, T{0});
    return {in, shape, radius, memory, stride};
}

template <int Side, class T> void by_sorting(const T* in, Shape shape, T* out, Scratch& scratch) {
    using Vector = typename Sortable<T>::Vector;
    constexpr int radius = Side / 2;
    const int64_t depth = shape.channels, count = shape.width * depth;
    const int64_t wide = count + 2 * radius * depth;
    Square<T> square = make_square(in, shape, radius, Vector::count, scratch);
    // Row k holds the k-th smallest of each column of a square.
    T* sorted = scratch.lines.get<T>(Side * square.stride);
    std::fill_n(sorted, Side * square.stride, T{0});
    for (int r = 0; r < shape.height; ++r, out += count) {
        const T* rows[Side];
        for (int k = 0; k < Side; ++k) rows[k] = square.row(r + k - radius);
        for (int64_t i = 0; i < wide; i += Vector::count) {
            Vector column[Side];
            for (int k = 0; k < Side; ++k) column[k] = Vector::load(rows[k] + i);
            sort_all<Side>(column);
            for (int k = 0; k < Side; ++k) column[k].store(sorted + k * square.stride + i);
        }
        for (int64_t i = 0; i < count; i += Vector::count) {
            Vector values[Side * Side];
            each<Side * Side>([&](auto place) VARIEGATE_INLINE_LAMBDA {
                const T* row = sorted + place / Side * square.stride;
                values[place] = Vector::load(row + i + place % Side * depth);
            });
            const Vector found = middle_of<Side>(values);
            if (i + Vector::count <= count) {
                found.store(out + i);
            } else {
                T last[Vector::count];
                found.store(last);
                std::copy_n(last, count - i, out + i);
            }
        }
    }
}

// How often each level is in a square, and each sixteen of them.
struct Counts {
    uint32_t few[16] = {};
    uint32_t all[256] = {};

    void add(uint8_t level, uint32_t by) {
        few[level >> 4] += by;
        all[level] += by;
    }
    // The level of which `before` are smaller.
    uint8_t at(uint32_t before) const {
        int level = 0;
        for (; before >= few[level >> 4]; level += 16) before -= few[level >> 4];
        for (; before >= all[level]; ++level) before -= all[level];
        return static_cast<uint8_t>(level);
    }
};

void by_choice(const uint8_t* in, Shape shape, int radius, uint8_t* out, Scratch& scratch) {
    const int depth = shape.channels, side = 2 * radius + 1;
    const auto before = static_cast<uint32_t>(int64_t{side} * side / 2);
    Square<uint8_t> square = make_square(in, shape, radius, 0, scratch);
    auto* rows = scratch.points.get<const uint8_t*>(side);
    for (int r = 0; r < shape.height; ++r) {
        for (int k = 0; k < side; ++k) rows[k] = square.row(r + k - radius);
        for (int channel = 0; channel < depth; ++channel) {
            Counts counts;
            const auto add = [&](int column, uint32_t by) {
                const int64_t place = int64_t{column} * depth + channel;
                for (int k = 0; k < side; ++k) counts.add(rows[k][place], by);
            };
            for (int c = 0; c < side - 1; ++c) add(c, 1);
            for (int c = 0; c < shape.width; ++c) {
                add(c + side - 1, 1);
                out[int64_t{c} * depth + channel] = counts.at(before);
                add(c, UINT32_MAX); // one less
            }
        }
        out += int64_t{shape.width} * depth;
    }
}

void by_choice(const float* in, Shape shape, int radius, float* out, Scratch& scratch) {
    const int depth = shape.channels, side = 2 * radius + 1;
    Square<float> square = make_square(in, shape, radius, 0, scratch);
    auto* rows = scratch.points.get<const float*>(side);
    auto* values = scratch.lines.get<float>(int64_t{side} * side);
    for (int r = 0; r < shape.height; ++r) {
        for (int k = 0; k < side; ++k) rows[k] = square.row(r + k - radius);
        for (int64_t i = 0; i < int64_t{shape.width} * depth; ++i) {
            float* end = values;
            for (int k = 0; k < side; ++k)
                for (int j = 0; j < side; ++j) *end++ = rows[k][i + int64_t{j} * depth];
            float* half = values + int64_t{side} * side / 2;
            std::nth_element(values, half, end);
            *out++ = *half;
        }
    }
}

} // namespace

template <class T> void median(const T* in, Shape shape, int radius, T* out, Scratch& scratch) {
    switch (radius) {
    case 0:
        std::copy_n(in, shape.values(), out);
        return;
    case 1:
        return by_sorting<3>(in, shape, out, scratch);
    case 2:
        return by_sorting<5>(in, shape, out, scratch);
    case 3:
        return by_sorting<7>(in, shape, out, scratch);
    default:
        return by_choice(in, shape, radius, out, scratch);
    }
}

template void median<uint8_t>(const uint8_t*, Shape, int, uint8_t*, Scratch&);
template void median<float>(const float*, Shape, int, float*, Scratch&);

} // namespace variegate::inline VARIEGATE_TARGET
