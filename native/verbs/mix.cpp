// Mixes of a batch: a blend of two images is rounded, a rectangle is copied from the partner.
#include <algorithm>
#include <cstring>

#include "variegate/rounding.hpp"
#include "variegate/runs.hpp"
#include "variegate/scratch.hpp"
#include "variegate/threads.hpp"

namespace variegate::inline VARIEGATE_TARGET {
namespace {

// In 16 bits: what the images differ by, in 128ths of a level, times the
// weight. Values next to a half may fall to the other side.
void blend(const uint8_t* own, const uint8_t* other, int64_t count, double weight, uint8_t* out) {
    constexpr int one = 1 << 15;
    const int share = std::min(static_cast<int>(clip(weight, 0.0, 1.0) * one + 0.5), one - 1);
    for (int64_t i = 0; i < count; ++i) {
        const auto apart = static_cast<int16_t>((own[i] - other[i]) * 128);
        const auto part = static_cast<int16_t>((apart * share + one / 2) >> 15);
        out[i] = static_cast<uint8_t>((part + other[i] * 128 + 64) >> 7);
    }
}

void blend(const float* own, const float* other, int64_t count, double weight, float* out) {
    using Rule = Rounding<float>;
    for (int64_t i = 0; i < count; ++i)
        out[i] = Rule::rounded(Rule::level(own[i]) * weight + Rule::level(other[i]) * (1 - weight));
}

// The batch after the first few of its mixes, some rows at a time, so that a row goes through all
// of them while it is in the nearest cache.
template <class T> class MixedRows {
  public:
    MixedRows(const MixStage* mixes, const T* images, Shape shape)
        : mixes_(mixes), images_(images), shape_(shape),
          line_(static_cast<int64_t>(shape.width) * shape.channels) {}

    // Rows [top, bottom) of a sample after `stages` mixes: in the images, or written to `room`.
    // spare: room for as many rows more, for each of the stages.
    const T* rows(int stages, int64_t sample, int top, int bottom, T* room, T* spare) const {
        if (stages == 0) return images_ + (sample * shape_.height + top) * line_;
        const MixStage& mix = mixes_[stages - 1];
        const int64_t partner = mix.partner[sample], values = (bottom - top) * line_;
        const T* own = rows(stages - 1, sample, top, bottom, room, spare);
        if (partner == sample) return own;
        if (mix.blend[sample]) {
            const T* other = rows(stages - 1, partner, top, bottom, spare, spare + values);
            blend(own, other, values, mix.weight[sample], room);
            return room;
        }
        const int32_t* rect = mix.rects + 4 * sample;
        const int first = std::max(rect[0], top), last = std::min(rect[2], bottom);
        const int left = std::max(rect[1], 0), right = std::min(rect[3], shape_.width);
        if (first >= last || left >= right) return own;
        const T* other = rows(stages - 1, partner, top, bottom, spare, spare + values);
        if (own != room) std::memcpy(room, own, static_cast<size_t>(values) * sizeof(T));
        for (int r = first; r < last; ++r) {
            const int64_t from = (r - top) * line_ + static_cast<int64_t>(left) * shape_.channels;
            std::copy_n(other + from, static_cast<int64_t>(right - left) * shape_.channels,
                        room + from);
        }
        return room;
    }

  private:
    const MixStage* mixes_;
    const T* images_;
    Shape shape_;
    int64_t line_;
};

} // namespace

template <class T>
void run_mixes(const MixStage* mixes, int stages, const T* images, T* result, int64_t count,
               Shape shape, int threads) {
    if (count == 0) return;
    constexpr int64_t some = 4096; // values that go through all mixes together
    const int64_t line = static_cast<int64_t>(shape.width) * shape.channels;
    const int step = static_cast<int>(std::max<int64_t>(1, some / line));
    const MixedRows<T> mixed(mixes, images, shape);
    parallel_for(count, shape.values() * count < (1 << 16) ? 1 : threads, [&](int64_t i) {
        T* spare = Scratch::mine().lines.get<T>(step * line * (stages + 1));
        for (int top = 0; top < shape.height; top += step) {
            const int bottom = std::min(top + step, shape.height);
            T* out = result + (i * shape.height + top) * line;
            const T* rows = mixed.rows(stages, i, top, bottom, out, spare);
            const auto values = static_cast<size_t>((bottom - top) * line);
            if (rows != out) std::memcpy(out, rows, values * sizeof(T));
        }
    });
}

template void run_mixes<uint8_t>(const MixStage*, int, const uint8_t*, uint8_t*, int64_t, Shape,
                                 int);
template void run_mixes<float>(const MixStage*, int, const float*, float*, int64_t, Shape, int);

} // namespace variegate::inline VARIEGATE_TARGET
