// LIGHTNESS: what is darker than a threshold becomes lighter by a factor, hue and saturation of HLS
// kept.
#include <algorithm>
#include <cmath>

#include "variegate/rounding.hpp"
#include "variegate/verbs.hpp"

namespace variegate::inline VARIEGATE_TARGET {
namespace {

// How a pixel of some lightness changes: value -> moved + (value - lightness) * scale.
struct Change {
    double lightness, moved, scale;
};

Change change_at(double lightness, double threshold, double factor) {
    if (!(lightness < threshold)) return {lightness, lightness, 1.0};
    const double moved = std::min(lightness * factor, 255.0);
    const double room = 255.0 - std::fabs(2.0 * lightness - 255.0);
    const double scale = room > 0 ? (255.0 - std::fabs(2.0 * moved - 255.0)) / room : 1.0;
    return {lightness, moved, scale};
}

template <class T> T changed(T value, const Change& change) {
    const double level = Rounding<T>::level(value);
    return Rounding<T>::rounded(change.moved + (level - change.lightness) * change.scale);
}

template <class T, class Find>
void each_color(const T* in, Shape shape, double threshold, Find find, T* out) {
    const int depth = shape.channels;
    for (int64_t i = 0; i < shape.pixels(); ++i, in += depth, out += depth) {
        const T high = std::max({in[0], in[1], in[2]}), low = std::min({in[0], in[1], in[2]});
        const double lightness = (Rounding<T>::level(high) + Rounding<T>::level(low)) * 0.5;
        if (depth == 4) out[3] = in[3];
        if (!(lightness < threshold)) {
            for (int k = 0; k < 3; ++k) out[k] = in[k];
            continue;
        }
        const Change change = find(lightness);
        for (int k = 0; k < 3; ++k) out[k] = changed(in[k], change);
    }
}

} // namespace

template <class T> void lightness(const T* in, Shape shape, const double* numbers, T* out) {
    const double threshold = numbers[0], factor = numbers[1];
    const auto at = [&](double level) { return change_at(level, threshold, factor); };
    if (shape.channels != 3 && shape.channels != 4) {
        for (int64_t i = 0; i < shape.values(); ++i) {
            const double level = Rounding<T>::level(in[i]);
            out[i] = level < threshold ? changed(in[i], at(level)) : in[i];
        }
    } else if constexpr (sizeof(T) == 1) {
        Change table[2 * levels - 1];
        for (int sum = 0; sum < 2 * levels - 1; ++sum) table[sum] = at(sum * 0.5);
        each_color(
            in, shape, threshold,
            [&](double level) { return table[static_cast<int>(2.0 * level)]; }, out);
    } else {
        each_color(in, shape, threshold, at, out);
    }
}

template void lightness<uint8_t>(const uint8_t*, Shape, const double*, uint8_t*);
template void lightness<float>(const float*, Shape, const double*, float*);

} // namespace variegate::inline VARIEGATE_TARGET
