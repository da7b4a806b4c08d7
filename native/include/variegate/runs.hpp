// What an engine is made of: see Runs and Levels in engine.hpp for what each does.
#pragma once

#include "variegate/engine.hpp"
#include "variegate/planes.hpp"
#include "variegate/scratch.hpp"
#include "variegate/target.hpp"

namespace variegate::inline VARIEGATE_TARGET {

template <class T>
void run_stage(const Stage& stage, const Source* images, const Target* results,
               const Output* output, int threads, const std::function<void()>& first);
template <class T>
void run_masks(const Stage& stage, const Source* masks, const Target* results, int threads);
template <class T>
Extent run_mixes(const MixStage* mixes, int stages, const Picture* images, const Target* results,
                 int64_t count, int threads);
template <class T>
void run_output(const Output& output, const T* images, void* result, int64_t count, Shape shape,
                int threads);

bool run_rounding(const float* values, int64_t count, uint8_t* result, int threads);
Extent run_extent(const float* values, int64_t count, int threads);
template <class T> void settle_levels(const T* levels, int64_t count, bool rounds, uint8_t* out);
void scale_levels(const float* factors, int64_t count, bool rounds, uint8_t* out);
// Of at least one value, and of all that two are of.
Extent extent_of(const float* values, int64_t count);
Extent joined(Extent a, Extent b);

// Floats that a cache holds; what is more is written past the caches.
constexpr int64_t cached_values = int64_t{1} << 21;

// The same output for so many values in all.
inline Output for_values(Output output, int64_t values) {
    output.stream = output.number == Number::Float32 && values > cached_values;
    return output;
}

// Pixels of an image, taken apart.
struct Tile {
    int64_t place; // of the first
    int64_t pixels;
};

// A tile of an image of three channels and `plane` pixels, where `output` puts channels first.
void write_tile(const Output& output, const Planes& planes, Tile part, int64_t plane, void* result);
// Comes once after an image's last tile: between tiles it would let the next one's first stores
// wait for all of the last one's.
void finish_output(const Output& output);

// One image of a batch; result: as many values, of the type and in the layout that `output` says.
template <class T>
void write_output(const Output& output, const T* image, Shape shape, void* result);

// A run of pointwise entries that leaves three channels, and the output, which puts them first.
void pointwise_output(const uint8_t* in, Shape shape, const Stage& stage, int64_t first,
                      int64_t last, const Output& output, void* result, Scratch& scratch);

} // namespace variegate::inline VARIEGATE_TARGET
