// Runs each sample's entries in order. Results go from entry to entry through two scratch images,
// the last straight into the caller's array; verbs that change an image in place do so wherever it
// already lies.
#include <algorithm>
#include <cstring>

#include "variegate/copying.hpp"
#include "variegate/jpeg.hpp"
#include "variegate/runs.hpp"
#include "variegate/threads.hpp"
#include "variegate/verbs.hpp"

namespace variegate::inline VARIEGATE_TARGET {
namespace {

constexpr int into_result = -1;

// Entries first..last-1 of one pass: a run of pointwise entries, or one of another verb.
struct Group {
    int64_t first;
    int64_t last;
    Shape out;
    bool in_place;
    int slot; // the scratch image that takes the outcome, or into_result
};

bool is_pointwise(Verb verb) {
    return verb == Verb::Lookup || verb == Verb::Channels || verb == Verb::Toward ||
           verb == Verb::Hsv || verb == Verb::Pick || verb == Verb::Luma;
}

bool keeps_place(Verb verb) {
    return verb == Verb::Measure || verb == Verb::Rectangles || verb == Verb::Grid ||
           verb == Verb::Noise || verb == Verb::Shapes || verb == Verb::Lightness ||
           verb == Verb::Match || verb == Verb::Spectrum || verb == Verb::Codec;
}

// final: the slot of the last group.
int64_t make_groups(const Stage& stage, int64_t first, int64_t last, Shape shape, int final,
                    Group* groups) {
    int64_t count = 0;
    for (int64_t entry = first; entry < last;) {
        const auto verb = static_cast<Verb>(stage.verb[entry]);
        Group group{entry, entry + 1, shape, keeps_place(verb), final};
        if (verb == Verb::Warp) {
            const int32_t* size = stage.tables.warp_size + 2 * stage.row[entry];
            group.out = {size[0], size[1], shape.channels};
        } else if (is_pointwise(verb)) {
            group.in_place = true;
            for (group.last = entry; group.last < last; ++group.last) {
                const auto next = static_cast<Verb>(stage.verb[group.last]);
                if (!is_pointwise(next)) break;
                if (next == Verb::Luma && group.out.channels > 1) {
                    group.out.channels = 1;
                    group.in_place = false;
                }
            }
        }
        entry = group.last;
        shape = group.out;
        groups[count++] = group;
    }
    // From the end: what comes before a pass in place goes to the same image, before any other to
    // the other one.
    for (int64_t g = count - 1; g > 0; --g) {
        const Group& next = groups[g];
        groups[g - 1].slot = next.in_place ? next.slot : (next.slot == 0 ? 1 : 0);
    }
    return count;
}

template <class T>
void run_group(const Stage& stage, const Group& group, const T* in, Shape shape, T* out,
               Scratch& scratch) {
    const Tables& tables = stage.tables;
    const int64_t row = stage.row[group.first];
    const auto verb = static_cast<Verb>(stage.verb[group.first]);
    if (is_pointwise(verb))
        return pointwise(in, shape, stage, group.first, group.last, out, scratch);
    const bool painted = verb == Verb::Rectangles || verb == Verb::Grid || verb == Verb::Shapes;
    if (painted && in != out) copy_values(in, shape.values(), out);
    switch (verb) {
    case Verb::Warp:
        return warp(in, shape, warp_row(tables, row), out, scratch);
    case Verb::Measure:
        return measure(in, shape, tables.measure + 4 * row, out, scratch);
    case Verb::Blur:
        return blur(in, shape, tables.blur + 4 * row, out, scratch);
    case Verb::Smooth:
        return smooth(in, shape, tables.smooth[row], out, scratch);
    case Verb::Rectangles:
        return rectangles(out, shape, tables, row);
    case Verb::Grid:
        return grid(out, shape, tables, row);
    case Verb::Shapes:
        return shapes(out, shape, tables, row, scratch);
    case Verb::Lightness:
        return lightness(in, shape, tables.lightness + 2 * row, out);
    case Verb::Match:
        return match(in, shape, tables, row, out, scratch);
    case Verb::Spectrum:
        return spectrum(in, shape, tables, row, out, scratch);
    case Verb::Cells:
        return cells(in, shape, tables, row, out);
    case Verb::Codec:
        return jpeg(in, shape, tables.codec[2 * row], out, scratch);
    case Verb::Noise:
        return noise(in, shape, tables, row, out, scratch);
    case Verb::Kernel:
        return kernel(in, shape, tables, row, out, scratch);
    case Verb::Median:
        return median(in, shape, tables.median[row], out, scratch);
    case Verb::Tiles:
        return tiles(in, shape, tables.tiles + 3 * row, out, scratch);
    case Verb::Rescale:
        return rescale(in, shape, tables.rescale + 4 * row, out, scratch);
    case Verb::Zoom:
        return zoom(in, shape, tables.zoom + 2 * row, out, scratch);
    case Verb::Scatter:
        return scatter(in, shape, tables.scatter + 2 * row, tables.scatter_key[row], out, scratch);
    default:
        return;
    }
}

template <class T> void gather(const Source& image, T* out) {
    const Shape shape = image.shape;
    const bool packed = image.strides[2] == sizeof(T) &&
                        image.strides[1] == static_cast<int64_t>(sizeof(T)) * shape.channels;
    for (int r = 0; r < shape.height; ++r) {
        const std::byte* line = image.data + r * image.strides[0];
        if (packed) {
            const auto count = static_cast<int64_t>(shape.width) * shape.channels;
            copy_bytes(line, out, count * static_cast<int64_t>(sizeof(T)));
            out += count;
            continue;
        }
        for (int c = 0; c < shape.width; ++c, line += image.strides[1]) {
            const std::byte* value = line;
            for (int k = 0; k < shape.channels; ++k, value += image.strides[2])
                std::memcpy(out++, value, sizeof(T));
        }
    }
}

template <class T> bool is_plain(const Source& image) {
    constexpr int64_t size = sizeof(T);
    const Shape shape = image.shape;
    const int64_t expected[3] = {size * shape.width * shape.channels, size * shape.channels, size};
    const int lengths[3] = {shape.height, shape.width, shape.channels};
    for (int axis = 0; axis < 3; ++axis)
        if (lengths[axis] > 1 && image.strides[axis] != expected[axis]) return false;
    return reinterpret_cast<uintptr_t>(image.data) % alignof(T) == 0;
}

template <class T> const T* contiguous(const Source& image, Scratch& scratch) {
    if (is_plain<T>(image)) return reinterpret_cast<const T*>(image.data);
    T* copy = scratch.source.get<T>(image.shape.values());
    gather(image, copy);
    return copy;
}

// Whether a last pass goes by planes that the output can be written from at once.
bool ends_in_planes(const Stage& stage, const Group& group, Shape shape, const Output& output) {
    return output.channels_first && shape.channels == 3 && group.out.channels == 3 &&
           is_pointwise(static_cast<Verb>(stage.verb[group.first]));
}

// result: as the entries leave the image, or as `output` says.
template <class T>
void run_sample(const Stage& stage, int64_t sample, const Source& image, const Output* output,
                std::byte* result) {
    const int64_t first = stage.start[sample], last = stage.start[sample + 1];
    Scratch& scratch = Scratch::mine();
    if (first == last && output)
        return write_output(*output, contiguous<T>(image, scratch), image.shape, result);
    if (first == last) return gather(image, reinterpret_cast<T*>(result));
    auto* groups = scratch.groups.get<Group>(last - first);
    const int64_t count =
        make_groups(stage, first, last, image.shape, output ? 0 : into_result, groups);
    int64_t needed[2] = {0, 0};
    for (int64_t g = 0; g < count; ++g)
        if (groups[g].slot != into_result)
            needed[groups[g].slot] = std::max(needed[groups[g].slot], groups[g].out.values());
    T* slots[2];
    for (int k = 0; k < 2; ++k) slots[k] = needed[k] ? scratch.image[k].get<T>(needed[k]) : nullptr;
    const T* in = contiguous<T>(image, scratch);
    Shape shape = image.shape;
    for (int64_t g = 0; g < count; ++g) {
        if constexpr (sizeof(T) == 1)
            if (output && g + 1 == count && ends_in_planes(stage, groups[g], shape, *output)) {
                pointwise_output(in, shape, stage, groups[g].first, groups[g].last, *output, result,
                                 scratch);
                return scratch.trim();
            }
        T* out =
            groups[g].slot == into_result ? reinterpret_cast<T*>(result) : slots[groups[g].slot];
        run_group(stage, groups[g], in, shape, out, scratch);
        in = out;
        shape = groups[g].out;
    }
    if (output) write_output(*output, in, shape, result);
    scratch.trim();
}

bool moves(Verb verb) { return verb == Verb::Warp || verb == Verb::Cells; }

// A mask's WARP and CELLS entries alone, nearest and without a fill.
template <class T>
void run_mask(const Stage& stage, int64_t sample, const Source& mask, T* result) {
    static const float nothing[max_channels] = {};
    int64_t left = 0;
    for (int64_t entry = stage.start[sample]; entry < stage.start[sample + 1]; ++entry)
        left += moves(static_cast<Verb>(stage.verb[entry]));
    if (left == 0) return gather(mask, result);
    Scratch& scratch = Scratch::mine();
    const T* in = contiguous<T>(mask, scratch);
    Shape shape = mask.shape;
    int slot = 0;
    for (int64_t entry = stage.start[sample]; left > 0; ++entry) {
        const auto verb = static_cast<Verb>(stage.verb[entry]);
        if (!moves(verb)) continue;
        slot = 1 - slot;
        if (verb == Verb::Cells) {
            T* out = --left == 0 ? result : scratch.image[slot].get<T>(shape.values());
            cells(in, shape, stage.tables, stage.row[entry], out);
            in = out;
            continue;
        }
        Warp step = warp_row(stage.tables, stage.row[entry]);
        step.resample = Resample::Nearest;
        step.fill = nothing;
        const Shape size{step.height, step.width, shape.channels};
        T* out = --left == 0 ? result : scratch.image[slot].get<T>(size.values());
        warp(in, shape, step, out, scratch);
        in = out;
        shape = size;
    }
    scratch.trim();
}

int64_t values_of(const Target* results, int64_t count) {
    int64_t values = 0;
    for (int64_t i = 0; i < count; ++i) values += results[i].shape.values();
    return values;
}

// Waking a thread costs as much as some tens of thousands of values.
int worth(int threads, const Target* results, const Source* images, int64_t count) {
    constexpr int64_t share = 1 << 15;
    int64_t values = values_of(results, count);
    for (int64_t i = 0; i < count; ++i) values += images[i].shape.values();
    return static_cast<int>(std::min<int64_t>(threads, 1 + values / (2 * share)));
}

} // namespace

template <class T>
void run_stage(const Stage& stage, const Source* images, const Target* results,
               const Output* output, int threads, const std::function<void()>& first) {
    const int used = worth(threads, results, images, stage.samples);
    Output chosen;
    if (output) chosen = for_values(*output, values_of(results, stage.samples));
    const auto work = [&](int64_t i) {
        run_sample<T>(stage, i, images[i], output ? &chosen : nullptr, results[i].data);
    };
    parallel_for(stage.samples, used, work, first);
}

template <class T>
void run_masks(const Stage& stage, const Source* masks, const Target* results, int threads) {
    const int used = worth(threads, results, masks, stage.samples);
    parallel_for(stage.samples, used, [&](int64_t i) {
        run_mask(stage, i, masks[i], reinterpret_cast<T*>(results[i].data));
    });
}

template void run_stage<uint8_t>(const Stage&, const Source*, const Target*, const Output*, int,
                                 const std::function<void()>&);
template void run_stage<float>(const Stage&, const Source*, const Target*, const Output*, int,
                               const std::function<void()>&);
template void run_masks<uint8_t>(const Stage&, const Source*, const Target*, int);
template void run_masks<float>(const Stage&, const Source*, const Target*, int);

} // namespace variegate::inline VARIEGATE_TARGET
