// The output: normalized, converted and, if asked, channels first, in one pass.
#include <algorithm>
#include <bit>

#include "variegate/runs.hpp"
#include "variegate/threads.hpp"

namespace variegate::inline VARIEGATE_TARGET {
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

template <int Depth, class To, class T>
void some_pixels(const Output& output, const T* in, int64_t first, int64_t count, int64_t plane,
                 int channels, To* out) {
    const int depth = Depth ? Depth : channels;
    in += first * depth;
    for (int k = 0; k < depth; ++k) {
        const float scale = output.scale[k], offset = output.offset[k];
        To* to = output.channels_first ? out + k * plane + first : out + first * depth + k;
        const int64_t step = output.channels_first ? 1 : depth;
        for (int64_t i = 0; i < count; ++i)
            to[i * step] = converted<To>(static_cast<float>(in[i * depth + k]) * scale + offset);
    }
}

template <class To, class T>
void write_as(const Output& output, const T* image, Shape shape, To* result) {
    constexpr int64_t most = 1 << 11; // pixels that stay in the nearest cache for each channel
    const int64_t plane = shape.pixels();
    for (int64_t first = 0; first < plane; first += most) {
        const int64_t some = std::min(most, plane - first);
        if (shape.channels == 3)
            some_pixels<3>(output, image, first, some, plane, 3, result);
        else
            some_pixels<0>(output, image, first, some, plane, shape.channels, result);
    }
}

} // namespace

template <class T>
void write_output(const Output& output, const T* image, Shape shape, void* result) {
    if (output.number == Number::Float16)
        return write_as(output, image, shape, static_cast<uint16_t*>(result));
    write_as(output, image, shape, static_cast<float*>(result));
}

template <class T>
void run_output(const Output& output, const T* images, void* result, int64_t count, Shape shape,
                int threads) {
    constexpr int64_t share = 1 << 14; // pixels for which a thread is worth waking
    const int64_t size = output.number == Number::Float16 ? 2 : 4;
    const auto used = std::min<int64_t>(threads, 1 + shape.pixels() * count / share);
    parallel_for(count, static_cast<int>(used), [&](int64_t i) {
        write_output(output, images + i * shape.values(), shape,
                     static_cast<std::byte*>(result) + i * shape.values() * size);
    });
}

template void write_output<uint8_t>(const Output&, const uint8_t*, Shape, void*);
template void write_output<float>(const Output&, const float*, Shape, void*);
template void run_output<uint8_t>(const Output&, const uint8_t*, void*, int64_t, Shape, int);
template void run_output<float>(const Output&, const float*, void*, int64_t, Shape, int);

} // namespace variegate::inline VARIEGATE_TARGET
