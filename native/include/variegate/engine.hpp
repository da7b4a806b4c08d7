// What the binding calls. All arguments have been checked; nothing here throws but for want of
// memory.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "variegate/image.hpp"
#include "variegate/tables.hpp"

namespace variegate {

// A contiguous image to be read; data is of the batch's type.
struct Picture {
    const void* data = nullptr;
    Shape shape;
};

// See variegate.plan.program.MixStage: a source of -1 is the fill. shapes (samples,): of the
// results. masks: of the shape of the sample that uses them, 0 or 1.
struct MixStage {
    int64_t samples = 0;
    const Shape* shapes = nullptr;
    const int64_t* base = nullptr;
    const int64_t* start = nullptr;
    const int64_t* source = nullptr;
    const int32_t* place = nullptr;
    const int32_t* origin = nullptr;
    const double* weight = nullptr;
    const int64_t* mask = nullptr;
    const uint8_t* masks = nullptr;
    const float* fill = nullptr; // (samples, max_channels) levels
    const Picture* tiles = nullptr;
};

enum class Number { Float32, Float16, Bfloat16 };

// Each value v of a channel becomes v * scale + offset, in single precision.
struct Output {
    const float* scale = nullptr;
    const float* offset = nullptr;
    bool channels_first = false;
    Number number = Number::Float32;
    bool stream = false; // past the caches; the engine's own choice
};

// The least and the highest of values; not numbers where any value is none.
struct Extent {
    float low;
    float high;
};

// T: uint8_t or float.
template <class T> struct Runs {
    // output: nullptr, or how the results are written: target i is then an array of `number`s.
    // first: what the calling thread does before it joins in.
    void (*stage)(const Stage&, const Source* images, const Target* results, const Output* output,
                  int threads, const std::function<void()>& first);
    // Nearest, outside zero. Pixels are moved as `channels` values of type T, whatever they mean.
    void (*masks)(const Stage&, const Source* masks, const Target* results, int threads);
    // One mix after the other; of several, all sizes agree. No result is an image. Gives the extent
    // of the images, if they are floats and any.
    Extent (*mixes)(const MixStage* mixes, int stages, const Picture* images, const Target* results,
                    int64_t count, int threads);
    // images and result: (count, shape), contiguous; result as `output` says.
    void (*output)(const Output&, const T* images, void* result, int64_t count, Shape, int threads);
};

// What is done to floats before they are images.
struct Levels {
    // Values on 0..255 to the nearest whole ones, halves up. False where one is not within half a
    // level of 0..255; `result` is then partly written.
    bool (*rounding)(const float* values, int64_t count, uint8_t* result, int threads);
    // count is at least 1.
    Extent (*extent)(const float* values, int64_t count, int threads);
    // Levels of tables as bytes: clipped, then to the nearest, or without their fraction.
    void (*settle_floats)(const float* levels, int64_t count, bool rounds, uint8_t* out);
    void (*settle_doubles)(const double* levels, int64_t count, bool rounds, uint8_t* out);
    // The same of all levels times each factor: 256 bytes for each of `count`.
    void (*scale)(const float* factors, int64_t count, bool rounds, uint8_t* out);
};

// The verbs, compiled for one instruction set.
struct Engine {
    const char* target;
    Runs<uint8_t> bytes;
    Runs<float> floats;
    Levels levels;
};

// The engines that this processor can run, the fastest last; the first is the baseline.
const std::vector<const Engine*>& engines();
// The fastest of them, or the one that the environment variable VARIEGATE_TARGET names. Throws
// std::invalid_argument where that is none of them.
const Engine& engine();
// Makes the engine of this name the one that runs from now on; throws as engine() does.
void use_engine(const std::string& name);

} // namespace variegate
