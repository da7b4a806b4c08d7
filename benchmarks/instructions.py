"""Instructions per pixel of a few pipelines: what no busy machine changes.

    python benchmarks/instructions.py [warp lookup copy flip crop contrast blend RandAugment3 ...]

Valgrind counts (`apt install valgrind`): a run with more calls less one with fewer, on one thread.
It knows AVX2 but not AVX-512, so the AVX2 loops are what is counted. Single steps work on images of
224x224x3; the pipelines of the speed page on images of 32x32x3, with what drawing costs.
"""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import sys
from typing import Any

import numpy as np

import variegate as vg
from variegate.bench.peers.cases import PIPELINES
from variegate.bench.peers.variegate_peer import pipeline_steps

SIDE, BATCH, CALLS = 224, 8, (4, 36)
# Of pipelines: one block of 8,192 samples is drawn between these numbers of calls.
SMALL_SIDE, SMALL_BATCH, SMALL_CALLS = 32, 256, (21, 53)
SMALL = ("RandAugment3", "Geometry", "Classify")
POLICIES: dict[str, list[Any]] = {
    "copy": [],
    "warp": [vg.Rotate(angle=(13, 13))],
    "lookup": [vg.Gamma(gamma=(1.4, 1.4))],
    "flip": [vg.HorizontalFlip()],
    "crop": [vg.CenterCrop(size=(160, 160))],
    "contrast": [vg.Contrast(factor=(1.3, 1.3))],
    "blend": [vg.MixUp()],
}


def form_of(name: str) -> tuple[int, int, tuple[int, int]]:
    """Side and number of the images, and of fewer and more calls."""
    if name in SMALL:
        return SMALL_SIDE, SMALL_BATCH, SMALL_CALLS
    return SIDE, BATCH, CALLS


def work(name: str, calls: int) -> None:
    """The calls themselves."""
    side, batch, _ = form_of(name)
    steps = POLICIES.get(name)
    if steps is None:
        steps = pipeline_steps(name, {**PIPELINES[name][0], "size": side})
    pipeline = vg.Pipeline(steps, seed=0, classes=2, threads=1)
    shape = (batch, side, side, 3)
    images = np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)
    labels = {"labels": np.arange(batch) % 2} if name == "blend" else {}
    for _ in range(calls):
        pipeline(images=images, **labels)


def counted(name: str, calls: int) -> int:
    """Instructions of a process that makes so many calls."""
    tool = ["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null"]
    command = [*tool, sys.executable, __file__, "--work", str(calls), name]
    same = {**os.environ, "PYTHONHASHSEED": "0"}  # else the start of Python differs by millions
    run = subprocess.run(command, capture_output=True, text=True, check=True, env=same)
    found = re.search(r"Collected : (\d+)", run.stderr)
    if found is None:
        raise SystemExit(run.stderr)
    return int(found.group(1))


def main() -> None:
    """Prints a line for each pipeline."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", default=[*POLICIES, *SMALL])
    parser.add_argument("--work", type=int)
    given = parser.parse_args()
    for name in given.names:
        if given.work is not None:
            work(name, given.work)
            continue
        side, batch, (few, many) = form_of(name)
        apart = counted(name, many) - counted(name, few)
        pixels = (many - few) * batch * side * side
        print(f"{name:14}{apart / pixels:8.2f} instructions a pixel")


if __name__ == "__main__":
    main()
