// LOOKUP: uint8 through 256 entries; float32 linearly between entries over
// 0..1.
#include "variegate/computed_lookup.hpp"
#include "variegate/rounding.hpp"
#include "variegate/vectors.hpp"
#include "variegate/verbs.hpp"

namespace variegate::inline VARIEGATE_TARGET {
namespace {

#if defined(__AVX512VBMI__)

// The whole table in four registers.
struct Table {
    __m512i part[4];

    explicit Table(const uint8_t* table) {
        for (int k = 0; k < 4; ++k) part[k] = _mm512_loadu_si512(table + 64 * k);
    }
    __m512i operator()(__m512i value) const {
        // Else the compiler reads it from memory for each of the two, which each write over it: two
        // reads of two lines, where images do not begin with one.
#if defined(__GNUC__)
        asm("" : "+v"(value));
#endif
        const __m512i low = _mm512_permutex2var_epi8(part[0], value, part[1]);
        const __m512i high = _mm512_permutex2var_epi8(part[2], value, part[3]);
        return _mm512_mask_blend_epi8(_mm512_movepi8_mask(value), low, high);
    }
};

int64_t lookup_vectors(const uint8_t* in, int64_t count, const uint8_t* table, uint8_t* out) {
    const Table own(table);
    int64_t i = 0;
    for (; i + 64 <= count; i += 64) _mm512_storeu_si512(out + i, own(_mm512_loadu_si512(in + i)));
    if (i < count) {
        const __mmask64 rest = ~uint64_t{0} >> (64 - (count - i));
        _mm512_mask_storeu_epi8(out + i, rest, own(_mm512_maskz_loadu_epi8(rest, in + i)));
    }
    return count;
}

#elif defined(__AVX2__)

// A shuffle picks from 16 entries by the lower half of a byte and gives 0 where
// its highest bit is set. Subtracting 16 again and again sets that bit once an
// entry's own 16 have been passed, so each step holds by what its 16 entries
// differ from those before.
struct Table {
    __m256i step[16];

    explicit Table(const uint8_t* table) {
        __m128i before = _mm_setzero_si128();
        for (int k = 0; k < 16; ++k) {
            const __m128i own = _mm_loadu_si128(reinterpret_cast<const __m128i*>(table + 16 * k));
            if (k == 8) before = _mm_setzero_si128();
            step[k] = _mm256_broadcastsi128_si256(_mm_xor_si128(own, before));
            before = own;
        }
    }
    __m256i half(__m256i value, int first, __m256i all) const {
        const __m256i sixteen = _mm256_set1_epi8(16);
        all = _mm256_xor_si256(all, _mm256_shuffle_epi8(step[first], value));
        for (int k = 1; k < 8; ++k) {
            value = _mm256_subs_epi8(value, sixteen);
            all = _mm256_xor_si256(all, _mm256_shuffle_epi8(step[first + k], value));
        }
        return all;
    }
    __m256i operator()(__m256i value) const {
        const __m256i other = _mm256_xor_si256(value, _mm256_set1_epi8(-128));
        return half(other, 8, half(value, 0, _mm256_setzero_si256()));
    }
};

int64_t lookup_vectors(const uint8_t* in, int64_t count, const uint8_t* table, uint8_t* out) {
    if (count < 256) return 0;
    const Table own(table);
    int64_t i = 0;
    for (; i + 32 <= count; i += 32) {
        const __m256i value = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(in + i));
        _mm256_storeu_si256(reinterpret_cast<__m256i*>(out + i), own(value));
    }
    return i;
}

#else

// Eight at a time, so that the values are read before any is written.
int64_t lookup_vectors(const uint8_t* in, int64_t count, const uint8_t* table, uint8_t* out) {
    int64_t i = 0;
    for (; i + 8 <= count; i += 8) {
        const uint8_t a = table[in[i]], b = table[in[i + 1]], c = table[in[i + 2]];
        const uint8_t d = table[in[i + 3]], e = table[in[i + 4]], f = table[in[i + 5]];
        const uint8_t g = table[in[i + 6]], h = table[in[i + 7]];
        out[i] = a, out[i + 1] = b, out[i + 2] = c, out[i + 3] = d;
        out[i + 4] = e, out[i + 5] = f, out[i + 6] = g, out[i + 7] = h;
    }
    return i;
}

#endif

} // namespace

void lookup(const uint8_t* in, int64_t count, const uint8_t* table, uint8_t* out) {
    int64_t i = computed_lookup(in, count, table, out);
    if (i == 0) i = lookup_vectors(in, count, table, out);
    for (; i < count; ++i) out[i] = table[in[i]];
}

void lookup(const float* in, int64_t count, const float* table, float* out) {
    constexpr int last = knots - 1;
    int64_t i = 0;
#if defined(__AVX512VBMI__)
    for (; i + 8 <= count; i += 8) {
        const __m512d place =
            _mm512_mul_pd(_mm512_cvtps_pd(_mm256_loadu_ps(in + i)), _mm512_set1_pd(last));
        const __m512d positive = _mm512_max_pd(place, _mm512_setzero_pd());
        const __m256i low = _mm512_cvttpd_epi32(_mm512_min_pd(positive, _mm512_set1_pd(last - 1)));
        // Two neighboring entries at once.
        const __m512i pair = _mm512_i32gather_epi64(low, table, 4);
        const auto wide = [](__m512i entry) {
            return _mm512_cvtps_pd(_mm256_castsi256_ps(_mm512_cvtepi64_epi32(entry)));
        };
        const __m512d start = wide(pair), end = wide(_mm512_srli_epi64(pair, 32));
        const __m512d share = _mm512_sub_pd(place, _mm512_cvtepi32_pd(low));
        const __m512d value = _mm512_add_pd(start, _mm512_mul_pd(share, _mm512_sub_pd(end, start)));
        _mm256_storeu_ps(out + i, _mm512_cvtpd_ps(value));
    }
#endif
    for (; i < count; ++i) {
        const double place = static_cast<double>(in[i]) * last;
        const int low = static_cast<int>(clip(place, 0.0, last - 1.0));
        const double start = table[low], end = table[low + 1];
        out[i] = static_cast<float>(start + (place - low) * (end - start));
    }
}

} // namespace variegate::inline VARIEGATE_TARGET
