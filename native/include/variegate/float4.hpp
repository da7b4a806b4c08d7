// Four floats side by side: the channels of one pixel. SSE2 on x86-64, which every such processor
// has; plain C++ elsewhere. Loads of three channels read a fourth value behind them, which the
// caller must own.
#pragma once

#include "variegate/target.hpp"

#include <cstdint>
#include <cstring>

#if defined(__SSE2__) || defined(_M_X64)
#define VARIEGATE_SSE2 1
#include <emmintrin.h>
#endif

namespace variegate::inline VARIEGATE_TARGET {

#ifdef VARIEGATE_SSE2

struct Float4 {
    __m128 lanes;

    static Float4 all(float value) { return {_mm_set1_ps(value)}; }
    static Float4 load(const float* from) { return {_mm_loadu_ps(from)}; }
    static Float4 load(const uint8_t* from) {
        int32_t bytes;
        std::memcpy(&bytes, from, 4);
        const __m128i zero = _mm_setzero_si128();
        const __m128i wide = _mm_unpacklo_epi8(_mm_cvtsi32_si128(bytes), zero);
        return {_mm_cvtepi32_ps(_mm_unpacklo_epi16(wide, zero))};
    }
    void store(float* to) const { _mm_storeu_ps(to, lanes); }
    // Four bytes, each lane clipped to 0..255 and without its fraction.
    uint32_t truncated() const {
        const __m128 top = _mm_min_ps(_mm_max_ps(lanes, _mm_setzero_ps()), _mm_set1_ps(255.0f));
        const __m128i whole = _mm_cvttps_epi32(top);
        const __m128i bytes = _mm_packus_epi16(_mm_packs_epi32(whole, whole), whole);
        return static_cast<uint32_t>(_mm_cvtsi128_si32(bytes));
    }
    template <int Lane> Float4 spread() const {
        return {_mm_shuffle_ps(lanes, lanes, _MM_SHUFFLE(Lane, Lane, Lane, Lane))};
    }
    Float4 clipped(float low, float high) const {
        return {_mm_min_ps(_mm_max_ps(lanes, _mm_set1_ps(low)), _mm_set1_ps(high))};
    }
    friend Float4 operator+(Float4 a, Float4 b) { return {_mm_add_ps(a.lanes, b.lanes)}; }
    friend Float4 operator-(Float4 a, Float4 b) { return {_mm_sub_ps(a.lanes, b.lanes)}; }
    friend Float4 operator*(Float4 a, Float4 b) { return {_mm_mul_ps(a.lanes, b.lanes)}; }
};

#else

struct Float4 {
    float lanes[4];

    static Float4 all(float value) { return {{value, value, value, value}}; }
    template <class T> static Float4 load(const T* from) {
        return {{float(from[0]), float(from[1]), float(from[2]), float(from[3])}};
    }
    void store(float* to) const { std::memcpy(to, lanes, sizeof lanes); }
    uint32_t truncated() const {
        const Float4 top = clipped(0.0f, 255.0f);
        uint8_t bytes[4];
        for (int k = 0; k < 4; ++k) bytes[k] = static_cast<uint8_t>(int(top.lanes[k]));
        uint32_t four;
        std::memcpy(&four, bytes, 4);
        return four;
    }
    template <int Lane> Float4 spread() const { return all(lanes[Lane]); }
    Float4 clipped(float low, float high) const {
        Float4 out = *this;
        for (float& lane : out.lanes) {
            lane = lane > low ? lane : low;
            lane = lane < high ? lane : high;
        }
        return out;
    }
    template <class Operation> static Float4 each(Float4 a, Float4 b, Operation operation) {
        for (int k = 0; k < 4; ++k) a.lanes[k] = operation(a.lanes[k], b.lanes[k]);
        return a;
    }
    friend Float4 operator+(Float4 a, Float4 b) {
        return each(a, b, [](float x, float y) { return x + y; });
    }
    friend Float4 operator-(Float4 a, Float4 b) {
        return each(a, b, [](float x, float y) { return x - y; });
    }
    friend Float4 operator*(Float4 a, Float4 b) {
        return each(a, b, [](float x, float y) { return x * y; });
    }
};

#endif

} // namespace variegate::inline VARIEGATE_TARGET
