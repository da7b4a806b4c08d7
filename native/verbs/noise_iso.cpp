// NOISE, the mode ISO: each pixel's brightness moves and its color turns about its gray. Single
// precision, many pixels side by side.
#include "variegate/noises.hpp"
#include "variegate/rounding.hpp"
#include "variegate/tables.hpp"

namespace variegate::inline VARIEGATE_TARGET {
namespace {

constexpr int64_t some = noise_tile / 2; // pixels of a tile; each takes two numbers
constexpr float luma[3] = {0.299f, 0.587f, 0.114f};
// A quarter turn of the chroma in YIQ, in RGB: FROM_YIQ [0 0 0; 0 0 -1; 0 1 0] TO_YIQ.
constexpr double to_yiq[3][3] = {
    {0.299, 0.587, 0.114}, {0.595716, -0.274453, -0.321263}, {0.211456, -0.522591, 0.311135}};

struct Quarter {
    float rows[3][3];
    Quarter() {
        const auto& m = to_yiq;
        double inverse[3][3], determinant = 0;
        for (int i = 0; i < 3; ++i)
            for (int j = 0; j < 3; ++j) {
                const int a = (j + 1) % 3, b = (j + 2) % 3, c = (i + 1) % 3, d = (i + 2) % 3;
                inverse[i][j] = m[a][c] * m[b][d] - m[a][d] * m[b][c];
            }
        for (int j = 0; j < 3; ++j) determinant += m[0][j] * inverse[j][0];
        for (int i = 0; i < 3; ++i)
            for (int j = 0; j < 3; ++j)
                rows[i][j] = static_cast<float>(
                    (inverse[i][2] * m[1][j] - inverse[i][1] * m[2][j]) / determinant);
    }
};

// A level back to a value.
template <class T> T back(float level) {
    level = clip(level, 0.0f, 255.0f);
    if constexpr (sizeof(T) == 1)
        return static_cast<T>(static_cast<int>(level + 0.5f));
    else
        return level / 255.0f;
}

template <class T> constexpr float to_level = sizeof(T) == 1 ? 1.0f : 255.0f;

// steps: what is added; turns: the tangents of half the angles.
template <class T>
void turn(const T* in, int64_t count, int depth, const Quarter& quarter, const float* steps,
          const float* turns, T* out) {
    float planes[3][some];
    for (int64_t i = 0; i < count; ++i)
        for (int k = 0; k < 3; ++k)
            planes[k][i] = static_cast<float>(in[i * depth + k]) * to_level<T>;
    for (int64_t i = 0; i < count; ++i) {
        const float color[3] = {planes[0][i], planes[1][i], planes[2][i]};
        const float gray = luma[0] * color[0] + luma[1] * color[1] + luma[2] * color[2];
        const float square = turns[i] * turns[i], share = 1.0f / (1.0f + square);
        const float cosine = (1.0f - square) * share, sine = 2.0f * turns[i] * share;
        for (int k = 0; k < 3; ++k) {
            const float* row = quarter.rows[k];
            const float across = row[0] * color[0] + row[1] * color[1] + row[2] * color[2];
            planes[k][i] = gray + cosine * (color[k] - gray) + sine * across + steps[i];
        }
    }
    for (int64_t i = 0; i < count; ++i) {
        for (int k = 0; k < 3; ++k) out[i * depth + k] = back<T>(planes[k][i]);
        if (depth == 4) out[i * depth + 3] = in[i * depth + 3];
    }
}

template <class T>
void brighten(const T* in, int64_t count, int depth, const float* steps, T* out) {
    for (int64_t i = 0; i < count; ++i)
        for (int k = 0; k < depth; ++k)
            out[i * depth + k] =
                back<T>(static_cast<float>(in[i * depth + k]) * to_level<T> + steps[i]);
}

} // namespace

template <class T>
void iso_noise(const T* in, Shape shape, const double* numbers, uint64_t key, const float* normal,
               T* out) {
    const Quarter quarter;
    const auto bright = static_cast<float>(numbers[0] * 255.0);
    const auto half = static_cast<float>(numbers[1] / 2);
    const int depth = shape.channels;
    each_tile<uint16_t>(key, 2 * shape.pixels(),
                        [&](int64_t first, int64_t numbers_here, const uint16_t* parts) {
                            const int64_t count = numbers_here / 2, place = first / 2 * depth;
                            float steps[some], turns[some];
                            for (int64_t i = 0; i < count; ++i) {
                                steps[i] = normal[parts[2 * i] >> 4] * bright;
                                turns[i] = normal[parts[2 * i + 1] >> 4] * half;
                            }
                            if (depth == 3 || depth == 4)
                                turn(in + place, count, depth, quarter, steps, turns, out + place);
                            else
                                brighten(in + place, count, depth, steps, out + place);
                        });
}

template void iso_noise<uint8_t>(const uint8_t*, Shape, const double*, uint64_t, const float*,
                                 uint8_t*);
template void iso_noise<float>(const float*, Shape, const double*, uint64_t, const float*, float*);

} // namespace variegate::inline VARIEGATE_TARGET
