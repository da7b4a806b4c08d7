"""Bad images and targets: the call, the error, a piece of its message."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

import variegate as vg
from variegate.errors import InputError, PolicyError
from variegate.testing.pictures import picture

X = np.stack([picture("random", (12, 16), 3, i) for i in range(4)])
F = (X / 255).astype(np.float32)
BOX = [np.array([[1.0, 2, 8, 9]])] * 4
MASKS = np.zeros((4, 12, 16), dtype=np.uint8)
PLAIN = [vg.HorizontalFlip(p=0.5), vg.Invert()]
Call = Callable[[], Any]


def run(steps: Any = PLAIN, images: Any = X, classes: int | None = None, **targets: Any) -> Any:
    return vg.Pipeline(steps, seed=1, classes=classes)(images=images, **targets)


def put(value: float) -> np.ndarray:
    """The float batch with one bad value."""
    bad = F.copy()
    bad[2, 3, 4, 1] = value
    return bad


def boxes(*row: float, at: int = 2) -> list[np.ndarray]:
    """Good boxes, and one bad one."""
    return [np.array([row]) if place == at else good for place, good in enumerate(BOX)]


def shape(*size: int) -> np.ndarray:
    return np.zeros(size, dtype=np.uint8)


def pipe(**settings: Any) -> Any:
    return vg.Pipeline(PLAIN, **settings)


# What is wrong: the call, the error, a piece of its message.
IMAGES: dict[str, tuple[Call, type, str]] = {
    "int64": (
        lambda: run(images=X.astype(np.int64)),
        InputError,
        "got int64; use .astype(np.uint8)",
    ),
    "float64": (lambda: run(images=F.astype(float)), InputError, "use .astype(np.float32)"),
    "float16": (lambda: run(images=F.astype(np.float16)), InputError, "got float16"),
    "bool": (lambda: run(images=X > 9), InputError, "got bool"),
    "int32": (lambda: run(images=X.astype(np.int32)), InputError, "got int32"),
    "uint16 as JPEG": (
        lambda: run([vg.JpegCompression(p=0.1)], images=X.astype(np.uint16)),
        InputError,
        "JpegCompression works on 8 bits a channel, got uint16",
    ),
    "complex": (lambda: run(images=X.astype(complex)), InputError, "got complex128"),
    "text": (lambda: run(images="photo.jpg"), InputError, "got str"),
    "numbers": (
        lambda: run(images=[1, 2]),
        InputError,
        "images[0]: expected a NumPy array, got int",
    ),
    "objects": (
        lambda: run(images=np.array([X[0], None], dtype=object)),
        InputError,
        "expected an array",
    ),
    "NaN": (lambda: run(images=put(np.nan)), InputError, "got NaN"),
    "infinite": (lambda: run(images=put(np.inf)), InputError, "0..inf"),
    "above 1": (lambda: run(images=put(1.1)), InputError, "float32 in [0, 1], got values"),
    "below 0": (lambda: run(images=put(-0.1)), InputError, "got values -0.1"),
    "0..255 floats": (lambda: run(images=X.astype(np.float32)), InputError, "divide by 255"),
    "one image as a batch": (lambda: run(images=X[0]), InputError, "(n, height, width, channels)"),
    "a batch as one image": (lambda: pipe(seed=1)(image=X), InputError, "got (4, 12, 16, 3)"),
    "no height": (lambda: run(images=shape(2, 0, 5, 3)), InputError, "got 0x5"),
    "no width": (lambda: run(images=shape(2, 5, 0, 3)), InputError, "got 5x0"),
    "no channels": (lambda: run(images=shape(2, 5, 5, 0)), InputError, "1..16 channels, got 0"),
    "channels first": (lambda: run(images=shape(2, 3, 40, 40)), InputError, "channels first?"),
    "17 channels": (lambda: run(images=shape(2, 9, 9, 17)), InputError, "got 17"),
    "too wide": (lambda: run(images=shape(1, 1, 40000, 1)), InputError, "got 1x40000"),
    "empty but no size": (lambda: run(images=shape(0, 0, 5, 3)), InputError, "got 0x5"),
    "mixed dtypes": (
        lambda: run(images=[X[0], F[1]]),
        InputError,
        "images[1]: a batch holds one dtype",
    ),
    "mixed channels": (lambda: run(images=[X[0], X[1][..., :1]]), InputError, "images[1]: a batch"),
    "a bad one in a list": (lambda: run(images=[X[0], X[1].astype(int)]), InputError, "images[1]:"),
    "no images": (lambda: vg.Pipeline(PLAIN)(labels=[1]), InputError, "pass images="),
}

TARGETS: dict[str, tuple[Call, type, str]] = {
    "unknown argument": (lambda: run(bbox=BOX), InputError, "did you mean 'boxes'"),
    "unknown in single": (
        lambda: pipe()(image=X[0], masks=MASKS),
        InputError,
        "did you mean 'mask'",
    ),
    "both forms": (lambda: pipe()(image=X[0], images=X), InputError, "unknown argument 'images'"),
    "labels too long": (lambda: run(labels=[1, 2, 3, 4, 5]), InputError, "expected 4 rows"),
    "one label": (lambda: run(labels=3), InputError, "expected 4 rows"),
    "negative label": (lambda: run(labels=[1, -2, 3, 4]), InputError, "at least 0, got -2"),
    "float labels": (lambda: run(labels=[1.0, 2, 3, 4]), InputError, "whole numbers, got float64"),
    "text labels": (lambda: run(labels=list("abcd")), InputError, "whole numbers, got <U1"),
    "ragged labels": (lambda: run(labels=[[1], [1, 2], [1], [1]]), InputError, "labels:"),
    "soft labels above 1": (lambda: run(labels=np.full((4, 3), 2.0)), InputError, "lie in [0, 1]"),
    "soft labels NaN": (lambda: run(labels=np.full((4, 3), np.nan)), InputError, "lie in [0, 1]"),
    "soft labels, no class": (
        lambda: run(labels=np.zeros((4, 0))),
        InputError,
        "a column for each",
    ),
    "class above classes": (
        lambda: run([vg.MixUp()], labels=[0, 1, 2, 3], classes=3),
        InputError,
        "class 3 is not below",
    ),
    "classes unknown": (lambda: run([vg.MixUp()], labels=[0, 1, 2, 3]), InputError, "classes="),
    "other classes": (
        lambda: run([vg.MixUp()], labels=np.eye(4), classes=3),
        InputError,
        "4 columns, but classes=3",
    ),
    "PerClass, no labels": (lambda: run([vg.PerClass({1: []})]), InputError, "pass labels"),
    "box outside": (
        lambda: run(boxes=boxes(1, 2, 18, 9)),
        InputError,
        "boxes[2][0]: outside the 12x16",
    ),
    "box NaN": (lambda: run(boxes=boxes(1, np.nan, 8, 9)), InputError, "boxes[2][0]: not finite"),
    "box infinite": (lambda: run(boxes=boxes(1, 2, np.inf, 9)), InputError, "not finite"),
    "box inside out": (lambda: run(boxes=boxes(8, 2, 1, 9)), InputError, "inside out"),
    "box empty": (lambda: run(boxes=boxes(1, 2, 1, 9)), InputError, "empty or inside out"),
    "box of 5": (lambda: run(boxes=boxes(1, 2, 3, 4, 5)), InputError, "expected shape (k, 4)"),
    "boxes of text": (lambda: run(boxes=[["a"]] * 4), InputError, "expected numbers (k, 4)"),
    "boxes for 3": (lambda: run(boxes=BOX[:3]), InputError, "one item per image (4), got 3"),
    "box labels too long": (
        lambda: run(boxes=BOX, box_labels=[[1], [1], [1, 2], [1]]),
        InputError,
        "box_labels[2]: 2",
    ),
    "box labels alone": (lambda: run(box_labels=[[1]] * 4), InputError, "pass boxes="),
    "points NaN": (lambda: run(keypoints=[[[1, np.nan]]] * 4), InputError, "point 0 is not finite"),
    "points of 4": (
        lambda: run(keypoints=[[[1, 2, 3, 4]]] * 4),
        InputError,
        "expected shape (m, 2)",
    ),
    "visibility of 3": (
        lambda: run(keypoints=[[[1, 2, 3]]] * 4),
        InputError,
        "is 0, 1 or 2, got 3",
    ),
    "points for other boxes": (
        lambda: run(boxes=BOX, keypoints=[np.zeros((2, 3, 2))] * 4),
        InputError,
        "keypoints[0]: 2 rows, but boxes[0] has 1",
    ),
    "mask of another size": (
        lambda: run(masks=MASKS[:, :-1]),
        InputError,
        "masks[0]: size (11, 16) differs",
    ),
    "mask of text": (lambda: run(masks=["a"] * 4), InputError, "masks[0]: expected an array"),
    "mask of objects": (lambda: run(masks=[MASKS[0].astype(object)] * 4), InputError, "got object"),
    "masks for 3": (lambda: run(masks=MASKS[:3]), InputError, "one item per image (4), got 3"),
    "MixUp with masks of classes": (
        lambda: run([vg.MixUp()], masks=MASKS),
        InputError,
        "masks: MixUp blends images, and the whole numbers of a mask cannot be blended",
    ),
    "a rare mix with masks of classes": (
        lambda: run([vg.OneOf([vg.CutMix(), vg.MixUp(p=0.0)])], masks=MASKS),
        InputError,
        "masks: MixUp blends",
    ),
    "MixUp with ids of instances": (
        lambda: run([vg.MixUp()], instance_masks=[np.ones((12, 16), dtype=int)] * 4),
        InputError,
        "instance_masks: MixUp blends images, and one id of a pixel cannot tell two",
    ),
    "mixed masks of two forms": (
        lambda: run([vg.CutMix()], masks=[*MASKS[:3], MASKS[3].astype(float)]),
        InputError,
        "masks: a mix needs one dtype and form",
    ),
    "mixed instance masks of two forms": (
        lambda: run(
            [vg.CutMix()],
            instance_masks=[*[np.ones((1, 12, 16), bool)] * 3, np.ones((12, 16), dtype=int)],
        ),
        InputError,
        "instance_masks: a mix needs one dtype and form",
    ),
    "mixed instances of more points": (
        lambda: run([vg.CutMix()], keypoints=[*[np.ones((1, 2, 2))] * 3, np.ones((1, 3, 2))]),
        InputError,
        "keypoints: a mix needs as many points for each instance, got [2, 3]",
    ),
    "CopyPaste without instances": (
        lambda: run([vg.CopyPaste()], boxes=BOX),
        InputError,
        "instance_masks: CopyPaste needs them",
    ),
    "AugMix with boxes": (
        lambda: run([vg.AugMix()], boxes=BOX),
        InputError,
        "boxes: boxes cannot follow a blend of several ways to move the image",
    ),
    "PuzzleMix without a saliency": (
        lambda: run([vg.PuzzleMix()]),
        InputError,
        "PuzzleMix needs to know what matters in each image",
    ),
    "index too long": (lambda: run(index=range(5)), InputError, "index: expected 4 whole numbers"),
    "index of floats": (lambda: run(index=[0.0, 1, 2, 3]), InputError, "got float64"),
    "index negative": (lambda: run(index=[0, 1, -2, 3]), InputError, "at least 0, got -2"),
    "index ragged": (lambda: run(index=[[1], [1, 2]]), InputError, "index: expected rows"),
    "epoch negative": (lambda: run(epoch=-1), PolicyError, "epoch: expected a whole number"),
    "epoch of floats": (lambda: run(epoch=1.0), PolicyError, "epoch: expected a whole number"),
    "mixing two sizes": (
        lambda: run([vg.CutMix()], images=[X[0], X[1][:5]]),
        PolicyError,
        "12x16; resize or crop",
    ),
}
