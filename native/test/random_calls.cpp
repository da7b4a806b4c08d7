// Random stages on random images, for the sanitizers: every verb, dtype and shape, strides of both
// signs, one thread and more. Fails where threads change a byte, an input changes, or memory beside
// a result is written. Arguments: calls, seed.
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <vector>

#include "dice.hpp"
#include "variegate/engine.hpp"
#include "variegate/verbs.hpp"

using namespace variegate;

namespace {

constexpr int rows = 4;
constexpr int nodes = 4;
constexpr int guard = 32; // bytes on each side of a result

template <class T> struct RandomStage {
    std::vector<double> matrix, before, field, channels, measure, blur, grid, noise, tiles, zoom;
    std::vector<int32_t> size, frame, mode, rects, verb, kernel, bits, median, rescale, scatter;
    std::vector<double> shapes, lightness, match, spectrum, hsv;
    std::vector<int32_t> outside, counts, cells, pick, codec;
    std::vector<int64_t> shapes_start, counts_start, waves_start, cells_start;
    std::vector<float> gain, waves;
    std::vector<float> fill, toward, smooth, normal;
    std::vector<T> lookup;
    std::vector<int64_t> rects_start, kernel_start, start, row;
    std::vector<uint64_t> key;
    Stage stage;
    std::vector<Shape> after;

    void warp_row(Dice& dice, Shape shape) {
        const double angle = dice.whole(0, 3) ? dice.real(0, 7) : dice.whole(0, 4) * M_PI / 2;
        const double scale = std::exp(dice.real(-2, 2)),
                     c = std::round(std::cos(angle) * 1e6) / 1e6;
        const double s = std::round(std::sin(angle) * 1e6) / 1e6;
        const int kind = dice.whole(0, 3);
        const double tilt = kind == 0 ? dice.real(-0.05, 0.05) : 0;
        const double size_x = kind == 1 ? 1 : scale, shift = dice.whole(-3, 40);
        for (const double v :
             {c * size_x, s * size_x, shift, -s * size_x, c * size_x, -shift / 2, tilt, -tilt, 1.0})
            matrix.push_back(v);
        for (const double v : {1.0, 0.1, -2.0, 0.0, 0.9, 1.0, tilt, 0.0, 1.0}) before.push_back(v);
        size.insert(size.end(), {dice.whole(1, 50), dice.whole(1, 50)});
        frame.insert(frame.end(), {shape.height, shape.width});
        const int bent = dice.whole(0, 3) == 0 ? dice.whole(0, 1) : -1;
        mode.insert(mode.end(), {dice.whole(0, 2), dice.whole(0, 3), dice.whole(0, 1), bent});
    }

    // Of bytes often one that simple ops make, which need no table.
    void add_table(Dice& dice) {
        const int kind = sizeof(T) == 1 ? dice.whole(0, 3) : 0;
        const int number = dice.whole(0, 255);
        const double factor = dice.real(0, 3);
        for (int v = 0; v < (sizeof(T) == 1 ? levels : knots); ++v) {
            const double drawn = sizeof(T) == 1 ? dice.whole(0, 255) : dice.real(0, 1);
            const double made[] = {drawn, double(v & number), double(v < number ? v : 255 - v),
                                   std::min(255.0, std::floor(v * factor))};
            lookup.push_back(static_cast<T>(made[kind]));
        }
    }

    void filter_row(Dice& dice) {
        for (const double v : {double(dice.whole(0, 1)), dice.real(0, 4),
                               dice.coin() ? -1.0 : dice.real(-2, 2), dice.real(0, 9)})
            blur.push_back(v);
        kernel_start.push_back(static_cast<int64_t>(kernel.size()) / 3);
        for (int taps = dice.whole(0, 20); taps > 0; --taps)
            for (const int v : {dice.whole(-9, 9), dice.whole(-9, 9), dice.whole(-90000, 90000)})
                kernel.push_back(v);
        bits.push_back(dice.whole(0, 20));
        median.push_back(dice.whole(0, 5));
        for (const double v :
             {double(dice.whole(1, 9)), double(dice.whole(1, 9)), dice.real(1, 40)})
            tiles.push_back(v);
        for (const int v :
             {dice.whole(1, 50), dice.whole(1, 50), dice.whole(0, 3), dice.whole(0, 2)})
            rescale.push_back(v);
        zoom.insert(zoom.end(), {dice.real(0, 0.2), double(dice.whole(1, 8))});
        scatter.insert(scatter.end(), {dice.whole(0, 127), dice.whole(0, 4)});
    }

    RandomStage(Dice& dice, const std::vector<Source>& images) {
        for (int k = 0; k < rows; ++k) {
            warp_row(dice, images.front().shape);
            for (int i = 0; i < 12; ++i) channels.push_back(dice.real(-1, 2));
            measure.insert(measure.end(), {double(dice.whole(0, 3)), dice.real(0, 2),
                                           dice.real(-2, 2), dice.real(-2, 2)});
            add_veils(dice);
            filter_row(dice);
            smooth.push_back(static_cast<float>(dice.whole(0, 2)));
            toward.push_back(static_cast<float>(dice.real(0, 2)));
            for (int i = 0; i < 6; ++i) grid.push_back(dice.real(0, 9));
            for (const double v : {double(dice.whole(0, 4)), dice.real(0, 0.5), dice.real(0, 0.5),
                                   double(dice.whole(0, 7))})
                noise.push_back(v);
            key.push_back(dice.coin() ? 0 : dice.bits());
            for (int i = 0; i < 4; ++i) rects.push_back(dice.whole(-5, 60));
            rects_start.push_back(k);
        }
        rects_start.push_back(rows);
        kernel_start.push_back(static_cast<int64_t>(kernel.size()) / 3);
        shapes_start.push_back(static_cast<int64_t>(shapes.size()) / 8);
        cells_start.push_back(rows);
        counts_start.push_back(0);
        waves_start.push_back(0);
        // All rows share the lists of five channels, the most that an image has.
        counts.resize(5 * levels, 1);
        for (int i = 0; i < 5 * (spectrum_reach + 1) * (2 * spectrum_reach + 1); ++i)
            waves.push_back(static_cast<float>(dice.real(-1, 20)));
        for (int i = 0; i < rows * max_channels; ++i)
            fill.push_back(static_cast<float>(dice.real(-9, 300)));
        for (int i = 0; i < rows * max_channels; ++i)
            gain.push_back(static_cast<float>(dice.real(-1, 1)));
        for (int i = 0; i < 2 * nodes * nodes * 2; ++i) field.push_back(dice.real(-9, 9));
        for (int i = 0; i < normal_entries; ++i)
            normal.push_back(static_cast<float>(dice.real(-3, 3)));
        for (int row = 0; row < rows; ++row) add_table(dice);
        add_entries(dice, images);
        point();
    }

    // Shapes, references and cells of a row.
    void add_veils(Dice& dice) {
        shapes_start.push_back(static_cast<int64_t>(shapes.size()) / 8);
        for (int n = dice.whole(0, 5); n > 0; --n) {
            const double kind = dice.whole(0, 4);
            shapes.insert(shapes.end(), {kind, dice.real(0, 1), dice.real(0.1, 9)});
            for (int i = 0; i < 4; ++i) {
                const bool sigma = kind == 3 && i > 1;
                shapes.push_back(sigma ? dice.real(0.1, 50) : dice.real(-60, 200));
            }
            shapes.push_back(kind == 4 ? dice.whole(0, 1) : dice.real(0, 9));
        }
        outside.push_back(dice.whole(0, 1));
        lightness.insert(lightness.end(), {dice.real(0, 256), dice.real(0, 4)});
        for (const double v : {dice.real(-200, 200), dice.real(0, 3), dice.real(0, 3),
                               dice.real(-300, 300), dice.real(-300, 300)})
            hsv.push_back(v);
        for (int i = 0; i < max_channels; ++i) pick.push_back(dice.whole(-1, 0));
        codec.push_back(dice.whole(1, 100));
        codec.push_back(static_cast<int32_t>(FileFormat::Jpeg));
        match.push_back(dice.real(0, 1));
        spectrum.push_back(dice.real(-0.1, 0.5));
        cells_start.push_back(static_cast<int64_t>(cells.size()) / 6);
        for (int i = 0; i < 6; ++i) cells.push_back(dice.whole(-1, i == 2 || i == 3 ? 40 : 20));
        counts_start.push_back(0);
        for (int i = 0; i < levels; ++i) counts.push_back(dice.whole(0, 3));
        waves_start.push_back(0);
    }

    void add_entries(Dice& dice, const std::vector<Source>& images) {
        start.push_back(0);
        for (const Source& image : images) {
            Shape shape = image.shape;
            for (int n = dice.whole(0, 5); n > 0; --n) {
                const auto next = static_cast<Verb>(dice.whole(0, static_cast<int>(Verb::Codec)));
                const bool colored =
                    next == Verb::Channels || next == Verb::Hsv || next == Verb::Codec;
                if (colored && shape.channels == 2) continue;
                const int place = dice.whole(0, rows - 1);
                verb.push_back(static_cast<int32_t>(next));
                row.push_back(place);
                if (next == Verb::Luma) shape.channels = 1;
                if (next == Verb::Warp)
                    shape = {size[2 * place], size[2 * place + 1], shape.channels};
            }
            start.push_back(static_cast<int64_t>(verb.size()));
            after.push_back(shape);
        }
    }

    void point() {
        stage.samples = static_cast<int64_t>(after.size());
        stage.start = start.data();
        stage.verb = verb.data();
        stage.row = row.data();
        Tables& t = stage.tables;
        t.warp_matrix = matrix.data();
        t.warp_before = before.data();
        t.warp_size = size.data();
        t.warp_field_size = frame.data();
        t.warp_mode = mode.data();
        t.warp_fill = t.rectangles_fill = t.grid_fill = fill.data();
        t.fields = field.data();
        t.nodes_y = t.nodes_x = nodes;
        t.lookup = lookup.data();
        t.channels = channels.data();
        t.toward = toward.data();
        t.codec = codec.data();
        t.measure = measure.data();
        t.blur = blur.data();
        t.smooth = smooth.data();
        t.rectangles_start = rects_start.data();
        t.rectangles = rects.data();
        t.rectangles_noise = t.noise_key = key.data();
        t.kernel_start = kernel_start.data();
        t.kernel = kernel.data();
        t.kernel_bits = bits.data();
        t.median = median.data();
        t.tiles = tiles.data();
        t.rescale = rescale.data();
        t.zoom = zoom.data();
        t.scatter = scatter.data();
        t.scatter_key = key.data();
        t.grid = grid.data();
        t.noise = noise.data();
        t.noise_fill = fill.data();
        t.normal = normal.data();
        t.shapes_start = shapes_start.data();
        t.shapes = shapes.data();
        t.shapes_gain = gain.data();
        t.shapes_shift = fill.data();
        t.shapes_outside = outside.data();
        t.lightness = lightness.data();
        t.hsv = hsv.data();
        t.pick = pick.data();
        t.pick_fill = fill.data();
        t.match = match.data();
        t.match_counts_start = counts_start.data();
        t.match_counts = counts.data();
        t.spectrum = spectrum.data();
        t.amplitudes_start = waves_start.data();
        t.amplitudes = waves.data();
        t.cells_start = cells_start.data();
        t.cells = cells.data();
    }
};

// Exactly as large as the pixels: reads behind them are found.
template <class T> Source make_image(Dice& dice, std::vector<T>& memory) {
    const int side = dice.whole(0, 7) ? 40 : 200; // large enough for more than one thread
    // Often a pixel or two wide: loops that read eight bytes at a time must not pass such an end.
    const int width = dice.whole(0, 7) ? dice.whole(1, side) : dice.whole(1, 2);
    const Shape shape{dice.whole(1, side), width, dice.whole(1, 5)};
    memory.resize(static_cast<size_t>(shape.values()));
    for (T& value : memory)
        value = static_cast<T>(sizeof(T) == 1 ? dice.whole(0, 255) : dice.real(0, 1));
    constexpr int64_t size = sizeof(T);
    Source image{reinterpret_cast<const std::byte*>(memory.data()),
                 {size * shape.width * shape.channels, size * shape.channels, size},
                 shape};
    if (dice.coin()) { // upside down
        image.data += image.strides[0] * (shape.height - 1);
        image.strides[0] = -image.strides[0];
    }
    return image;
}

using Results = std::vector<std::vector<std::byte>>;

template <class T, class Run>
Results run(const RandomStage<T>& given, const std::vector<Source>& images,
            const std::vector<Shape>& shapes, int threads, int call, Run work) {
    Results results;
    std::vector<Target> targets;
    for (const Shape& shape : shapes) {
        const auto bytes = static_cast<size_t>(shape.values()) * sizeof(T);
        results.emplace_back(bytes + 2 * guard, std::byte{0x5a});
        targets.push_back({results.back().data() + guard, shape});
    }
    work(given.stage, images.data(), targets.data(), threads);
    for (const auto& memory : results)
        for (size_t i = 0; i < guard; ++i)
            check(memory[i] == std::byte{0x5a} && memory[memory.size() - 1 - i] == std::byte{0x5a},
                  "wrote beside a result", call);
    return results;
}

size_t bytes_of(const Output& output) { return output.number == Number::Float32 ? 4 : 2; }

// Results that are written as `output` says: nothing beside them may change.
template <class T>
void run_converted(const RandomStage<T>& given, const std::vector<Source>& images,
                   const Output& output, int call, const Runs<T>& runs) {
    Results results;
    std::vector<Target> targets;
    for (const Shape shape : given.after)
        results.emplace_back(static_cast<size_t>(shape.values()) * bytes_of(output) + 2 * guard,
                             std::byte{0x5a});
    for (size_t i = 0; i < results.size(); ++i)
        targets.push_back({results[i].data() + guard, given.after[i]});
    runs.stage(given.stage, images.data(), targets.data(), &output, 2, {});
    for (const auto& memory : results)
        for (size_t i = 0; i < guard; ++i)
            check(memory[i] == std::byte{0x5a} && memory[memory.size() - 1 - i] == std::byte{0x5a},
                  "wrote beside a converted result", call);
}

template <class T> void one_call(Dice& dice, int call, const Runs<T>& runs) {
    const int count = dice.whole(1, 4);
    std::vector<std::vector<T>> memory(static_cast<size_t>(count));
    std::vector<Source> images;
    for (auto& own : memory) images.push_back(make_image(dice, own));
    const auto kept = memory;
    const RandomStage<T> given(dice, images);
    const auto stages = [&](const Stage& stage, const Source* from, const Target* to, int threads) {
        runs.stage(stage, from, to, nullptr, threads, {});
    };
    const Results once = run(given, images, given.after, 1, call, stages);
    check(once == run(given, images, given.after, 3, call, stages), "threads matter", call);
    const std::vector<float> scale(max_channels, 0.01f);
    const Output output{scale.data(), scale.data(), dice.coin(),
                        static_cast<Number>(dice.whole(0, 2))};
    run_converted(given, images, output, call, runs);
    std::vector<Shape> moved;
    for (size_t i = 0; i < images.size(); ++i) {
        Shape shape = images[i].shape;
        for (int64_t e = given.start[i]; e < given.start[i + 1]; ++e)
            if (static_cast<Verb>(given.verb[e]) == Verb::Warp)
                shape = {given.size[2 * given.row[e]], given.size[2 * given.row[e] + 1],
                         shape.channels};
        moved.push_back(shape);
    }
    run(given, images, moved, 2, call, runs.masks);
    check(memory == kept, "an input changed", call);
    const Shape shape = images.front().shape;
    std::vector<std::byte> out(static_cast<size_t>(shape.values()) * bytes_of(output));
    runs.output(output, memory.front().data(), out.data(), 1, shape, 2);
}

const Runs<uint8_t>& runs_of(const Engine& engine, uint8_t) { return engine.bytes; }
const Runs<float>& runs_of(const Engine& engine, float) { return engine.floats; }

// One call with the same dice on every instruction set of this machine.
template <class T> void on_every_target(Dice& dice, int call) {
    for (const Engine* engine : engines()) {
        Dice own = dice;
        one_call<T>(own, call, runs_of(*engine, T{}));
        if (engine == engines().back()) dice = own;
    }
}

} // namespace

int main(int count, char** arguments) {
    const int calls = count > 1 ? std::atoi(arguments[1]) : 2000;
    const int seed = count > 2 ? std::atoi(arguments[2]) : 7;
    Dice dice{std::mt19937_64(static_cast<uint64_t>(seed))};
    for (int call = 0; call < calls; ++call)
        call % 2 ? on_every_target<float>(dice, call) : on_every_target<uint8_t>(dice, call);
    std::printf("%d calls\n", calls);
}
