// Adjacent pointwise entries, tile by tile: each tile passes through all of
// them while it is in the nearest cache.
#include <algorithm>
#include <cstring>

#include "variegate/planes.hpp"
#include "variegate/rounding.hpp"
#include "variegate/runs.hpp"
#include "variegate/verbs.hpp"

namespace variegate::inline VARIEGATE_TARGET {
namespace {

constexpr int64_t tile_values = 6144;

struct Step {
    Verb verb;
    const void* numbers; // the table, the matrix or the factor
    const float* fill = nullptr;
};

template <class T> int64_t table_length() { return sizeof(T) == 1 ? levels : knots; }

template <class T> Step step_of(const Stage& stage, int64_t entry) {
    const auto verb = static_cast<Verb>(stage.verb[entry]);
    const int64_t row = stage.row[entry];
    const Tables& tables = stage.tables;
    if (verb == Verb::Lookup)
        return {verb, static_cast<const T*>(tables.lookup) + table_length<T>() * row};
    if (verb == Verb::Channels) return {verb, tables.channels + 12 * row};
    if (verb == Verb::Toward) return {verb, tables.toward + row};
    if (verb == Verb::Hsv) return {verb, tables.hsv + 5 * row};
    if (verb == Verb::Pick)
        return {verb, tables.pick + max_channels * row, tables.pick_fill + max_channels * row};
    return {verb, nullptr};
}

// The steps of a run on images of `depth` channels. uint8: what does the same
// to every value of an image is a table, and tables in a row become one, which
// is exact. room: `levels` for each entry.
template <class T>
int64_t make_steps(const Stage& stage, int64_t first, int64_t last, int depth, Step* steps,
                   uint8_t* room) {
    int64_t count = 0;
    for (int64_t entry = first; entry < last; ++entry) {
        Step step = step_of<T>(stage, entry);
        if (depth == 1 && (step.verb == Verb::Toward || step.verb == Verb::Luma)) continue;
        if (step.verb == Verb::Luma) depth = 1;
        if constexpr (sizeof(T) == 1) {
            if (depth == 1 && (step.verb == Verb::Channels || step.verb == Verb::Hsv)) {
                for (int v = 0; v < levels; ++v) room[v] = static_cast<uint8_t>(v);
                const auto* numbers = static_cast<const double*>(step.numbers);
                if (step.verb == Verb::Hsv)
                    hsv(room, levels, 1, numbers, room);
                else
                    channels(room, levels, 1, numbers, room);
                step = {Verb::Lookup, room};
                room += levels;
            }
            if (step.verb == Verb::Lookup && count > 0 && steps[count - 1].verb == Verb::Lookup) {
                const auto* before = static_cast<const uint8_t*>(steps[count - 1].numbers);
                const auto* next = static_cast<const uint8_t*>(step.numbers);
                lookup(before, levels, next, room);
                steps[count - 1].numbers = room;
                room += levels;
                continue;
            }
        }
        steps[count++] = step;
    }
    return count;
}

template <class T> void run_step(const Step& step, const T* in, int64_t pixels, int depth, T* out) {
    switch (step.verb) {
    case Verb::Lookup:
        return lookup(in, pixels * depth, static_cast<const T*>(step.numbers), out);
    case Verb::Channels:
        return channels(in, pixels, depth, static_cast<const double*>(step.numbers), out);
    case Verb::Hsv:
        return hsv(in, pixels, depth, static_cast<const double*>(step.numbers), out);
    case Verb::Pick:
        return pick(in, pixels, depth, static_cast<const int32_t*>(step.numbers), step.fill, out);
    case Verb::Toward:
        return toward(in, pixels, depth, *static_cast<const float*>(step.numbers), out);
    default:
        return luma(in, pixels, depth, out);
    }
}

// Tile by tile. narrowing: the step that leaves one channel, or -1.
template <class T>
void run_tiles(const T* in, Shape shape, const Step* steps, int64_t count, int64_t narrowing,
               T* out, Scratch& scratch) {
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

// depth: of the planes that still matter, 3 or 1; returns it as the step leaves
// it.
int run_plane_step(const Step& step, Planes& planes, int64_t pixels, int depth) {
    switch (step.verb) {
    case Verb::Lookup:
        for (int k = 0; k < depth; ++k)
            lookup(planes.channel[k], pixels, static_cast<const uint8_t*>(step.numbers),
                   planes.channel[k]);
        return depth;
    case Verb::Channels:
        mix_planes(planes, pixels, static_cast<const double*>(step.numbers));
        return depth;
    case Verb::Hsv:
        turn_planes(planes, pixels, static_cast<const double*>(step.numbers));
        return depth;
    case Verb::Pick:
        pick_planes(planes, pixels, static_cast<const int32_t*>(step.numbers), step.fill);
        return depth;
    case Verb::Toward:
        blend_planes(planes, pixels, *static_cast<const float*>(step.numbers));
        return depth;
    default:
        gray_plane(planes, pixels, planes.channel[0]);
        return 1;
    }
}

// Takes each tile, as the steps leave it, with its place and pixels and the channels that it has.
template <class Take>
void run_planes(const uint8_t* in, int64_t count, const Step* steps, int64_t step_count,
                Take take) {
    Planes planes;
    for (int64_t place = 0; place < count; place += tile_pixels) {
        const Tile part{place, std::min<int64_t>(tile_pixels, count - place)};
        split(in + 3 * place, part.pixels, planes);
        int depth = 3;
        for (int64_t s = 0; s < step_count; ++s)
            depth = run_plane_step(steps[s], planes, part.pixels, depth);
        take(planes, part, depth);
    }
}

Step* room_for(int64_t entries, Scratch& scratch) {
    return reinterpret_cast<Step*>(
        scratch.tables.get<std::byte>(entries * static_cast<int64_t>(sizeof(Step) + 2 * levels)));
}

} // namespace

template <class T>
void pointwise(const T* in, Shape shape, const Stage& stage, int64_t first, int64_t last, T* out,
               Scratch& scratch) {
    const int64_t entries = last - first;
    Step* steps = room_for(entries, scratch);
    const int64_t count = make_steps<T>(stage, first, last, shape.channels, steps,
                                        reinterpret_cast<uint8_t*>(steps + entries));
    if (count == 0) {
        if (in != out) std::copy_n(in, shape.values(), out);
        return;
    }
    const bool one_table = count == 1 && steps[0].verb == Verb::Lookup;
    if constexpr (sizeof(T) == 1) {
        if (shape.channels == 3 && !one_table)
            return run_planes(in, shape.pixels(), steps, count,
                              [out](const Planes& planes, Tile part, int depth) {
                                  if (depth == 3)
                                      return join(planes, part.pixels, out + 3 * part.place);
                                  std::memcpy(out + part.place, planes.channel[0],
                                              static_cast<size_t>(part.pixels));
                              });
    }
    if (one_table) return run_step(steps[0], in, shape.pixels(), shape.channels, out);
    int64_t narrowing = -1;
    for (int64_t s = 0; s < count; ++s)
        if (steps[s].verb == Verb::Luma) narrowing = s;
    run_tiles(in, shape, steps, count, narrowing, out, scratch);
}

void pointwise_output(const uint8_t* in, Shape shape, const Stage& stage, int64_t first,
                      int64_t last, const Output& output, void* result, Scratch& scratch) {
    Step* steps = room_for(last - first, scratch);
    const int64_t count = make_steps<uint8_t>(stage, first, last, shape.channels, steps,
                                              reinterpret_cast<uint8_t*>(steps + (last - first)));
    run_planes(in, shape.pixels(), steps, count, [&](const Planes& planes, Tile part, int) {
        write_tile(output, planes, part, shape.pixels(), result);
    });
    finish_output(output);
}

template void pointwise<uint8_t>(const uint8_t*, Shape, const Stage&, int64_t, int64_t, uint8_t*,
                                 Scratch&);
template void pointwise<float>(const float*, Shape, const Stage&, int64_t, int64_t, float*,
                               Scratch&);

} // namespace variegate::inline VARIEGATE_TARGET
