// What the binding calls. All arguments have been checked; nothing here throws but for want of
// memory.
#pragma once

#include <string>
#include <vector>

#include "variegate/image.hpp"
#include "variegate/tables.hpp"

namespace variegate {

struct MixStage {
    const int64_t* partner = nullptr;
    const uint8_t* blend = nullptr;
    const double* weight = nullptr;
    const int32_t* rects = nullptr;
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

// T: uint8_t or float.
template <class T> struct Runs {
    // output: nullptr, or how the results are written: target i is then an array of `number`s.
    void (*stage)(const Stage&, const Source* images, const Target* results, const Output* output,
                  int threads);
    // Nearest, outside zero. Pixels are moved as `channels` values of type T, whatever they mean.
    void (*masks)(const Stage&, const Source* masks, const Target* results, int threads);
    // One mix after the other. images and result: (count, shape), contiguous, not the same.
    void (*mixes)(const MixStage* mixes, int stages, const T* images, T* result, int64_t count,
                  Shape, int threads);
    // images and result: (count, shape), contiguous; result as `output` says.
    void (*output)(const Output&, const T* images, void* result, int64_t count, Shape, int threads);
};

// The verbs, compiled for one instruction set.
struct Engine {
    const char* target;
    Runs<uint8_t> bytes;
    Runs<float> floats;
};

// The engines that this processor can run, the fastest last; the first is the baseline.
const std::vector<const Engine*>& engines();
// The fastest of them, or the one that the environment variable VARIEGATE_TARGET names. Throws
// std::invalid_argument where that is none of them.
const Engine& engine();
// Makes the engine of this name the one that runs from now on; throws as engine() does.
void use_engine(const std::string& name);

} // namespace variegate
