// JPEG without a file: what compressing and decoding change, as libjpeg-turbo does it.
#pragma once

#include "variegate/verbs.hpp"

namespace variegate::inline VARIEGATE_TARGET {

// One channel, continued to whole blocks. Its rows have room for whole vectors of blocks, which may
// hold anything.
struct JpegPlane {
    static constexpr int together = 16; // blocks of 8x8 in a row

    uint8_t* values;
    int64_t stride; // a multiple of 8 * together
    int64_t rows;   // a multiple of 8

    uint8_t* row(int64_t r) const { return values + r * stride; }
};

// quantizers (8, 8): by vertical and horizontal frequency.
void through_blocks(const JpegPlane& plane, const int32_t* quantizers, Scratch& scratch);

// quality: 1..100. `out` may be `in`; channels behind the third stay.
template <class T> void jpeg(const T* in, Shape shape, int quality, T* out, Scratch& scratch);

} // namespace variegate::inline VARIEGATE_TARGET
