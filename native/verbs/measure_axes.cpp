// MEASURE, the mode PRINCIPAL: the colors move along the axes in which they vary.
#include <cmath>

#include "variegate/rounding.hpp"
#include "variegate/statistics.hpp"
#include "variegate/verbs.hpp"

namespace variegate::inline VARIEGATE_TARGET {
namespace {

constexpr int sweeps = 12;
constexpr double negligible = 1e-30; // what two axes of values on 0..1 may still share
constexpr double full = 255.0;

// Turns axes p and q of a symmetric matrix so that its entry (p, q) becomes 0.
void turn(double matrix[3][3], double axes[3][3], int p, int q) {
    const double entry = matrix[p][q];
    if (std::fabs(entry) <= negligible) return;
    const double theta = (matrix[q][q] - matrix[p][p]) / (2.0 * entry);
    const double sign = theta < 0 ? -1.0 : 1.0;
    const double tangent = sign / (std::fabs(theta) + std::sqrt(theta * theta + 1.0));
    const double cosine = 1.0 / std::sqrt(tangent * tangent + 1.0), sine = tangent * cosine;
    for (int k = 0; k < 3; ++k) {
        const double one = matrix[k][p], other = matrix[k][q];
        matrix[k][p] = cosine * one - sine * other;
        matrix[k][q] = sine * one + cosine * other;
    }
    for (int k = 0; k < 3; ++k) {
        const double one = matrix[p][k], other = matrix[q][k];
        matrix[p][k] = cosine * one - sine * other;
        matrix[q][k] = sine * one + cosine * other;
        const double first = axes[k][p], second = axes[k][q];
        axes[k][p] = cosine * first - sine * second;
        axes[k][q] = sine * first + cosine * second;
    }
}

// Columns of `axes`: the directions, the widest first, the largest component of each positive.
void principal_axes(double matrix[3][3], double axes[3][3], double* variances) {
    double found[3][3] = {{1, 0, 0}, {0, 1, 0}, {0, 0, 1}};
    for (int sweep = 0; sweep < sweeps; ++sweep) {
        turn(matrix, found, 0, 1);
        turn(matrix, found, 0, 2);
        turn(matrix, found, 1, 2);
    }
    int order[3] = {0, 1, 2};
    for (int i = 0; i < 2; ++i)
        for (int j = 0; j < 2 - i; ++j)
            if (matrix[order[j + 1]][order[j + 1]] > matrix[order[j]][order[j]])
                std::swap(order[j], order[j + 1]);
    for (int i = 0; i < 3; ++i) {
        const int from = order[i];
        int largest = 0;
        for (int k = 1; k < 3; ++k)
            if (std::fabs(found[k][from]) > std::fabs(found[largest][from])) largest = k;
        const double sign = found[largest][from] < 0 ? -1.0 : 1.0;
        variances[i] = matrix[from][from];
        for (int k = 0; k < 3; ++k) axes[k][i] = sign * found[k][from];
    }
}

// Sums of channels first..first+count-1 and of their products, in the image's own range.
template <class T> struct Sums {
    using Sum = std::conditional_t<sizeof(T) == 1, uint64_t, double>;
    Sum single[3] = {}, product[3][3] = {};
    double pixels;

    Sums(const T* in, Shape shape, int first, int count)
        : pixels(static_cast<double>(shape.pixels())) {
        in += first;
        for (int64_t i = 0; i < shape.pixels(); ++i, in += shape.channels)
            for (int k = 0; k < count; ++k) {
                const auto value = static_cast<Sum>(in[k]);
                single[k] += value;
                for (int j = 0; j <= k; ++j) product[k][j] += value * static_cast<Sum>(in[j]);
            }
    }
    // On values 0..1.
    double covariance(int k, int j) const {
        constexpr double range = Rounding<T>::full;
        const double one = static_cast<double>(single[k]), other = static_cast<double>(single[j]);
        const double both = static_cast<double>(product[k > j ? k : j][k > j ? j : k]);
        return (both - one * other / pixels) / pixels / (range * range);
    }
};

template <class T> void add(const T* in, Shape shape, const double* steps, T* out) {
    const int depth = shape.channels;
    if constexpr (sizeof(T) == 1) {
        uint8_t tables[max_channels * levels];
        for (int k = 0; k < depth; ++k)
            for (int v = 0; v < levels; ++v) tables[levels * k + v] = to_nearest(v + steps[k]);
        map_channels(in, shape, tables, out);
    } else {
        for (int64_t i = 0; i < shape.pixels(); ++i)
            for (int k = 0; k < depth; ++k) {
                const int64_t place = i * depth + k;
                out[place] = Rounding<T>::rounded(Rounding<T>::level(in[place]) + steps[k]);
            }
    }
}

} // namespace

template <class T> void along_axes(const T* in, Shape shape, const double* amounts, T* out) {
    double steps[max_channels] = {};
    if (shape.channels == 3 || shape.channels == 4) {
        const Sums<T> sums(in, shape, 0, 3);
        double matrix[3][3], axes[3][3], variances[3];
        for (int k = 0; k < 3; ++k)
            for (int j = 0; j < 3; ++j) matrix[k][j] = sums.covariance(k, j);
        principal_axes(matrix, axes, variances);
        for (int k = 0; k < 3; ++k) {
            for (int i = 0; i < 3; ++i) steps[k] += axes[k][i] * (amounts[i] * variances[i]);
            steps[k] *= full;
        }
    } else {
        for (int k = 0; k < shape.channels; ++k)
            steps[k] = Sums<T>(in, shape, k, 1).covariance(0, 0) * amounts[0] * full;
    }
    add(in, shape, steps, out);
}

template void along_axes<uint8_t>(const uint8_t*, Shape, const double*, uint8_t*);
template void along_axes<float>(const float*, Shape, const double*, float*);

} // namespace variegate::inline VARIEGATE_TARGET
