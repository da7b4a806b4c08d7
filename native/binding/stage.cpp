// Reads and checks a stage: tables of the verbs in use, rows in range, legal numbers, shapes that
// fit the results.
#include <cmath>

#include "table_reader.hpp"
#include "variegate/verbs.hpp"

namespace nb = nanobind;

namespace variegate {
namespace {

constexpr double largest_noise = 1e3;
constexpr double largest_amount = 1e4;

void read_warp(TableReader& reader, Tables& tables, Used used) {
    int64_t& rows = tables.warps = -1;
    tables.warp_matrix = reader.read<double>("warp_matrix", rows, {9});
    tables.warp_before = reader.read<double>("warp_before", rows, {9});
    tables.warp_size = reader.read<int32_t>("warp_size", rows, {2});
    tables.warp_field_size = reader.read<int32_t>("warp_field_size", rows, {2});
    tables.warp_mode = reader.read<int32_t>("warp_mode", rows, {4});
    tables.warp_fill = reader.read<float>("warp_fill", rows, {max_channels});
    bool bent = false;
    for (int64_t i = used.first; i < used.end(rows); ++i)
        bent = bent || tables.warp_mode[4 * i + 3] >= 0;
    if (!bent) return;
    int64_t fields = -1;
    tables.fields = reader.read<double>("fields", fields, {-1, -1, 2});
    tables.field_count = fields;
    const int64_t nodes_y = reader.last().length(1), nodes_x = reader.last().length(2);
    if (nodes_y < 2 || nodes_x < 2 || nodes_y > 1 << 20 || nodes_x > 1 << 20)
        refuse("tables.fields", "expected at least 2 nodes a side");
    if (nodes_y * nodes_x >= INT32_MAX / 4) refuse("tables.fields", "too many nodes");
    tables.nodes_y = static_cast<int>(nodes_y);
    tables.nodes_x = static_cast<int>(nodes_x);
}

void read_rectangles(TableReader& reader, Tables& tables, Used used) {
    int64_t& rows = tables.rectangle_rows = -1;
    tables.rectangles_fill = reader.read<float>("rectangles_fill", rows, {max_channels});
    tables.rectangles_noise = reader.read<uint64_t>("rectangles_noise", rows, {});
    read_list(reader, "rectangles", rows, 4, used, tables.rectangles_start, tables.rectangles);
}

void read_shapes(TableReader& reader, Tables& tables, Used used) {
    int64_t& rows = tables.shape_rows = -1;
    tables.shapes_gain = reader.read<float>("shapes_gain", rows, {max_channels});
    tables.shapes_shift = reader.read<float>("shapes_shift", rows, {max_channels});
    tables.shapes_outside = reader.read<int32_t>("shapes_outside", rows, {});
    read_list(reader, "shapes", rows, 8, used, tables.shapes_start, tables.shapes);
    const auto last = static_cast<double>(ShapeKind::Edge);
    const Used items = used.of(tables.shapes_start, rows);
    for (int64_t n = items.first; n <= items.last; ++n) {
        const double* row = tables.shapes + 8 * n;
        if (!(row[0] >= 0 && row[0] <= last && row[0] == std::floor(row[0])))
            refuse("tables.shapes", "row " + std::to_string(n) + " has no such kind");
        for (int k = 1; k < 8; ++k)
            if (!(std::fabs(row[k]) <= largest_number))
                refuse("tables.shapes", "expected finite numbers of at most 1e9");
        if (!(row[2] > 0)) refuse("tables.shapes", "expected a softness above 0");
        const bool flat =
            row[0] == static_cast<double>(ShapeKind::Gauss) && !(row[5] > 0 && row[6] > 0);
        if (flat) refuse("tables.shapes", "expected sigmas above 0");
    }
}

void read_match(TableReader& reader, Tables& tables, Used used) {
    int64_t& rows = tables.matches = -1;
    tables.match = reader.read<double>("match", rows, {});
    read_list(reader, "match_counts", rows, levels, used, tables.match_counts_start,
              tables.match_counts);
    const Used items = used.of(tables.match_counts_start, rows);
    for (int64_t n = items.first; n <= items.last; ++n) {
        int64_t total = 0;
        for (int v = 0; v < levels; ++v) {
            const int32_t own = tables.match_counts[levels * n + v];
            if (own < 0) refuse("tables.match_counts", "expected counts of at least 0");
            total += own;
        }
        if (total == 0) refuse("tables.match_counts", "expected a count above 0 in each row");
    }
}

void read_lookup(TableReader& reader, Tables& tables, Kind kind) {
    int64_t& rows = tables.lookups = -1;
    if (kind == Kind::Uint8)
        tables.lookup = reader.read<uint8_t>("lookup", rows, {levels});
    else
        tables.lookup = reader.read<float>("lookup", rows, {knots});
}

// The rows of the verb's tables, which are read at the verb's first use.
int64_t read_verb(TableReader& reader, Tables& tables, Verb verb, Kind kind, Used used) {
    switch (verb) {
    case Verb::Warp:
        read_warp(reader, tables, used);
        return tables.warps;
    case Verb::Lookup:
        read_lookup(reader, tables, kind);
        return tables.lookups;
    case Verb::Channels:
        tables.channel_rows = -1;
        tables.channels = reader.read<double>("channels", tables.channel_rows, {12});
        return tables.channel_rows;
    case Verb::Toward:
        tables.towards = -1;
        tables.toward = reader.read<float>("toward", tables.towards, {});
        return tables.towards;
    case Verb::Measure:
        tables.measures = -1;
        tables.measure = reader.read<double>("measure", tables.measures, {4});
        return tables.measures;
    case Verb::Smooth:
        tables.smooths = -1;
        tables.smooth = reader.read<float>("smooth", tables.smooths, {});
        return tables.smooths;
    case Verb::Rectangles:
        read_rectangles(reader, tables, used);
        return tables.rectangle_rows;
    case Verb::Grid:
        tables.grids = -1;
        tables.grid = reader.read<double>("grid", tables.grids, {6});
        tables.grid_fill = reader.read<float>("grid_fill", tables.grids, {max_channels});
        return tables.grids;
    case Verb::Shapes:
        read_shapes(reader, tables, used);
        return tables.shape_rows;
    case Verb::Lightness:
        tables.lightness_rows = -1;
        tables.lightness = reader.read<double>("lightness", tables.lightness_rows, {2});
        return tables.lightness_rows;
    case Verb::Match:
        read_match(reader, tables, used);
        return tables.matches;
    case Verb::Spectrum:
        tables.spectra = -1;
        tables.spectrum = reader.read<double>("spectrum", tables.spectra, {});
        read_list(reader, "amplitudes", tables.spectra, 2 * spectrum_reach + 1, used,
                  tables.amplitudes_start, tables.amplitudes);
        return tables.spectra;
    case Verb::Hsv:
        tables.hsv_rows = -1;
        tables.hsv = reader.read<double>("hsv", tables.hsv_rows, {5});
        return tables.hsv_rows;
    case Verb::Pick:
        tables.picks = -1;
        tables.pick = reader.read<int32_t>("pick", tables.picks, {max_channels});
        tables.pick_fill = reader.read<float>("pick_fill", tables.picks, {max_channels});
        return tables.picks;
    case Verb::Cells:
        tables.cell_rows = -1;
        reader.read<int32_t>("cells_size", tables.cell_rows, {2});
        read_list(reader, "cells", tables.cell_rows, 6, used, tables.cells_start, tables.cells);
        return tables.cell_rows;
    case Verb::Noise:
        tables.noises = -1;
        tables.noise = reader.read<double>("noise", tables.noises, {4});
        tables.noise_fill = reader.read<float>("noise_fill", tables.noises, {max_channels});
        tables.noise_key = reader.read<uint64_t>("noise_key", tables.noises, {});
        return tables.noises;
    case Verb::Codec:
        tables.codecs = -1;
        tables.codec = reader.read<int32_t>("codec", tables.codecs, {2});
        return tables.codecs;
    case Verb::Luma:
        return INT64_MAX; // it has no numbers
    default:
        return read_filter(reader, tables, verb, used);
    }
}

void check_matrix(const double* matrix, const char* name) {
    for (int k = 0; k < 9; ++k)
        if (!(std::fabs(matrix[k]) <= largest_number))
            refuse(std::string("tables.") + name, "expected finite numbers of at most 1e9");
}

void check_warp(const Tables& tables, int64_t row) {
    const int32_t* mode = tables.warp_mode + 4 * row;
    const int32_t* size = tables.warp_size + 2 * row;
    const bool legal = mode[0] >= 0 && mode[0] <= 2 && mode[1] >= 0 && mode[1] <= 3 &&
                       (mode[2] == 0 || mode[2] == 1) && mode[3] >= -1 &&
                       mode[3] < tables.field_count;
    if (!legal) refuse("tables.warp_mode", "row " + std::to_string(row) + " is not legal");
    checked_shape("tables.warp_size", size[0], size[1], 1);
    check_matrix(tables.warp_matrix + 9 * row, "warp_matrix");
    const double* m = tables.warp_matrix + 9 * row;
    if (mode[3] >= 0) {
        const int32_t* frame = tables.warp_field_size + 2 * row;
        checked_shape("tables.warp_field_size", frame[0], frame[1], 1);
        check_matrix(tables.warp_before + 9 * row, "warp_before");
    } else if (stretches(m)) {
        for (const int k : {0, 1, 3, 4})
            if (std::fabs(m[k]) > largest_scale)
                refuse("tables.warp_matrix", "shrinks by more than 1e6");
    }
}

void check_measure(const Tables& tables, int64_t row) {
    const double mode = tables.measure[4 * row], last = static_cast<double>(MeasureMode::Axes);
    if (!(mode >= 0 && mode <= last && mode == std::floor(mode)))
        refuse("tables.measure", "row " + std::to_string(row) + " has no such mode");
    for (int k = 1; k < 4; ++k)
        if (mode == last && !(std::fabs(tables.measure[4 * row + k]) <= largest_amount))
            refuse("tables.measure", "expected finite numbers of at most 1e4");
}

void check_noise(const Tables& tables, int64_t row) {
    const double* numbers = tables.noise + 4 * row;
    const double mode = numbers[0], last = static_cast<double>(NoiseMode::Iso);
    if (!(mode >= 0 && mode <= last && mode == std::floor(mode)))
        refuse("tables.noise", "row " + std::to_string(row) + " has no such mode");
    for (int k = 1; k < 4; ++k)
        if (!(numbers[k] >= 0 && numbers[k] <= largest_noise))
            refuse("tables.noise", "expected numbers of 0 to 1e3");
}

void check_lightness(const Tables& tables, int64_t row) {
    const double* numbers = tables.lightness + 2 * row;
    if (!(numbers[0] >= 0 && numbers[0] <= 256 && numbers[1] >= 0 && numbers[1] <= largest_amount))
        refuse("tables.lightness", "expected a level and a factor of at least 0");
}

void check_hsv(const Tables& tables, int64_t row) {
    for (int k = 0; k < 5; ++k)
        if (!(std::fabs(tables.hsv[5 * row + k]) <= largest_amount))
            refuse("tables.hsv", "expected finite numbers of at most 1e4");
}

void check_pick(const Tables& tables, int64_t row, int depth) {
    for (int c = 0; c < depth; ++c) {
        const int32_t from = tables.pick[max_channels * row + c];
        if (from < -1 || from >= depth) refuse("tables.pick", "expected channels of the image");
    }
}

// A row of a table that holds lists for each channel.
void check_channels(const char* name, const int64_t* start, int64_t row, int64_t expected) {
    const int64_t count = start[row + 1] - start[row];
    if (count < expected)
        refuse(std::string("tables.") + name,
               "row " + std::to_string(row) + " has " + std::to_string(count) +
                   " lists, expected at least " + std::to_string(expected));
}

void check_codec(const Tables& tables, int64_t row, int depth) {
    const int32_t* numbers = tables.codec + 2 * row;
    if (depth == 2) refuse("stage", "CODEC needs one channel or at least three, got 2");
    if (numbers[0] < 1 || numbers[0] > 100 || numbers[1] != static_cast<int>(FileFormat::Jpeg))
        refuse("tables.codec", "expected a quality of 1 to 100 and JPEG");
}

// One row of a verb that keeps the shape; every row is known to exist.
void check_entry(const Tables& tables, Verb verb, int64_t row, Shape shape) {
    const int depth = shape.channels;
    switch (verb) {
    case Verb::Channels:
        if (depth == 2) refuse("stage", "CHANNELS needs one channel or at least three, got 2");
        return;
    case Verb::Hsv:
        if (depth == 2) refuse("stage", "HSV needs one channel or at least three, got 2");
        return check_hsv(tables, row);
    case Verb::Pick:
        return check_pick(tables, row, depth);
    case Verb::Codec:
        return check_codec(tables, row, depth);
    case Verb::Measure:
        return check_measure(tables, row);
    case Verb::Noise:
        return check_noise(tables, row);
    case Verb::Lightness:
        return check_lightness(tables, row);
    case Verb::Match:
        return check_channels("match_counts", tables.match_counts_start, row, depth);
    case Verb::Spectrum:
        return check_channels("amplitudes", tables.amplitudes_start, row,
                              depth * (spectrum_reach + 1));
    default:
        return check_filter(tables, verb, row);
    }
}

// Follows one sample's shape through its entries; every row is known to exist.
Shape shape_after(const Stage& stage, int64_t sample, Shape shape, bool masks) {
    for (int64_t entry = stage.start[sample]; entry < stage.start[sample + 1]; ++entry) {
        const auto verb = static_cast<Verb>(stage.verb[entry]);
        const int64_t row = stage.row[entry];
        if (masks && verb != Verb::Warp && verb != Verb::Cells) continue;
        if (verb == Verb::Warp) {
            check_warp(stage.tables, row);
            const int32_t* size = stage.tables.warp_size + 2 * row;
            shape = checked_shape("tables.warp_size", size[0], size[1], shape.channels);
        } else if (verb == Verb::Luma) {
            shape.channels = 1;
        } else {
            check_entry(stage.tables, verb, row, shape);
        }
    }
    return shape;
}

void check_entries(Arrays& held, Stage& stage, nb::handle tables, Kind kind, bool masks) {
    constexpr int verbs = static_cast<int>(Verb::Codec) + 1;
    Used used[verbs];
    const auto skipped = [masks](int32_t number) {
        const auto verb = static_cast<Verb>(number);
        return masks && verb != Verb::Warp && verb != Verb::Cells;
    };
    const int64_t first = stage.start[0], end = stage.start[stage.samples];
    for (int64_t entry = first; entry < end; ++entry) {
        const int32_t number = stage.verb[entry];
        if (number < 0 || number >= verbs)
            refuse("stage.verb", "no such verb: " + std::to_string(number));
        if (!skipped(number)) used[number].add(stage.row[entry]);
    }
    TableReader reader(held, tables);
    for (int number = 0; number < verbs; ++number) {
        const Used own = used[number];
        if (own.last < own.first) continue;
        if (own.first < 0) refuse("stage.row", "no row " + std::to_string(own.first));
        const auto verb = static_cast<Verb>(number);
        const int64_t rows = read_verb(reader, stage.tables, verb, kind, own);
        if (own.last >= rows) refuse("stage.row", "no row " + std::to_string(own.last));
    }
}

} // namespace

Stage read_stage(Arrays& held, const StageArguments& given, Kind kind, bool masks) {
    Stage stage;
    stage.start = packed<int64_t>(held, given.start, "stage.start", {-1});
    stage.samples = held.back().length(0) - 1;
    if (stage.samples < 0) refuse("stage.start", "expected one more than samples");
    stage.verb = packed<int32_t>(held, given.verb, "stage.verb", {-1});
    const int64_t entries = held.back().length(0);
    stage.row = packed<int64_t>(held, given.row, "stage.row", {entries});
    for (int64_t i = 0; i <= stage.samples; ++i)
        if (stage.start[i] < (i ? stage.start[i - 1] : 0) || stage.start[i] > entries)
            refuse("stage.start", "expected rising places among the entries");
    check_entries(held, stage, given.tables, kind, masks);
    if (!masks) stage.tables.normal = packed<float>(held, given.normal, "normal", {normal_entries});
    return stage;
}

Followed shapes_after(const Stage& stage, Shape from) {
    Followed found{from, {}};
    for (int64_t i = 0; i < stage.samples; ++i)
        found.after.push_back(shape_after(stage, i, from, false));
    return found;
}

Stage samples_of(const Stage& stage, int64_t first, const Sources& sources,
                 const std::vector<Target>& results, bool masks, const Followed& known) {
    const auto count = static_cast<int64_t>(sources.images.size());
    if (first < 0 || first > stage.samples || count > stage.samples - first)
        refuse("stage.start", "has no " + std::to_string(count) + " samples from " +
                                  std::to_string(first) + " on");
    Stage part = stage;
    part.samples = count;
    part.start = stage.start + first;
    for (int64_t i = 0; i < count; ++i) {
        const auto place = static_cast<size_t>(i);
        const Shape from = sources.images[place].shape;
        const Shape after = !known.after.empty() && from == known.from
                                ? known.after[place + static_cast<size_t>(first)]
                                : shape_after(part, i, from, masks);
        if (after != results[place].shape)
            refuse("stage.sizes_out",
                   "sample " + std::to_string(i) + " comes out as " +
                       written({after.height, after.width, after.channels}) + ", not as " +
                       written({results[place].shape.height, results[place].shape.width,
                                results[place].shape.channels}));
    }
    return part;
}

} // namespace variegate
