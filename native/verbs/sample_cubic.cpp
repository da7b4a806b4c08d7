// The inner loop of bicubic warps of bytes: four source rows side by side in one register.
#include <algorithm>

#include "variegate/packed_pixels.hpp"
#include "variegate/tap_weights.hpp"
#include "variegate/warp_fixed.hpp"

namespace variegate::inline VARIEGATE_TARGET {

#if defined(__AVX512VBMI__)

namespace {

// What a block of 16 pixels needs: weights of the first and the last two columns as pairs of words,
// weights of the four rows of each pixel, and where its first tap lies.
struct Block {
    alignas(64) int32_t left[16];
    alignas(64) int32_t right[16];
    alignas(64) float down[16][4];
    alignas(64) int32_t offset[16];
};

// Keys' kernel with a = -1/2 at a share t beyond the second of four taps.
struct Cubic {
    __m512 first, second, third, fourth;

    explicit Cubic(__m512 t) {
        const auto times = [&](__m512 value) { return _mm512_mul_ps(value, t); };
        const auto plus = [](__m512 value, float number) {
            return _mm512_add_ps(value, _mm512_set1_ps(number));
        };
        const auto scaled = [&](float number) { return times(_mm512_set1_ps(number)); };
        first = times(plus(times(plus(scaled(-0.5f), 1.0f)), -0.5f));
        second = plus(times(times(plus(scaled(1.5f), -2.5f))), 1.0f);
        third = times(plus(times(plus(scaled(-1.5f), 2.0f)), 0.5f));
        fourth = times(times(plus(scaled(0.5f), -0.5f)));
    }
};

inline __m512 share_of(__m512i place) {
    const __m512i fraction = _mm512_and_si512(place, _mm512_set1_epi32(0xffff));
    return _mm512_mul_ps(_mm512_cvtepi32_ps(fraction), _mm512_set1_ps(1.0f / 65536));
}

inline __m512i in_words(__m512 weight) {
    return _mm512_cvtps_epi32(_mm512_mul_ps(weight, _mm512_set1_ps(1 << weight_bits)));
}

inline __m512i pair_of(__m512i lower, __m512i upper) {
    return _mm512_mask_blend_epi16(0xaaaaaaaa, lower, _mm512_slli_epi32(upper, 16));
}

inline void find_block(const FixedRow& image, const TapBounds& bounds, const int32_t* xs,
                       const int32_t* ys, Block& block) {
    const __m512i x = _mm512_loadu_si512(xs), y = _mm512_loadu_si512(ys);
    const Cubic across(share_of(x)), down(share_of(y));
    const __m512i first = in_words(across.first), third = in_words(across.third);
    const __m512i fourth = in_words(across.fourth);
    const __m512i others = _mm512_add_epi32(_mm512_add_epi32(first, third), fourth);
    const __m512i second = _mm512_sub_epi32(_mm512_set1_epi32(1 << weight_bits), others);
    _mm512_store_si512(block.left, pair_of(first, second));
    _mm512_store_si512(block.right, pair_of(third, fourth));
    // Transposed: pixel 4 k + i has its four weights in lane k of register i.
    const __m512 upper_low = _mm512_unpacklo_ps(down.first, down.second);
    const __m512 upper_high = _mm512_unpackhi_ps(down.first, down.second);
    const __m512 lower_low = _mm512_unpacklo_ps(down.third, down.fourth);
    const __m512 lower_high = _mm512_unpackhi_ps(down.third, down.fourth);
    const __m512 of[4] = {_mm512_shuffle_ps(upper_low, lower_low, 0x44),
                          _mm512_shuffle_ps(upper_low, lower_low, 0xee),
                          _mm512_shuffle_ps(upper_high, lower_high, 0x44),
                          _mm512_shuffle_ps(upper_high, lower_high, 0xee)};
    for (int i = 0; i < 4; ++i) {
        _mm_store_ps(block.down[i], _mm512_castps512_ps128(of[i]));
        _mm_store_ps(block.down[4 + i], _mm512_extractf32x4_ps(of[i], 1));
        _mm_store_ps(block.down[8 + i], _mm512_extractf32x4_ps(of[i], 2));
        _mm_store_ps(block.down[12 + i], _mm512_extractf32x4_ps(of[i], 3));
    }
    _mm512_store_si512(block.offset, tap_offset(image, bounds, x, y));
}

inline __m128i sixteen_bytes(const uint8_t* from) {
    return _mm_loadu_si128(reinterpret_cast<const __m128i*>(from));
}

// The sums of one pixel's channels, before they are rounded.
template <int Depth> inline __m128 one_pixel(const FixedRow& image, const Block& block, int k) {
    const int64_t stride = image.stride;
    const uint8_t* from = image.pixels + block.offset[k] - stride - Depth;
    const __m256i upper = _mm256_inserti128_si256(_mm256_castsi128_si256(sixteen_bytes(from)),
                                                  sixteen_bytes(from + stride), 1);
    const __m256i lower =
        _mm256_inserti128_si256(_mm256_castsi128_si256(sixteen_bytes(from + 2 * stride)),
                                sixteen_bytes(from + 3 * stride), 1);
    const __m512i bytes = _mm512_inserti64x4(_mm512_castsi256_si512(upper), lower, 1);
    constexpr int8_t d = Depth, e = 2 * Depth, f = 3 * Depth, no = -1;
    constexpr bool four = Depth == 4;
    const __m128i first = _mm_setr_epi8(0, no, d, no, 1, no, d + 1, no, 2, no, d + 2, no,
                                        four ? 3 : no, no, four ? 7 : no, no);
    const __m128i last = _mm_setr_epi8(e, no, f, no, e + 1, no, f + 1, no, e + 2, no, f + 2, no,
                                       four ? 11 : no, no, four ? 15 : no, no);
    const __m512i left =
        _mm512_madd_epi16(_mm512_shuffle_epi8(bytes, _mm512_broadcast_i32x4(first)),
                          _mm512_set1_epi32(block.left[k]));
    const __m512i right =
        _mm512_madd_epi16(_mm512_shuffle_epi8(bytes, _mm512_broadcast_i32x4(last)),
                          _mm512_set1_epi32(block.right[k]));
    const __m512 rows = _mm512_cvtepi32_ps(_mm512_add_epi32(left, right));
    const __m512i spread = _mm512_setr_epi32(0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3);
    const __m512 weights =
        _mm512_permutexvar_ps(spread, _mm512_castps128_ps512(_mm_load_ps(block.down[k])));
    const __m512 weighed = _mm512_mul_ps(rows, weights);
    const __m256 half =
        _mm256_add_ps(_mm512_castps512_ps256(weighed), _mm512_extractf32x8_ps(weighed, 1));
    return _mm_add_ps(_mm256_castps256_ps128(half), _mm256_extractf128_ps(half, 1));
}

template <int Depth> inline __m512i four_pixels(const FixedRow& image, const Block& block, int k) {
    const __m256 left =
        _mm256_insertf128_ps(_mm256_castps128_ps256(one_pixel<Depth>(image, block, k)),
                             one_pixel<Depth>(image, block, k + 1), 1);
    const __m256 right =
        _mm256_insertf128_ps(_mm256_castps128_ps256(one_pixel<Depth>(image, block, k + 2)),
                             one_pixel<Depth>(image, block, k + 3), 1);
    const __m512 sums = _mm512_insertf32x8(_mm512_castps256_ps512(left), right, 1);
    const __m512 levels = _mm512_mul_ps(sums, _mm512_set1_ps(1.0f / (1 << weight_bits)));
    const __m512i down = _mm512_cvttps_epi32(_mm512_add_ps(levels, _mm512_set1_ps(0.5f)));
    return _mm512_max_epi32(down, _mm512_setzero_si512());
}

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

inline __m512i pack_pixels(__m512i first, __m512i second, __m512i third, __m512i fourth,
                           __m512i order) {
    const __m512i words = _mm512_packs_epi32(first, second);
    const __m512i more = _mm512_packs_epi32(third, fourth);
    return _mm512_permutexvar_epi8(order, _mm512_packus_epi16(words, more));
}

// Blocks are found many at a time: one after the other, a block's two parts are a chain too long
// for the processor to look beyond.
template <int Depth>
void sample(const FixedRow& image, const int32_t* xs, const int32_t* ys, int count, uint8_t* out) {
    constexpr int most = 16;
    const __m512i order = _mm512_load_si512(packed_order<Depth>.bytes);
    const TapBounds bounds(image);
    const uint8_t* end = out + static_cast<int64_t>(count) * Depth;
    Block blocks[most];
    for (int from = 0; from < count; from += 16 * most) {
        const int some = std::min(most, (count - from + 15) / 16);
        for (int n = 0; n < some; ++n)
            find_block(image, bounds, xs + from + 16 * n, ys + from + 16 * n, blocks[n]);
        for (int n = 0; n < some; ++n, out += 16 * Depth) {
            const auto four = [&](int k) { return four_pixels<Depth>(image, blocks[n], k); };
            const __m512i bytes = pack_pixels(four(0), four(4), four(8), four(12), order);
            store_packed<Depth>(bytes, out, end);
        }
    }
}

} // namespace

bool has_sample_cubic() { return true; }

void sample_cubic(const FixedRow& image, const int32_t* xs, const int32_t* ys, int count,
                  uint8_t* out) {
    if (image.depth == 1) return sample<1>(image, xs, ys, count, out);
    image.depth == 3 ? sample<3>(image, xs, ys, count, out) : sample<4>(image, xs, ys, count, out);
}

#else

bool has_sample_cubic() { return false; }

void sample_cubic(const FixedRow&, const int32_t*, const int32_t*, int, uint8_t*) {}

#endif

} // namespace variegate::inline VARIEGATE_TARGET
