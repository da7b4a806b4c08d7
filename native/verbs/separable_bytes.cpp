// The second pass of a resize of bytes, in vectors: across rows.
#include "variegate/separable.hpp"

#include <algorithm>
#include <cstring>

#include "variegate/lanes.hpp"

namespace variegate::inline VARIEGATE_TARGET {

namespace {

void split_pair(int32_t* weights) {
    constexpr int32_t mask = (1 << low_bits) - 1;
    const int32_t first = weights[0], second = weights[1];
    weights[0] = (first & mask) | ((second & mask) << 16);
    weights[1] = ((first >> low_bits) & 0xffff) | ((second >> low_bits) * (1 << 16));
}

} // namespace

void split_weights(const Axis<uint8_t>& axis) {
    if (axis.paired) {
#pragma omp simd
        for (int i = 0; i < axis.count; ++i) split_pair(axis.weights + 2 * i);
        return;
    }
    for (int i = 0; i < axis.count; ++i)
        for (int t = 0; t < axis.taps[i].count; t += 2)
            split_pair(axis.weights + axis.taps[i].offset + t);
}

#ifdef VARIEGATE_LANES

namespace {

// Sums of weights times values, in two parts.
struct Sums {
    Lanes low = Lanes::all(1 << (separable_bits - 1));
    Lanes high = Lanes::zero();

    // pairs: two values of each sum, in 16 bits; weights: two that were split.
    void add(Lanes pairs, Lanes low_weights, Lanes high_weights) {
        low = low.plus_products(pairs, low_weights);
        high = high.plus_products(pairs, high_weights);
    }
    Lanes settled() const { return (high.left<low_bits>() + low).right<separable_bits>(); }
};

} // namespace

void pass_across_rows(const uint8_t* in, int64_t stride, const Axis<uint8_t>& axis, int row,
                      int64_t count, uint8_t* out) {
    const Taps taps = axis.taps[row];
    const int32_t* weights = axis.weights + taps.offset;
    const uint8_t* first = taps.count == 0 ? in : in + (taps.first - axis.lowest) * stride;
    const Lanes zero = Lanes::zero();
    for (int64_t i = 0; i < count; i += Lanes::bytes) {
        const uint8_t* from = first + i;
        Sums sums[4];
        for (int t = 0; t < taps.count; t += 2, from += 2 * stride) {
            const Lanes low = Lanes::all(weights[t]), high = Lanes::all(weights[t + 1]);
            const Lanes a = Lanes::load(from);
            const Lanes b = Lanes::load(t + 1 < taps.count ? from + stride : from);
            const Lanes lower = a.low_bytes(b), upper = a.high_bytes(b);
            sums[0].add(lower.low_bytes(zero), low, high);
            sums[1].add(lower.high_bytes(zero), low, high);
            sums[2].add(upper.low_bytes(zero), low, high);
            sums[3].add(upper.high_bytes(zero), low, high);
        }
        const Lanes words = sums[0].settled().words(sums[1].settled());
        const Lanes bytes = words.narrow(sums[2].settled().words(sums[3].settled()));
        if (count - i >= Lanes::bytes) {
            bytes.store(out + i);
        } else {
            uint8_t last[Lanes::bytes];
            bytes.store(last);
            std::memcpy(out + i, last, static_cast<size_t>(count - i));
        }
    }
}

#else

void pass_across_rows(const uint8_t* in, int64_t stride, const Axis<uint8_t>& axis, int row,
                      int64_t count, uint8_t* out) {
    const Taps taps = axis.taps[row];
    const int32_t* weights = axis.weights + taps.offset;
    const uint8_t* from = taps.count == 0 ? in : in + (taps.first - axis.lowest) * stride;
    const auto part = [](int32_t both, int which) {
        return static_cast<int16_t>(static_cast<uint32_t>(both) >> (16 * which));
    };
    for (int64_t i = 0; i < count; ++i) {
        int32_t sum = 0;
        for (int t = 0; t < taps.count; ++t) {
            const int32_t* pair = weights + t / 2 * 2;
            const int32_t weight = part(pair[0], t % 2) + part(pair[1], t % 2) * (1 << low_bits);
            sum += weight * from[t * stride + i];
        }
        out[i] = Weighting<uint8_t>::settled(sum);
    }
}

#endif

} // namespace variegate::inline VARIEGATE_TARGET
