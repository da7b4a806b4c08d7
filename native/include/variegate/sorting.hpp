// Vectors of numbers sorted side by side, without branches: sorting networks and what is left of
// them where only the middle is wanted.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <utility>

#include "variegate/lanes.hpp"
#include "variegate/vectors.hpp"

namespace variegate::inline VARIEGATE_TARGET {

// Bytes side by side that know which is larger.
#ifdef VARIEGATE_LANES
struct SortedBytes {
    using Number = uint8_t;
    static constexpr int count = Lanes::bytes;
    Lanes lanes;

    static SortedBytes load(const uint8_t* from) { return {Lanes::load(from)}; }
    void store(uint8_t* to) const { lanes.store(to); }
    SortedBytes lower(SortedBytes other) const { return {lanes.lower(other.lanes)}; }
    SortedBytes upper(SortedBytes other) const { return {lanes.upper(other.lanes)}; }
};
#endif

template <class T> struct OneNumber {
    using Number = T;
    static constexpr int count = 1;
    T value;

    static OneNumber load(const T* from) { return {*from}; }
    void store(T* to) const { *to = value; }
    OneNumber lower(OneNumber other) const { return {other.value < value ? other.value : value}; }
    OneNumber upper(OneNumber other) const { return {other.value < value ? value : other.value}; }
};

template <class T> struct Sortable;
template <> struct Sortable<float> {
    using Vector = Floats;
};
template <> struct Sortable<uint8_t> {
#ifdef VARIEGATE_LANES
    using Vector = SortedBytes;
#else
    using Vector = OneNumber<uint8_t>;
#endif
};

// All of a network must become one run of instructions, or its numbers go through memory.
#if defined(__GNUC__)
#define VARIEGATE_INLINE inline __attribute__((always_inline))
#define VARIEGATE_INLINE_LAMBDA __attribute__((always_inline))
#else
#define VARIEGATE_INLINE inline
#define VARIEGATE_INLINE_LAMBDA
#endif

// Puts the smaller of two into the first.
template <class Vector> VARIEGATE_INLINE void exchange(Vector& first, Vector& second) {
    const Vector low = first.lower(second);
    second = first.upper(second);
    first = low;
}

struct Exchange {
    int first;
    int second;
};

// Batcher's odd-even merge sort of Count numbers.
template <int Count, class Visit> constexpr void batcher(Visit visit) {
    for (int p = 1; p < Count; p *= 2)
        for (int k = p; k >= 1; k /= 2)
            for (int j = k % p; j + k < Count; j += 2 * k)
                for (int i = 0; i < k && i + j + k < Count; ++i)
                    if ((i + j) / (2 * p) == (i + j + k) / (2 * p)) visit(i + j, i + j + k);
}

template <int Count> constexpr int exchanges() {
    int count = 0;
    batcher<Count>([&](int, int) { ++count; });
    return count;
}

template <int Count> constexpr std::array<Exchange, exchanges<Count>()> network() {
    std::array<Exchange, exchanges<Count>()> out{};
    size_t used = 0;
    batcher<Count>([&](int first, int second) { out[used++] = {first, second}; });
    return out;
}

// Calls visit with 0, 1, ... Count - 1 as constants.
template <int Count, class Visit> VARIEGATE_INLINE void each(Visit visit) {
    [&]<int... Place>(std::integer_sequence<int, Place...>) VARIEGATE_INLINE_LAMBDA {
        (visit(std::integral_constant<int, Place>()), ...);
    }(std::make_integer_sequence<int, Count>());
}

// Sorts Count numbers.
template <int Count, class Vector> VARIEGATE_INLINE void sort_all(Vector* numbers) {
    constexpr auto order = network<Count>();
    each<static_cast<int>(order.size())>([&](auto place) VARIEGATE_INLINE_LAMBDA {
        exchange(numbers[order[place].first], numbers[order[place].second]);
    });
}

// Puts the smallest of Count numbers first and the largest last.
template <int Count, class Vector> VARIEGATE_INLINE void part_ends(Vector* numbers) {
    each<Count / 2>([&](auto place) VARIEGATE_INLINE_LAMBDA {
        exchange(numbers[place], numbers[Count - 1 - place]);
    });
    each<(Count - 1) / 2>(
        [&](auto place) VARIEGATE_INLINE_LAMBDA { exchange(numbers[0], numbers[place + 1]); });
    each<Count - 1 - Count / 2>([&](auto place) VARIEGATE_INLINE_LAMBDA {
        exchange(numbers[Count / 2 + place], numbers[Count - 1]);
    });
}

// The middle of the numbers at `Count` places and those after them, which `at` gives one by one,
// until three are left: neither the smallest nor the largest of more than half of all can be the
// middle.
template <int Count, int Used, class Vector, class At>
VARIEGATE_INLINE Vector middle(Vector* numbers, At at) {
    part_ends<Count>(numbers);
    if constexpr (Count == 3) {
        return numbers[1];
    } else {
        numbers[0] = at(std::integral_constant<int, Used>());
        return middle<Count - 1, Used + 1>(numbers, at);
    }
}

} // namespace variegate::inline VARIEGATE_TARGET
