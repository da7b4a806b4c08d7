"""Time `vg.Loader` on JPEG files: decoding alone, the loader, and a PyTorch DataLoader.

    python benchmarks/loader_speed.py [--threads 2] [--rounds 5] [--folder DIR]

Without a folder it writes 256 pictures of 500 x 375 to a temporary one. Each is cropped to 224 x
224, flipped, its colors are changed, and it becomes normalized float32, channels first. The three
run in turn, round after round; the medians are compared. The DataLoader runs where PyTorch and
Albumentations are there, on as many worker processes as the loader has threads.
"""

from __future__ import annotations

import argparse
import os
import statistics
import tempfile
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

import variegate as vg
from variegate.data import batch as batch_module
from variegate.data import content as content_module
from variegate.data.jpeg_fast import decode_part
from variegate.data.jpeg_frame import read_frame

MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
BATCH = 64


def write_pictures(folder: Path, count: int) -> list[str]:
    """Smooth pictures with noise, 500 x 375, quality 90, colors at half size."""
    generator = np.random.default_rng(0)
    rows, columns = np.mgrid[:375, :500]
    paths = []
    for number in range(count):
        values = np.full((375, 500, 3), 110.0)
        for _ in range(8):
            y, x, reach = generator.uniform((0, 0, 10), (375, 500, 90))
            blob = np.exp(-((rows - y) ** 2 + (columns - x) ** 2) / (2 * reach**2))
            values += blob[..., None] * generator.uniform(-90, 90, 3)
        values += generator.normal(0, 5, (375, 500, 1))
        path = folder / f"{number:05}.jpg"
        pixels = np.clip(values, 0, 255).astype(np.uint8)
        Image.fromarray(pixels).save(path, quality=90, subsampling=2)
        paths.append(str(path))
    return paths


def pipeline() -> vg.Pipeline:
    """What a training recipe for 224 x 224 does."""
    steps = [
        vg.RandomResizedCrop(size=(224, 224)),
        vg.HorizontalFlip(p=0.5),
        vg.ColorJitter(),
        vg.Normalize(mean=MEAN, std=STD, layout="NCHW"),
    ]
    return vg.Pipeline(steps, seed=0)


def decode_all(paths: list[str], threads: int) -> Callable[[], None]:
    """Read and decode every file in full, nothing else, into memory that is used again."""
    own = threading.local()

    def one(path: str) -> None:
        data = Path(path).read_bytes()
        frame = read_frame(data, 1 << 26)
        if frame is None:
            raise SystemExit(f"{path}: not an ordinary JPEG")
        need = frame.height * frame.width * 3
        if getattr(own, "buffer", np.empty(0)).size < need:
            own.buffer = np.empty(need, dtype=np.uint8)
        decode_part(data, frame, 3, 1, frame.height, own.buffer)

    def run() -> None:
        with ThreadPoolExecutor(threads) as pool:
            list(pool.map(one, paths))

    return run


def exhaust(batches: Any) -> Callable[[], None]:
    """A run over all batches."""

    def run() -> None:
        for _ in batches:
            pass

    return run


def torch_loader(paths: list[str], threads: int) -> Any:
    """A DataLoader with Albumentations on the same work, None where one of them is missing."""
    os.environ["NO_ALBUMENTATIONS_UPDATE"] = "1"
    try:
        import albumentations
        import cv2
        import torch
        from albumentations.pytorch import ToTensorV2
    except ImportError:
        return None
    steps = albumentations.Compose(
        [
            albumentations.RandomResizedCrop(size=(224, 224)),
            albumentations.HorizontalFlip(p=0.5),
            albumentations.ColorJitter(
                brightness=(0.6, 1.4), contrast=(0.6, 1.4), saturation=(0.6, 1.4), hue=0, p=1
            ),
            albumentations.Normalize(MEAN, STD),
            ToTensorV2(),
        ]
    )

    class Files(torch.utils.data.Dataset):  # type: ignore[misc]
        def __len__(self) -> int:
            return len(paths)

        def __getitem__(self, place: int) -> Any:
            cv2.setNumThreads(1)
            image = cv2.cvtColor(cv2.imread(paths[place]), cv2.COLOR_BGR2RGB)
            return steps(image=image)["image"]

    return torch.utils.data.DataLoader(
        Files(), BATCH, shuffle=True, num_workers=threads, persistent_workers=True
    )


def share_outside_decoding(loader: vg.Loader) -> tuple[float, float]:
    """Processor time of an epoch in us an image, and the share of it outside the JPEG decoder."""
    spent: list[float] = []
    plain = content_module.decode_part

    def timed(*arguments: Any) -> Any:
        start = time.thread_time()
        try:
            return plain(*arguments)
        finally:
            spent.append(time.thread_time() - start)

    content_module.decode_part = timed
    try:
        start = time.process_time()
        exhaust(loader)()
        whole = time.process_time() - start
    finally:
        content_module.decode_part = plain
    return whole / len(spent) * 1e6, 1 - sum(spent) / whole


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--folder", type=Path)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as made:
        if options.folder:
            paths = sorted(str(path) for path in options.folder.rglob("*.jpg"))
        else:
            paths = write_pictures(Path(made), 256)
        compare(paths, options.threads, options.rounds)


def compare(paths: list[str], threads: int, rounds: int) -> None:
    """Run all in turn and print images a second, ratios and the share outside the decoder."""
    loader = vg.Loader(paths, pipeline(), BATCH, threads=threads)
    runs = {"decode alone": decode_all(paths, threads), "vg.Loader": exhaust(loader)}
    other = torch_loader(paths, threads)
    if other is not None:
        runs["DataLoader + Albumentations"] = exhaust(other)
    found: dict[str, list[float]] = {name: [] for name in runs}
    for run in runs.values():
        run()  # starts workers; the loader's first epoch decodes every file in full
    for _ in range(rounds):
        for name, run in runs.items():
            start = time.perf_counter()
            run()
            found[name].append(len(paths) / (time.perf_counter() - start))
    print(f"{len(paths)} files, {threads} threads, parts of {batch_module.PART}, {rounds} rounds")
    for name, speeds in found.items():
        middle, best = statistics.median(speeds), max(speeds)
        print(f"{name:30} {middle:8.0f} images/s (best {best:.0f})")
    shares = [share_outside_decoding(loader) for _ in range(rounds)]
    cost, share = (statistics.median(values) for values in zip(*shares, strict=True))
    print(f"processor time {cost:.0f} us an image, {share:.0%} outside the JPEG decoder")
    if other is not None:
        ours, theirs = (statistics.median(found[name]) for name in list(runs)[1:])
        print(f"vg.Loader / DataLoader + Albumentations: {ours / theirs:.2f}")


if __name__ == "__main__":
    main()
