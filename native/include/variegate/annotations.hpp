// Boxes and points through the maps of a program's stages. variegate/targets (outlines.py
// and keypoints.py) is the meaning, operation by operation; maps with fields stay there.
#pragma once

#include <cstdint>
#include <vector>

namespace variegate {

// The maps of one sample in order; matrix (9,) takes input to output, size is (height, width).
struct Map {
    const double* matrix;
    const int32_t* size;
};

// The maps of all samples: those of sample i are maps[start[i]] to maps[start[i + 1] - 1].
struct Maps {
    std::vector<int64_t> start;
    std::vector<Map> maps;
};

// first (samples + 1,): whose boxes (m, 4), x1 y1 x2 y2, are whose. Writes the box around what the
// frames leave of each (inside out where that is nothing), the area of that, and the area with
// nothing cut off.
void move_boxes(const Maps&, const int64_t* first, const double* boxes, double* bounding,
                double* seen, double* whole, int threads);

// Moves points (m, 2), x y, in place. inside (m,): whether each was in every frame on its way, the
// first of which is sizes (samples, 2).
void move_points(const Maps&, const int64_t* first, const int64_t* sizes, double* points,
                 bool* inside);

// (count, slots) numbers in [0, 1) with 53 random bits, as variegate/plan/counter.py has them.
void uniforms(const uint64_t* keys, int64_t slots, const uint64_t* index, int64_t count,
              double* out);

} // namespace variegate
