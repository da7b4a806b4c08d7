"""1 to 16 channels: every op works on them, or says by its own name that it cannot."""

from __future__ import annotations

import numpy as np
import pytest

import variegate as vg
from variegate.errors import VariegateError
from variegate.ops.registry import get, names
from variegate.policy.nodes import Step

MARKED = ("CopyPaste", "MaskDropout")
COLOR_ONLY = {
    "Color", "ColorJitter", "ColorTemperature", "Grayscale",
    "HueSaturationValue", "ISONoise", "ImageCompression", "JpegCompression", "PlanckianJitter",
    "RGBShift", "RandomPhotometricDistort", "ToGray", "ToSepia",
    "FancyPCA", "RandomRain", "RandomSnow", "RandomSunFlare",
}  # fmt: skip


@pytest.mark.parametrize("name", names())
def test_many_channels_work_or_are_refused_by_name(name: str) -> None:
    for channels in (2, 9, 16):
        arguments = dict(get(name).example)
        if name == "Normalize":
            arguments |= {"mean": (0.5,) * channels, "std": (0.2,) * channels}
        images = np.random.default_rng(1).integers(0, 256, (2, 12, 14, channels), dtype=np.uint8)
        aug = vg.Pipeline([Step(name, arguments)], seed=1, saliency=lambda x, _: x[..., 0])
        marks = {"instance_masks": np.ones((2, 1, 12, 14), np.uint8)} if name in MARKED else {}
        try:
            soft = np.eye(2, dtype=np.float32)
            out = aug(images=images, labels=soft, index=range(2), **marks)["images"]
            found, text = out[0].shape[2], name
        except VariegateError as error:
            found, text = 0, str(error)
        assert name in text
        assert found == (0 if name in COLOR_ONLY else channels)
