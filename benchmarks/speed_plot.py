"""The cost of an image against the batch size and against its pixels, as an SVG picture."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from variegate.bench.summary import Results

WIDE, HIGH, LEFT, TOP = 380, 260, 64, 34
SPACE = 60
INK, LINE, GRID = "#333", "#1f6f8b", "#ddd"


def picture(results: Results) -> str:
    """Two charts side by side, both axes logarithmic."""
    limits = results.suite("limits")
    batches = [(c["batch"], _micro(c)) for c in limits if c["name"] == "ByBatch"]
    pixels = [(c["height"] * c["width"], _micro(c)) for c in limits if c["name"] == "ByPixels"]
    by_batch = [(x, y) for x, y in batches if y]
    by_pixels = [(x, y) for x, y in pixels if y]
    width = 2 * (WIDE + LEFT) + SPACE
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{HIGH + TOP + 52}" '
        f'viewBox="0 0 {width} {HIGH + TOP + 52}" font-family="sans-serif" font-size="12" '
        f'fill="{INK}">'
    )
    back = f'<rect width="{width}" height="{HIGH + TOP + 52}" fill="white"/>'
    left = _chart(by_batch, LEFT, "Images in a batch (128x128)", "flat: the same for all")
    start = 2 * LEFT + WIDE + SPACE // 2
    right = _chart(by_pixels, start, "Pixels of an image (batches of 4)", "linear: slope 1")
    return "\n".join([head, back, *left, *right, "</svg>"]) + "\n"


def _micro(case: Any) -> float:
    result = case["results"].get("variegate", {})
    return float(1e6 * result.get("median", 0.0))


def _ticks(low: float, high: float) -> list[float]:
    """Powers of ten, or 1, 2 and 5 times them where those are few."""
    tens = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    steps = (1, 2, 5) if math.log10(high / low) < 2 else (1,)
    return [m * 10.0**e for e in tens for m in steps if low * 0.999 <= m * 10.0**e <= high * 1.001]


def _chart(points: Sequence[tuple[float, float]], left: int, name: str, note: str) -> list[str]:
    """One chart: grid, labels, a line with dots."""
    if not points:
        return [f'<text x="{left}" y="{TOP}">{name}: not measured</text>']
    xs, ys = [x for x, _ in points], [y for _, y in points]
    x_low, x_high = min(xs) / 1.3, max(xs) * 1.3
    y_low, y_high = min(ys) / 3, max(ys) * 3

    def at(x: float, y: float) -> tuple[float, float]:
        right = math.log(x / x_low) / math.log(x_high / x_low)
        up = math.log(y / y_low) / math.log(y_high / y_low)
        return round(left + WIDE * right, 1), round(TOP + HIGH * (1 - up), 1)

    out = [f'<text x="{left}" y="{TOP - 14}" font-weight="bold">Microseconds an image</text>']
    for value in _ticks(y_low, y_high):
        x, y = at(x_low, value)
        out.append(f'<path d="M{x} {y}h{WIDE}" stroke="{GRID}"/>')
        out.append(f'<text x="{x - 6}" y="{y + 4}" text-anchor="end">{value:,g}</text>')
    for value, _ in points:
        x, y = at(value, y_low)
        out.append(f'<path d="M{x} {y}v{-HIGH}" stroke="{GRID}"/>')
        out.append(f'<text x="{x}" y="{y + 16}" text-anchor="middle">{_short(value)}</text>')
    middle = left + WIDE // 2
    out.append(f'<text x="{middle}" y="{TOP + HIGH + 38}" text-anchor="middle">{name}</text>')
    out.append(f'<text x="{left + WIDE - 8}" y="{TOP + 16}" text-anchor="end">{note}</text>')
    places = [at(x, y) for x, y in points]
    path = "L".join(f"{x} {y}" for x, y in places)
    out.append(f'<path d="M{path}" fill="none" stroke="{LINE}" stroke-width="2"/>')
    out += [f'<circle cx="{x}" cy="{y}" r="3.5" fill="{LINE}"/>' for x, y in places]
    return out


def _short(value: float) -> str:
    """1024 as 1k, 1048576 as 1M."""
    for size, letter in ((1 << 20, "M"), (1 << 10, "k")):
        if value >= size:
            return f"{value / size:g}{letter}"
    return f"{value:g}"
