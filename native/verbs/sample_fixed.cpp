// The inner loops of bilinear warps of bytes. Weights have 14 bits and are found for a block of
// pixels at once; a pixel's four neighbors are two loads of eight bytes.
#include <algorithm>
#include <cstring>

#include "variegate/packed_pixels.hpp"
#include "variegate/warp_fixed.hpp"

#if defined(__AVX2__)
#include <immintrin.h>
#endif

namespace variegate::inline VARIEGATE_TARGET {
namespace {

constexpr int weight_bits = 14;
constexpr int32_t half = 1 << (weight_bits - 1);

#if defined(__AVX512VBMI__)

struct Block {
    __m512i upper; // weights of the upper two neighbors, 16 bits each, of 16 pixels
    __m512i lower;
    alignas(64) int32_t offset[16];
};

inline void find_block(const FixedRow& image, const int32_t* xs, const int32_t* ys, Block& block) {
    const __m512i mask = _mm512_set1_epi32((1 << weight_bits) - 1);
    const __m512i x = _mm512_loadu_si512(xs), y = _mm512_loadu_si512(ys);
    const __m512i fx = _mm512_and_si512(_mm512_srli_epi32(x, 16 - weight_bits), mask);
    const __m512i fy = _mm512_and_si512(_mm512_srli_epi32(y, 16 - weight_bits), mask);
    const __m512i product = _mm512_add_epi32(_mm512_madd_epi16(fx, fy), _mm512_set1_epi32(half));
    const __m512i both = _mm512_srli_epi32(product, weight_bits);
    const __m512i across = _mm512_sub_epi32(fx, both), down = _mm512_sub_epi32(fy, both);
    const __m512i rest =
        _mm512_sub_epi32(_mm512_set1_epi32(1 << weight_bits), _mm512_add_epi32(fx, down));
    block.upper = _mm512_or_si512(rest, _mm512_slli_epi32(across, 16));
    block.lower = _mm512_or_si512(down, _mm512_slli_epi32(both, 16));
    _mm512_store_si512(block.offset, tap_offsets(image, x, y));
}

// The upper eight bytes, then the lower.
inline __m128i neighbors(const uint8_t* from, int64_t stride) {
    const __m128i upper = _mm_loadl_epi64(reinterpret_cast<const __m128i*>(from));
    return _mm_castpd_si128(
        _mm_loadh_pd(_mm_castsi128_pd(upper), reinterpret_cast<const double*>(from + stride)));
}

template <int Depth>
inline __m512i four_pixels(const FixedRow& image, const Block& block, int first) {
    const auto at = [&](int k) {
        return neighbors(image.pixels + block.offset[first + k], image.stride);
    };
    const __m256i left = _mm256_inserti128_si256(_mm256_castsi128_si256(at(0)), at(1), 1);
    const __m256i right = _mm256_inserti128_si256(_mm256_castsi128_si256(at(2)), at(3), 1);
    const __m512i bytes = _mm512_inserti64x4(_mm512_castsi256_si512(left), right, 1);
    constexpr int8_t d = Depth, no = -1;
    const __m128i up = _mm_setr_epi8(0, no, d, no, 1, no, d + 1, no, 2, no, d + 2, no,
                                     Depth == 4 ? 3 : no, no, Depth == 4 ? 7 : no, no);
    const __m128i low = _mm_setr_epi8(8, no, 8 + d, no, 9, no, 9 + d, no, 10, no, 10 + d, no,
                                      Depth == 4 ? 11 : no, no, Depth == 4 ? 15 : no, no);
    const __m512i spread =
        _mm512_add_epi32(_mm512_setr_epi32(0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3),
                         _mm512_set1_epi32(first));
    const __m512i upper = _mm512_madd_epi16(_mm512_shuffle_epi8(bytes, _mm512_broadcast_i32x4(up)),
                                            _mm512_permutexvar_epi32(spread, block.upper));
    const __m512i lower = _mm512_madd_epi16(_mm512_shuffle_epi8(bytes, _mm512_broadcast_i32x4(low)),
                                            _mm512_permutexvar_epi32(spread, block.lower));
    const __m512i sum = _mm512_add_epi32(_mm512_add_epi32(upper, lower), _mm512_set1_epi32(half));
    return _mm512_srai_epi32(sum, weight_bits);
}

template <int Depth>
void sample(const FixedRow& image, const int32_t* xs, const int32_t* ys, int count, uint8_t* out) {
    Block block;
    sample_blocks<Depth>(
        xs, ys, count, out,
        [&](const int32_t* x, const int32_t* y) { find_block(image, x, y, block); },
        [&](int first) { return four_pixels<Depth>(image, block, first); });
}

#elif defined(__AVX2__)

struct Block {
    alignas(32) int32_t upper[8]; // weights of the upper two neighbors, 16 bits each
    alignas(32) int32_t lower[8];
    alignas(32) int32_t offset[8];
};

inline void find_block(const FixedRow& image, const int32_t* xs, const int32_t* ys, Block& block) {
    const __m256i zero = _mm256_setzero_si256(), mask = _mm256_set1_epi32((1 << weight_bits) - 1);
    const __m256i x = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(xs));
    const __m256i y = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(ys));
    const __m256i fx = _mm256_and_si256(_mm256_srli_epi32(x, 16 - weight_bits), mask);
    const __m256i fy = _mm256_and_si256(_mm256_srli_epi32(y, 16 - weight_bits), mask);
    const __m256i product = _mm256_add_epi32(_mm256_madd_epi16(fx, fy), _mm256_set1_epi32(half));
    const __m256i both = _mm256_srli_epi32(product, weight_bits);
    const __m256i across = _mm256_sub_epi32(fx, both), down = _mm256_sub_epi32(fy, both);
    const __m256i rest =
        _mm256_sub_epi32(_mm256_set1_epi32(1 << weight_bits), _mm256_add_epi32(fx, down));
    const auto store = [](int32_t* to, __m256i value) {
        _mm256_store_si256(reinterpret_cast<__m256i*>(to), value);
    };
    store(block.upper, _mm256_or_si256(rest, _mm256_slli_epi32(across, 16)));
    store(block.lower, _mm256_or_si256(down, _mm256_slli_epi32(both, 16)));
    // Places behind the last pixel of a row may be anywhere.
    __m256i column = _mm256_max_epi32(_mm256_srai_epi32(x, 16), zero);
    column = _mm256_min_epi32(column, _mm256_set1_epi32(image.right));
    __m256i row = _mm256_max_epi32(_mm256_srai_epi32(y, 16), zero);
    row = _mm256_min_epi32(row, _mm256_set1_epi32(image.bottom));
    const __m256i line = _mm256_mullo_epi32(row, _mm256_set1_epi32(static_cast<int>(image.stride)));
    const __m256i step = _mm256_mullo_epi32(column, _mm256_set1_epi32(image.depth));
    store(block.offset, _mm256_add_epi32(line, step));
}

// The upper eight bytes, then the lower.
inline __m128i neighbors(const uint8_t* from, int64_t stride) {
    const __m128i upper = _mm_loadl_epi64(reinterpret_cast<const __m128i*>(from));
    return _mm_castpd_si128(
        _mm_loadh_pd(_mm_castsi128_pd(upper), reinterpret_cast<const double*>(from + stride)));
}

// Two words for two weights that several lanes share.
inline __m256i pair_of(const int32_t* weights) {
    return _mm256_inserti128_si256(_mm256_castsi128_si256(_mm_set1_epi32(weights[0])),
                                   _mm_set1_epi32(weights[1]), 1);
}

template <int Depth>
inline __m256i two_pixels(const FixedRow& image, const Block& block, int first) {
    const __m256i bytes = _mm256_inserti128_si256(
        _mm256_castsi128_si256(neighbors(image.pixels + block.offset[first], image.stride)),
        neighbors(image.pixels + block.offset[first + 1], image.stride), 1);
    constexpr int8_t d = Depth, no = -1;
    const __m128i up = _mm_setr_epi8(0, no, d, no, 1, no, d + 1, no, 2, no, d + 2, no,
                                     Depth == 4 ? 3 : no, no, Depth == 4 ? 7 : no, no);
    const __m128i low = _mm_setr_epi8(8, no, 8 + d, no, 9, no, 9 + d, no, 10, no, 10 + d, no,
                                      Depth == 4 ? 11 : no, no, Depth == 4 ? 15 : no, no);
    const __m256i upper = _mm256_madd_epi16(
        _mm256_shuffle_epi8(bytes, _mm256_broadcastsi128_si256(up)), pair_of(block.upper + first));
    const __m256i lower = _mm256_madd_epi16(
        _mm256_shuffle_epi8(bytes, _mm256_broadcastsi128_si256(low)), pair_of(block.lower + first));
    const __m256i sum = _mm256_add_epi32(_mm256_add_epi32(upper, lower), _mm256_set1_epi32(half));
    return _mm256_srai_epi32(sum, weight_bits);
}

template <int Depth>
void sample(const FixedRow& image, const int32_t* xs, const int32_t* ys, int count, uint8_t* out) {
    // From packs in halves, pixels 0 2 4 6 and 1 3 5 7, to pixels in order.
    const __m256i order = _mm256_setr_epi32(0, 4, 1, 5, 2, 6, 3, 7);
    constexpr int8_t d = Depth, no = -1;
    const __m128i dense =
        d == 1   ? _mm_setr_epi8(0, 4, 8, 12, no, no, no, no, no, no, no, no, no, no, no, no)
        : d == 4 ? _mm_setr_epi8(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15)
                 : _mm_setr_epi8(0, 1, 2, 4, 5, 6, 8, 9, 10, 12, 13, 14, no, no, no, no);
    Block block;
    for (int j = 0; j < count; j += 8, out += 8 * Depth) {
        find_block(image, xs + j, ys + j, block);
        const __m256i words = _mm256_packs_epi32(two_pixels<Depth>(image, block, 0),
                                                 two_pixels<Depth>(image, block, 2));
        const __m256i more = _mm256_packs_epi32(two_pixels<Depth>(image, block, 4),
                                                two_pixels<Depth>(image, block, 6));
        const __m256i pixels = _mm256_permutevar8x32_epi32(_mm256_packus_epi16(words, more), order);
        const __m128i first = _mm_shuffle_epi8(_mm256_castsi256_si128(pixels), dense);
        const __m128i second = _mm_shuffle_epi8(_mm256_extracti128_si256(pixels, 1), dense);
        alignas(16) uint8_t bytes[32];
        _mm_store_si128(reinterpret_cast<__m128i*>(bytes), first);
        _mm_storeu_si128(reinterpret_cast<__m128i*>(bytes + 4 * Depth), second);
        std::memcpy(out, bytes, static_cast<size_t>(std::min(8, count - j) * Depth));
    }
}

#else

template <int Depth>
void sample(const FixedRow& image, const int32_t* xs, const int32_t* ys, int count, uint8_t* out) {
    for (int j = 0; j < count; ++j, out += Depth) {
        const int32_t fx = (xs[j] >> 2) & 0x3fff, fy = (ys[j] >> 2) & 0x3fff;
        const int32_t both = (fx * fy + half) >> weight_bits;
        const int32_t rest = (1 << weight_bits) - fx - fy + both;
        const uint8_t* from = image.pixels + (ys[j] >> 16) * image.stride + (xs[j] >> 16) * Depth;
        const uint8_t* below = from + image.stride;
        for (int k = 0; k < Depth; ++k)
            out[k] =
                static_cast<uint8_t>((rest * from[k] + (fx - both) * from[k + Depth] +
                                      (fy - both) * below[k] + both * below[k + Depth] + half) >>
                                     weight_bits);
    }
}

#endif

#if defined(__AVX2__)
inline __m256i sixteen_words(const uint8_t* from) {
    return _mm256_cvtepu8_epi16(_mm_loadu_si128(reinterpret_cast<const __m128i*>(from)));
}

// Sixteen neighboring values that share their weights.
inline void sixteen_values(const uint8_t* from, const uint8_t* below, int depth, __m256i upper,
                           __m256i lower, uint8_t* out) {
    const __m256i a = sixteen_words(from), b = sixteen_words(from + depth);
    const __m256i c = sixteen_words(below), d = sixteen_words(below + depth);
    const auto sum = [&](__m256i above, __m256i under) {
        const __m256i both =
            _mm256_add_epi32(_mm256_madd_epi16(above, upper), _mm256_madd_epi16(under, lower));
        return _mm256_srai_epi32(_mm256_add_epi32(both, _mm256_set1_epi32(half)), weight_bits);
    };
    const __m256i low = sum(_mm256_unpacklo_epi16(a, b), _mm256_unpacklo_epi16(c, d));
    const __m256i high = sum(_mm256_unpackhi_epi16(a, b), _mm256_unpackhi_epi16(c, d));
    const __m256i words = _mm256_packs_epi32(low, high);
    const __m128i bytes =
        _mm_packus_epi16(_mm256_castsi256_si128(words), _mm256_extracti128_si256(words, 1));
    _mm_storeu_si128(reinterpret_cast<__m128i*>(out), bytes);
}
#endif

} // namespace

FixedRow with_margin(const uint8_t* in, Shape shape, Border border, int reach, Buffer& room) {
    const int depth = shape.channels;
    const int64_t own = static_cast<int64_t>(shape.width) * depth, stride = own + 2 * reach * depth;
    auto* copy = room.get<uint8_t>(stride * (shape.height + 2 * reach));
    const Border rule = border == Border::Constant ? Border::Edge : border;
    const auto move = [&](const uint8_t* line, int column, uint8_t* to) {
        const int from = continued(column, shape.width, rule);
        std::memcpy(to + (column + reach) * depth, line + from * depth, static_cast<size_t>(depth));
    };
    for (int r = -reach; r < shape.height + reach; ++r) {
        const uint8_t* line = in + continued(r, shape.height, rule) * own;
        uint8_t* to = copy + (r + reach) * stride;
        std::memcpy(to + reach * depth, line, static_cast<size_t>(own));
        for (int k = 0; k < reach; ++k) {
            move(line, -1 - k, to);
            move(line, shape.width + k, to);
        }
    }
    const int64_t first = (reach - 1) * (stride + depth);
    return {copy + first, stride, depth, shape.width, shape.height};
}

void sample_fixed(const FixedRow& image, const int32_t* xs, const int32_t* ys, int count,
                  uint8_t* out) {
    if (image.depth == 1) return sample<1>(image, xs, ys, count, out);
    image.depth == 3 ? sample<3>(image, xs, ys, count, out) : sample<4>(image, xs, ys, count, out);
}

void sample_shifted(const FixedRow& image, int32_t x, int32_t y, int count, uint8_t* out) {
    const int32_t fx = (x >> 2) & 0x3fff, fy = (y >> 2) & 0x3fff;
    const int32_t both = (fx * fy + half) >> weight_bits;
    const int32_t across = fx - both, down = fy - both, rest = (1 << weight_bits) - fx - down;
    const int depth = image.depth;
    const uint8_t* from = image.pixels + (y >> 16) * image.stride + (x >> 16) * depth;
    const uint8_t* below = from + image.stride;
    const int64_t values = static_cast<int64_t>(count) * depth;
    int64_t i = 0;
#if defined(__AVX2__)
    const __m256i upper = _mm256_set1_epi32(rest | (across << 16));
    const __m256i lower = _mm256_set1_epi32(down | (both << 16));
    for (; i + 16 <= values; i += 16)
        sixteen_values(from + i, below + i, depth, upper, lower, out + i);
#endif
    for (; i < values; ++i) {
        const int32_t above = rest * from[i] + across * from[i + depth];
        const int32_t under = down * below[i] + both * below[i + depth];
        out[i] = static_cast<uint8_t>((above + under + half) >> weight_bits);
    }
}

} // namespace variegate::inline VARIEGATE_TARGET
