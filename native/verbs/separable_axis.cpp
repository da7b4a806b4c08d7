// The weights of a resize along one axis.
#include "variegate/separable.hpp"

#include <algorithm>

namespace variegate::inline VARIEGATE_TARGET {
namespace {

// NumPy's pairwise sum, so that weights have the reference's last bit.
double pairwise_sum(const double* values, int64_t count) {
    if (count < 8) {
        double sum = 0;
        for (int64_t i = 0; i < count; ++i) sum += values[i];
        return sum;
    }
    if (count > 128) {
        int64_t half = count / 2;
        half -= half % 8;
        return pairwise_sum(values, half) + pairwise_sum(values + half, count - half);
    }
    double part[8];
    std::copy_n(values, 8, part);
    int64_t i = 8;
    for (; i + 8 <= count; i += 8)
        for (int k = 0; k < 8; ++k) part[k] += values[i + k];
    double sum =
        ((part[0] + part[1]) + (part[2] + part[3])) + ((part[4] + part[5]) + (part[6] + part[7]));
    for (; i < count; ++i) sum += values[i];
    return sum;
}

double reach_of(Resample resample) {
    if (resample == Resample::Box) return 0.5;
    return resample == Resample::Bilinear ? 1 : 2;
}

double kernel_at(Resample resample, double t) {
    if (resample == Resample::Box) return t > -0.5 && t <= 0.5 ? 1.0 : 0.0;
    return resample == Resample::Bilinear ? triangle_kernel(t) : cubic_kernel(t);
}

// The weights of one output, from that of source index touched.from on: in a row where all taps
// lie inside, else gathered in `dense`, which is zero everywhere.
struct Weights {
    Span touched;
    double* values;
};

Weights weights_of(const AxisRule& rule, double middle, Buffer& room, double* dense) {
    const double widen = std::max(1.0, std::fabs(rule.scale));
    const double support = reach_of(rule.resample) * widen;
    auto from = static_cast<int64_t>(std::floor(middle - support + 0.5));
    auto to = static_cast<int64_t>(std::floor(middle + support + 0.5));
    if (rule.border == Border::Constant) {
        from = std::max<int64_t>(from, 0);
        to = std::min<int64_t>(to, rule.length);
    }
    if (from >= to) return {{0, 0}, dense};
    double* values = room.get<double>(to - from);
    for (int64_t tap = from; tap < to; ++tap) {
        const double t = (tap - middle + 0.5) / widen;
        values[tap - from] = kernel_at(rule.resample, t);
    }
    const double sum = pairwise_sum(values, to - from);
    if (sum == 0) return {{0, 0}, dense};
    if (from >= 0 && to <= rule.length) {
        for (int64_t k = 0; k < to - from; ++k) values[k] /= sum;
        return {{static_cast<int>(from), static_cast<int>(to)}, values};
    }
    Span touched{rule.length, 0};
    for (int64_t tap = from; tap < to; ++tap) {
        const int index = continued(static_cast<int>(tap), rule.length, rule.border);
        dense[index] += values[tap - from] / sum;
        touched.from = std::min(touched.from, index);
        touched.to = std::max(touched.to, index + 1);
    }
    return {touched, dense + touched.from};
}

template <class T> Axis<T> any_axis(const AxisRule& rule, Scratch& scratch, int number) {
    using Weight = typename Axis<T>::Weight;
    Buffer& weights_room = scratch.weights[number];
    auto* taps = scratch.places[number].get<Taps>(rule.count);
    double* dense = scratch.lines.get<double>(rule.length);
    std::fill_n(dense, rule.length, 0.0);
    // Weights of all outputs one behind the other. Their number is known only afterwards: first a
    // guess, then grown.
    const double widen = std::max(1.0, std::fabs(rule.scale));
    int64_t room = (static_cast<int64_t>(std::min(4 * widen, 1.0 * rule.length)) + 3) * rule.count;
    Weight* weights = weights_room.get<Weight>(room);
    Axis<T> axis{taps, weights, rule.count, rule.length, 0, false};
    int64_t used = 0;
    for (int i = 0; i < rule.count; ++i) {
        const double center = rule.scale * (i + 0.5) + rule.offset;
        taps[i] = {0, 0, used};
        if (rule.border == Border::Constant && !(center >= 0 && center < rule.length)) continue;
        const auto [touched, found] = weights_of(rule, near_enough(center), scratch.tile, dense);
        if (used + touched.to - touched.from + 1 > room) {
            room = 2 * room + rule.length;
            weights = weights_room.grown<Weight>(room, used);
            axis.weights = weights;
        }
        Span span{touched.to, touched.from}; // without the zeros at both ends
        for (int index = touched.from; index < touched.to; ++index) {
            const Weight weight = Weighting<T>::weight(found[index - touched.from]);
            found[index - touched.from] = 0;
            weights[used + index - touched.from] = weight;
            if (weight == 0) continue;
            span.from = std::min(span.from, index);
            span.to = index + 1;
        }
        if (span.from >= span.to) span = {touched.from, touched.to};
        std::copy(weights + used + span.from - touched.from,
                  weights + used + span.to - touched.from, weights + used);
        taps[i] = {span.from, span.to - span.from, used};
        used += span.to - span.from;
        if (used % 2 != 0) weights[used++] = 0; // taps go by pairs
        if (span.from >= span.to) continue;
        axis.lowest = std::min(axis.lowest, span.from);
        axis.highest = std::max(axis.highest, span.to);
    }
    return axis;
}

// floor of a value below 2^31.
double whole_below(double value) {
    const double whole = static_cast<double>(static_cast<int32_t>(value));
    return whole > value ? whole - 1.0 : whole;
}

constexpr int together = 64; // outputs

// Outputs that each have one or two taps, side by side.
struct TwoTaps {
    double from[together]; // the first tap, -1 outside the frame
    double first[together];
    double second[together];
    bool legal; // whether none has more taps, or weights of no sum
};

// Bilinear weights of outputs `start` and on, without a reduction and with nothing beyond the
// frame: the operations of weights_of.
void find_two_taps(const AxisRule& rule, int start, int count, TwoTaps& found) {
    const double length = rule.length;
    double middle[together], outside[together], to[together], wrong = 0;
#pragma omp simd
    for (int i = 0; i < count; ++i) {
        const double center = rule.scale * (start + i + 0.5) + rule.offset;
        middle[i] = near_enough(center);
        outside[i] = (center >= 0 ? 0.0 : 1.0) + (center < length ? 0.0 : 1.0);
    }
#pragma omp simd
    for (int i = 0; i < count; ++i) {
        const double low = whole_below((middle[i] - 1) + 0.5);
        const double high = whole_below((middle[i] + 1) + 0.5);
        found.from[i] = low > 0 ? low : 0.0;
        to[i] = high < length ? high : length;
    }
#pragma omp simd reduction(+ : wrong)
    for (int i = 0; i < count; ++i) {
        const double from = found.from[i], taps = to[i] - from;
        const double one = 1 - std::fabs((from - middle[i]) + 0.5);
        const double two = 1 - std::fabs((from + 1 - middle[i]) + 0.5);
        const double first = one > 0 ? one : 0.0, other = two > 0 ? two : 0.0;
        const double second = taps > 1 ? other : 0.0, sum = first + second;
        const double bad = std::fabs(taps - 1.5) > 0.6 || !(sum > 0) ? 1.0 : 0.0;
        wrong += outside[i] > 0 ? 0.0 : bad;
        found.from[i] = outside[i] > 0 ? -1.0 : from;
        found.first[i] = first / sum;
        found.second[i] = second / sum;
    }
    found.legal = wrong == 0;
}

template <class T>
bool two_tap_axis(const AxisRule& rule, Scratch& scratch, int number, Axis<T>& axis) {
    using Weight = typename Axis<T>::Weight;
    if (rule.resample != Resample::Bilinear || rule.border != Border::Constant) return false;
    if (std::fabs(rule.scale) > 1) return false;
    constexpr int behind = 8; // outputs in a register
    auto* taps = scratch.places[number].get<Taps>(int64_t{rule.count} + behind);
    auto* weights = scratch.weights[number].get<Weight>(2 * (int64_t{rule.count} + behind));
    axis = {taps, weights, rule.count, rule.length, 0, true};
    TwoTaps found;
    for (int start = 0; start < rule.count; start += together) {
        const int count = std::min(together, rule.count - start);
        find_two_taps(rule, start, count, found);
        if (!found.legal) return false;
        Weight first[together], second[together];
#pragma omp simd
        for (int i = 0; i < count; ++i) {
            first[i] = Weighting<T>::weight(found.first[i]);
            second[i] = Weighting<T>::weight(found.second[i]);
        }
        for (int i = 0; i < count; ++i, weights += 2) {
            const bool inside = found.from[i] >= 0, later = first[i] == 0;
            const int used = inside ? 2 - (later || second[i] == 0) : 0;
            const int from = inside ? static_cast<int>(found.from[i]) + later : 0;
            weights[0] = inside ? (later ? second[i] : first[i]) : Weight{0};
            weights[1] = used == 2 ? second[i] : Weight{0};
            taps[start + i] = {from, used, weights - axis.weights};
            axis.lowest = std::min(axis.lowest, inside ? from : rule.length);
            axis.highest = std::max(axis.highest, from + used);
        }
    }
    return true;
}

} // namespace

template <class T> Axis<T> make_axis(const AxisRule& rule, Scratch& scratch, int number) {
    Axis<T> axis{};
    if (two_tap_axis<T>(rule, scratch, number, axis)) return axis;
    return any_axis<T>(rule, scratch, number);
}

template Axis<uint8_t> make_axis<uint8_t>(const AxisRule&, Scratch&, int);
template Axis<float> make_axis<float>(const AxisRule&, Scratch&, int);

} // namespace variegate::inline VARIEGATE_TARGET
