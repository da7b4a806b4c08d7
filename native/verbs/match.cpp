// MATCH: each channel gets the distribution of levels of a reference, or comes near it.
#include <algorithm>

#include "variegate/rounding.hpp"
#include "variegate/statistics.hpp"
#include "variegate/verbs.hpp"

namespace variegate::inline VARIEGATE_TARGET {
namespace {

// The reference's filled levels and the share of its values that are not above each.
struct Quantiles {
    int count = 0;
    double share[levels], level[levels];

    explicit Quantiles(const int32_t* counts) {
        int64_t total = 0, below = 0;
        for (int v = 0; v < levels; ++v) total += counts[v];
        for (int v = 0; v < levels; ++v) {
            if (!counts[v]) continue;
            below += counts[v];
            share[count] = static_cast<double>(below) / static_cast<double>(total);
            level[count++] = v;
        }
    }
    // Linear between the shares, flat outside.
    double at(double wanted) const {
        const auto* place = std::upper_bound(share, share + count, wanted);
        if (place == share) return level[0];
        const auto i = static_cast<int>(place - share) - 1;
        if (i == count - 1) return level[i];
        const double slope = (level[i + 1] - level[i]) / (share[i + 1] - share[i]);
        return slope * (wanted - share[i]) + level[i];
    }
};

// What each level becomes: its own, moved by a part of the way to the reference's.
void find_targets(const int64_t* counts, int64_t pixels, const int32_t* wanted, double ratio,
                  double* targets) {
    const Quantiles quantiles(wanted);
    int64_t below = 0;
    for (int v = 0; v < levels; ++v) {
        below += counts[v];
        const double found = quantiles.at(static_cast<double>(below) / static_cast<double>(pixels));
        targets[v] = v + ratio * (found - v);
    }
}

void map_floats(const float* in, int64_t pixels, int depth, const double* targets, float* out) {
    for (int64_t i = 0; i < pixels; ++i, in += depth, out += depth) {
        const double place = static_cast<double>(*in) * 255.0;
        const int low = static_cast<int>(clip(place, 0.0, 254.0));
        const double value = targets[low] + (place - low) * (targets[low + 1] - targets[low]);
        *out = Rounding<float>::rounded(value);
    }
}

} // namespace

template <class T>
void match(const T* in, Shape shape, const Tables& tables, int64_t row, T* out, Scratch& scratch) {
    const int depth = shape.channels;
    const int32_t* wanted = tables.match_counts + levels * tables.match_counts_start[row];
    auto* counts = scratch.tables.get<int64_t>(levels * depth);
    count_levels(in, shape, counts);
    uint8_t bytes[max_channels * levels];
    for (int k = 0; k < depth; ++k) {
        double targets[levels];
        find_targets(counts + levels * k, shape.pixels(), wanted + levels * k, tables.match[row],
                     targets);
        if constexpr (sizeof(T) == 1) {
            for (int v = 0; v < levels; ++v) bytes[levels * k + v] = to_nearest(targets[v]);
        } else {
            map_floats(in + k, shape.pixels(), depth, targets, out + k);
        }
    }
    if constexpr (sizeof(T) == 1) map_channels(in, shape, bytes, out);
}

template void match<uint8_t>(const uint8_t*, Shape, const Tables&, int64_t, uint8_t*, Scratch&);
template void match<float>(const float*, Shape, const Tables&, int64_t, float*, Scratch&);

} // namespace variegate::inline VARIEGATE_TARGET
