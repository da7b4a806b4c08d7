// Sixteen pixels of bytes from four registers, each with four pixels in lanes of four numbers.
#pragma once

#include "variegate/target.hpp"

#if defined(__AVX512VBMI__)
#include <immintrin.h>

#include <cstdint>

namespace variegate::inline VARIEGATE_TARGET {

// For each byte of 16 packed pixels: where it lies in pack_pixels' bytes before it orders them.
template <int Depth> __m512i packed_order() {
    alignas(64) uint8_t order[64] = {};
    for (int pixel = 0; pixel < 16; ++pixel)
        for (int k = 0; k < Depth; ++k)
            order[pixel * Depth + k] = static_cast<uint8_t>((pixel % 4) * 16 + (pixel / 4) * 4 + k);
    return _mm512_load_si512(order);
}

// The first 16 pixels or, at the end of a row, fewer. Masked stores are far slower than plain ones.
template <int Depth> inline void store_packed(__m512i bytes, int left, uint8_t* out) {
    if (left < 16) return _mm512_mask_storeu_epi8(out, (__mmask64{1} << (left * Depth)) - 1, bytes);
    if constexpr (Depth == 4) return _mm512_storeu_si512(out, bytes);
    if constexpr (Depth == 1)
        return _mm_storeu_si128(reinterpret_cast<__m128i*>(out), _mm512_castsi512_si128(bytes));
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(out), _mm512_castsi512_si256(bytes));
    _mm_storeu_si128(reinterpret_cast<__m128i*>(out + 32), _mm512_extracti32x4_epi32(bytes, 2));
}

inline __m512i pack_pixels(__m512i first, __m512i second, __m512i third, __m512i fourth,
                           __m512i order) {
    const __m512i words = _mm512_packs_epi32(first, second);
    const __m512i more = _mm512_packs_epi32(third, fourth);
    return _mm512_permutexvar_epi8(order, _mm512_packus_epi16(words, more));
}

} // namespace variegate::inline VARIEGATE_TARGET

#endif
