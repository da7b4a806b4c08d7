// What Python asks for beside pixels: random numbers, and boxes and points through a program's
// maps.
#include "arguments.hpp"
#include "variegate/annotations.hpp"
#include "variegate/tables.hpp"

namespace nb = nanobind;

namespace variegate {
namespace {

// A stage's entries as arrays: (start, verb, row, warp_forward, warp_size).
struct Entries {
    const int64_t* start;
    const int32_t* verb;
    const int64_t* row;
    const double* forward;
    const int32_t* size;
};

Entries read_entries(Arrays& held, nb::handle given, int64_t samples) {
    if (!PyTuple_Check(given.ptr()) || PyTuple_Size(given.ptr()) != 5)
        refuse("stage", "expected (start, verb, row, warp_forward, warp_size)");
    const auto item = [&](Py_ssize_t place) {
        return nb::handle(PyTuple_GetItem(given.ptr(), place));
    };
    Entries found{};
    found.start = packed<int64_t>(held, item(0), "stage.start", {samples + 1});
    found.verb = packed<int32_t>(held, item(1), "stage.verb", {-1});
    const int64_t entries = held.back().length(0);
    found.row = packed<int64_t>(held, item(2), "stage.row", {entries});
    found.forward = packed<double>(held, item(3), "tables.warp_forward", {-1, 9});
    const int64_t rows = held.back().length(0);
    found.size = packed<int32_t>(held, item(4), "tables.warp_size", {rows, 2});
    for (int64_t i = 0; i <= samples; ++i)
        if (found.start[i] < (i ? found.start[i - 1] : 0) || found.start[i] > entries)
            refuse("stage.start", "expected rising places among the entries");
    for (int64_t entry = found.start[0]; entry < found.start[samples]; ++entry)
        if (static_cast<Verb>(found.verb[entry]) == Verb::Warp &&
            (found.row[entry] < 0 || found.row[entry] >= rows))
            refuse("stage.row", "entry " + std::to_string(entry) + " has no row");
    return found;
}

Maps read_maps(Arrays& held, nb::handle stages, int64_t samples) {
    if (!PyList_Check(stages.ptr())) refuse("stages", "expected a list");
    std::vector<Entries> all;
    for (Py_ssize_t i = 0; i < PyList_Size(stages.ptr()); ++i)
        all.push_back(read_entries(held, nb::handle(PyList_GetItem(stages.ptr(), i)), samples));
    Maps maps;
    maps.start.push_back(0);
    for (int64_t sample = 0; sample < samples; ++sample) {
        for (const Entries& stage : all)
            for (int64_t entry = stage.start[sample]; entry < stage.start[sample + 1]; ++entry)
                if (static_cast<Verb>(stage.verb[entry]) == Verb::Warp)
                    maps.maps.push_back(
                        {stage.forward + 9 * stage.row[entry], stage.size + 2 * stage.row[entry]});
        maps.start.push_back(static_cast<int64_t>(maps.maps.size()));
    }
    return maps;
}

// first (samples + 1,), rising from 0 to count; returns the samples.
int64_t read_first(Arrays& held, nb::handle given, int64_t count, const int64_t*& first) {
    first = packed<int64_t>(held, given, "first", {-1});
    const int64_t samples = held.back().length(0) - 1;
    if (samples < 0 || first[0] != 0 || first[samples] != count)
        refuse("first", "expected places from 0 to " + std::to_string(count));
    for (int64_t i = 0; i < samples; ++i)
        if (first[i + 1] < first[i]) refuse("first", "expected rising places");
    return samples;
}

void boxes(nb::handle stages, nb::handle given_first, nb::handle given, nb::handle bounding,
           nb::handle given_seen, nb::handle given_whole, int64_t threads) {
    const int used = checked_threads(threads);
    Arrays held;
    const double* boxes = packed<double>(held, given, "boxes", {-1, 4});
    const int64_t count = held.back().length(0);
    const int64_t* first = nullptr;
    const int64_t samples = read_first(held, given_first, count, first);
    const Maps maps = read_maps(held, stages, samples);
    auto* out = packed<double>(held, bounding, "bounding", {count, 4}, true);
    auto* seen = packed<double>(held, given_seen, "seen", {count}, true);
    auto* whole = packed<double>(held, given_whole, "whole", {count}, true);
    const nb::gil_scoped_release unlocked;
    move_boxes(maps, first, boxes, out, seen, whole, used);
}

void points(nb::handle stages, nb::handle given_first, nb::handle sizes, nb::handle given,
            nb::handle inside) {
    Arrays held;
    auto* points = packed<double>(held, given, "points", {-1, 2}, true);
    const int64_t count = held.back().length(0);
    const int64_t* first = nullptr;
    const int64_t samples = read_first(held, given_first, count, first);
    const Maps maps = read_maps(held, stages, samples);
    const auto* frames = packed<int64_t>(held, sizes, "sizes", {samples, 2});
    auto* in = packed<bool>(held, inside, "inside", {count}, true);
    const nb::gil_scoped_release unlocked;
    move_points(maps, first, frames, points, in);
}

void numbers(nb::handle given_keys, nb::handle given_index, nb::handle result) {
    Arrays held;
    const auto* keys = packed<uint64_t>(held, given_keys, "keys", {-1});
    const int64_t slots = held.back().length(0);
    const auto* index = packed<uint64_t>(held, given_index, "index", {-1});
    const int64_t count = held.back().length(0);
    auto* out = packed<double>(held, result, "result", {count, slots}, true);
    const nb::gil_scoped_release unlocked;
    uniforms(keys, slots, index, count, out);
}

} // namespace

void define_draws(nb::module_& m) {
    m.def("move_boxes", &boxes,
          "Moves each sample's boxes through the maps of its stages; tells how much is seen.");
    m.def("move_points", &points, "Moves each sample's points through the maps of its stages.");
    m.def("uniforms", &numbers, "Fills `result` with a number for each sample and slot key.");
}

} // namespace variegate
