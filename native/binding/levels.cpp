// Floats before they are images, as Python gives them.
#include "arguments.hpp"

#include <utility>

namespace nb = nanobind;

namespace variegate {
namespace {

// A packed array of any shape: its values and how many there are.
template <class T>
std::pair<T*, int64_t> all_values(Arrays& held, nb::handle given, const char* name, bool writable) {
    held.emplace_back(given, name, writable);
    const Array& array = held.back();
    if (array.kind() != kind_of<T> || !array.is_packed())
        refuse(name, "expected a packed array of the right dtype");
    int64_t count = 1;
    for (int axis = 0; axis < array.dimensions(); ++axis) count *= array.length(axis);
    return {reinterpret_cast<T*>(array.data()), count};
}

bool round_levels(nb::handle given, nb::handle result, int64_t threads) {
    const int used = checked_threads(threads);
    Arrays held;
    const auto [values, count] = all_values<float>(held, given, "values", false);
    const auto [bytes, room] = all_values<uint8_t>(held, result, "result", true);
    if (room != count) refuse("result", "expected as many values as are given");
    const nb::gil_scoped_release unlocked;
    return engine().levels.rounding(values, count, bytes, used);
}

std::pair<float, float> extent(nb::handle given, int64_t threads) {
    const int used = checked_threads(threads);
    Arrays held;
    const auto [values, count] = all_values<float>(held, given, "values", false);
    if (count == 0) refuse("values", "expected at least one");
    const nb::gil_scoped_release unlocked;
    const Extent found = engine().levels.extent(values, count, used);
    return {found.low, found.high};
}

} // namespace

void define_levels(nb::module_& m);

void define_levels(nb::module_& m) {
    m.def("round_levels", &round_levels,
          "Writes floats on 0..255 as bytes into `result`; False where one is outside.");
    m.def(
        "extent",
        [](nb::handle given, int64_t threads) {
            const auto [low, high] = extent(given, threads);
            return nb::make_tuple(low, high);
        },
        "The least and the highest of floats.");
}

} // namespace variegate
