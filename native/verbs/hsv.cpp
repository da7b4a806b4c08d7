// HSV: the hue is turned, saturation and value are changed, in single precision.
#include <algorithm>
#include <cmath>
#include <cstring>

#include "variegate/planes.hpp"
#include "variegate/rounding.hpp"
#include "variegate/vectors.hpp"
#include "variegate/verbs.hpp"

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

    bool is_none() const {
        return turn == 0 && saturation == 1 && value == 1 && more == 0 && brighter == 0;
    }
};

Floats clipped(Floats value, Floats high) { return value.upper(Floats::all(0.0f)).lower(high); }

Floats size(Floats value) { return value.upper(Floats::all(0.0f) - value); }

// Red, green and blue of as many pixels as a vector has lanes.
void turn(Floats* color, const Change& change) {
    const Floats one = Floats::all(1.0f), two = Floats::all(2.0f);
    const Floats six = Floats::all(6.0f), least = Floats::all(1e-30f);
    const Floats red = color[0], green = color[1], blue = color[2];
    const Floats high = red.upper(green).upper(blue), low = red.lower(green).lower(blue);
    const Floats apart = high - low, part = one / apart.upper(least);
    // The largest channel tells which third of the circle; the first of equal ones does.
    const Floats at_red = (green - blue) * part;
    const Floats at_green = (blue - red) * part + two;
    const Floats at_blue = (red - green) * part + Floats::all(4.0f);
    Floats hue = (red - high).choose((green - high).choose(at_blue, at_green), at_red);
    hue = hue + Floats::all(change.turn - 6.0f);
    hue = hue.choose(hue + six, hue);
    hue = hue.choose(hue + six, hue);
    const Floats top = clipped(high * Floats::all(change.value) + Floats::all(change.brighter),
                               Floats::all(change.full));
    const Floats saturation = clipped(
        apart / high.upper(least) * Floats::all(change.saturation) + Floats::all(change.more), one);
    const Floats chroma = top * saturation, rest = top - chroma;
    const auto share = [&](Floats value) { return rest + chroma * clipped(value, one); };
    color[0] = share(size(hue - Floats::all(3.0f)) - one);
    color[1] = share(two - size(hue - two));
    color[2] = share(two - size(hue - Floats::all(4.0f)));
}

void store(float level, uint8_t* out) { *out = Rounding<uint8_t>::truncated(level + 0.5f); }
void store(float level, float* out) { *out = Rounding<float>::truncated(level); }

} // namespace

void turn_planes(Planes& planes, int64_t pixels, const double* row) {
    const Change change(row, 255.0);
    if (change.is_none()) return;
    const Floats half = Floats::all(0.5f);
    for (int64_t i = 0; i < pixels; i += Bytes::count) {
        Floats own[3][4];
        for (int k = 0; k < 3; ++k) Bytes::load(planes.channel[k] + i).floats(own[k]);
        for (int part = 0; part < 4; ++part) {
            Floats color[3] = {own[0][part], own[1][part], own[2][part]};
            turn(color, change);
            for (int k = 0; k < 3; ++k) own[k][part] = color[k] + half;
        }
        for (int k = 0; k < 3; ++k) Bytes::truncated(own[k]).store(planes.channel[k] + i);
    }
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
    constexpr int64_t lanes = Floats::count;
    for (int64_t place = 0; place < count; place += lanes, in += lanes * depth) {
        const int64_t pixels = std::min(lanes, count - place);
        float plane[3][lanes] = {};
        for (int64_t i = 0; i < pixels; ++i)
            for (int k = 0; k < 3; ++k) plane[k][i] = static_cast<float>(in[i * depth + k]);
        Floats color[3];
        for (int k = 0; k < 3; ++k) color[k] = Floats::load(plane[k]);
        turn(color, change);
        for (int k = 0; k < 3; ++k) color[k].store(plane[k]);
        for (int64_t i = 0; i < pixels; ++i, out += depth) {
            for (int k = 0; k < 3; ++k) store(plane[k][i], out + k);
            for (int k = 3; k < depth; ++k) out[k] = in[i * depth + k];
        }
    }
}

template void hsv<uint8_t>(const uint8_t*, int64_t, int, const double*, uint8_t*);
template void hsv<float>(const float*, int64_t, int, const double*, float*);

} // namespace variegate::inline VARIEGATE_TARGET
