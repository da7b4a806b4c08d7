// Mixes of a batch: layers of other samples are laid over each one, copied or blended.
#include <algorithm>
#include <cstring>
#include <mutex>

#include "variegate/copying.hpp"
#include "variegate/lanes.hpp"
#include "variegate/rounding.hpp"
#include "variegate/runs.hpp"
#include "variegate/scratch.hpp"
#include "variegate/threads.hpp"
#include "variegate/vectors.hpp"

namespace variegate::inline VARIEGATE_TARGET {
namespace {

// In 16 bits: what the images differ by, in 128ths of a level, times the
// weight. Values next to a half may fall to the other side.
uint8_t blended(uint8_t own, uint8_t other, int share) {
    const auto apart = static_cast<int16_t>((own - other) * 128);
    const auto part = static_cast<int16_t>((apart * share + (1 << 14)) >> 15);
    return static_cast<uint8_t>((part + other * 128 + 64) >> 7);
}

#if defined(__AVX2__)
Lanes blended(Lanes own, Lanes other, Lanes share) {
    const Lanes under = other.left_words<7>();
    const Lanes part = own.left_words<7>().minus_words(under).share_of_words(share);
    return under.plus_words(part).share_of_words(Lanes::all(0x1000100)); // 2^8 / 2^15
}
#endif

// The last values of a row, fewer than a register holds; returns how many are done.
#if defined(__AVX512BW__)
int64_t blend_rest(const uint8_t* own, const uint8_t* other, int64_t count, int share,
                   uint8_t* out) {
    const __mmask64 there = ~uint64_t{0} >> (64 - count);
    const Lanes a{_mm512_maskz_loadu_epi8(there, own)}, b{_mm512_maskz_loadu_epi8(there, other)};
    const Lanes shares = Lanes::all(share * 0x10001), zero = Lanes::zero();
    const Lanes low = blended(a.low_bytes(zero), b.low_bytes(zero), shares);
    const Lanes high = blended(a.high_bytes(zero), b.high_bytes(zero), shares);
    _mm512_mask_storeu_epi8(out, there, low.narrow(high).bits);
    return count;
}
#elif defined(__AVX2__)
int64_t blend_rest(const uint8_t* own, const uint8_t* other, int64_t count, int share,
                   uint8_t* out) {
    if (count < 16) return 0;
    const auto words = [](const uint8_t* from) {
        return Lanes{_mm256_cvtepu8_epi16(_mm_loadu_si128(reinterpret_cast<const __m128i*>(from)))};
    };
    const Lanes sum = blended(words(own), words(other), Lanes::all(share * 0x10001));
    const __m256i bytes = _mm256_permute4x64_epi64(sum.narrow(sum).bits, 0x08);
    _mm_storeu_si128(reinterpret_cast<__m128i*>(out), _mm256_castsi256_si128(bytes));
    return 16;
}
#endif

void blend(const uint8_t* own, const uint8_t* other, int64_t count, double weight, uint8_t* out) {
    constexpr int one = 1 << 15, ahead = 1024;
    const int share = std::min(static_cast<int>(clip(weight, 0.0, 1.0) * one + 0.5), one - 1);
    int64_t i = 0;
#if defined(__AVX2__)
    const Lanes shares = Lanes::all(share * 0x10001), zero = Lanes::zero();
    for (; i + Lanes::bytes <= count; i += Lanes::bytes) {
        const Lanes a = Lanes::load(own + i), b = Lanes::load(other + i);
        fetch_soon(own + i + ahead, 1), fetch_soon(other + i + ahead, 1);
        const Lanes low = blended(a.low_bytes(zero), b.low_bytes(zero), shares);
        const Lanes high = blended(a.high_bytes(zero), b.high_bytes(zero), shares);
        low.narrow(high).store(out + i);
    }
    if (i < count) i += blend_rest(own + i, other + i, count - i, share, out + i);
#endif
    for (; i < count; ++i) out[i] = blended(own[i], other[i], share);
}

// A mean lies between its parts, on whatever range they are.
float mean(float own, float other, float weight, float rest) {
    return clip(own * weight + other * rest, std::min(own, other), std::max(own, other));
}

void blend(const float* own, const float* other, int64_t count, double weight, float* out) {
    const auto share = static_cast<float>(weight), rest = static_cast<float>(1 - weight);
#pragma omp simd
    for (int64_t i = 0; i < count; ++i) out[i] = mean(own[i], other[i], share, rest);
}

// Sums of many layers are kept as floats and rounded once.
void blend_sum(float* sum, const uint8_t* other, int64_t count, float weight) {
    for (int64_t i = 0; i < count; ++i) sum[i] += (static_cast<float>(other[i]) - sum[i]) * weight;
}
void blend_sum(float* sum, const float* other, int64_t count, float weight) {
    for (int64_t i = 0; i < count; ++i) sum[i] = mean(sum[i], other[i], 1 - weight, weight);
}

uint8_t settled(float sum, uint8_t) { return Rounding<uint8_t>::settled(sum); }
float settled(float sum, float) { return sum; }

// Calls work(first, last) for every run of pixels of a row that a mask covers.
template <class Work> void covered(const uint8_t* mask, int64_t pixels, Work work) {
    for (int64_t first = 0; first < pixels;) {
        const auto left = static_cast<size_t>(pixels - first);
        const void* found = std::memchr(mask + first, 1, left);
        if (!found) return;
        first = static_cast<const uint8_t*>(found) - mask;
        const void* end = std::memchr(mask + first, 0, static_cast<size_t>(pixels - first));
        const int64_t last = end ? static_cast<const uint8_t*>(end) - mask : pixels;
        work(first, last);
        first = last;
    }
}

// The part of a layer that lies in rows [top, bottom) of the result: its rows, how many values of
// each, and where they begin.
template <class T> struct Part {
    int first = 0;
    int last = 0;
    int left = 0;
    int64_t pixels = 0;
    const T* from = nullptr; // the layer's picture at the first row
    int64_t from_line = 0;
    const uint8_t* mask = nullptr; // nullptr: all of it
    int64_t mask_line = 0;
    double weight = 1;
};

// Values [start, end) of a row, which lie at `from` in an image.
template <class T> struct Piece {
    int64_t start;
    int64_t end;
    const T* from;

    const T* at(int64_t value) const { return from + (value - start); }
};

// The batch after the first few of its mixes, some rows at a time, so that a row goes through all
// of them while it is in the nearest cache. Where there are several mixes, all images have one
// size.
template <class T> class MixedRows {
  public:
    MixedRows(const MixStage* mixes, const Picture* images) : mixes_(mixes), images_(images) {}

    // Rows [top, bottom) of a sample after `stages` mixes: in the images, or written to `room`.
    // spare: room for as many rows more, for each of the stages.
    const T* rows(int stages, int64_t sample, int top, int bottom, T* room, T* spare) const {
        if (stages == 0) return picture_rows(images_[sample], top);
        const MixStage& mix = mixes_[stages - 1];
        const int64_t start = mix.start[sample], end = mix.start[sample + 1];
        const int64_t base = mix.base[sample], values = (bottom - top) * line(mix, sample);
        if (stages == 2 && blend_pieces(sample, top, bottom, room)) return room;
        const T* own = base < 0 ? nullptr : rows(stages - 1, base, top, bottom, room, spare);
        if (own && start == end) return own;
        if (!own) own = filled(mix, sample, values, room);
        if (blends(mix, start, end) > 1)
            return summed(stages, sample, top, bottom, own, room, spare);
        for (int64_t layer = start; layer < end; ++layer) {
            const Part<T> part = part_of(stages, sample, layer, top, bottom, spare, values);
            if (part.first < part.last) own = lay(mix, sample, part, top, bottom, own, room);
        }
        return own;
    }

  private:
    static const T* picture_rows(const Picture& picture, int top) {
        const int64_t line = static_cast<int64_t>(picture.shape.width) * picture.shape.channels;
        return static_cast<const T*>(picture.data) + top * line;
    }

    static int64_t line(const MixStage& mix, int64_t sample) {
        return static_cast<int64_t>(mix.shapes[sample].width) * mix.shapes[sample].channels;
    }

    static int blends(const MixStage& mix, int64_t start, int64_t end) {
        return static_cast<int>(
            std::count_if(mix.weight + start, mix.weight + end, [](double w) { return w < 1; }));
    }

    // The pieces of one row after the first mix; none where it is not of copies alone.
    int pieces(int64_t sample, int row, Piece<T>* found) const {
        const MixStage& mix = mixes_[0];
        const int64_t layer = mix.start[sample], count = mix.start[sample + 1] - layer;
        const int64_t line = this->line(mix, sample), base = mix.base[sample];
        if (base < 0 || count > 1) return 0;
        const T* own = picture_rows(images_[base], row);
        found[0] = {0, line, own};
        if (count == 0) return 1;
        const int64_t source = mix.source[layer], channels = mix.shapes[sample].channels;
        if (mix.weight[layer] < 1 || mix.mask[layer] >= 0) return 0;
        if (source < 0 || source >= mix.samples) return 0;
        const int32_t *place = mix.place + 4 * layer, *origin = mix.origin + 2 * layer;
        const int64_t left = place[1] * channels, right = place[3] * channels;
        if (row < place[0] || row >= place[2] || left >= right) return 1;
        const T* from = picture_rows(images_[source], row - place[0] + origin[0]);
        int pieces = 0;
        if (left > 0) found[pieces++] = {0, left, own};
        found[pieces++] = {left, right, from + origin[1] * channels};
        if (right < line) found[pieces++] = {right, line, own + right};
        return pieces;
    }

    // Rows of a sample after the second mix, where that blends the whole of two images of pieces:
    // neither has to be put together. False where it is otherwise.
    bool blend_pieces(int64_t sample, int top, int bottom, T* room) const {
        const MixStage& mix = mixes_[1];
        const int64_t layer = mix.start[sample], line = this->line(mix, sample);
        const int64_t base = mix.base[sample];
        if (base < 0 || mix.start[sample + 1] - layer != 1) return false;
        const int64_t source = mix.source[layer];
        if (mix.weight[layer] >= 1 || mix.mask[layer] >= 0) return false;
        if (source < 0 || source >= mix.samples) return false;
        const Shape shape = mix.shapes[sample];
        const int32_t *place = mix.place + 4 * layer, *origin = mix.origin + 2 * layer;
        const bool whole = place[0] == 0 && place[1] == 0 && place[2] == shape.height &&
                           place[3] == shape.width && origin[0] == 0 && origin[1] == 0;
        if (!whole) return false;
        for (int row = top; row < bottom; ++row, room += line) {
            Piece<T> own[3], other[3];
            if (!pieces(base, row, own) || !pieces(source, row, other)) return false;
            const Piece<T>*a = own, *b = other;
            for (int64_t at = 0; at < line;) {
                const int64_t end = std::min(a->end, b->end);
                blend(a->at(at), b->at(at), end - at, 1 - mix.weight[layer], room + at);
                a += a->end == end;
                b += b->end == end;
                at = end;
            }
        }
        return true;
    }

    // A row of pixels of the fill, or several.
    static const T* filled(const MixStage& mix, int64_t sample, int64_t values, T* room) {
        const int channels = mix.shapes[sample].channels;
        const float* fill = mix.fill + sample * max_channels;
        for (int64_t i = 0; i < values; i += channels)
            for (int c = 0; c < channels; ++c) room[i + c] = Rounding<T>::fill(fill[c]);
        return room;
    }

    Part<T> part_of(int stages, int64_t sample, int64_t layer, int top, int bottom, T* spare,
                    int64_t values) const {
        const MixStage& mix = mixes_[stages - 1];
        const int32_t* place = mix.place + 4 * layer;
        const int32_t* origin = mix.origin + 2 * layer;
        Part<T> part;
        part.first = std::max(place[0], top);
        part.last = std::min(place[2], bottom);
        part.left = place[1];
        part.pixels = place[3] - place[1];
        part.weight = mix.weight[layer];
        if (part.first >= part.last || part.pixels <= 0) return {};
        const int from = part.first - place[0] + origin[0];
        const int64_t source = mix.source[layer];
        if (source < 0) {
            part.from = filled(mix, sample, part.pixels * mix.shapes[sample].channels, spare);
            return with_mask(mix, sample, layer, part);
        }
        const bool is_tile = source >= mix.samples;
        const Picture& picture = is_tile ? mix.tiles[source - mix.samples] : images_[source];
        const int64_t channels = picture.shape.channels;
        part.from_line = picture.shape.width * channels;
        part.from = is_tile ? picture_rows(picture, from)
                            : rows(stages - 1, source, from, from + part.last - part.first, spare,
                                   spare + values);
        part.from += origin[1] * channels;
        return with_mask(mix, sample, layer, part);
    }

    static Part<T> with_mask(const MixStage& mix, int64_t sample, int64_t layer, Part<T> part) {
        if (mix.mask[layer] >= 0) {
            const Shape shape = mix.shapes[sample];
            part.mask_line = shape.width;
            part.mask = mix.masks + mix.mask[layer] * shape.pixels() + part.first * part.mask_line +
                        part.left;
        }
        return part;
    }

    // own: the rows so far. Returns where they are now.
    const T* lay(const MixStage& mix, int64_t sample, const Part<T>& part, int top, int bottom,
                 const T* own, T* room) const {
        const int64_t channels = mix.shapes[sample].channels, line = this->line(mix, sample);
        const bool whole = part.pixels * channels == line && part.from_line == line && !part.mask &&
                           part.first == top && part.last == bottom;
        if (whole && part.weight < 1) {
            blend(own, part.from, (bottom - top) * line, 1 - part.weight, room);
            return room;
        }
        if (own != room)
            std::memcpy(room, own, static_cast<size_t>((bottom - top) * line) * sizeof(T));
        for (int r = 0; r < part.last - part.first; ++r) {
            T* to = room + (part.first - top + r) * line + part.left * channels;
            const T* from = part.from + r * part.from_line;
            const auto put = [&](int64_t first, int64_t last) {
                const int64_t at = first * channels, count = (last - first) * channels;
                if (part.weight < 1)
                    blend(to + at, from + at, count, 1 - part.weight, to + at);
                else
                    std::copy_n(from + at, count, to + at);
            };
            if (part.mask)
                covered(part.mask + r * part.mask_line, part.pixels, put);
            else
                put(0, part.pixels);
        }
        return room;
    }

    // Several blended layers, which may lie over each other.
    const T* summed(int stages, int64_t sample, int top, int bottom, const T* own, T* room,
                    T* spare) const {
        const MixStage& mix = mixes_[stages - 1];
        const int64_t channels = mix.shapes[sample].channels, line = this->line(mix, sample);
        const int64_t values = (bottom - top) * line;
        auto* sum = Scratch::mine().pass.get<float>(values);
        for (int64_t i = 0; i < values; ++i) sum[i] = static_cast<float>(own[i]);
        for (int64_t layer = mix.start[sample]; layer < mix.start[sample + 1]; ++layer) {
            const Part<T> part = part_of(stages, sample, layer, top, bottom, spare, values);
            const auto weight = static_cast<float>(part.weight);
            for (int r = 0; r < part.last - part.first; ++r) {
                float* to = sum + (part.first - top + r) * line + part.left * channels;
                const T* from = part.from + r * part.from_line;
                const auto put = [&](int64_t first, int64_t last) {
                    blend_sum(to + first * channels, from + first * channels,
                              (last - first) * channels, weight);
                };
                if (part.mask)
                    covered(part.mask + r * part.mask_line, part.pixels, put);
                else
                    put(0, part.pixels);
            }
        }
        for (int64_t i = 0; i < values; ++i) room[i] = settled(sum[i], T{});
        return room;
    }

    const MixStage* mixes_;
    const Picture* images_;
};

// Past the caches, for results that are more than those hold; Floats::flush() comes after the last.
bool write_past(const float* rows, int64_t count, float* out) {
    if (reinterpret_cast<uintptr_t>(out) % sizeof(Floats) != 0) return false;
    int64_t i = 0;
    for (; i + Floats::count <= count; i += Floats::count) Floats::load(rows + i).stream(out + i);
    std::copy(rows + i, rows + count, out + i);
    return true;
}
bool write_past(const uint8_t*, int64_t, uint8_t*) { return false; }

} // namespace

template <class T>
Extent run_mixes(const MixStage* mixes, int stages, const Picture* images, const Target* results,
                 int64_t count, int threads) {
    if (count == 0) return {};
    Extent first{};
    if constexpr (sizeof(T) > 1) first = extent_of(static_cast<const float*>(images[0].data), 1);
    Extent seen = first;
    std::mutex guard;
    constexpr int64_t some = 4096; // values that go through all mixes together
    const MixedRows<T> mixed(mixes, images);
    const int64_t all = results[0].shape.values() * count;
    const bool past = sizeof(T) > 1 && all > cached_values;
    parallel_for(count, all < (1 << 16) ? 1 : threads, [&](int64_t i) {
        const Shape shape = results[i].shape;
        const int64_t line = static_cast<int64_t>(shape.width) * shape.channels;
        const int step = static_cast<int>(std::max<int64_t>(1, some / line));
        T* spare = Scratch::mine().lines.get<T>(step * line * (stages + 2));
        // Looked at just before they are mixed, values are read from memory once.
        const bool alike = images[i].shape == shape;
        const auto* given = static_cast<const float*>(images[i].data);
        Extent own = first;
        if constexpr (sizeof(T) > 1)
            if (!alike) own = extent_of(given, images[i].shape.values());
        for (int top = 0; top < shape.height; top += step) {
            const int bottom = std::min(top + step, shape.height);
            const int64_t values = (bottom - top) * line;
            if constexpr (sizeof(T) > 1)
                if (alike) own = joined(own, extent_of(given + top * line, values));
            T* out = reinterpret_cast<T*>(results[i].data) + top * line;
            T* room = past ? spare + step * line * (stages + 1) : out;
            const T* rows = mixed.rows(stages, i, top, bottom, room, spare);
            if (rows == out || (past && write_past(rows, values, out))) continue;
            copy_values(rows, values, out);
        }
        if (past) Floats::flush();
        if constexpr (sizeof(T) > 1) {
            const std::lock_guard lock(guard);
            seen = joined(seen, own);
        }
    });
    return seen;
}

template Extent run_mixes<uint8_t>(const MixStage*, int, const Picture*, const Target*, int64_t,
                                   int);
template Extent run_mixes<float>(const MixStage*, int, const Picture*, const Target*, int64_t, int);

} // namespace variegate::inline VARIEGATE_TARGET
