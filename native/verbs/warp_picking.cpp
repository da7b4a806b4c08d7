// Maps along the axes that take whole pixels: a source row for each output row, a source column for
// each column.
#include <algorithm>
#include <cstring>

#include "variegate/copying.hpp"
#include "variegate/warping.hpp"

#if defined(__AVX2__)
#include <immintrin.h>
#endif

namespace variegate::inline VARIEGATE_TARGET {
namespace {

constexpr int outside = -1;

// The source index of each of `count` outputs at scale * (i + 1/2) + offset, or `outside`.
bool is_whole_step(double scale, double offset) {
    return std::fabs(scale) == 1 && offset == fast_floor(offset);
}

// index_axis for neighbors in order or in reverse: without rounding, several at once.
void step_axis(int first, int step, int length, int count, Border border, int* index) {
    if (border == Border::Constant) {
#pragma omp simd
        for (int i = 0; i < count; ++i) {
            const int at = first + step * i;
            index[i] = (at < 0) | (at >= length) ? outside : at;
        }
        return;
    }
    for (int i = 0; i < count; ++i) index[i] = continued(first + step * i, length, border);
}

void index_axis(double scale, double offset, int length, int count, Border border, int* index) {
    if (is_whole_step(scale, offset) && std::fabs(offset) < far_away / 2) {
        const int first = static_cast<int>(offset) - (scale < 0);
        return step_axis(first, scale < 0 ? -1 : 1, length, count, border, index);
    }
    for (int i = 0; i < count; ++i) {
        const double at = near_enough(scale * (i + 0.5) + offset);
        const bool gone = border == Border::Constant && (at < 0 || at >= length);
        index[i] = gone ? outside : continued(static_cast<int>(fast_floor(at)), length, border);
    }
}

template <class T, int Depth>
void pick_row(const T* line, int64_t step, const int* columns, int count, int depth, const T* fill,
              T* out) {
    const int width = Depth ? Depth : depth;
    for (int j = 0; j < count; ++j, out += width) {
        const T* from = columns[j] == outside ? fill : line + columns[j] * step;
        std::memcpy(out, from, static_cast<size_t>(width) * sizeof(T));
    }
}

// Columns [from, to) that are neighbors in the source, in order (step 1) or in reverse (step -1).
struct Run {
    Span span;
    int step; // 0: no run
};

Run find_run(const int* columns, int count) {
    Span span{0, count};
    while (span.from < span.to && columns[span.from] == outside) ++span.from;
    while (span.to > span.from && columns[span.to - 1] == outside) --span.to;
    if (span.to - span.from < 2) return {span, 1};
    const int step = columns[span.from + 1] - columns[span.from];
    if (step != 1 && step != -1) return {span, 0};
    for (int j = span.from + 1; j < span.to; ++j)
        if (columns[j] == outside || columns[j] != columns[j - 1] + step) return {span, 0};
    return {span, step};
}

#if defined(__AVX512VBMI__)
// Where the bytes of 21 pixels in reverse order lie, if the first pixel begins at byte 1.
struct ReversedColors {
    alignas(64) uint8_t bytes[64] = {};
    constexpr ReversedColors() {
        for (int i = 0; i < 63; ++i) bytes[i] = static_cast<uint8_t>(61 - i / 3 * 3 + i % 3);
    }
};
constexpr ReversedColors reversed_colors;
#endif

// Pixels in reverse order: `first` becomes the last of `out`.
template <class T> void reverse_pixels(const T* first, int64_t count, int depth, T* out) {
    const T* from = first + (count - 1) * depth;
    int64_t i = 0;
#if defined(__AVX512VBMI__)
    if constexpr (sizeof(T) == 1) {
        // 21 pixels of three bytes at a time; the last byte is written over afterwards.
        const __m512i turn = _mm512_load_si512(reversed_colors.bytes);
        for (; depth == 3 && i + 22 <= count; i += 21, from -= 63, out += 63)
            _mm512_storeu_si512(out, _mm512_permutexvar_epi8(turn, _mm512_loadu_si512(from - 61)));
    }
#endif
#if defined(__AVX2__)
    if constexpr (sizeof(T) == 1) {
        // Five pixels of three bytes at a time; the sixteenth byte is written over afterwards.
        const __m128i turn = _mm_setr_epi8(13, 14, 15, 10, 11, 12, 7, 8, 9, 4, 5, 6, 1, 2, 3, 0);
        for (; depth == 3 && i + 6 <= count; i += 5, from -= 15, out += 15) {
            const auto* bytes = reinterpret_cast<const __m128i*>(from - 13);
            _mm_storeu_si128(reinterpret_cast<__m128i*>(out),
                             _mm_shuffle_epi8(_mm_loadu_si128(bytes), turn));
        }
    }
#endif
    for (; i < count; ++i, from -= depth, out += depth)
        for (int k = 0; k < depth; ++k) out[k] = from[k];
}

// Rows whose columns are one run. What lies between the runs of two rows is painted at once.
template <class T>
void pick_runs(const T* in, Shape shape, const int* rows, const int* columns, Run run,
               const Warp& warp, const T* fill, T* out) {
    // The processor foresees neither falling rows nor rows that are read from their end.
    constexpr int ahead = 6; // rows
    const bool falls = run.step == -1 || warp.matrix[4] < 0;
    const int depth = shape.channels, count = run.span.to - run.span.from;
    const int64_t stride = static_cast<int64_t>(shape.width) * depth;
    const int first = count > 0 ? columns[run.step == 1 ? run.span.from : run.span.to - 1] : 0;
    in += int64_t{first} * depth;
    int64_t waiting = 0; // pixels to be painted before the next run
    const auto paint_waiting = [&] {
        paint(fill, waiting, depth, out);
        out += waiting * depth;
        waiting = 0;
    };
    for (int i = 0; i < warp.height; ++i) {
        if (rows[i] == outside || count <= 0) {
            waiting += warp.width;
            continue;
        }
        if (falls && i + ahead < warp.height && rows[i + ahead] != outside)
            fetch_soon(in + rows[i + ahead] * stride, stride * static_cast<int64_t>(sizeof(T)));
        waiting += run.span.from;
        paint_waiting();
        const T* line = in + rows[i] * stride;
        if (run.step == 1)
            copy_values(line, int64_t{count} * depth, out);
        else
            reverse_pixels(line, count, depth, out);
        out += int64_t{count} * depth;
        waiting = warp.width - run.span.to;
    }
    paint_waiting();
}

} // namespace

template <class T> bool picks_pixels(const Warp& warp) {
    const double* m = warp.matrix;
    if (warp.field || !is_affine(m)) return false;
    const bool upright = m[1] == 0 && m[3] == 0;
    if (!upright && !(m[0] == 0 && m[4] == 0)) return false;
    if (warp.resample == Resample::Nearest) return true;
    const double across = upright ? m[0] : m[1], down = upright ? m[4] : m[3];
    return is_whole_step(across, m[2]) && is_whole_step(down, m[5]);
}

template <class T>
void warp_picking(const T* in, Shape shape, const Warp& warp, T* out, Scratch& scratch) {
    const double* m = warp.matrix;
    const int depth = shape.channels;
    const int64_t stride = static_cast<int64_t>(shape.width) * depth;
    const bool upright = m[1] == 0 && m[3] == 0;
    int* columns = scratch.places[0].get<int>(warp.width);
    int* rows = scratch.places[1].get<int>(warp.height);
    if (upright) {
        index_axis(m[0], m[2], shape.width, warp.width, warp.border, columns);
        index_axis(m[4], m[5], shape.height, warp.height, warp.border, rows);
    } else {
        index_axis(m[3], m[5], shape.height, warp.width, warp.border, columns);
        index_axis(m[1], m[2], shape.width, warp.height, warp.border, rows);
    }
    T fill[max_channels];
    for (int k = 0; k < depth; ++k) fill[k] = Rounding<T>::fill(warp.fill[k]);
    const Run run = upright ? find_run(columns, warp.width) : Run{{0, 0}, 0};
    if (run.step != 0) return pick_runs(in, shape, rows, columns, run, warp, fill, out);
    const int64_t along = upright ? depth : stride, down = upright ? stride : depth;
    const int64_t wide = int64_t{warp.width} * depth;
    for (int i = 0; i < warp.height; ++i, out += wide) {
        if (i > 0 && rows[i] == rows[i - 1]) { // as where an image grows
            copy_values(out - wide, wide, out);
            continue;
        }
        const T* line = in + rows[i] * down;
        if (rows[i] == outside)
            paint(fill, warp.width, depth, out);
        else if (depth == 3)
            pick_row<T, 3>(line, along, columns, warp.width, depth, fill, out);
        else if (depth == 1)
            pick_row<T, 1>(line, along, columns, warp.width, depth, fill, out);
        else
            pick_row<T, 0>(line, along, columns, warp.width, depth, fill, out);
    }
}

template bool picks_pixels<uint8_t>(const Warp&);
template bool picks_pixels<float>(const Warp&);
template void warp_picking<uint8_t>(const uint8_t*, Shape, const Warp&, uint8_t*, Scratch&);
template void warp_picking<float>(const float*, Shape, const Warp&, float*, Scratch&);

} // namespace variegate::inline VARIEGATE_TARGET
