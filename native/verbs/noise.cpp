// NOISE: adds sigma times a standard normal number, an entry of one table at twelve bits of a word
// that serves four values.
#include <algorithm>

#include "variegate/random.hpp"
#include "variegate/rounding.hpp"
#include "variegate/vectors.hpp"
#include "variegate/verbs.hpp"

namespace variegate::inline VARIEGATE_TARGET {
namespace {

constexpr int64_t tile = 1024; // values whose words are made at once

// What each entry of the table adds to a level, rounded.
void make_steps(const float* normal, double sigma, int32_t* steps) {
    for (int i = 0; i < normal_entries; ++i) {
        // No level is further than 255 from another. Halves go up.
        const double step = clip(normal[i] * sigma, -256.0, 256.0) + 0.5;
        const auto whole = static_cast<int32_t>(step);
        steps[i] = whole - (whole > step ? 1 : 0);
    }
}

// The entries that the upper twelve bits of each part name.
template <class Entry>
void pick(const Entry* entries, const uint16_t* parts, int64_t count, Entry* out) {
    static_assert(sizeof(Entry) == 4);
    int64_t i = 0;
#if defined(__AVX512VBMI__)
    for (; i + 16 <= count; i += 16) {
        const __m256i part = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(parts + i));
        const __m512i place = _mm512_srli_epi32(_mm512_cvtepu16_epi32(part), 4);
        _mm512_storeu_si512(out + i, _mm512_i32gather_epi32(place, entries, 4));
    }
#endif
    for (; i < count; ++i) out[i] = entries[parts[i] >> 4];
}

void add(const uint8_t* in, int64_t count, const int32_t* steps, uint8_t* out) {
    for (int64_t i = 0; i < count; ++i) {
        const int32_t sum = in[i] + steps[i];
        const int32_t positive = sum > 0 ? sum : 0;
        out[i] = static_cast<uint8_t>(positive < 255 ? positive : 255);
    }
}

void add(const float* in, int64_t count, const float* normal, double sigma, float* out) {
    using Rule = Rounding<float>;
    for (int64_t i = 0; i < count; ++i)
        out[i] = Rule::rounded(Rule::level(in[i]) + normal[i] * sigma);
}

} // namespace

template <class T> void noise(const T* in, Shape shape, const Tables& tables, int64_t row, T* out) {
    const uint64_t key = tables.noise_key[row];
    const double sigma = tables.noise[row] * 255.0;
    int32_t steps[normal_entries];
    if constexpr (sizeof(T) == 1) make_steps(tables.normal, sigma, steps);
    uint16_t parts[tile];
    for (int64_t place = 0; place < shape.values(); place += tile) {
        const int64_t count = std::min(tile, shape.values() - place);
        random_parts(key, place / 4, (count + 3) / 4, parts);
        if constexpr (sizeof(T) == 1) {
            int32_t own[tile];
            pick(steps, parts, count, own);
            add(in + place, count, own, out + place);
        } else {
            float own[tile];
            pick(tables.normal, parts, count, own);
            add(in + place, count, own, sigma, out + place);
        }
    }
}

template void noise<uint8_t>(const uint8_t*, Shape, const Tables&, int64_t, uint8_t*);
template void noise<float>(const float*, Shape, const Tables&, int64_t, float*);

} // namespace variegate::inline VARIEGATE_TARGET
