// SMOOTH: blend with Pillow's SMOOTH (1 1 1, 1 5 1, 1 1 1 over 13). Byte for
// byte Pillow's.
#include <algorithm>
#include <cstring>

#include "variegate/rounding.hpp"
#include "variegate/vectors.hpp"
#include "variegate/verbs.hpp"

namespace variegate::inline VARIEGATE_TARGET {
namespace {

// An inner row and its neighbors.
template <class T> struct Rows {
    const T* above;
    const T* own;
    const T* below;
};

// uint8: the filter on whole numbers. Pillow's sum in single precision, plus a
// half and without its fraction, is the same: a whole number over 13 is never
// nearer to a half than 1/26.
void filter_row(Rows<uint8_t> rows, int64_t count, int depth, uint16_t* sums, uint8_t* out) {
    const int64_t width = count + 2 * static_cast<int64_t>(depth);
    for (int64_t i = 0; i < width; ++i)
        sums[i] = static_cast<uint16_t>(rows.above[i] + rows.own[i] + rows.below[i]);
    for (int64_t i = 0; i < count; ++i) {
        const auto sum = static_cast<uint16_t>(sums[i] + sums[i + depth] + sums[i + 2 * depth] +
                                               4 * rows.own[i + depth] + 6);
        // Over 13: right for every sum up to 13 x 255 + 6.
        out[i] = static_cast<uint8_t>((sum * 5042u) >> 16);
    }
}

// The part that a row adds, in Pillow's order.
template <bool Middle> float row_part(const float* in, int depth) {
    constexpr float side = static_cast<float>(1.0 / 13), center = static_cast<float>(5.0 / 13);
    return (in[0] * side + in[depth] * (Middle ? center : side)) + in[2 * depth] * side;
}

void smooth_row(Rows<float> rows, int64_t count, int depth, float factor, std::byte*, float* out) {
    for (int64_t i = 0; i < count; ++i) {
        const float total = ((0.0f + row_part<false>(rows.below + i, depth)) +
                             row_part<true>(rows.own + i, depth)) +
                            row_part<false>(rows.above + i, depth);
        out[i] = blended(total, rows.own[i + depth], factor);
    }
}

void blend_bytes(const uint8_t* start, const uint8_t* in, Floats share, uint8_t* out) {
    Floats from[4], own[4];
    Bytes::load(start).floats(from);
    Bytes::load(in).floats(own);
    for (int part = 0; part < 4; ++part) own[part] = from[part] + share * (own[part] - from[part]);
    Bytes::truncated(own).store(out);
}

void smooth_row(Rows<uint8_t> rows, int64_t count, int depth, float factor, std::byte* room,
                uint8_t* out) {
    auto* sums = reinterpret_cast<uint16_t*>(room);
    if (factor == 0.0f) return filter_row(rows, count, depth, sums, out);
    auto* total = reinterpret_cast<uint8_t*>(sums + count + 2 * depth);
    filter_row(rows, count, depth, sums, total);
    const uint8_t* in = rows.own + depth;
    const Floats share = Floats::all(factor);
    int64_t i = 0;
    for (; i + Bytes::count <= count; i += Bytes::count)
        blend_bytes(total + i, in + i, share, out + i);
    for (; i < count; ++i) out[i] = blended(static_cast<float>(total[i]), in[i], factor);
}

} // namespace

template <class T> void smooth(const T* in, Shape shape, float factor, T* out, Scratch& scratch) {
    const int depth = shape.channels;
    const int64_t stride = static_cast<int64_t>(shape.width) * depth;
    if (shape.height < 3 || shape.width < 3 || factor == 1.0f) {
        std::copy_n(in, shape.values(), out);
        return;
    }
    // Some rows at once, as if they were one: short rows alone would leave vectors half empty. What
    // that gives at the ends of rows is written over.
    constexpr int64_t at_once = 1 << 12;
    const int64_t rows = std::max<int64_t>(1, at_once / stride);
    auto* room = scratch.lines.get<std::byte>(3 * rows * stride);
    std::copy_n(in, stride, out);
    for (int64_t r = 1; r < shape.height - 1; r += rows) {
        const int64_t some = std::min(rows, shape.height - 1 - r);
        const T* row = in + r * stride;
        T* to = out + r * stride;
        smooth_row(Rows<T>{row - stride, row, row + stride}, some * stride - 2 * depth, depth,
                   factor, room, to + depth);
        for (int64_t k = 0; k < some; ++k, row += stride, to += stride) {
            std::copy_n(row, depth, to);
            std::copy_n(row + stride - depth, depth, to + stride - depth);
        }
    }
    const int64_t last = (shape.height - 1) * stride;
    std::copy_n(in + last, stride, out + last);
}

template void smooth<uint8_t>(const uint8_t*, Shape, float, uint8_t*, Scratch&);
template void smooth<float>(const float*, Shape, float, float*, Scratch&);

} // namespace variegate::inline VARIEGATE_TARGET
