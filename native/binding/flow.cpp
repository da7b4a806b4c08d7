// The solvers of variegate/engine/flow.py as Python calls them.
#include "variegate/flow.hpp"

#include <cstdlib>

#include "arguments.hpp"

namespace nb = nanobind;

namespace variegate {
namespace {

constexpr int64_t largest = int64_t{1} << 60; // of a sum of numbers
constexpr int64_t most_nodes = 1 << 24;
constexpr int64_t most_rows = 1 << 14;

// Adds the size of a number to a sum, which must stay within bounds.
void add(int64_t& sum, int64_t value, const char* name) {
    if (value < -largest || value > largest || (sum += std::llabs(value)) > largest)
        refuse(name, "expected numbers that sum to at most 2^60");
}

void cut(nb::handle given_linear, nb::handle given_arcs, nb::handle given_costs,
         nb::handle result) {
    Arrays held;
    const auto* linear = packed<int64_t>(held, given_linear, "linear", {-1});
    const int64_t nodes = held.back().length(0);
    const auto* ends = packed<int64_t>(held, given_arcs, "arcs", {-1, 2});
    const int64_t count = held.back().length(0);
    const auto* costs = packed<int64_t>(held, given_costs, "costs", {count});
    auto* chosen = packed<bool>(held, result, "result", {nodes}, true);
    if (nodes > most_nodes || count > most_nodes) refuse("linear", "expected at most 2^24 nodes");
    int64_t sum = 0;
    for (int64_t i = 0; i < nodes; ++i) add(sum, linear[i], "linear");
    for (int64_t a = 0; a < count; ++a) {
        for (const int64_t end : {ends[2 * a], ends[2 * a + 1]})
            if (end < 0 || end >= nodes)
                refuse("arcs", "row " + std::to_string(a) + " has no such node");
        // What is far above all sums of the rest only means never.
        if (costs[a] < 0 || costs[a] > largest) refuse("costs", "expected numbers of 0 to 2^60");
    }
    const nb::gil_scoped_release unlocked;
    min_cut(linear, nodes, reinterpret_cast<const FlowArc*>(ends), costs, count,
            reinterpret_cast<uint8_t*>(chosen));
}

void assignment(nb::handle given, nb::handle result) {
    Arrays held;
    auto* row_of = packed<int64_t>(held, result, "result", {-1}, true);
    const int64_t count = held.back().length(0);
    const auto* cost = packed<int64_t>(held, given, "cost", {count, count});
    if (count > most_rows) refuse("cost", "expected at most 16384 rows");
    for (int64_t i = 0; i < count * count; ++i)
        if (cost[i] < -(largest >> 16) || cost[i] > largest >> 16)
            refuse("cost", "expected numbers of at most 2^44");
    const nb::gil_scoped_release unlocked;
    assign(cost, count, row_of);
}

} // namespace

void define_flow(nb::module_& m);

void define_flow(nb::module_& m) {
    m.def("min_cut", &cut, "Writes into `result` which nodes are in the smallest minimum cut.");
    m.def("assign", &assignment, "Writes the row of each column of the best assignment.");
}

} // namespace variegate
