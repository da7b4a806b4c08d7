// The inner loops of bilinear warps of bytes. Weights have 14 bits and are found for a block of
// pixels at once; a pixel's four neighbors are two loads of eight bytes.
#include <algorithm>
#include <cstring>

#include "variegate/copying.hpp"
#include "variegate/packed_pixels.hpp"
#include "variegate/tap_weights.hpp"
#include "variegate/warp_fixed.hpp"

#if defined(__AVX2__)
#include <immintrin.h>
#endif

namespace variegate::inline VARIEGATE_TARGET {
namespace {

constexpr int32_t half = 1 << (weight_bits - 1);

#if defined(__AVX512VBMI__)

// The upper eight bytes, then the lower.
inline __m128i neighbors(const uint8_t* from, int64_t stride) {
    const __m128i upper = _mm_loadl_epi64(reinterpret_cast<const __m128i*>(from));
    return _mm_castpd_si128(
        _mm_loadh_pd(_mm_castsi128_pd(upper), reinterpret_cast<const double*>(from + stride)));
}

// Sums of four pixels, four numbers each, before they lose their lower bits.
template <int Depth>
inline __m512i four_sums(const FixedRow& image, const TapWeights& weights, int first) {
    const auto at = [&](int k) {
        return neighbors(image.pixels + weights.offset[first + k], image.stride);
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
    const __m512i above = _mm512_shuffle_epi8(bytes, _mm512_broadcast_i32x4(up));
    const __m512i below = _mm512_shuffle_epi8(bytes, _mm512_broadcast_i32x4(low));
    const __m512i upper = _mm512_dpwssd_epi32(_mm512_set1_epi32(half), above,
                                              _mm512_permutexvar_epi32(spread, weights.upper));
    return _mm512_dpwssd_epi32(upper, below, _mm512_permutexvar_epi32(spread, weights.lower));
}

// Where each byte of 16 packed pixels lies before the last permutation: of a pixel's channels two
// lie side by side in either half of its lane, behind those of the pixels four, eight and twelve
// before it.
template <int Depth> struct SumOrder {
    alignas(64) uint8_t bytes[64] = {};
    constexpr SumOrder() {
        for (int pixel = 0; pixel < 16; ++pixel)
            for (int k = 0; k < Depth; ++k)
                bytes[pixel * Depth + k] =
                    static_cast<uint8_t>((pixel % 4) * 16 + (k / 2) * 8 + (pixel / 4) * 2 + k % 2);
    }
};
template <int Depth> inline constexpr SumOrder<Depth> sum_order{};

// Sixteen pixels: of each sum, which lies within 0..255, the eight bits above its fraction.
template <int Depth>
inline __m512i sixteen_pixels(const FixedRow& image, const TapWeights& weights) {
    constexpr int64_t pair = weight_bits | ((32 + weight_bits) << 8);
    const __m512i bits = _mm512_set1_epi16(pair);
    const auto sums = [&](int first) { return four_sums<Depth>(image, weights, first); };
    constexpr auto third = uint64_t{0x3030303030303030};
    __m512i bytes = _mm512_multishift_epi64_epi8(bits, sums(0));
    bytes = _mm512_mask_multishift_epi64_epi8(bytes, third >> 2, bits, sums(4));
    bytes = _mm512_mask_multishift_epi64_epi8(bytes, third, bits, sums(8));
    bytes = _mm512_mask_multishift_epi64_epi8(bytes, third << 2, bits, sums(12));
    return _mm512_permutexvar_epi8(_mm512_load_si512(sum_order<Depth>.bytes), bytes);
}

template <int Depth>
inline void store_pixels(const FixedRow& image, const TapWeights& weights, uint8_t* out,
                         const uint8_t* end) {
    store_packed<Depth>(sixteen_pixels<Depth>(image, weights), out, end);
}

inline __m512i all(int value) { return _mm512_set1_epi32(value); }

#elif defined(__AVX2__)

inline __m256i all(int value) { return _mm256_set1_epi32(value); }

// Sixteen bytes from each of two places.
inline __m256i two_places(const uint8_t* first, const uint8_t* second) {
    const auto at = [](const uint8_t* from) {
        return _mm_loadu_si128(reinterpret_cast<const __m128i*>(from));
    };
    return _mm256_inserti128_si256(_mm256_castsi128_si256(at(first)), at(second), 1);
}

// Pixels Pick and Pick + 4, each in four numbers.
template <int Depth, int Pick>
inline __m256i two_pixels(const FixedRow& image, const TapWeights& weights) {
    const uint8_t* first = image.pixels + weights.offset[Pick];
    const uint8_t* second = image.pixels + weights.offset[Pick + 4];
    constexpr int8_t d = Depth, no = -1;
    const __m256i pairs = _mm256_broadcastsi128_si256(
        _mm_setr_epi8(0, no, d, no, 1, no, d + 1, no, 2, no, d + 2, no, Depth == 4 ? 3 : no, no,
                      Depth == 4 ? 7 : no, no));
    constexpr int lane = Pick * 0x55;
    const __m256i above = _mm256_shuffle_epi8(two_places(first, second), pairs);
    const __m256i below =
        _mm256_shuffle_epi8(two_places(first + image.stride, second + image.stride), pairs);
    const __m256i upper = _mm256_madd_epi16(above, _mm256_shuffle_epi32(weights.upper, lane));
    const __m256i lower = _mm256_madd_epi16(below, _mm256_shuffle_epi32(weights.lower, lane));
    const __m256i sum = _mm256_add_epi32(_mm256_add_epi32(upper, lower), all(half));
    return _mm256_srai_epi32(sum, weight_bits);
}

// Eight pixels, four to a half of the register, without gaps within it.
template <int Depth> inline __m256i eight_pixels(const FixedRow& image, const TapWeights& weights) {
    constexpr int8_t d = Depth, no = -1;
    const __m256i words = _mm256_packs_epi32(two_pixels<Depth, 0>(image, weights),
                                             two_pixels<Depth, 1>(image, weights));
    const __m256i more = _mm256_packs_epi32(two_pixels<Depth, 2>(image, weights),
                                            two_pixels<Depth, 3>(image, weights));
    const __m256i pixels = _mm256_packus_epi16(words, more);
    if constexpr (Depth == 4) return pixels;
    const __m128i dense =
        d == 1 ? _mm_setr_epi8(0, 4, 8, 12, no, no, no, no, no, no, no, no, no, no, no, no)
               : _mm_setr_epi8(0, 1, 2, 4, 5, 6, 8, 9, 10, 12, 13, 14, no, no, no, no);
    return _mm256_shuffle_epi8(pixels, _mm256_broadcastsi128_si256(dense));
}

// Eight pixels and a few bytes behind them, or what lies before `end`.
template <int Depth>
inline void store_pixels(const FixedRow& image, const TapWeights& weights, uint8_t* out,
                         const uint8_t* end) {
    const __m256i pixels = eight_pixels<Depth>(image, weights);
    const int64_t left = end - out;
    alignas(32) uint8_t room[32];
    uint8_t* to = left >= 4 * Depth + 16 ? out : room;
    _mm_storeu_si128(reinterpret_cast<__m128i*>(to), _mm256_castsi256_si128(pixels));
    _mm_storeu_si128(reinterpret_cast<__m128i*>(to + 4 * Depth),
                     _mm256_extracti128_si256(pixels, 1));
    if (to == room) std::memcpy(out, room, static_cast<size_t>(std::min<int64_t>(8 * Depth, left)));
}

#endif

#if defined(__AVX2__)

inline WholeRegister load_places(const void* from) {
    return VARIEGATE_WHOLE(loadu)(static_cast<const WholeRegister*>(from));
}

// Weights and offsets of many registers come first: one after the other, the two parts of each are
// a chain too long for the processor to look beyond.
template <int Depth>
void sample(const FixedRow& image, const int32_t* xs, const int32_t* ys, int count, uint8_t* out) {
    constexpr int own = TapWeights::pixels, most = 256 / own;
    const TapBounds bounds(image);
    const uint8_t* end = out + static_cast<int64_t>(count) * Depth;
    TapWeights weights[most];
    for (int from = 0; from < count; from += own * most) {
        const int some = std::min(most, (count - from + own - 1) / own);
        for (int n = 0; n < some; ++n) {
            const int place = from + own * n;
            find_taps(image, bounds, load_places(xs + place), load_places(ys + place), weights[n]);
        }
        for (int n = 0; n < some; ++n, out += own * Depth)
            store_pixels<Depth>(image, weights[n], out, end);
    }
}

// Blocks of pixels of one row or of several, which are sampled together for the same reason.
struct Blocks {
    static constexpr int most = blocks_together;
    double row[most] = {}; // centers of the first pixels
    double column[most] = {};
    int left[most]; // pixels of the row from the first one on
    uint8_t* out[most];
    int count = 0;

    // Places of the first pixels: a track's operations in their order.
    void places(const Rise& rise, double share, int32_t* found) const {
#pragma omp simd
        for (int n = 0; n < most; ++n) {
            const double start = rise.down * row[n] + rise.offset;
            const double value = (rise.slope * column[n] + start) * share;
            found[n] = static_cast<int32_t>((value + 0.5) * FixedRow::one);
        }
    }
};

template <int Depth>
void sample_blocks(const FixedRow& image, const TapBounds& bounds, const Tracks& tracks,
                   const Blocks& blocks, const uint8_t* end) {
    constexpr int own = TapWeights::pixels, registers = FixedRow::block / own;
    int32_t xs[Blocks::most], ys[Blocks::most];
    blocks.places(tracks.x, tracks.share_x, xs);
    blocks.places(tracks.y, tracks.share_y, ys);
    TapWeights weights[Blocks::most][registers];
    for (int part = 0; part < registers; ++part) {
        const WholeRegister right = load_places(tracks.step_x + own * part);
        const WholeRegister down = load_places(tracks.step_y + own * part);
        for (int n = 0; n < blocks.count; ++n)
            find_taps(image, bounds, VARIEGATE_INT(add_epi32)(all(xs[n]), right),
                      VARIEGATE_INT(add_epi32)(all(ys[n]), down), weights[n][part]);
    }
    for (int n = 0; n < blocks.count; ++n)
        for (int part = 0; part < registers && own * part < blocks.left[n]; ++part)
            store_pixels<Depth>(image, weights[n][part], blocks.out[n] + own * part * Depth, end);
}

template <int Depth>
void sample_each(const FixedRow& image, const Tracks& tracks, const Rows& rows, uint8_t* out,
                 const uint8_t* end) {
    const TapBounds bounds(image);
    Blocks blocks;
    for (int i = rows.first; i < rows.last; ++i)
        for (int j = rows.from[i]; j < rows.to[i]; j += FixedRow::block) {
            const int n = blocks.count++;
            blocks.row[n] = i + 0.5, blocks.column[n] = j + 0.5;
            blocks.left[n] = rows.to[i] - j;
            blocks.out[n] = out + (static_cast<int64_t>(i) * rows.width + j) * Depth;
            if (blocks.count < Blocks::most) continue;
            sample_blocks<Depth>(image, bounds, tracks, blocks, end);
            blocks.count = 0;
        }
    if (blocks.count) sample_blocks<Depth>(image, bounds, tracks, blocks, end);
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

// Values that share their weights, as many as a register holds words.
#if defined(__AVX512VBMI__)
constexpr int neighbors_at_once = 32;

inline __m512i wide_words(const uint8_t* from) {
    return _mm512_cvtepu8_epi16(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(from)));
}

inline __m512i sum_pairs(__m512i above, __m512i upper, __m512i under, __m512i lower) {
    return _mm512_dpwssd_epi32(_mm512_dpwssd_epi32(all(half), above, upper), under, lower);
}

inline void store_words(__m512i words, uint8_t* out) {
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(out), _mm512_cvtepi16_epi8(words));
}
#elif defined(__AVX2__)
constexpr int neighbors_at_once = 16;

inline __m256i wide_words(const uint8_t* from) {
    return _mm256_cvtepu8_epi16(_mm_loadu_si128(reinterpret_cast<const __m128i*>(from)));
}

inline __m256i sum_pairs(__m256i above, __m256i upper, __m256i under, __m256i lower) {
    const __m256i both =
        _mm256_add_epi32(_mm256_madd_epi16(above, upper), _mm256_madd_epi16(under, lower));
    return _mm256_add_epi32(both, all(half));
}

inline void store_words(__m256i words, uint8_t* out) {
    const __m128i bytes =
        _mm_packus_epi16(_mm256_castsi256_si128(words), _mm256_extracti128_si256(words, 1));
    _mm_storeu_si128(reinterpret_cast<__m128i*>(out), bytes);
}
#endif

#if defined(__AVX2__)
inline void shifted_values(const uint8_t* from, const uint8_t* below, int depth,
                           WholeRegister upper, WholeRegister lower, uint8_t* out) {
    const WholeRegister a = wide_words(from), b = wide_words(from + depth);
    const WholeRegister c = wide_words(below), d = wide_words(below + depth);
    const WholeRegister low = sum_pairs(VARIEGATE_INT(unpacklo_epi16)(a, b), upper,
                                        VARIEGATE_INT(unpacklo_epi16)(c, d), lower);
    const WholeRegister high = sum_pairs(VARIEGATE_INT(unpackhi_epi16)(a, b), upper,
                                         VARIEGATE_INT(unpackhi_epi16)(c, d), lower);
    store_words(VARIEGATE_INT(packs_epi32)(VARIEGATE_INT(srai_epi32)(low, weight_bits),
                                           VARIEGATE_INT(srai_epi32)(high, weight_bits)),
                out);
}
#endif

template <int Depth>
FixedRow margin_around(const uint8_t* in, Shape shape, Border border, int reach, Buffer& room) {
    constexpr int ahead = 8, most = 2; // rows, and pixels of the margin
    const int64_t own = static_cast<int64_t>(shape.width) * Depth, stride = own + 2 * reach * Depth;
    auto* copy = room.get<uint8_t>(stride * (shape.height + 2 * reach));
    const Border rule = border == Border::Constant ? Border::Edge : border;
    int64_t left[most], right[most]; // where the margin's pixels come from
    for (int k = 0; k < reach; ++k) {
        left[k] = int64_t{Depth} * continued(k - reach, shape.width, rule);
        right[k] = int64_t{Depth} * continued(shape.width + k, shape.width, rule);
    }
    uint8_t* to = copy;
    for (int r = -reach; r < shape.height + reach; ++r) {
        const uint8_t* line = in + continued(r, shape.height, rule) * own;
        if (r >= 0 && r + ahead < shape.height) fetch_soon(line + ahead * own, own);
        for (int k = 0; k < reach; ++k, to += Depth) std::memcpy(to, line + left[k], Depth);
        copy_bytes(line, to, own);
        to += own;
        for (int k = 0; k < reach; ++k, to += Depth) std::memcpy(to, line + right[k], Depth);
    }
    const int64_t first = (reach - 1) * (stride + Depth);
    return {copy + first, stride, Depth, shape.width, shape.height};
}

} // namespace

FixedRow with_margin(const uint8_t* in, Shape shape, Border border, int reach, Buffer& room) {
    if (shape.channels == 1) return margin_around<1>(in, shape, border, reach, room);
    if (shape.channels == 3) return margin_around<3>(in, shape, border, reach, room);
    return margin_around<4>(in, shape, border, reach, room);
}

void sample_fixed(const FixedRow& image, const int32_t* xs, const int32_t* ys, int count,
                  uint8_t* out) {
    if (image.depth == 1) return sample<1>(image, xs, ys, count, out);
    image.depth == 3 ? sample<3>(image, xs, ys, count, out) : sample<4>(image, xs, ys, count, out);
}

void sample_rows(const FixedRow& image, const Tracks& tracks, const Rows& rows,
                 [[maybe_unused]] int32_t* room, uint8_t* out,
                 [[maybe_unused]] const uint8_t* end) {
#if defined(__AVX2__)
    if (image.depth == 1) return sample_each<1>(image, tracks, rows, out, end);
    if (image.depth == 3) return sample_each<3>(image, tracks, rows, out, end);
    return sample_each<4>(image, tracks, rows, out, end);
#else
    int32_t* xs = room;
    int32_t* ys = room + rows.width + FixedRow::block;
    for (int i = rows.first; i < rows.last; ++i) {
        const int from = rows.from[i], count = rows.to[i] - from;
        if (count <= 0) continue;
        tracks.along_x(i).find(from, count, xs);
        tracks.along_y(i).find(from, count, ys);
        const int64_t place = static_cast<int64_t>(i) * rows.width + from;
        sample_fixed(image, xs, ys, count, out + place * image.depth);
    }
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
    constexpr int some = neighbors_at_once;
    const WholeRegister upper = all(rest | (across << 16)), lower = all(down | (both << 16));
    for (; i + some <= values; i += some)
        shifted_values(from + i, below + i, depth, upper, lower, out + i);
    if (i < values && values >= some) { // the last ones, some of them again
        i = values - some;
        shifted_values(from + i, below + i, depth, upper, lower, out + i);
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
