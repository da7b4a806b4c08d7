// Tables that need no table. Numbers are guessed from a few entries and then proved: the loop that
// will run gives all 256 levels, which must be the table's.
#include "variegate/computed_lookup.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "variegate/lanes.hpp"
#include "variegate/rounding.hpp"
#include "variegate/tables.hpp"
#include "variegate/vectors.hpp"
#include "variegate/verbs.hpp"

namespace variegate::inline VARIEGATE_TARGET {

namespace {

struct Identity {
    uint8_t level[levels];
};

constexpr Identity identity = [] {
    Identity all{};
    for (int v = 0; v < levels; ++v) all.level[v] = static_cast<uint8_t>(v);
    return all;
}();

} // namespace

bool changes_levels(const uint8_t* table) {
    return std::memcmp(identity.level, table, levels) != 0;
}

#if !defined(VARIEGATE_LANES) || defined(__AVX512VBMI__)

void blend_from(float start, float factor, const uint8_t* in, int64_t count, uint8_t* out) {
    uint8_t table[levels];
    for (int v = 0; v < levels; ++v) table[v] = blended(start, static_cast<uint8_t>(v), factor);
    lookup(in, count, table, out);
}

#endif

#if !defined(VARIEGATE_LANES)

int64_t computed_lookup(const uint8_t*, int64_t, const uint8_t*, uint8_t*) { return 0; }

#else

namespace {

constexpr int64_t worth_a_guess = 1 << 13; // values; fewer are looked up sooner than proved

// By value: what is written could else change the form, as far as the compiler knows.
template <class Form> int64_t run(Form form, const uint8_t* in, int64_t count, uint8_t* out) {
    constexpr int64_t step = Lanes::bytes;
    int64_t i = 0;
    for (; i + 4 * step <= count; i += 4 * step) {
        const Lanes a = form(Lanes::load(in + i)), b = form(Lanes::load(in + i + step));
        const Lanes c = form(Lanes::load(in + i + 2 * step));
        const Lanes d = form(Lanes::load(in + i + 3 * step));
        a.store(out + i), b.store(out + i + step);
        c.store(out + i + 2 * step), d.store(out + i + 3 * step);
    }
    for (; i + step <= count; i += step) form(Lanes::load(in + i)).store(out + i);
    return i;
}

template <class Form> bool gives(const Form& form, const uint8_t* table) {
    uint8_t found[levels];
    run(form, identity.level, levels, found);
    return std::memcmp(found, table, levels) == 0;
}

Lanes each_byte(int value) {
    return Lanes::all(static_cast<int32_t>(static_cast<uint8_t>(value) * uint32_t{0x01010101}));
}

// Some bits alone, as Posterize.
struct Masked {
    Lanes mask;

    explicit Masked(const uint8_t* table) : mask(each_byte(table[255])) {}
    Lanes operator()(Lanes value) const { return value & mask; }
};

// The level or its inverse, and a number more or less, as Invert.
struct Shifted {
    Lanes flip, more, less;

    Shifted(const uint8_t* table, int level) {
        const bool falls = level < 255 && table[level + 1] < table[level];
        const int from = falls ? 255 - level : level, shift = table[level] - from;
        flip = each_byte(falls ? 255 : 0);
        more = each_byte(std::max(shift, 0));
        less = each_byte(std::max(-shift, 0));
    }
    Lanes operator()(Lanes value) const {
        return (value ^ flip).plus_bytes(more).minus_bytes(less);
    }
};

#if !defined(__AVX512VBMI__) // which looks up a whole table in fewer steps than these take

// One of two shifts, from a level on the other, as Solarize and SolarizeAdd.
struct TwoShifts {
    Shifted first, second;
    Lanes last; // level of the first

    explicit TwoShifts(const uint8_t* table)
        : first(table, 0), second(first), last(each_byte(255)) {
        uint8_t found[levels];
        run(first, identity.level, levels, found);
        const auto place = std::mismatch(found, found + levels, table).first - found;
        if (place == levels) return;
        second = Shifted(table, static_cast<int>(place));
        last = each_byte(static_cast<int>(place) - 1);
    }
    Lanes operator()(Lanes value) const {
        const Lanes beyond = Lanes::zero().less_bytes(value.minus_bytes(last).lower(each_byte(1)));
        return second(value).chosen(beyond, first(value));
    }
};

// The least factor that would give the next level somewhere: that of a table that scales levels,
// without their fraction, lies just below it.
float bound_of(const uint8_t* table) {
    float bound = 128.0f;
    for (int v = 1; v < levels; ++v) {
        const float next = static_cast<float>(table[v] + 1) / static_cast<float>(v);
        bound = table[v] < 255 && next < bound ? next : bound;
    }
    return bound;
}

// A number of times the level, without the fraction, as Brightness.
struct Scaled {
    Lanes whole, fraction;

    explicit Scaled(float bound) {
        const auto factor = static_cast<int32_t>(std::ceil(bound * 65536.0f)) - 1;
        whole = Lanes::all((factor >> 16) * 0x10001);
        fraction = Lanes::all(static_cast<int32_t>((factor & 0xffff) * uint32_t{0x10001}));
    }
    Lanes times(Lanes words) const {
        return words.times_words(whole).plus_words(words.upper_words(fraction));
    }
    Lanes operator()(Lanes value) const {
        const Lanes zero = Lanes::zero();
        return times(value.low_bytes(zero)).narrow(times(value.high_bytes(zero)));
    }
};

// The same in single precision: with 1.3, 90 becomes 116, but 10 becomes 13.
struct Blended {
    Floats start, factor;

    Lanes operator()(Lanes value) const {
        Floats four[4];
        Bytes{value.bits}.floats(four);
        for (Floats& own : four) own = start + factor * (own - start);
        return {Bytes::truncated(four).lanes};
    }
};

#endif

} // namespace

#if !defined(__AVX512VBMI__)

void blend_from(float start, float factor, const uint8_t* in, int64_t count, uint8_t* out) {
    const Blended form{Floats::all(start), Floats::all(factor)};
    for (int64_t i = run(form, in, count, out); i < count; ++i)
        out[i] = blended(start, in[i], factor);
}

#endif

int64_t computed_lookup(const uint8_t* in, int64_t count, const uint8_t* table, uint8_t* out) {
    if (count < worth_a_guess) return 0;
    if (const Masked form(table); gives(form, table)) return run(form, in, count, out);
    if (const Shifted form(table, 0); gives(form, table)) return run(form, in, count, out);
#if !defined(__AVX512VBMI__)
    if (const TwoShifts form(table); gives(form, table)) return run(form, in, count, out);
    const float bound = bound_of(table);
    if (const Scaled form(bound); gives(form, table)) return run(form, in, count, out);
    const Blended form{Floats::all(0), Floats::all(bound)};
    if (gives(form, table)) return run(form, in, count, out);
#endif
    return 0;
}

#endif

} // namespace variegate::inline VARIEGATE_TARGET
