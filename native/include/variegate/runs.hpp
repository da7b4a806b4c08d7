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
void run_mixes(const MixStage* mixes, int stages, const Picture* images, const Target* results,
               int64_t count, int threads);
template <class T>
void run_output(const Output& output, const T* images, void* result, int64_t count, Shape shape,
                int threads);

// The same output for so many values in all: what no cache holds is written past the caches.
inline Output for_values(Output output, int64_t values) {
    constexpr int64_t most = int64_t{1} << 21;
    output.stream = output.number == Number::Float32 && values > most;
    return output;
}

// One image of a batch; result: as many values, of the type and in the layout that `output` says.
template <class T>
void write_output(const Output& output, const T* image, Shape shape, void* result);

} // namespace variegate::inline VARIEGATE_TARGET
