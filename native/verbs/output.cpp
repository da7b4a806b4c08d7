// The output: normalized, converted and, if asked, channels first, in one pass.
#include <algorithm>
#include <bit>
#include <cstring>

#include "variegate/planes.hpp"
#include "variegate/runs.hpp"
#include "variegate/threads.hpp"
#include "variegate/vectors.hpp"

namespace variegate::inline VARIEGATE_TARGET {
namespace {

// What is converted at once stays in the nearest cache.
constexpr int tile = tile_pixels;

struct Half {
    uint16_t bits;
};
struct Brain {
    uint16_t bits;
};

// float16 of a float32, to the nearest, halves to even. No branches, so that many go side by side.
Half to_half(float value) {
    const auto bits = std::bit_cast<uint32_t>(value);
    const uint32_t size = bits & 0x7fffffffu;
    const uint32_t normal = (size + 0xc8000fffu + ((size >> 13) & 1u)) >> 13;
    // Below the smallest normal half the addition rounds.
    const float sum = std::bit_cast<float>(size) + 0.5f;
    uint32_t half = size < 0x38800000u ? std::bit_cast<uint32_t>(sum) - 0x3f000000u : normal;
    half = size >= 0x47800000u ? 0x7c00u : half;
    half = size > 0x7f800000u ? 0x7e00u : half;
    return {static_cast<uint16_t>(half | ((bits >> 16) & 0x8000u))};
}

// bfloat16: the upper half of a float32, to the nearest, halves to even.
Brain to_brain(float value) {
    const auto bits = std::bit_cast<uint32_t>(value);
    const uint32_t nearest = (bits + 0x7fffu + ((bits >> 16) & 1u)) >> 16;
    const bool number = (bits & 0x7fffffffu) <= 0x7f800000u;
    return {static_cast<uint16_t>(number ? nearest : (bits >> 16) | 0x40u)};
}

void narrow(const float* in, int64_t count, Brain* out) {
    for (int64_t i = 0; i < count; ++i) out[i] = to_brain(in[i]);
}

void narrow(const float* in, int64_t count, Half* out) {
    int64_t i = 0;
#if defined(__AVX512VBMI__)
    for (; i + 16 <= count; i += 16)
        _mm256_storeu_si256(reinterpret_cast<__m256i*>(out + i),
                            _mm512_cvtps_ph(_mm512_loadu_ps(in + i), _MM_FROUND_TO_NEAREST_INT));
#endif
    for (; i < count; ++i) out[i] = to_half(in[i]);
}

// The factors of values side by side, again and again: `period` of them.
struct Pattern {
    static constexpr int most = max_channels * Floats::count;
    alignas(64) float scale[most];
    alignas(64) float offset[most];
    int period;
    bool stream;

    // Those of `all` channels in turn, from channel `first` on.
    Pattern(const Output& output, int first, int all)
        : period(all * Floats::count), stream(output.stream) {
        for (int i = 0; i < period; ++i) {
            scale[i] = output.scale[first + i % all];
            offset[i] = output.offset[first + i % all];
        }
    }
};

// From the start of the pattern. Two roundings: no fused multiply and add.
template <bool Stream, class T>
void scale_values(const T* in, int64_t count, const Pattern& pattern, float* out) {
    int64_t i = 0;
    int place = 0;
    const auto scaled = [&](const T* from) {
        return Floats::load(from) * Floats::load(pattern.scale + place) +
               Floats::load(pattern.offset + place);
    };
    for (; i + Floats::count <= count; i += Floats::count) {
        if constexpr (Stream)
            scaled(in + i).stream(out + i);
        else
            scaled(in + i).store(out + i);
        place += Floats::count;
        place = place == pattern.period ? 0 : place;
    }
    if (i == count) return;
    const auto rest = static_cast<size_t>(count - i);
    T last[Floats::count] = {};
    float values[Floats::count];
    std::memcpy(last, in + i, rest * sizeof(T));
    scaled(last).store(values);
    std::memcpy(out + i, values, rest * sizeof(float));
}

template <class T>
void write_values(const T* in, int64_t count, const Pattern& pattern, float* out) {
    const bool aligned = reinterpret_cast<uintptr_t>(out) % sizeof(Floats) == 0;
    if (pattern.stream && aligned) return scale_values<true>(in, count, pattern, out);
    scale_values<false>(in, count, pattern, out);
}

template <class T, class To>
void write_values(const T* in, int64_t count, const Pattern& pattern, To* out) {
    alignas(64) float values[tile];
    const int64_t step = tile / pattern.period * pattern.period;
    for (int64_t place = 0; place < count; place += step) {
        const int64_t some = std::min(step, count - place);
        scale_values<false>(in + place, some, pattern, values);
        narrow(values, some, out + place);
    }
}

template <class To, class T>
void write_planes(const Output& output, const T* in, Shape shape, To* out) {
    const int depth = shape.channels;
    const int64_t plane = shape.pixels();
    for (int k = 0; k < depth; ++k) {
        const Pattern pattern(output, k, 1);
        for (int64_t place = 0; place < plane; place += tile) {
            const int64_t pixels = std::min<int64_t>(tile, plane - place);
            T own[tile];
            for (int64_t i = 0; i < pixels; ++i) own[i] = in[(place + i) * depth + k];
            write_values(own, pixels, pattern, out + k * plane + place);
        }
    }
}

template <class To>
void write_tile_as(const Output& output, const Planes& planes, Tile part, int64_t plane, To* out) {
    for (int k = 0; k < 3; ++k)
        write_values(planes.channel[k], part.pixels, Pattern(output, k, 1),
                     out + k * plane + part.place);
}

template <class To>
void write_colors(const Output& output, const uint8_t* in, Shape shape, To* out) {
    const int64_t plane = shape.pixels();
    Planes planes;
    for (int64_t place = 0; place < plane; place += tile) {
        const Tile part{place, std::min<int64_t>(tile, plane - place)};
        split(in + 3 * place, part.pixels, planes);
        write_tile_as(output, planes, part, plane, out);
    }
}

template <class To, class T>
void write_as(const Output& output, const T* image, Shape shape, void* result) {
    auto* out = static_cast<To*>(result);
    if (!output.channels_first || shape.channels == 1)
        return write_values(image, shape.values(), Pattern(output, 0, shape.channels), out);
    if constexpr (sizeof(T) == 1) {
        if (shape.channels == 3) return write_colors(output, image, shape, out);
    }
    write_planes(output, image, shape, out);
}

} // namespace

void write_tile(const Output& output, const Planes& planes, Tile part, int64_t plane,
                void* result) {
    switch (output.number) {
    case Number::Float16:
        return write_tile_as(output, planes, part, plane, static_cast<Half*>(result));
    case Number::Bfloat16:
        return write_tile_as(output, planes, part, plane, static_cast<Brain*>(result));
    default:
        return write_tile_as(output, planes, part, plane, static_cast<float*>(result));
    }
}

void finish_output(const Output& output) {
    if (output.stream) Floats::flush();
}

template <class T>
void write_output(const Output& output, const T* image, Shape shape, void* result) {
    switch (output.number) {
    case Number::Float16:
        return write_as<Half>(output, image, shape, result);
    case Number::Bfloat16:
        return write_as<Brain>(output, image, shape, result);
    default:
        write_as<float>(output, image, shape, result);
        finish_output(output);
    }
}

template <class T>
void run_output(const Output& output, const T* images, void* result, int64_t count, Shape shape,
                int threads) {
    constexpr int64_t share = 1 << 14; // pixels for which a thread is worth waking
    const int64_t size = output.number == Number::Float32 ? 4 : 2;
    const auto used = std::min<int64_t>(threads, 1 + shape.pixels() * count / share);
    const Output chosen = for_values(output, shape.values() * count);
    parallel_for(count, static_cast<int>(used), [&](int64_t i) {
        write_output(chosen, images + i * shape.values(), shape,
                     static_cast<std::byte*>(result) + i * shape.values() * size);
    });
}

template void write_output<uint8_t>(const Output&, const uint8_t*, Shape, void*);
template void write_output<float>(const Output&, const float*, Shape, void*);
template void run_output<uint8_t>(const Output&, const uint8_t*, void*, int64_t, Shape, int);
template void run_output<float>(const Output&, const float*, void*, int64_t, Shape, int);

} // namespace variegate::inline VARIEGATE_TARGET
