// The counter-based generator of variegate/plan/counter.py: a word is a pure function of key and
// place.
#pragma once

#include "variegate/target.hpp"

#include <bit>
#include <cstdint>
#include <cstring>

namespace variegate::inline VARIEGATE_TARGET {

inline uint64_t mix_bits(uint64_t value) {
    value = (value ^ (value >> 30)) * 0xBF58476D1CE4E5B9ULL;
    value = (value ^ (value >> 27)) * 0x94D049BB133111EBULL;
    return value ^ (value >> 31);
}

inline uint64_t random_word(uint64_t key, uint64_t place) {
    constexpr uint64_t golden = 0x9E3779B97F4A7C15ULL;
    return mix_bits(mix_bits(place * golden + golden) ^ key);
}

// The words at first, first + 1, ..., each as parts of type Part, the lowest bits first.
template <class Part> void random_parts(uint64_t key, int64_t first, int64_t words, Part* out) {
    constexpr int parts = 8 / sizeof(Part);
    for (int64_t w = 0; w < words; ++w) {
        const uint64_t word = random_word(key, static_cast<uint64_t>(first + w));
        if constexpr (std::endian::native == std::endian::little) {
            std::memcpy(out + parts * w, &word, 8);
        } else {
            for (int k = 0; k < parts; ++k)
                out[parts * w + k] = static_cast<Part>(word >> (8 * sizeof(Part) * k));
        }
    }
}

} // namespace variegate::inline VARIEGATE_TARGET
