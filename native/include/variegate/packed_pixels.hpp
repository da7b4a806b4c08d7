// Sixteen pixels of bytes from four registers, each with four pixels in lanes of four numbers.
#pragma once

#include "variegate/warp_fixed.hpp"

#if defined(__AVX512VBMI__)
#include <immintrin.h>

#include <algorithm>
#include <cstdint>

namespace variegate::inline VARIEGATE_TARGET {

// For each byte of 16 packed pixels: where it lies in pack_pixels' bytes before it orders them.
template <int Depth> struct PackedOrder {
    alignas(64) uint8_t bytes[64] = {};
    constexpr PackedOrder() {
        for (int pixel = 0; pixel < 16; ++pixel)
            for (int k = 0; k < Depth; ++k)
                bytes[pixel * Depth + k] =
                    static_cast<uint8_t>((pixel % 4) * 16 + (pixel / 4) * 4 + k);
    }
};
template <int Depth> inline constexpr PackedOrder<Depth> packed_order{};

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

// Where the tap before each of 16 places lies. Places behind the last pixel of a row may be
// anywhere.
inline __m512i tap_offsets(const FixedRow& image, __m512i x, __m512i y) {
    const __m512i zero = _mm512_setzero_si512();
    __m512i column = _mm512_max_epi32(_mm512_srai_epi32(x, 16), zero);
    column = _mm512_min_epi32(column, _mm512_set1_epi32(image.right));
    __m512i row = _mm512_max_epi32(_mm512_srai_epi32(y, 16), zero);
    row = _mm512_min_epi32(row, _mm512_set1_epi32(image.bottom));
    const __m512i line = _mm512_mullo_epi32(row, _mm512_set1_epi32(static_cast<int>(image.stride)));
    const __m512i step = _mm512_mullo_epi32(column, _mm512_set1_epi32(image.depth));
    return _mm512_add_epi32(line, step);
}

// A row, 16 pixels at a time: find(j, block) makes what four(block, first) makes pixels j + first
// and three more from. Blocks are found many at a time: one after the other, a block's two parts
// are a chain too long for the processor to look beyond.
template <int Depth, class Block, class Find, class Four>
inline void sample_blocks(int count, uint8_t* out, Find find, Four four) {
    constexpr int most = 16;
    const __m512i order = _mm512_load_si512(packed_order<Depth>.bytes);
    Block blocks[most];
    for (int from = 0; from < count; from += 16 * most) {
        const int some = std::min(most, (count - from + 15) / 16);
        for (int n = 0; n < some; ++n) find(from + 16 * n, blocks[n]);
        for (int n = 0; n < some; ++n, out += 16 * Depth) {
            const Block& block = blocks[n];
            const __m512i bytes =
                pack_pixels(four(block, 0), four(block, 4), four(block, 8), four(block, 12), order);
            store_packed<Depth>(bytes, count - from - 16 * n, out);
        }
    }
}

} // namespace variegate::inline VARIEGATE_TARGET

#endif
