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

inline void find_block(const FixedRow& image, __m512i x, __m512i y, Block& block) {
    const __m512i mask = _mm512_set1_epi32((1 << weight_bits) - 1);
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
    // Loads are the cheap way from here to addresses; the compiler would take the register apart.
    asm volatile("" : "+m"(block.offset));
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
        count, out,
        [&](int j) {
            find_block(image, _mm512_loadu_si512(xs + j), _mm512_loadu_si512(ys + j), block);
        },
        [&](int first) { return four_pixels<Depth>(image, block, first); });
}

template <int Depth>
void sample_track(const FixedRow& image, const Track& along, const Track& down, int first,
                  int count, uint8_t* out) {
    Block block;
    const __m512i steps_x = _mm512_loadu_si512(along.steps);
    const __m512i steps_y = _mm512_loadu_si512(down.steps);
    sample_blocks<Depth>(
        count, out,
        [&](int j) {
            const __m512i x = _mm512_set1_epi32(along.place(first + j));
            const __m512i y = _mm512_set1_epi32(down.place(first + j));
            find_block(image, _mm512_add_epi32(x, steps_x), _mm512_add_epi32(y, steps_y), block);
        },
        [&](int place) { return four_pixels<Depth>(image, block, place); });
}

#elif defined(__AVX2__)

struct Block {
    __m256i upper; // weights of the upper two neighbors, 16 bits each, of 8 pixels
    __m256i lower;
    alignas(32) int32_t offset[8];
};

// What a row's pixels have in common.
struct Bounds {
    __m256i most; // column and row, 16 bits each
    __m256i step; // bytes from one column and from one row to the next
    bool narrow;  // whether those of a row fit 16 bits
};

inline __m256i all(int value) { return _mm256_set1_epi32(value); }

inline Bounds bounds_of(const FixedRow& image) {
    const auto stride = static_cast<int>(image.stride);
    return {all(image.right | (image.bottom << 16)), all(image.depth | (stride << 16)),
            image.stride < 32768};
}

inline void find_block(const FixedRow& image, const Bounds& bounds, __m256i x, __m256i y,
                       Block& block) {
    const __m256i mask = all((1 << weight_bits) - 1);
    const __m256i fx = _mm256_and_si256(_mm256_srli_epi32(x, 16 - weight_bits), mask);
    const __m256i fy = _mm256_and_si256(_mm256_srli_epi32(y, 16 - weight_bits), mask);
    const __m256i product = _mm256_add_epi32(_mm256_madd_epi16(fx, fy), all(half));
    const __m256i both = _mm256_srli_epi32(product, weight_bits);
    const __m256i across = _mm256_sub_epi32(fx, both), down = _mm256_sub_epi32(fy, both);
    const __m256i rest = _mm256_sub_epi32(all(1 << weight_bits), _mm256_add_epi32(fx, down));
    block.upper = _mm256_or_si256(rest, _mm256_slli_epi32(across, 16));
    block.lower = _mm256_or_si256(down, _mm256_slli_epi32(both, 16));
    // Places behind the last pixel of a row may be anywhere.
    __m256i tap = _mm256_blend_epi16(_mm256_srli_epi32(x, 16), y, 0xaa);
    tap = _mm256_min_epi16(_mm256_max_epi16(tap, _mm256_setzero_si256()), bounds.most);
    __m256i offset = _mm256_madd_epi16(tap, bounds.step);
    if (!bounds.narrow) {
        const __m256i line =
            _mm256_mullo_epi32(_mm256_srli_epi32(tap, 16), all(static_cast<int>(image.stride)));
        const __m256i column = _mm256_and_si256(tap, all(0xffff));
        offset = _mm256_add_epi32(line, _mm256_mullo_epi32(column, all(image.depth)));
    }
    _mm256_store_si256(reinterpret_cast<__m256i*>(block.offset), offset);
}

// Sixteen bytes from each of two places.
inline __m256i two_places(const uint8_t* first, const uint8_t* second) {
    const auto at = [](const uint8_t* from) {
        return _mm_loadu_si128(reinterpret_cast<const __m128i*>(from));
    };
    return _mm256_inserti128_si256(_mm256_castsi128_si256(at(first)), at(second), 1);
}

// Pixels Pick and Pick + 4, each in four numbers.
template <int Depth, int Pick>
inline __m256i two_pixels(const FixedRow& image, const Block& block) {
    const uint8_t* first = image.pixels + block.offset[Pick];
    const uint8_t* second = image.pixels + block.offset[Pick + 4];
    constexpr int8_t d = Depth, no = -1;
    const __m256i pairs = _mm256_broadcastsi128_si256(
        _mm_setr_epi8(0, no, d, no, 1, no, d + 1, no, 2, no, d + 2, no, Depth == 4 ? 3 : no, no,
                      Depth == 4 ? 7 : no, no));
    constexpr int lane = Pick * 0x55;
    const __m256i above = _mm256_shuffle_epi8(two_places(first, second), pairs);
    const __m256i below =
        _mm256_shuffle_epi8(two_places(first + image.stride, second + image.stride), pairs);
    const __m256i upper = _mm256_madd_epi16(above, _mm256_shuffle_epi32(block.upper, lane));
    const __m256i lower = _mm256_madd_epi16(below, _mm256_shuffle_epi32(block.lower, lane));
    const __m256i sum = _mm256_add_epi32(_mm256_add_epi32(upper, lower), all(half));
    return _mm256_srai_epi32(sum, weight_bits);
}

// Eight pixels, four to a half of the register, without gaps within it.
template <int Depth> inline __m256i eight_pixels(const FixedRow& image, const Block& block) {
    constexpr int8_t d = Depth, no = -1;
    const __m256i words =
        _mm256_packs_epi32(two_pixels<Depth, 0>(image, block), two_pixels<Depth, 1>(image, block));
    const __m256i more =
        _mm256_packs_epi32(two_pixels<Depth, 2>(image, block), two_pixels<Depth, 3>(image, block));
    const __m256i pixels = _mm256_packus_epi16(words, more);
    if constexpr (Depth == 4) return pixels;
    const __m128i dense =
        d == 1 ? _mm_setr_epi8(0, 4, 8, 12, no, no, no, no, no, no, no, no, no, no, no, no)
               : _mm_setr_epi8(0, 1, 2, 4, 5, 6, 8, 9, 10, 12, 13, 14, no, no, no, no);
    return _mm256_shuffle_epi8(pixels, _mm256_broadcastsi128_si256(dense));
}

// The first 8 pixels or, at the end of a row, fewer.
template <int Depth> inline void store_pixels(__m256i pixels, int left, uint8_t* out) {
    // Pixels that the two stores touch beyond the eight, and that are written over later.
    constexpr int behind = (16 - 4 * Depth + Depth - 1) / Depth;
    alignas(32) uint8_t room[32];
    uint8_t* to = left >= 8 + behind ? out : room;
    _mm_storeu_si128(reinterpret_cast<__m128i*>(to), _mm256_castsi256_si128(pixels));
    _mm_storeu_si128(reinterpret_cast<__m128i*>(to + 4 * Depth),
                     _mm256_extracti128_si256(pixels, 1));
    if (to == room) std::memcpy(out, room, static_cast<size_t>(std::min(8, left) * Depth));
}

// next(j, x, y) gives the places of the eight pixels from j on. Weights and offsets of many blocks
// come first: one after the other, a block's two parts are a chain too long for the processor to
// look beyond.
template <int Depth, class Next>
inline void sample_each(const FixedRow& image, int count, uint8_t* out, Next next) {
    constexpr int most = 32;
    const Bounds bounds = bounds_of(image);
    Block blocks[most];
    for (int from = 0; from < count; from += 8 * most) {
        const int some = std::min(most, (count - from + 7) / 8);
        for (int n = 0; n < some; ++n) {
            __m256i x, y;
            next(from + 8 * n, x, y);
            find_block(image, bounds, x, y, blocks[n]);
        }
        for (int n = 0; n < some; ++n, out += 8 * Depth)
            store_pixels<Depth>(eight_pixels<Depth>(image, blocks[n]), count - from - 8 * n, out);
    }
}

inline __m256i load_places(const void* from) {
    return _mm256_loadu_si256(static_cast<const __m256i*>(from));
}

template <int Depth>
void sample(const FixedRow& image, const int32_t* xs, const int32_t* ys, int count, uint8_t* out) {
    sample_each<Depth>(image, count, out, [&](int j, __m256i& x, __m256i& y) {
        x = load_places(xs + j);
        y = load_places(ys + j);
    });
}

// A block's places are found from its first one, so half of the blocks of eight go on from there.
template <int Depth>
void sample_track(const FixedRow& image, const Track& along, const Track& down, int first,
                  int count, uint8_t* out) {
    __m256i start_x{}, start_y{};
    sample_each<Depth>(image, count, out, [&](int j, __m256i& x, __m256i& y) {
        const int half_block = j % FixedRow::block;
        if (half_block == 0) {
            start_x = all(along.place(first + j));
            start_y = all(down.place(first + j));
        }
        x = _mm256_add_epi32(start_x, load_places(along.steps + half_block));
        y = _mm256_add_epi32(start_y, load_places(down.steps + half_block));
    });
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
        const uint8_t* from = line + continued(column, shape.width, rule) * depth;
        for (int k = 0; k < depth; ++k) to[(column + reach) * depth + k] = from[k];
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

void sample_along(const FixedRow& image, const Track& x, const Track& y, int first, int count,
                  [[maybe_unused]] int32_t* room, uint8_t* out) {
#if defined(__AVX2__)
    if (image.depth == 1) return sample_track<1>(image, x, y, first, count, out);
    if (image.depth == 3) return sample_track<3>(image, x, y, first, count, out);
    return sample_track<4>(image, x, y, first, count, out);
#else
    int32_t* xs = room;
    int32_t* ys = room + count + FixedRow::block;
    x.find(first, count, xs);
    y.find(first, count, ys);
    sample_fixed(image, xs, ys, count, out);
#endif
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
    if (i < values && values >= 16) { // the last ones, some of them again
        i = values - 16;
        sixteen_values(from + i, below + i, depth, upper, lower, out + i);
        i = values;
    }
#endif
    for (; i < values; ++i) {
        const int32_t above = rest * from[i] + across * from[i + depth];
        const int32_t under = down * below[i] + both * below[i + depth];
        out[i] = static_cast<uint8_t>((above + under + half) >> weight_bits);
    }
}

} // namespace variegate::inline VARIEGATE_TARGET
