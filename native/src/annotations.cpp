#include "variegate/annotations.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

#include "variegate/random.hpp"
#include "variegate/threads.hpp"

namespace variegate {
namespace {

constexpr double behind = 1e-9; // a point at or behind the eye goes far outside
constexpr double in_front = 1e-6;
constexpr int64_t worth_a_thread = 1000; // boxes that take longer than waking one

struct Point {
    double x, y;
};
using Polygon = std::vector<Point>;

bool is_affine(const double* m) { return m[6] == 0 && m[7] == 0 && m[8] == 1; }

Point moved(const double* m, bool affine, Point p) {
    const double x = m[0] * p.x + m[1] * p.y + m[2], y = m[3] * p.x + m[4] * p.y + m[5];
    if (affine) return {x, y};
    const double weight = std::max(m[6] * p.x + m[7] * p.y + m[8], behind);
    return {x / weight, y / weight};
}

// Keeps the part of a polygon whose distance is at least 0 (Sutherland and Hodgman 1974).
template <class Distance> void clip(Polygon& polygon, Polygon& spare, Distance distance) {
    if (std::all_of(polygon.begin(), polygon.end(), [&](Point p) { return distance(p) >= 0; }))
        return;
    spare.clear();
    for (size_t i = 0; i < polygon.size(); ++i) {
        const Point here = polygon[i], next = polygon[i + 1 < polygon.size() ? i + 1 : 0];
        const double mine = distance(here), other = distance(next);
        if (mine >= 0) spare.push_back(here);
        if ((mine >= 0) == (other >= 0)) continue;
        const double share = mine / (mine - other);
        spare.push_back({here.x + share * (next.x - here.x), here.y + share * (next.y - here.y)});
    }
    polygon.swap(spare);
}

// points: any container of them, in order around the outline.
template <class Points> double area(const Points& points) {
    double sum = 0;
    for (size_t i = 0; i < points.size(); ++i) {
        const Point here = points[i], next = points[i + 1 < points.size() ? i + 1 : 0];
        sum += here.x * next.y - here.y * next.x;
    }
    return std::fabs(sum) / 2;
}

struct Bounds {
    double low_x = std::numeric_limits<double>::infinity(), low_y = low_x;
    double high_x = -low_x, high_y = -low_x;

    bool within(const Map& map) const {
        return low_x >= 0 && high_x <= map.size[1] && low_y >= 0 && high_y <= map.size[0];
    }
};

template <class Points> Bounds bounds(const Points& points) {
    Bounds found;
    for (const Point p : points) {
        found.low_x = std::min(found.low_x, p.x);
        found.low_y = std::min(found.low_y, p.y);
        found.high_x = std::max(found.high_x, p.x);
        found.high_y = std::max(found.high_y, p.y);
    }
    return found;
}

using Corners = std::array<Point, 4>;

Corners corners_of(const double* box) {
    return {{{box[0], box[1]}, {box[2], box[1]}, {box[2], box[3]}, {box[0], box[3]}}};
}

// Moves corners through affine maps; false where one is not, or where a frame cuts something off.
bool stays_whole(const Map* maps, int64_t count, Corners& corners) {
    for (const Map* map = maps; map < maps + count; ++map) {
        if (!is_affine(map->matrix)) return false;
        for (Point& p : corners) p = moved(map->matrix, true, p);
        if (!bounds(corners).within(*map)) return false;
    }
    return true;
}

// A box on its way: its visible part, and its corners with nothing cut off.
struct Box {
    Polygon visible, whole, spare;

    void set(const double* box) {
        const Corners corners = corners_of(box);
        whole.assign(corners.begin(), corners.end());
        visible = whole;
    }

    void follow(const Map& map) {
        const double* m = map.matrix;
        const bool affine = is_affine(m);
        if (!affine)
            clip(visible, spare,
                 [m](Point p) { return m[6] * p.x + m[7] * p.y + m[8] - in_front; });
        for (Point& p : visible) p = moved(m, affine, p);
        for (Point& p : whole) p = moved(m, affine, p);
        const double height = map.size[0], width = map.size[1];
        if (bounds(visible).within(map)) return;
        clip(visible, spare, [](Point p) { return p.x; });
        clip(visible, spare, [width](Point p) { return width - p.x; });
        clip(visible, spare, [](Point p) { return p.y; });
        clip(visible, spare, [height](Point p) { return height - p.y; });
    }
};

} // namespace

void move_boxes(const Maps& maps, const int64_t* first, const double* boxes, double* bounding,
                double* seen, double* whole, int threads) {
    const auto samples = static_cast<int64_t>(maps.start.size()) - 1;
    const int64_t count = samples > 0 ? first[samples] : 0;
    const auto used = static_cast<int>(std::min<int64_t>(threads, 1 + count / worth_a_thread));
    parallel_for(samples, used, [&](int64_t sample) {
        Box box;
        const Map *own = maps.maps.data() + maps.start[sample],
                  *end = maps.maps.data() + maps.start[sample + 1];
        for (int64_t i = first[sample]; i < first[sample + 1]; ++i) {
            Corners corners = corners_of(boxes + 4 * i);
            const bool uncut = stays_whole(own, end - own, corners); // as most are
            if (!uncut) {
                box.set(boxes + 4 * i);
                for (const Map* map = own; map < end; ++map) box.follow(*map);
            }
            const Bounds now = uncut ? bounds(corners) : bounds(box.visible);
            const double found[] = {now.low_x, now.low_y, now.high_x, now.high_y};
            std::copy(found, found + 4, bounding + 4 * i);
            whole[i] = uncut ? area(corners) : area(box.whole);
            seen[i] = uncut ? whole[i] : area(box.visible);
        }
    });
}

void move_points(const Maps& maps, const int64_t* first, const int64_t* sizes, double* points,
                 bool* inside) {
    const auto within = [](Point p, double height, double width) {
        return p.x >= 0 && p.x < width && p.y >= 0 && p.y < height;
    };
    const auto samples = static_cast<int64_t>(maps.start.size()) - 1;
    for (int64_t sample = 0; sample < samples; ++sample) {
        const auto height = static_cast<double>(sizes[2 * sample]);
        const auto width = static_cast<double>(sizes[2 * sample + 1]);
        for (int64_t i = first[sample]; i < first[sample + 1]; ++i) {
            Point p{points[2 * i], points[2 * i + 1]};
            bool in = within(p, height, width);
            for (int64_t j = maps.start[sample]; j < maps.start[sample + 1]; ++j) {
                const Map& map = maps.maps[j];
                p = moved(map.matrix, is_affine(map.matrix), p);
                in = in && within(p, map.size[0], map.size[1]);
            }
            points[2 * i] = p.x;
            points[2 * i + 1] = p.y;
            inside[i] = in;
        }
    }
}

void uniforms(const uint64_t* keys, int64_t slots, const uint64_t* index, int64_t count,
              double* out) {
    constexpr uint64_t golden = 0x9E3779B97F4A7C15ULL;
    for (int64_t i = 0; i < count; ++i) {
        const uint64_t sample = mix_bits(index[i] * golden + golden);
        for (int64_t j = 0; j < slots; ++j)
            *out++ = static_cast<double>(mix_bits(sample ^ keys[j]) >> 11) * 0x1p-53;
    }
}

} // namespace variegate
