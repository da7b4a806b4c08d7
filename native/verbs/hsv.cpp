// HSV: the hue is turned, saturation and value are changed, in single precision.
#include <algorithm>
#include <cmath>
#include <cstring>

#include "variegate/planes.hpp"
#include "variegate/rounding.hpp"
#include "variegate/vectors.hpp"
#include "variegate/verbs.hpp"

#if defined(_MSC_VER)
#define VARIEGATE_INLINED __forceinline
#else
#define VARIEGATE_INLINED inline __attribute__((always_inline))
#endif

namespace variegate::inline VARIEGATE_TARGET {
namespace {

// The numbers of a row for values on 0..full; the turn is in sixths, on 0..6.
struct Change {
    float turn, saturation, value, more, brighter, full;

    Change(const double* row, double full)
        : saturation(static_cast<float>(row[1])), value(static_cast<float>(row[2])),
          more(static_cast<float>(row[3] / 255.0)),
          brighter(static_cast<float>(row[4] / 255.0 * full)), full(static_cast<float>(full)) {
        const double sixths = row[0] / 60.0;
        turn = static_cast<float>(sixths - 6.0 * std::floor(sixths / 6.0));
    }

    // Whether saturation and value stay.
    bool turns_only() const { return saturation == 1 && value == 1 && more == 0 && brighter == 0; }
    bool is_none() const { return turn == 0 && turns_only(); }
};

VARIEGATE_INLINED Floats clipped(Floats value, Floats high) {
    return value.upper(Floats::all(0.0f)).lower(high);
}

VARIEGATE_INLINED Floats size(Floats value) { return value.upper(Floats::all(0.0f) - value); }

// Red, green and blue of as many pixels as a vector has lanes.
template <bool TurnsOnly> VARIEGATE_INLINED void turn(Floats* color, const Change& change) {
    const Floats one = Floats::all(1.0f), two = Floats::all(2.0f);
    const Floats six = Floats::all(6.0f), least = Floats::all(1e-30f);
    const Floats red = color[0], green = color[1], blue = color[2];
    const Floats high = red.upper(green).upper(blue), low = red.lower(green).lower(blue);
    const Floats apart = high - low;
    // The largest channel tells which third of the circle; the first of equal ones does.
    const Floats not_red = red - high, not_green = green - high;
    const Floats ahead = not_red.choose(not_green.choose(red - green, blue - red), green - blue);
    const Floats first = not_red.choose(
        not_green.choose(Floats::all(change.turn - 2.0f), Floats::all(change.turn - 4.0f)),
        Floats::all(change.turn - 6.0f));
    Floats hue = first + ahead / apart.upper(least);
    hue = hue.choose(hue + six, hue);
    hue = hue.choose(hue + six, hue);
    Floats top = high, chroma = apart;
    if constexpr (!TurnsOnly) {
        top = clipped(high * Floats::all(change.value) + Floats::all(change.brighter),
                      Floats::all(change.full));
        chroma = top * clipped(apart / high.upper(least) * Floats::all(change.saturation) +
                                   Floats::all(change.more),
                               one);
    }
    const Floats rest = top - chroma;
    const auto share = [&](Floats value) { return rest + chroma * clipped(value, one); };
    color[0] = share(size(hue - Floats::all(3.0f)) - one);
    color[1] = share(two - size(hue - two));
    color[2] = share(two - size(hue - Floats::all(4.0f)));
}

template <bool TurnsOnly> void turn_bytes(Planes& planes, int64_t pixels, Change change) {
    const Floats half = Floats::all(0.5f);
    for (int64_t i = 0; i < pixels; i += Bytes::count) {
        Floats own[3][4];
        for (int k = 0; k < 3; ++k) Bytes::load(planes.channel[k] + i).floats(own[k]);
        for (int part = 0; part < 4; ++part) {
            Floats color[3] = {own[0][part], own[1][part], own[2][part]};
            turn<TurnsOnly>(color, change);
            for (int k = 0; k < 3; ++k) own[k][part] = color[k] + half;
        }
        for (int k = 0; k < 3; ++k) Bytes::truncated(own[k]).store(planes.channel[k] + i);
    }
}

uint8_t settled(float level, uint8_t) { return Rounding<uint8_t>::truncated(level + 0.5f); }
float settled(float level, float) { return Rounding<float>::truncated(level); }

constexpr int64_t tile = 256; // pixels

// Depth: of the image, or 0 where that is not known before.
template <class T, int Depth>
void turn_tiles(const T* in, int64_t count, int depth, Change change, T* out) {
    const int step = Depth ? Depth : depth;
    float red[tile], green[tile], blue[tile];
    for (int64_t place = 0; place < count; place += tile, in += tile * step, out += tile * step) {
        const int64_t pixels = std::min(tile, count - place);
        for (int64_t i = 0; i < pixels; ++i) {
            red[i] = static_cast<float>(in[i * step]);
            green[i] = static_cast<float>(in[i * step + 1]);
            blue[i] = static_cast<float>(in[i * step + 2]);
        }
        for (int64_t i = pixels; i % Floats::count; ++i) red[i] = green[i] = blue[i] = 0;
        for (int64_t i = 0; i < pixels; i += Floats::count) {
            Floats color[3] = {Floats::load(red + i), Floats::load(green + i),
                               Floats::load(blue + i)};
            turn<false>(color, change);
            color[0].store(red + i);
            color[1].store(green + i);
            color[2].store(blue + i);
        }
        if (in != out)
            for (int k = 3; k < step; ++k)
                for (int64_t i = 0; i < pixels; ++i) out[i * step + k] = in[i * step + k];
        for (int64_t i = 0; i < pixels; ++i) {
            out[i * step] = settled(red[i], T{});
            out[i * step + 1] = settled(green[i], T{});
            out[i * step + 2] = settled(blue[i], T{});
        }
    }
}

} // namespace

void turn_planes(Planes& planes, int64_t pixels, const double* row) {
    const Change change(row, 255.0);
    if (change.is_none()) return;
    if (change.turns_only() && turn_hues(planes, pixels, change.turn)) return;
    if (change.turns_only()) return turn_bytes<true>(planes, pixels, change);
    turn_bytes<false>(planes, pixels, change);
}

template <class T> void hsv(const T* in, int64_t count, int depth, const double* row, T* out) {
    const Change change(row, Rounding<T>::full);
    if (change.is_none()) {
        if (in != out) std::memcpy(out, in, static_cast<size_t>(count * depth) * sizeof(T));
        return;
    }
    if (depth == 1) {
        for (int64_t i = 0; i < count; ++i) {
            const double level = Rounding<T>::level(in[i]);
            out[i] = Rounding<T>::rounded(level * row[2] + row[4]);
        }
        return;
    }
    if (depth == 3) return turn_tiles<T, 3>(in, count, depth, change, out);
    turn_tiles<T, 0>(in, count, depth, change, out);
}

template void hsv<uint8_t>(const uint8_t*, int64_t, int, const double*, uint8_t*);
template void hsv<float>(const float*, int64_t, int, const double*, float*);

} // namespace variegate::inline VARIEGATE_TARGET
