// Values between pixels: slowly where taps may leave the frame, in vectors of one pixel's channels
// where they cannot.
#include <algorithm>
#include <cstring>

#include "variegate/float4.hpp"
#include "variegate/warping.hpp"

namespace variegate::inline VARIEGATE_TARGET {

template <class T>
void sample_point(const T* in, Shape shape, double x, double y, Resample resample, Border border,
                  T* out) {
    const int depth = shape.channels;
    const auto pixel = [&](int r, int c) {
        return in + (static_cast<int64_t>(continued(r, shape.height, border)) * shape.width +
                     continued(c, shape.width, border)) *
                        depth;
    };
    if (resample == Resample::Nearest) {
        std::copy_n(pixel(static_cast<int>(fast_floor(y)), static_cast<int>(fast_floor(x))), depth,
                    out);
        return;
    }
    const bool linear = resample == Resample::Bilinear;
    const int reach = linear ? 1 : 2, taps = 2 * reach;
    const double left = fast_floor(x - 0.5), top = fast_floor(y - 0.5);
    double across[4], down[4];
    for (int tap = 0; tap < taps; ++tap) {
        const double tx = x - 0.5 - left - (tap + 1 - reach),
                     ty = y - 0.5 - top - (tap + 1 - reach);
        across[tap] = linear ? triangle_kernel(tx) : cubic_kernel(tx);
        down[tap] = linear ? triangle_kernel(ty) : cubic_kernel(ty);
    }
    double total[max_channels] = {};
    for (int r = 0; r < taps; ++r) {
        double line[max_channels] = {};
        for (int c = 0; c < taps; ++c) {
            const T* from = pixel(static_cast<int>(top) + r + 1 - reach,
                                  static_cast<int>(left) + c + 1 - reach);
            for (int k = 0; k < depth; ++k) line[k] += across[c] * from[k];
        }
        for (int k = 0; k < depth; ++k) total[k] += down[r] * line[k];
    }
    for (int k = 0; k < depth; ++k) out[k] = Rounding<T>::settled(total[k]);
}

Margin inside_margin(Resample resample) {
    // One pixel more on the right than the taps need: vectors read beyond a pixel's last channel.
    if (resample == Resample::Nearest) return {0, 0, 0};
    return resample == Resample::Bilinear ? Margin{0.5, 1.5, 0.5} : Margin{1.5, 2.5, 1.5};
}

namespace {

// Stores the first Depth lanes; exactly those for the last pixel of a run, one more before it.
template <int Depth> void store(Float4 value, bool last, uint8_t* out) {
    const uint32_t bytes = (value + Float4::all(0.5f)).truncated();
    std::memcpy(out, &bytes, Depth == 4 || !last ? 4 : Depth);
}

template <int Depth> void store(Float4 value, bool last, float* out) {
    value = value.clipped(0.0f, 1.0f);
    if (Depth == 4 || !last) return value.store(out);
    float lanes[4];
    value.store(lanes);
    std::memcpy(out, lanes, Depth * sizeof(float));
}

constexpr int block = 64;

// Where the pixels of a part of a row lie, worked out side by side: the first tap's value and the
// shares beyond it.
struct Places {
    int32_t offset[block];
    float across[block];
    float down[block];

    // `back` is what lies between a point and the center of its first tap.
    void find(const double* x, const double* y, int count, double back, int64_t stride, int depth) {
        const auto step = static_cast<double>(depth), line = static_cast<double>(stride);
        for (int j = 0; j < count; ++j) {
            const double px = x[j] - back, py = y[j] - back;
            const double left = static_cast<int>(px), top = static_cast<int>(py);
            across[j] = static_cast<float>(px - left);
            down[j] = static_cast<float>(py - top);
            offset[j] = static_cast<int32_t>(top * line + left * step);
        }
    }
};

// Calls work(places, count, first) for each block of a span.
template <class Work>
void each_block(const double* x, const double* y, Span span, double back, int64_t stride, int depth,
                Work work) {
    Places places;
    for (int from = span.from; from < span.to; from += block) {
        const int count = std::min(block, span.to - from);
        places.find(x + from, y + from, count, back, stride, depth);
        work(places, count, from);
    }
}

// Calls work(offset, across, down, j) for each pixel of a span.
template <class Work>
void each_place(const double* x, const double* y, Span span, double back, int64_t stride, int depth,
                Work work) {
    each_block(x, y, span, back, stride, depth, [&](const Places& places, int count, int from) {
        for (int j = 0; j < count; ++j)
            work(places.offset[j], places.across[j], places.down[j], from + j);
    });
}

// The pixels that hold the points. Pixels of three bytes are moved as four where there are four.
template <class T, int Depth>
void nearest(const T* in, Shape shape, const double* x, const double* y, Span span, T* out) {
    const int depth = Depth ? Depth : shape.channels;
    const double stride = static_cast<double>(shape.width) * depth, step = depth;
    const int64_t roomy = shape.values() - 4;
    int32_t offsets[block];
    out += static_cast<int64_t>(span.from) * depth;
    for (int from = span.from; from < span.to; from += block) {
        const int count = std::min(block, span.to - from);
#pragma omp simd
        for (int j = 0; j < count; ++j) {
            const double row = static_cast<int>(y[from + j]),
                         column = static_cast<int>(x[from + j]);
            offsets[j] = static_cast<int32_t>(row * stride + column * step);
        }
        for (int j = 0; j < count; ++j, out += depth) {
            const bool four =
                Depth == 3 && sizeof(T) == 1 && offsets[j] <= roomy && from + j + 1 < span.to;
            if (four)
                std::memcpy(out, in + offsets[j], 4);
            else
                std::memcpy(out, in + offsets[j], static_cast<size_t>(depth) * sizeof(T));
        }
    }
}

template <int Depth, class T>
Float4 bilinear_pixel(const T* from, int64_t stride, float tx, float ty) {
    const Float4 across = Float4::all(tx);
    const Float4 a = Float4::load(from), b = Float4::load(from + Depth);
    const Float4 c = Float4::load(from + stride), d = Float4::load(from + stride + Depth);
    const Float4 top = a + across * (b - a), bottom = c + across * (d - c);
    return top + Float4::all(ty) * (bottom - top);
}

template <class T, int Depth>
void bilinear(const T* in, Shape shape, const double* x, const double* y, Span span, T* out) {
    const int64_t stride = static_cast<int64_t>(shape.width) * Depth;
    out += static_cast<int64_t>(span.from) * Depth;
    each_place(x, y, span, 0.5, stride, Depth, [&](int32_t offset, float tx, float ty, int j) {
        store<Depth>(bilinear_pixel<Depth>(in + offset, stride, tx, ty), j + 1 == span.to, out);
        out += Depth;
    });
}

// Any number of channels, one value at a time.
template <class T>
void bilinear_each(const T* in, Shape shape, const double* x, const double* y, Span span, T* out) {
    const int depth = shape.channels;
    const int64_t stride = static_cast<int64_t>(shape.width) * depth;
    out += static_cast<int64_t>(span.from) * depth;
    each_place(x, y, span, 0.5, stride, depth, [&](int32_t offset, float tx, float ty, int) {
        const T* from = in + offset;
        for (int k = 0; k < depth; ++k, ++from) {
            const float a = from[0], b = from[depth], c = from[stride], d = from[stride + depth];
            const float upper = a + tx * (b - a), lower = c + tx * (d - c);
            const float value = upper + ty * (lower - upper);
            if constexpr (sizeof(T) == 1)
                *out++ = static_cast<T>(static_cast<int>(value + 0.5f));
            else
                *out++ = clip(value, 0.0f, 1.0f);
        }
    });
}

// The four weights of Keys' kernel for a share t beyond the second tap, as polynomials side by
// side.
void cubic_weights(float t, float* weights) {
    static constexpr float c0[4] = {0.0f, 1.0f, 0.0f, 0.0f}, c1[4] = {-0.5f, 0.0f, 0.5f, 0.0f};
    static constexpr float c2[4] = {1.0f, -2.5f, 2.0f, -0.5f}, c3[4] = {-0.5f, 1.5f, -1.5f, 0.5f};
    const Float4 share = Float4::all(t);
    const Float4 inner = Float4::load(c2) + share * Float4::load(c3);
    (Float4::load(c0) + share * (Float4::load(c1) + share * inner)).store(weights);
}

// Four neighbors in a row times their weights.
template <int Depth, class T> Float4 cubic_line(const T* from, const float* weights) {
    Float4 line = Float4::all(weights[0]) * Float4::load(from);
    for (int c = 1; c < 4; ++c)
        line = line + Float4::all(weights[c]) * Float4::load(from + c * Depth);
    return line;
}

template <class T, int Depth>
void bicubic(const T* in, Shape shape, const double* x, const double* y, Span span, T* out) {
    const int64_t stride = static_cast<int64_t>(shape.width) * Depth;
    out += static_cast<int64_t>(span.from) * Depth;
    each_place(x, y, span, 0.5, stride, Depth, [&](int32_t offset, float tx, float ty, int j) {
        float across[4], down[4];
        cubic_weights(tx, across);
        cubic_weights(ty, down);
        const T* from = in + offset - stride - Depth;
        Float4 total = Float4::all(0.0f);
        for (int r = 0; r < 4; ++r, from += stride)
            total = total + Float4::all(down[r]) * cubic_line<Depth>(from, across);
        store<Depth>(total, j + 1 == span.to, out);
        out += Depth;
    });
}

} // namespace

template <class T>
void sample_inside(const T* in, Shape shape, const double* x, const double* y, Span span,
                   Resample resample, T* out) {
    if (span.from >= span.to) return;
    const int depth = shape.channels;
    const bool huge = shape.values() > INT32_MAX; // beyond the places' 32 bits
    if (huge || (resample == Resample::Bicubic && depth != 3 && depth != 4)) {
        for (int j = span.from; j < span.to; ++j)
            sample_point(in, shape, x[j], y[j], resample, Border::Edge, out + int64_t{j} * depth);
        return;
    }
    if (resample == Resample::Nearest) {
        if (depth == 1) return nearest<T, 1>(in, shape, x, y, span, out);
        if (depth == 3) return nearest<T, 3>(in, shape, x, y, span, out);
        return nearest<T, 0>(in, shape, x, y, span, out);
    }
    if (resample == Resample::Bilinear) {
        if (depth == 3) return bilinear<T, 3>(in, shape, x, y, span, out);
        if (depth == 4) return bilinear<T, 4>(in, shape, x, y, span, out);
        return bilinear_each(in, shape, x, y, span, out);
    }
    if (depth == 3) return bicubic<T, 3>(in, shape, x, y, span, out);
    bicubic<T, 4>(in, shape, x, y, span, out);
}

template void sample_point<uint8_t>(const uint8_t*, Shape, double, double, Resample, Border,
                                    uint8_t*);
template void sample_point<float>(const float*, Shape, double, double, Resample, Border, float*);
template void sample_inside<uint8_t>(const uint8_t*, Shape, const double*, const double*, Span,
                                     Resample, uint8_t*);
template void sample_inside<float>(const float*, Shape, const double*, const double*, Span,
                                   Resample, float*);

} // namespace variegate::inline VARIEGATE_TARGET
