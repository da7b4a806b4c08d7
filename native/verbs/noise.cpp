// NOISE: a random number at each value or pixel. Here are the modes that need no table of counts
// and know no color: GAUSS, MULTIPLY and IMPULSE.
#include <cmath>

#include "variegate/copying.hpp"
#include "variegate/noises.hpp"
#include "variegate/rounding.hpp"
#include "variegate/vectors.hpp"
#include "variegate/verbs.hpp"

namespace variegate::inline VARIEGATE_TARGET {
namespace {

// What each entry of the table adds to a level, rounded.
void make_steps(const float* normal, double sigma, int32_t* steps) {
    for (int i = 0; i < normal_entries; ++i) {
        // No level is further than 255 from another. Halves go up.
        const double step = clip(normal[i] * sigma, -256.0, 256.0) + 0.5;
        const auto whole = static_cast<int32_t>(step);
        steps[i] = whole - (whole > step ? 1 : 0);
    }
}

// The entries that the upper twelve bits of each part name.
template <class Entry>
void pick(const Entry* entries, const uint16_t* parts, int64_t count, Entry* out) {
    static_assert(sizeof(Entry) == 4);
    int64_t i = 0;
#if defined(__AVX512VBMI__)
    for (; i + 16 <= count; i += 16) {
        const __m256i part = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(parts + i));
        const __m512i place = _mm512_srli_epi32(_mm512_cvtepu16_epi32(part), 4);
        _mm512_storeu_si512(out + i, _mm512_i32gather_epi32(place, entries, 4));
    }
#endif
    for (; i < count; ++i) out[i] = entries[parts[i] >> 4];
}

void add(const uint8_t* in, int64_t count, const int32_t* steps, uint8_t* out) {
    for (int64_t i = 0; i < count; ++i) {
        const int32_t sum = in[i] + steps[i];
        const int32_t positive = sum > 0 ? sum : 0;
        out[i] = static_cast<uint8_t>(positive < 255 ? positive : 255);
    }
}

void add(const float* in, int64_t count, const float* normal, double sigma, float* out) {
    using Rule = Rounding<float>;
    for (int64_t i = 0; i < count; ++i)
        out[i] = Rule::rounded(Rule::level(in[i]) + normal[i] * sigma);
}

template <class T>
void gauss(const T* in, Shape shape, double sigma, uint64_t key, const float* normal, T* out) {
    int32_t steps[normal_entries];
    if constexpr (sizeof(T) == 1) make_steps(normal, sigma, steps);
    each_tile<uint16_t>(key, shape.values(), [&](int64_t first, int64_t count, uint16_t* parts) {
        if constexpr (sizeof(T) == 1) {
            int32_t own[noise_tile];
            pick(steps, parts, count, own);
            add(in + first, count, own, out + first);
        } else {
            float own[noise_tile];
            pick(normal, parts, count, own);
            add(in + first, count, own, sigma, out + first);
        }
    });
}

// Factors between two ends.
struct Range {
    double low, span;
    double at(uint16_t part) const { return low + (part + 0.5) / 65536 * span; }
};

template <class T> T scaled(T value, double factor) {
    return Rounding<T>::rounded(Rounding<T>::level(value) * factor);
}

// One factor for the image, or one for each channel.
template <class T>
void multiply_all(const T* in, Shape shape, Range range, uint64_t key, bool apart, T* out) {
    uint16_t parts[max_channels];
    random_parts(key, 0, max_channels / 4, parts);
    const int depth = shape.channels;
    double factors[max_channels];
    for (int k = 0; k < depth; ++k) factors[k] = range.at(parts[apart ? k : 0]);
    for (int64_t i = 0; i < shape.pixels(); ++i)
        for (int k = 0; k < depth; ++k) out[i * depth + k] = scaled(in[i * depth + k], factors[k]);
}

template <class T>
void multiply(const T* in, Shape shape, const double* numbers, uint64_t key, T* out) {
    const Range range{numbers[0], numbers[1] - numbers[0]};
    const int flags = static_cast<int>(numbers[2]);
    const bool apart = flags & noise_channels;
    if (!(flags & noise_pixels)) return multiply_all(in, shape, range, key, apart, out);
    const int depth = apart ? 1 : shape.channels; // values that share a factor
    each_tile<uint16_t>(key, shape.values() / depth,
                        [&](int64_t first, int64_t count, const uint16_t* parts) {
                            const T* from = in + first * depth;
                            T* to = out + first * depth;
                            if (depth == 1) {
                                for (int64_t i = 0; i < count; ++i)
                                    to[i] = scaled(from[i], range.at(parts[i]));
                                return;
                            }
                            for (int64_t i = 0; i < count; ++i) {
                                const double factor = range.at(parts[i]);
                                for (int k = 0; k < depth; ++k)
                                    to[i * depth + k] = scaled(from[i * depth + k], factor);
                            }
                        });
}

// How many of 2^32 numbers make a share.
uint64_t marks_of(double share) {
    return static_cast<uint64_t>(std::floor(clip(share, 0.0, 1.0) * 4294967296.0 + 0.5));
}

template <class T> T random_level(uint64_t key, int64_t place) {
    uint8_t parts[8];
    random_parts(key, place / 8, 1, parts);
    const uint8_t level = parts[place % 8];
    if constexpr (sizeof(T) == 1)
        return level;
    else
        return static_cast<T>(level / 255.0);
}

template <class T>
void impulse(const T* in, Shape shape, const double* numbers, uint64_t key, const float* fill,
             T* out) {
    constexpr uint64_t golden = 0x9E3779B97F4A7C15ULL;
    if (in != out) copy_values(in, shape.values(), out);
    const int flags = static_cast<int>(numbers[2]), channels = shape.channels;
    const int depth = flags & noise_channels ? 1 : channels; // values that share a number
    const uint64_t end = marks_of(numbers[0]), last = marks_of(numbers[0] + numbers[1]);
    T own[max_channels];
    for (int k = 0; k < channels; ++k) own[k] = Rounding<T>::rounded(fill[k]);
    const auto white = static_cast<T>(Rounding<T>::full);
    each_tile<uint32_t>(
        key, shape.values() / depth, [&](int64_t first, int64_t count, const uint32_t* parts) {
            for (int64_t i = 0; i < count; ++i) {
                if (parts[i] >= last) continue;
                const int64_t place = (first + i) * depth;
                for (int64_t v = place; v < place + depth; ++v) {
                    if (parts[i] >= end)
                        out[v] = white;
                    else
                        out[v] = flags & noise_levels ? random_level<T>(key ^ golden, v)
                                                      : own[v % channels];
                }
            }
        });
}

} // namespace

template <class T>
void noise(const T* in, Shape shape, const Tables& tables, int64_t row, T* out, Scratch& scratch) {
    const double* numbers = tables.noise + 4 * row;
    const uint64_t key = tables.noise_key[row];
    switch (static_cast<NoiseMode>(static_cast<int>(*numbers++))) {
    case NoiseMode::Gauss:
        return gauss(in, shape, numbers[0] * 255.0, key, tables.normal, out);
    case NoiseMode::Shot:
        return shot_noise(in, shape, numbers, key, tables.normal, out, scratch);
    case NoiseMode::Multiply:
        return multiply(in, shape, numbers, key, out);
    case NoiseMode::Impulse:
        return impulse(in, shape, numbers, key, tables.noise_fill + max_channels * row, out);
    case NoiseMode::Iso:
        return iso_noise(in, shape, numbers, key, tables.normal, out);
    }
}

template void noise<uint8_t>(const uint8_t*, Shape, const Tables&, int64_t, uint8_t*, Scratch&);
template void noise<float>(const float*, Shape, const Tables&, int64_t, float*, Scratch&);

} // namespace variegate::inline VARIEGATE_TARGET
