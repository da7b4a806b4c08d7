// Floats on 0..255 as bytes, and the least and the highest of floats: what stands at the door of
// layers whose images are floats. One pass each.
#include <algorithm>
#include <atomic>
#include <bit>
#include <cmath>
#include <limits>
#include <mutex>

#include "variegate/runs.hpp"
#include "variegate/threads.hpp"
#include "variegate/vectors.hpp"

namespace variegate::inline VARIEGATE_TARGET {
namespace {

constexpr int64_t share = int64_t{1} << 17; // values for which a thread is worth waking
constexpr int64_t block = 1024;             // values that are looked at and then converted

// Floats that are not negative sort as their bits do, so one maximum finds what is too high, what
// is negative and what is not a number.
bool round_values(const float* in, int64_t count, uint8_t* out) {
    constexpr auto above = std::bit_cast<uint32_t>(256.0f);
    for (int64_t place = 0; place < count; place += block) {
        const int64_t some = std::min(block, count - place);
        const float* from = in + place;
        uint8_t* to = out + place;
        uint32_t top = 0;
        for (int64_t i = 0; i < some; ++i)
            top = std::max(top, std::bit_cast<uint32_t>(from[i] + 0.5f));
        if (top >= above) return false;
        for (int64_t i = 0; i < some; ++i) to[i] = static_cast<uint8_t>(from[i] + 0.5f);
    }
    return true;
}

int64_t parts(int64_t count) { return (count + share - 1) / share; }

} // namespace

// Where a value is not a number, neither are the ends.
Extent extent_of(const float* in, int64_t count) {
    constexpr int lanes = Floats::count;
    constexpr float nan = std::numeric_limits<float>::quiet_NaN();
    float low = in[0], high = in[0];
    bool numbers = true;
    const auto one = [&](float value) {
        low = std::min(low, value);
        high = std::max(high, value);
        numbers = numbers && !std::isnan(value);
    };
    int64_t i = 0;
    if (count >= 2 * lanes) {
        Floats least[2] = {Floats::load(in), Floats::load(in + lanes)};
        Floats most[2] = {least[0], least[1]}, apart[2] = {least[0] - least[0], Floats::all(0)};
        for (; i + 2 * lanes <= count; i += 2 * lanes) {
            for (int k = 0; k < 2; ++k) {
                const Floats value = Floats::load(in + i + k * lanes);
                least[k] = value.lower(least[k]);
                most[k] = value.upper(most[k]);
                apart[k] = apart[k] + (value - value); // 0, but not a number where value is none
            }
        }
        float ends[3][lanes];
        least[0].lower(least[1]).store(ends[0]);
        most[0].upper(most[1]).store(ends[1]);
        (apart[0] + apart[1]).store(ends[2]);
        for (int k = 0; k < lanes; ++k) {
            one(ends[0][k]);
            one(ends[1][k]);
        }
        // Infinite values get here too.
        if (std::any_of(ends[2], ends[2] + lanes, [](float value) { return value != 0; })) i = 0;
    }
    for (; i < count; ++i) one(in[i]);
    return numbers ? Extent{low, high} : Extent{nan, nan};
}

Extent joined(Extent a, Extent b) {
    // Once not a number, an end stays so.
    return {b.low < a.low || std::isnan(b.low) ? b.low : a.low,
            b.high > a.high || std::isnan(b.high) ? b.high : a.high};
}

bool run_rounding(const float* values, int64_t count, uint8_t* result, int threads) {
    std::atomic<bool> legal{true};
    parallel_for(parts(count), threads, [&](int64_t part) {
        const int64_t place = part * share, some = std::min(share, count - place);
        if (legal && !round_values(values + place, some, result + place)) legal = false;
    });
    return legal;
}

Extent run_extent(const float* values, int64_t count, int threads) {
    Extent all{values[0], values[0]};
    std::mutex guard;
    parallel_for(parts(count), threads, [&](int64_t part) {
        const int64_t place = part * share;
        const Extent own = extent_of(values + place, std::min(share, count - place));
        const std::lock_guard lock(guard);
        all = joined(all, own);
    });
    return all;
}

template <class T> void settle_levels(const T* levels, int64_t count, bool rounds, uint8_t* out) {
    const T more = rounds ? T{0.5} : T{0};
    for (int64_t i = 0; i < count; ++i) {
        T level = levels[i] > T{0} ? levels[i] : T{0};
        level = level < T{255} ? level : T{255};
        out[i] = static_cast<uint8_t>(static_cast<int32_t>(level + more));
    }
}

void scale_levels(const float* factors, int64_t count, bool rounds, uint8_t* out) {
    float scaled[levels];
    for (int64_t i = 0; i < count; ++i, out += levels) {
        for (int v = 0; v < levels; ++v) scaled[v] = factors[i] * static_cast<float>(v);
        settle_levels(scaled, levels, rounds, out);
    }
}

template void settle_levels<float>(const float*, int64_t, bool, uint8_t*);
template void settle_levels<double>(const double*, int64_t, bool, uint8_t*);

} // namespace variegate::inline VARIEGATE_TARGET
