// The Python face of the native engine. Argument checks and calls only; no arithmetic here.
#include <nanobind/nanobind.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/tuple.h>

#include <memory>
#include <string>
#include <tuple>

#include "arguments.hpp"

namespace nb = nanobind;

namespace variegate {
namespace {

// A stage that has been read, for calls on any of its samples: what holds for all of them is
// checked once. Its arrays stay as they are as long as this lives.
struct Prepared {
    Arrays held;
    Kind kind = Kind::Other;
    Stage stage;
    OutputArguments output;
    bool converts = false;
    Followed followed;
};

constexpr char prepared_name[] = "variegate.Prepared";

// size: (height, width, channels) of the images if all have one; else None.
nb::object prepare(const StageArguments& given, nb::handle output, bool whole, nb::handle size) {
    auto made = std::make_unique<Prepared>();
    made->kind = whole ? Kind::Uint8 : Kind::Float32;
    made->converts = read_output(made->held, output, made->output);
    made->stage = read_stage(made->held, given, made->kind, false);
    if (!size.is_none()) {
        const auto [height, width, channels] =
            nb::cast<std::tuple<int64_t, int64_t, int64_t>>(size);
        made->followed = shapes_after(made->stage, checked_shape("size", height, width, channels));
    }
    return nb::capsule(made.release(), prepared_name,
                       [](void* old) noexcept { delete static_cast<Prepared*>(old); });
}

// beside: a function of Python that this thread calls while the others work, or None.
void run(nb::handle prepared, int64_t first, nb::handle images, nb::handle results, int64_t threads,
         nb::handle beside) {
    const auto* own =
        static_cast<const Prepared*>(PyCapsule_GetPointer(prepared.ptr(), prepared_name));
    if (!own) throw nb::python_error();
    const int used = checked_threads(threads);
    Arrays held;
    const Sources sources = read_images(held, images);
    std::function<void()> meanwhile;
    if (!beside.is_none())
        meanwhile = [beside] {
            const nb::gil_scoped_acquire locked;
            beside();
        };
    if (sources.images.empty()) return meanwhile ? meanwhile() : void();
    if (sources.kind != own->kind) refuse("images", "expected the dtype that the stage is for");
    OutputArguments written = own->output;
    const std::vector<Target> targets =
        read_results(held, results, sources, own->converts ? &written : nullptr);
    const Stage stage = samples_of(own->stage, first, sources, targets, false, own->followed);
    const nb::gil_scoped_release unlocked;
    const auto* numbers = own->converts ? &written.numbers : nullptr;
    const auto work = sources.kind == Kind::Uint8 ? engine().bytes.stage : engine().floats.stage;
    work(stage, sources.images.data(), targets.data(), numbers, used, meanwhile);
}

void run_on_masks(const StageArguments& given, nb::handle masks, nb::handle results,
                  int64_t threads) {
    const int used = checked_threads(threads);
    Arrays held;
    const Sources sources = read_images(held, masks);
    const std::vector<Target> targets = read_results(held, results, sources, nullptr);
    const Stage whole = read_stage(held, given, sources.kind, true);
    const Stage stage = samples_of(whole, 0, sources, targets, true, {});
    if (targets.empty()) return;
    const nb::gil_scoped_release unlocked;
    const auto work = sources.kind == Kind::Uint8 ? engine().bytes.masks : engine().floats.masks;
    work(stage, sources.images.data(), targets.data(), used);
}

// A packed batch of images with any order of its axes; its dtype is asked for by the caller.
struct Batch {
    int64_t count;
    Shape shape;
    Kind kind;
    std::byte* data;
};

Batch read_batch(Arrays& held, nb::handle given, const char* name, bool writable) {
    held.emplace_back(given, name, writable);
    const Array& array = held.back();
    if (array.dimensions() != 4 || !array.is_packed())
        refuse(name, "expected an array (n, h, w, c) in row order without gaps");
    Shape shape;
    if (array.length(0) > 0)
        shape = checked_shape(name, array.length(1), array.length(2), array.length(3));
    return {array.length(0), shape, array.kind(), array.data()};
}

Batch read_images_batch(Arrays& held, nb::handle given) {
    const Batch images = read_batch(held, given, "images", false);
    if (images.kind != Kind::Uint8 && images.kind != Kind::Float32)
        refuse("images", "expected uint8 or float32");
    return images;
}

void output(nb::handle given, nb::handle scale, nb::handle offset, bool channels_first,
            nb::handle result, int64_t threads) {
    const int used = checked_threads(threads);
    Arrays held;
    const Batch images = read_images_batch(held, given);
    held.emplace_back(result, "result", true);
    const Array& out = held.back();
    const Shape shape = images.shape;
    if (out.dimensions() != 4 || !out.is_packed() || out.length(0) != images.count)
        refuse("result", "expected a packed batch");
    const Number number = checked_number(out.kind(), "result");
    if (images.count == 0) return;
    const int64_t order[2][3] = {{shape.height, shape.width, shape.channels},
                                 {shape.channels, shape.height, shape.width}};
    for (int axis = 0; axis < 3; ++axis)
        if (out.length(axis + 1) != order[channels_first][axis])
            refuse("result", "expected the images' sizes");
    Output numbers;
    numbers.scale = packed<float>(held, scale, "scale", {shape.channels});
    numbers.offset = packed<float>(held, offset, "offset", {shape.channels});
    numbers.channels_first = channels_first;
    numbers.number = number;
    const nb::gil_scoped_release unlocked;
    if (images.kind == Kind::Uint8)
        engine().bytes.output(numbers, reinterpret_cast<const uint8_t*>(images.data), out.data(),
                              images.count, shape, used);
    else
        engine().floats.output(numbers, reinterpret_cast<const float*>(images.data), out.data(),
                               images.count, shape, used);
}

} // namespace
} // namespace variegate

namespace variegate {
void define_draws(nanobind::module_& m);
void define_flow(nanobind::module_& m);
void define_files(nanobind::module_& m);
void define_levels(nanobind::module_& m);
void define_lowering(nanobind::module_& m);
void define_mixes(nanobind::module_& m);
} // namespace variegate

NB_MODULE(_native, m) {
    using namespace variegate;
    m.doc() = "The native engine's verbs. Called through variegate.engine.native.";
    m.def(
        "version", [] { return std::string(VARIEGATE_VERSION); },
        "The version of the package that this module was built from.");
    m.def(
        "target", [] { return std::string(engine().target); },
        "The instruction set in use: the fastest that the processor has, or VARIEGATE_TARGET.");
    m.def(
        "use_target", [](const std::string& name) { use_engine(name); },
        "Runs on this instruction set from now on, in the whole process.");
    m.def(
        "targets",
        [] {
            nb::list names;
            for (const Engine* each : engines()) names.append(each->target);
            return names;
        },
        "The instruction sets that this build and this processor have, the baseline first.");
    m.def(
        "prepare",
        [](nb::handle start, nb::handle verb, nb::handle row, nb::handle tables, nb::handle normal,
           nb::handle output, bool whole, nb::handle size) {
            return prepare({start, verb, row, tables, normal}, output, whole, size);
        },
        nb::arg("start"), nb::arg("verb"), nb::arg("row"), nb::arg("tables"), nb::arg("normal"),
        nb::arg("output").none(), nb::arg("whole"), nb::arg("size").none() = nb::none(),
        "Reads a stage for uint8 (whole) or float32 images, whose results `output` may convert.");
    m.def("run_stage", &run, nb::arg("prepared"), nb::arg("first"), nb::arg("images"),
          nb::arg("results"), nb::arg("threads"), nb::arg("beside").none() = nb::none(),
          "Runs the entries of samples `first` and on into `results`; calls `beside` meanwhile.");
    m.def(
        "run_masks",
        [](nb::handle start, nb::handle verb, nb::handle row, nb::handle tables, nb::handle masks,
           nb::handle results, int64_t threads) {
            run_on_masks({start, verb, row, tables, nb::handle()}, masks, results, threads);
        },
        "Runs each sample's WARP entries on masks into `results`.");
    m.def("run_output", &output, "Normalizes a packed batch into `result`.");
    define_draws(m);
    define_flow(m);
    define_files(m);
    define_levels(m);
    define_lowering(m);
    define_mixes(m);
}
