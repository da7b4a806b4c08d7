// What an image is inside the engine: contiguous values in row, column, channel order.
#pragma once

#include <cstddef>
#include <cstdint>

namespace variegate {

struct Shape {
    int height = 0;
    int width = 0;
    int channels = 0;

    int64_t pixels() const { return static_cast<int64_t>(height) * width; }
    int64_t values() const { return pixels() * channels; }
    bool operator==(const Shape&) const = default;
};

// An array of the caller's, never written to. Strides in bytes, of any sign.
struct Source {
    const std::byte* data = nullptr;
    int64_t strides[3] = {0, 0, 0};
    Shape shape;
};

// An array that the caller made for a result; contiguous.
struct Target {
    std::byte* data = nullptr;
    Shape shape;
};

} // namespace variegate
