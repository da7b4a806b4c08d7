// KERNEL: weighted sums of the pixels at some taps, the border mirrored. Bytes go through exact
// sums of 32 bits, two taps at once; floats through single precision.
#include <algorithm>
#include <cstring>

#include "variegate/filters.hpp"
#include "variegate/lanes.hpp"
#include "variegate/rounding.hpp"
#include "variegate/vectors.hpp"
#include "variegate/verbs.hpp"

namespace variegate::inline VARIEGATE_TARGET {
namespace {

constexpr int32_t largest = 32767; // a weight that one product takes

// Two taps, the lower half of the weights for the first.
struct PairTap {
    int row[2]; // 0 is the uppermost that any tap reaches
    int32_t weights;
    int64_t
        place[2]; // of their first values in a row that begins `across` pixels left of the image
};

struct FloatTap {
    int row;
    float weight;
    int64_t place;
};

// How far the taps reach from the pixel.
struct Reach {
    int down = 0;
    int across = 0;
};

struct Taps {
    const int32_t* rows; // (count, 3)
    int64_t count;
    Reach reach;
};

Taps taps_of(const Tables& tables, int64_t row) {
    const int64_t first = tables.kernel_start[row];
    Taps taps{tables.kernel + 3 * first, tables.kernel_start[row + 1] - first, {}};
    for (int64_t t = 0; t < taps.count; ++t) {
        taps.reach.down = std::max(taps.reach.down, std::abs(taps.rows[3 * t]));
        taps.reach.across = std::max(taps.reach.across, std::abs(taps.rows[3 * t + 1]));
    }
    return taps;
}

// A row continued on both sides by `across` pixels.
template <class T, class To> void continued_row(const T* in, Shape shape, int across, To* out) {
    To* own = out + int64_t{across} * shape.channels;
    std::copy_n(in, int64_t{shape.width} * shape.channels, own);
    continue_row(own, shape.width, shape.channels, across);
}

int64_t ring_rows(Shape shape, int reach) { return std::min(shape.height, 2 * reach + 1); }

// Source rows that taps still reach, made ready once each.
template <class Ready, class Make> class Ring {
  public:
    Ring(Ready* memory, int64_t stride, Shape shape, int reach, Make make)
        : memory_(memory), stride_(stride), height_(shape.height), reach_(reach),
          kept_(static_cast<int>(ring_rows(shape, reach))), make_(make) {}

    // rows[i]: the source row that lies i - reach rows below row r.
    void at(int r, const Ready** rows) {
        for (; ready_ < height_ && ready_ - r <= reach_; ++ready_) make_(ready_, place(ready_));
        for (int i = 0; i <= 2 * reach_; ++i)
            rows[i] = place(mirrored(static_cast<int64_t>(r) + i - reach_, height_));
    }

  private:
    Ready* place(int row) const { return memory_ + (row % kept_) * stride_; }

    Ready* memory_;
    int64_t stride_;
    int height_, reach_, kept_, ready_ = 0;
    Make make_;
};

int32_t both(int32_t first, int32_t second) {
    return static_cast<int32_t>((static_cast<uint32_t>(first) & 0xffff) |
                                static_cast<uint32_t>(second) << 16);
}

// A weight too large for one product is taken in parts.
int64_t part_of(int64_t weight) { return std::clamp<int64_t>(weight, -largest, largest); }

// Pairs for all taps, one after the other; `room` for one a tap and one for each whole `largest` of
// the weights.
int64_t pair_taps(const Taps& taps, int depth, PairTap* room) {
    int64_t used = 0;
    bool open = false; // the last pair has its first tap alone
    for (int64_t t = 0; t < taps.count; ++t) {
        const int32_t* tap = taps.rows + 3 * t;
        const int row = tap[0] + taps.reach.down;
        const int64_t place = int64_t{tap[1] + taps.reach.across} * depth;
        for (int64_t left = tap[2]; left != 0; open = !open) {
            const auto part = static_cast<int32_t>(part_of(left));
            left -= part;
            if (!open) {
                room[used++] = {{row, row}, both(part, 0), {place, place}};
                continue;
            }
            PairTap& last = room[used - 1];
            last.row[1] = row, last.place[1] = place;
            last.weights = both(last.weights, part);
        }
    }
    return used;
}

struct Sums {
    const PairTap* taps;
    int64_t count;
    int bits;
};

#ifdef VARIEGATE_LANES

constexpr int block = Lanes::bytes;

// `block` values. Reads a vector behind the rows' last value.
inline void sum_block(const Sums& sums, const uint16_t* const* rows, int64_t i, uint8_t* out) {
    Lanes four[4];
    for (Lanes& sum : four) sum = Lanes::all(1 << sums.bits >> 1);
    for (int64_t t = 0; t < sums.count; ++t) {
        const PairTap& pair = sums.taps[t];
        const Lanes weights = Lanes::all(pair.weights);
        const auto at = [&](int k) {
            return reinterpret_cast<const uint8_t*>(rows[pair.row[k]] + pair.place[k] + i);
        };
        const uint8_t *first = at(0), *second = at(1);
        for (int k = 0; k < 2; ++k) {
            const Lanes a = Lanes::load(first + k * Lanes::bytes);
            const Lanes b = Lanes::load(second + k * Lanes::bytes);
            four[2 * k] = four[2 * k].plus_products(a.low_words(b), weights);
            four[2 * k + 1] = four[2 * k + 1].plus_products(a.high_words(b), weights);
        }
    }
    for (Lanes& sum : four) sum = sum.right_by(sums.bits);
    four[0].words(four[1]).narrow(four[2].words(four[3])).halves_in_order().store(out);
}

#else

constexpr int block = 16;

inline void sum_block(const Sums& sums, const uint16_t* const* rows, int64_t i, uint8_t* out) {
    int32_t total[block];
    for (int32_t& sum : total) sum = 1 << sums.bits >> 1;
    for (int64_t t = 0; t < sums.count; ++t) {
        const PairTap& pair = sums.taps[t];
        for (int which = 0; which < 2; ++which) {
            const auto weight =
                static_cast<int16_t>(static_cast<uint32_t>(pair.weights) >> (16 * which));
            const uint16_t* from = rows[pair.row[which]] + pair.place[which] + i;
            for (int k = 0; k < block; ++k) total[k] += weight * static_cast<int32_t>(from[k]);
        }
    }
    for (int k = 0; k < block; ++k)
        out[k] = static_cast<uint8_t>(clip(total[k] >> sums.bits, 0, 255));
}

#endif

void run(const uint8_t* in, Shape shape, const Taps& taps, int bits, uint8_t* out,
         Scratch& scratch) {
    const int64_t depth = shape.channels, count = shape.width * depth;
    const int64_t line_values = count + 2 * int64_t{taps.reach.across} * depth;
    const int64_t stride = line_values + 2 * block;
    int64_t most = taps.count;
    for (int64_t t = 0; t < taps.count; ++t) most += std::abs(taps.rows[3 * t + 2]) / largest;
    auto* pairs = scratch.weights[0].get<PairTap>(most);
    const Sums sums{pairs, pair_taps(taps, shape.channels, pairs), bits};
    auto* memory = scratch.pass.get_aligned<uint16_t>(ring_rows(shape, taps.reach.down) * stride);
    auto* rows = scratch.points.get<const uint16_t*>(2 * int64_t{taps.reach.down} + 1);
    const auto make = [&](int r, uint16_t* to) {
        continued_row(in + r * count, shape, taps.reach.across, to);
        std::fill_n(to + line_values, 2 * block, uint16_t{0});
    };
    Ring ring(memory, stride, shape, taps.reach.down, make);
    for (int r = 0; r < shape.height; ++r, out += count) {
        ring.at(r, rows);
        int64_t i = 0;
        for (; i + block <= count; i += block) sum_block(sums, rows, i, out + i);
        if (i < count) {
            uint8_t last[block];
            sum_block(sums, rows, i, last);
            std::memcpy(out + i, last, static_cast<size_t>(count - i));
        }
    }
}

void run(const float* in, Shape shape, const Taps& taps, int bits, float* out, Scratch& scratch) {
    constexpr int parts = 4, wide = parts * Floats::count;
    const int64_t depth = shape.channels, count = shape.width * depth;
    const int64_t stride = count + 2 * int64_t{taps.reach.across} * depth + wide;
    auto* own = scratch.weights[0].get<FloatTap>(taps.count);
    for (int64_t t = 0; t < taps.count; ++t) {
        const int32_t* tap = taps.rows + 3 * t;
        own[t] = {tap[0] + taps.reach.down,
                  static_cast<float>(std::ldexp(static_cast<double>(tap[2]), -bits)),
                  int64_t{tap[1] + taps.reach.across} * depth};
    }
    auto* memory = scratch.pass.get_aligned<float>(ring_rows(shape, taps.reach.down) * stride);
    auto* rows = scratch.points.get<const float*>(2 * int64_t{taps.reach.down} + 1);
    const auto make = [&](int r, float* to) {
        continued_row(in + r * count, shape, taps.reach.across, to);
        std::fill_n(to + stride - wide, wide, 0.0f);
    };
    Ring ring(memory, stride, shape, taps.reach.down, make);
    for (int r = 0; r < shape.height; ++r, out += count) {
        ring.at(r, rows);
        for (int64_t i = 0; i < count; i += wide) {
            Floats sums[parts];
            for (Floats& sum : sums) sum = Floats::all(0);
            for (int64_t t = 0; t < taps.count; ++t) {
                const Floats weight = Floats::all(own[t].weight);
                const float* from = rows[own[t].row] + own[t].place + i;
                for (int k = 0; k < parts; ++k)
                    sums[k] = sums[k] + weight * Floats::load(from + k * Floats::count);
            }
            alignas(64) float block_sums[wide];
            for (int k = 0; k < parts; ++k) sums[k].store(block_sums + k * Floats::count);
            const auto some = std::min<int64_t>(wide, count - i);
            for (int64_t k = 0; k < some; ++k) out[i + k] = clip(block_sums[k], 0.0f, 1.0f);
        }
    }
}

} // namespace

template <class T>
void kernel(const T* in, Shape shape, const Tables& tables, int64_t row, T* out, Scratch& scratch) {
    run(in, shape, taps_of(tables, row), tables.kernel_bits[row], out, scratch);
}

template void kernel<uint8_t>(const uint8_t*, Shape, const Tables&, int64_t, uint8_t*, Scratch&);
template void kernel<float>(const float*, Shape, const Tables&, int64_t, float*, Scratch&);

} // namespace variegate::inline VARIEGATE_TARGET
