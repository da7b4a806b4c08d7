// TILES: OpenCV's contrast-limited histogram equalization. Each tile has a table; a pixel goes
// through those of the four tiles around it, blended in the reference's single precision.
#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>

#include "variegate/filters.hpp"
#include "variegate/gray.hpp"
#include "variegate/planes.hpp"
#include "variegate/rounding.hpp"
#include "variegate/verbs.hpp"

namespace variegate::inline VARIEGATE_TARGET {
namespace {

// Tiles of one size over an image that is continued where they do not fit.
struct Tiling {
    int rows;
    int columns;
    int height; // of a tile
    int width;
    double clip;
};

Tiling tiling_of(Shape shape, const double* numbers) {
    const int rows = static_cast<int>(numbers[0]), columns = static_cast<int>(numbers[1]);
    int height = shape.height, width = shape.width;
    if (height % rows || width % columns) {
        height += rows - height % rows;
        width += columns - width % columns;
    }
    return {rows, columns, height / rows, width / columns, numbers[2]};
}

int level_of(uint8_t value) { return value; }
int level_of(float value) { return to_nearest(static_cast<double>(value) * 255); }

// One tile's table: no level counts more than so many times the mean, and what is cut off is given
// to all levels alike.
void equalize(uint32_t* counts, int64_t area, double clip, uint8_t* table) {
    const double most_real = clip * static_cast<double>(area) / levels;
    const auto most = static_cast<int64_t>(std::max(std::min(most_real, 4e9), 1.0));
    int64_t over = 0;
    for (int v = 0; v < levels; ++v) {
        if (counts[v] <= most) continue;
        over += counts[v] - most;
        counts[v] = static_cast<uint32_t>(most);
    }
    const auto each = static_cast<uint32_t>(over / levels);
    int64_t rest = over % levels;
    for (int v = 0; v < levels; ++v) counts[v] += each;
    if (rest) {
        const int step = std::max<int>(levels / static_cast<int>(rest), 1);
        for (int v = 0; v < levels && rest > 0; v += step, --rest) ++counts[v];
    }
    const float scale = 255.0f / static_cast<float>(area);
    int64_t sum = 0;
    for (int v = 0; v < levels; ++v) {
        sum += counts[v];
        const float whole = std::nearbyint(static_cast<float>(sum) * scale);
        table[v] = static_cast<uint8_t>(std::min(whole, 255.0f));
    }
}

// tables (rows, columns, levels).
template <class T>
void make_tables(const T* plane, Shape shape, const Tiling& tiling, uint8_t* tables) {
    const int64_t area = int64_t{tiling.height} * tiling.width;
    for (int i = 0; i < tiling.rows; ++i) {
        for (int j = 0; j < tiling.columns; ++j, tables += levels) {
            uint32_t counts[2][levels] = {}; // runs of one level do not wait for each other
            const int64_t left = int64_t{j} * tiling.width;
            for (int r = 0; r < tiling.height; ++r) {
                const int row = mirrored(int64_t{i} * tiling.height + r, shape.height);
                const T* line = plane + int64_t{row} * shape.width;
                const int inside =
                    static_cast<int>(std::clamp<int64_t>(shape.width - left, 0, tiling.width));
                for (int c = 0; c < inside; ++c) ++counts[c % 2][level_of(line[left + c])];
                for (int c = inside; c < tiling.width; ++c)
                    ++counts[c % 2][level_of(line[mirrored(left + c, shape.width)])];
            }
            for (int v = 0; v < levels; ++v) counts[0][v] += counts[1][v];
            equalize(counts[0], area, tiling.clip, tables);
        }
    }
}

// Where a row or column lies among the tiles: between `first` and the next, and how much of that.
struct Between {
    int first; // -1: before the middle of the first tile
    float share;
};

Between between(int place, int side) {
    const float at = static_cast<float>(place) * (1.0f / static_cast<float>(side)) - 0.5f;
    const float first = std::floor(at);
    return {static_cast<int>(first), at - first};
}

// A level in the tables of four tiles, upper left, upper right, lower left, lower right.
struct Four {
    uint8_t at[4];
};

// One of rows + 1 (columns + 1) strips between the middles of tiles; at the rim both are the same.
struct Pair {
    int before;
    int behind;
    Pair(int first, int count)
        : before(std::max(first, 0)), behind(std::min(first + 1, count - 1)) {}
};

// fours (columns + 1, levels).
void make_fours(const uint8_t* tables, const Tiling& tiling, int first, Four* fours) {
    const Pair down(first, tiling.rows);
    const auto table = [&](int row, int column) {
        return tables + (int64_t{row} * tiling.columns + column) * levels;
    };
    for (int j = 0; j <= tiling.columns; ++j, fours += levels) {
        const Pair across(j - 1, tiling.columns);
        const uint8_t* four[4] = {
            table(down.before, across.before), table(down.before, across.behind),
            table(down.behind, across.before), table(down.behind, across.behind)};
        for (int v = 0; v < levels; ++v)
            fours[v] = {{four[0][v], four[1][v], four[2][v], four[3][v]}};
    }
}

// One row: `strip` is the first entry of each column's strip, `share` what its right side counts.
struct Row {
    const Four* fours;
    const int* strip;
    const float* share;
    float down;
    int width;
};

void map_row(const uint8_t* in, const Row& row, uint32_t* room, uint8_t* out) {
    for (int c = 0; c < row.width; ++c) std::memcpy(room + c, row.fours + row.strip[c] + in[c], 4);
    const float lower = row.down, upper = 1.0f - lower;
    for (int c = 0; c < row.width; ++c) {
        const uint32_t four = room[c];
        const auto at = [&](int k) {
            return static_cast<float>(static_cast<int32_t>((four >> (8 * k)) & 255));
        };
        const float right = row.share[c], left = 1.0f - right;
        constexpr int a = std::endian::native == std::endian::little ? 0 : 3;
        constexpr int step = a ? -1 : 1;
        const float above = at(a) * left + at(a + step) * right;
        const float below = at(a + 2 * step) * left + at(a + 3 * step) * right;
        // Adding 2^23 rounds to the nearest whole number, halves to even.
        const float sum = (above * upper + below * lower) + 8388608.0f;
        out[c] = static_cast<uint8_t>(std::bit_cast<uint32_t>(sum));
    }
}

void map_row(const float* in, const Row& row, uint32_t*, float* out) {
    const float lower = row.down, upper = 1.0f - lower;
    for (int c = 0; c < row.width; ++c) {
        const double place = static_cast<double>(in[c]) * 255;
        const int low = static_cast<int>(clip(place, 0.0, 254.0));
        const Four& start = row.fours[row.strip[c] + low];
        const Four& end = row.fours[row.strip[c] + low + 1];
        const auto at = [&](int k) {
            return start.at[k] + (place - low) * (end.at[k] - start.at[k]);
        };
        const float right = row.share[c], left = 1.0f - right;
        const double above = at(0) * left + at(1) * right, below = at(2) * left + at(3) * right;
        out[c] = static_cast<float>((above * upper + below * lower) / 255.0);
    }
}

// One channel; `out` may be `plane`.
template <class T>
void map_plane(const T* plane, Shape shape, const double* numbers, T* out, Scratch& scratch) {
    const Tiling tiling = tiling_of(shape, numbers);
    auto* tables = scratch.tables.get<uint8_t>(int64_t{tiling.rows} * tiling.columns * levels);
    make_tables(plane, shape, tiling, tables);
    auto* fours = scratch.weights[0].get<Four>((int64_t{tiling.columns} + 1) * levels);
    auto* strip = scratch.places[0].get<int>(shape.width);
    auto* share = scratch.lines.get<float>(shape.width);
    auto* room = scratch.points.get<uint32_t>(shape.width);
    for (int c = 0; c < shape.width; ++c) {
        const Between at = between(c, tiling.width);
        strip[c] = (at.first + 1) * levels;
        share[c] = at.share;
    }
    int made = -2;
    for (int r = 0; r < shape.height; ++r) {
        const Between at = between(r, tiling.height);
        if (at.first != made) make_fours(tables, tiling, made = at.first, fours);
        const Row row{fours, strip, share, at.share, shape.width};
        map_row(plane + int64_t{r} * shape.width, row, room, out + int64_t{r} * shape.width);
    }
}

void gray_image(const uint8_t* in, int64_t pixels, int depth, uint8_t* out) {
    if (depth != 3) {
        for (int64_t i = 0; i < pixels; ++i) out[i] = color_gray(in + i * depth);
        return;
    }
    Planes planes;
    alignas(64) uint8_t grays[tile_pixels + Planes::slack];
    for (int64_t from = 0; from < pixels; from += tile_pixels) {
        const int64_t some = std::min<int64_t>(tile_pixels, pixels - from);
        split(in + 3 * from, some, planes);
        gray_plane(planes, some, grays);
        std::copy_n(grays, some, out + from);
    }
}

void gray_image(const float* in, int64_t pixels, int depth, float* out) {
    for (int64_t i = 0; i < pixels; ++i) out[i] = color_gray(in + i * depth);
}

uint8_t moved(uint8_t value, uint8_t from, uint8_t to) {
    return static_cast<uint8_t>(clip(value + (to - from), 0, 255));
}

float moved(float value, float from, float to) {
    return static_cast<float>(
        clip(value + (static_cast<double>(to) - static_cast<double>(from)), 0.0, 1.0));
}

// Adds what the gray has changed by to three channels of a pixel.
template <class T>
void move_colors(const T* in, int64_t pixels, int depth, const T* from, const T* to, T* out) {
    for (int64_t i = 0; i < pixels; ++i, in += depth, out += depth) {
        for (int k = 0; k < 3; ++k) out[k] = moved(in[k], from[i], to[i]);
        if (depth == 4) out[3] = in[3];
    }
}

void move_three(const uint8_t* in, int64_t pixels, const uint8_t* from, const uint8_t* to,
                uint8_t* out) {
    Planes planes;
    for (int64_t done = 0; done < pixels; done += tile_pixels) {
        const int64_t some = std::min<int64_t>(tile_pixels, pixels - done);
        split(in + 3 * done, some, planes);
        for (auto& channel : planes.channel)
            for (int64_t i = 0; i < some; ++i)
                channel[i] = moved(channel[i], from[done + i], to[done + i]);
        join(planes, some, out + 3 * done);
    }
}

template <class T>
void by_gray(const T* in, Shape shape, const double* numbers, T* out, Scratch& scratch) {
    const int64_t pixels = shape.pixels();
    T* from = scratch.smaller.get<T>(2 * pixels);
    T* to = from + pixels;
    gray_image(in, pixels, shape.channels, from);
    map_plane(from, shape, numbers, to, scratch);
    if constexpr (sizeof(T) == 1) {
        if (shape.channels == 3) return move_three(in, pixels, from, to, out);
    }
    move_colors(in, pixels, shape.channels, from, to, out);
}

} // namespace

template <class T>
void tiles(const T* in, Shape shape, const double* numbers, T* out, Scratch& scratch) {
    const int depth = shape.channels;
    if (depth == 1) return map_plane(in, shape, numbers, out, scratch);
    if (has_color(depth)) return by_gray(in, shape, numbers, out, scratch);
    T* plane = scratch.smaller.get<T>(shape.pixels());
    for (int k = 0; k < depth; ++k) {
        for (int64_t i = 0; i < shape.pixels(); ++i) plane[i] = in[i * depth + k];
        map_plane(plane, shape, numbers, plane, scratch);
        for (int64_t i = 0; i < shape.pixels(); ++i) out[i * depth + k] = plane[i];
    }
}

template void tiles<uint8_t>(const uint8_t*, Shape, const double*, uint8_t*, Scratch&);
template void tiles<float>(const float*, Shape, const double*, float*, Scratch&);

} // namespace variegate::inline VARIEGATE_TARGET
