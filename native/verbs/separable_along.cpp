// The first pass of a resize of bytes, in vectors: along rows.
#include "variegate/separable.hpp"

#include <algorithm>
#include <cstring>

#if defined(__AVX2__)
#include <immintrin.h>
#endif

namespace variegate::inline VARIEGATE_TARGET {

#if defined(__AVX512VBMI__)
// separable_wide.cpp
#elif defined(__AVX2__)

namespace {

constexpr int block = 32;  // values of an output row that are stored at once
constexpr int group = 8;   // of them are worked out together, four in each half of a register
constexpr int window = 16; // source bytes that the four may come from

// Two taps of each value of a group.
struct Pair {
    alignas(32) int8_t place[32]; // of both bytes of each value, as words, in the half's window
    alignas(32) int32_t low[group];
    alignas(32) int32_t high[group];
    int64_t base[2]; // first byte of each half's window in a source row
};

struct Value {
    Taps taps;
    int64_t byte; // of its first tap in a source row
};

// Value k of half h of group g of a block is output value 16 h + 4 g + k: so packing leaves them in
// order. `apart`: of three channels the fourth value is left out, and each four are one pixel.
struct Order {
    int64_t values; // of an output row
    int depth;
    bool apart;

    int64_t blocks() const {
        const int64_t each = apart ? block / 4 * depth : block;
        return (values + each - 1) / each;
    }
    // The value at a place among all, with those that are left out; -1 for none.
    int64_t value_at(int64_t place) const {
        const int64_t value = apart ? place / 4 * depth + place % 4 : place;
        return value < values && (!apart || place % 4 < depth) ? value : -1;
    }
};

Value value_of(const Axis<uint8_t>& axis, const Order& order, int64_t place) {
    const int64_t value = order.value_at(place);
    if (value < 0) return {{0, 0, 0}, 0};
    const Taps taps = axis.taps[value / order.depth];
    return {taps, int64_t{taps.first} * order.depth + value % order.depth};
}

// The pairs p of four values; false where their bytes do not fit a window.
bool make_half(const Axis<uint8_t>& axis, const Value* values, int p, int depth, int half,
               Pair& pair) {
    int64_t lowest = INT64_MAX;
    for (int k = 0; k < 4; ++k)
        if (2 * p < values[k].taps.count)
            lowest = std::min(lowest, values[k].byte + int64_t{2 * p} * depth);
    pair.base[half] = lowest == INT64_MAX ? 0 : lowest;
    for (int k = 0; k < 4; ++k) {
        const Value& value = values[k];
        const bool used = 2 * p < value.taps.count, both = 2 * p + 1 < value.taps.count;
        const int32_t* weights = axis.weights + value.taps.offset + 2 * p;
        const int at = 4 * half + k;
        pair.low[at] = used ? weights[0] : 0;
        pair.high[at] = used ? weights[1] : 0;
        const int64_t place = used ? value.byte + int64_t{2 * p} * depth - lowest : -1;
        if (place + (both ? depth : 0) >= window) return false;
        int8_t* bytes = pair.place + 4 * at;
        bytes[0] = static_cast<int8_t>(place);
        bytes[2] = static_cast<int8_t>(both ? place + depth : -1);
        bytes[1] = bytes[3] = -1;
    }
    return true;
}

// All pairs of all blocks, as many for each; false where windows are too small.
bool make_pairs(const Axis<uint8_t>& axis, const Order& order, int pairs_each, Pair* pairs) {
    const int64_t blocks = order.blocks();
    for (int64_t n = 0; n < blocks; ++n)
        for (int g = 0; g < block / group; ++g)
            for (int half = 0; half < 2; ++half) {
                Value values[4];
                for (int k = 0; k < 4; ++k)
                    values[k] = value_of(axis, order, n * block + 16 * half + 4 * g + k);
                Pair* own = pairs + (n * (block / group) + g) * pairs_each;
                for (int p = 0; p < pairs_each; ++p)
                    if (!make_half(axis, values, p, order.depth, half, own[p])) return false;
            }
    return true;
}

inline __m256i both_windows(const uint8_t* row, const Pair& pair) {
    const auto from = [row](int64_t base) {
        return _mm_loadu_si128(reinterpret_cast<const __m128i*>(row + base));
    };
    return _mm256_inserti128_si256(_mm256_castsi128_si256(from(pair.base[0])), from(pair.base[1]),
                                   1);
}

struct Sums {
    __m256i low = _mm256_set1_epi32(1 << (separable_bits - 1));
    __m256i high = _mm256_setzero_si256();

    void add(__m256i words, __m256i low_weights, __m256i high_weights) {
        low = _mm256_add_epi32(low, _mm256_madd_epi16(words, low_weights));
        high = _mm256_add_epi32(high, _mm256_madd_epi16(words, high_weights));
    }
    __m256i settled() const {
        return _mm256_srai_epi32(_mm256_add_epi32(_mm256_slli_epi32(high, low_bits), low),
                                 separable_bits);
    }
};

// The first values of a row; `half`: how many of them a half of the register holds.
template <int half> void store_values(__m256i bytes, int64_t left, uint8_t* out) {
    uint8_t last[block];
    uint8_t* to = left >= half + 16 ? out : last;
    _mm_storeu_si128(reinterpret_cast<__m128i*>(to), _mm256_castsi256_si128(bytes));
    _mm_storeu_si128(reinterpret_cast<__m128i*>(to + half), _mm256_extracti128_si256(bytes, 1));
    if (to == last) std::memcpy(out, last, static_cast<size_t>(std::min<int64_t>(left, 2 * half)));
}

struct Rows {
    const uint8_t* in[2];
    uint8_t* out[2];
};

// The first pass over two rows. Each: pairs of a group where that is known, else 0. Reads a window
// behind the rows' ends and writes nothing there.
template <bool Apart, int Each>
void along_rows(const Rows& rows, const Pair* pairs, int pairs_each, int64_t values) {
    constexpr int half = Apart ? 12 : 16;
    const int each = Each ? Each : pairs_each;
    const __m256i dense = _mm256_broadcastsi128_si256(
        _mm_setr_epi8(0, 1, 2, 4, 5, 6, 8, 9, 10, 12, 13, 14, -1, -1, -1, -1));
    for (int64_t done = 0; done < values; done += 2 * half) {
        __m256i found[2][4];
        for (int g = 0; g < 4; ++g) {
            Sums upper, lower;
            for (int p = 0; p < each; ++p, ++pairs) {
                const auto numbers = [pairs](const auto& table) {
                    return _mm256_load_si256(reinterpret_cast<const __m256i*>(table));
                };
                const __m256i place = numbers(pairs->place);
                const __m256i low = numbers(pairs->low), high = numbers(pairs->high);
                upper.add(_mm256_shuffle_epi8(both_windows(rows.in[0], *pairs), place), low, high);
                lower.add(_mm256_shuffle_epi8(both_windows(rows.in[1], *pairs), place), low, high);
            }
            found[0][g] = upper.settled();
            found[1][g] = lower.settled();
        }
        for (int r = 0; r < 2; ++r) {
            const __m256i* own = found[r];
            __m256i bytes = _mm256_packus_epi16(_mm256_packs_epi32(own[0], own[1]),
                                                _mm256_packs_epi32(own[2], own[3]));
            if (Apart) bytes = _mm256_shuffle_epi8(bytes, dense);
            store_values<half>(bytes, values - done, rows.out[r] + done);
        }
    }
}

using AlongRows = void (*)(const Rows&, const Pair*, int, int64_t);

template <bool Apart> AlongRows along_rows_of(int pairs_each) {
    constexpr AlongRows known[] = {along_rows<Apart, 0>, along_rows<Apart, 1>, along_rows<Apart, 2>,
                                   along_rows<Apart, 3>};
    return known[pairs_each <= 3 ? pairs_each : 0];
}

} // namespace

bool pass_along_rows(const uint8_t* in, int width, int rows, int depth, const Axis<uint8_t>& axis,
                     Scratch& scratch, uint8_t* out) {
    const int64_t count = int64_t{axis.count} * depth, row_bytes = int64_t{width} * depth;
    int most = 0;
    for (int i = 0; i < axis.count; ++i) most = std::max(most, axis.taps[i].count);
    const int pairs_each = (most + 1) / 2;
    Order order{count, depth, false};
    const Order apart{count, depth, true};
    const int64_t groups = std::max(order.blocks(), apart.blocks()) * (block / group);
    auto* pairs = scratch.pairs_along.get_aligned<Pair>(groups * std::max(1, pairs_each));
    if (!make_pairs(axis, order, pairs_each, pairs)) {
        order = apart; // two taps of one pixel fit any window
        make_pairs(axis, order, pairs_each, pairs);
    }
    const int inside = std::max(0, rows - rows_at_end(row_bytes, window));
    const int64_t end_bytes = (rows - inside) * row_bytes;
    auto* end = scratch.lines.get<uint8_t>(end_bytes); // with room behind it
    std::memcpy(end, in + inside * row_bytes, static_cast<size_t>(end_bytes));
    const auto row = [&](int r) {
        return r < inside ? in + r * row_bytes : end + (r - inside) * row_bytes;
    };
    const AlongRows work =
        order.apart ? along_rows_of<true>(pairs_each) : along_rows_of<false>(pairs_each);
    for (int r = 0; r < rows; r += 2) {
        const int next = std::min(r + 1, rows - 1);
        if (r + 5 < rows) fetch_soon(in + (r + 4) * row_bytes, 2 * row_bytes);
        work({{row(r), row(next)}, {out + r * count, out + next * count}}, pairs, pairs_each,
             count);
    }
    return true;
}

#else

bool pass_along_rows(const uint8_t*, int, int, int, const Axis<uint8_t>&, Scratch&, uint8_t*) {
    return false;
}

#endif

} // namespace variegate::inline VARIEGATE_TARGET
