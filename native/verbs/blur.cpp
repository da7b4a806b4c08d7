// BLUR: a separable Gaussian or box, first along rows and then along columns, rounded once, or what
// differs from it added. Bytes go through 16 bits, in 128ths of a level; floats, and bytes under
// wide filters, through floats.
#include <algorithm>
#include <cmath>
#include <cstring>

#include "variegate/filters.hpp"
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
// Boxes whose sums run along: of more pixels they would not fit 31 bits.
constexpr int least_wide = 8, most_wide = 64;
constexpr int32_t box_unit = 256;

struct Look {
    Window window;
    double width;
    int radius;
    double amount; // -1: the blur itself
    double threshold;
};

Look look_of(const double* numbers) {
    const auto window = static_cast<Window>(static_cast<int>(numbers[0]));
    const double reach = window == Window::Gaussian ? 3 * numbers[1] : numbers[1];
    return {window, numbers[1], static_cast<int>(std::ceil(reach)), numbers[2], numbers[3]};
}

// weights[tap] is for `tap` pixels to either side; `first`: what each sum starts from.
template <class Vector> struct Filter {
    using Number = typename Vector::Number;
    int radius;
    Number first;
    Number* weights;
};

// room: radius + 1 numbers.
Filter<Floats> make_filter(const Look& look, float* room) {
    const int radius = look.radius;
    const double width = look.width;
    const auto weight = [&](int tap) {
        if (look.window == Window::Gaussian) return std::exp(-0.5 * (tap / width) * (tap / width));
        return std::abs(tap) < radius ? 1.0 : width - (radius - 1);
    };
    double sum = 0;
    for (int tap = -radius; tap <= radius; ++tap) sum += weight(tap);
    for (int tap = 0; tap <= radius; ++tap) room[tap] = static_cast<float>(weight(tap) / sum);
    return {radius, 0.0f, room};
}

// The weights add up to 2^16. Each product loses its fraction, half a unit as a rule.
Filter<Shorts> make_filter(const Look& look, uint16_t* room) {
    float exact[most_short + 1];
    make_filter(look, exact);
    const int radius = look.radius;
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
    continue_row(own, shape.width, shape.channels, filter.radius);
    for (int64_t i = 0; i < count; i += block<Vector>) {
        const auto* middle = own + i;
        Vector sums[parts];
        add_taps(
            filter, middle, [&](int tap) { return middle - tap * depth; },
            [&](int tap) { return middle + tap * depth; }, sums);
        for (int k = 0; k < parts; ++k) sums[k].store(out + i + k * Vector::count);
    }
}

void settle_one(float value, uint8_t& out) {
    out = static_cast<uint8_t>(static_cast<int>(clip(value, 0.0f, 255.0f) + 0.5f));
}

void settle_one(float value, float& out) { out = clip(value, 0.0f, 1.0f); }

template <class T> void settle(const float* sums, int64_t count, T* out) {
    for (int64_t i = 0; i < count; ++i) settle_one(sums[i], out[i]);
}

void settle(const uint16_t* sums, int64_t count, uint8_t* out) {
    for (int64_t i = 0; i < count; ++i)
        out[i] = static_cast<uint8_t>(std::min((sums[i] + 64) >> 7, 255));
}

// Where differences count, and how much (see Unsharp in variegate/ops/entries.py).
struct Sharpening {
    float amount;
    float threshold; // in the image's own range
    float over;      // 1 over the threshold

    static Sharpening of(const Look& look, double level) {
        const double threshold = look.threshold * level;
        return {static_cast<float>(look.amount), static_cast<float>(threshold),
                static_cast<float>(1 / threshold)};
    }
    float at(float value, float smooth) const {
        const float away = value - smooth;
        if (threshold == 0) return value + amount * away;
        return value + amount * clip(std::fabs(away) * over - 1, 0.0f, 1.0f) * away;
    }
};

float smooth_of(float sum) { return sum; }
float smooth_of(uint16_t sum) { return static_cast<float>(sum) / 128; }

template <class Number, class T>
void sharpen(const T* in, const Number* sums, int64_t count, const Sharpening& rule, T* out) {
    for (int64_t i = 0; i < count; ++i)
        settle_one(rule.at(static_cast<float>(in[i]), smooth_of(sums[i])), out[i]);
}

// rows: row r and those before and behind it, by taps: rows[radius + tap]. line: room for a row.
template <class Vector>
void along_columns(const typename Vector::Number* const* rows, const Filter<Vector>& filter,
                   int64_t count, typename Vector::Number* line) {
    const int radius = filter.radius;
    for (int64_t i = 0; i < count; i += block<Vector>) {
        Vector sums[parts];
        add_taps(
            filter, rows[radius] + i, [&](int tap) { return rows[radius - tap] + i; },
            [&](int tap) { return rows[radius + tap] + i; }, sums);
        for (int k = 0; k < parts; ++k) sums[k].store(line + i + k * Vector::count);
    }
}

template <class Vector, class T>
void blur_by(const T* in, Shape shape, const Look& look, T* out, Scratch& scratch) {
    const int radius = look.radius;
    using Number = typename Vector::Number;
    const int64_t count = static_cast<int64_t>(shape.width) * shape.channels;
    const int64_t sides = 2 * static_cast<int64_t>(radius) * shape.channels;
    const int64_t stride = (count / block<Vector> + 1) * block<Vector>;
    const auto filter = make_filter(look, scratch.weights[0].get<Number>(radius + 1));
    const auto rule = Sharpening::of(look, Rounding<T>::full / 255);
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
        along_columns(rows, filter, count, line);
        if (look.amount == -1)
            settle(line, count, out + r * count);
        else
            sharpen(in + r * count, line, count, rule, out + r * count);
    }
}

// The sums of `inner` values of a channel behind each place of a line.
template <int Depth>
void sums_along(const int32_t* line, int64_t count, int depth, int inner, int32_t* sums) {
    const int step = Depth ? Depth : depth;
    const int64_t reach = int64_t{inner} * step;
    int32_t own[Depth ? Depth : max_channels] = {};
    for (int64_t i = step; i < step + reach; i += step)
        for (int k = 0; k < step; ++k) own[k] += line[i + k];
    for (int64_t i = 0; i < count; i += step) {
        for (int k = 0; k < step; ++k) {
            sums[i + k] = own[k];
            own[k] += line[i + k + step + reach] - line[i + k + step];
        }
    }
}

// The weighted sums of a line that is continued on both sides, as levels; the two values around
// each of the sums count `part`.
void settle_box(const int32_t* line, const int32_t* sums, int64_t count, int64_t last, float part,
                float scale, uint8_t* out) {
    for (int64_t i = 0; i < count; ++i) {
        const auto ends = static_cast<float>(line[i] + line[i + last]);
        const float total = (static_cast<float>(sums[i]) + part * ends) * scale + 0.5f;
        out[i] = static_cast<uint8_t>(static_cast<int>(total < 255.0f ? total : 255.0f));
    }
}

// Wide boxes of bytes: what each pixel costs does not depend on the width. Rows are added up in
// 256ths of a level, sums of rows along the row.
void blur_wide_box(const uint8_t* in, Shape shape, const Look& look, uint8_t* out,
                   Scratch& scratch) {
    const int radius = look.radius, inner = 2 * radius - 1, depth = shape.channels;
    const int64_t count = static_cast<int64_t>(shape.width) * depth;
    const double part = look.width - (radius - 1);
    const auto share = static_cast<int32_t>(part * box_unit + 0.5);
    const auto scale = static_cast<float>(1 / ((inner + 2 * part) * (inner + 2 * part) * box_unit));
    auto* column = scratch.pass.get<int32_t>(2 * count);
    int32_t* sums = column + count;
    auto* line = scratch.lines.get<int32_t>(count + 2 * int64_t{radius} * depth);
    const auto row = [&](int64_t r) { return in + mirrored(r, shape.height) * count; };
    std::fill_n(column, count, 0);
    for (int r = 1 - radius; r < radius; ++r) {
        const uint8_t* from = row(r);
        for (int64_t i = 0; i < count; ++i) column[i] += from[i];
    }
    int32_t* own = line + int64_t{radius} * depth;
    for (int r = 0; r < shape.height; ++r) {
        const uint8_t *above = row(int64_t{r} - radius), *below = row(int64_t{r} + radius);
        const uint8_t* gone = row(int64_t{r} - radius + 1);
        for (int64_t i = 0; i < count; ++i) {
            own[i] = column[i] * box_unit + share * (above[i] + below[i]);
            column[i] += below[i] - gone[i];
        }
        continue_row(own, shape.width, depth, radius);
        const auto along = depth == 3 ? sums_along<3> : depth == 1 ? sums_along<1> : sums_along<0>;
        along(line, count, depth, inner, sums);
        settle_box(line, sums, count, (int64_t{inner} + 1) * depth, static_cast<float>(part), scale,
                   out + r * count);
    }
}

} // namespace

template <class T>
void blur(const T* in, Shape shape, const double* numbers, T* out, Scratch& scratch) {
    const Look look = look_of(numbers);
    if (look.radius == 0) {
        std::copy_n(in, shape.values(), out);
        return;
    }
    if constexpr (sizeof(T) == 1) {
        const bool box = look.window == Window::Box && look.amount == -1;
        if (box && look.radius >= least_wide && look.radius <= most_wide)
            return blur_wide_box(in, shape, look, out, scratch);
        if (box && look.radius < least_wide && look.width == look.radius)
            return mean_of_squares(in, shape, look.radius, out, scratch);
        // What is added to a pixel keeps the halves of 16 bits, which then fall to one side.
        if (look.amount == -1 && look.radius <= most_short && shape.values() >= least_short)
            return blur_by<Shorts>(in, shape, look, out, scratch);
    }
    blur_by<Floats>(in, shape, look, out, scratch);
}

template void blur<uint8_t>(const uint8_t*, Shape, const double*, uint8_t*, Scratch&);
template void blur<float>(const float*, Shape, const double*, float*, Scratch&);

} // namespace variegate::inline VARIEGATE_TARGET
