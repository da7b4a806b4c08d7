// BLUR: a separable Gaussian, first along rows and then along columns, rounded once.
#include <algorithm>
#include <cmath>

#include "variegate/rounding.hpp"
#include "variegate/verbs.hpp"

namespace variegate::inline VARIEGATE_TARGET {
namespace {

// Indices outside 0..length-1 reflected about the outer pixels' centers (c b a b c).
int mirrored(int64_t index, int length) {
    if (length == 1) return 0;
    const int64_t period = 2 * (static_cast<int64_t>(length) - 1);
    index = std::abs(index) % period;
    return static_cast<int>(std::min(index, period - index));
}

void make_weights(double sigma, int radius, float* weights) {
    double sum = 0;
    const auto weight = [&](int tap) { return std::exp(-0.5 * (tap / sigma) * (tap / sigma)); };
    for (int tap = -radius; tap <= radius; ++tap) sum += weight(tap);
    for (int tap = 0; tap <= radius; ++tap) weights[tap] = static_cast<float>(weight(tap) / sum);
}

// One row, its ends continued by radius pixels on both sides, weighted into `out` (width * channels
// floats).
template <class T>
void along_row(const T* in, Shape shape, int radius, const float* weights, float* line,
               float* out) {
    const int depth = shape.channels;
    const int64_t count = static_cast<int64_t>(shape.width) * depth;
    float* own = line + static_cast<int64_t>(radius) * depth;
    for (int64_t i = 0; i < count; ++i) own[i] = in[i];
    for (int side = 1; side <= radius; ++side) {
        const int left = mirrored(-side, shape.width);
        const int right = mirrored(static_cast<int64_t>(shape.width) - 1 + side, shape.width);
        for (int k = 0; k < depth; ++k) {
            own[-static_cast<int64_t>(side) * depth + k] =
                in[static_cast<int64_t>(left) * depth + k];
            own[count + static_cast<int64_t>(side - 1) * depth + k] =
                in[static_cast<int64_t>(right) * depth + k];
        }
    }
    for (int64_t i = 0; i < count; ++i) out[i] = weights[0] * own[i];
    for (int tap = 1; tap <= radius; ++tap) {
        const int64_t shift = static_cast<int64_t>(tap) * depth;
        const float weight = weights[tap];
        for (int64_t i = 0; i < count; ++i) out[i] += weight * (own[i - shift] + own[i + shift]);
    }
}

template <class T> void settle_row(const float* sum, int64_t count, T* out) {
    if constexpr (sizeof(T) == 1) {
        for (int64_t i = 0; i < count; ++i)
            out[i] = static_cast<T>(static_cast<int>(clip(sum[i], 0.0f, 255.0f) + 0.5f));
    } else {
        for (int64_t i = 0; i < count; ++i) out[i] = clip(sum[i], 0.0f, 1.0f);
    }
}

} // namespace

template <class T> void blur(const T* in, Shape shape, double sigma, T* out, Scratch& scratch) {
    const int radius = static_cast<int>(std::ceil(3 * sigma));
    if (radius == 0) {
        std::copy_n(in, shape.values(), out);
        return;
    }
    const int64_t count = static_cast<int64_t>(shape.width) * shape.channels;
    float* weights = scratch.weights[0].get<float>(radius + 1);
    make_weights(sigma, radius, weights);
    float* rows = scratch.pass.get<float>(shape.values());
    float* line =
        scratch.lines.get<float>(count + 2 * static_cast<int64_t>(radius) * shape.channels);
    for (int r = 0; r < shape.height; ++r)
        along_row(in + r * count, shape, radius, weights, line, rows + r * count);
    for (int r = 0; r < shape.height; ++r) {
        const float* own = rows + r * count;
        for (int64_t i = 0; i < count; ++i) line[i] = weights[0] * own[i];
        for (int tap = 1; tap <= radius; ++tap) {
            const float* above =
                rows + mirrored(static_cast<int64_t>(r) - tap, shape.height) * count;
            const float* below =
                rows + mirrored(static_cast<int64_t>(r) + tap, shape.height) * count;
            const float weight = weights[tap];
            for (int64_t i = 0; i < count; ++i) line[i] += weight * (above[i] + below[i]);
        }
        settle_row(line, count, out + r * count);
    }
}

template void blur<uint8_t>(const uint8_t*, Shape, double, uint8_t*, Scratch&);
template void blur<float>(const float*, Shape, double, float*, Scratch&);

} // namespace variegate::inline VARIEGATE_TARGET
