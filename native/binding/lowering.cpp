// What Python's lowering asks for: composed runs of matrices, entries in order, settled levels.
#include "variegate/lowering.hpp"

#include "arguments.hpp"

namespace nb = nanobind;

namespace variegate {
namespace {

// The items of a tuple, asked for one after the other.
class Items {
  public:
    Items(nb::handle given, const char* name, Py_ssize_t count) : given_(given) {
        if (!PyTuple_Check(given.ptr()) || PyTuple_Size(given.ptr()) != count)
            refuse(name, "expected a tuple of " + std::to_string(count));
    }
    nb::handle next() { return nb::handle(PyTuple_GetItem(given_.ptr(), place_++)); }

  private:
    nb::handle given_;
    Py_ssize_t place_ = 0;
};

void check_places(const int64_t* places, int64_t count, int64_t limit, const char* name) {
    for (int64_t i = 0; i < count; ++i)
        if (places[i] < 0 || places[i] >= limit) refuse(name, "no such place");
}

Moves read_moves(Arrays& held, nb::handle given, int64_t samples, int64_t manners) {
    Items items(given, "moves", 7);
    Moves moves{};
    moves.rows = packed<int64_t>(held, items.next(), "moves.rows", {-1});
    const int64_t count = moves.count = held.back().length(0);
    moves.position = packed<int64_t>(held, items.next(), "moves.position", {count});
    moves.manner = packed<int64_t>(held, items.next(), "moves.manner", {count});
    moves.pick = packed<int64_t>(held, items.next(), "moves.pick", {count});
    moves.forward = packed<double>(held, items.next(), "moves.forward", {-1, 3, 3});
    const int64_t tables = held.back().length(0);
    moves.backward = packed<double>(held, items.next(), "moves.backward", {tables, 3, 3});
    moves.size = packed<int64_t>(held, items.next(), "moves.size", {tables, 2});
    check_places(moves.rows, count, samples, "moves.rows");
    check_places(moves.pick, count, tables, "moves.pick");
    check_places(moves.manner, count, manners, "moves.manner");
    return moves;
}

Ends read_ends(Arrays& held, nb::handle given, int64_t samples) {
    Items items(given, "ends", 2);
    Ends ends{};
    ends.rows = packed<int64_t>(held, items.next(), "ends.rows", {-1});
    ends.count = held.back().length(0);
    ends.position = packed<int64_t>(held, items.next(), "ends.position", {ends.count});
    check_places(ends.rows, ends.count, samples, "ends.rows");
    return ends;
}

Pending read_pending(Arrays& held, nb::handle given, int64_t& samples) {
    Items items(given, "pending", 6);
    Pending pending{};
    pending.waits = packed<bool>(held, items.next(), "pending.waits", {-1}, true);
    samples = held.back().length(0);
    pending.manner = packed<int64_t>(held, items.next(), "pending.manner", {samples}, true);
    pending.forward = packed<double>(held, items.next(), "pending.forward", {samples, 3, 3}, true);
    pending.backward =
        packed<double>(held, items.next(), "pending.backward", {samples, 3, 3}, true);
    pending.size = packed<int64_t>(held, items.next(), "pending.size", {samples, 2}, true);
    pending.start_size =
        packed<int64_t>(held, items.next(), "pending.start_size", {samples, 2}, true);
    return pending;
}

Manners read_manners(Arrays& held, nb::handle given) {
    Items items(given, "manners", 3);
    Manners manners{};
    const nb::handle together = items.next();
    manners.mode = packed<int32_t>(held, items.next(), "manners.mode", {-1, 4});
    manners.count = held.back().length(0);
    manners.fill = packed<float>(held, items.next(), "manners.fill", {manners.count, 16});
    manners.together =
        packed<int64_t>(held, together, "manners.together", {manners.count, manners.count});
    for (int64_t i = 0; i < manners.count * manners.count; ++i)
        if (manners.together[i] >= manners.count) refuse("manners.together", "no such manner");
    return manners;
}

WarpRows read_warp_rows(Arrays& held, nb::handle given, int64_t least) {
    Items items(given, "out", 8);
    WarpRows out{};
    out.rows = packed<int64_t>(held, items.next(), "out.rows", {-1}, true);
    const int64_t room = held.back().length(0);
    if (room < least) refuse("out.rows", "too little room");
    out.turn = packed<int64_t>(held, items.next(), "out.turn", {room}, true);
    out.matrix = packed<double>(held, items.next(), "out.matrix", {room, 9}, true);
    out.forward = packed<double>(held, items.next(), "out.forward", {room, 9}, true);
    out.size = packed<int32_t>(held, items.next(), "out.size", {room, 2}, true);
    out.field_size = packed<int32_t>(held, items.next(), "out.field_size", {room, 2}, true);
    out.mode = packed<int32_t>(held, items.next(), "out.mode", {room, 4}, true);
    out.fill = packed<float>(held, items.next(), "out.fill", {room, 16}, true);
    return out;
}

int64_t run_compose(nb::handle moves, nb::handle ends, nb::handle state, nb::handle manners,
                    nb::handle out) {
    Arrays held;
    int64_t samples = 0, waiting = 0;
    const Pending pending = read_pending(held, state, samples);
    const Manners known = read_manners(held, manners);
    const Moves moving = read_moves(held, moves, samples, known.count);
    const Ends ending = read_ends(held, ends, samples);
    for (int64_t i = 0; i < samples; ++i) {
        if (!pending.waits[i]) continue;
        ++waiting;
        check_places(pending.manner + i, 1, known.count, "pending.manner");
    }
    const WarpRows rows = read_warp_rows(held, out, waiting + moving.count);
    return compose(moving, ending, pending, known, rows);
}

void run_invert(nb::handle matrices, nb::handle result) {
    Arrays held;
    const auto* in = packed<double>(held, matrices, "matrices", {-1, 3, 3});
    const int64_t count = held.back().length(0);
    invert(in, count, packed<double>(held, result, "result", {count, 3, 3}, true));
}

// From a tuple (verb, samples, turn, rows or None, first).
EntryPart read_part(Arrays& held, nb::handle given, int64_t samples) {
    Items items(given, "parts", 5);
    EntryPart part{};
    part.verb = nb::cast<int32_t>(items.next());
    part.samples = packed<int64_t>(held, items.next(), "part.samples", {-1});
    part.count = held.back().length(0);
    part.turn = packed<int64_t>(held, items.next(), "part.turn", {part.count});
    const nb::handle rows = items.next();
    if (!rows.is_none()) part.rows = packed<int64_t>(held, rows, "part.rows", {part.count});
    part.first = nb::cast<int64_t>(items.next());
    check_places(part.samples, part.count, samples, "part.samples");
    return part;
}

void run_order(nb::handle given, nb::handle start, nb::handle verb, nb::handle row) {
    Arrays held;
    auto* starts = packed<int64_t>(held, start, "start", {-1}, true);
    const int64_t samples = held.back().length(0) - 1;
    if (samples < 0 || !PyList_Check(given.ptr())) refuse("parts", "expected a list");
    std::vector<EntryPart> parts;
    int64_t entries = 0;
    for (Py_ssize_t i = 0; i < PyList_Size(given.ptr()); ++i) {
        parts.push_back(read_part(held, nb::handle(PyList_GetItem(given.ptr(), i)), samples));
        entries += parts.back().count;
    }
    auto* verbs = packed<int32_t>(held, verb, "verb", {entries}, true);
    auto* rows = packed<int64_t>(held, row, "row", {entries}, true);
    order_entries(parts.data(), static_cast<int64_t>(parts.size()), samples, starts, verbs, rows);
}

void run_settle(nb::handle levels, bool rounds, nb::handle result) {
    Arrays held;
    held.emplace_back(levels, "levels", false);
    const Array& given = held.back();
    if (given.dimensions() != 2 || !given.is_packed()) refuse("levels", "expected a packed table");
    const int64_t rows = given.length(0), width = given.length(1);
    auto* out = packed<uint8_t>(held, result, "result", {rows, width}, true);
    if (given.kind() == Kind::Float32)
        return engine().levels.settle_floats(reinterpret_cast<const float*>(given.data()),
                                             rows * width, rounds, out);
    if (given.kind() != Kind::Float64) refuse("levels", "expected float32 or float64");
    engine().levels.settle_doubles(reinterpret_cast<const double*>(given.data()), rows * width,
                                   rounds, out);
}

void run_scale(nb::handle factors, bool rounds, nb::handle result) {
    Arrays held;
    const auto* given = packed<float>(held, factors, "factors", {-1});
    const int64_t count = held.back().length(0);
    auto* out = packed<uint8_t>(held, result, "result", {count, levels}, true);
    engine().levels.scale(given, count, rounds, out);
}

} // namespace

void define_lowering(nb::module_& m) {
    m.def("compose", &run_compose, nb::arg("moves"), nb::arg("ends"), nb::arg("pending"),
          nb::arg("manners"), nb::arg("out"),
          "Composes runs of matrices and ends them; returns how many rows of `out` it filled.");
    m.def("invert", &run_invert, "Fills `result` with the inverses of matrices (k, 3, 3).");
    m.def("order_entries", &run_order, "Sorts parts of entries into each sample's list.");
    m.def("settle", &run_settle, "Makes bytes of levels (k, 256).");
    m.def("scale_levels", &run_scale, "Makes bytes of all levels times each factor (k,).");
}

} // namespace variegate
