// Mixes as Python gives them, checked before anything is written.
#include <algorithm>
#include <optional>
#include <span>

#include "arguments.hpp"

namespace nb = nanobind;

namespace variegate {
namespace {

// Packed images as pictures; `of`: their dtype, or Other for that of the first.
std::vector<Picture> read_pictures(Arrays& held, nb::handle given, const char* name, Kind& of) {
    const Sources sources = read_images(held, given);
    if (of == Kind::Other) of = sources.kind;
    std::vector<Picture> pictures;
    const int64_t item = sources.kind == Kind::Uint8 ? 1 : 4;
    for (const Source& each : sources.images) {
        const Shape shape = each.shape;
        const int64_t line = item * shape.width * shape.channels;
        const bool packed_rows = shape.height == 1 || each.strides[0] == line;
        const bool packed_pixels = shape.width == 1 || each.strides[1] == item * shape.channels;
        const bool packed_values = shape.channels == 1 || each.strides[2] == item;
        if (sources.kind != of) refuse(name, "expected one dtype");
        if (!packed_rows || !packed_pixels || !packed_values)
            refuse(name, "expected images in row order without gaps");
        pictures.push_back({each.data, shape});
    }
    return pictures;
}

// A mix with what its pointers point to.
struct MixArguments {
    MixStage stage;
    std::vector<Picture> tiles;
    int64_t layers = 0;
    int64_t mask_rows = 0;
    int64_t mask_pixels = 0;
};

// From a tuple (base, start, source, place, origin, weight, mask, masks, fill, tiles).
void read_mix(Arrays& held, nb::handle given, int64_t count, Kind kind, MixArguments& read) {
    if (!PyTuple_Check(given.ptr()) || PyTuple_Size(given.ptr()) != 10)
        refuse("mixes", "expected tuples (base, start, source, place, origin, weight, mask, "
                        "masks, fill, tiles)");
    const auto item = [&](Py_ssize_t place) {
        return nb::handle(PyTuple_GetItem(given.ptr(), place));
    };
    MixStage& mix = read.stage;
    mix.samples = count;
    mix.base = packed<int64_t>(held, item(0), "mix.base", {count});
    mix.start = packed<int64_t>(held, item(1), "mix.start", {count + 1});
    mix.source = packed<int64_t>(held, item(2), "mix.source", {-1});
    const int64_t layers = read.layers = held.back().length(0);
    mix.place = packed<int32_t>(held, item(3), "mix.place", {layers, 4});
    mix.origin = packed<int32_t>(held, item(4), "mix.origin", {layers, 2});
    mix.weight = packed<double>(held, item(5), "mix.weight", {layers});
    mix.mask = packed<int64_t>(held, item(6), "mix.mask", {layers});
    mix.masks =
        reinterpret_cast<const uint8_t*>(packed<bool>(held, item(7), "mix.masks", {-1, -1, -1}));
    read.mask_rows = held.back().length(0);
    read.mask_pixels = held.back().length(1) * held.back().length(2);
    mix.fill = packed<float>(held, item(8), "mix.fill", {count, max_channels});
    read.tiles = read_pictures(held, item(9), "mix.tiles", kind);
    mix.tiles = read.tiles.data();
}

void check_layer(const MixArguments& read, int64_t layer, Shape shape,
                 std::span<const Picture> images) {
    const MixStage& mix = read.stage;
    const std::string where = "layer " + std::to_string(layer);
    const int64_t source = mix.source[layer], tile = source - mix.samples;
    if (source < -1 || tile >= static_cast<int64_t>(read.tiles.size()))
        refuse("mix.source", where + " has no such picture");
    const Shape from = source < 0 ? shape
                       : tile < 0 ? images[static_cast<size_t>(source)].shape
                                  : read.tiles[static_cast<size_t>(tile)].shape;
    const int32_t* place = mix.place + 4 * layer;
    const int32_t* origin = mix.origin + 2 * layer;
    if (place[0] < 0 || place[1] < 0 || place[2] < place[0] || place[3] < place[1] ||
        place[2] > shape.height || place[3] > shape.width)
        refuse("mix.place", where + " leaves the result");
    if (origin[0] < 0 || origin[1] < 0 ||
        static_cast<int64_t>(origin[0]) + place[2] - place[0] > from.height ||
        static_cast<int64_t>(origin[1]) + place[3] - place[1] > from.width)
        refuse("mix.origin", where + " leaves its picture");
    if (from.channels != shape.channels) refuse("mix.source", where + " has other channels");
    if (mix.mask[layer] >= read.mask_rows ||
        (mix.mask[layer] >= 0 && read.mask_pixels != shape.pixels()))
        refuse("mix.mask", where + " has no such mask");
}

void check_mix(const MixArguments& read, std::span<const Picture> images,
               std::span<const Shape> shapes) {
    const MixStage& mix = read.stage;
    for (int64_t i = 0; i < mix.samples; ++i) {
        const Shape shape = shapes[static_cast<size_t>(i)];
        const int64_t start = mix.start[i], end = mix.start[i + 1], base = mix.base[i];
        if (start < 0 || end < start || end > read.layers)
            refuse("mix.start", "expected rising places among the layers");
        if (base >= mix.samples) refuse("mix.base", "sample " + std::to_string(i) + " has none");
        if (base >= 0 && !(images[static_cast<size_t>(base)].shape == shape))
            refuse("mix.base", "sample " + std::to_string(i) + " has another size");
        for (int64_t layer = start; layer < end; ++layer) check_layer(read, layer, shape, images);
    }
}

// The extent of the images, if they are floats and any.
std::optional<Extent> mix(nb::handle mixes, nb::handle given, nb::handle results, int64_t threads) {
    constexpr Py_ssize_t most = 8; // each reads twice as many rows as the one before
    const int used = checked_threads(threads);
    Arrays held;
    Kind kind = Kind::Other;
    const std::vector<Picture> images = read_pictures(held, given, "images", kind);
    Sources like;
    like.kind = kind;
    like.images.resize(images.size());
    const std::vector<Target> targets = read_results(held, results, like, nullptr);
    std::vector<Shape> shapes;
    for (const Target& each : targets) shapes.push_back(each.shape);
    if (!PyList_Check(mixes.ptr()) || PyList_Size(mixes.ptr()) > most)
        refuse("mixes", "expected a list of at most 8");
    std::deque<MixArguments> read;
    for (Py_ssize_t i = 0; i < PyList_Size(mixes.ptr()); ++i) {
        const auto count = static_cast<int64_t>(images.size());
        read_mix(held, nb::handle(PyList_GetItem(mixes.ptr(), i)), count, kind,
                 read.emplace_back());
        read.back().stage.shapes = shapes.data();
        check_mix(read.back(), images, shapes);
    }
    for (size_t i = 0; i < targets.size(); ++i) {
        const auto same = [&](const Shape& shape) { return shape == images.front().shape; };
        if (read.size() != 1 && !(std::ranges::all_of(shapes, same) && same(images[i].shape)))
            refuse("mixes", "several at once need images of one size");
        for (const Picture& each : images)
            if (each.data == targets[i].data) refuse("results", "expected other memory");
    }
    std::vector<MixStage> stages;
    for (const MixArguments& each : read) stages.push_back(each.stage);
    const auto count = static_cast<int64_t>(images.size());
    const nb::gil_scoped_release unlocked;
    const auto work = kind == Kind::Uint8 ? engine().bytes.mixes : engine().floats.mixes;
    const Extent seen = work(stages.data(), static_cast<int>(stages.size()), images.data(),
                             targets.data(), count, used);
    if (count == 0 || kind == Kind::Uint8) return std::nullopt;
    return seen;
}

} // namespace

void define_mixes(nanobind::module_& m);

void define_mixes(nanobind::module_& m) {
    m.def(
        "run_mixes",
        [](nb::handle mixes, nb::handle images, nb::handle results, int64_t threads) -> nb::object {
            const std::optional<Extent> seen = mix(mixes, images, results, threads);
            if (!seen) return nb::none();
            return nb::make_tuple(seen->low, seen->high);
        },
        "Mixes packed images into `results`, one mix after the other; gives the floats' extent.");
}

} // namespace variegate
