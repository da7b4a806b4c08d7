// Exact solvers for small problems in whole numbers. variegate/engine/flow.py is the meaning; the
// answers are the same, also where several are equally good.
#pragma once

#include <cstdint>

namespace variegate {

// An arc of a cut, from one node to another.
struct FlowArc {
    int64_t start;
    int64_t end;
};

// The smallest set of nodes of least cost: the sum of linear (nodes,) over it and of costs (arcs,)
// of arcs that leave it; `chosen` (nodes,) is 1 for its nodes. Sums stay below 2^62.
void min_cut(const int64_t* linear, int64_t nodes, const FlowArc* arcs, const int64_t* costs,
             int64_t count, uint8_t* chosen);

// The row of each column (count,) with the least sum of cost (count, count), one row each.
void assign(const int64_t* cost, int64_t count, int64_t* row_of);

} // namespace variegate
