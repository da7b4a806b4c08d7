// Pixels of three bytes to planes and back.
#include "variegate/planes.hpp"
#include "variegate/computed_lookup.hpp"

#include <algorithm>

#include "variegate/vectors.hpp"
#include "variegate/verbs.hpp"

namespace variegate::inline VARIEGATE_TARGET {
namespace {

#if defined(__AVX512VBMI__)

constexpr int group = 64;

// For each plane, where its 64 bytes lie among the first 128 of 192, and among
// the last 64.
struct Places {
    alignas(64) uint8_t split[2][3][64];
    alignas(64) uint8_t join[2][3][64];
    uint64_t split_late[3];
    uint64_t join_late[3];
};

constexpr Places make_places() {
    Places places{};
    for (int k = 0; k < 3; ++k) {
        for (int i = 0; i < 64; ++i) {
            const int from = 3 * i + k;
            const bool late = from >= 128;
            places.split[0][k][i] = static_cast<uint8_t>(from & 127);
            places.split[1][k][i] = static_cast<uint8_t>(from & 63);
            if (late) places.split_late[k] |= uint64_t{1} << i;
            const int place = 64 * k + i, channel = place % 3, pixel = place / 3;
            places.join[0][k][i] = static_cast<uint8_t>(pixel + 64 * (channel & 1));
            places.join[1][k][i] = static_cast<uint8_t>(pixel);
            if (channel == 2) places.join_late[k] |= uint64_t{1} << i;
        }
    }
    return places;
}

constexpr Places places = make_places();

// Three registers become three others.
void rearrange(const uint8_t (&early)[3][64], const uint8_t (&last)[3][64],
               const uint64_t (&late)[3], __m512i* three) {
    const __m512i a = three[0], b = three[1], c = three[2];
    for (int k = 0; k < 3; ++k) {
        const __m512i most = _mm512_permutex2var_epi8(a, _mm512_load_si512(early[k]), b);
        three[k] = _mm512_mask_permutexvar_epi8(most, late[k], _mm512_load_si512(last[k]), c);
    }
}

void split_group(const uint8_t* in, uint8_t* const* to) {
    __m512i three[3];
    for (int k = 0; k < 3; ++k) three[k] = _mm512_loadu_si512(in + 64 * k);
    rearrange(places.split[0], places.split[1], places.split_late, three);
    for (int k = 0; k < 3; ++k) _mm512_storeu_si512(to[k], three[k]);
}

void join_group(const uint8_t* const* from, uint8_t* out) {
    __m512i three[3];
    for (int k = 0; k < 3; ++k) three[k] = _mm512_loadu_si512(from[k]);
    rearrange(places.join[0], places.join[1], places.join_late, three);
    for (int k = 0; k < 3; ++k) _mm512_storeu_si512(out + 64 * k, three[k]);
}

#elif defined(__AVX2__)

constexpr int group = 32;

// Of each of three registers of 16 bytes, the byte that goes to place i, or
// 0x80 for none; twice.
struct Places {
    alignas(32) uint8_t split[3][3][32]; // [plane][register]
    alignas(32) uint8_t join[3][3][32];  // [register][plane]
};

constexpr Places make_places() {
    Places places{};
    for (int k = 0; k < 3; ++k) {
        for (int part = 0; part < 3; ++part) {
            for (int i = 0; i < 32; ++i) {
                const int from = 3 * (i % 16) + k, place = 16 * k + i % 16;
                places.split[k][part][i] =
                    static_cast<uint8_t>(from / 16 == part ? from % 16 : 0x80);
                places.join[k][part][i] =
                    static_cast<uint8_t>(place % 3 == part ? place / 3 : 0x80);
            }
        }
    }
    return places;
}

constexpr Places places = make_places();

void rearrange(const uint8_t (&picks)[3][3][32], __m256i* three) {
    const __m256i given[3] = {three[0], three[1], three[2]};
    for (int k = 0; k < 3; ++k) {
        __m256i all = _mm256_setzero_si256();
        for (int part = 0; part < 3; ++part) {
            const __m256i pick =
                _mm256_load_si256(reinterpret_cast<const __m256i*>(picks[k][part]));
            all = _mm256_or_si256(all, _mm256_shuffle_epi8(given[part], pick));
        }
        three[k] = all;
    }
}

// The lower halves take 16 pixels, the upper ones the next 16.
void split_group(const uint8_t* in, uint8_t* const* to) {
    __m256i three[3];
    for (int k = 0; k < 3; ++k)
        three[k] = _mm256_loadu2_m128i(reinterpret_cast<const __m128i*>(in + 48 + 16 * k),
                                       reinterpret_cast<const __m128i*>(in + 16 * k));
    rearrange(places.split, three);
    for (int k = 0; k < 3; ++k) _mm256_storeu_si256(reinterpret_cast<__m256i*>(to[k]), three[k]);
}

void join_group(const uint8_t* const* from, uint8_t* out) {
    __m256i three[3];
    for (int k = 0; k < 3; ++k)
        three[k] = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(from[k]));
    rearrange(places.join, three);
    for (int k = 0; k < 3; ++k)
        _mm256_storeu2_m128i(reinterpret_cast<__m128i*>(out + 48 + 16 * k),
                             reinterpret_cast<__m128i*>(out + 16 * k), three[k]);
}

#elif !defined(VARIEGATE_PLAIN_VECTORS)

constexpr int group = 16;

// Four perfect shuffles of 48 bytes bring byte p to place 16 p modulo 47:
// channel after channel.
void split_group(const uint8_t* in, uint8_t* const* to) {
    __m128i a = _mm_loadu_si128(reinterpret_cast<const __m128i*>(in));
    __m128i b = _mm_loadu_si128(reinterpret_cast<const __m128i*>(in + 16));
    __m128i c = _mm_loadu_si128(reinterpret_cast<const __m128i*>(in + 32));
    for (int k = 0; k < 4; ++k) {
        const __m128i first = _mm_unpacklo_epi8(a, _mm_unpackhi_epi64(b, b));
        const __m128i second = _mm_unpacklo_epi8(_mm_unpackhi_epi64(a, a), c);
        c = _mm_unpacklo_epi8(b, _mm_unpackhi_epi64(c, c));
        a = first;
        b = second;
    }
    _mm_storeu_si128(reinterpret_cast<__m128i*>(to[0]), a);
    _mm_storeu_si128(reinterpret_cast<__m128i*>(to[1]), b);
    _mm_storeu_si128(reinterpret_cast<__m128i*>(to[2]), c);
}

// The same, undone: the bytes at even places come first.
void join_group(const uint8_t* const* from, uint8_t* out) {
    __m128i a = _mm_loadu_si128(reinterpret_cast<const __m128i*>(from[0]));
    __m128i b = _mm_loadu_si128(reinterpret_cast<const __m128i*>(from[1]));
    __m128i c = _mm_loadu_si128(reinterpret_cast<const __m128i*>(from[2]));
    const __m128i low = _mm_set1_epi16(255);
    for (int k = 0; k < 4; ++k) {
        const __m128i first = _mm_packus_epi16(_mm_and_si128(a, low), _mm_and_si128(b, low));
        const __m128i second = _mm_packus_epi16(_mm_and_si128(c, low), _mm_srli_epi16(a, 8));
        c = _mm_packus_epi16(_mm_srli_epi16(b, 8), _mm_srli_epi16(c, 8));
        a = first;
        b = second;
    }
    _mm_storeu_si128(reinterpret_cast<__m128i*>(out), a);
    _mm_storeu_si128(reinterpret_cast<__m128i*>(out + 16), b);
    _mm_storeu_si128(reinterpret_cast<__m128i*>(out + 32), c);
}

#else

constexpr int group = 16;

void split_group(const uint8_t* in, uint8_t* const* to) {
    for (int i = 0; i < group; ++i)
        for (int k = 0; k < 3; ++k) to[k][i] = in[3 * i + k];
}

void join_group(const uint8_t* const* from, uint8_t* out) {
    for (int i = 0; i < group; ++i)
        for (int k = 0; k < 3; ++k) out[3 * i + k] = from[k][i];
}

#endif

} // namespace

void split(const uint8_t* in, int64_t pixels, Planes& planes) {
    uint8_t* to[3] = {planes.channel[0], planes.channel[1], planes.channel[2]};
    int64_t i = 0;
    for (; i + group <= pixels; i += group, in += 3 * group) {
        split_group(in, to);
        for (uint8_t*& place : to) place += group;
    }
    for (; i < pixels; ++i)
        for (int k = 0; k < 3; ++k) planes.channel[k][i] = *in++;
}

void join(const Planes& planes, int64_t pixels, uint8_t* out) {
    const uint8_t* from[3] = {planes.channel[0], planes.channel[1], planes.channel[2]};
    int64_t i = 0;
    for (; i + group <= pixels; i += group, out += 3 * group) {
        join_group(from, out);
        for (const uint8_t*& place : from) place += group;
    }
    for (; i < pixels; ++i)
        for (int k = 0; k < 3; ++k) *out++ = planes.channel[k][i];
}

#if defined(__AVX2__)

namespace {

constexpr int64_t countable = 1 << 20; // pixels whose grays 32 bits of each lane can hold

// Pixels as they lie, as many at a time as a register has lanes: the sum needs no planes. Reads
// only within the pixels, so the last few are left out; returns how many are not. Half of green's
// weight goes to each of two products: sixteen bits with a sign do not hold it.
#if defined(__AVX512VBMI__)

// Two neighboring channels of 16 pixels, as words.
struct NeighborPicks {
    alignas(64) uint8_t bytes[64] = {};
    constexpr explicit NeighborPicks(int channel) {
        for (int pixel = 0; pixel < 16; ++pixel)
            for (int k = 0; k < 2; ++k)
                bytes[4 * pixel + 2 * k] = static_cast<uint8_t>(3 * pixel + channel + k);
    }
};
constexpr NeighborPicks red_green_picks(0), green_blue_picks(1);

int64_t gray_sum_in_lanes(const uint8_t* in, int64_t count, uint64_t& sum) {
    const __m512i red_green = _mm512_load_si512(red_green_picks.bytes);
    const __m512i green_blue = _mm512_load_si512(green_blue_picks.bytes);
    const __m512i first = _mm512_set1_epi32(gray_red + gray_green / 2 * 65536);
    const __m512i second = _mm512_set1_epi32(gray_green / 2 + gray_blue * 65536);
    const __m512i half = _mm512_set1_epi32(32768);
    constexpr __mmask64 lower = 0x5555555555555555; // the lower byte of each word
    __m512i sums = _mm512_setzero_si512();
    int64_t i = 0;
    for (; i + 22 <= count; i += 16, in += 48) {
        const __m512i bytes = _mm512_loadu_si512(in);
        const __m512i some = _mm512_dpwssd_epi32(
            half, _mm512_maskz_permutexvar_epi8(lower, red_green, bytes), first);
        const __m512i gray = _mm512_dpwssd_epi32(
            some, _mm512_maskz_permutexvar_epi8(lower, green_blue, bytes), second);
        sums = _mm512_add_epi32(sums, _mm512_srli_epi32(gray, 16));
    }
    uint32_t lanes[16];
    _mm512_storeu_si512(lanes, sums);
    for (const uint32_t lane : lanes) sum += lane;
    return i;
}

#else

int64_t gray_sum_in_lanes(const uint8_t* in, int64_t count, uint64_t& sum) {
    constexpr int8_t no = -1;
    const auto both = [](__m128i picks) { return _mm256_broadcastsi128_si256(picks); };
    const __m256i red_green =
        both(_mm_setr_epi8(0, no, 1, no, 3, no, 4, no, 6, no, 7, no, 9, no, 10, no));
    const __m256i green_blue =
        both(_mm_setr_epi8(1, no, 2, no, 4, no, 5, no, 7, no, 8, no, 10, no, 11, no));
    // Half of green's weight in each: sixteen bits with a sign do not hold it.
    const __m256i first = _mm256_set1_epi32(gray_red + gray_green / 2 * 65536);
    const __m256i second = _mm256_set1_epi32(gray_green / 2 + gray_blue * 65536);
    __m256i sums = _mm256_setzero_si256();
    int64_t i = 0;
    for (; i + 10 <= count; i += 8, in += 24) {
        const __m256i bytes = _mm256_loadu2_m128i(reinterpret_cast<const __m128i*>(in + 12),
                                                  reinterpret_cast<const __m128i*>(in));
        const __m256i gray =
            _mm256_add_epi32(_mm256_madd_epi16(_mm256_shuffle_epi8(bytes, red_green), first),
                             _mm256_madd_epi16(_mm256_shuffle_epi8(bytes, green_blue), second));
        const __m256i rounded = _mm256_add_epi32(gray, _mm256_set1_epi32(32768));
        sums = _mm256_add_epi32(sums, _mm256_srli_epi32(rounded, 16));
    }
    uint32_t lanes[8];
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(lanes), sums);
    for (const uint32_t lane : lanes) sum += lane;
    return i;
}

#endif

} // namespace

uint64_t gray_sum(const uint8_t* in, int64_t count) {
    uint64_t sum = 0;
    for (int64_t place = 0; place < count;) {
        const int64_t pixels = std::min(countable, count - place);
        const int64_t done = gray_sum_in_lanes(in + 3 * place, pixels, sum);
        const int64_t end = done > 0 ? place + done : place + pixels;
        for (int64_t i = place + done; i < end; ++i) sum += color_gray(in + 3 * i);
        place = end;
    }
    return sum;
}

#else

uint64_t gray_sum(const uint8_t* in, int64_t count) {
    Planes planes;
    uint64_t sum = 0;
    for (int64_t place = 0; place < count; place += tile_pixels) {
        const int64_t pixels = std::min<int64_t>(tile_pixels, count - place);
        split(in + 3 * place, pixels, planes);
        gray_plane(planes, pixels, planes.channel[0]);
        uint32_t own = 0;
        for (int64_t i = 0; i < pixels; ++i) own += planes.channel[0][i];
        sum += own;
    }
    return sum;
}

#endif

void lookup_planes(const uint8_t* in, int64_t count, const uint8_t* tables, uint8_t* out) {
    bool changes[3], any = false;
    for (int k = 0; k < 3; ++k) {
        changes[k] = changes_levels(tables + levels * k);
        any = any || changes[k];
    }
    if (!any) { // as where a channel that is to be stretched has all levels
        if (in != out) std::copy_n(in, 3 * count, out);
        return;
    }
    Planes planes;
    for (int64_t place = 0; place < count; place += tile_pixels) {
        const int64_t pixels = std::min<int64_t>(tile_pixels, count - place);
        split(in + 3 * place, pixels, planes);
        for (int k = 0; k < 3; ++k)
            if (changes[k])
                lookup(planes.channel[k], pixels, tables + levels * k, planes.channel[k]);
        join(planes, pixels, out + 3 * place);
    }
}

} // namespace variegate::inline VARIEGATE_TARGET
