// SPECTRUM: the amplitudes of an image's low frequencies become those of a reference. Only these
// frequencies are worked out: columns first, for whole rows at once, then along the rows.
#include <algorithm>
#include <cmath>
#include <complex>
#include <numbers>

#include "variegate/rounding.hpp"
#include "variegate/tables.hpp"
#include "variegate/verbs.hpp"

namespace variegate::inline VARIEGATE_TARGET {
namespace {

constexpr int wide = 2 * spectrum_reach + 1;
constexpr double least_amplitude = 1e-3; // levels; what is weaker has no phase
using Complex = std::complex<double>;

// How many frequencies to each side of 0.
int band_of(Shape shape, double beta) {
    const int side = std::min(shape.height, shape.width);
    const int band = static_cast<int>(std::floor(beta * side));
    return std::min({band, (side - 1) / 2, spectrum_reach});
}

Complex turned(int64_t product, int length) {
    const double angle = 2.0 * std::numbers::pi * static_cast<double>(product % length) / length;
    return {std::cos(angle), std::sin(angle)};
}

// The sums of whole rows with the weights of frequencies 0..band down the image. waves: for each
// frequency a row of real and a row of imaginary parts, `line` numbers each.
template <class T> void gather_rows(const T* in, Shape shape, int band, float* waves) {
    const int64_t line = static_cast<int64_t>(shape.width) * shape.channels;
    constexpr float to_level = sizeof(T) == 1 ? 1.0f : 255.0f;
    std::fill_n(waves, 2 * (band + 1) * line, 0.0f);
    for (int r = 0; r < shape.height; ++r, in += line) {
        for (int f = 0; f <= band; ++f) {
            const Complex turn = turned(static_cast<int64_t>(f) * r, shape.height);
            const auto cosine = static_cast<float>(turn.real()) * to_level;
            const auto sine = static_cast<float>(-turn.imag()) * to_level;
            float *real = waves + 2 * f * line, *imaginary = real + line;
            for (int64_t i = 0; i < line; ++i) {
                const auto value = static_cast<float>(in[i]);
                real[i] += cosine * value;
                imaginary[i] += sine * value;
            }
        }
    }
}

// What a frequency must change by.
Complex missing(Complex found, double amplitude, double pixels) {
    const double size = std::abs(found);
    if (amplitude < 0) return {}; // the reference has none
    return size < least_amplitude * pixels ? Complex{} : found * (amplitude * pixels / size - 1.0);
}

// Cosines and sines of frequencies 0..band along a row: a row of each for a frequency.
void fill_turns(int width, int band, float* turns) {
    for (int g = 0; g <= band; ++g)
        for (int c = 0; c < width; ++c) {
            const Complex turn = turned(static_cast<int64_t>(g) * c, width);
            turns[(2 * g) * width + c] = static_cast<float>(turn.real());
            turns[(2 * g + 1) * width + c] = static_cast<float>(turn.imag());
        }
}

// One row of numbers of a channel, and what it has of a frequency g along the row and of -g.
struct Line {
    float *real, *imaginary;
    int width;

    void find(const float* cosine, const float* sine, Complex& there, Complex& back) const {
        float a = 0, b = 0, c = 0, d = 0;
#pragma omp simd reduction(+ : a, b, c, d)
        for (int i = 0; i < width; ++i) {
            a += real[i] * cosine[i];
            b += imaginary[i] * cosine[i];
            c += real[i] * sine[i];
            d += imaginary[i] * sine[i];
        }
        there = {static_cast<double>(a) + d, static_cast<double>(b) - c};
        back = {static_cast<double>(a) - d, static_cast<double>(b) + c};
    }
    void add(const float* cosine, const float* sine, Complex there, Complex back) {
        const Complex sum = there + back, difference = there - back;
        const auto a = static_cast<float>(sum.real()), b = static_cast<float>(difference.imag());
        const auto c = static_cast<float>(sum.imag()), d = static_cast<float>(difference.real());
        for (int i = 0; i < width; ++i) {
            real[i] += a * cosine[i] - b * sine[i];
            imaginary[i] += c * cosine[i] + d * sine[i];
        }
    }
};

// One frequency down the image: its waves (real, then imaginary, `depth` numbers a column) become
// those of what is missing. amplitudes (depth, spectrum_reach + 1, wide); memory: four rows.
void exchange(float* waves, Shape shape, int f, int band, const float* turns,
              const float* amplitudes, float* memory) {
    const int width = shape.width, depth = shape.channels;
    float* imaginary = waves + static_cast<int64_t>(width) * depth;
    const auto pixels = static_cast<double>(shape.pixels());
    const double times = (f == 0 ? 1.0 : 2.0) / pixels; // a frequency and its mirror image
    for (int k = 0; k < depth; ++k) {
        const Line found{memory, memory + width, width};
        Line changed{memory + 2 * width, memory + 3 * width, width};
        for (int c = 0; c < width; ++c) {
            found.real[c] = waves[c * depth + k];
            found.imaginary[c] = imaginary[c * depth + k];
        }
        std::fill_n(changed.real, 2 * width, 0.0f);
        const float* wanted = amplitudes +
                              (static_cast<int64_t>(k) * (spectrum_reach + 1) + f) * wide +
                              spectrum_reach;
        for (int g = 0; g <= band; ++g) {
            const float *cosine = turns + 2 * g * width, *sine = cosine + width;
            Complex there, back;
            found.find(cosine, sine, there, back);
            there = missing(there, wanted[g], pixels) * times;
            back = g ? missing(back, wanted[-g], pixels) * times : Complex{};
            changed.add(cosine, sine, there, back);
        }
        for (int c = 0; c < width; ++c) {
            waves[c * depth + k] = changed.real[c];
            imaginary[c * depth + k] = changed.imaginary[c];
        }
    }
}

template <class T>
void scatter_rows(const T* in, Shape shape, int band, const float* waves, float* sums, T* out) {
    const int64_t line = static_cast<int64_t>(shape.width) * shape.channels;
    for (int r = 0; r < shape.height; ++r, in += line, out += line) {
        std::fill_n(sums, line, 0.0f);
        for (int f = 0; f <= band; ++f) {
            const Complex turn = turned(static_cast<int64_t>(f) * r, shape.height);
            const auto cosine = static_cast<float>(turn.real());
            const auto sine = static_cast<float>(turn.imag());
            const float *real = waves + 2 * f * line, *imaginary = real + line;
            for (int64_t i = 0; i < line; ++i) sums[i] += cosine * real[i] - sine * imaginary[i];
        }
        for (int64_t i = 0; i < line; ++i)
            out[i] = Rounding<T>::rounded(Rounding<T>::level(in[i]) + static_cast<double>(sums[i]));
    }
}

} // namespace

template <class T>
void spectrum(const T* in, Shape shape, const Tables& tables, int64_t row, T* out,
              Scratch& scratch) {
    const int band = band_of(shape, tables.spectrum[row]);
    if (band < 0) {
        if (in != out) std::copy_n(in, shape.values(), out);
        return;
    }
    const int64_t line = static_cast<int64_t>(shape.width) * shape.channels;
    const float* amplitudes = tables.amplitudes + wide * tables.amplitudes_start[row];
    auto* waves = scratch.pass.get<float>((2 * (band + 1) + 1) * line);
    auto* turns =
        scratch.points.get<float>((2 * (band + 1) + 4) * static_cast<int64_t>(shape.width));
    fill_turns(shape.width, band, turns);
    gather_rows(in, shape, band, waves);
    for (int f = 0; f <= band; ++f)
        exchange(waves + 2 * f * line, shape, f, band, turns, amplitudes,
                 turns + 2 * (band + 1) * static_cast<int64_t>(shape.width));
    scatter_rows(in, shape, band, waves, waves + 2 * (band + 1) * line, out);
}

template void spectrum<uint8_t>(const uint8_t*, Shape, const Tables&, int64_t, uint8_t*, Scratch&);
template void spectrum<float>(const float*, Shape, const Tables&, int64_t, float*, Scratch&);

} // namespace variegate::inline VARIEGATE_TARGET
