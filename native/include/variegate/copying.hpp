// Copies of rows and images.
#pragma once

#include "variegate/target.hpp"

#include <cstdint>
#include <cstring>

#if defined(__AVX2__)
#include <immintrin.h>
#endif

namespace variegate::inline VARIEGATE_TARGET {

// `bytes` of memory to a place that does not overlap it. Four vectors of 32 bytes at a time are
// quicker here than the C library, which leaves long copies to one instruction of the processor.
inline void copy_bytes(const void* from, void* to, int64_t bytes) {
#if defined(__AVX2__)
    const auto* in = static_cast<const __m256i*>(from);
    auto* out = static_cast<__m256i*>(to);
    int64_t left = bytes;
    for (; left >= 128; left -= 128, in += 4, out += 4) {
        const __m256i a = _mm256_loadu_si256(in), b = _mm256_loadu_si256(in + 1);
        const __m256i c = _mm256_loadu_si256(in + 2), d = _mm256_loadu_si256(in + 3);
        _mm256_storeu_si256(out, a);
        _mm256_storeu_si256(out + 1, b);
        _mm256_storeu_si256(out + 2, c);
        _mm256_storeu_si256(out + 3, d);
    }
    for (; left >= 32; left -= 32) _mm256_storeu_si256(out++, _mm256_loadu_si256(in++));
    if (left == 0) return;
    if (bytes >= 32) { // the last vector ends with the last byte
        const auto* end = static_cast<const char*>(from) + bytes - 32;
        auto* last = static_cast<char*>(to) + bytes - 32;
        _mm256_storeu_si256(reinterpret_cast<__m256i*>(last),
                            _mm256_loadu_si256(reinterpret_cast<const __m256i*>(end)));
        return;
    }
    std::memcpy(out, in, static_cast<size_t>(left));
#else
    std::memcpy(to, from, static_cast<size_t>(bytes));
#endif
}

template <class T> void copy_values(const T* from, int64_t count, T* to) {
    copy_bytes(from, to, count * static_cast<int64_t>(sizeof(T)));
}

// Asks for memory that will be read soon: the processor foresees rising addresses alone.
inline void fetch_soon([[maybe_unused]] const void* from, [[maybe_unused]] int64_t bytes) {
#if defined(__GNUC__)
    const auto* line = static_cast<const char*>(from);
    for (int64_t i = 0; i < bytes; i += 64) __builtin_prefetch(line + i);
#endif
}

} // namespace variegate::inline VARIEGATE_TARGET
