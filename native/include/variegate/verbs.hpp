// The verbs, one source each. T is uint8_t or float; images are contiguous. Where a comment says
// so, `out` may be `in`.
#pragma once

#include "variegate/target.hpp"

#include "variegate/image.hpp"
#include "variegate/scratch.hpp"
#include "variegate/tables.hpp"

namespace variegate::inline VARIEGATE_TARGET {

// One row of the warp tables.
struct Warp {
    Resample resample;
    Border border;
    bool antialias;
    int height; // of the output
    int width;
    const double* matrix; // 9: output to source, or to the frame of the field
    const double* before; // 9: the field's frame to the source
    const double* field;  // nullptr: none
    int field_height;
    int field_width;
    int nodes_y;
    int nodes_x;
    const float* fill;
};

Warp warp_row(const Tables& tables, int64_t row);
// Whether rows and columns stay rows and columns and any of them changes its scale.
bool stretches(const double* matrix);

template <class T> void warp(const T* in, Shape shape, const Warp& warp, T* out, Scratch& scratch);

// A run of LOOKUP, CHANNELS, TOWARD, HSV, PICK and LUMA entries. `out` may be `in` where no LUMA is
// among them.
template <class T>
void pointwise(const T* in, Shape shape, const Stage& stage, int64_t first, int64_t last, T* out,
               Scratch& scratch);

// These change `count` pixels; `out` may be `in`.
template <class T>
void channels(const T* in, int64_t count, int channels, const double* matrix, T* out);
template <class T> void hsv(const T* in, int64_t count, int channels, const double* row, T* out);
template <class T> void toward(const T* in, int64_t count, int channels, float factor, T* out);
template <class T>
void pick(const T* in, int64_t count, int channels, const int32_t* from, const float* fill, T* out);
template <class T> void luma(const T* in, int64_t count, int channels, T* out);

// These change `count` values.
void lookup(const uint8_t* in, int64_t count, const uint8_t* table, uint8_t* out);
void lookup(const float* in, int64_t count, const float* table, float* out);

// `out` may be `in`.
template <class T>
void measure(const T* in, Shape shape, const double* row, T* out, Scratch& scratch);
template <class T> void rectangles(T* image, Shape shape, const Tables& tables, int64_t row);
template <class T> void grid(T* image, Shape shape, const Tables& tables, int64_t row);
template <class T>
void noise(const T* in, Shape shape, const Tables& tables, int64_t row, T* out, Scratch& scratch);

template <class T> void shapes(T* image, Shape shape, const Tables& tables, int64_t row, Scratch&);
template <class T> void lightness(const T* in, Shape shape, const double* numbers, T* out);
template <class T>
void match(const T* in, Shape shape, const Tables& tables, int64_t row, T* out, Scratch& scratch);
template <class T>
void spectrum(const T* in, Shape shape, const Tables& tables, int64_t row, T* out,
              Scratch& scratch);

// These read what others have not written yet: `out` is not `in`.
template <class T> void cells(const T* in, Shape shape, const Tables& tables, int64_t row, T* out);
// numbers: window, width, amount and threshold.
template <class T>
void blur(const T* in, Shape shape, const double* numbers, T* out, Scratch& scratch);
// The mean of squares of 2 radius + 1 pixels a side, radius 1..7.
void mean_of_squares(const uint8_t* in, Shape shape, int radius, uint8_t* out, Scratch& scratch);
template <class T> void smooth(const T* in, Shape shape, float factor, T* out, Scratch& scratch);
template <class T>
void kernel(const T* in, Shape shape, const Tables& tables, int64_t row, T* out, Scratch& scratch);
template <class T> void median(const T* in, Shape shape, int radius, T* out, Scratch& scratch);
// numbers: rows, columns and clip.
template <class T>
void tiles(const T* in, Shape shape, const double* numbers, T* out, Scratch& scratch);
// numbers: height, width, down and up.
template <class T>
void rescale(const T* in, Shape shape, const int32_t* numbers, T* out, Scratch& scratch);
// numbers: step and count.
template <class T>
void zoom(const T* in, Shape shape, const double* numbers, T* out, Scratch& scratch);
// numbers: distance and rounds.
template <class T>
void scatter(const T* in, Shape shape, const int32_t* numbers, uint64_t key, T* out,
             Scratch& scratch);

} // namespace variegate::inline VARIEGATE_TARGET
