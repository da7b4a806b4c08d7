#include "variegate/lowering.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <numeric>
#include <vector>

namespace variegate {
namespace {

// A known number of values; std::copy_n calls the C library for each nine.
template <int Count, class T> void copy(const T* from, T* to) {
    std::memcpy(to, from, Count * sizeof(T));
}

constexpr double eye[9] = {1, 0, 0, 0, 1, 0, 0, 0, 1};

// a @ b, with the sums in the order of geometry.product.
void multiply(const double* a, const double* b, double* out) {
    for (int i = 0; i < 9; i += 3)
        for (int j = 0; j < 3; ++j)
            out[i + j] = a[i] * b[j] + a[i + 1] * b[3 + j] + a[i + 2] * b[6 + j];
}

// Places in order of their position, equal ones as they come.
std::vector<int64_t> by_position(const int64_t* position, int64_t count) {
    std::vector<int64_t> order(static_cast<size_t>(count));
    std::iota(order.begin(), order.end(), 0);
    if (std::is_sorted(position, position + count)) return order;
    const auto [low, high] = std::minmax_element(position, position + count);
    if (*low < 0 || *high >= 4 * count) { // too few of many positions to count each
        std::stable_sort(order.begin(), order.end(),
                         [&](int64_t a, int64_t b) { return position[a] < position[b]; });
        return order;
    }
    std::vector<int64_t> next(static_cast<size_t>(*high) + 2); // where each position's begin
    for (int64_t i = 0; i < count; ++i) ++next[static_cast<size_t>(position[i]) + 1];
    std::partial_sum(next.begin(), next.end(), next.begin());
    for (int64_t i = 0; i < count; ++i)
        order[static_cast<size_t>(next[static_cast<size_t>(position[i])]++)] = i;
    return order;
}

class Composer {
  public:
    Composer(const Moves& moves, const Pending& pending, const Manners& manners, WarpRows out)
        : moves_(moves), pending_(pending), manners_(manners), out_(out) {}

    // The run of a sample so far ends where the next op resamples otherwise.
    void end_clash(int64_t move) {
        const int64_t row = moves_.rows[move];
        if (pending_.waits[row] && together(row, move) < 0) end(row, moves_.position[move]);
    }

    void join(int64_t move) {
        const int64_t row = moves_.rows[move], pick = moves_.pick[move];
        const double *forward = moves_.forward + 9 * pick, *backward = moves_.backward + 9 * pick;
        double *ahead = pending_.forward + 9 * row, *back = pending_.backward + 9 * row;
        if (pending_.waits[row]) {
            pending_.manner[row] = together(row, move);
            double run[9];
            multiply(forward, ahead, run);
            copy<9>(run, ahead);
            multiply(back, backward, run);
            copy<9>(run, back);
        } else {
            pending_.manner[row] = moves_.manner[move];
            copy<9>(forward, ahead);
            copy<9>(backward, back);
        }
        copy<2>(moves_.size + 2 * pick, pending_.size + 2 * row);
        pending_.waits[row] = true;
    }

    void end(int64_t row, int64_t turn) {
        if (!pending_.waits[row]) return;
        pending_.waits[row] = false;
        const double* forward = pending_.forward + 9 * row;
        const int64_t* size = pending_.size + 2 * row;
        int64_t* start = pending_.start_size + 2 * row;
        const bool still =
            std::equal(forward, forward + 9, eye) && std::equal(size, size + 2, start);
        copy<2>(size, start);
        if (!still) emit(row, turn);
    }

    int64_t emitted() const { return count_; }

  private:
    int64_t together(int64_t row, int64_t move) const {
        return manners_.together[pending_.manner[row] * manners_.count + moves_.manner[move]];
    }

    void emit(int64_t row, int64_t turn) {
        const int64_t at = count_++, manner = pending_.manner[row];
        const int64_t* size = pending_.size + 2 * row;
        out_.rows[at] = row;
        out_.turn[at] = turn;
        copy<9>(pending_.backward + 9 * row, out_.matrix + 9 * at);
        copy<9>(pending_.forward + 9 * row, out_.forward + 9 * at);
        for (int k = 0; k < 2; ++k)
            out_.size[2 * at + k] = out_.field_size[2 * at + k] = static_cast<int32_t>(size[k]);
        copy<4>(manners_.mode + 4 * manner, out_.mode + 4 * at);
        copy<16>(manners_.fill + 16 * manner, out_.fill + 16 * at);
    }

    const Moves& moves_;
    const Pending& pending_;
    const Manners& manners_;
    WarpRows out_;
    int64_t count_ = 0;
};

void invert_one(const double* m, double* out) {
    const double a = m[0], b = m[1], c = m[2], d = m[3], e = m[4], f = m[5];
    const double g = m[6], h = m[7], i = m[8];
    const double cofactors[9] = {e * i - f * h, c * h - b * i, b * f - c * e,
                                 f * g - d * i, a * i - c * g, c * d - a * f,
                                 d * h - e * g, b * g - a * h, a * e - b * d};
    const double determinant = a * cofactors[0] + b * cofactors[3] + c * cofactors[6];
    for (int k = 0; k < 9; ++k) out[k] = cofactors[k] / determinant;
    const double scale = std::fabs(out[8]), divisor = scale > 0 ? scale : 1.0;
    for (int k = 0; k < 9; ++k) out[k] /= divisor;
}

} // namespace

int64_t compose(const Moves& moves, const Ends& ends, const Pending& pending,
                const Manners& manners, WarpRows out) {
    const auto joining = by_position(moves.position, moves.count);
    const auto ending = by_position(ends.position, ends.count);
    Composer composer(moves, pending, manners, out);
    size_t move = 0, end = 0;
    while (move < joining.size() || end < ending.size()) {
        int64_t position = INT64_MAX;
        if (move < joining.size()) position = moves.position[joining[move]];
        if (end < ending.size()) position = std::min(position, ends.position[ending[end]]);
        size_t last = move;
        while (last < joining.size() && moves.position[joining[last]] == position)
            composer.end_clash(joining[last++]);
        while (move < last) composer.join(joining[move++]);
        for (; end < ending.size() && ends.position[ending[end]] == position; ++end)
            composer.end(ends.rows[ending[end]], position);
    }
    return composer.emitted();
}

void invert(const double* matrices, int64_t count, double* out) {
    for (int64_t i = 0; i < count; ++i) invert_one(matrices + 9 * i, out + 9 * i);
}

void order_entries(const EntryPart* parts, int64_t count, int64_t samples, int64_t* start,
                   int32_t* verb, int64_t* row) {
    std::fill_n(start, samples + 1, 0);
    for (int64_t p = 0; p < count; ++p)
        for (int64_t i = 0; i < parts[p].count; ++i) ++start[parts[p].samples[i] + 1];
    std::partial_sum(start, start + samples + 1, start);
    std::vector<int64_t> turns(static_cast<size_t>(start[samples])), ends(start, start + samples);
    for (int64_t p = 0; p < count; ++p) {
        const EntryPart& part = parts[p];
        for (int64_t i = 0; i < part.count; ++i) {
            const int64_t sample = part.samples[i], turn = part.turn[i];
            int64_t place = ends[static_cast<size_t>(sample)]++;
            for (; place > start[sample] && turns[static_cast<size_t>(place - 1)] > turn; --place) {
                turns[static_cast<size_t>(place)] = turns[static_cast<size_t>(place - 1)];
                verb[place] = verb[place - 1];
                row[place] = row[place - 1];
            }
            turns[static_cast<size_t>(place)] = turn;
            verb[place] = part.verb;
            row[place] = part.first + (part.rows ? part.rows[i] : i);
        }
    }
}

} // namespace variegate
