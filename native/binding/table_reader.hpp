// Reading the tables of a stage, for all files that read some.
#pragma once

#include <algorithm>
#include <cmath>

#include "arguments.hpp"

namespace variegate {

// A verb's tables must have one number of rows; the first one read says how many.
class TableReader {
  public:
    TableReader(Arrays& held, nanobind::handle tables) : held_(held), tables_(tables) {}

    template <class T>
    const T* read(const char* name, int64_t& rows, std::initializer_list<int64_t> trailing) {
        const nanobind::object array = nanobind::getattr(tables_, name, nanobind::none());
        if (trailing.size() == 0) return take<T>(array, name, rows, {rows});
        const int64_t second = *trailing.begin();
        if (trailing.size() == 1) return take<T>(array, name, rows, {rows, second});
        const auto* more = trailing.begin();
        return take<T>(array, name, rows, {rows, more[0], more[1], more[2]});
    }
    const Array& last() const { return held_.back(); }

  private:
    template <class T>
    const T* take(nanobind::handle array, const char* name, int64_t& rows,
                  std::initializer_list<int64_t> lengths) {
        const T* data = packed<T>(held_, array, std::string("tables.") + name, lengths);
        if (rows < 0) rows = held_.back().length(0);
        return data;
    }

    Arrays& held_;
    nanobind::handle tables_;
};

// The rows of a table from the first to the last that a call uses: tables may be shared with
// thousands of samples of other calls, so only these are looked at.
struct Used {
    int64_t first = INT64_MAX, last = -1;

    void add(int64_t row) {
        first = std::min(first, row);
        last = std::max(last, row);
    }
    // One past the last that there is.
    int64_t end(int64_t rows) const { return std::min(last + 1, rows); }
    // What lies in their lists.
    Used of(const int64_t* start, int64_t rows) const {
        if (first >= end(rows)) return {};
        return {start[first], start[end(rows)] - 1};
    }
};

// A table of variable length: `start` has one more than the verb's rows.
template <class T>
void read_list(TableReader& reader, const std::string& name, int64_t rows, int64_t width, Used used,
               const int64_t*& start, const T*& list) {
    int64_t starts = rows + 1, count = -1;
    start = reader.read<int64_t>((name + "_start").c_str(), starts, {});
    list = reader.read<T>(name.c_str(), count, {width});
    for (int64_t i = used.first; i < used.end(rows); ++i)
        if (start[i] < 0 || start[i + 1] < start[i] || start[i + 1] > count)
            refuse("tables." + name + "_start", "expected rising places in tables." + name);
}

inline bool is_whole(double value, double low, double high) {
    return value >= low && value <= high && value == std::floor(value);
}

constexpr double largest_number = 1e9;
constexpr double largest_scale = 1e6;

// Of the verbs that look at neighbors: the rows of the verb's tables, read at the verb's first use,
// and the check of one row, which is known to exist.
int64_t read_filter(TableReader& reader, Tables& tables, Verb verb, Used used);
void check_filter(const Tables& tables, Verb verb, int64_t row);

} // namespace variegate
