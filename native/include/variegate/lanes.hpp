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
    Lanes operator+(Lanes other) const {
        return {VARIEGATE_LANE_OPERATION(add_epi32)(bits, other.bits)};
    }
    template <int Count> Lanes left() const {
        return {VARIEGATE_LANE_OPERATION(slli_epi32)(bits, Count)};
    }
    template <int Count> Lanes right() const {
        return {VARIEGATE_LANE_OPERATION(srai_epi32)(bits, Count)};
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
