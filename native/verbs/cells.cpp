// CELLS: rectangles of the image change places; those that do not lie inside are left out.
#include <cstring>

#include "variegate/copying.hpp"
#include "variegate/verbs.hpp"

namespace variegate::inline VARIEGATE_TARGET {

namespace {

bool fits(const int32_t* move, Shape shape) {
    const int64_t height = int64_t{move[2]} - move[0], width = int64_t{move[3]} - move[1];
    return move[0] >= 0 && move[1] >= 0 && height >= 0 && width >= 0 && move[2] <= shape.height &&
           move[3] <= shape.width && move[4] >= 0 && move[5] >= 0 &&
           move[4] + height <= shape.height && move[5] + width <= shape.width;
}

} // namespace

template <class T> void cells(const T* in, Shape shape, const Tables& tables, int64_t row, T* out) {
    copy_values(in, shape.values(), out);
    const int64_t depth = shape.channels, line = shape.width * depth;
    for (int64_t n = tables.cells_start[row]; n < tables.cells_start[row + 1]; ++n) {
        const int32_t* move = tables.cells + 6 * n; // y1 x1 y2 x2, and the source's corner y x
        if (!fits(move, shape)) continue;
        const auto bytes = static_cast<size_t>((move[3] - move[1]) * depth) * sizeof(T);
        for (int r = 0; r < move[2] - move[0]; ++r)
            std::memcpy(out + (move[0] + r) * line + move[1] * depth,
                        in + (move[4] + r) * line + move[5] * depth, bytes);
    }
}

template void cells<uint8_t>(const uint8_t*, Shape, const Tables&, int64_t, uint8_t*);
template void cells<float>(const float*, Shape, const Tables&, int64_t, float*);

} // namespace variegate::inline VARIEGATE_TARGET
