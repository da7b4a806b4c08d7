"""How exact a rotation is, against bilinear interpolation in float64."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from variegate.bench.driver import Client
from variegate.bench.peers import inputs
from variegate.bench.peers.cases import limit_cases


def warp_errors(clients: Mapping[str, Client], folder: Path) -> dict[str, Any]:
    """The errors of every library that has limits/Warp, in levels: {name: {"mean", "greatest"}}."""
    case = next(c for c in limit_cases(True) if c.name == "Warp")
    exact, inside = rotated(inputs.of(case)[:4], case.arguments["angle"])
    out: dict[str, Any] = {}
    for name, client in clients.items():
        if case.kind not in client.kinds:
            continue
        path = folder / f"{name}.npy"
        answer = client.prepare(case)
        answer = answer if "failed" in answer else client.output(path)
        if "failed" in answer:
            out[name] = {"failed": answer["failed"]}
        else:
            out[name] = errors(np.load(path, allow_pickle=False)[:4], exact, inside)
    return out


def errors(
    result: npt.NDArray[Any], exact: npt.NDArray[Any], inside: npt.NDArray[Any]
) -> dict[str, float]:
    """Mean and greatest distance in levels from the exact values, on pixels that are `inside`."""
    apart = np.abs(result.astype(np.float64) - exact)[:, inside]
    return {"mean": float(apart.mean()), "greatest": float(apart.max())}


def rotated(
    images: npt.NDArray[Any], degrees: float
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.bool_]]:
    """Images (n, h, w, c) turned counter-clockwise about the center, unrounded; and the pixels
    (h, w) all of whose four sources lie in the frame.
    """
    height, width = images.shape[1:3]
    rows, columns = np.mgrid[:height, :width].astype(np.float64)
    x, y = columns - (width - 1) / 2, rows - (height - 1) / 2
    c, s = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
    from_x, from_y = c * x - s * y + (width - 1) / 2, s * x + c * y + (height - 1) / 2
    inside = (from_x >= 0) & (from_x < width - 1) & (from_y >= 0) & (from_y < height - 1)
    left = np.clip(np.floor(from_x).astype(int), 0, width - 2)
    top = np.clip(np.floor(from_y).astype(int), 0, height - 2)
    across, down = (from_x - left)[..., None], (from_y - top)[..., None]
    source = images.astype(np.float64)
    upper = source[:, top, left] * (1 - across) + source[:, top, left + 1] * across
    lower = source[:, top + 1, left] * (1 - across) + source[:, top + 1, left + 1] * across
    return upper * (1 - down) + lower * down, inside
