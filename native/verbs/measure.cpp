// MEASURE: tables of the image's own statistics: stretched, equalized, or scaled about the mean of
// the gray.
#include <algorithm>
#include <cstring>

#include "variegate/gray.hpp"
#include "variegate/rounding.hpp"
#include "variegate/verbs.hpp"

namespace variegate::inline VARIEGATE_TARGET {
namespace {

// counts (channels, levels) of the nearest levels. Two sets for neighboring pixels, so that runs of
// one value do not wait for each other.
void count_levels(const uint8_t* in, Shape shape, int64_t* counts) {
    const int depth = shape.channels;
    uint32_t sets[2][levels];
    for (int k = 0; k < depth; ++k) {
        constexpr int64_t block = int64_t{1} << 30;
        std::fill_n(counts + levels * k, levels, 0);
        for (int64_t from = 0; from < shape.pixels(); from += block) {
            std::memset(sets, 0, sizeof sets);
            const int64_t to = std::min(shape.pixels(), from + block);
            const uint8_t* value = in + from * depth + k;
            int64_t i = from;
            for (; i + 2 <= to; i += 2, value += 2 * depth) {
                ++sets[0][value[0]];
                ++sets[1][value[depth]];
            }
            if (i < to) ++sets[0][*value];
            for (int v = 0; v < levels; ++v) counts[levels * k + v] += sets[0][v] + sets[1][v];
        }
    }
}

void count_levels(const float* in, Shape shape, int64_t* counts) {
    std::fill_n(counts, levels * shape.channels, 0);
    for (int64_t i = 0; i < shape.pixels(); ++i)
        for (int k = 0; k < shape.channels; ++k)
            ++counts[levels * k + to_nearest(static_cast<double>(*in++) * 255)];
}

// Pillow's equalize; false where the channel stays as it is.
bool equalizing(const int64_t* counts, int* table) {
    int64_t total = 0, last = 0;
    int filled = 0;
    for (int v = 0; v < levels; ++v) {
        if (!counts[v]) continue;
        total += counts[v];
        last = counts[v];
        ++filled;
    }
    const int64_t step = (total - last) / 255;
    if (filled <= 1 || step == 0) return false;
    int64_t before = 0;
    for (int v = 0; v < levels; ++v) {
        table[v] = static_cast<int>(std::min<int64_t>((step / 2 + before) / step, 255));
        before += counts[v];
    }
    return true;
}

// The darkest level becomes 0, the brightest 255, truncated; false where the channel is flat.
bool stretching(const int64_t* counts, int* table) {
    int low = 0, high = levels - 1;
    while (low < levels - 1 && !counts[low]) ++low;
    while (high > 0 && !counts[high]) --high;
    if (high <= low) return false;
    const double scale = 255.0 / (static_cast<double>(high) - low);
    for (int v = 0; v < levels; ++v)
        table[v] = static_cast<int>(clip(v * scale - low * scale, 0.0, 255.0));
    return true;
}

template <class T>
void map_channel(const T* in, int64_t pixels, int depth, const T* table, T* out) {
    for (int64_t i = 0; i < pixels; ++i, in += depth, out += depth) *out = table[*in];
}

void by_counts(const uint8_t* in, Shape shape, bool equalize, uint8_t* out, Scratch& scratch) {
    auto* counts = scratch.tables.get<int64_t>(levels * shape.channels);
    count_levels(in, shape, counts);
    for (int k = 0; k < shape.channels; ++k) {
        int table[levels];
        const int64_t* own = counts + levels * k;
        const bool changed = equalize ? equalizing(own, table) : stretching(own, table);
        uint8_t narrow[levels];
        for (int v = 0; v < levels; ++v) narrow[v] = static_cast<uint8_t>(changed ? table[v] : v);
        if (shape.channels == 1)
            lookup(in, shape.pixels(), narrow, out);
        else
            map_channel(in + k, shape.pixels(), shape.channels, narrow, out + k);
    }
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
        if (in != out) std::memcpy(out, in, static_cast<size_t>(shape.values()) * sizeof(T));
        return;
    }
    const auto start = static_cast<float>(mean_of_gray(in, shape));
    if constexpr (sizeof(T) == 1) {
        uint8_t table[levels];
        for (int v = 0; v < levels; ++v) table[v] = blended(start, static_cast<uint8_t>(v), factor);
        lookup(in, shape.values(), table, out);
    } else {
        for (int64_t i = 0; i < shape.values(); ++i) out[i] = blended(start, in[i], factor);
    }
}

} // namespace

template <class T>
void measure(const T* in, Shape shape, const double* row, T* out, Scratch& scratch) {
    const auto mode = static_cast<MeasureMode>(static_cast<int>(row[0]));
    if (mode == MeasureMode::AboutMean)
        return about_mean(in, shape, static_cast<float>(row[1]), out);
    if constexpr (sizeof(T) == 1) {
        by_counts(in, shape, mode == MeasureMode::Equalize, out, scratch);
    } else {
        if (mode == MeasureMode::Equalize) return equalize_floats(in, shape, out, scratch);
        stretch_floats(in, shape, out);
    }
}

template void measure<uint8_t>(const uint8_t*, Shape, const double*, uint8_t*, Scratch&);
template void measure<float>(const float*, Shape, const double*, float*, Scratch&);

} // namespace variegate::inline VARIEGATE_TARGET
