// The modes of NOISE and what they share.
#pragma once

#include "variegate/target.hpp"

#include <algorithm>
#include <cstdint>

#include "variegate/image.hpp"
#include "variegate/random.hpp"
#include "variegate/scratch.hpp"

namespace variegate::inline VARIEGATE_TARGET {

constexpr int64_t noise_tile = 1024; // values whose words are made at once

// `numbers`: the three of ops.entries.Noise. `normal`: the table of standard normal numbers.
template <class T>
void shot_noise(const T* in, Shape shape, const double* numbers, uint64_t key, const float* normal,
                T* out, Scratch& scratch);
template <class T>
void iso_noise(const T* in, Shape shape, const double* numbers, uint64_t key, const float* normal,
               T* out);

// Calls work(first, count, parts) for `count` random numbers at a time; count is a multiple of 64
// but for the last.
template <class Part, class Work> void each_tile(uint64_t key, int64_t total, Work work) {
    constexpr int64_t each = 8 / sizeof(Part);
    Part parts[noise_tile];
    for (int64_t first = 0; first < total; first += noise_tile) {
        const int64_t count = std::min(noise_tile, total - first);
        random_parts(key, first / each, (count + each - 1) / each, parts);
        work(first, count, parts);
    }
}

} // namespace variegate::inline VARIEGATE_TARGET
