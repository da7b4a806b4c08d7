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

// Puts the smaller of two into the first.
template <class Vector> inline void exchange(Vector& first, Vector& second) {
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

// Sorts numbers[0], numbers[Step], ... numbers[(Count - 1) * Step].
template <int Count, int Step, class Vector> inline void sort_all(Vector* numbers) {
    constexpr auto order = network<Count>();
    [&]<size_t... Place>(std::index_sequence<Place...>) {
        (exchange(numbers[order[Place].first * Step], numbers[order[Place].second * Step]), ...);
    }(std::make_index_sequence<order.size()>());
}

// Puts the smallest of Count numbers first and the largest last.
template <int Count, class Vector> inline void part_ends(Vector* numbers) {
    [&]<size_t... Place>(std::index_sequence<Place...>) {
        (exchange(numbers[Place], numbers[Count - 1 - Place]), ...);
    }(std::make_index_sequence<Count / 2>());
    [&]<size_t... Place>(std::index_sequence<Place...>) {
        (exchange(numbers[0], numbers[Place + 1]), ...);
    }(std::make_index_sequence<(Count - 1) / 2>());
    [&]<size_t... Place>(std::index_sequence<Place...>) {
        (exchange(numbers[Count / 2 + Place], numbers[Count - 1]), ...);
    }(std::make_index_sequence<Count - 1 - Count / 2>());
}

// The middle of Count numbers and of those that `next` brings, until three are left: neither the
// smallest nor the largest of more than half of all can be the middle.
template <int Count, class Vector, class Next> inline Vector middle(Vector* numbers, Next next) {
    part_ends<Count>(numbers);
    if constexpr (Count == 3) {
        return numbers[1];
    } else {
        numbers[0] = next();
        return middle<Count - 1>(numbers, next);
    }
}

} // namespace variegate::inline VARIEGATE_TARGET
