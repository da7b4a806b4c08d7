// The tables of variegate/plan/program.py as the engine sees them: pointers that the binding has
// checked.
#pragma once

#include <cstdint>

namespace variegate {

enum class Verb : int32_t {
    Warp,
    Lookup,
    Channels,
    Toward,
    Luma,
    Measure,
    Blur,
    Smooth,
    Rectangles,
    Grid,
    Noise,
    Kernel,
    Median,
    Tiles,
    Rescale,
    Zoom,
    Scatter,
    Shapes,
    Lightness,
    Match,
    Spectrum,
    Cells,
    Hsv,
    Pick,
    Codec,
};
enum class Resample : int32_t { Nearest, Bilinear, Bicubic, Box };
enum class Border : int32_t { Constant, Reflect, Edge, Wrap };
// Modes and flags of variegate/ops/entries.py.
enum class NoiseMode : int32_t { Gauss, Shot, Multiply, Impulse, Iso };
constexpr int noise_channels = 1, noise_pixels = 2, noise_levels = 4;
enum class Window : int32_t { Gaussian, Box };
enum class MeasureMode : int32_t { Stretch, Equalize, AboutMean, Axes };
enum class FileFormat : int32_t { Jpeg, Webp };
enum class ShapeKind : int32_t { Disc, Segment, Plane, Gauss, Edge };

constexpr int max_channels = 16;
constexpr int levels = 256;
constexpr int knots = 255 * 16 + 1;
constexpr int normal_entries = 4096;
constexpr int spectrum_reach = 32; // waves to each side of 0

struct Tables {
    int64_t warps = 0;
    const double* warp_matrix = nullptr;
    const double* warp_before = nullptr;
    const int32_t* warp_size = nullptr;
    const int32_t* warp_field_size = nullptr;
    const int32_t* warp_mode = nullptr;
    const float* warp_fill = nullptr;
    const double* fields = nullptr;
    int64_t field_count = 0;
    int nodes_y = 0;
    int nodes_x = 0;
    int64_t lookups = 0;
    const void* lookup = nullptr; // uint8 (k, levels) or float (k, knots), as the images are
    int64_t channel_rows = 0;
    const double* channels = nullptr;
    int64_t towards = 0;
    const float* toward = nullptr;
    int64_t measures = 0;
    const double* measure = nullptr;
    int64_t blurs = 0;
    const double* blur = nullptr; // (k, 4): window, width, amount, threshold
    int64_t smooths = 0;
    const float* smooth = nullptr;
    int64_t rectangle_rows = 0;
    const int64_t* rectangles_start = nullptr;
    const int32_t* rectangles = nullptr;
    const float* rectangles_fill = nullptr;
    const uint64_t* rectangles_noise = nullptr;
    int64_t grids = 0;
    const double* grid = nullptr;
    const float* grid_fill = nullptr;
    int64_t noises = 0;
    const double* noise = nullptr; // (k, 4): mode and three numbers
    const float* noise_fill = nullptr;
    const uint64_t* noise_key = nullptr;
    int64_t kernels = 0;
    const int64_t* kernel_start = nullptr;
    const int32_t* kernel = nullptr; // (t, 3): row, column, weight
    const int32_t* kernel_bits = nullptr;
    int64_t medians = 0;
    const int32_t* median = nullptr;
    int64_t tilings = 0;
    const double* tiles = nullptr; // (k, 3): rows, columns, clip
    int64_t rescales = 0;
    const int32_t* rescale = nullptr; // (k, 4): height, width, down, up
    int64_t zooms = 0;
    const double* zoom = nullptr; // (k, 2): step, count
    int64_t scatters = 0;
    const int32_t* scatter = nullptr; // (k, 2): distance, rounds
    const uint64_t* scatter_key = nullptr;
    int64_t shape_rows = 0;
    const int64_t* shapes_start = nullptr;
    const double* shapes = nullptr; // (s, 8): kind, alpha, softness and five numbers
    const float* shapes_gain = nullptr;
    const float* shapes_shift = nullptr;
    const int32_t* shapes_outside = nullptr;
    int64_t lightness_rows = 0;
    const double* lightness = nullptr; // (k, 2): threshold, factor
    int64_t matches = 0;
    const double* match = nullptr;
    const int64_t* match_counts_start = nullptr;
    const int32_t* match_counts = nullptr; // (t, levels)
    int64_t spectra = 0;
    const double* spectrum = nullptr;
    const int64_t* amplitudes_start = nullptr;
    const float* amplitudes = nullptr; // (t, 2 spectrum_reach + 1)
    int64_t cell_rows = 0;
    const int64_t* cells_start = nullptr;
    const int32_t* cells = nullptr; // (t, 6): y1 x1 y2 x2, and the source's corner y x
    int64_t hsv_rows = 0;
    const double* hsv = nullptr; // (k, 5): turn, two times, two shifts
    int64_t picks = 0;
    const int32_t* pick = nullptr; // (k, max_channels): a channel, or -1 for the fill
    const float* pick_fill = nullptr;
    int64_t codecs = 0;
    const int32_t* codec = nullptr; // (k, 2): quality, FileFormat
    const float* normal = nullptr;  // (normal_entries,)
};

// Entries of each of n samples, run in order.
struct Stage {
    int64_t samples = 0;
    const int64_t* start = nullptr;
    const int32_t* verb = nullptr;
    const int64_t* row = nullptr;
    Tables tables;
};

} // namespace variegate
