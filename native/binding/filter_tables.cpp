// The tables of the verbs that look at neighbors: which there are, and what is legal in them.
#include <cmath>
#include <cstdlib>

#include "table_reader.hpp"
#include "variegate/filters.hpp"

namespace variegate {
namespace {

constexpr double largest_sigma = 1e4;

void read_kernels(TableReader& reader, Tables& tables, Used used) {
    int64_t& rows = tables.kernels = -1;
    tables.kernel_bits = reader.read<int32_t>("kernel_bits", rows, {});
    read_list(reader, "kernel", rows, 3, used, tables.kernel_start, tables.kernel);
}

void check_blur(const Tables& tables, int64_t row) {
    const double* numbers = tables.blur + 4 * row;
    if (!is_whole(numbers[0], 0, 1)) refuse("tables.blur", "expected the window 0 or 1");
    if (!(numbers[1] >= 0 && numbers[1] <= largest_sigma))
        refuse("tables.blur", "expected 0 to 1e4 pixels");
    if (!(std::fabs(numbers[2]) <= largest_number && numbers[3] >= 0 &&
          numbers[3] <= largest_number))
        refuse("tables.blur", "expected an amount and a threshold of at most 1e9");
}

void check_kernel(const Tables& tables, int64_t row) {
    if (tables.kernel_bits[row] < 0 || tables.kernel_bits[row] > most_kernel_bits)
        refuse("tables.kernel_bits", "expected 0 to 20 bits");
    int64_t sum = 0;
    for (int64_t t = tables.kernel_start[row]; t < tables.kernel_start[row + 1]; ++t) {
        const int32_t* tap = tables.kernel + 3 * t;
        if (std::abs(int64_t{tap[0]}) > most_reach || std::abs(int64_t{tap[1]}) > most_reach)
            refuse("tables.kernel", "expected taps within 1024 pixels");
        sum += std::abs(int64_t{tap[2]});
    }
    if (sum > most_kernel_sum) refuse("tables.kernel", "expected weights that sum to at most 2^22");
}

void check_tiles(const Tables& tables, int64_t row) {
    const double* numbers = tables.tiles + 3 * row;
    if (!is_whole(numbers[0], 1, most_tiles) || !is_whole(numbers[1], 1, most_tiles))
        refuse("tables.tiles", "expected 1 to 1024 rows and columns");
    if (!(numbers[2] >= 1 && numbers[2] <= largest_number))
        refuse("tables.tiles", "expected a clip of 1 to 1e9");
}

void check_rescale(const Tables& tables, int64_t row) {
    const int32_t* numbers = tables.rescale + 4 * row;
    checked_shape("tables.rescale", numbers[0], numbers[1], 1);
    if (numbers[2] < 0 || numbers[2] > 3 || numbers[3] < 0 || numbers[3] > 2)
        refuse("tables.rescale", "row " + std::to_string(row) + " has no such resampling");
}

void check_zoom(const Tables& tables, int64_t row) {
    const double* numbers = tables.zoom + 2 * row;
    if (!(numbers[0] >= 0 && numbers[0] <= largest_scale) || !is_whole(numbers[1], 1, most_zooms))
        refuse("tables.zoom", "expected a step of 0 to 1e6 and 1 to 256 zooms");
}

void check_scatter(const Tables& tables, int64_t row) {
    const int32_t* numbers = tables.scatter + 2 * row;
    if (numbers[0] < 0 || numbers[0] > most_distance || numbers[1] < 0 || numbers[1] > most_rounds)
        refuse("tables.scatter", "expected 0 to 127 pixels and 0 to 64 rounds");
}

} // namespace

int64_t read_filter(TableReader& reader, Tables& tables, Verb verb, Used used) {
    switch (verb) {
    case Verb::Blur:
        tables.blurs = -1;
        tables.blur = reader.read<double>("blur", tables.blurs, {4});
        return tables.blurs;
    case Verb::Kernel:
        read_kernels(reader, tables, used);
        return tables.kernels;
    case Verb::Median:
        tables.medians = -1;
        tables.median = reader.read<int32_t>("median", tables.medians, {});
        return tables.medians;
    case Verb::Tiles:
        tables.tilings = -1;
        tables.tiles = reader.read<double>("tiles", tables.tilings, {3});
        return tables.tilings;
    case Verb::Rescale:
        tables.rescales = -1;
        tables.rescale = reader.read<int32_t>("rescale", tables.rescales, {4});
        return tables.rescales;
    case Verb::Zoom:
        tables.zooms = -1;
        tables.zoom = reader.read<double>("zoom", tables.zooms, {2});
        return tables.zooms;
    default:
        tables.scatters = -1;
        tables.scatter = reader.read<int32_t>("scatter", tables.scatters, {2});
        tables.scatter_key = reader.read<uint64_t>("scatter_key", tables.scatters, {});
        return tables.scatters;
    }
}

void check_filter(const Tables& tables, Verb verb, int64_t row) {
    switch (verb) {
    case Verb::Blur:
        return check_blur(tables, row);
    case Verb::Kernel:
        return check_kernel(tables, row);
    case Verb::Median:
        if (tables.median[row] < 0 || tables.median[row] > most_radius)
            refuse("tables.median", "expected a radius of 0 to 128");
        return;
    case Verb::Tiles:
        return check_tiles(tables, row);
    case Verb::Rescale:
        return check_rescale(tables, row);
    case Verb::Zoom:
        return check_zoom(tables, row);
    case Verb::Scatter:
        return check_scatter(tables, row);
    default:
        return;
    }
}

} // namespace variegate
