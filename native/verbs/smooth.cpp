// SMOOTH: blend with Pillow's SMOOTH (1 1 1, 1 5 1, 1 1 1 over 13). Byte for byte Pillow's: the
// order of the single precision operations is part of the meaning.
#include <algorithm>

#include "variegate/rounding.hpp"
#include "variegate/verbs.hpp"

namespace variegate::inline VARIEGATE_TARGET {
namespace {

// What one row adds as an outer and as the middle row of the kernel.
template <class T>
void row_sums(const T* in, int64_t count, int depth, float* outer, float* middle) {
    constexpr float side = static_cast<float>(1.0 / 13), center = static_cast<float>(5.0 / 13);
    for (int64_t i = 0; i < count; ++i) {
        const float left = in[i], own = in[i + depth], right = in[i + 2 * depth];
        outer[i] = (left * side + own * side) + right * side;
        middle[i] = (left * side + own * center) + right * side;
    }
}

template <class T>
void inner_row(const T* in, int64_t count, const float* above, const float* own, const float* below,
               float factor, T* out) {
    constexpr float start = sizeof(T) == 1 ? 0.5f : 0.0f;
    for (int64_t i = 0; i < count; ++i) {
        float total = ((start + below[i]) + own[i]) + above[i];
        if constexpr (sizeof(T) == 1)
            total = static_cast<float>(static_cast<int>(clip(total, 0.0f, 255.0f)));
        out[i] = blended(total, in[i], factor);
    }
}

} // namespace

template <class T> void smooth(const T* in, Shape shape, float factor, T* out, Scratch& scratch) {
    const int depth = shape.channels;
    const int64_t stride = static_cast<int64_t>(shape.width) * depth;
    if (shape.height < 3 || shape.width < 3 || factor == 1.0f) {
        std::copy_n(in, shape.values(), out);
        return;
    }
    const int64_t count = stride - 2 * depth;
    float* sums = scratch.lines.get<float>(6 * count);
    const auto outer = [&](int r) { return sums + (r % 3) * count; };
    const auto middle = [&](int r) { return sums + (3 + r % 3) * count; };
    for (int r = 0; r < 2; ++r) row_sums(in + r * stride, count, depth, outer(r), middle(r));
    std::copy_n(in, stride, out);
    for (int r = 1; r < shape.height - 1; ++r) {
        const T* row = in + r * stride;
        T* to = out + r * stride;
        row_sums(row + stride, count, depth, outer(r + 1), middle(r + 1));
        std::copy_n(row, depth, to);
        inner_row(row + depth, count, outer(r - 1), middle(r), outer(r + 1), factor, to + depth);
        std::copy_n(row + stride - depth, depth, to + stride - depth);
    }
    const int64_t last = (shape.height - 1) * stride;
    std::copy_n(in + last, stride, out + last);
}

template void smooth<uint8_t>(const uint8_t*, Shape, float, uint8_t*, Scratch&);
template void smooth<float>(const float*, Shape, float, float*, Scratch&);

} // namespace variegate::inline VARIEGATE_TARGET
