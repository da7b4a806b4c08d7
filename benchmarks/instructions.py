"""Instructions per pixel of a few pipelines: what no busy machine changes.

    python benchmarks/instructions.py [warp lookup copy flip crop contrast blend]

Valgrind counts (`apt install valgrind`): a run with more calls less one with fewer, on one thread
and images of 224x224x3. It knows AVX2 but not AVX-512, so the AVX2 loops are what is counted.
"""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
from typing import Any

import numpy as np

import variegate as vg

SIDE, BATCH, FEW, MANY = 224, 8, 4, 12
POLICIES: dict[str, list[Any]] = {
    "copy": [],
    "warp": [vg.Rotate(angle=(13, 13))],
    "lookup": [vg.Gamma(gamma=(1.4, 1.4))],
    "flip": [vg.HorizontalFlip()],
    "crop": [vg.CenterCrop(size=(160, 160))],
    "contrast": [vg.Contrast(factor=(1.3, 1.3))],
    "blend": [vg.MixUp()],
}


def work(name: str, calls: int) -> None:
    """The calls themselves."""
    pipeline = vg.Pipeline(POLICIES[name], seed=0, classes=2, threads=1)
    shape = (BATCH, SIDE, SIDE, 3)
    images = np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)
    labels = {"labels": np.arange(BATCH) % 2} if name == "blend" else {}
    for _ in range(calls):
        pipeline(images=images, **labels)


def counted(name: str, calls: int) -> int:
    """Instructions of a process that makes so many calls."""
    tool = ["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null"]
    command = [*tool, sys.executable, __file__, "--work", str(calls), name]
    run = subprocess.run(command, capture_output=True, text=True, check=True)
    found = re.search(r"Collected : (\d+)", run.stderr)
    if found is None:
        raise SystemExit(run.stderr)
    return int(found.group(1))


def main() -> None:
    """Prints a line for each pipeline."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", default=list(POLICIES))
    parser.add_argument("--work", type=int)
    given = parser.parse_args()
    for name in given.names:
        if given.work is not None:
            work(name, given.work)
            continue
        apart = counted(name, MANY) - counted(name, FEW)
        pixels = (MANY - FEW) * BATCH * SIDE * SIDE
        print(f"{name:10}{apart / pixels:8.2f} instructions a pixel")


if __name__ == "__main__":
    main()
