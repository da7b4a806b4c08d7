// The first pass of a resize of bytes, along rows, where registers hold a whole window of a row.
#include "variegate/separable.hpp"

#include <algorithm>
#include <cstring>

#if defined(__AVX512VBMI__)
#include <immintrin.h>

namespace variegate::inline VARIEGATE_TARGET {

namespace {

constexpr int group = 16;   // values of an output row that are worked out together
constexpr int window = 64;  // source bytes that they may come from
constexpr int together = 4; // rows
constexpr int ahead = 4;    // by so many rows their bytes are fetched before they are needed

// Two taps of each value of a group.
struct Pair {
    alignas(64) uint8_t place[64]; // of both bytes of each value, as words, in the window
    alignas(64) int32_t low[group];
    alignas(64) int32_t high[group];
};

struct Group {
    int64_t base;     // first byte of its window in a source row
    __mmask64 inside; // bytes of the window that belong to the row
    int pairs;
    int64_t first; // of its pairs
};

struct Value {
    Taps taps;
    int64_t byte; // of its first tap in a source row
};

// The values of the group that begins at value `start`; beyond the last one that one again.
void find_values(const Axis<uint8_t>& axis, int64_t start, int depth, Value* values) {
    auto pixel = static_cast<int>(start / depth), channel = static_cast<int>(start % depth);
    for (int k = 0; k < group; ++k) {
        const Taps taps = axis.taps[pixel];
        values[k] = {taps, int64_t{taps.first} * depth + channel};
        if (channel + 1 < depth)
            ++channel;
        else if (pixel + 1 < axis.count)
            ++pixel, channel = 0;
    }
}

// The window and the pairs of the group that begins at value `start`; 0 pairs are none too few
// where all its values lie outside. False where the window is too small.
bool make_group(const Axis<uint8_t>& axis, int64_t start, int depth, int64_t row_bytes, Group& made,
                Pair* pairs) {
    int64_t lowest = row_bytes, highest = 0;
    int most = 0;
    Value values[group];
    find_values(axis, start, depth, values);
    for (const Value& value : values) {
        if (value.taps.count == 0) continue;
        lowest = std::min(lowest, value.byte);
        highest = std::max(highest, value.byte + int64_t{value.taps.count - 1} * depth);
        most = std::max(most, value.taps.count);
    }
    made.base = most ? lowest : 0;
    made.pairs = (most + 1) / 2;
    if (most && highest - lowest >= window) return false;
    const int64_t left = std::min<int64_t>(window, row_bytes - made.base);
    made.inside = left >= window ? ~__mmask64{0} : (__mmask64{1} << left) - 1;
    for (int p = 0; p < made.pairs; ++p) {
        std::memset(pairs[p].place, 0, sizeof pairs[p].place);
        for (int k = 0; k < group; ++k) {
            const Value& value = values[k];
            const bool used = 2 * p < value.taps.count;
            const int32_t* weights = axis.weights + value.taps.offset + 2 * p;
            pairs[p].low[k] = used ? weights[0] : 0;
            pairs[p].high[k] = used ? weights[1] : 0;
            const int64_t place = used ? value.byte + int64_t{2 * p} * depth - made.base : 0;
            pairs[p].place[4 * k] = static_cast<uint8_t>(place);
            pairs[p].place[4 * k + 2] = static_cast<uint8_t>(std::min<int64_t>(place + depth, 63));
        }
    }
    return true;
}

// The same of paired weights: the values side by side.
bool make_pair(const Axis<uint8_t>& axis, int64_t start, int depth, int64_t row_bytes, Group& made,
               Pair* pair) {
    const auto all = [](int64_t number) { return _mm512_set1_epi32(static_cast<int>(number)); };
    const __m512i zero = _mm512_setzero_si512();
    // A number below 19 by 3 or 4, without division.
    const __m512i order = _mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
    const __m512i value = _mm512_add_epi32(order, all(start % depth));
    const __m512i part =
        _mm512_srli_epi32(_mm512_mullo_epi32(value, all(depth == 3 ? 43691 : 32768)), 17);
    const __m512i channel = _mm512_sub_epi32(value, _mm512_mullo_epi32(part, all(depth)));
    const __m512i pixel =
        _mm512_min_epi32(_mm512_add_epi32(part, all(start / depth)), all(axis.count - 1));
    // Their taps lie within two registers, and their weights within one.
    static_assert(sizeof(Taps) == 16);
    const int64_t earliest = std::min(start / depth, int64_t{axis.count - 1});
    const auto* taps = reinterpret_cast<const int32_t*>(axis.taps + earliest);
    const __m512i near_taps = _mm512_loadu_si512(taps), far_taps = _mm512_loadu_si512(taps + 16);
    const __m512i own = _mm512_sub_epi32(pixel, all(earliest));
    const auto number = [&](int which) {
        const __m512i place = _mm512_add_epi32(_mm512_slli_epi32(own, 2), all(which));
        return _mm512_permutex2var_epi32(near_taps, place, far_taps);
    };
    const __m512i first = number(0), count = number(1);
    const __mmask16 used = _mm512_cmpgt_epi32_mask(count, zero);
    const __m512i byte = _mm512_add_epi32(_mm512_mullo_epi32(first, all(depth)), channel);
    const __m512i last =
        _mm512_add_epi32(byte, _mm512_mullo_epi32(_mm512_sub_epi32(count, all(1)), all(depth)));
    made.pairs = used ? 1 : 0;
    made.base = used ? _mm512_mask_reduce_min_epi32(used, byte) : 0;
    if (used && _mm512_mask_reduce_max_epi32(used, last) - made.base >= window) return false;
    const int64_t left = std::min<int64_t>(window, row_bytes - made.base);
    made.inside = left >= window ? ~__mmask64{0} : (__mmask64{1} << left) - 1;
    const __m512i pairs = _mm512_loadu_si512(axis.weights + 2 * earliest);
    const auto weights = [&](int which) {
        const __m512i place = _mm512_add_epi32(_mm512_slli_epi32(own, 1), all(which));
        return _mm512_maskz_permutexvar_epi32(used, place, pairs);
    };
    const __m512i near = _mm512_maskz_sub_epi32(used, byte, all(made.base));
    const __m512i next = _mm512_min_epi32(_mm512_add_epi32(near, all(depth)), all(window - 1));
    _mm512_store_si512(pair->low, weights(0));
    _mm512_store_si512(pair->high, weights(1));
    _mm512_store_si512(pair->place, _mm512_or_si512(near, _mm512_slli_epi32(next, 16)));
    return true;
}

struct Sums {
    __m512i low = _mm512_set1_epi32(1 << (separable_bits - 1));
    __m512i high = _mm512_setzero_si512();

    void add(__m512i words, __m512i low_weights, __m512i high_weights) {
        low = _mm512_dpwssd_epi32(low, words, low_weights);
        high = _mm512_dpwssd_epi32(high, words, high_weights);
    }
    __m128i settled() const {
        const __m512i sum = _mm512_add_epi32(_mm512_slli_epi32(high, low_bits), low);
        const __m512i whole = _mm512_srai_epi32(sum, separable_bits);
        return _mm512_cvtusepi32_epi8(_mm512_max_epi32(whole, _mm512_setzero_si512()));
    }
};

// Rows that are worked on together.
struct Lines {
    const uint8_t* in[together];
    uint8_t* out[together];
};

// A group's values in all the rows.
inline void run_group(const Lines& lines, const Group& group, const Pair* pairs, __m128i* found) {
    constexpr __mmask64 first = 0x5555555555555555; // the lower byte of each word
    __m512i windows[together];
    Sums sums[together];
    for (int k = 0; k < together; ++k)
        windows[k] = _mm512_maskz_loadu_epi8(group.inside, lines.in[k] + group.base);
    for (const Pair *pair = pairs + group.first, *end = pair + group.pairs; pair < end; ++pair) {
        const __m512i place = _mm512_load_si512(pair->place);
        const __m512i low = _mm512_load_si512(pair->low), high = _mm512_load_si512(pair->high);
        for (int k = 0; k < together; ++k)
            sums[k].add(_mm512_maskz_permutexvar_epi8(first, place, windows[k]), low, high);
    }
    for (int k = 0; k < together; ++k) found[k] = sums[k].settled();
}

inline void store_group(__m128i values, int64_t left, uint8_t* out) {
    if (left >= group) return _mm_storeu_si128(reinterpret_cast<__m128i*>(out), values);
    _mm_mask_storeu_epi8(out, static_cast<__mmask16>((1 << left) - 1), values);
}

} // namespace

bool pass_along_rows(const uint8_t* in, int width, int rows, int depth, const Axis<uint8_t>& axis,
                     Scratch& scratch, uint8_t* out) {
    const int64_t count = int64_t{axis.count} * depth, row_bytes = int64_t{width} * depth;
    const int64_t groups = (count + group - 1) / group;
    int most = 0;
    for (int i = 0; i < axis.count; ++i) most = std::max(most, axis.taps[i].count);
    const int64_t pairs_each = (most + 1) / 2;
    auto* made = scratch.groups_along.get<Group>(groups);
    auto* pairs = scratch.pairs_along.get_aligned<Pair>(groups * std::max<int64_t>(1, pairs_each));
    int64_t used = 0;
    for (int64_t g = 0; g < groups; ++g) {
        made[g].first = used;
        const auto make = axis.paired ? make_pair : make_group;
        if (!make(axis, g * group, depth, row_bytes, made[g], pairs + used)) return false;
        used += made[g].pairs;
    }
    for (int r = 0; r < rows; r += together) {
        Lines lines;
        const uint8_t* soon[together];
        for (int k = 0; k < together; ++k) {
            const int64_t row = std::min(r + k, rows - 1); // beyond the last row that one again
            lines.in[k] = in + row * row_bytes;
            lines.out[k] = out + row * count;
            soon[k] = in + std::min(r + k + ahead, rows - 1) * row_bytes;
        }
        for (int64_t g = 0, done = 0; g < groups; ++g, done += group) {
            // In step with the work: a whole row at once is more than the processor asks for.
            for (const uint8_t* line : soon)
                _mm_prefetch(reinterpret_cast<const char*>(line + made[g].base), _MM_HINT_T0);
            __m128i found[together];
            run_group(lines, made[g], pairs, found);
            for (int k = 0; k < together; ++k)
                store_group(found[k], count - done, lines.out[k] + done);
        }
    }
    return true;
}

} // namespace variegate::inline VARIEGATE_TARGET

#endif
