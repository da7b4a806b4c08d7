"""A small annotated picture, and what each op makes of it: pictures at three strengths, and which
targets move.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from variegate.errors import VariegateError
from variegate.ops.op import Kind, Op
from variegate.policy import Policy
from variegate.policy.nodes import Step
from variegate.workflow.marked import Sample, augmented, tile
from variegate.workflow.policies import op_step

if TYPE_CHECKING:
    from PIL.Image import Image

SIZE = (60, 90)
GAP = 3
# Ops whose sizes are pixels of photographs: they are run on pictures so many times as large, which
# are made smaller for the strip.
PIXELS, ENLARGED = (Kind.SHAPES,), 4
DRAWS = 8
TARGETS = ("mask", "boxes", "keypoints")
# Of a photograph of a tower that comes with scikit-learn, as shares of its width and height.
BOX = (0.10, 0.06, 0.56, 0.92)
OUTLINE = (
    (0.32, 0.07), (0.50, 0.28), (0.51, 0.41), (0.54, 0.60), (0.57, 0.84), (0.44, 0.92),
    (0.13, 0.80), (0.11, 0.62), (0.15, 0.40), (0.16, 0.28),
)  # fmt: skip
# Settings that an op cannot do without, of a size that suits the picture.
SETTINGS: dict[str, Any] = {
    "size": (45, 60),
    "box": (20, 5, 80, 55),
    "max_size": 60,
    "padding": (6, 10, 6, 10),
    "divisor": 32,
}
POINTS = ((0.32, 0.07), (0.16, 0.30), (0.49, 0.30), (0.14, 0.80), (0.57, 0.85))


def scenes(size: tuple[int, int] = SIZE) -> list[Sample]:
    """Two photographs uint8 (*size, 3) with a box, a mask and five points each, of a tower and of a
    flower. Needs scikit-learn.
    """
    from PIL import Image, ImageDraw
    from sklearn.datasets import load_sample_image

    height, width = size
    made: list[Sample] = []
    for name in ("china.jpg", "flower.jpg"):
        full = Image.fromarray(load_sample_image(name))
        image = np.asarray(full.resize((width, height), Image.Resampling.LANCZOS))
        shape = Image.new("L", (width, height))
        corners = [(x * width - 0.5, y * height - 0.5) for x, y in OUTLINE]
        ImageDraw.Draw(shape).polygon(corners, fill=1)
        mask = np.asarray(shape) if name == "china.jpg" else _disc(size)
        box = BOX if name == "china.jpg" else (0.26, 0.20, 0.70, 0.85)
        scale = np.array([width, height] * 2, np.float32)
        made.append(
            {
                "image": image,
                "mask": mask,
                "boxes": np.array([box], np.float32) * scale,
                "box_labels": np.zeros(1, np.int64),
                "keypoints": np.array(POINTS, np.float32) * scale[:2],
            }
        )
    return made


def _disc(size: tuple[int, int]) -> npt.NDArray[np.uint8]:
    rows, columns = np.mgrid[: size[0], : size[1]] + 0.5
    x, y = (columns / size[1] - 0.48) / 0.22, (rows / size[0] - 0.52) / 0.33
    return np.asarray(x * x + y * y < 1, dtype=np.uint8)


def plain(op: Op, magnitude: float | None = None) -> Step:
    """The op as a step for the picture: at a magnitude, or as it is by default."""
    step = Step(op.name, dict(op.example))
    if magnitude is not None:
        step = op_step(op.name, magnitude)
    known = {s.name for s in op.settings} & (op.example.keys() & SETTINGS.keys())
    fitted = {name: SETTINGS[name] for name in known}
    return replace(step, arguments={**step.arguments, **fitted})


def ladder(op: Op) -> list[tuple[str, Step, int]]:
    """Three settings of an op, as (title, step, draw): magnitudes 0, 1/2 and 1; where it has none,
    the ends and the middle of its ranges; where it has no ranges, three draws, or one picture.
    """
    if op.has_magnitude:
        return [(_title(op, m), plain(op, m), 0) for m in (0.0, 0.5, 1.0)]
    step = plain(op)
    ranges = {p.name: step.arguments[p.name] for p in op.params}
    if any(low != high for low, high in ranges.values()):
        made = []
        for share in (0.0, 0.5, 1.0):
            fixed = {p.name: _between(ranges[p.name], share, whole=p.whole) for p in op.params}
            text = ", ".join(f"{name} {value:g}" for name, (value, _) in fixed.items())
            made.append((text, replace(step, arguments={**step.arguments, **fixed}), 0))
        return made
    if op.draws:
        return [(f"draw {k + 1}", step, k) for k in range(3)]
    return [("applied", step, 0)]


def _title(op: Op, magnitude: float) -> str:
    """A magnitude with the values that it stands for."""
    values = []
    for param in op.params:
        if param.strong is None:
            continue
        value = float(param.at(np.array([magnitude]), np.ones(1))[0])
        other = float(param.at(np.array([magnitude]), -np.ones(1))[0])
        side = f" or {other:.3g}" if param.mirrored and other != value else ""
        values.append(f"{param.name} {value:.3g}{side}")
    return f"magnitude {magnitude:g}: {', '.join(values)}"


def _between(ends: tuple[float, float], share: float, *, whole: bool) -> tuple[float, float]:
    value = ends[0] + share * (ends[1] - ends[0])
    value = float(np.floor(value)) if whole else value
    return value, value


def strip(op: Op, engine: str = "reference") -> tuple[Image, list[str]]:
    """The original and the op's three settings side by side, with marks, and their titles. Needs
    scikit-learn.
    """
    from PIL import Image

    times = ENLARGED if op.kind in PIXELS else 1
    samples = scenes((SIZE[0] * times, SIZE[1] * times))
    shown = [("original", samples[0])]
    for title, step, draw in ladder(op):
        out = run(step, samples, epoch=draw, engine=engine)
        shown.append((title, out[0]))
    side = max(SIZE)
    tiles = [tile(sample, side) for _, sample in shown]
    wide = sum(t.width for t in tiles) + GAP * (len(tiles) - 1)
    sheet = Image.new("RGB", (wide, max(t.height for t in tiles)), (255, 255, 255))
    left = 0
    for each in tiles:
        sheet.paste(each, (left, 0))
        left += each.width + GAP
    return sheet, [title for title, _ in shown]


def run(step: Step, samples: list[Sample], *, epoch: int, engine: str) -> list[dict[str, Any]]:
    """What a step makes of the samples; where it refuses a mark, of their images alone."""
    try:
        return _run(step, samples, epoch, engine)
    except VariegateError:
        return _run(step, [{"image": sample["image"]} for sample in samples], epoch, engine)


def _run(step: Step, samples: list[Sample], epoch: int, engine: str) -> list[dict[str, Any]]:
    labels = np.arange(len(samples))
    return augmented(Policy((step,)), samples, labels, len(samples), epoch=epoch, engine=engine)


def made_up() -> list[Sample]:
    """Two small pictures of random levels with a mask, a box and two points each."""
    levels = np.random.default_rng(5).integers(0, 256, (2, 24, 36, 3), dtype=np.uint8)
    mask = np.zeros((24, 36), np.uint8)
    mask[5:15, 9:20] = 1
    return [
        {
            "image": image,
            "mask": mask,
            "boxes": np.array([[9, 5, 20, 15]], np.float32),
            "box_labels": np.zeros(1, np.int64),
            "keypoints": np.array([[9.5, 5.5], [16.5, 12.5]], np.float32),
        }
        for image in levels
    ]


def targets(op: Op, engine: str | None = None) -> dict[str, str]:
    """What happens to each target, found by running the op: changes, moves, stays or refused."""
    if op.kind is Kind.OUTPUT:
        return {"image": "converted", **dict.fromkeys(TARGETS, "stays")}
    samples = made_up()
    step = op_step(op.name, 1.0 if op.has_magnitude else None)
    found = {"image": "stays" if op.name == "Identity" else "changes"}
    for name in TARGETS:
        more = ("box_labels",) if name == "boxes" else ()
        shown: list[Sample] = [{k: s[k] for k in ("image", name, *more)} for s in samples]
        try:
            found[name] = "moves" if _moves(step, shown, name, engine) else "stays"
        except VariegateError:
            found[name] = "refused"
    return found


def _moves(step: Step, samples: list[Sample], name: str, engine: str | None) -> bool:
    """Whether any of several draws changes a mark."""
    labels = np.arange(len(samples))
    for draw in range(DRAWS):
        out = augmented(Policy((step,)), samples, labels, len(samples), epoch=draw, engine=engine)
        pairs = zip(samples, out, strict=True)
        if not all(np.array_equal(before[name], after[name]) for before, after in pairs):
            return True
    return False
