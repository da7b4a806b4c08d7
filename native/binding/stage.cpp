// Reads and checks a stage: tables of the verbs in use, rows in range, legal numbers, shapes that
// fit the results.
#include <cmath>

#include "table_reader.hpp"
#include "variegate/verbs.hpp"

namespace nb = nanobind;

namespace variegate {
namespace {

constexpr double largest_noise = 1e3;

void read_warp(TableReader& reader, Tables& tables) {
    int64_t& rows = tables.warps = -1;
    tables.warp_matrix = reader.read<double>("warp_matrix", rows, {9});
    tables.warp_before = reader.read<double>("warp_before", rows, {9});
    tables.warp_size = reader.read<int32_t>("warp_size", rows, {2});
    tables.warp_field_size = reader.read<int32_t>("warp_field_size", rows, {2});
    tables.warp_mode = reader.read<int32_t>("warp_mode", rows, {4});
    tables.warp_fill = reader.read<float>("warp_fill", rows, {max_channels});
    bool bent = false;
    for (int64_t i = 0; i < rows; ++i) bent = bent || tables.warp_mode[4 * i + 3] >= 0;
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

void read_rectangles(TableReader& reader, Tables& tables) {
    int64_t& rows = tables.rectangle_rows = -1;
    tables.rectangles_fill = reader.read<float>("rectangles_fill", rows, {max_channels});
    tables.rectangles_noise = reader.read<uint64_t>("rectangles_noise", rows, {});
    int64_t starts = rows + 1, count = -1;
    tables.rectangles_start = reader.read<int64_t>("rectangles_start", starts, {});
    tables.rectangles = reader.read<int32_t>("rectangles", count, {4});
    const int64_t* start = tables.rectangles_start;
    for (int64_t i = 0; i <= rows; ++i)
        if (start[i] < (i ? start[i - 1] : 0) || start[i] > count)
            refuse("tables.rectangles_start", "expected rising places in tables.rectangles");
}

void read_lookup(TableReader& reader, Tables& tables, Kind kind) {
    int64_t& rows = tables.lookups = -1;
    if (kind == Kind::Uint8)
        tables.lookup = reader.read<uint8_t>("lookup", rows, {levels});
    else
        tables.lookup = reader.read<float>("lookup", rows, {knots});
}

// The rows of the verb's tables, which are read at the verb's first use.
int64_t read_verb(TableReader& reader, Tables& tables, Verb verb, Kind kind) {
    switch (verb) {
    case Verb::Warp:
        read_warp(reader, tables);
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
        tables.measure = reader.read<double>("measure", tables.measures, {2});
        return tables.measures;
    case Verb::Smooth:
        tables.smooths = -1;
        tables.smooth = reader.read<float>("smooth", tables.smooths, {});
        return tables.smooths;
    case Verb::Rectangles:
        read_rectangles(reader, tables);
        return tables.rectangle_rows;
    case Verb::Grid:
        tables.grids = -1;
        tables.grid = reader.read<double>("grid", tables.grids, {6});
        tables.grid_fill = reader.read<float>("grid_fill", tables.grids, {max_channels});
        return tables.grids;
    case Verb::Noise:
        tables.noises = -1;
        tables.noise = reader.read<double>("noise", tables.noises, {4});
        tables.noise_fill = reader.read<float>("noise_fill", tables.noises, {max_channels});
        tables.noise_key = reader.read<uint64_t>("noise_key", tables.noises, {});
        return tables.noises;
    case Verb::Luma:
        return INT64_MAX; // it has no numbers
    default:
        return read_filter(reader, tables, verb);
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
    const double mode = tables.measure[2 * row];
    if (mode != 0 && mode != 1 && mode != 2)
        refuse("tables.measure", "row " + std::to_string(row) + " has no such mode");
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

// One row of a verb that keeps the shape; every row is known to exist.
void check_row(const Tables& tables, Verb verb, int64_t row) {
    switch (verb) {
    case Verb::Measure:
        return check_measure(tables, row);
    case Verb::Noise:
        return check_noise(tables, row);
    default:
        return check_filter(tables, verb, row);
    }
}

// Follows one sample's shape through its entries; every row is known to exist.
Shape shape_after(const Stage& stage, int64_t sample, Shape shape, bool masks) {
    for (int64_t entry = stage.start[sample]; entry < stage.start[sample + 1]; ++entry) {
        const auto verb = static_cast<Verb>(stage.verb[entry]);
        const int64_t row = stage.row[entry];
        if (masks && verb != Verb::Warp) continue;
        if (verb == Verb::Warp) {
            check_warp(stage.tables, row);
            const int32_t* size = stage.tables.warp_size + 2 * row;
            shape = checked_shape("tables.warp_size", size[0], size[1], shape.channels);
        } else if (verb == Verb::Luma) {
            shape.channels = 1;
        } else if (verb == Verb::Channels && shape.channels == 2) {
            refuse("stage", "CHANNELS needs one channel or at least three, got 2");
        } else {
            check_row(stage.tables, verb, row);
        }
    }
    return shape;
}

void check_entries(Arrays& held, Stage& stage, nb::handle tables, Kind kind, bool masks) {
    constexpr int verbs = static_cast<int>(Verb::Codec);
    int64_t limits[verbs];
    for (int64_t& limit : limits) limit = -1;
    TableReader reader(held, tables);
    for (int64_t entry = stage.start[0]; entry < stage.start[stage.samples]; ++entry) {
        const int32_t number = stage.verb[entry];
        if (number < 0 || number > verbs || (number == verbs && !masks))
            refuse("stage.verb", "no such verb: " + std::to_string(number));
        const auto verb = static_cast<Verb>(number);
        if (masks && verb != Verb::Warp) continue;
        if (limits[number] < 0) limits[number] = read_verb(reader, stage.tables, verb, kind);
        if (stage.row[entry] < 0 || stage.row[entry] >= limits[number])
            refuse("stage.row", "entry " + std::to_string(entry) + " has no row " +
                                    std::to_string(stage.row[entry]));
    }
}

} // namespace

Stage read_stage(Arrays& held, const StageArguments& given, const Sources& sources,
                 const std::vector<Target>& results, bool masks) {
    Stage stage;
    stage.samples = static_cast<int64_t>(sources.images.size());
    stage.start = packed<int64_t>(held, given.start, "stage.start", {stage.samples + 1});
    stage.verb = packed<int32_t>(held, given.verb, "stage.verb", {-1});
    const int64_t entries = held.back().length(0);
    stage.row = packed<int64_t>(held, given.row, "stage.row", {entries});
    for (int64_t i = 0; i <= stage.samples; ++i)
        if (stage.start[i] < (i ? stage.start[i - 1] : 0) || stage.start[i] > entries)
            refuse("stage.start", "expected rising places among the entries");
    check_entries(held, stage, given.tables, sources.kind, masks);
    if (!masks) stage.tables.normal = packed<float>(held, given.normal, "normal", {normal_entries});
    for (int64_t i = 0; i < stage.samples; ++i) {
        const auto place = static_cast<size_t>(i);
        const Shape after = shape_after(stage, i, sources.images[place].shape, masks);
        if (after != results[place].shape)
            refuse("stage.sizes_out",
                   "sample " + std::to_string(i) + " comes out as " +
                       written({after.height, after.width, after.channels}) + ", not as " +
                       written({results[place].shape.height, results[place].shape.width,
                                results[place].shape.channels}));
    }
    return stage;
}

} // namespace variegate
