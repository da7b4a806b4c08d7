// MEASURE: tables of the image's own statistics: stretched, equalized, or
// scaled about the mean of the gray; or colors moved along their axes.
#include <algorithm>
#include <cstring>

#include "variegate/computed_lookup.hpp"
#include "variegate/copying.hpp"
#include "variegate/gray.hpp"
#include "variegate/planes.hpp"
#include "variegate/rounding.hpp"
#include "variegate/statistics.hpp"
#include "variegate/verbs.hpp"

namespace variegate::inline VARIEGATE_TARGET {
namespace {

// counts (channels, levels). Bytes come eight at a time. Two sets for
// neighboring pixels, so that runs of one value do not wait for each other.
template <int Depth> void count_all(const uint8_t* in, int64_t pixels, int64_t* counts) {
    uint32_t sets[2][Depth][levels] = {};
    int64_t i = 0;
    for (; i + 8 <= pixels; i += 8, in += 8 * Depth) {
        for (int w = 0; w < Depth; ++w) {
            uint64_t word = 0;
            std::memcpy(&word, in + 8 * w, 8);
            uint8_t bytes[8];
            for (int b = 0; b < 8; ++b) bytes[b] = static_cast<uint8_t>(word >> (8 * b));
            for (int b = 0; b < 8; ++b) {
                const int place = 8 * w + b;
                ++sets[(place / Depth) % 2][place % Depth][bytes[b]];
            }
        }
    }
    for (; i < pixels; ++i)
        for (int k = 0; k < Depth; ++k) ++sets[0][k][*in++];
    for (int k = 0; k < Depth; ++k)
        for (int v = 0; v < levels; ++v) counts[levels * k + v] += sets[0][k][v] + sets[1][k][v];
}

void count_channel(const uint8_t* in, int64_t pixels, int depth, int64_t* counts) {
    for (int64_t i = 0; i < pixels; ++i, in += depth) ++counts[*in];
}

// How often `step` goes into the counts before each level, and 255 at most. No quotient is rounded
// up to the next whole number: doubles hold a share of less than 2^-53, and floats one of 2^-16
// next to 255.
template <class Number> void divide_sums(const int64_t* counts, int64_t step, int* table) {
    Number before[levels];
    int64_t sum = step / 2;
    for (int v = 0; v < levels; ++v) {
        before[v] = static_cast<Number>(sum);
        sum += counts[v];
    }
    const auto whole = static_cast<Number>(step);
    for (int v = 0; v < levels; ++v)
        table[v] = static_cast<int>(clip(before[v] / whole, Number{0}, Number{255}));
}

// Pillow's equalize; false where the channel stays as it is.
bool equalizing(const int64_t* counts, int* table) {
    constexpr int64_t exact = 1 << 24; // whole numbers in a float
    int64_t total = 0;
    for (int v = 0; v < levels; ++v) total += counts[v];
    int brightest = levels - 1;
    while (brightest > 0 && !counts[brightest]) --brightest;
    const int64_t last = counts[brightest], step = (total - last) / 255;
    if (step == 0) return false; // as with one level alone
    const auto divide = total + step < exact ? divide_sums<float> : divide_sums<double>;
    divide(counts, step, table);
    return true;
}

// The least and the largest value of each channel.
void find_range(const uint8_t* in, Shape shape, uint8_t* low, uint8_t* high) {
    constexpr int repeats = 64; // pixels side by side: whole vectors, whatever the channels
    uint8_t lows[repeats * max_channels], highs[repeats * max_channels];
    const int depth = shape.channels;
    const int64_t width = repeats * static_cast<int64_t>(depth), count = shape.values();
    std::memset(lows, 255, static_cast<size_t>(width));
    std::memset(highs, 0, static_cast<size_t>(width));
    for (int64_t from = 0; from < count; from += width) {
        const int64_t some = std::min(width, count - from);
        for (int64_t i = 0; i < some; ++i) {
            const uint8_t value = in[from + i];
            lows[i] = value < lows[i] ? value : lows[i];
            highs[i] = value > highs[i] ? value : highs[i];
        }
    }
    for (int64_t half = width / 2; half >= depth; half /= 2) // the two halves of what is left
        for (int64_t i = 0; i < half; ++i) {
            lows[i] = std::min(lows[i], lows[half + i]);
            highs[i] = std::max(highs[i], highs[half + i]);
        }
    std::copy_n(lows, depth, low);
    std::copy_n(highs, depth, high);
}

// The darkest level becomes 0, the brightest 255, truncated; a flat channel
// stays.
void stretching(int low, int high, uint8_t* table) {
    if (high <= low || (low == 0 && high == levels - 1)) {
        for (int v = 0; v < levels; ++v) table[v] = static_cast<uint8_t>(v);
        return;
    }
    const double scale = 255.0 / (static_cast<double>(high) - low), shift = low * scale;
    for (int v = 0; v < levels; ++v)
        table[v] = static_cast<uint8_t>(static_cast<int>(clip(v * scale - shift, 0.0, 255.0)));
}

void by_statistics(const uint8_t* in, Shape shape, bool equalize, uint8_t* out, Scratch& scratch) {
    const int depth = shape.channels;
    uint8_t tables[max_channels * levels];
    if (equalize) {
        auto* counts = scratch.tables.get<int64_t>(levels * depth);
        count_levels(in, shape, counts);
        for (int k = 0; k < depth; ++k) {
            int table[levels];
            const bool changed = equalizing(counts + levels * k, table);
            for (int v = 0; v < levels; ++v)
                tables[levels * k + v] = static_cast<uint8_t>(changed ? table[v] : v);
        }
    } else {
        uint8_t low[max_channels], high[max_channels];
        find_range(in, shape, low, high);
        for (int k = 0; k < depth; ++k) stretching(low[k], high[k], tables + levels * k);
    }
    map_channels(in, shape, tables, out);
}

void equalize_floats(const float* in, Shape shape, float* out, Scratch& scratch) {
    auto* counts = scratch.tables.get<int64_t>(levels * shape.channels);
    count_levels(in, shape, counts);
    const int depth = shape.channels;
    for (int k = 0; k < depth; ++k) {
        int table[levels];
        const bool changed = equalizing(counts + levels * k, table);
        const float* from = in + k;
        float* to = out + k;
        for (int64_t i = 0; i < shape.pixels(); ++i, from += depth, to += depth) {
            const double place = static_cast<double>(*from) * 255;
            const int low = static_cast<int>(clip(place, 0.0, 254.0));
            const double start = table[changed ? low : 0] / 255.0;
            const double end = table[changed ? low + 1 : 0] / 255.0;
            *to = changed ? static_cast<float>(start + (place - low) * (end - start)) : *from;
        }
    }
}

void stretch_floats(const float* in, Shape shape, float* out) {
    const int depth = shape.channels;
    for (int k = 0; k < depth; ++k) {
        float low = in[k], high = in[k];
        for (int64_t i = 0; i < shape.pixels(); ++i) {
            low = std::min(low, in[i * depth + k]);
            high = std::max(high, in[i * depth + k]);
        }
        const double base = low, range = static_cast<double>(high) - low;
        for (int64_t i = 0; i < shape.pixels(); ++i) {
            const float value = in[i * depth + k];
            out[i * depth + k] = range > 0 ? static_cast<float>((value - base) / range) : value;
        }
    }
}

template <class T> double mean_of_gray(const T* in, Shape shape) {
    const int depth = shape.channels;
    double sum = 0;
    if constexpr (sizeof(T) == 1) {
        uint64_t whole = 0;
        if (depth == 3)
            whole = gray_sum(in, shape.pixels());
        else
            for (int64_t i = 0; i < shape.pixels(); ++i) whole += gray_of(in + i * depth, depth);
        sum = static_cast<double>(whole);
    } else {
        for (int64_t i = 0; i < shape.pixels(); ++i) sum += gray_of(in + i * depth, depth);
    }
    const double mean = sum / static_cast<double>(shape.pixels());
    return sizeof(T) == 1 ? std::floor(mean + 0.5) : mean;
}

template <class T> void about_mean(const T* in, Shape shape, float factor, T* out) {
    if (factor == 1.0f) {
        if (in != out) copy_values(in, shape.values(), out);
        return;
    }
    const auto start = static_cast<float>(mean_of_gray(in, shape));
    if constexpr (sizeof(T) == 1)
        return blend_from(start, factor, in, shape.values(), out);
    else
        for (int64_t i = 0; i < shape.values(); ++i) out[i] = blended(start, in[i], factor);
}

} // namespace

void count_levels(const uint8_t* in, Shape shape, int64_t* counts) {
    constexpr int64_t block = int64_t{1} << 30; // what fits into 32 bits
    const int depth = shape.channels;
    std::fill_n(counts, levels * depth, 0);
    for (int64_t from = 0; from < shape.pixels(); from += block) {
        const int64_t pixels = std::min(block, shape.pixels() - from);
        const uint8_t* first = in + from * depth;
        if (depth == 1) count_all<1>(first, pixels, counts);
        if (depth == 3) count_all<3>(first, pixels, counts);
        if (depth == 1 || depth == 3) continue;
        for (int k = 0; k < depth; ++k)
            count_channel(first + k, pixels, depth, counts + levels * k);
    }
}

void count_levels(const float* in, Shape shape, int64_t* counts) {
    std::fill_n(counts, levels * shape.channels, 0);
    for (int64_t i = 0; i < shape.pixels(); ++i)
        for (int k = 0; k < shape.channels; ++k)
            ++counts[levels * k + to_nearest(static_cast<double>(*in++) * 255)];
}

void map_channels(const uint8_t* in, Shape shape, const uint8_t* tables, uint8_t* out) {
    const int depth = shape.channels;
    if (depth == 1) return lookup(in, shape.pixels(), tables, out);
    if (depth == 3) return lookup_planes(in, shape.pixels(), tables, out);
    for (int64_t i = 0; i < shape.pixels(); ++i, in += depth, out += depth)
        for (int k = 0; k < depth; ++k) out[k] = tables[levels * k + in[k]];
}

template <class T>
void measure(const T* in, Shape shape, const double* row, T* out, Scratch& scratch) {
    const auto mode = static_cast<MeasureMode>(static_cast<int>(row[0]));
    if (mode == MeasureMode::AboutMean)
        return about_mean(in, shape, static_cast<float>(row[1]), out);
    if (mode == MeasureMode::Axes) return along_axes(in, shape, row + 1, out);
    if constexpr (sizeof(T) == 1) {
        by_statistics(in, shape, mode == MeasureMode::Equalize, out, scratch);
    } else {
        if (mode == MeasureMode::Equalize) return equalize_floats(in, shape, out, scratch);
        stretch_floats(in, shape, out);
    }
}

template void measure<uint8_t>(const uint8_t*, Shape, const double*, uint8_t*, Scratch&);
template void measure<float>(const float*, Shape, const double*, float*, Scratch&);

} // namespace variegate::inline VARIEGATE_TARGET
