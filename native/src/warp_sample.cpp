// Values between pixels: slowly where taps may leave the frame, in vectors of one pixel's channels
// where they cannot.
#include <algorithm>
#include <cstring>

#include "variegate/float4.hpp"
#include "variegate/warping.hpp"

namespace variegate {

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
    if (Depth == 4 || !last) return value.store_nearest(out);
    uint8_t bytes[4];
    value.store_nearest(bytes);
    std::memcpy(out, bytes, Depth);
}

template <int Depth> void store(Float4 value, bool last, float* out) {
    value = value.clipped(0.0f, 1.0f);
    if (Depth == 4 || !last) return value.store(out);
    float lanes[4];
    value.store(lanes);
    std::memcpy(out, lanes, Depth * sizeof(float));
}

template <class T, int Depth>
void nearest(const T* in, Shape shape, const double* x, const double* y, Span span, T* out) {
    const int depth = Depth ? Depth : shape.channels;
    const int64_t stride = static_cast<int64_t>(shape.width) * depth;
    out += static_cast<int64_t>(span.from) * depth;
    for (int j = span.from; j < span.to; ++j, out += depth) {
        const T* from = in + static_cast<int>(y[j]) * stride + static_cast<int64_t>(x[j]) * depth;
        for (int k = 0; k < depth; ++k) out[k] = from[k];
    }
}

#ifdef VARIEGATE_SSE2
// Two neighbors at `from`, blended in 14 bits: exact to far below a level.
template <int Depth> __m128 blend_pair(const uint8_t* from, __m128i weights) {
    const __m128i both = _mm_loadl_epi64(reinterpret_cast<const __m128i*>(from));
    const __m128i pairs = _mm_unpacklo_epi8(both, _mm_srli_epi64(both, 8 * Depth));
    const __m128i wide = _mm_unpacklo_epi8(pairs, _mm_setzero_si128());
    return _mm_cvtepi32_ps(_mm_madd_epi16(wide, weights));
}

template <int Depth>
Float4 bilinear_pixel(const uint8_t* from, int64_t stride, double tx, double ty) {
    const int weight = static_cast<int>(tx * 16384 + 0.5);
    const __m128i weights = _mm_set1_epi32((weight << 16) | (16384 - weight));
    const Float4 top{blend_pair<Depth>(from, weights)};
    const Float4 bottom{blend_pair<Depth>(from + stride, weights)};
    const Float4 sum = top + Float4::all(static_cast<float>(ty)) * (bottom - top);
    return sum * Float4::all(1.0f / 16384);
}
#endif

template <int Depth, class T>
Float4 bilinear_pixel(const T* from, int64_t stride, double tx, double ty) {
    const Float4 across = Float4::all(static_cast<float>(tx));
    const Float4 a = Float4::load(from), b = Float4::load(from + Depth);
    const Float4 c = Float4::load(from + stride), d = Float4::load(from + stride + Depth);
    const Float4 top = a + across * (b - a), bottom = c + across * (d - c);
    return top + Float4::all(static_cast<float>(ty)) * (bottom - top);
}

template <class T, int Depth>
void bilinear(const T* in, Shape shape, const double* x, const double* y, Span span, T* out) {
    const int64_t stride = static_cast<int64_t>(shape.width) * Depth;
    out += static_cast<int64_t>(span.from) * Depth;
    for (int j = span.from; j < span.to; ++j, out += Depth) {
        const double px = x[j] - 0.5, py = y[j] - 0.5;
        const int left = static_cast<int>(px), top = static_cast<int>(py);
        const T* from = in + top * stride + static_cast<int64_t>(left) * Depth;
        store<Depth>(bilinear_pixel<Depth>(from, stride, px - left, py - top), j + 1 == span.to,
                     out);
    }
}

// Any number of channels, one value at a time.
template <class T>
void bilinear_each(const T* in, Shape shape, const double* x, const double* y, Span span, T* out) {
    const int depth = shape.channels;
    const int64_t stride = static_cast<int64_t>(shape.width) * depth;
    out += static_cast<int64_t>(span.from) * depth;
    for (int j = span.from; j < span.to; ++j) {
        const double px = x[j] - 0.5, py = y[j] - 0.5;
        const int left = static_cast<int>(px), top = static_cast<int>(py);
        const auto tx = static_cast<float>(px - left), ty = static_cast<float>(py - top);
        const T* from = in + top * stride + static_cast<int64_t>(left) * depth;
        for (int k = 0; k < depth; ++k, ++from) {
            const float a = from[0], b = from[depth], c = from[stride], d = from[stride + depth];
            const float upper = a + tx * (b - a), lower = c + tx * (d - c);
            const float value = upper + ty * (lower - upper);
            if constexpr (sizeof(T) == 1)
                *out++ = static_cast<T>(static_cast<int>(value + 0.5f));
            else
                *out++ = clip(value, 0.0f, 1.0f);
        }
    }
}

void cubic_weights(double t, float* weights) {
    for (int tap = 0; tap < 4; ++tap) weights[tap] = static_cast<float>(cubic_kernel(t + 1 - tap));
}

template <class T, int Depth>
void bicubic(const T* in, Shape shape, const double* x, const double* y, Span span, T* out) {
    const int64_t stride = static_cast<int64_t>(shape.width) * Depth;
    out += static_cast<int64_t>(span.from) * Depth;
    for (int j = span.from; j < span.to; ++j, out += Depth) {
        const double px = x[j] - 0.5, py = y[j] - 0.5;
        const int left = static_cast<int>(px), top = static_cast<int>(py);
        float across[4], down[4];
        cubic_weights(px - left, across);
        cubic_weights(py - top, down);
        const T* from = in + (top - 1) * stride + static_cast<int64_t>(left - 1) * Depth;
        Float4 total = Float4::all(0.0f);
        for (int r = 0; r < 4; ++r, from += stride) {
            Float4 line = Float4::all(across[0]) * Float4::load(from);
            for (int c = 1; c < 4; ++c)
                line = line + Float4::all(across[c]) * Float4::load(from + c * Depth);
            total = total + Float4::all(down[r]) * line;
        }
        store<Depth>(total, j + 1 == span.to, out);
    }
}

} // namespace

template <class T>
void sample_inside(const T* in, Shape shape, const double* x, const double* y, Span span,
                   Resample resample, T* out) {
    if (span.from >= span.to) return;
    const int depth = shape.channels;
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
    if (depth == 4) return bicubic<T, 4>(in, shape, x, y, span, out);
    for (int j = span.from; j < span.to; ++j)
        sample_point(in, shape, x[j], y[j], resample, Border::Edge, out + int64_t{j} * depth);
}

template void sample_point<uint8_t>(const uint8_t*, Shape, double, double, Resample, Border,
                                    uint8_t*);
template void sample_point<float>(const float*, Shape, double, double, Resample, Border, float*);
template void sample_inside<uint8_t>(const uint8_t*, Shape, const double*, const double*, Span,
                                     Resample, uint8_t*);
template void sample_inside<float>(const float*, Shape, const double*, const double*, Span,
                                   Resample, float*);

} // namespace variegate
