// What the binding calls. All arguments have been checked; nothing here throws but for want of
// memory.
#pragma once

#include "variegate/image.hpp"
#include "variegate/tables.hpp"

namespace variegate {

template <class T>
void run_stage(const Stage& stage, const Source* images, const Target* results, int threads);

// Nearest, outside zero. Pixels are moved as `channels` values of type T, whatever they mean.
template <class T>
void run_masks(const Stage& stage, const Source* masks, const Target* results, int threads);

struct MixStage {
    const int64_t* partner = nullptr;
    const uint8_t* blend = nullptr;
    const double* weight = nullptr;
    const int32_t* rects = nullptr;
};

// images and result: (count, shape), contiguous.
template <class T>
void run_mix(const MixStage& mix, const T* images, T* result, int64_t count, Shape shape,
             int threads);

struct Output {
    const float* scale = nullptr;
    const float* offset = nullptr;
    bool channels_first = false;
    bool half = false;
};

// images and result: (count, shape), contiguous; result float32 or float16, as `output` says.
template <class T>
void run_output(const Output& output, const T* images, void* result, int64_t count, Shape shape,
                int threads);

} // namespace variegate
