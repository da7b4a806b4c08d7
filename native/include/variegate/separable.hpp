// Resizing along one axis: the weights, and the passes over bytes.
#pragma once

#include "variegate/warping.hpp"

namespace variegate::inline VARIEGATE_TARGET {

constexpr int separable_bits = 22; // of a uint8 weight, as in Pillow

template <class T> struct Weighting;
template <> struct Weighting<uint8_t> {
    using Weight = int32_t;
    using Sum = int32_t;
    static Weight weight(double value) {
        return static_cast<int32_t>(value * (1 << separable_bits) + std::copysign(0.5, value));
    }
    static uint8_t settled(Sum sum) {
        return static_cast<uint8_t>(
            clip((sum + (1 << (separable_bits - 1))) >> separable_bits, 0, 255));
    }
};
template <> struct Weighting<float> {
    using Weight = float;
    using Sum = float;
    static Weight weight(double value) { return static_cast<float>(value); }
    static float settled(Sum sum) { return clip(sum, 0.0f, 1.0f); }
};

// One axis: output i is the sum of weights[offset + t] * source[first + t] for t in 0..count-1.
struct Taps {
    int first;
    int count; // 0: outside the frame
    int64_t offset;
};

template <class T> struct Axis {
    using Weight = typename Weighting<T>::Weight;
    const Taps* taps;
    Weight* weights;
    int count;
    int lowest; // source indices in use: lowest..highest-1
    int highest;
    bool paired; // weights of output i are the two from 2 i on, and a register may be read behind
};

// Output i of an axis lies at scale * (i + 1/2) + offset of a source of `length`.
struct AxisRule {
    double scale;
    double offset;
    int length;
    int count;
    Resample resample;
    Border border;
};

// number: of the axis, 0 or 1, each of which has memory of its own in the scratch.
template <class T> Axis<T> make_axis(const AxisRule& rule, Scratch& scratch, int number);

// The passes over bytes, in vectors. A weight of 22 bits is high * 2^11 + low, so that two taps are
// multiplied at once in 16 bits and their sums put together without loss.
constexpr int low_bits = 11;

// Replaces each pair of weights by the pair of their low and that of their high parts.
void split_weights(const Axis<uint8_t>& axis);

// The rows at an image's end that have fewer than `read` bytes behind them: loops that read so many
// at a time read a copy of these. One, but for images of a few pixels a row.
constexpr int rows_at_end(int64_t row_bytes, int read) {
    return 1 + static_cast<int>((read - 1) / row_bytes);
}

// Rows of `width` pixels, 3 or 4 channels, through split weights; false where they shrink too much
// for this pass.
bool pass_along_rows(const uint8_t* in, int width, int rows, int depth, const Axis<uint8_t>& axis,
                     Scratch& scratch, uint8_t* out);
// One output row of `count` values from rows that lie `stride` values apart, through split weights.
// Reads a vector behind the rows' end.
void pass_across_rows(const uint8_t* in, int64_t stride, const Axis<uint8_t>& axis, int row,
                      int64_t count, uint8_t* out);

} // namespace variegate::inline VARIEGATE_TARGET
