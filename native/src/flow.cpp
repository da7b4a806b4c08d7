// A minimum cut by shortest ways (Dinic 1970) and an assignment by shortest ways (Kuhn 1955).
#include "variegate/flow.hpp"

#include <algorithm>
#include <cstddef>
#include <vector>

namespace variegate {
namespace {

// Nodes with what each still gives (above 0) or takes (below 0), and links in pairs: the reverse of
// link l is at back[l].
class Network {
  public:
    Network(const int64_t* linear, int64_t nodes, const FlowArc* arcs, const int64_t* costs,
            int64_t count)
        : nodes_(static_cast<size_t>(nodes)), left_(nodes_), far_(nodes_), tried_(nodes_) {
        for (size_t i = 0; i < nodes_; ++i) left_[i] = -linear[i];
        link(arcs, costs, count);
        waiting_.reserve(nodes_);
    }

    // Fills shortest ways until none is left; the nodes that can still be reached are the cut.
    void fill(uint8_t* chosen) {
        while (find_distances())
            for (size_t node = 0; node < nodes_; ++node)
                while (left_[node] > 0 && push_from(node)) {
                }
        for (size_t i = 0; i < nodes_; ++i) chosen[i] = far_[i] >= 0 ? 1 : 0;
    }

  private:
    struct Link {
        size_t low, high;
        int64_t up, down; // room from low to high, and from high to low
    };

    // Arcs between the same two nodes, in either direction, become one pair of links.
    void link(const FlowArc* arcs, const int64_t* costs, int64_t count) {
        std::vector<Link> links;
        for (int64_t a = 0; a < count; ++a) {
            const auto start = static_cast<size_t>(arcs[a].start);
            const auto end = static_cast<size_t>(arcs[a].end);
            if (costs[a] == 0 || start == end) continue;
            if (start < end)
                links.push_back({start, end, costs[a], 0});
            else
                links.push_back({end, start, 0, costs[a]});
        }
        std::sort(links.begin(), links.end(), [](const Link& one, const Link& other) {
            return one.low != other.low ? one.low < other.low : one.high < other.high;
        });
        size_t kept = 0;
        for (const Link& each : links) {
            if (kept && links[kept - 1].low == each.low && links[kept - 1].high == each.high) {
                links[kept - 1].up += each.up;
                links[kept - 1].down += each.down;
            } else {
                links[kept++] = each;
            }
        }
        links.resize(kept);
        first_.assign(nodes_ + 1, 0);
        for (const Link& each : links) ++first_[each.low + 1], ++first_[each.high + 1];
        for (size_t i = 0; i < nodes_; ++i) first_[i + 1] += first_[i];
        std::vector<size_t> next(first_.begin(), first_.end() - 1);
        head_.resize(2 * kept);
        back_.resize(2 * kept);
        room_.resize(2 * kept);
        for (const Link& each : links) {
            const size_t there = next[each.low]++, again = next[each.high]++;
            head_[there] = each.high, head_[again] = each.low;
            room_[there] = each.up, room_[again] = each.down;
            back_[there] = again, back_[again] = there;
        }
    }

    // How far each node is from those that give, -1 where nothing reaches it; whether any that
    // takes is reached.
    bool find_distances() {
        std::fill(far_.begin(), far_.end(), -1);
        std::copy(first_.begin(), first_.end() - 1, tried_.begin());
        waiting_.clear();
        for (size_t i = 0; i < nodes_; ++i)
            if (left_[i] > 0) {
                far_[i] = 0;
                waiting_.push_back(i);
            }
        bool found = false;
        for (size_t place = 0; place < waiting_.size(); ++place) {
            const size_t node = waiting_[place];
            found = found || left_[node] < 0;
            for (size_t l = first_[node]; l < first_[node + 1]; ++l)
                if (room_[l] > 0 && far_[head_[l]] < 0) {
                    far_[head_[l]] = far_[node] + 1;
                    waiting_.push_back(head_[l]);
                }
        }
        return found;
    }

    // Sends as much as one shortest way takes; whether there was one.
    bool push_from(size_t source) {
        path_.clear();
        size_t node = source;
        while (left_[node] >= 0) {
            size_t& l = tried_[node];
            while (l < first_[node + 1] && !(room_[l] > 0 && far_[head_[l]] == far_[node] + 1)) ++l;
            if (l < first_[node + 1]) {
                path_.push_back(l);
                node = head_[l];
            } else if (path_.empty()) {
                return false;
            } else {
                node = head_[back_[path_.back()]];
                path_.pop_back();
                ++tried_[node];
            }
        }
        int64_t amount = std::min(left_[source], -left_[node]);
        for (const size_t l : path_) amount = std::min(amount, room_[l]);
        for (const size_t l : path_) {
            room_[l] -= amount;
            room_[back_[l]] += amount;
        }
        left_[source] -= amount;
        left_[node] += amount;
        return true;
    }

    size_t nodes_;
    std::vector<int64_t> left_;
    std::vector<int64_t> far_;
    std::vector<size_t> tried_;
    std::vector<size_t> first_, head_, back_;
    std::vector<int64_t> room_;
    std::vector<size_t> waiting_, path_;
};

} // namespace

void min_cut(const int64_t* linear, int64_t nodes, const FlowArc* arcs, const int64_t* costs,
             int64_t count, uint8_t* chosen) {
    Network(linear, nodes, arcs, costs, count).fill(chosen);
}

void assign(const int64_t* cost, int64_t count, int64_t* row_of) {
    constexpr int64_t far = int64_t{1} << 62;
    const auto size = static_cast<size_t>(count);
    std::vector<int64_t> row_price(size, 0), column_price(size + 1, 0), least(size);
    std::vector<int64_t> owner(size + 1, -1); // the last column is where a new row starts
    std::vector<size_t> before(size);
    std::vector<uint8_t> done(size);
    for (int64_t row = 0; row < count; ++row) {
        std::fill(least.begin(), least.end(), far);
        std::fill(before.begin(), before.end(), size);
        std::fill(done.begin(), done.end(), uint8_t{0});
        owner[size] = row;
        size_t column = size;
        while (owner[column] >= 0) {
            if (column < size) done[column] = 1;
            const int64_t own = owner[column];
            const int64_t* costs = cost + own * count;
            const int64_t price = row_price[static_cast<size_t>(own)];
            int64_t step = far;
            size_t nearest = 0;
            for (size_t j = 0; j < size; ++j) {
                if (done[j]) continue;
                const int64_t apart = costs[j] - price - column_price[j];
                if (apart < least[j]) least[j] = apart, before[j] = column;
                if (least[j] < step) step = least[j], nearest = j;
            }
            for (size_t j = 0; j < size; ++j) {
                if (done[j]) {
                    row_price[static_cast<size_t>(owner[j])] += step;
                    column_price[j] -= step;
                } else {
                    least[j] -= step;
                }
            }
            row_price[static_cast<size_t>(row)] += step;
            column = nearest;
        }
        while (column != size) {
            owner[column] = owner[before[column]];
            column = before[column];
        }
    }
    std::copy(owner.begin(), owner.end() - 1, row_of);
}

} // namespace variegate
