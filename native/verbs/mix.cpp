// The mix of a batch: a blend of two images is rounded, a rectangle is copied
// from the partner.
#include <algorithm>
#include <cstring>

#include "variegate/rounding.hpp"
#include "variegate/runs.hpp"
#include "variegate/threads.hpp"

namespace variegate::inline VARIEGATE_TARGET {
namespace {

// In 16 bits: what the images differ by, in 128ths of a level, times the
// weight. Values next to a half may fall to the other side.
void blend(const uint8_t* own, const uint8_t* other, int64_t count, double weight, uint8_t* out) {
    constexpr int one = 1 << 15;
    const int share = std::min(static_cast<int>(clip(weight, 0.0, 1.0) * one + 0.5), one - 1);
    for (int64_t i = 0; i < count; ++i) {
        const auto apart = static_cast<int16_t>((own[i] - other[i]) * 128);
        const auto part = static_cast<int16_t>((apart * share + one / 2) >> 15);
        out[i] = static_cast<uint8_t>((part + other[i] * 128 + 64) >> 7);
    }
}

void blend(const float* own, const float* other, int64_t count, double weight, float* out) {
    using Rule = Rounding<float>;
    for (int64_t i = 0; i < count; ++i)
        out[i] = Rule::rounded(Rule::level(own[i]) * weight + Rule::level(other[i]) * (1 - weight));
}

template <class T> void paste(const T* other, Shape shape, const int32_t* rect, T* out) {
    const int top = std::max(rect[0], 0), left = std::max(rect[1], 0);
    const int bottom = std::min(rect[2], shape.height), right = std::min(rect[3], shape.width);
    if (left >= right) return;
    for (int r = top; r < bottom; ++r) {
        const int64_t from = (static_cast<int64_t>(r) * shape.width + left) * shape.channels;
        std::copy_n(other + from, static_cast<int64_t>(right - left) * shape.channels, out + from);
    }
}

} // namespace

template <class T>
void run_mix(const MixStage& mix, const T* images, T* result, int64_t count, Shape shape,
             int threads) {
    const int64_t values = shape.values();
    parallel_for(count, values * count < (1 << 16) ? 1 : threads, [&](int64_t i) {
        const T* own = images + i * values;
        const T* other = images + mix.partner[i] * values;
        T* out = result + i * values;
        if (mix.partner[i] != i && mix.blend[i])
            return blend(own, other, values, mix.weight[i], out);
        std::memcpy(out, own, static_cast<size_t>(values) * sizeof(T));
        if (mix.partner[i] != i) paste(other, shape, mix.rects + 4 * i, out);
    });
}

template void run_mix<uint8_t>(const MixStage&, const uint8_t*, uint8_t*, int64_t, Shape, int);
template void run_mix<float>(const MixStage&, const float*, float*, int64_t, Shape, int);

} // namespace variegate::inline VARIEGATE_TARGET
