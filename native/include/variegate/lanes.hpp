// The widest vectors of whole numbers of the instruction set, with the few operations that work
// within 16-byte lanes alike in all of them. Plain C++ where there are none (VARIEGATE_LANES is
// then undefined).
#pragma once

#include <cstdint>

#include "variegate/target.hpp"

#if defined(__AVX512BW__) || defined(__AVX2__)
#include <immintrin.h>
#define VARIEGATE_LANES 1
#elif defined(__SSE2__) || defined(_M_X64)
#include <emmintrin.h>
#define VARIEGATE_LANES 1
#endif

namespace variegate::inline VARIEGATE_TARGET {

#if defined(__AVX512BW__)
#define VARIEGATE_LANE_OPERATION(name) _mm512_##name
#define VARIEGATE_LANE_WHOLE(name) _mm512_##name##_si512
using LaneRegister = __m512i;
#elif defined(__AVX2__)
#define VARIEGATE_LANE_OPERATION(name) _mm256_##name
#define VARIEGATE_LANE_WHOLE(name) _mm256_##name##_si256
using LaneRegister = __m256i;
#elif defined(VARIEGATE_LANES)
#define VARIEGATE_LANE_OPERATION(name) _mm_##name
#define VARIEGATE_LANE_WHOLE(name) _mm_##name##_si128
using LaneRegister = __m128i;
#endif

#ifdef VARIEGATE_LANES

struct Lanes {
    static constexpr int bytes = sizeof(LaneRegister);

    LaneRegister bits;

    static Lanes zero() { return {VARIEGATE_LANE_WHOLE(setzero)()}; }
    static Lanes all(int32_t value) { return {VARIEGATE_LANE_OPERATION(set1_epi32)(value)}; }
    static Lanes load(const uint8_t* from) {
        return {VARIEGATE_LANE_WHOLE(loadu)(reinterpret_cast<const LaneRegister*>(from))};
    }
    void store(uint8_t* to) const {
        VARIEGATE_LANE_WHOLE(storeu)(reinterpret_cast<LaneRegister*>(to), bits);
    }
    // Bytes of the lower (upper) half of each lane, one of this and one of the other in turn.
    Lanes low_bytes(Lanes other) const {
        return {VARIEGATE_LANE_OPERATION(unpacklo_epi8)(bits, other.bits)};
    }
    Lanes high_bytes(Lanes other) const {
        return {VARIEGATE_LANE_OPERATION(unpackhi_epi8)(bits, other.bits)};
    }
    // Sums of two products of neighboring words.
    Lanes multiply_add(Lanes other) const {
        return {VARIEGATE_LANE_OPERATION(madd_epi16)(bits, other.bits)};
    }
    // The same of words.
    Lanes low_words(Lanes other) const {
        return {VARIEGATE_LANE_OPERATION(unpacklo_epi16)(bits, other.bits)};
    }
    Lanes high_words(Lanes other) const {
        return {VARIEGATE_LANE_OPERATION(unpackhi_epi16)(bits, other.bits)};
    }
    // This and the sums of two products of neighboring words of the others.
    Lanes plus_products(Lanes one, Lanes other) const {
#if defined(__AVX512VNNI__)
        return {_mm512_dpwssd_epi32(bits, one.bits, other.bits)};
#else
        return *this + one.multiply_add(other);
#endif
    }
    Lanes operator+(Lanes other) const {
        return {VARIEGATE_LANE_OPERATION(add_epi32)(bits, other.bits)};
    }
    template <int Count> Lanes left() const {
        return {VARIEGATE_LANE_OPERATION(slli_epi32)(bits, Count)};
    }
    template <int Count> Lanes right() const {
        return {VARIEGATE_LANE_OPERATION(srai_epi32)(bits, Count)};
    }
    Lanes right_by(int count) const {
        return {VARIEGATE_LANE_OPERATION(sra_epi32)(bits, _mm_cvtsi32_si128(count))};
    }
    // What words() and narrow() of four vectors in a row give, in the vectors' order.
    Lanes in_order() const {
#if defined(__AVX512BW__)
        const __m512i order =
            _mm512_setr_epi32(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15);
        return {_mm512_permutexvar_epi32(order, bits)};
#elif defined(__AVX2__)
        return {_mm256_permutevar8x32_epi32(bits, _mm256_setr_epi32(0, 4, 1, 5, 2, 6, 3, 7))};
#else
        return *this;
#endif
    }
    // What narrow() of two vectors in a row gives, in the vectors' order.
    Lanes halves_in_order() const {
#if defined(__AVX512BW__)
        return {_mm512_permutexvar_epi64(_mm512_setr_epi64(0, 2, 4, 6, 1, 3, 5, 7), bits)};
#elif defined(__AVX2__)
        return {_mm256_permute4x64_epi64(bits, 0xd8)};
#else
        return *this;
#endif
    }
    // The smaller and the larger of each byte.
    Lanes lower(Lanes other) const {
        return {VARIEGATE_LANE_OPERATION(min_epu8)(bits, other.bits)};
    }
    Lanes upper(Lanes other) const {
        return {VARIEGATE_LANE_OPERATION(max_epu8)(bits, other.bits)};
    }
    Lanes operator&(Lanes other) const { return {VARIEGATE_LANE_WHOLE (and)(bits, other.bits)}; }
    Lanes operator^(Lanes other) const { return {VARIEGATE_LANE_WHOLE(xor)(bits, other.bits)}; }
    // Bytes where those of `where` are all ones, else the other's.
    Lanes chosen(Lanes where, Lanes other) const { return other ^ ((*this ^ other) & where); }
    // Sums and differences of bytes, clipped.
    Lanes plus_bytes(Lanes other) const {
        return {VARIEGATE_LANE_OPERATION(adds_epu8)(bits, other.bits)};
    }
    Lanes minus_bytes(Lanes other) const {
        return {VARIEGATE_LANE_OPERATION(subs_epu8)(bits, other.bits)};
    }
    // Differences of bytes, modulo 256.
    Lanes less_bytes(Lanes other) const {
        return {VARIEGATE_LANE_OPERATION(sub_epi8)(bits, other.bits)};
    }
    // Words: sums, differences, and the lower and the upper half of products.
    Lanes plus_words(Lanes other) const {
        return {VARIEGATE_LANE_OPERATION(add_epi16)(bits, other.bits)};
    }
    Lanes minus_words(Lanes other) const {
        return {VARIEGATE_LANE_OPERATION(sub_epi16)(bits, other.bits)};
    }
    template <int Count> Lanes left_words() const {
        return {VARIEGATE_LANE_OPERATION(slli_epi16)(bits, Count)};
    }
#if defined(__AVX2__)
    // Products of words with a sign, in units of 2^-15, rounded.
    Lanes share_of_words(Lanes other) const {
        return {VARIEGATE_LANE_OPERATION(mulhrs_epi16)(bits, other.bits)};
    }
#endif
    Lanes times_words(Lanes other) const {
        return {VARIEGATE_LANE_OPERATION(mullo_epi16)(bits, other.bits)};
    }
    Lanes upper_words(Lanes other) const {
        return {VARIEGATE_LANE_OPERATION(mulhi_epu16)(bits, other.bits)};
    }
    // Numbers of 32 bits as words, words as bytes, each clipped; the other's behind this one's.
    Lanes words(Lanes other) const {
        return {VARIEGATE_LANE_OPERATION(packs_epi32)(bits, other.bits)};
    }
    Lanes narrow(Lanes other) const {
        return {VARIEGATE_LANE_OPERATION(packus_epi16)(bits, other.bits)};
    }
};

#endif

} // namespace variegate::inline VARIEGATE_TARGET
