// CODEC as JPEG: color to brightness and two differences at half size, blocks, and back again.
#include "variegate/jpeg.hpp"

#include <algorithm>
#include <cstring>

#include "variegate/planes.hpp"
#include "variegate/rounding.hpp"

namespace variegate::inline VARIEGATE_TARGET {
namespace {

// The standard's tables, for quality 50.
constexpr uint8_t bright[64] = {16,  11,  10,  16,  24, 40, 51,  61,  12,  12,  14,  19,  26,
                                58,  60,  55,  14,  13, 16, 24,  40,  57,  69,  56,  14,  17,
                                22,  29,  51,  87,  80, 62, 18,  22,  37,  56,  68,  109, 103,
                                77,  24,  35,  55,  64, 81, 104, 113, 92,  49,  64,  78,  87,
                                103, 121, 120, 101, 72, 92, 95,  98,  112, 100, 103, 99};
constexpr uint8_t colored[64] = {17, 18, 24, 47, 99, 99, 99, 99, 18, 21, 26, 66, 99, 99, 99, 99,
                                 24, 26, 56, 99, 99, 99, 99, 99, 47, 66, 99, 99, 99, 99, 99, 99,
                                 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99,
                                 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99};

void scaled(const uint8_t* table, int quality, int32_t* quantizers) {
    const int percent = quality < 50 ? 5000 / quality : 200 - 2 * quality;
    for (int k = 0; k < 64; ++k) quantizers[k] = clip((table[k] * percent + 50) / 100, 1, 255);
}

constexpr int64_t multiple(int64_t value, int64_t of) { return (value + of - 1) / of * of; }

int64_t bytes_of(int64_t width, int64_t height) {
    return multiple(width, 8 * JpegPlane::together) * multiple(height, 8);
}

JpegPlane plane_at(uint8_t* memory, int64_t width, int64_t height) {
    return {memory, multiple(width, 8 * JpegPlane::together), multiple(height, 8)};
}

// Continues the first `width` values of `rows` rows by their last to whole blocks.
void fill_up(const JpegPlane& plane, int64_t width, int64_t rows) {
    for (int64_t r = 0; r < rows; ++r) {
        uint8_t* row = plane.row(r);
        std::fill(row + width, row + plane.stride, row[width - 1]);
    }
    for (int64_t r = rows; r < plane.rows; ++r)
        std::memcpy(plane.row(r), plane.row(rows - 1), static_cast<size_t>(plane.stride));
}

// libjpeg's numbers of 16 bits behind the point.
constexpr int32_t half = 1 << 15, middle = 128 << 16;

uint8_t brightness(int32_t red, int32_t green, int32_t blue) {
    return static_cast<uint8_t>((19595 * red + 38470 * green + 7471 * blue + half) >> 16);
}
uint8_t blueness(int32_t red, int32_t green, int32_t blue) {
    return static_cast<uint8_t>((-11059 * red - 21709 * green + 32768 * blue + middle + half - 1) >>
                                16);
}
uint8_t redness(int32_t red, int32_t green, int32_t blue) {
    return static_cast<uint8_t>((32768 * red - 27439 * green - 5329 * blue + middle + half - 1) >>
                                16);
}

struct Colors {
    uint8_t* bright;
    uint8_t* blue;
    uint8_t* red;
};

// A row of pixels of three or more bytes.
void convert(const uint8_t* in, int64_t pixels, int depth, Colors out) {
    Planes planes;
    for (int64_t place = 0; place < pixels; place += tile_pixels) {
        const int64_t some = std::min<int64_t>(tile_pixels, pixels - place);
        const uint8_t* from = in + place * depth;
        if (depth == 3)
            split(from, some, planes);
        else
            for (int64_t i = 0; i < some; ++i)
                for (int k = 0; k < 3; ++k) planes.channel[k][i] = from[i * depth + k];
        const uint8_t *r = planes.channel[0], *g = planes.channel[1], *b = planes.channel[2];
        uint8_t *y = out.bright + place, *cb = out.blue + place, *cr = out.red + place;
#pragma omp simd
        for (int64_t i = 0; i < some; ++i) {
            y[i] = brightness(r[i], g[i], b[i]);
            cb[i] = blueness(r[i], g[i], b[i]);
            cr[i] = redness(r[i], g[i], b[i]);
        }
    }
}

// Means of squares of four, halves up and down in turn. `count` pairs.
void halve(const uint8_t* upper, const uint8_t* lower, int64_t count, uint8_t* out) {
#pragma omp simd
    for (int64_t i = 0; i < count; ++i) {
        const int sum = upper[2 * i] + upper[2 * i + 1] + lower[2 * i] + lower[2 * i + 1];
        out[i] = static_cast<uint8_t>((sum + 1 + static_cast<int>(i & 1)) >> 2);
    }
}

// A row of twice as many values from the nearest row of a plane and the one beyond: each of the
// four places around a value takes 9 parts of it, 3 of either neighbor, 1 of the one across.
void doubled(const uint8_t* near, const uint8_t* far, int64_t count, int16_t* sums, uint8_t* out) {
    if (count <= 2) { // libjpeg repeats these
        for (int64_t i = 0; i < count; ++i) out[2 * i] = out[2 * i + 1] = near[i];
        return;
    }
    int16_t* own = sums + 1;
    for (int64_t i = 0; i < count; ++i) own[i] = static_cast<int16_t>(3 * near[i] + far[i]);
    own[-1] = own[0], own[count] = own[count - 1];
#pragma omp simd
    for (int64_t i = 0; i < count; ++i) {
        out[2 * i] = static_cast<uint8_t>((3 * own[i] + own[i - 1] + 8) >> 4);
        out[2 * i + 1] = static_cast<uint8_t>((3 * own[i] + own[i + 1] + 7) >> 4);
    }
}

void convert_back(Colors in, int64_t pixels, int depth, uint8_t* out) {
    Planes planes;
    for (int64_t place = 0; place < pixels; place += tile_pixels) {
        const int64_t some = std::min<int64_t>(tile_pixels, pixels - place);
        const uint8_t *y = in.bright + place, *cb = in.blue + place, *cr = in.red + place;
        uint8_t *r = planes.channel[0], *g = planes.channel[1], *b = planes.channel[2];
#pragma omp simd
        for (int64_t i = 0; i < some; ++i) {
            const int32_t blue = cb[i] - 128, red = cr[i] - 128;
            r[i] = static_cast<uint8_t>(clip(y[i] + ((91881 * red + half) >> 16), 0, 255));
            g[i] = static_cast<uint8_t>(
                clip(y[i] + ((-22554 * blue - 46802 * red + half) >> 16), 0, 255));
            b[i] = static_cast<uint8_t>(clip(y[i] + ((116130 * blue + half) >> 16), 0, 255));
        }
        uint8_t* to = out + place * depth;
        if (depth == 3)
            join(planes, some, to);
        else
            for (int64_t i = 0; i < some; ++i)
                for (int k = 0; k < 3; ++k) to[i * depth + k] = planes.channel[k][i];
    }
}

struct ColorPlanes {
    JpegPlane bright, blue, red;
};

void take_apart(const uint8_t* in, Shape shape, const ColorPlanes& planes, uint8_t* room) {
    const int64_t width = shape.width, height = shape.height, row_bytes = width * shape.channels;
    // Means go on to the end of the last block: those of the last pixel, repeated, need not be the
    // last mean.
    const int64_t halved = multiple((width + 1) / 2, 8), whole = 2 * halved;
    uint8_t *blue[2] = {room, room + whole}, *red[2] = {room + 2 * whole, room + 3 * whole};
    for (int64_t r = 0; r < height; r += 2) {
        for (int k = 0; k < 2; ++k) {
            const int64_t row = std::min(r + k, height - 1); // the last of an odd number twice
            convert(in + row * row_bytes, width, shape.channels,
                    {planes.bright.row(row), blue[k], red[k]});
            for (uint8_t* row : {blue[k], red[k]})
                std::fill(row + width, row + whole, row[width - 1]);
        }
        halve(blue[0], blue[1], halved, planes.blue.row(r / 2));
        halve(red[0], red[1], halved, planes.red.row(r / 2));
    }
    fill_up(planes.bright, width, height);
    for (const JpegPlane& plane : {planes.blue, planes.red})
        fill_up(plane, halved, (height + 1) / 2);
}

void put_together(const ColorPlanes& planes, Shape shape, uint8_t* room, int16_t* sums,
                  uint8_t* out) {
    const int64_t width = shape.width, halved = (width + 1) / 2;
    const int64_t rows = (shape.height + 1) / 2;
    uint8_t *blue = room, *red = room + 2 * halved;
    for (int64_t r = 0; r < shape.height; ++r, out += width * shape.channels) {
        const int64_t near = r / 2;
        const int64_t far = clip<int64_t>(r % 2 ? near + 1 : near - 1, 0, rows - 1);
        doubled(planes.blue.row(near), planes.blue.row(far), halved, sums, blue);
        doubled(planes.red.row(near), planes.red.row(far), halved, sums, red);
        convert_back({planes.bright.row(r), blue, red}, width, shape.channels, out);
    }
}

void jpeg_gray(const uint8_t* in, Shape shape, int quality, uint8_t* out, Scratch& scratch) {
    const int64_t width = shape.width, height = shape.height;
    const JpegPlane plane =
        plane_at(scratch.smaller.get<uint8_t>(bytes_of(width, height)), width, height);
    for (int64_t r = 0; r < height; ++r)
        std::memcpy(plane.row(r), in + r * width, static_cast<size_t>(width));
    fill_up(plane, width, height);
    int32_t quantizers[64];
    scaled(bright, quality, quantizers);
    through_blocks(plane, quantizers, scratch);
    for (int64_t r = 0; r < height; ++r)
        std::memcpy(out + r * width, plane.row(r), static_cast<size_t>(width));
}

void jpeg_color(const uint8_t* in, Shape shape, int quality, uint8_t* out, Scratch& scratch) {
    const int64_t width = shape.width, height = shape.height;
    const int64_t across = (width + 1) / 2, down = (height + 1) / 2;
    const int64_t large = bytes_of(width, height), small = bytes_of(across, down);
    auto* memory = scratch.smaller.get<uint8_t>(large + 2 * small);
    const ColorPlanes planes{plane_at(memory, width, height),
                             plane_at(memory + large, across, down),
                             plane_at(memory + large + small, across, down)};
    auto* room = scratch.passed_row.get<uint8_t>(8 * multiple(across, 8));
    take_apart(in, shape, planes, room);
    int32_t quantizers[64];
    scaled(bright, quality, quantizers);
    through_blocks(planes.bright, quantizers, scratch);
    scaled(colored, quality, quantizers);
    through_blocks(planes.blue, quantizers, scratch);
    through_blocks(planes.red, quantizers, scratch);
    if (in != out && shape.channels > 3) std::memcpy(out, in, static_cast<size_t>(shape.values()));
    put_together(planes, shape, room, scratch.fixed.get<int16_t>(across + 2), out);
}

} // namespace

template <>
void jpeg<uint8_t>(const uint8_t* in, Shape shape, int quality, uint8_t* out, Scratch& scratch) {
    if (shape.channels == 1) return jpeg_gray(in, shape, quality, out, scratch);
    jpeg_color(in, shape, quality, out, scratch);
}

// Colors go through the nearest level; channels behind the third stay.
template <>
void jpeg<float>(const float* in, Shape shape, int quality, float* out, Scratch& scratch) {
    const int colors = shape.channels == 1 ? 1 : 3;
    const Shape own{shape.height, shape.width, colors};
    auto* bytes = scratch.margin.get<uint8_t>(own.values());
    for (int64_t i = 0; i < shape.pixels(); ++i)
        for (int k = 0; k < colors; ++k)
            bytes[i * colors + k] = Rounding<uint8_t>::rounded(in[i * shape.channels + k] * 255.0);
    jpeg(static_cast<const uint8_t*>(bytes), own, quality, bytes, scratch);
    if (in != out) std::copy_n(in, shape.values(), out);
    for (int64_t i = 0; i < shape.pixels(); ++i)
        for (int k = 0; k < colors; ++k)
            out[i * shape.channels + k] = static_cast<float>(bytes[i * colors + k] / 255.0);
}

} // namespace variegate::inline VARIEGATE_TARGET
