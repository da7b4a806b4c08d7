// CHANNELS, TOWARD and the gray, on planes of bytes.
#include <cstring>

#include "variegate/planes.hpp"
#include "variegate/rounding.hpp"
#include "variegate/vectors.hpp"

namespace variegate::inline VARIEGATE_TARGET {
namespace {

// The channels of Bytes::count pixels.
struct Colors {
    Floats value[3][4];

    Colors(const Planes& planes, int64_t place) {
        for (int k = 0; k < 3; ++k) Bytes::load(planes.channel[k] + place).floats(value[k]);
    }
};

Bytes gray_at(const Planes& planes, int64_t place) {
    const auto own = [&](int k) { return Bytes::load(planes.channel[k] + place); };
    return Bytes::gray(own(0), own(1), own(2));
}

} // namespace

void gray_plane(const Planes& planes, int64_t pixels, uint8_t* out) {
    for (int64_t i = 0; i < pixels; i += Bytes::count) gray_at(planes, i).store(out + i);
}

void mix_planes(Planes& planes, int64_t pixels, const double* matrix) {
    // In single precision: off by far less than a level.
    Floats factor[3][3], offset[3];
    for (int k = 0; k < 3; ++k) {
        for (int j = 0; j < 3; ++j)
            factor[k][j] = Floats::all(static_cast<float>(matrix[4 * k + j]));
        offset[k] = Floats::all(static_cast<float>(matrix[4 * k + 3] * 255.0 + 0.5));
    }
    for (int64_t i = 0; i < pixels; i += Bytes::count) {
        const Colors own(planes, i);
        for (int k = 0; k < 3; ++k) {
            Floats sum[4];
            for (int part = 0; part < 4; ++part)
                sum[part] = own.value[0][part] * factor[k][0] + own.value[1][part] * factor[k][1] +
                            own.value[2][part] * factor[k][2] + offset[k];
            Bytes::truncated(sum).store(planes.channel[k] + i);
        }
    }
}

void pick_planes(Planes& planes, int64_t pixels, const int32_t* from, const float* fill) {
    const auto bytes = static_cast<size_t>(pixels);
    Planes before;
    for (int k = 0; k < 3; ++k) std::memcpy(before.channel[k], planes.channel[k], bytes);
    for (int k = 0; k < 3; ++k)
        if (from[k] < 0)
            std::memset(planes.channel[k], Rounding<uint8_t>::fill(fill[k]), bytes);
        else
            std::memcpy(planes.channel[k], before.channel[from[k]], bytes);
}

void blend_planes(Planes& planes, int64_t pixels, float factor) {
    if (factor == 0.0f) {
        for (int64_t i = 0; i < pixels; i += Bytes::count) {
            const Bytes gray = gray_at(planes, i);
            for (auto& plane : planes.channel) gray.store(plane + i);
        }
        return;
    }
    const Floats share = Floats::all(factor);
    for (int64_t i = 0; i < pixels; i += Bytes::count) {
        Floats gray[4];
        gray_at(planes, i).floats(gray);
        for (auto& plane : planes.channel) {
            Floats own[4];
            Bytes::load(plane + i).floats(own);
            for (int part = 0; part < 4; ++part)
                own[part] = gray[part] + share * (own[part] - gray[part]);
            Bytes::truncated(own).store(plane + i);
        }
    }
}

} // namespace variegate::inline VARIEGATE_TARGET
