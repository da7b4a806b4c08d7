// Sixteen pixels of bytes, one behind the other in a register.
#pragma once

#include "variegate/warp_fixed.hpp"

#if defined(__AVX512VBMI__)
#include <immintrin.h>

#include <cstdint>

namespace variegate::inline VARIEGATE_TARGET {

// All 16 pixels, or as many of their bytes as lie before `end`. Masked stores are far slower than
// plain ones.
template <int Depth> inline void store_packed(__m512i bytes, uint8_t* out, const uint8_t* end) {
    const int64_t room = end - out;
    if (room < 16 * Depth) return _mm512_mask_storeu_epi8(out, (__mmask64{1} << room) - 1, bytes);
    if constexpr (Depth == 4) return _mm512_storeu_si512(out, bytes);
    if constexpr (Depth == 1)
        return _mm_storeu_si128(reinterpret_cast<__m128i*>(out), _mm512_castsi512_si128(bytes));
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(out), _mm512_castsi512_si256(bytes));
    _mm_storeu_si128(reinterpret_cast<__m128i*>(out + 32), _mm512_extracti32x4_epi32(bytes, 2));
}

} // namespace variegate::inline VARIEGATE_TARGET

#endif
