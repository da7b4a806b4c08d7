// Adjacent pointwise entries, tile by tile: each tile passes through all of them while it is in the
// nearest cache.
#include <algorithm>
#include <cstring>

#include "variegate/verbs.hpp"

namespace variegate::inline VARIEGATE_TARGET {
namespace {

constexpr int64_t tile_values = 6144;

struct Step {
    Verb verb;
    const void* numbers; // the table, the matrix or the factor
};

// uint8 tables in a row become one table, which is exact.
void compose(const uint8_t* next, const void*& numbers, uint8_t*& room) {
    const auto* before = static_cast<const uint8_t*>(numbers);
    for (int v = 0; v < levels; ++v) room[v] = next[before[v]];
    numbers = room;
    room += levels;
}

template <class T> int64_t table_length() { return sizeof(T) == 1 ? levels : knots; }

template <class T>
int64_t make_steps(const Stage& stage, int64_t first, int64_t last, Step* steps, uint8_t* room) {
    int64_t count = 0;
    for (int64_t entry = first; entry < last; ++entry) {
        const auto verb = static_cast<Verb>(stage.verb[entry]);
        const int64_t row = stage.row[entry];
        const Tables& tables = stage.tables;
        if (verb == Verb::Lookup) {
            const T* table = static_cast<const T*>(tables.lookup) + table_length<T>() * row;
            if constexpr (sizeof(T) == 1) {
                if (count > 0 && steps[count - 1].verb == Verb::Lookup) {
                    compose(table, steps[count - 1].numbers, room);
                    continue;
                }
            }
            steps[count++] = {verb, table};
        } else if (verb == Verb::Channels) {
            steps[count++] = {verb, tables.channels + 12 * row};
        } else if (verb == Verb::Toward) {
            steps[count++] = {verb, tables.toward + row};
        } else {
            steps[count++] = {verb, nullptr};
        }
    }
    return count;
}

template <class T> void run_step(const Step& step, const T* in, int64_t pixels, int depth, T* out) {
    switch (step.verb) {
    case Verb::Lookup:
        return lookup(in, pixels * depth, static_cast<const T*>(step.numbers), out);
    case Verb::Channels:
        return channels(in, pixels, depth, static_cast<const double*>(step.numbers), out);
    case Verb::Toward:
        return toward(in, pixels, depth, *static_cast<const float*>(step.numbers), out);
    default:
        return luma(in, pixels, depth, out);
    }
}

} // namespace

template <class T>
void pointwise(const T* in, Shape shape, const Stage& stage, int64_t first, int64_t last, T* out,
               Scratch& scratch) {
    const int64_t entries = last - first;
    auto* steps = reinterpret_cast<Step*>(
        scratch.tables.get<std::byte>(entries * static_cast<int64_t>(sizeof(Step) + levels)));
    const int64_t count =
        make_steps<T>(stage, first, last, steps, reinterpret_cast<uint8_t*>(steps + entries));
    int64_t narrowing = -1; // the step from which on the pixels have one channel
    for (int64_t s = count - 1; s >= 0; --s)
        if (steps[s].verb == Verb::Luma && shape.channels > 1) narrowing = s;
    const int depth_out = narrowing < 0 ? shape.channels : 1;
    const int64_t tile = std::max<int64_t>(1, tile_values / shape.channels);
    T* wide = narrowing > 0 ? scratch.tile.get<T>(tile * shape.channels) : nullptr;
    for (int64_t place = 0; place < shape.pixels(); place += tile) {
        const int64_t pixels = std::min(tile, shape.pixels() - place);
        const T* from = in + place * shape.channels;
        T* final = out + place * depth_out;
        int depth = shape.channels;
        for (int64_t s = 0; s < count; ++s) {
            T* to = s < narrowing ? wide : final;
            run_step(steps[s], from, pixels, depth, to);
            if (s == narrowing) depth = 1;
            from = to;
        }
    }
}

template void pointwise<uint8_t>(const uint8_t*, Shape, const Stage&, int64_t, int64_t, uint8_t*,
                                 Scratch&);
template void pointwise<float>(const float*, Shape, const Stage&, int64_t, int64_t, float*,
                               Scratch&);

} // namespace variegate::inline VARIEGATE_TARGET
