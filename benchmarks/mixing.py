"""Mixing measured: `counted` compares label weights with counted pixels over many draws, `pictures`
draws docs/images/mixing.png, `speed` times every mixer beside plain NumPy, `puzzle` the two solvers
of PuzzleMix. benchmarks/mixing_peers.py has other libraries.

    python benchmarks/mixing.py counted --draws 100000
    python benchmarks/mixing.py pictures
    python benchmarks/mixing.py speed
    python benchmarks/mixing.py puzzle
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

import variegate as vg

ROOT = Path(__file__).parents[1]
COUNT = 250  # images of a batch, each of a level of its own
SIZES = ((13, 11), (16, 16), (1, 9), (24, 7))
TIMES = 7
MIXERS: dict[str, Any] = {
    "CutMix": vg.CutMix(),
    "CutMix alpha 0.3": vg.CutMix(alpha=0.3),
    "ResizeMix": vg.ResizeMix(),
    "GridMix": vg.GridMix(cells=(1, 6)),
    "FMix": vg.FMix(),
    "SaliencyMix": vg.SaliencyMix(),
    "PuzzleMix, 2 levels": vg.PuzzleMix(levels=2, cells=(2, 4)),
    "Mosaic": vg.Mosaic(size=(17, 15)),
    "Mosaic, contained": vg.Mosaic(size=(17, 15), fit="contain"),
    "one of five": vg.OneOf([vg.CutMix(), vg.ResizeMix(), vg.GridMix(), vg.FMix(), vg.Identity()]),
}


def counted(draws: int) -> None:
    """The largest difference between a label's weight and the counted pixels, for each mixer."""
    for name, step in MIXERS.items():
        worst, mixed, total = 0.0, 0, 0
        while total < draws:
            size = SIZES[total // COUNT % len(SIZES)]
            worst_here, mixed_here = one_batch(step, size, total)
            worst, mixed, total = max(worst, worst_here), mixed + mixed_here, total + COUNT
        print(f"{name:20} {total:7} draws, {mixed / total:6.1%} mixed, off by at most {worst:.2g}")


def rough(images: Any, labels: Any) -> Any:
    """A saliency that differs from pixel to pixel."""
    return np.random.default_rng(5).random(images.shape[:3]) ** 4


def one_batch(step: Any, size: tuple[int, int], start: int) -> tuple[float, int]:
    """The largest difference in one batch of flat images, and how many of them are mixed."""
    level = (np.arange(COUNT, dtype=np.float32) + 1) / COUNT
    images = np.tile(level.reshape(-1, 1, 1, 1), (1, *size, 1))
    aug = vg.Pipeline([step], seed=11, classes=COUNT, saliency=rough)
    out = aug(images=images, labels=np.arange(COUNT), index=range(start, start + COUNT))
    origin = (
        np.rint(out["images"][..., 0].astype(np.float64) * COUNT).astype(int).reshape(COUNT, -1)
    )
    rows = np.repeat(np.arange(COUNT), origin.shape[1])
    table = np.zeros((COUNT, COUNT + 1))
    np.add.at(table, (rows, origin.ravel()), 1)
    shares = table[:, 1:] / table[:, 1:].sum(axis=1, keepdims=True)
    return float(np.abs(out["labels"] - shares).max()), int((shares.max(axis=1) < 1).sum())


def photographs() -> np.ndarray:
    """Four square parts of scikit-learn's two sample photographs, (4, 160, 160, 3)."""
    from sklearn.datasets import load_sample_image

    china, flower = load_sample_image("china.jpg"), load_sample_image("flower.jpg")
    parts = [china[20:420, 120:520], flower[20:420, 90:490], china[:400, 240:], flower[:400, 240:]]
    crop = vg.Pipeline([vg.Resize(size=(160, 160))], seed=1)
    return np.stack([crop(image=np.ascontiguousarray(part))["image"] for part in parts])


def edges(images: Any, labels: Any) -> Any:
    """What matters where no model is at hand: how much neighbors differ."""
    gray = images.mean(axis=3)
    return np.abs(np.gradient(gray, axis=1)) + np.abs(np.gradient(gray, axis=2))


def pictures() -> None:
    """One row for each mixer: what becomes of the first photograph with three seeds."""
    from PIL import Image, ImageDraw

    images, shown = photographs(), 3
    size = images.shape[1:3]
    ellipses = np.zeros((4, 1, *size), dtype=bool)
    rows, columns = np.mgrid[: size[0], : size[1]]
    ellipses[:, 0] = ((rows - 85) / 60) ** 2 + ((columns - 80) / 50) ** 2 < 1
    steps: dict[str, Any] = {
        "MixUp": vg.MixUp(),
        "CutMix": vg.CutMix(),
        "ResizeMix": vg.ResizeMix(),
        "GridMix": vg.GridMix(),
        "FMix": vg.FMix(),
        "SaliencyMix": vg.SaliencyMix(),
        "PuzzleMix": vg.PuzzleMix(cells=(4, 8), saliency="given"),
        "Mosaic": vg.Mosaic(size=size),
        "Mosaic contain": vg.Mosaic(size=size, fit="contain", fill=114.0),
        "CopyPaste": vg.CopyPaste(chance=1.0),
        "AugMix": vg.AugMix(),
    }
    half, cell, text = (len(steps) + 1) // 2, size[0] // 2 + 4, 90
    page = Image.new("RGB", (2 * (text + shown * cell), half * cell), "white")
    pen = ImageDraw.Draw(page)
    for place, (name, step) in enumerate(steps.items()):
        left, top = place // half * (text + shown * cell), place % half * cell
        pen.text((left + 4, top + cell // 2 - 6), name, fill="black")
        for turn in range(shown):
            aug = vg.Pipeline([step], seed=3 + turn, saliency=edges)
            more = {"instance_masks": ellipses} if name == "CopyPaste" else {}
            out = aug(images=images, index=range(4), **more)["images"][turn % 4]
            small = Image.fromarray(out).resize((cell - 4, cell - 4), Image.Resampling.BILINEAR)
            page.paste(small, (left + text + turn * cell, top + 2))
    path = ROOT / "docs" / "images" / "mixing.png"
    page.save(path, optimize=True)
    print(path)


def best(work: Callable[[], Any]) -> float:
    """Seconds of the fastest of a few calls."""
    work()
    found = []
    for _ in range(TIMES):
        start = time.perf_counter()
        work()
        found.append(time.perf_counter() - start)
    return min(found)


def by_numpy(images: np.ndarray) -> dict[str, Callable[[], Any]]:
    """What a training script does with NumPy: one draw for the batch, as OpenMixup's functions."""
    random = np.random.default_rng(0)

    def mixup() -> Any:
        share, other = random.random(), images[random.permutation(len(images))]
        return (images * share + other * (1 - share)).astype(np.uint8)

    def cutmix() -> Any:
        out, other = images.copy(), images[random.permutation(len(images))]
        out[:, 60:160, 60:160] = other[:, 60:160, 60:160]
        return out

    def fmix() -> Any:
        height, width = images.shape[1:3]
        frequency = np.hypot(np.fft.fftfreq(height)[:, None], np.fft.fftfreq(width)[None])
        noise = random.normal(size=(2, height, width))
        spectrum = (noise[0] + 1j * noise[1]) / np.maximum(frequency, 1 / height) ** 3
        field = np.fft.ifft2(spectrum).real
        mask = (field > np.quantile(field, random.random()))[None, ..., None]
        return np.where(mask, images, images[random.permutation(len(images))])

    return {"MixUp": mixup, "CutMix": cutmix, "FMix": fmix}


def speed(size: int, count: int) -> None:
    """Microseconds of an image for each mixer, on one thread, for 8-bit color images."""
    images = np.random.default_rng(0).integers(0, 256, (count, size, size, 3)).astype(np.uint8)
    plain = by_numpy(images) if size >= 160 else {}
    steps = {"MixUp": vg.MixUp(), **{k: v for k, v in MIXERS.items() if "Mosaic" not in k}}
    steps |= {"Mosaic": vg.Mosaic(size=(size, size)), "AugMix": vg.AugMix()}
    steps |= {"PuzzleMix": vg.PuzzleMix(cells=(4, 8))}
    for name, step in steps.items():
        aug = vg.Pipeline([step], seed=1, threads=1, saliency=rough)
        own = best(lambda aug=aug: aug(images=images)) / count * 1e6
        other = best(plain[name]) / count * 1e6 if name in plain else None
        beside = "" if other is None else f", NumPy with one draw for the batch {other:8.1f}"
        print(f"{name:20} {own:8.1f} us an image{beside}")


def puzzle() -> None:
    """Milliseconds of one image's cut and transport, NumPy's solvers beside the compiled ones, in
    turns; images of 64 x 64, three shares a cell.
    """
    from variegate.engine import compiled, flow
    from variegate.engine.puzzle import Solvers, cut_of
    from variegate.ops.layers import Puzzle

    parts = photographs()[:2, 30:94, 30:94] / 255.0
    maps = edges(parts, None) ** 2
    by = {"NumPy": Solvers(flow.min_cut, flow.assign), "compiled": compiled.solvers()}
    for side in (4, 8, 16):
        entry = Puzzle(np.array([0.5]), np.array([side]), 3, 1.2, 0.5, 0.2, 0.8, "given")
        spent: dict[str, list[float]] = {name: [] for name in by}
        for _ in range(TIMES):
            for name, solvers in by.items():
                start = time.perf_counter()
                cut_of(entry, 0, (parts[0], parts[1]), (maps[0], maps[1]), solvers)
                spent[name].append(time.perf_counter() - start)
        text = ", ".join(f"{name} {min(own) * 1e3:6.1f} ms" for name, own in spent.items())
        print(f"{side:2} x {side:<2} cells: {text}")


def main() -> None:
    """Runs what the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", choices=("counted", "pictures", "speed", "puzzle"))
    parser.add_argument("--draws", type=int, default=100_000)
    parser.add_argument("--size", type=int, default=224)
    parser.add_argument("--count", type=int, default=64)
    chosen = parser.parse_args()
    if chosen.what == "counted":
        counted(chosen.draws)
    elif chosen.what == "pictures":
        pictures()
    elif chosen.what == "puzzle":
        puzzle()
    else:
        speed(chosen.size, chosen.count)


if __name__ == "__main__":
    main()
