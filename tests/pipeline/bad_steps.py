"""Bad steps and settings: the call, the error, a piece of its message."""

from __future__ import annotations

import numpy as np

import variegate as vg
from tests.pipeline.bad_calls import Call, X, pipe, run
from variegate.errors import EngineError, InputError, PolicyError
from variegate.policy.nodes import Step

STEPS: dict[str, tuple[Call, type, str]] = {
    "p above 1": (lambda: vg.Rotate(p=1.5), PolicyError, "Rotate.p: expected a number 0..1"),
    "p NaN": (lambda: vg.Rotate(p=np.nan), PolicyError, "Rotate.p"),
    "p of text": (lambda: vg.Rotate(p="often"), PolicyError, "Rotate.p"),
    "range reversed": (
        lambda: vg.Rotate(angle=(30, -30)),
        PolicyError,
        "Rotate.angle: expected a pair",
    ),
    "one number": (lambda: vg.Rotate(angle=30), PolicyError, "a pair (low, high)"),
    "range NaN": (lambda: vg.Rotate(angle=(np.nan, 1)), PolicyError, "Rotate.angle"),
    "range too wide": (lambda: vg.Posterize(bits=(0, 8)), PolicyError, "within 1..8"),
    "half bits": (lambda: vg.Posterize(bits=(1.5, 8)), PolicyError, "expected whole numbers"),
    "size 0": (lambda: vg.Resize(size=(0, 5)), PolicyError, "Resize.size: expected a pair"),
    "size negative": (lambda: vg.CenterCrop(size=(4, -5)), PolicyError, "CenterCrop.size"),
    "size of floats": (lambda: vg.Resize(size=(4.0, 5)), PolicyError, "Resize.size"),
    "size 2**31": (lambda: vg.Resize(size=(2**31, 5)), PolicyError, "Resize.size"),
    "one size": (lambda: vg.Resize(size=5), PolicyError, "a pair (height, width)"),
    "no size": (lambda: vg.Resize(p=1.0), PolicyError, "size= is missing"),
    "canvas too large": (
        lambda: run([vg.Pad(padding=(30000, 0, 30000, 0))]),
        PolicyError,
        "Pad: an output of",
    ),
    "box inside out": (lambda: vg.Crop(box=(5, 0, 1, 3)), PolicyError, "x1 < x2"),
    "padding negative": (lambda: vg.Pad(padding=(1, 1, -1, 1)), PolicyError, "of at least 0"),
    "unknown argument": (lambda: vg.Rotate(angel=(0, 1)), PolicyError, "did you mean 'angle'"),
    "unknown op": (lambda: Step("Rotat"), PolicyError, "did you mean 'Rotate'"),
    "unknown resample": (
        lambda: vg.Rotate(resample="area"),
        PolicyError,
        "nearest, bilinear, bicubic",
    ),
    "unknown border": (lambda: vg.Rotate(border="mirror"), PolicyError, "one of constant"),
    "fill above 255": (lambda: vg.Rotate(fill=256), PolicyError, "a level 0..255"),
    "fill of 2 for 3": (
        lambda: run([vg.Rotate(fill=(1, 2))]),
        PolicyError,
        "Rotate.fill: expected 1 or 3",
    ),
    "magnitude 3": (lambda: vg.Rotate(magnitude=3), PolicyError, "0..1"),
    "std alone": (lambda: vg.Rotate(magnitude_std=0.1), PolicyError, "needs a magnitude"),
    "alpha 0": (lambda: vg.MixUp(alpha=0), PolicyError, "MixUp.alpha"),
    "Normalize first": (
        lambda: vg.Pipeline([vg.Normalize(mean=(0.5,), std=(1,)), vg.Invert()]),
        PolicyError,
        "last step",
    ),
    "Normalize inside": (
        lambda: vg.Pipeline([vg.Sequence([vg.Normalize(mean=(0,), std=(1,))])]),
        PolicyError,
        "last step",
    ),
    "Normalize at times": (
        lambda: vg.Normalize(mean=(0.5,), std=(1,), p=0.5),
        PolicyError,
        "takes no p",
    ),
    "mean of 2 for 3": (
        lambda: run([vg.Normalize(mean=(0.5, 0.5), std=(1,))]),
        PolicyError,
        "Normalize.mean: expected 1 or 3",
    ),
    "std 0": (lambda: vg.Normalize(mean=(0.5,), std=(0,)), PolicyError, "Normalize.std"),
    "gray at times": (lambda: vg.Grayscale(output_channels=1, p=0.5), PolicyError, "needs p=1"),
    "gray in a choice": (
        lambda: vg.Pipeline([vg.OneOf([vg.Grayscale(output_channels=1)])]),
        PolicyError,
        "outermost list",
    ),
    "color of 2 channels": (
        lambda: run([vg.Color()], images=X[..., :2]),
        PolicyError,
        "Color needs images of 1, 3 or 4",
    ),
    "JPEG of 2 channels": (
        lambda: run([vg.JpegCompression()], images=X[..., :2]),
        PolicyError,
        "JpegCompression needs",
    ),
    "an empty choice": (lambda: vg.OneOf([]), PolicyError, "at least one step"),
    "a step that is none": (
        lambda: vg.Pipeline([vg.Invert]),
        PolicyError,
        "policy[0]: expected a step",
    ),
    "no list": (lambda: vg.Pipeline("Rotate"), PolicyError, "expected a list of steps"),
    "RandAugment of MixUp": (
        lambda: vg.RandAugment(ops=("MixUp",)),
        PolicyError,
        "cannot be used here",
    ),
    "a class of text": (lambda: vg.PerClass({"cat": []}), PolicyError, "class index"),
    "seed of floats": (lambda: pipe(seed=1.5), PolicyError, "seed: expected a whole number"),
    "seed 2**64": (lambda: pipe(seed=2**64), PolicyError, "seed: expected a whole number"),
    "0 classes": (lambda: pipe(classes=0), PolicyError, "classes: expected"),
    "0 threads": (lambda: pipe(threads=0), PolicyError, "threads: expected"),
    "unknown engine": (lambda: pipe(engine="gpu"), EngineError, "got 'gpu'"),
    "unknown boxes": (lambda: pipe(boxes="albumentations"), PolicyError, "boxes: expected one of"),
    "unknown points": (lambda: pipe(keypoints="xy"), PolicyError, "one of continuous, index"),
    "min_area negative": (lambda: pipe(min_area=-1), PolicyError, "min_area"),
    "min_visibility 2": (lambda: pipe(min_visibility=2), PolicyError, "min_visibility"),
    "draw of nothing": (lambda: pipe().draw(), InputError, "pass either sizes="),
    "draw of size 0": (lambda: pipe().draw(sizes=[(0, 4)]), InputError, "sizes: expected (n, 2)"),
    "draw of one size": (lambda: pipe().draw(sizes=(4, 4)), InputError, "sizes: expected (n, 2)"),
    "apply of a dict": (
        lambda: pipe().apply({}, images=X),
        InputError,
        "expected a Plan, got dict",
    ),
    "apply to other sizes": (
        lambda: pipe().apply(pipe().draw(sizes=[(9, 9)] * 4), images=X),
        InputError,
        "drawn for 4 images",
    ),
    "newer pipeline": (
        lambda: vg.Pipeline.from_dict({**pipe().to_dict(), "version": 2}),
        PolicyError,
        "version 2",
    ),
    "pipeline with more": (
        lambda: vg.Pipeline.from_dict({**pipe().to_dict(), "sed": 2}),
        PolicyError,
        "did you mean 'seed'",
    ),
}
