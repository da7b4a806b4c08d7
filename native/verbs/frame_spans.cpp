// Which columns of a straight map's rows are inside the frame: all rows side by side.
#include "variegate/frame_spans.hpp"

#include <algorithm>
#include <cmath>

namespace variegate::inline VARIEGATE_TARGET {
namespace {

// A guess is a few roundings of numbers below 2^20 off, divided by a slope of at least 2^-10: less
// than this.
constexpr double doubt = 1e-4;
constexpr int together = 64; // rows

bool is_mild(const Rise& rise, double bound, int rows, int columns) {
    constexpr double large = 1 << 20, flat = 1.0 / 1024;
    const double reach =
        std::fabs(rise.offset) + std::fabs(rise.down) * rows + std::fabs(rise.slope) * columns;
    return std::fabs(rise.slope) >= flat && reach < large;
}

// By how many columns a guess of the first one beyond a bound must move: at most one, which may not
// be enough. Without branches, so that rows go side by side.
template <bool Rising>
double off_by(double guess, double most, double slope, double start, double bound) {
    const auto beyond = [bound](double value) {
        return (Rising ? value >= bound : value < bound) ? 1.0 : 0.0;
    };
    const double before = beyond(slope * (guess - 0.5) + start);
    const double here = beyond(slope * (guess + 0.5) + start);
    return (guess < most ? 1 - here : 0.0) - (guess > 0 ? before : 0.0);
}

// The first column of each row from which on its coordinate has passed a bound: guessed and, where
// a guess is near a whole number, set right on the coordinates themselves. False where it is off by
// more than one column.
template <bool Rising>
bool first_beyond(const Rise& rise, double bound, int rows, int columns, int32_t* found) {
    const double slope = rise.slope, down = rise.down, offset = rise.offset;
    const double turn = 1 / slope, most = columns;
    double near = 0, guesses[together];
    for (int first = 0; first < rows; first += together) {
        const int count = std::min(together, rows - first);
#pragma omp simd
        for (int i = 0; i < count; ++i) {
            const double start = down * (first + i + 0.5) + offset;
            guesses[i] = clip((bound - (slope * 0.5 + start)) * turn, -0.5, most + 0.5);
        }
#pragma omp simd reduction(+ : near)
        for (int i = 0; i < count; ++i) {
            const auto whole = static_cast<int32_t>(guesses[i] + 1);
            const double ahead = whole - guesses[i]; // above 0 and at most 1
            near += std::fabs(ahead - 0.5) > 0.5 - doubt ? 1.0 : 0.0;
            found[first + i] = std::min(whole, columns);
        }
    }
    if (near == 0 && is_mild(rise, bound, rows, columns)) return true;
    double wrong = 0;
#pragma omp simd reduction(+ : wrong)
    for (int i = 0; i < rows; ++i) {
        const double start = down * (i + 0.5) + offset, guess = found[i];
        const double j = guess + off_by<Rising>(guess, most, slope, start, bound);
        wrong += std::fabs(off_by<Rising>(j, most, slope, start, bound));
        found[i] = static_cast<int32_t>(j);
    }
    return wrong == 0;
}

// The same column by column.
void search_beyond(const Rise& rise, double bound, int rows, int columns, int32_t* found) {
    const bool rising = rise.slope > 0;
    for (int i = 0; i < rows; ++i) {
        const Line line = rise.line(i);
        int j = 0;
        while (j < columns && (line.at(j) >= bound) != rising) ++j;
        found[i] = j;
    }
}

// Narrows each row's columns [from, to) to those with 0 <= coordinate < high. room: for as many
// columns.
void narrow(const Rise& rise, double high, int rows, int columns, int32_t* from, int32_t* to,
            int32_t* room) {
    if (rise.slope == 0) {
        for (int i = 0; i < rows; ++i) {
            const double value = rise.line(i).at(0);
            if (!(value >= 0 && value < high)) to[i] = from[i];
        }
        return;
    }
    const bool rising = rise.slope > 0;
    const auto find = [&](double bound) {
        const auto quick = rising ? first_beyond<true> : first_beyond<false>;
        if (!quick(rise, bound, rows, columns, room))
            search_beyond(rise, bound, rows, columns, room);
    };
    find(rising ? 0 : high);
    for (int i = 0; i < rows; ++i) from[i] = std::max(from[i], room[i]);
    find(rising ? high : 0);
    for (int i = 0; i < rows; ++i) to[i] = std::max(from[i], std::min(to[i], room[i]));
}

} // namespace

void find_inside(const Warp& warp, Shape frame, int32_t* from, int32_t* to, int32_t* room) {
    std::fill_n(from, warp.height, 0);
    std::fill_n(to, warp.height, warp.width);
    narrow(along_x(warp), frame.width, warp.height, warp.width, from, to, room);
    narrow(along_y(warp), frame.height, warp.height, warp.width, from, to, room);
}

} // namespace variegate::inline VARIEGATE_TARGET
