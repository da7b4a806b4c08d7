// The two passes of a resize of bytes, in vectors.
#include "variegate/separable.hpp"

#include <algorithm>
#include <cstring>

#include "variegate/lanes.hpp"

namespace variegate::inline VARIEGATE_TARGET {

void split_weights(const Axis<uint8_t>& axis) {
    constexpr int32_t mask = (1 << low_bits) - 1;
    for (int i = 0; i < axis.count; ++i) {
        int32_t* weights = axis.weights + axis.taps[i].offset;
        for (int t = 0; t < axis.taps[i].count; t += 2, weights += 2) {
            const int32_t first = weights[0], second = weights[1];
            weights[0] = (first & mask) | ((second & mask) << 16);
            weights[1] = ((first >> low_bits) & 0xffff) | ((second >> low_bits) * (1 << 16));
        }
    }
}

#if defined(__AVX512VBMI__)

namespace {

constexpr int group = 16;  // values of an output row that are worked out together
constexpr int window = 64; // source bytes that they may come from

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

inline __m128i run_group(const uint8_t* row, const Group& group, const Pair* pairs) {
    const __m512i bytes = _mm512_maskz_loadu_epi8(group.inside, row + group.base);
    constexpr __mmask64 lower = 0x5555555555555555; // the lower byte of each word
    __m512i low = _mm512_set1_epi32(1 << (separable_bits - 1)), high = _mm512_setzero_si512();
    for (int p = 0; p < group.pairs; ++p) {
        const Pair& pair = pairs[group.first + p];
        const __m512i words =
            _mm512_maskz_permutexvar_epi8(lower, _mm512_load_si512(pair.place), bytes);
        low = _mm512_add_epi32(low, _mm512_madd_epi16(words, _mm512_load_si512(pair.low)));
        high = _mm512_add_epi32(high, _mm512_madd_epi16(words, _mm512_load_si512(pair.high)));
    }
    const __m512i sum = _mm512_add_epi32(_mm512_slli_epi32(high, low_bits), low);
    const __m512i whole = _mm512_srai_epi32(sum, separable_bits);
    return _mm512_cvtusepi32_epi8(_mm512_max_epi32(whole, _mm512_setzero_si512()));
}

// The part of a source row that the groups read.
Span bytes_in_use(const Group* groups, int64_t count) {
    int64_t from = groups[0].base, to = from;
    for (int64_t g = 0; g < count; ++g) {
        if (groups[g].pairs == 0) continue;
        from = std::min(from, groups[g].base);
        to = std::max(to, groups[g].base + window);
    }
    return {static_cast<int>(from), static_cast<int>(to)};
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
        std::memset(pairs + used, 0, static_cast<size_t>(pairs_each) * sizeof(Pair));
        if (!make_group(axis, g * group, depth, row_bytes, made[g], pairs + used)) return false;
        used += made[g].pairs;
    }
    const Span used_bytes = bytes_in_use(made, groups);
    for (int r = 0; r < rows; ++r, in += row_bytes, out += count) {
        if (r + 4 < rows)
            fetch_soon(in + 4 * row_bytes + used_bytes.from, used_bytes.to - used_bytes.from);
        int64_t g = 0;
        for (; (g + 1) * group <= count; ++g)
            _mm_storeu_si128(reinterpret_cast<__m128i*>(out + g * group),
                             run_group(in, made[g], pairs));
        if (g < groups) {
            alignas(16) uint8_t last[group];
            _mm_store_si128(reinterpret_cast<__m128i*>(last), run_group(in, made[g], pairs));
            std::memcpy(out + g * group, last, static_cast<size_t>(count - g * group));
        }
    }
    return true;
}

#elif defined(__AVX2__)

namespace {

inline __m128i eight_bytes(const uint8_t* from) {
    return _mm_loadl_epi64(reinterpret_cast<const __m128i*>(from));
}

// Two source rows side by side, one in each half. Reads and writes a few bytes behind their ends.
template <int Depth>
void pass_along_two(const uint8_t* upper, const uint8_t* lower, const Axis<uint8_t>& axis,
                    uint8_t* out_upper, uint8_t* out_lower) {
    constexpr int8_t d = Depth, no = -1;
    // The bytes of two neighboring pixels, channel by channel, as words.
    const __m256i pairs = _mm256_broadcastsi128_si256(
        _mm_setr_epi8(0, no, d, no, 1, no, d + 1, no, 2, no, d + 2, no, Depth == 4 ? 3 : no, no,
                      Depth == 4 ? 7 : no, no));
    const __m256i half = _mm256_set1_epi32(1 << (separable_bits - 1));
    for (int i = 0; i < axis.count; ++i, out_upper += Depth, out_lower += Depth) {
        const Taps taps = axis.taps[i];
        const int32_t* weights = axis.weights + taps.offset;
        int64_t place = int64_t{taps.first} * Depth;
        __m256i low = half, high = _mm256_setzero_si256();
        for (int t = 0; t < taps.count; t += 2, place += 2 * Depth) {
            const __m256i bytes = _mm256_inserti128_si256(
                _mm256_castsi128_si256(eight_bytes(upper + place)), eight_bytes(lower + place), 1);
            const __m256i words = _mm256_shuffle_epi8(bytes, pairs);
            low = _mm256_add_epi32(low, _mm256_madd_epi16(words, _mm256_set1_epi32(weights[t])));
            high =
                _mm256_add_epi32(high, _mm256_madd_epi16(words, _mm256_set1_epi32(weights[t + 1])));
        }
        const __m256i sum = _mm256_add_epi32(_mm256_slli_epi32(high, low_bits), low);
        const __m256i whole = _mm256_srai_epi32(sum, separable_bits);
        const __m256i packed = _mm256_packus_epi16(_mm256_packs_epi32(whole, whole), whole);
        const int32_t first = _mm256_extract_epi32(packed, 0);
        const int32_t second = _mm256_extract_epi32(packed, 4);
        std::memcpy(out_upper, &first, 4);
        std::memcpy(out_lower, &second, 4);
    }
}

} // namespace

bool pass_along_rows(const uint8_t* in, int width, int rows, int depth, const Axis<uint8_t>& axis,
                     Scratch& scratch, uint8_t* out) {
    const int64_t count = int64_t{axis.count} * depth, row_bytes = int64_t{width} * depth;
    const auto work = depth == 3 ? pass_along_two<3> : pass_along_two<4>;
    const int inside = std::max(0, rows - rows_at_end(row_bytes));
    const int64_t end_bytes = (rows - inside) * row_bytes;
    auto* end = scratch.lines.get<uint8_t>(end_bytes); // with room behind it
    std::memcpy(end, in + inside * row_bytes, static_cast<size_t>(end_bytes));
    const auto row = [&](int r) {
        return r < inside ? in + r * row_bytes : end + (r - inside) * row_bytes;
    };
    for (int r = 0; r < rows; r += 2) {
        const int next = std::min(r + 1, rows - 1);
        // Each row is written a few bytes beyond its end: the lower one waits beside the image.
        auto* lower = scratch.passed_row.get<uint8_t>(count);
        work(row(r), row(next), axis, out + r * count, lower);
        std::memcpy(out + next * count, lower, static_cast<size_t>(count));
    }
    return true;
}

#else

bool pass_along_rows(const uint8_t*, int, int, int, const Axis<uint8_t>&, Scratch&, uint8_t*) {
    return false;
}

#endif

#ifdef VARIEGATE_LANES

namespace {

// Sums of weights times values, in two parts.
struct Sums {
    Lanes low = Lanes::all(1 << (separable_bits - 1));
    Lanes high = Lanes::zero();

    // pairs: two values of each sum, in 16 bits; weights: two that were split.
    void add(Lanes pairs, Lanes low_weights, Lanes high_weights) {
        low = low + pairs.multiply_add(low_weights);
        high = high + pairs.multiply_add(high_weights);
    }
    Lanes settled() const { return (high.left<low_bits>() + low).right<separable_bits>(); }
};

} // namespace

void pass_across_rows(const uint8_t* in, int64_t stride, const Axis<uint8_t>& axis, int row,
                      int64_t count, uint8_t* out) {
    const Taps taps = axis.taps[row];
    const int32_t* weights = axis.weights + taps.offset;
    const uint8_t* first = taps.count == 0 ? in : in + (taps.first - axis.lowest) * stride;
    const Lanes zero = Lanes::zero();
    for (int64_t i = 0; i < count; i += Lanes::bytes) {
        const uint8_t* from = first + i;
        Sums sums[4];
        for (int t = 0; t < taps.count; t += 2, from += 2 * stride) {
            const Lanes low = Lanes::all(weights[t]), high = Lanes::all(weights[t + 1]);
            const Lanes a = Lanes::load(from);
            const Lanes b = Lanes::load(t + 1 < taps.count ? from + stride : from);
            const Lanes lower = a.low_bytes(b), upper = a.high_bytes(b);
            sums[0].add(lower.low_bytes(zero), low, high);
            sums[1].add(lower.high_bytes(zero), low, high);
            sums[2].add(upper.low_bytes(zero), low, high);
            sums[3].add(upper.high_bytes(zero), low, high);
        }
        const Lanes words = sums[0].settled().words(sums[1].settled());
        const Lanes bytes = words.narrow(sums[2].settled().words(sums[3].settled()));
        if (count - i >= Lanes::bytes) {
            bytes.store(out + i);
        } else {
            uint8_t last[Lanes::bytes];
            bytes.store(last);
            std::memcpy(out + i, last, static_cast<size_t>(count - i));
        }
    }
}

#else

void pass_across_rows(const uint8_t* in, int64_t stride, const Axis<uint8_t>& axis, int row,
                      int64_t count, uint8_t* out) {
    const Taps taps = axis.taps[row];
    const int32_t* weights = axis.weights + taps.offset;
    const uint8_t* from = taps.count == 0 ? in : in + (taps.first - axis.lowest) * stride;
    const auto part = [](int32_t both, int which) {
        return static_cast<int16_t>(static_cast<uint32_t>(both) >> (16 * which));
    };
    for (int64_t i = 0; i < count; ++i) {
        int32_t sum = 0;
        for (int t = 0; t < taps.count; ++t) {
            const int32_t* pair = weights + t / 2 * 2;
            const int32_t weight = part(pair[0], t % 2) + part(pair[1], t % 2) * (1 << low_bits);
            sum += weight * from[t * stride + i];
        }
        out[i] = Weighting<uint8_t>::settled(sum);
    }
}

#endif

} // namespace variegate::inline VARIEGATE_TARGET
