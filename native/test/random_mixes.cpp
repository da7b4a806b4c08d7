// Random mixes of random images, for the sanitizers: layers of samples, tiles and the fill, masks,
// blends, several mixes in one pass. Fails where threads change a byte, an input changes, or memory
// beside a result is written.
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <vector>

#include "dice.hpp"
#include "variegate/engine.hpp"

using namespace variegate;

namespace {

constexpr int guard = 32; // bytes on each side of a result

// Exactly as large as the pixels: reads behind them are found.
template <class T> std::vector<T> pixels(Dice& dice, Shape shape) {
    std::vector<T> memory(static_cast<size_t>(shape.values()));
    for (T& value : memory)
        value = static_cast<T>(sizeof(T) == 1 ? dice.whole(0, 255) : dice.real(0, 1));
    return memory;
}

template <class T> struct RandomMix {
    std::vector<Shape> shapes;
    std::vector<int64_t> base, start, source, mask;
    std::vector<int32_t> place, origin;
    std::vector<double> weight;
    std::vector<uint8_t> masks;
    std::vector<float> fill;
    std::vector<std::vector<T>> memory;
    std::vector<Picture> tiles;
    MixStage stage;

    // keeps: all results are as large as the images.
    RandomMix(Dice& dice, const std::vector<Picture>& images, bool keeps) {
        const int count = static_cast<int>(images.size()), depth = images.front().shape.channels;
        const bool alike = keeps || dice.coin();
        const Shape other{dice.whole(1, 40), dice.whole(1, 40), depth};
        for (int i = 0; i < count; ++i) {
            const Shape own = images[static_cast<size_t>(i)].shape;
            shapes.push_back(alike ? own : other);
            base.push_back(alike && dice.coin() ? i : -1);
        }
        for (int t = dice.whole(0, 2); t > 0; --t) {
            const Shape shape{dice.whole(1, 30), dice.whole(1, 30), depth};
            memory.push_back(pixels<T>(dice, shape));
            tiles.push_back({memory.back().data(), shape});
        }
        const Shape frame = shapes.front();
        bool one_size = true;
        for (const Shape& shape : shapes) one_size = one_size && shape == frame;
        const int lists = one_size ? dice.whole(0, 2) : 0;
        for (int64_t i = 0; i < lists * frame.pixels(); ++i)
            masks.push_back(static_cast<uint8_t>(dice.whole(0, 1)));
        for (int i = 0; i < count; ++i) {
            start.push_back(static_cast<int64_t>(source.size()));
            for (int n = dice.whole(0, 4); n > 0; --n)
                add_layer(dice, images, shapes[static_cast<size_t>(i)], lists);
        }
        start.push_back(static_cast<int64_t>(source.size()));
        for (int i = 0; i < count * max_channels; ++i)
            fill.push_back(static_cast<float>(dice.real(-9, 300)));
        stage = {count,         shapes.data(), base.data(),   start.data(),
                 source.data(), place.data(),  origin.data(), weight.data(),
                 mask.data(),   masks.data(),  fill.data(),   tiles.data()};
    }

    void add_layer(Dice& dice, const std::vector<Picture>& images, Shape shape, int lists) {
        const int count = static_cast<int>(images.size());
        const int shown = dice.whole(-1, count + static_cast<int>(tiles.size()) - 1);
        Shape from = shape;
        if (shown >= count)
            from = tiles[static_cast<size_t>(shown - count)].shape;
        else if (shown >= 0)
            from = images[static_cast<size_t>(shown)].shape;
        const int height = dice.whole(0, std::min(shape.height, from.height));
        const int width = dice.whole(0, std::min(shape.width, from.width));
        const int top = dice.whole(0, shape.height - height);
        const int left = dice.whole(0, shape.width - width);
        place.insert(place.end(), {top, left, top + height, left + width});
        const int down = dice.whole(0, from.height - height);
        const int across = dice.whole(0, from.width - width);
        origin.insert(origin.end(), {shown < 0 ? 0 : down, shown < 0 ? 0 : across});
        source.push_back(shown);
        weight.push_back(dice.coin() ? 1.0 : dice.real(0, 1));
        mask.push_back(dice.whole(-1, lists - 1));
    }
};

template <class T>
std::vector<std::vector<std::byte>> mixed(const std::vector<MixStage>& mixes,
                                          const std::vector<Picture>& images, int threads, int call,
                                          const Runs<T>& runs) {
    std::vector<std::vector<std::byte>> results;
    std::vector<Target> targets;
    for (size_t i = 0; i < images.size(); ++i) {
        const Shape shape = mixes.back().shapes[i];
        const auto bytes = static_cast<size_t>(shape.values()) * sizeof(T);
        results.emplace_back(bytes + 2 * guard, std::byte{0x5a});
        targets.push_back({results.back().data() + guard, shape});
    }
    runs.mixes(mixes.data(), static_cast<int>(mixes.size()), images.data(), targets.data(),
               static_cast<int64_t>(images.size()), threads);
    for (const auto& memory : results)
        for (size_t i = 0; i < guard; ++i)
            check(memory[i] == std::byte{0x5a} && memory[memory.size() - 1 - i] == std::byte{0x5a},
                  "wrote beside a result", call);
    return results;
}

template <class T> void one_call(Dice& dice, int call, const Runs<T>& runs) {
    const int side = dice.whole(0, 7) ? 40 : 200; // large enough for more than one thread
    const int several = dice.coin() ? 1 : dice.whole(2, 3);
    const int depth = dice.whole(1, 5);
    Shape shape{dice.whole(1, side), dice.whole(1, side), depth};
    std::vector<std::vector<T>> memory;
    std::vector<Picture> images;
    for (int i = dice.whole(1, 4); i > 0; --i) {
        if (several == 1) shape = {dice.whole(1, side), dice.whole(1, side), depth};
        memory.push_back(pixels<T>(dice, shape));
        images.push_back({memory.back().data(), shape});
    }
    const auto kept = memory;
    std::vector<RandomMix<T>> given;
    given.reserve(static_cast<size_t>(several));
    std::vector<MixStage> mixes;
    for (int i = 0; i < several; ++i)
        mixes.push_back(given.emplace_back(dice, images, several > 1).stage);
    const auto once = mixed(mixes, images, 1, call, runs);
    check(once == mixed(mixes, images, 3, call, runs), "threads matter", call);
    check(memory == kept, "an input changed", call);
}

const Runs<uint8_t>& runs_of(const Engine& engine, uint8_t) { return engine.bytes; }
const Runs<float>& runs_of(const Engine& engine, float) { return engine.floats; }

// One call with the same dice on every instruction set of this machine.
template <class T> void on_every_target(Dice& dice, int call) {
    const Dice before = dice;
    for (const Engine* engine : engines()) {
        dice = before;
        one_call<T>(dice, call, runs_of(*engine, T{}));
    }
}

} // namespace

int main(int count, char** arguments) {
    const int calls = count > 1 ? std::atoi(arguments[1]) : 2000;
    const int seed = count > 2 ? std::atoi(arguments[2]) : 11;
    Dice dice{std::mt19937_64(static_cast<uint64_t>(seed))};
    for (int call = 0; call < calls; ++call)
        call % 2 ? on_every_target<float>(dice, call) : on_every_target<uint8_t>(dice, call);
    std::printf("%d calls\n", calls);
}
