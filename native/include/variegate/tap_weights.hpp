// What bilinear warps need of a register full of places: the weights of four taps and where the
// first one lies. Pairs of 16 bits, so that x and y go side by side.
#pragma once

#include "variegate/vectors.hpp"
#include "variegate/warp_fixed.hpp"

namespace variegate::inline VARIEGATE_TARGET {

constexpr int weight_bits = 14;

#if defined(__AVX2__)

// Pixels whose places fill a register.
struct TapWeights {
    static constexpr int pixels = sizeof(WholeRegister) / sizeof(int32_t);

    WholeRegister upper; // of the upper two neighbors, 16 bits each
    WholeRegister lower;
    alignas(64) int32_t offset[pixels];
};

// What all pixels of an image have in common.
struct TapBounds {
    WholeRegister most; // column and row, 16 bits each
    WholeRegister step; // bytes from one column and from one row to the next
    bool narrow;        // whether those of a row fit 16 bits

    explicit TapBounds(const FixedRow& image)
        : most(VARIEGATE_INT(set1_epi32)(image.right | (image.bottom << 16))),
          step(VARIEGATE_INT(set1_epi32)(image.depth | (static_cast<int>(image.stride) << 16))),
          narrow(image.stride < 32768) {}
};

// The lower words of one and the upper words of the other.
inline WholeRegister word_pairs(WholeRegister lower, WholeRegister upper) {
#if defined(__AVX512VBMI__)
    return _mm512_mask_blend_epi16(0xaaaaaaaa, lower, upper);
#else
    return _mm256_blend_epi16(lower, upper, 0xaa);
#endif
}

inline WholeRegister swapped_words(WholeRegister pairs) {
#if defined(__AVX512VBMI__)
    return _mm512_rol_epi32(pairs, 16);
#else
    return _mm256_shuffle_epi8(pairs, _mm256_broadcastsi128_si256(_mm_setr_epi8(
                                          2, 3, 0, 1, 6, 7, 4, 5, 10, 11, 8, 9, 14, 15, 12, 13)));
#endif
}

// Places behind the last pixel of a row may be anywhere.
inline WholeRegister tap_offset(const FixedRow& image, const TapBounds& bounds, WholeRegister x,
                                WholeRegister y) {
    WholeRegister tap = word_pairs(VARIEGATE_INT(srli_epi32)(x, 16), y);
    tap = VARIEGATE_INT(max_epi16)(tap, VARIEGATE_WHOLE(setzero)());
    tap = VARIEGATE_INT(min_epi16)(tap, bounds.most);
    if (bounds.narrow) return VARIEGATE_INT(madd_epi16)(tap, bounds.step);
    const auto all = [](int64_t value) {
        return VARIEGATE_INT(set1_epi32)(static_cast<int>(value));
    };
    const WholeRegister column = VARIEGATE_WHOLE (and)(tap, all(0xffff));
    const WholeRegister row = VARIEGATE_INT(srli_epi32)(tap, 16);
    return VARIEGATE_INT(add_epi32)(VARIEGATE_INT(mullo_epi32)(row, all(image.stride)),
                                    VARIEGATE_INT(mullo_epi32)(column, all(image.depth)));
}

inline void find_taps(const FixedRow& image, const TapBounds& bounds, WholeRegister x,
                      WholeRegister y, TapWeights& found) {
    const auto sum = [](WholeRegister a, WholeRegister b) {
        return VARIEGATE_INT(add_epi16)(a, b);
    };
    const auto less = [](WholeRegister a, WholeRegister b) {
        return VARIEGATE_INT(sub_epi16)(a, b);
    };
    const WholeRegister one = VARIEGATE_INT(set1_epi16)(1 << weight_bits);
    // Pairs (of x, of y), then (across, down): the shares of the neighbors beside and below alone.
    const WholeRegister share = VARIEGATE_INT(srli_epi16)(
        word_pairs(x, VARIEGATE_INT(slli_epi32)(y, 16)), 16 - weight_bits);
    const WholeRegister both = VARIEGATE_INT(mulhrs_epi16)(sum(share, share), swapped_words(share));
    const WholeRegister down_across = swapped_words(less(share, both));
    const WholeRegister rest = less(less(one, share), down_across);
    found.upper = word_pairs(rest, down_across);
    found.lower = word_pairs(down_across, both);
    VARIEGATE_WHOLE(store)(reinterpret_cast<WholeRegister*>(found.offset),
                           tap_offset(image, bounds, x, y));
}

#endif

} // namespace variegate::inline VARIEGATE_TARGET
