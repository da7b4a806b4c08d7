// What an engine is made of: see Runs in engine.hpp for what each does.
#pragma once

#include "variegate/engine.hpp"
#include "variegate/target.hpp"

namespace variegate::inline VARIEGATE_TARGET {

template <class T>
void run_stage(const Stage& stage, const Source* images, const Target* results,
               const Output* output, int threads);
template <class T>
void run_masks(const Stage& stage, const Source* masks, const Target* results, int threads);
template <class T>
void run_mix(const MixStage& mix, const T* images, T* result, int64_t count, Shape shape,
             int threads);
template <class T>
void run_output(const Output& output, const T* images, void* result, int64_t count, Shape shape,
                int threads);

// One image of a batch; result: as many values, of the type and in the layout that `output` says.
template <class T>
void write_output(const Output& output, const T* image, Shape shape, void* result);

} // namespace variegate::inline VARIEGATE_TARGET
