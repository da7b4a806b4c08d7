// LOOKUP: uint8 through 256 entries; float32 linearly between entries over 0..1.
#include "variegate/rounding.hpp"
#include "variegate/verbs.hpp"

namespace variegate::inline VARIEGATE_TARGET {

void lookup(const uint8_t* in, int64_t count, const uint8_t* table, uint8_t* out) {
    int64_t i = 0;
    for (; i + 8 <= count; i += 8) {
        const uint8_t a = table[in[i]], b = table[in[i + 1]], c = table[in[i + 2]];
        const uint8_t d = table[in[i + 3]], e = table[in[i + 4]], f = table[in[i + 5]];
        const uint8_t g = table[in[i + 6]], h = table[in[i + 7]];
        out[i] = a, out[i + 1] = b, out[i + 2] = c, out[i + 3] = d;
        out[i + 4] = e, out[i + 5] = f, out[i + 6] = g, out[i + 7] = h;
    }
    for (; i < count; ++i) out[i] = table[in[i]];
}

void lookup(const float* in, int64_t count, const float* table, float* out) {
    constexpr int last = knots - 1;
    for (int64_t i = 0; i < count; ++i) {
        const double place = static_cast<double>(in[i]) * last;
        const int low = static_cast<int>(clip(place, 0.0, last - 1.0));
        const double start = table[low], end = table[low + 1];
        out[i] = static_cast<float>(start + (place - low) * (end - start));
    }
}

} // namespace variegate::inline VARIEGATE_TARGET
