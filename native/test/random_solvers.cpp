// Random cuts and assignments, for the sanitizers, against all answers of small problems.
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <numeric>
#include <vector>

#include "dice.hpp"
#include "variegate/flow.hpp"

using namespace variegate;

namespace {

using Numbers = std::vector<int64_t>;

int64_t cost_of(const Numbers& linear, const std::vector<FlowArc>& arcs, const Numbers& costs,
                const std::vector<uint8_t>& chosen) {
    int64_t sum = 0;
    for (size_t i = 0; i < linear.size(); ++i) sum += chosen[i] ? linear[i] : 0;
    for (size_t a = 0; a < arcs.size(); ++a) {
        const auto start = static_cast<size_t>(arcs[a].start);
        const auto end = static_cast<size_t>(arcs[a].end);
        if (chosen[start] && !chosen[end]) sum += costs[a];
    }
    return sum;
}

void one_cut(Dice& dice, int call) {
    const auto nodes = static_cast<size_t>(dice.whole<int64_t>(0, call % 50 ? 8 : 300));
    const int64_t reach = dice.whole<int64_t>(1, 40);
    Numbers linear(nodes), costs;
    std::vector<FlowArc> arcs;
    for (auto& own : linear) own = dice.whole<int64_t>(-reach, reach);
    for (int64_t n = nodes ? dice.whole<int64_t>(0, static_cast<int64_t>(3 * nodes)) : 0; n > 0;
         --n) {
        const auto last = static_cast<int64_t>(nodes) - 1;
        arcs.push_back({dice.whole<int64_t>(0, last), dice.whole<int64_t>(0, last)});
        costs.push_back(dice.whole<int64_t>(0, 12));
    }
    std::vector<uint8_t> chosen(nodes, 7);
    min_cut(linear.data(), static_cast<int64_t>(nodes), arcs.data(), costs.data(),
            static_cast<int64_t>(arcs.size()), chosen.data());
    for (const uint8_t each : chosen) check(each <= 1, "a node is neither in nor out", call);
    if (nodes > 8) return;
    const int64_t found = cost_of(linear, arcs, costs, chosen);
    const auto members = std::count(chosen.begin(), chosen.end(), 1);
    for (int set = 0; set < 1 << nodes; ++set) {
        std::vector<uint8_t> other(nodes);
        for (size_t i = 0; i < nodes; ++i) other[i] = set >> i & 1;
        const int64_t cost = cost_of(linear, arcs, costs, other);
        check(cost >= found, "a cheaper cut", call);
        check(cost > found || std::count(other.begin(), other.end(), 1) >= members, "a smaller cut",
              call);
    }
}

void one_assignment(Dice& dice, int call) {
    const auto count = static_cast<size_t>(dice.whole<int64_t>(0, call % 50 ? 6 : 90));
    const int64_t reach = dice.whole<int64_t>(0, 40);
    Numbers cost(count * count), rows(count);
    for (auto& own : cost) own = dice.whole<int64_t>(-reach, reach);
    assign(cost.data(), static_cast<int64_t>(count), rows.data());
    Numbers order(count);
    std::iota(order.begin(), order.end(), 0);
    check(std::is_permutation(rows.begin(), rows.end(), order.begin()), "a row twice", call);
    if (count > 6) return;
    const auto total = [&](const Numbers& of) {
        int64_t sum = 0;
        for (size_t j = 0; j < count; ++j) sum += cost[static_cast<size_t>(of[j]) * count + j];
        return sum;
    };
    const int64_t found = total(rows);
    do check(total(order) >= found, "a cheaper assignment", call);
    while (std::next_permutation(order.begin(), order.end()));
}

} // namespace

int main(int count, char** arguments) {
    const int calls = count > 1 ? std::atoi(arguments[1]) : 2000;
    const int seed = count > 2 ? std::atoi(arguments[2]) : 13;
    Dice dice{std::mt19937_64(static_cast<uint64_t>(seed))};
    for (int call = 0; call < calls; ++call) {
        one_cut(dice, call);
        one_assignment(dice, call);
    }
    std::printf("%d calls\n", calls);
}
