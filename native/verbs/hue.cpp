// The hue of bytes turned in 16-bit whole numbers, where saturation and value stay: what a channel
// has above the lowest one is then the distance of the color from the channel's place on the
// circle, times the chroma, and needs no division.
#include "variegate/planes.hpp"

#include <cmath>

#include "variegate/lanes.hpp"

namespace variegate::inline VARIEGATE_TARGET {

#if defined(__AVX2__)

namespace {

#define VARIEGATE_LANE_INT VARIEGATE_LANE_OPERATION

constexpr int fraction_bits = 5; // of a level: six times 255 levels fill 16 bits

using Whole = LaneRegister;

Whole all_words(int value) { return VARIEGATE_LANE_INT(set1_epi16)(static_cast<int16_t>(value)); }

// Bytes of `then` where a and b are equal, of `otherwise` elsewhere.
Whole where_equal(Whole a, Whole b, Whole then, Whole otherwise) {
#if defined(__AVX512BW__)
    return _mm512_mask_blend_epi8(_mm512_cmpeq_epi8_mask(a, b), otherwise, then);
#else
    return _mm256_blendv_epi8(otherwise, then, _mm256_cmpeq_epi8(a, b));
#endif
}

// `more` where a > b, else 0.
Whole where_above(Whole a, Whole b, Whole more) {
#if defined(__AVX512BW__)
    return _mm512_maskz_mov_epi16(_mm512_cmpgt_epi16_mask(a, b), more);
#else
    return _mm256_and_si256(_mm256_cmpgt_epi16(a, b), more);
#endif
}

Whole plus(Whole a, Whole b) { return VARIEGATE_LANE_INT(add_epi16)(a, b); }
Whole minus(Whole a, Whole b) { return VARIEGATE_LANE_INT(sub_epi16)(a, b); }
Whole size(Whole a) { return VARIEGATE_LANE_INT(abs_epi16)(a); }
Whole shifted(Whole a) { return VARIEGATE_LANE_INT(slli_epi16)(a, fraction_bits); }

// A turn on the circle of six sixths: whole ones, and the rest in 1/32768.
struct Turn {
    int sixths;
    int rest;

    explicit Turn(double turn) {
        const auto steps = static_cast<int>(std::lround(turn * 32768.0));
        sixths = steps / 32768 % 6;
        rest = steps % 32768;
    }
};

// What is known of pixels: the chroma, the lowest channel, where on the circle the color that is
// the highest one alone goes, and how far times the chroma the pixel's is from it (ahead - behind).
struct Known {
    Whole chroma, lowest, sixths, ahead, behind;
};

Known known_of(Whole red, Whole green, Whole blue, int sixths) {
    const Whole high = VARIEGATE_LANE_INT(max_epu8)(VARIEGATE_LANE_INT(max_epu8)(red, green), blue);
    const Whole low = VARIEGATE_LANE_INT(min_epu8)(VARIEGATE_LANE_INT(min_epu8)(red, green), blue);
    const auto pick = [&](Whole is_red, Whole is_green, Whole is_blue) {
        return where_equal(high, red, is_red, where_equal(high, green, is_green, is_blue));
    };
    const auto from = [sixths](int own) {
        return VARIEGATE_LANE_INT(set1_epi8)(static_cast<char>((own + sixths) % 6));
    };
    return {VARIEGATE_LANE_INT(sub_epi8)(high, low), low, pick(from(0), from(2), from(4)),
            pick(green, blue, red), pick(blue, red, green)};
}

template <bool High> Whole words_of(Whole bytes) {
    const Whole zero = VARIEGATE_LANE_WHOLE(setzero)();
    if constexpr (High) return VARIEGATE_LANE_INT(unpackhi_epi8)(bytes, zero);
    return VARIEGATE_LANE_INT(unpacklo_epi8)(bytes, zero);
}

// The three channels of half a register's pixels, as words.
struct Words {
    Whole red, green, blue;
};

// The upper or the lower half of the pixels. The place K on the circle, counted from cyan, is times
// the chroma A: -3 A..3 A.
template <bool High> Words turned(const Known& known, Whole rest) {
    const Whole whole = words_of<High>(known.chroma), chroma = shifted(whole);
    const Whole half_circle = plus(plus(chroma, chroma), chroma);
    const Whole circle = plus(half_circle, half_circle);
    Whole place = VARIEGATE_LANE_INT(mullo_epi16)(whole, words_of<High>(known.sixths));
    place = plus(place, minus(words_of<High>(known.ahead), words_of<High>(known.behind)));
    place = plus(shifted(place), VARIEGATE_LANE_INT(mulhrs_epi16)(chroma, rest));
    // Only now within 16 bits, -4 A..4 A: what wrapped around before does so back.
    place = minus(place, half_circle);
    place = minus(place, where_above(place, minus(half_circle, all_words(1)), circle));
    place = plus(place, where_above(minus(all_words(0), half_circle), place, circle));
    const Whole both = plus(chroma, chroma);
    const Whole start =
        plus(shifted(words_of<High>(known.lowest)), all_words(1 << (fraction_bits - 1)));
    const auto level = [&](Whole share) {
        share = VARIEGATE_LANE_INT(max_epi16)(share, all_words(0));
        share = VARIEGATE_LANE_INT(min_epi16)(share, chroma);
        return VARIEGATE_LANE_INT(srli_epi16)(plus(start, share), fraction_bits);
    };
    return {level(minus(size(place), chroma)), level(minus(both, size(plus(place, chroma)))),
            level(minus(both, size(minus(place, chroma))))};
}

} // namespace

bool turn_hues(Planes& planes, int64_t pixels, double turn) {
    const Turn own(turn);
    const Whole rest = all_words(own.rest);
    uint8_t *red = planes.channel[0], *green = planes.channel[1], *blue = planes.channel[2];
    for (int64_t i = 0; i < pixels; i += Lanes::bytes) {
        const Known known = known_of(Lanes::load(red + i).bits, Lanes::load(green + i).bits,
                                     Lanes::load(blue + i).bits, own.sixths);
        const Words low = turned<false>(known, rest), high = turned<true>(known, rest);
        const auto join = [](Whole one, Whole other) {
            return Lanes{VARIEGATE_LANE_INT(packus_epi16)(one, other)};
        };
        join(low.red, high.red).store(red + i);
        join(low.green, high.green).store(green + i);
        join(low.blue, high.blue).store(blue + i);
    }
    return true;
}

#else

bool turn_hues(Planes&, int64_t, double) { return false; }

#endif

} // namespace variegate::inline VARIEGATE_TARGET
