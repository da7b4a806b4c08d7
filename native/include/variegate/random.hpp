// The counter-based generator of variegate/plan/counter.py: a word is a pure function of key and
// place.
#pragma once

#include "variegate/target.hpp"

#include <cstdint>

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

} // namespace variegate::inline VARIEGATE_TARGET
