// NOISE, the mode SHOT: Poisson counts of photons. Each level that the image holds gets a table of
// its counts when it first comes up.
#include <cmath>

#include "variegate/copying.hpp"
#include "variegate/noises.hpp"
#include "variegate/rounding.hpp"
#include "variegate/tables.hpp"

namespace variegate::inline VARIEGATE_TARGET {
namespace {

constexpr double gamma_value = 2.2;
constexpr double least_scale = 1e-5;
constexpr double few_counts = 64;
constexpr int most_counts = 192;

// How the 16 bits of a value become the count of a level.
struct Counts {
    bool known;
    bool few;
    double mean, root;
    // few: for each count, how many numbers stand for it or less; and where to start looking, by
    // the upper eight bits.
    int32_t ends[most_counts];
    uint8_t guide[256];

    void learn(int level, double scale) {
        known = true;
        mean = std::pow(level / 255.0, gamma_value) / scale;
        root = std::sqrt(mean);
        few = mean < few_counts;
        if (!few) return;
        double share = std::exp(-mean), below = 0;
        for (int k = 0; k < most_counts; ++k) {
            if (k) share *= mean / k;
            below += share;
            ends[k] = static_cast<int32_t>(std::min(std::ceil(below * 65536 - 0.5), 65536.0));
        }
        ends[most_counts - 1] = 65536;
        int count = 0;
        for (int32_t part = 0; part < 256; ++part) {
            while (ends[count] <= part * 256) ++count;
            guide[part] = static_cast<uint8_t>(count);
        }
    }
    int of(uint16_t part, const float* normal) const {
        if (few) {
            int count = guide[part >> 8];
            while (ends[count] <= part) ++count;
            return count;
        }
        const double z = normal[part >> 4];
        return static_cast<int>(std::floor(mean + root * z + (z * z - 1.0) / 6.0 + 0.5));
    }
};

template <class T> int nearest_level(T value) {
    if constexpr (sizeof(T) == 1)
        return value;
    else
        return to_nearest(Rounding<T>::level(value));
}

} // namespace

template <class T>
void shot_noise(const T* in, Shape shape, const double* numbers, uint64_t key, const float* normal,
                T* out, Scratch& scratch) {
    const double scale = numbers[0];
    if (!(scale >= least_scale)) {
        if (in != out) copy_values(in, shape.values(), out);
        return;
    }
    auto* counts = scratch.tables.get<Counts>(levels);
    for (int v = 0; v < levels; ++v) counts[v].known = false;
    const int most = static_cast<int>(std::ceil(1 / scale));
    auto* shown = scratch.lines.get<double>(most + 1);
    for (int k = 0; k <= most; ++k)
        shown[k] = 255.0 * std::pow(std::min(k * scale, 1.0), 1 / gamma_value);
    each_tile<uint16_t>(
        key, shape.values(), [&](int64_t first, int64_t count, const uint16_t* parts) {
            for (int64_t i = 0; i < count; ++i) {
                const T value = in[first + i];
                const int level = nearest_level(value);
                Counts& own = counts[level];
                if (!own.known) own.learn(level, scale);
                const double seen = shown[std::clamp(own.of(parts[i], normal), 0, most)];
                if constexpr (sizeof(T) == 1)
                    out[first + i] = to_nearest(seen);
                else
                    out[first + i] =
                        Rounding<T>::rounded(Rounding<T>::level(value) + (seen - level));
            }
        });
}

template void shot_noise<uint8_t>(const uint8_t*, Shape, const double*, uint64_t, const float*,
                                  uint8_t*, Scratch&);
template void shot_noise<float>(const float*, Shape, const double*, uint64_t, const float*, float*,
                                Scratch&);

} // namespace variegate::inline VARIEGATE_TARGET
