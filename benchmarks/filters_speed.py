"""Times the ops that look at neighbors beside OpenCV.

    python benchmarks/filters_speed.py [size] [op ...]

One thread, one process, images of size x size x 3 bytes in a batch of 16; the best of many rounds
in turn, in microseconds an image. `times`: OpenCV's time over ours.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from typing import Any

import cv2
import numpy as np

import variegate as vg
from variegate.ops.kernels import defocus, motion_blur, ringing_overshoot
from variegate.policy.nodes import Step

COUNT, ROUNDS = 16, 15
Work = Callable[[np.ndarray], Any]


def filtered(weights: np.ndarray) -> Work:
    """OpenCV's filter2D by a kernel."""
    return lambda image: cv2.filter2D(image, -1, weights.astype(np.float32))


def clahe(image: np.ndarray) -> Any:
    """As Albumentations does it: L of Lab."""
    lab = cv2.cvtColor(image, cv2.COLOR_RGB2LAB)
    lab[..., 0] = cv2.createCLAHE(2.0, (8, 8)).apply(lab[..., 0])
    return cv2.cvtColor(lab, cv2.COLOR_LAB2RGB)


def unsharp(image: np.ndarray) -> Any:
    """The blur and the weighted difference from it."""
    return cv2.addWeighted(image, 1.4, cv2.GaussianBlur(image, (0, 0), 1.2), -0.4, 0)


def zoomed(image: np.ndarray) -> Any:
    """The mean of ten warped images."""
    side = image.shape[0]
    total = image.astype(np.float32)
    for factor in 1 + 0.02 * np.arange(1, 10):
        middle = side / 2 * (1 - factor)
        matrix = np.array([[factor, 0, middle], [0, factor, middle]])
        total += cv2.warpAffine(image, matrix, (side, side))
    return np.rint(total / 10).astype(np.uint8)


def down_and_up(down: int, up: int) -> Work:
    """Two resizes."""

    def work(image: np.ndarray) -> Any:
        side = image.shape[0]
        small = cv2.resize(image, (side // 4, side // 4), interpolation=down)
        return cv2.resize(small, (side, side), interpolation=up)

    return work


def one(value: float) -> np.ndarray:
    """A drawn value of one image."""
    return np.array([float(value)])


SHARP = np.array([[-1, -1, -1], [-1, 9, -1], [-1, -1, -1]]) * 0.4
SHARP[1, 1] += 0.6
BOARD: dict[str, tuple[dict[str, Any], Work]] = {
    "Blur r1": ({"radius": 1}, lambda image: cv2.blur(image, (3, 3))),
    "Blur r3": ({"radius": 3}, lambda image: cv2.blur(image, (7, 7))),
    "Blur r12": ({"radius": 12}, lambda image: cv2.blur(image, (25, 25))),
    "GaussianBlur": ({"sigma": 1.5}, lambda image: cv2.GaussianBlur(image, (0, 0), 1.5)),
    "MedianBlur r1": ({"radius": 1}, lambda image: cv2.medianBlur(image, 3)),
    "MedianBlur r2": ({"radius": 2}, lambda image: cv2.medianBlur(image, 5)),
    "MedianBlur r3": ({"radius": 3}, lambda image: cv2.medianBlur(image, 7)),
    "MedianBlur r6": ({"radius": 6}, lambda image: cv2.medianBlur(image, 13)),
    "MotionBlur": (
        {"length": 9, "angle": 30, "direction": 0},
        filtered(motion_blur(one(9), one(30), one(0)).weights[0]),
    ),
    "Defocus r3": (
        {"radius": 3, "alias_blur": 0.3},
        filtered(defocus(one(3), one(0.3)).weights[0]),
    ),
    "Defocus r8": (
        {"radius": 8, "alias_blur": 0.3},
        filtered(defocus(one(8), one(0.3)).weights[0]),
    ),
    "Sharpen": ({"alpha": 0.4, "lightness": 1}, filtered(SHARP)),
    "RingingOvershoot": (
        {"radius": 5, "cutoff": 1.2},
        filtered(ringing_overshoot(one(5), one(1.2)).weights[0]),
    ),
    "UnsharpMask": ({"sigma": 1.2, "alpha": 0.4, "threshold": 0}, unsharp),
    "CLAHE": ({"clip_limit": 2}, clahe),
    "Downscale": ({"scale": 0.25}, down_and_up(cv2.INTER_NEAREST, cv2.INTER_NEAREST)),
    "Pixelate": ({"block": 4}, down_and_up(cv2.INTER_AREA, cv2.INTER_NEAREST)),
    "ZoomBlur": ({"max_factor": 1.2, "step_factor": 0.02}, zoomed),
    "GlassBlur": ({"sigma": 0.7, "max_delta": 4}, lambda image: image),
}


def seconds(work: Callable[[], Any]) -> float:
    """Of one call."""
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def main() -> None:
    """Prints one line for each op."""
    cv2.setNumThreads(1)
    size = int(sys.argv[1]) if len(sys.argv) > 1 else 224
    wanted = sys.argv[2:]
    rows, columns = np.mgrid[:size, :size]
    wave = 120 + 60 * np.sin(rows / 9) + 40 * np.cos(columns / 7)
    noise = np.random.default_rng(0).normal(0, 12, (COUNT, size, size, 3))
    images = np.clip(wave[..., None] + noise, 0, 255).astype(np.uint8)
    print(f"{'op':18}{'ours':>8}{'OpenCV':>8}{'times':>7}")
    for name, (values, peer) in BOARD.items():
        if wanted and not any(name.startswith(word) for word in wanted):
            continue
        ranges = {key: (float(value), float(value)) for key, value in values.items()}
        aug = vg.Pipeline([Step(name.split(" ")[0], ranges)], seed=0, threads=1)
        ours: list[float] = []
        theirs: list[float] = []
        for _ in range(ROUNDS):
            ours.append(seconds(lambda aug=aug: aug(images=images)))  # type: ignore[misc]
            theirs.append(seconds(lambda peer=peer: [peer(image) for image in images]))  # type: ignore[misc]
        mine, other = (1e6 * min(times) / COUNT for times in (ours, theirs))
        print(f"{name:18}{mine:8.0f}{other:8.0f}{other / mine:7.1f}", flush=True)


if __name__ == "__main__":
    main()
