// As many floats side by side as one register of the target holds, and the
// bytes that make four such registers. The same single operations, in the same
// order, on every target.
#pragma once

#include "variegate/target.hpp"

#include <cstdint>
#include <cstring>

#include "variegate/gray.hpp"

#if defined(__AVX512VBMI__) || defined(__AVX2__)
#if defined(__GNUC__) && !defined(__clang__)
// GCC 12 takes the undefined lanes of its own header for a mistake of whoever uses it.
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wuninitialized"
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#include <immintrin.h>
#pragma GCC diagnostic pop
#else
#include <immintrin.h>
#endif
#elif defined(__SSE2__) || defined(_M_X64)
#include <emmintrin.h>
#else
#define VARIEGATE_PLAIN_VECTORS 1
#endif

namespace variegate::inline VARIEGATE_TARGET {

#if defined(__AVX512VBMI__)
#define VARIEGATE_PS(name) _mm512_##name##_ps
#define VARIEGATE_WHOLE(name) _mm512_##name##_si512
#define VARIEGATE_INT(name) _mm512_##name
using FloatRegister = __m512;
using WholeRegister = __m512i;
#elif defined(__AVX2__)
#define VARIEGATE_PS(name) _mm256_##name##_ps
#define VARIEGATE_WHOLE(name) _mm256_##name##_si256
#define VARIEGATE_INT(name) _mm256_##name
using FloatRegister = __m256;
using WholeRegister = __m256i;
#elif !defined(VARIEGATE_PLAIN_VECTORS)
#define VARIEGATE_PS(name) _mm_##name##_ps
#define VARIEGATE_WHOLE(name) _mm_##name##_si128
#define VARIEGATE_INT(name) _mm_##name
using FloatRegister = __m128;
using WholeRegister = __m128i;
#endif

#ifndef VARIEGATE_PLAIN_VECTORS

struct Floats {
    using Number = float;
    static constexpr int count = sizeof(FloatRegister) / sizeof(float);
    FloatRegister lanes;

    static Floats all(float value) { return {VARIEGATE_PS(set1)(value)}; }
    static Floats load(const float* from) { return {VARIEGATE_PS(loadu)(from)}; }
    static Floats load(const uint8_t* from) {
#if defined(__AVX512VBMI__)
        const __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(from));
        return {_mm512_cvtepi32_ps(_mm512_cvtepu8_epi32(bytes))};
#elif defined(__AVX2__)
        const __m128i bytes = _mm_loadl_epi64(reinterpret_cast<const __m128i*>(from));
        return {_mm256_cvtepi32_ps(_mm256_cvtepu8_epi32(bytes))};
#else
        int32_t bytes;
        std::memcpy(&bytes, from, 4);
        const __m128i zero = _mm_setzero_si128();
        const __m128i wide = _mm_unpacklo_epi8(_mm_cvtsi32_si128(bytes), zero);
        return {_mm_cvtepi32_ps(_mm_unpacklo_epi16(wide, zero))};
#endif
    }
    void store(float* to) const { VARIEGATE_PS(storeu)(to, lanes); }
    // Past the caches. `to` lies at a multiple of the vector's size; flush() comes after the last.
    void stream(float* to) const { VARIEGATE_PS(stream)(to, lanes); }
    static void flush() { _mm_sfence(); }
    friend Floats operator+(Floats a, Floats b) { return {VARIEGATE_PS(add)(a.lanes, b.lanes)}; }
    friend Floats operator-(Floats a, Floats b) { return {VARIEGATE_PS(sub)(a.lanes, b.lanes)}; }
    friend Floats operator*(Floats a, Floats b) { return {VARIEGATE_PS(mul)(a.lanes, b.lanes)}; }
    friend Floats operator/(Floats a, Floats b) { return {VARIEGATE_PS(div)(a.lanes, b.lanes)}; }
    // `below` where this is below 0, `otherwise` elsewhere.
    Floats choose(Floats below, Floats otherwise) const {
#if defined(__AVX512VBMI__)
        const __mmask16 is_below = _mm512_cmp_ps_mask(lanes, _mm512_setzero_ps(), _CMP_LT_OQ);
        return {_mm512_mask_blend_ps(is_below, otherwise.lanes, below.lanes)};
#elif defined(__AVX2__)
        const __m256 is_below = _mm256_cmp_ps(lanes, _mm256_setzero_ps(), _CMP_LT_OQ);
        return {_mm256_blendv_ps(otherwise.lanes, below.lanes, is_below)};
#else
        const __m128 is_below = _mm_cmplt_ps(lanes, _mm_setzero_ps());
        return {
            _mm_or_ps(_mm_and_ps(is_below, below.lanes), _mm_andnot_ps(is_below, otherwise.lanes))};
#endif
    }
    // The smaller and the larger of each.
    Floats lower(Floats other) const { return {VARIEGATE_PS(min)(lanes, other.lanes)}; }
    Floats upper(Floats other) const { return {VARIEGATE_PS(max)(lanes, other.lanes)}; }
};

// Whole numbers of 16 bits.
struct Shorts {
    using Number = uint16_t;
    static constexpr int count = sizeof(WholeRegister) / sizeof(Number);
    WholeRegister lanes;

    static Shorts all(Number value) {
        return {VARIEGATE_INT(set1_epi16)(static_cast<int16_t>(value))};
    }
    static Shorts load(const Number* from) {
        return {VARIEGATE_WHOLE(loadu)(reinterpret_cast<const WholeRegister*>(from))};
    }
    void store(Number* to) const {
        VARIEGATE_WHOLE(storeu)(reinterpret_cast<WholeRegister*>(to), lanes);
    }
    friend Shorts operator+(Shorts a, Shorts b) {
        return {VARIEGATE_INT(add_epi16)(a.lanes, b.lanes)};
    }
    // The upper half of the product.
    friend Shorts operator*(Shorts a, Shorts b) {
        return {VARIEGATE_INT(mulhi_epu16)(a.lanes, b.lanes)};
    }
};

// The bytes lie in the registers in an order of the target's own: what takes
// them apart and what puts them together undo each other.
struct Bytes {
    static constexpr int count = sizeof(WholeRegister);
    WholeRegister lanes;

    static Bytes load(const uint8_t* from) {
        return {VARIEGATE_WHOLE(loadu)(reinterpret_cast<const WholeRegister*>(from))};
    }
    void store(uint8_t* to) const {
        VARIEGATE_WHOLE(storeu)(reinterpret_cast<WholeRegister*>(to), lanes);
    }
    WholeRegister low() const {
        return VARIEGATE_INT(unpacklo_epi8)(lanes, VARIEGATE_WHOLE(setzero)());
    }
    WholeRegister high() const {
        return VARIEGATE_INT(unpackhi_epi8)(lanes, VARIEGATE_WHOLE(setzero)());
    }
    void floats(Floats* four) const {
        const WholeRegister zero = VARIEGATE_WHOLE(setzero)();
        four[0] = {VARIEGATE_INT(cvtepi32_ps)(VARIEGATE_INT(unpacklo_epi16)(low(), zero))};
        four[1] = {VARIEGATE_INT(cvtepi32_ps)(VARIEGATE_INT(unpackhi_epi16)(low(), zero))};
        four[2] = {VARIEGATE_INT(cvtepi32_ps)(VARIEGATE_INT(unpacklo_epi16)(high(), zero))};
        four[3] = {VARIEGATE_INT(cvtepi32_ps)(VARIEGATE_INT(unpackhi_epi16)(high(), zero))};
    }
    // The gray of three channels: (red r + green g + blue b + 2^15) / 2^16,
    // without the fraction. Sixteen bits with a sign do not hold the weight of
    // green: it counts twice by half of it.
    static Bytes gray(Bytes r, Bytes g, Bytes b) {
        static_assert(gray_green % 2 == 0);
        const auto pair = [](int first, int second) {
            return VARIEGATE_INT(set1_epi32)(first + second * 65536);
        };
        const WholeRegister red_green = pair(gray_red, gray_green / 2);
        const WholeRegister green_blue = pair(gray_green / 2, gray_blue);
        const WholeRegister half = VARIEGATE_INT(set1_epi32)(32768);
        const auto sum = [&](WholeRegister one, WholeRegister other) {
            return VARIEGATE_INT(srli_epi32)(
                VARIEGATE_INT(add_epi32)(
                    VARIEGATE_INT(add_epi32)(VARIEGATE_INT(madd_epi16)(one, red_green), half),
                    VARIEGATE_INT(madd_epi16)(other, green_blue)),
                16);
        };
        const auto part = [&](WholeRegister red, WholeRegister green, WholeRegister blue) {
            return VARIEGATE_INT(packs_epi32)(sum(VARIEGATE_INT(unpacklo_epi16)(red, green),
                                                  VARIEGATE_INT(unpacklo_epi16)(green, blue)),
                                              sum(VARIEGATE_INT(unpackhi_epi16)(red, green),
                                                  VARIEGATE_INT(unpackhi_epi16)(green, blue)));
        };
        return {VARIEGATE_INT(packus_epi16)(part(r.low(), g.low(), b.low()),
                                            part(r.high(), g.high(), b.high()))};
    }
    // Each clipped to 0..255 and without its fraction; NaN becomes 0.
    static Bytes truncated(const Floats* four) {
        const FloatRegister top = VARIEGATE_PS(set1)(255.0f);
        WholeRegister whole[4];
        for (int k = 0; k < 4; ++k)
            whole[k] = VARIEGATE_INT(cvttps_epi32)(VARIEGATE_PS(min)(top, four[k].lanes));
        return {VARIEGATE_INT(packus_epi16)(VARIEGATE_INT(packs_epi32)(whole[0], whole[1]),
                                            VARIEGATE_INT(packs_epi32)(whole[2], whole[3]))};
    }
};

#else

struct Floats {
    using Number = float;
    static constexpr int count = 4;
    float lanes[count];

    template <class Operation> static Floats each(Operation operation) {
        Floats out;
        for (int k = 0; k < count; ++k) out.lanes[k] = operation(k);
        return out;
    }
    static Floats all(float value) {
        return each([&](int) { return value; });
    }
    template <class T> static Floats load(const T* from) {
        return each([&](int k) { return static_cast<float>(from[k]); });
    }
    void store(float* to) const { std::memcpy(to, lanes, sizeof lanes); }
    void stream(float* to) const { store(to); }
    static void flush() {}
    friend Floats operator+(Floats a, Floats b) {
        return each([&](int k) { return a.lanes[k] + b.lanes[k]; });
    }
    friend Floats operator-(Floats a, Floats b) {
        return each([&](int k) { return a.lanes[k] - b.lanes[k]; });
    }
    friend Floats operator*(Floats a, Floats b) {
        return each([&](int k) { return a.lanes[k] * b.lanes[k]; });
    }
    friend Floats operator/(Floats a, Floats b) {
        return each([&](int k) { return a.lanes[k] / b.lanes[k]; });
    }
    Floats choose(Floats below, Floats otherwise) const {
        return each([&](int k) { return lanes[k] < 0 ? below.lanes[k] : otherwise.lanes[k]; });
    }
    Floats lower(Floats b) const {
        return each([&](int k) { return lanes[k] < b.lanes[k] ? lanes[k] : b.lanes[k]; });
    }
    Floats upper(Floats b) const {
        return each([&](int k) { return lanes[k] < b.lanes[k] ? b.lanes[k] : lanes[k]; });
    }
};

struct Shorts {
    using Number = uint16_t;
    static constexpr int count = 8;
    Number lanes[count];

    static Shorts all(Number value) {
        Shorts out;
        for (Number& lane : out.lanes) lane = value;
        return out;
    }
    static Shorts load(const Number* from) {
        Shorts out;
        std::memcpy(out.lanes, from, sizeof out.lanes);
        return out;
    }
    void store(Number* to) const { std::memcpy(to, lanes, sizeof lanes); }
    friend Shorts operator+(Shorts a, Shorts b) {
        for (int k = 0; k < count; ++k) a.lanes[k] = static_cast<Number>(a.lanes[k] + b.lanes[k]);
        return a;
    }
    friend Shorts operator*(Shorts a, Shorts b) {
        for (int k = 0; k < count; ++k)
            a.lanes[k] = static_cast<Number>((uint32_t{a.lanes[k]} * b.lanes[k]) >> 16);
        return a;
    }
};

struct Bytes {
    static constexpr int count = 16;
    uint8_t lanes[count];

    static Bytes load(const uint8_t* from) {
        Bytes out;
        std::memcpy(out.lanes, from, count);
        return out;
    }
    void store(uint8_t* to) const { std::memcpy(to, lanes, count); }
    void floats(Floats* four) const {
        for (int i = 0; i < count; ++i) four[i / 4].lanes[i % 4] = lanes[i];
    }
    static Bytes gray(Bytes r, Bytes g, Bytes b) {
        Bytes out;
        for (int i = 0; i < count; ++i) {
            const int sum =
                gray_red * r.lanes[i] + gray_green * g.lanes[i] + gray_blue * b.lanes[i];
            out.lanes[i] = static_cast<uint8_t>((sum + 32768) >> 16);
        }
        return out;
    }
    static Bytes truncated(const Floats* four) {
        Bytes out;
        for (int i = 0; i < count; ++i) {
            float value = four[i / 4].lanes[i % 4];
            value = value > 0.0f ? value : 0.0f;
            out.lanes[i] = static_cast<uint8_t>(static_cast<int>(value < 255.0f ? value : 255.0f));
        }
        return out;
    }
};

#endif

} // namespace variegate::inline VARIEGATE_TARGET
