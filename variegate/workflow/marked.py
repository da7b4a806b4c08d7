"""Samples with what is marked on them: run through a policy, and drawn as small pictures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from variegate.policy import Policy

if TYPE_CHECKING:
    from PIL.Image import Image

Pixels = npt.NDArray[np.uint8]
Sample = Mapping[str, Any]

# Name in a sample -> name in a batch.
MARKS = {"mask": "masks", "boxes": "boxes", "box_labels": "box_labels", "keypoints": "keypoints"}
# One color a class or object, told apart by people who see few colors too.
COLORS = (
    (230, 159, 0),
    (86, 180, 233),
    (0, 158, 115),
    (240, 228, 66),
    (213, 94, 0),
    (204, 121, 167),
)
POINT = (255, 0, 255)


def augmented(
    policy: Policy,
    samples: Sequence[Sample],
    labels: Any,
    classes: int,
    *,
    seed: int = 0,
    epoch: int = 0,
    engine: str | None = None,
) -> list[dict[str, Any]]:
    """What a policy makes of samples (image uint8 (h, w, c), and marks that all of them have), as
    samples; a last Normalize is left out.
    """
    from variegate.ops.op import Kind
    from variegate.ops.registry import get
    from variegate.pipeline import Pipeline
    from variegate.policy.nodes import Step

    steps = policy.steps
    if steps and isinstance(steps[-1], Step) and get(steps[-1].op).kind is Kind.OUTPUT:
        steps = steps[:-1]
    run = Pipeline(Policy(steps), seed=seed, classes=classes, engine=engine, saliency=_unusual)
    batch: dict[str, Any] = {"images": [np.asarray(sample["image"]) for sample in samples]}
    if all(image.shape == batch["images"][0].shape for image in batch["images"]):
        batch["images"] = np.stack(batch["images"])
    marks = {one: many for one, many in MARKS.items() if one in samples[0]}
    batch |= {many: [sample[one] for sample in samples] for one, many in marks.items()}
    if "instance_masks" not in batch and _takes_instances(policy, "masks" in batch):
        batch["instance_masks"] = [_middle(np.asarray(sample["image"])) for sample in samples]
    out = run(labels=labels, index=np.arange(len(samples)), epoch=epoch, **batch)
    return [
        {"image": np.asarray(out["images"][place])}
        | {one: out[many][place] for one, many in marks.items()}
        for place in range(len(samples))
    ]


def tile(sample: Sample, side: int) -> Image:
    """One sample with its marks, its longer side `side`; pixels of small images stay squares."""
    from PIL import Image

    picture = np.asarray(sample["image"])
    shown = picture if picture.shape[2] in (3, 4) else picture[:, :, 0]
    image = Image.fromarray(np.ascontiguousarray(shown)).convert("RGB")
    scale = side / max(image.size)
    size = (max(1, round(image.width * scale)), max(1, round(image.height * scale)))
    method = Image.Resampling.NEAREST if scale >= 1 else Image.Resampling.LANCZOS
    small = image if scale == 1 else image.resize(size, method)
    if any(name in sample for name in MARKS):
        small = _with_marks(small, sample, scale)
    return small


def _with_marks(image: Image, sample: Sample, scale: float) -> Image:
    from PIL import Image as Images
    from PIL import ImageDraw

    if "mask" in sample:
        mask = np.asarray(sample["mask"])
        levels = Images.fromarray(mask.reshape(mask.shape[:2]).astype(np.int32))
        image = _outlined(image, np.asarray(levels.resize(image.size, Images.Resampling.NEAREST)))
    pen = ImageDraw.Draw(image)
    boxes = np.asarray(sample.get("boxes", ())).reshape(-1, 4) * scale
    labels = sample.get("box_labels", [0] * len(boxes))
    for (x1, y1, x2, y2), label in zip(boxes.tolist(), labels, strict=True):
        corners = (
            round(x1),
            round(y1),
            max(round(x1), round(x2) - 1),
            max(round(y1), round(y2) - 1),
        )
        pen.rectangle(corners, outline=COLORS[int(label) % len(COLORS)])
    points = np.asarray(sample.get("keypoints", ())).reshape(-1, 2) * scale
    for x, y in np.floor(points).astype(int).tolist():
        pen.rectangle((x - 1, y - 1, x + 1, y + 1), fill=POINT)
    return image


def _outlined(image: Image, mask: npt.NDArray[Any]) -> Image:
    """The picture with the inner border of each object in the mask."""
    from PIL import Image as Images

    inner = np.ones(mask.shape, dtype=bool)
    for axis in (0, 1):
        same = np.diff(mask, axis=axis) == 0
        rest = [(1, 0) if axis == a else (0, 0) for a in (0, 1)]
        inner &= np.pad(same, rest, constant_values=True)
        inner &= np.pad(same, [after[::-1] for after in rest], constant_values=True)
    edge = (mask != 0) & ~inner
    pixels = np.array(image)
    pixels[edge] = np.array(COLORS)[(mask[edge] - 1) % len(COLORS)]
    return Images.fromarray(pixels)


def _takes_instances(policy: Policy, masked: bool) -> bool:
    """Whether a step pastes instances, or hides some where no mask tells any, and so needs their
    masks.
    """
    from variegate.ops.registry import get
    from variegate.policy.policy import walk

    mixings = [get(step.op).mixing for step, _ in walk(policy.steps)]
    needed = ("instances",) if masked else ("instances", "objects")
    return any(mixing is not None and mixing.needs in needed for mixing in mixings)


def _middle(image: Any) -> Any:
    """A stand-in (1, h, w) for a picture without instance masks: its middle."""
    height, width = image.shape[:2]
    mask = np.zeros((1, height, width), dtype=np.uint8)
    mask[0, height // 4 : height - height // 4, width // 4 : width - width // 4] = 1
    return mask


def _unusual(images: Any, labels: Any) -> Any:
    """A stand-in (n, h, w) for a model's saliency: how far each pixel is from the mean."""
    gray = [np.asarray(image, dtype=np.float64).mean(axis=2) for image in images]
    return np.stack([np.abs(own - own.mean()) for own in gray])
