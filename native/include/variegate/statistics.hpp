// Counts of levels and tables for each channel, which several verbs make and use.
#pragma once

#include "variegate/target.hpp"

#include <cstdint>
#include <type_traits>
#include <utility>

#include "variegate/image.hpp"
#include "variegate/tables.hpp"

namespace variegate::inline VARIEGATE_TARGET {

// counts (channels, levels); floats count at their nearest level.
void count_levels(const uint8_t* in, Shape shape, int64_t* counts);
void count_levels(const float* in, Shape shape, int64_t* counts);
// tables (channels, levels). `out` may be `in`.
void map_channels(const uint8_t* in, Shape shape, const uint8_t* tables, uint8_t* out);
// Adds amounts[i] times the variance along the i-th axis of the colors. `out` may be `in`.
template <class T> void along_axes(const T* in, Shape shape, const double* amounts, T* out);

} // namespace variegate::inline VARIEGATE_TARGET
