#include "arguments.hpp"

namespace nb = nanobind;

namespace variegate {
namespace {

constexpr int64_t longest_side = 1 << 20;
constexpr int64_t most_values = int64_t{1} << 40;
constexpr int64_t most_threads = 256;

Kind kind_of_format(const char* format, Py_ssize_t size) {
    std::string_view text = format ? format : "B";
    while (!text.empty() && std::string_view("@=<^").find(text.front()) != std::string_view::npos)
        text.remove_prefix(1);
    if (text.size() != 1) return Kind::Other;
    switch (text.front()) {
    case 'B':
        return Kind::Uint8;
    case '?':
        return Kind::Bool;
    case 'e':
        return Kind::Float16;
    case 'H':
        return Kind::Uint16;
    case 'f':
        return Kind::Float32;
    case 'd':
        return Kind::Float64;
    case 'i':
    case 'l':
    case 'q':
        return size == 4 ? Kind::Int32 : size == 8 ? Kind::Int64 : Kind::Other;
    case 'I':
    case 'L':
    case 'Q':
        return size == 8 ? Kind::Uint64 : Kind::Other;
    default:
        return Kind::Other;
    }
}

const char* name_of(Kind kind) {
    switch (kind) {
    case Kind::Uint8:
        return "uint8";
    case Kind::Float32:
        return "float32";
    case Kind::Float64:
        return "float64";
    case Kind::Int32:
        return "int32";
    case Kind::Int64:
        return "int64";
    case Kind::Uint64:
        return "uint64";
    case Kind::Bool:
        return "bool";
    case Kind::Float16:
        return "float16";
    case Kind::Uint16:
        return "uint16";
    default:
        return "another dtype";
    }
}

std::string numbered(const char* name, int64_t place) {
    return std::string(name) + "[" + std::to_string(place) + "]";
}

// The arrays of a list, or an array over all samples; calls one(array, place) for the former,
// all(array) otherwise.
template <class One, class All>
void each_array(Arrays& held, nb::handle given, const char* name, bool writable, One one, All all) {
    if (!PyList_Check(given.ptr())) {
        held.emplace_back(given, name, writable);
        return all(held.back());
    }
    const Py_ssize_t count = PyList_Size(given.ptr());
    for (Py_ssize_t i = 0; i < count; ++i) {
        held.emplace_back(nb::handle(PyList_GetItem(given.ptr(), i)), numbered(name, i), writable);
        one(held.back(), i);
    }
}

} // namespace

void refuse(std::string_view where, const std::string& what) {
    throw BadArgument(std::string(where) + ": " + what);
}

std::string written(std::initializer_list<int64_t> lengths) {
    std::string text = "(";
    for (const int64_t length : lengths) {
        if (text.size() > 1) text += ", ";
        text += length < 0 ? "any" : std::to_string(length);
    }
    return text + ")";
}

Array::Array(nb::handle object, std::string_view name, bool writable) {
    const int flags = writable ? PyBUF_RECORDS : PyBUF_RECORDS_RO;
    if (PyObject_GetBuffer(object.ptr(), &view_, flags) != 0) {
        PyErr_Clear();
        refuse(name, writable ? "expected a writable NumPy array" : "expected a NumPy array");
    }
    kind_ = kind_of_format(view_.format, view_.itemsize);
}

bool Array::is_packed() const {
    int64_t expected = view_.itemsize;
    for (int axis = view_.ndim; axis-- > 0;) {
        if (view_.shape[axis] == 0) return true;
        if (view_.shape[axis] > 1 && view_.strides[axis] != expected) return false;
        expected *= view_.shape[axis];
    }
    return reinterpret_cast<uintptr_t>(view_.buf) % static_cast<size_t>(view_.itemsize) == 0;
}

template <class T>
T* packed(Arrays& held, nb::handle object, std::string_view name,
          std::initializer_list<int64_t> lengths, bool writable) {
    held.emplace_back(object, name, writable);
    const Array& array = held.back();
    if (array.kind() != kind_of<T>)
        refuse(name,
               std::string("expected ") + name_of(kind_of<T>) + ", got " + name_of(array.kind()));
    bool fits = array.dimensions() == static_cast<int>(lengths.size());
    int axis = 0;
    for (const int64_t length : lengths) {
        fits = fits && (length < 0 || array.length(axis) == length);
        ++axis;
    }
    if (!fits) refuse(name, "expected shape " + written(lengths));
    if (!array.is_packed()) refuse(name, "expected an array in row order without gaps");
    return reinterpret_cast<T*>(array.data());
}

int checked_threads(int64_t threads) {
    if (threads < 1) refuse("threads", "expected at least 1, got " + std::to_string(threads));
    return static_cast<int>(threads < most_threads ? threads : most_threads);
}

Shape checked_shape(std::string_view name, int64_t height, int64_t width, int64_t channels) {
    const auto size = [&] { return written({height, width, channels}); };
    if (height < 1 || width < 1 || height > longest_side || width > longest_side)
        refuse(name, "expected sides of 1 to " + std::to_string(longest_side) + ", got " + size());
    if (channels < 1 || channels > max_channels)
        refuse(name, "expected 1 to 16 channels, got " + size());
    const Shape shape{static_cast<int>(height), static_cast<int>(width),
                      static_cast<int>(channels)};
    if (shape.values() > most_values) refuse(name, "too large: " + size());
    return shape;
}

Sources read_images(Arrays& held, nb::handle images) {
    Sources sources;
    // Images that lie side by side along the axis before `first`.
    const auto add = [&](const Array& array, int64_t count, int first, std::string_view name) {
        if (count == 0) return;
        const Shape shape = checked_shape(name, array.length(first), array.length(first + 1),
                                          array.length(first + 2));
        Source image{array.data(),
                     {array.stride(first), array.stride(first + 1), array.stride(first + 2)},
                     shape};
        if (count > 1) sources.images.reserve(static_cast<size_t>(count));
        for (int64_t i = 0; i < count; ++i) {
            if (i) image.data += array.stride(0);
            sources.images.push_back(image);
        }
    };
    const auto check = [&](const Array& array, int dimensions, const std::string& name) {
        if (array.dimensions() != dimensions)
            refuse(name, "expected " + std::to_string(dimensions) + " dimensions, got " +
                             std::to_string(array.dimensions()));
        if (array.kind() != Kind::Uint8 && array.kind() != Kind::Float32)
            refuse(name, std::string("expected uint8 or float32, got ") + name_of(array.kind()));
        if (sources.kind != Kind::Other && sources.kind != array.kind())
            refuse(name, "expected one dtype in a batch");
        sources.kind = array.kind();
    };
    each_array(
        held, images, "images", false,
        [&](const Array& array, int64_t place) {
            const std::string name = numbered("images", place);
            check(array, 3, name);
            add(array, 1, 0, name);
        },
        [&](const Array& array) {
            const bool alone = array.dimensions() == 3;
            check(array, alone ? 3 : 4, "images");
            add(array, alone ? 1 : array.length(0), alone ? 0 : 1, "images");
        });
    return sources;
}

Number checked_number(Kind kind, const char* name) {
    if (kind == Kind::Float32) return Number::Float32;
    if (kind == Kind::Float16) return Number::Float16;
    if (kind == Kind::Uint16) return Number::Bfloat16;
    refuse(name, "expected float32, float16 or (for bfloat16) uint16");
}

bool read_output(Arrays& held, nb::handle given, OutputArguments& output) {
    if (given.is_none()) return false;
    if (!PyTuple_Check(given.ptr()) || PyTuple_Size(given.ptr()) != 3)
        refuse("output", "expected None or (scale, offset, channels_first)");
    const auto item = [&](Py_ssize_t place) {
        return nb::handle(PyTuple_GetItem(given.ptr(), place));
    };
    output.numbers.scale = packed<float>(held, item(0), "output.scale", {-1});
    output.channels = held.back().length(0);
    output.numbers.offset = packed<float>(held, item(1), "output.offset", {output.channels});
    output.numbers.channels_first = PyObject_IsTrue(item(2).ptr()) == 1;
    return true;
}

std::vector<Target> read_results(Arrays& held, nb::handle results, const Sources& sources,
                                 OutputArguments* output) {
    std::vector<Target> targets;
    Kind kind = output ? Kind::Other : sources.kind;
    const auto check = [&](const Array& array, int dimensions) {
        if (output && kind == Kind::Other) {
            kind = array.kind();
            output->numbers.number = checked_number(kind, "results");
        }
        if (array.dimensions() != dimensions || array.kind() != kind || !array.is_packed())
            refuse("results", std::string("expected packed arrays of ") + name_of(kind));
    };
    const bool channels_first = output && output->numbers.channels_first;
    const auto add = [&](const Array& array, int64_t count, int first) {
        if (count == 0) return;
        const int height = first + channels_first, channels = channels_first ? first : first + 2;
        const Shape shape = checked_shape("results", array.length(height), array.length(height + 1),
                                          array.length(channels));
        if (output && shape.channels != output->channels)
            refuse("output.scale", "expected " + std::to_string(shape.channels) + " channels");
        if (count > 1) targets.reserve(static_cast<size_t>(count));
        for (int64_t i = 0; i < count; ++i)
            targets.push_back({array.data() + (i ? i * array.stride(0) : 0), shape});
    };
    each_array(
        held, results, "results", true,
        [&](const Array& array, int64_t) {
            check(array, 3);
            add(array, 1, 0);
        },
        [&](const Array& array) {
            const bool alone = array.dimensions() == 3;
            check(array, alone ? 3 : 4);
            add(array, alone ? 1 : array.length(0), alone ? 0 : 1);
        });
    if (targets.size() != sources.images.size())
        refuse("results", "expected " + std::to_string(sources.images.size()) + ", got " +
                              std::to_string(targets.size()));
    return targets;
}

#define VARIEGATE_PACKED(T)                                                                        \
    template T* packed<T>(Arrays&, nb::handle, std::string_view, std::initializer_list<int64_t>,   \
                          bool);
VARIEGATE_PACKED(uint8_t)
VARIEGATE_PACKED(float)
VARIEGATE_PACKED(double)
VARIEGATE_PACKED(int32_t)
VARIEGATE_PACKED(int64_t)
VARIEGATE_PACKED(uint64_t)
VARIEGATE_PACKED(bool)
#undef VARIEGATE_PACKED

} // namespace variegate
