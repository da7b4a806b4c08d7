"""Runs millions of samples through pipelines and prints the memory in use as it goes.

    python benchmarks/soak.py                     # 10 million samples, 32x32
    python benchmarks/soak.py --samples 100000

Ends with status 1 where the memory grows by more than 16 MiB after the first tenth.
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

import numpy as np

import variegate as vg

PAGE = 4096
ALLOWED = 16 << 20  # bytes; the allocator's own ups and downs stay far below


def resident() -> int:
    """Bytes of memory that the process holds (Linux)."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * PAGE


def pipelines() -> list[vg.Pipeline]:
    """What the samples go through in turn: every kind of verb, two results of other types."""
    normalize = vg.Normalize(mean=(0.5, 0.5, 0.5), std=(0.2, 0.2, 0.2), layout="NCHW")
    return [
        vg.Pipeline([vg.RandAugment(3), normalize], seed=0),
        vg.Pipeline([vg.TrivialAugment(), vg.Cutout()], seed=1),
        vg.Pipeline([vg.RandomResizedCrop(size=(32, 32)), vg.HorizontalFlip(), vg.ColorJitter()]),
        vg.Pipeline([vg.Rotate(angle=(-30, 30), border="reflect"), vg.GaussianNoise()], seed=2),
        vg.Pipeline([vg.OneOf([vg.CutMix(), vg.MixUp()])], seed=3, classes=10),
    ]


def main() -> None:
    """Runs and prints."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--samples", type=int, default=10_000_000)
    parser.add_argument("--batch", type=int, default=256)
    given = parser.parse_args()
    images = np.random.default_rng(0).integers(0, 256, (given.batch, 32, 32, 3), dtype=np.uint8)
    labels = np.arange(given.batch) % 10
    turns = pipelines()
    calls = -(-given.samples // given.batch)
    begin, first, most = time.perf_counter(), 0, 0
    for call in range(calls):
        turns[call % len(turns)](images=images, labels=labels)
        if call == calls // 10:
            first = resident()
        most = max(most, resident()) if call % 100 == 0 and first else most
        if call % max(1, calls // 10) == 0:
            done, seconds = call * given.batch, time.perf_counter() - begin
            print(f"{done:>10,} samples  {resident() >> 20:>5} MiB  {seconds:6.1f} s", flush=True)
    grown = max(0, most - first)
    print(f"{calls * given.batch:,} samples, grown by {grown / (1 << 20):.1f} MiB at most")
    sys.exit(grown > ALLOWED)


if __name__ == "__main__":
    main()
