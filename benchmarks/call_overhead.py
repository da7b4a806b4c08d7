"""What a call costs besides its pixels: drawing, lowering and everything around them.

Images are 8x8, so that pixels cost next to nothing; what the engine still takes for them is
measured alone (the same programs, already lowered) and subtracted. All on one thread.

    python benchmarks/call_overhead.py
"""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Callable
from typing import Any

import numpy as np

import variegate as vg
from variegate.engine import native
from variegate.plan.lower import lower
from variegate.plan.program import Stage

SIDE = 8
BATCHES = (1, 256)
BOXES = np.array([[1.0, 1.0, 6.0, 5.0], [0.0, 2.0, 4.0, 8.0]])
POLICIES: dict[str, list[Any]] = {
    "RandAugment(3)": [vg.RandAugment(num_ops=3)],
    "flip, affine, brightness": [vg.HorizontalFlip(p=0.5), vg.Affine(), vg.Brightness()],
    "flip, affine, with boxes": [vg.HorizontalFlip(p=0.5), vg.Affine()],
}


def median_us(call: Callable[[int], object], repeats: int) -> tuple[float, float]:
    """Median and mean microseconds of a call, which is given a new number each time. The mean
    holds what is done for many calls at once.
    """
    for turn in range(5):
        call(turn)
    times = []
    for turn in range(5, repeats + 5):
        start = time.perf_counter()
        call(turn)
        times.append((time.perf_counter() - start) * 1e6)
    return statistics.median(times), statistics.fmean(times)


def rows(steps: list[Any], count: int, boxes: bool) -> dict[str, tuple[float, float]]:
    """Median and mean microseconds an image of each part of a call."""
    images = np.random.default_rng(0).integers(0, 256, (count, SIDE, SIDE, 3), dtype=np.uint8)
    pipeline = vg.Pipeline(steps, seed=1, threads=1)
    targets: dict[str, Any] = {"images": images} | ({"boxes": [BOXES] * count} if boxes else {})
    if count == 1:
        targets = {"image": images[0]} | ({"boxes": BOXES} if boxes else {})
    sizes = [(SIDE, SIDE)] * count
    repeats = 3000 if count == 1 else 200

    def ids(turn: int) -> Any:
        order = np.random.default_rng(turn).permutation(count * 9)[:count]
        return order if count > 1 else int(order[0]) + 31 * turn

    def draw(turn: int) -> Any:
        return pipeline.draw(sizes=sizes, index=np.atleast_1d(ids(turn)))

    programs = [lower(draw(turn), np.uint8, 3) for turn in range(40)]
    stages = [program.stages[0] for program in programs]
    ready = [native.ready(stage, np.uint8, None) for stage in stages if isinstance(stage, Stage)]
    out = np.empty_like(images)

    def pixels(turn: int) -> None:
        one = ready[turn % 40]
        assert one is not None
        one.run(0, images, out, 1)

    found = {
        "draw, alone": median_us(draw, min(repeats, 600)),
        "draw and lower, alone": median_us(
            lambda turn: lower(draw(turn), np.uint8, 3), min(repeats, 600)
        ),
        "engine on 8x8 (subtracted)": median_us(pixels, repeats),
        "call, counted": median_us(lambda turn: pipeline(**targets), repeats),
        "call, shuffled index": median_us(
            lambda turn: pipeline(index=ids(turn), **targets), min(repeats, 600)
        ),
    }
    return {name: (each[0] / count, each[1] / count) for name, each in found.items()}


def main() -> None:
    """Prints one table for each policy and batch size."""
    write = sys.stdout.write
    for name, steps in POLICIES.items():
        for count in BATCHES:
            found = rows(steps, count, "boxes" in name)
            pixels = found["engine on 8x8 (subtracted)"]
            write(f"\n{name}, batch of {count}: microseconds an image, median (mean)\n")
            for part, (middle, mean) in found.items():
                write(f"  {part:<28}{middle:9.2f} ({mean:.2f})\n")
            for part in ("call, counted", "call, shuffled index"):
                middle, mean = (max(0.0, a - b) for a, b in zip(found[part], pixels, strict=True))
                write(f"  {part + ', Python alone':<28}{middle:9.2f} ({mean:.2f})\n")


if __name__ == "__main__":
    main()
