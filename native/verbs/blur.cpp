// BLUR: a separable Gaussian, first along rows and then along columns, rounded once. Bytes go
// through 16 bits, in 128ths of a level; floats, and bytes under wide filters, through floats.
#include <algorithm>
#include <cmath>
#include <cstring>

#include "variegate/rounding.hpp"
#include "variegate/vectors.hpp"
#include "variegate/verbs.hpp"

namespace variegate::inline VARIEGATE_TARGET {
namespace {

// Sums that are kept in registers at once.
constexpr int parts = 4;
template <class Vector> constexpr int block = parts * Vector::count;
// Each tap of 16 bits is off by up to a 256th of a level, mostly to one side in dark images.
constexpr int most_short = 8;
// In an image of fewer values the few that such taps round otherwise are too large a share.
constexpr int64_t least_short = 512;

// Indices outside 0..length-1 reflected about the outer pixels' centers (c b a
// b c).
int mirrored(int64_t index, int length) {
    if (length == 1) return 0;
    const int64_t period = 2 * (static_cast<int64_t>(length) - 1);
    index = std::abs(index) % period;
    return static_cast<int>(std::min(index, period - index));
}

// weights[tap] is for `tap` pixels to either side; `first`: what each sum starts from.
template <class Vector> struct Filter {
    using Number = typename Vector::Number;
    int radius;
    Number first;
    Number* weights;
};

// room: radius + 1 numbers.
Filter<Floats> make_filter(double sigma, int radius, float* room) {
    double sum = 0;
    const auto weight = [&](int tap) { return std::exp(-0.5 * (tap / sigma) * (tap / sigma)); };
    for (int tap = -radius; tap <= radius; ++tap) sum += weight(tap);
    for (int tap = 0; tap <= radius; ++tap) room[tap] = static_cast<float>(weight(tap) / sum);
    return {radius, 0.0f, room};
}

// The weights add up to 2^16. Each product loses its fraction, half a unit as a rule.
Filter<Shorts> make_filter(double sigma, int radius, uint16_t* room) {
    float exact[most_short + 1];
    make_filter(sigma, radius, exact);
    int middle = 1 << 16;
    for (int tap = 1; tap <= radius; ++tap) {
        room[tap] = static_cast<uint16_t>(static_cast<int>(exact[tap] * 65536.0f + 0.5f));
        middle -= 2 * room[tap];
    }
    room[0] = static_cast<uint16_t>(std::min(middle, 65535));
    return {radius, static_cast<uint16_t>((radius + 1) / 2), room};
}

template <class T> void widen(const T* in, int64_t count, float* out) {
    for (int64_t i = 0; i < count; ++i) out[i] = in[i];
}

void widen(const uint8_t* in, int64_t count, uint16_t* out) {
    for (int64_t i = 0; i < count; ++i) out[i] = static_cast<uint16_t>(in[i] * 128);
}

// Sums over the taps of one block of values. before(tap), behind(tap): where its values lie.
template <class Vector, class Before, class Behind>
void add_taps(const Filter<Vector>& filter, const typename Vector::Number* own, Before before,
              Behind behind, Vector* sums) {
    const Vector first = Vector::all(filter.first), middle = Vector::all(filter.weights[0]);
    for (int k = 0; k < parts; ++k)
        sums[k] = first + middle * Vector::load(own + k * Vector::count);
    for (int tap = 1; tap <= filter.radius; ++tap) {
        const Vector weight = Vector::all(filter.weights[tap]);
        const auto *one = before(tap), *other = behind(tap);
        for (int k = 0; k < parts; ++k)
            sums[k] = sums[k] + weight * (Vector::load(one + k * Vector::count) +
                                          Vector::load(other + k * Vector::count));
    }
}

// One row, its ends continued by radius pixels on both sides, weighted into `out`. A block may be
// read and written behind the last value.
template <class T, class Vector>
void along_row(const T* in, Shape shape, const Filter<Vector>& filter,
               typename Vector::Number* line, typename Vector::Number* out) {
    const int64_t depth = shape.channels, count = shape.width * depth;
    auto* own = line + filter.radius * depth;
    widen(in, count, own);
    for (int side = 1; side <= filter.radius; ++side) {
        const int left = mirrored(-side, shape.width);
        const int right = mirrored(static_cast<int64_t>(shape.width) - 1 + side, shape.width);
        std::copy_n(own + left * depth, depth, own - side * depth);
        std::copy_n(own + right * depth, depth, own + count + (side - 1) * depth);
    }
    for (int64_t i = 0; i < count; i += block<Vector>) {
        const auto* middle = own + i;
        Vector sums[parts];
        add_taps(
            filter, middle, [&](int tap) { return middle - tap * depth; },
            [&](int tap) { return middle + tap * depth; }, sums);
        for (int k = 0; k < parts; ++k) sums[k].store(out + i + k * Vector::count);
    }
}

void settle(const float* sums, int64_t count, uint8_t* out) {
    for (int64_t i = 0; i < count; ++i)
        out[i] = static_cast<uint8_t>(static_cast<int>(clip(sums[i], 0.0f, 255.0f) + 0.5f));
}

void settle(const float* sums, int64_t count, float* out) {
    for (int64_t i = 0; i < count; ++i) out[i] = clip(sums[i], 0.0f, 1.0f);
}

void settle(const uint16_t* sums, int64_t count, uint8_t* out) {
    for (int64_t i = 0; i < count; ++i)
        out[i] = static_cast<uint8_t>(std::min((sums[i] + 64) >> 7, 255));
}

// rows: row r and those before and behind it, by taps: rows[radius + tap]. line: room for a row.
template <class T, class Vector>
void along_columns(const typename Vector::Number* const* rows, const Filter<Vector>& filter,
                   int64_t count, typename Vector::Number* line, T* out) {
    const int radius = filter.radius;
    for (int64_t i = 0; i < count; i += block<Vector>) {
        Vector sums[parts];
        add_taps(
            filter, rows[radius] + i, [&](int tap) { return rows[radius - tap] + i; },
            [&](int tap) { return rows[radius + tap] + i; }, sums);
        for (int k = 0; k < parts; ++k) sums[k].store(line + i + k * Vector::count);
    }
    settle(line, count, out);
}

template <class Vector, class T>
void blur_by(const T* in, Shape shape, double sigma, int radius, T* out, Scratch& scratch) {
    using Number = typename Vector::Number;
    const int64_t count = static_cast<int64_t>(shape.width) * shape.channels;
    const int64_t sides = 2 * static_cast<int64_t>(radius) * shape.channels;
    const int64_t stride = (count / block<Vector> + 1) * block<Vector>;
    const auto filter = make_filter(sigma, radius, scratch.weights[0].get<Number>(radius + 1));
    auto* line = scratch.lines.get<Number>(stride + sides);
    std::fill_n(line, stride + sides, Number{0});
    // Rows stay for as long as a tap reaches them.
    const int kept = static_cast<int>(std::min<int64_t>(shape.height, 2 * int64_t{radius} + 1));
    auto* pass = scratch.pass.get_aligned<Number>(kept * stride);
    auto* rows = scratch.points.get<const Number*>(2 * int64_t{radius} + 1);
    const auto place = [&](int r) { return pass + (r % kept) * stride; };
    int ready = 0;
    for (int r = 0; r < shape.height; ++r) {
        for (; ready < shape.height && ready - r <= radius; ++ready)
            along_row(in + ready * count, shape, filter, line, place(ready));
        for (int tap = -radius; tap <= radius; ++tap)
            rows[radius + tap] = place(mirrored(static_cast<int64_t>(r) + tap, shape.height));
        along_columns(rows, filter, count, line, out + r * count);
    }
}

} // namespace

template <class T> void blur(const T* in, Shape shape, double sigma, T* out, Scratch& scratch) {
    const int radius = static_cast<int>(std::ceil(3 * sigma));
    if (radius == 0) {
        std::copy_n(in, shape.values(), out);
        return;
    }
    if constexpr (sizeof(T) == 1) {
        if (radius <= most_short && shape.values() >= least_short)
            return blur_by<Shorts>(in, shape, sigma, radius, out, scratch);
    }
    blur_by<Floats>(in, shape, sigma, radius, out, scratch);
}

template void blur<uint8_t>(const uint8_t*, Shape, double, uint8_t*, Scratch&);
template void blur<float>(const float*, Shape, double, float*, Scratch&);

} // namespace variegate::inline VARIEGATE_TARGET
