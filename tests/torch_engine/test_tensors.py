"""Tensors through a pipeline: the same bytes as arrays, on the device where they lie."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import Any

import numpy as np
import pytest
import torch

import variegate as vg
from variegate.errors import EngineError, InputError
from variegate.testing.pictures import as_float, picture

DEVICE = os.environ.get("VARIEGATE_DEVICE", "cpu")
IMAGES = np.stack([picture("random", (30, 40), 3, i) for i in range(6)])
STEPS = [
    vg.RandomResizedCrop(size=(24, 28)),
    vg.RandAugment(num_ops=3, magnitude=0.6),
    vg.GaussianNoise(),
    vg.CutMix(alpha=1.0),
]
LAST = vg.Normalize(mean=(0.5,), std=(0.25,), layout="NCHW", dtype="bfloat16")


def aug(*steps: Any, engine: str = "torch", **more: Any) -> vg.Pipeline:
    return vg.Pipeline(list(steps), seed=5, engine=engine, **more)


def there(array: Any) -> torch.Tensor:
    return torch.from_numpy(array).to(DEVICE)


@pytest.mark.parametrize("dtype", [np.uint8, np.float32])
def test_tensors_give_what_arrays_give(dtype: Any) -> None:
    images = IMAGES if dtype == np.uint8 else as_float(IMAGES)
    pipeline = aug(*STEPS, classes=6)
    wanted = pipeline(images=images, labels=np.arange(6), index=range(6), epoch=2)
    given = there(images.copy())
    found = pipeline(images=given, labels=torch.arange(6), index=range(6), epoch=2)
    assert found["images"].device == found["labels"].device == given.device
    assert found["images"].shape == (6, 24, 28, 3)
    np.testing.assert_array_equal(found["images"].cpu().numpy(), wanted["images"])
    np.testing.assert_array_equal(found["labels"].cpu().numpy(), wanted["labels"])
    np.testing.assert_array_equal(given.cpu().numpy(), images)
    listed = pipeline(images=list(given), labels=torch.arange(6), index=range(6), epoch=2)
    assert torch.equal(listed["images"], found["images"])


def test_pixels_never_visit_the_host(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[tuple[int, ...]] = []
    for name in ("cpu", "numpy", "tolist", "__array__"):
        before = getattr(torch.Tensor, name)

        def watched(self: torch.Tensor, *rest: Any, before: Any = before) -> Any:
            seen.append(tuple(self.shape))
            return before(self, *rest)

        monkeypatch.setattr(torch.Tensor, name, watched)
    images, masks = there(IMAGES), there(IMAGES[..., 0].copy())
    steps = [vg.RandomResizedCrop(size=(24, 28)), vg.RandAugment(), LAST]
    for given in (images, images.to(torch.float32) / 255, list(images)):
        aug(*steps)(images=given, masks=masks, labels=torch.arange(6), index=range(6))
    aug(*steps)(image=images[0], mask=masks[0], index=0)
    assert (6,) in seen  # the labels do
    large = [shape for shape in seen if np.prod(shape, dtype=np.int64) > 1000]
    assert not large, large


def test_the_output_is_written_as_tensors_too() -> None:
    found = aug(*STEPS, LAST, classes=6)(images=there(IMAGES), labels=[0] * 6, index=range(6))
    plain = aug(*STEPS, classes=6)(images=there(IMAGES), labels=[0] * 6, index=range(6))
    wanted = (plain["images"].to(torch.float32) / 255 - 0.5) / 0.25
    assert found["images"].dtype == torch.bfloat16
    assert found["images"].shape == (6, 3, 24, 28)
    off = found["images"].to(torch.float32).permute(0, 2, 3, 1) - wanted
    assert float(off.abs().max()) < 2**-7


def test_marks_move_as_with_arrays_and_come_back_as_tensors() -> None:
    steps = [vg.Rotate(angle=(-40, 40)), vg.HorizontalFlip(), vg.RandomCrop(size=(20, 20))]
    masks = (IMAGES[..., 0] // 40).astype(np.int32)
    boxes = [np.array([[5.0, 6, 20, 25], [0, 0, 3, 3]])] * 6
    points = [np.array([[4.0, 7.0]])] * 6
    plain = {"masks": masks, "boxes": boxes, "keypoints": points}
    wanted = aug(*steps, engine="reference")(images=IMAGES, index=range(6), **plain)
    tensors = {
        "masks": there(masks),
        "boxes": [there(own) for own in boxes],
        "keypoints": [there(own) for own in points],
    }
    found = aug(*steps)(images=there(IMAGES), index=range(6), **tensors)
    for name in tensors:
        for one, other in zip(found[name], wanted[name], strict=True):
            assert isinstance(one, torch.Tensor)
            assert one.device.type == torch.device(DEVICE).type
            np.testing.assert_array_equal(one.cpu().numpy(), other)
    assert all(np.array_equal(a, b) for a, b in zip(found["kept"], wanted["kept"], strict=True))
    mixed = aug(vg.CutMix(alpha=1.0))(images=there(IMAGES), index=range(6), masks=there(masks))
    same = aug(vg.CutMix(alpha=1.0))(images=IMAGES, index=range(6), masks=masks)
    np.testing.assert_array_equal(mixed["masks"].cpu().numpy(), same["masks"])


def test_views_of_channels_first_memory_are_taken_and_sizes_may_differ() -> None:
    first = there(np.ascontiguousarray(IMAGES.transpose(0, 3, 1, 2)))
    pipeline = aug(vg.Rotate(angle=(10, 30)), vg.Color())
    found = pipeline(images=first.permute(0, 2, 3, 1), index=range(6))["images"]
    wanted = pipeline(images=IMAGES, index=range(6))["images"]
    np.testing.assert_array_equal(found.cpu().numpy(), wanted)
    some = [there(IMAGES[0]), there(np.ascontiguousarray(IMAGES[1, :20]))]
    found = pipeline(images=some, index=range(2))["images"]
    assert [tuple(one.shape) for one in found] == [(30, 40, 3), (20, 40, 3)]
    np.testing.assert_array_equal(found[0].cpu().numpy(), wanted[0])
    one = pipeline(image=there(IMAGES[0][..., 0].copy()), index=0)["image"]
    assert one.shape == (30, 40)


def test_an_empty_batch_stays_one() -> None:
    steps = [vg.CenterCrop(size=(8, 9)), vg.Normalize(mean=(0.5,), std=(0.5,), layout="NCHW")]
    found = aug(*steps)(images=there(IMAGES[:0]))["images"]
    assert isinstance(found, torch.Tensor)
    assert found.shape == (0, 3, 8, 9)
    assert found.dtype == torch.float32


def test_mixes_that_look_at_pixels_take_tensors() -> None:
    for step in (vg.SaliencyMix(), vg.PuzzleMix(saliency="fine_grained")):
        pipeline = aug(step, classes=6)
        found = pipeline(images=there(IMAGES), labels=torch.arange(6), index=range(6))
        wanted = pipeline(images=IMAGES, labels=np.arange(6), index=range(6))
        np.testing.assert_array_equal(found["images"].cpu().numpy(), wanted["images"])
        np.testing.assert_array_equal(found["labels"].cpu().numpy(), wanted["labels"])


def test_bad_tensors_are_refused_by_name() -> None:
    pipeline = aug(vg.Rotate())
    bad: list[tuple[Any, str]] = [
        (torch.zeros(2, 5, 5), r"expected shape \(n, height, width, channels\), got \(2, 5, 5\)"),
        (torch.zeros(2, 5, 5, 3, dtype=torch.float64), "uint8 or float32"),
        (torch.zeros(2, 5, 5, 3, dtype=torch.bfloat16), "bfloat16"),
        (torch.full((2, 5, 5, 3), 2.0), "divide by 255"),
        (torch.zeros(2, 3, 224, 224, dtype=torch.uint8), "channels first"),
        ([torch.zeros(5, 5, 3, dtype=torch.uint8), IMAGES[0]], "arrays or tensors, not both"),
    ]
    for images, message in bad:
        with pytest.raises(InputError, match=message):
            pipeline(images=images)
    with pytest.raises(InputError, match="out: cannot be given"):
        pipeline(images=there(IMAGES), out=np.empty_like(IMAGES))
    for engine in ("reference", None):
        with pytest.raises(InputError, match="engine='torch'"):
            vg.Pipeline([vg.Rotate()], engine=engine)(images=torch.from_numpy(IMAGES))


def test_without_torch_the_engine_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    program = (
        "import sys; sys.modules['torch'] = None; import variegate as vg\n"
        "try: vg.Pipeline([], engine='torch')\nexcept vg.EngineError as e: print(e)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False
    )
    assert "pip install 'variegate[train]'" in done.stdout, done.stderr
    assert issubclass(EngineError, vg.VariegateError)
