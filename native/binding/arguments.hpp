// Arguments from Python, checked before anything is written. Whatever is wrong is a BadArgument
// with its place.
#pragma once

#include <nanobind/nanobind.h>

#include <deque>
#include <initializer_list>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "variegate/engine.hpp"

namespace variegate {

struct BadArgument : std::invalid_argument {
    using std::invalid_argument::invalid_argument;
};

enum class Kind { Uint8, Float32, Float64, Int32, Int64, Uint64, Bool, Float16, Uint16, Other };

template <class T> constexpr Kind kind_of = Kind::Other;
template <> inline constexpr Kind kind_of<uint8_t> = Kind::Uint8;
template <> inline constexpr Kind kind_of<float> = Kind::Float32;
template <> inline constexpr Kind kind_of<double> = Kind::Float64;
template <> inline constexpr Kind kind_of<int32_t> = Kind::Int32;
template <> inline constexpr Kind kind_of<int64_t> = Kind::Int64;
template <> inline constexpr Kind kind_of<uint64_t> = Kind::Uint64;
template <> inline constexpr Kind kind_of<bool> = Kind::Bool;

// An array's memory, held through the buffer protocol as long as this lives. Needs the interpreter
// lock.
class Array {
  public:
    Array(nanobind::handle object, std::string_view name, bool writable);
    ~Array() { PyBuffer_Release(&view_); }
    Array(const Array&) = delete;
    Array& operator=(const Array&) = delete;

    int dimensions() const { return view_.ndim; }
    int64_t length(int axis) const { return view_.shape[axis]; }
    int64_t stride(int axis) const { return view_.strides[axis]; }
    Kind kind() const { return kind_; }
    std::byte* data() const { return static_cast<std::byte*>(view_.buf); }
    // Aligned and in row order without gaps.
    bool is_packed() const;

  private:
    Py_buffer view_;
    Kind kind_;
};

using Arrays = std::deque<Array>;

// The memory of a packed array of T; each length must be as given, where it is not negative.
template <class T>
T* packed(Arrays& held, nanobind::handle object, std::string_view name,
          std::initializer_list<int64_t> lengths, bool writable = false);

std::string written(std::initializer_list<int64_t> lengths);
[[noreturn]] void refuse(std::string_view where, const std::string& what);
int checked_threads(int64_t threads);
// Of a batch's array (n, h, w, c), or another order of the axes.
Shape checked_shape(std::string_view name, int64_t height, int64_t width, int64_t channels);

// One array per sample, one array for all of them, or the array of a single one.
struct Sources {
    std::vector<Source> images;
    Kind kind = Kind::Other;
};
Sources read_images(Arrays& held, nanobind::handle images);

// The type of an output's numbers; bfloat16 comes as uint16.
Number checked_number(Kind kind, const char* name);

// How results are written where they are not images of the sources' dtype.
struct OutputArguments {
    Output numbers;
    int64_t channels = 0;
};
// given: None, or (scale, offset, channels_first); false for None. The numbers' type is the
// results', which read_results finds.
bool read_output(Arrays& held, nanobind::handle given, OutputArguments& output);
std::vector<Target> read_results(Arrays& held, nanobind::handle results, const Sources& sources,
                                 OutputArguments* output);

// The parts of variegate.plan.program.Stage that the engine needs.
struct StageArguments {
    nanobind::handle start;
    nanobind::handle verb;
    nanobind::handle row;
    nanobind::handle tables;
    nanobind::handle normal;
};

// Reads and checks a stage for images of this kind. masks: only WARP and CELLS entries count.
Stage read_stage(Arrays& held, const StageArguments& given, Kind kind, bool masks);
// What becomes of images of one shape: the shape that each sample gives, none where unknown.
struct Followed {
    Shape from;
    std::vector<Shape> after;
};
Followed shapes_after(const Stage& stage, Shape from);
// Samples `first` and on of a stage, one for each of these images; their shapes must fit. known:
// for images of that shape nothing is checked again.
Stage samples_of(const Stage& stage, int64_t first, const Sources& sources,
                 const std::vector<Target>& results, bool masks, const Followed& known);

} // namespace variegate
