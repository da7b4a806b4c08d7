// The output: normalized, converted and, if asked, channels first, in one pass.
#include <algorithm>
#include <bit>
#include <vector>

#include "variegate/engine.hpp"
#include "variegate/threads.hpp"

namespace variegate {
namespace {

// float16 of a float32, to the nearest, halves to even.
uint16_t to_half(float value) {
    const auto bits = std::bit_cast<uint32_t>(value);
    const auto sign = static_cast<uint16_t>((bits >> 16) & 0x8000u);
    const uint32_t size = bits & 0x7fffffffu;
    if (size > 0x7f800000u) return static_cast<uint16_t>(sign | 0x7e00u);
    if (size >= 0x47800000u) return static_cast<uint16_t>(sign | 0x7c00u);
    if (size < 0x38800000u) { // below the smallest normal half: let the addition round
        const float magic = std::bit_cast<float>(0x3f000000u);
        const float sum = std::bit_cast<float>(size) + magic;
        return static_cast<uint16_t>(sign | (std::bit_cast<uint32_t>(sum) - 0x3f000000u));
    }
    const uint32_t odd = (size >> 13) & 1u;
    return static_cast<uint16_t>(sign | ((size + 0xc8000fffu + odd) >> 13));
}

template <class To> To converted(float value) {
    if constexpr (sizeof(To) == 2)
        return to_half(value);
    else
        return value;
}

// uint8 has 256 values a channel: their results are worked out once for the whole batch.
template <class To> struct ByTable {
    std::vector<To> tables;

    ByTable(const Output& output, int channels) : tables(static_cast<size_t>(channels) * levels) {
        for (int k = 0; k < channels; ++k)
            for (int v = 0; v < levels; ++v)
                tables[static_cast<size_t>(k) * levels + v] =
                    converted<To>(static_cast<float>(v) * output.scale[k] + output.offset[k]);
    }
    auto channel(int k) const {
        const To* table = tables.data() + static_cast<size_t>(k) * levels;
        return [table](uint8_t value) { return table[value]; };
    }
};

template <class To> struct ByValue {
    const Output& output;

    ByValue(const Output& given, int) : output(given) {}
    auto channel(int k) const {
        const float scale = output.scale[k], offset = output.offset[k];
        return [scale, offset](float value) { return converted<To>(value * scale + offset); };
    }
};

template <int Depth, class T, class Rule, class To>
void some_rows(const Rule& rule, bool channels_first, const T* in, int64_t first, int64_t count,
               int64_t plane, int channels, To* out) {
    const int depth = Depth ? Depth : channels;
    in += first * depth;
    for (int k = 0; k < depth; ++k) {
        const auto value = rule.channel(k);
        if (channels_first) {
            To* to = out + k * plane + first;
            for (int64_t i = 0; i < count; ++i) to[i] = value(in[i * depth + k]);
        } else {
            To* to = out + first * depth + k;
            for (int64_t i = 0; i < count; ++i) to[i * depth] = value(in[i * depth + k]);
        }
    }
}

template <class To, class Rule, class T>
void run_as(const Output& output, const T* images, To* result, int64_t count, Shape shape,
            int threads) {
    const Rule rule(output, shape.channels);
    const int64_t plane = shape.pixels();
    constexpr int64_t most =
        1 << 11; // pixels at a time: they stay in the nearest cache for each channel
    constexpr int64_t share = 1 << 14; // pixels for which a thread is worth waking
    const int64_t parts = std::max<int64_t>(1, plane / share);
    const int used = static_cast<int>(std::min<int64_t>(threads, 1 + plane * count / share));
    parallel_for(count * parts, used, [&](int64_t part) {
        const int64_t image = part / parts, turn = part % parts;
        const T* in = images + image * shape.values();
        To* out = result + image * shape.values();
        const int64_t end = plane * (turn + 1) / parts;
        for (int64_t first = plane * turn / parts; first < end; first += most) {
            const int64_t some = std::min(most, end - first);
            if (shape.channels == 3)
                some_rows<3>(rule, output.channels_first, in, first, some, plane, 3, out);
            else
                some_rows<0>(rule, output.channels_first, in, first, some, plane, shape.channels,
                             out);
        }
    });
}

template <class To, class T>
void run_to(const Output& output, const T* images, void* result, int64_t count, Shape shape,
            int threads) {
    auto* to = static_cast<To*>(result);
    if constexpr (sizeof(T) == 1)
        run_as<To, ByTable<To>>(output, images, to, count, shape, threads);
    else
        run_as<To, ByValue<To>>(output, images, to, count, shape, threads);
}

} // namespace

template <class T>
void run_output(const Output& output, const T* images, void* result, int64_t count, Shape shape,
                int threads) {
    if (output.half) return run_to<uint16_t>(output, images, result, count, shape, threads);
    run_to<float>(output, images, result, count, shape, threads);
}

template void run_output<uint8_t>(const Output&, const uint8_t*, void*, int64_t, Shape, int);
template void run_output<float>(const Output&, const float*, void*, int64_t, Shape, int);

} // namespace variegate
