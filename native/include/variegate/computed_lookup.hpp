// Tables of 256 levels whose values a few instructions give: for targets whose vectors cannot hold
// a whole table.
#pragma once

#include "variegate/target.hpp"

#include <cstdint>

namespace variegate::inline VARIEGATE_TARGET {

// Whether a table gives any level another one.
bool changes_levels(const uint8_t* table);

// Writes table[in[i]] without the table and returns how many values it wrote: whole vectors from
// the first on, or none where the table is of no kind that can be computed. `out` may be `in`.
int64_t computed_lookup(const uint8_t* in, int64_t count, const uint8_t* table, uint8_t* out);

// Writes blended(start, in[i], factor), by a table where that is sooner done. `out` may be `in`.
void blend_from(float start, float factor, const uint8_t* in, int64_t count, uint8_t* out);

} // namespace variegate::inline VARIEGATE_TARGET
