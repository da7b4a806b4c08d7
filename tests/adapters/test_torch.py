"""PyTorch's data sets and loaders: the same bytes for any workers, and every form of a sample."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torch.utils.data import DataLoader
from torch.utils.data.distributed import DistributedSampler

import variegate as vg
from tests.adapters.torch_samples import COUNT, IMAGES, Given, Pairs, policy
from variegate.adapters.torch import Collate, Dataset, Indexed, Transform
from variegate.errors import InputError, PolicyError

ROOT = Path(__file__).parents[2]
EPOCHS = (0, 1, 4)
WORKERS = ((0, None, False), (1, "fork", False), (2, "fork", True), (1, "spawn", True))

pytestmark = pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")


def pipeline(*steps: Any, **more: Any) -> vg.Pipeline:
    return vg.Pipeline([*policy(), *steps], seed=11, **more)


def expected(epoch: int, ids: Any = range(COUNT)) -> Any:
    """Straight from the pipeline, (n, c, h, w)."""
    ids = list(ids)
    out = pipeline()(images=IMAGES[ids], index=ids, epoch=epoch)["images"]
    return out.transpose(0, 3, 1, 2)


def loader(data: Any, workers: int, method: str | None, persistent: bool, **more: Any) -> Any:
    context = {"multiprocessing_context": method, "persistent_workers": persistent}
    return DataLoader(data, num_workers=workers, **(context if workers else {}), **more)


@pytest.mark.parametrize(("workers", "method", "persistent"), WORKERS)
def test_any_workers_give_what_the_pipeline_gives(
    workers: int, method: str | None, persistent: bool
) -> None:
    """Persistent workers must see the new epoch, and one that was left in the middle must not
    reach the next.
    """
    data = Dataset(Pairs(), pipeline())
    check_epochs(data, loader(data, workers, method, persistent, batch_size=5))


@pytest.mark.parametrize(("workers", "method", "persistent"), WORKERS[:-1])
def test_a_collate_function_gives_the_same(
    workers: int, method: str | None, persistent: bool
) -> None:
    data, collate = Indexed(Pairs()), Collate(pipeline())
    check_epochs(data, loader(data, workers, method, persistent, batch_size=4, collate_fn=collate))


def check_epochs(data: Any, batches: Any) -> None:
    """Every epoch's images and labels, after a loop that ended early."""
    for epoch in EPOCHS:
        data.set_epoch(epoch)
        found = list(batches)
        images = torch.cat([own for own, _ in found]).numpy()
        np.testing.assert_array_equal(images, expected(epoch))
        assert torch.cat([own for _, own in found]).tolist() == [i % 3 for i in range(COUNT)]
        next(iter(batches))


@pytest.mark.parametrize("workers", [0, 2])
def test_processes_of_a_distributed_sampler_share_one_set_of_draws(workers: int) -> None:
    data, parts = Dataset(Pairs(), pipeline()), {}
    for rank in range(3):
        sampler: DistributedSampler[Any] = DistributedSampler(
            data, num_replicas=3, rank=rank, shuffle=True, seed=4
        )
        own = loader(data, workers, "fork", True, batch_size=3, sampler=sampler)
        for epoch in (2, 3):
            sampler.set_epoch(epoch)
            data.set_epoch(epoch)
            ids = list(sampler)
            found = torch.cat([images for images, _ in own]).numpy()
            np.testing.assert_array_equal(found, expected(epoch, ids))
            parts[rank, epoch] = ids
    assert sorted(i for (_, epoch), ids in parts.items() if epoch == 2 for i in ids) == list(
        range(COUNT)
    )
    assert parts[0, 2] != parts[0, 3]


def test_two_training_processes_load_what_the_pipeline_gives(tmp_path: Path) -> None:
    """The example of DistributedDataParallel, short."""
    example = ROOT / "examples" / "torch_ddp.py"
    options = ["--epochs", "2", "--samples", "64", "--start", "fork", "--digest", "seen"]
    done = subprocess.run(
        [sys.executable, str(example), *options],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert [line.split(":")[0] for line in done.stdout.splitlines()] == ["epoch 0", "epoch 1"]
    parts = [json.loads((tmp_path / f"seen.{rank}").read_text()) for rank in (0, 1)]
    assert set(parts[0]).isdisjoint(parts[1])
    seen = parts[0] | parts[1]
    assert len(seen) == 128
    sys.path.insert(0, str(example.parent))
    try:
        import torch_ddp
    finally:
        sys.path.pop(0)
    steps = [vg.RandAugment(num_ops=2, magnitude=0.3), vg.Normalize(mean=(0.3,), std=(0.4,))]
    data = Dataset(torch_ddp.Digits(64), vg.Pipeline(steps, seed=1))
    for epoch in (0, 1):
        data.set_epoch(epoch)
        for index in range(64):
            assert seen[f"{epoch}/{index}"] == torch_ddp.digest(data[index][0])


def test_a_batch_is_mixed_and_its_labels_become_soft() -> None:
    aug = pipeline(
        vg.CutMix(alpha=1.0), vg.Normalize(mean=(0.5,), std=(0.5,), layout="NCHW"), classes=3
    )
    data = Indexed(Pairs())
    data.set_epoch(2)
    images, labels = Collate(aug)([data[i] for i in (7, 1, 4)])
    wanted = aug(images=IMAGES[[7, 1, 4]], labels=[1, 1, 1], index=[7, 1, 4], epoch=2)
    assert images.dtype == torch.float32
    np.testing.assert_array_equal(images.numpy(), wanted["images"])
    np.testing.assert_array_equal(labels.numpy(), wanted["labels"])
    with pytest.raises(InputError, match="Indexed and Collate"):
        Dataset(Pairs(), aug)
    with pytest.raises(InputError, match="Indexed and Collate"):
        Transform(aug)


MIRROR = vg.Pipeline([vg.HorizontalFlip(p=1.0)], seed=0)


def forms(image: Any) -> dict[str, Any]:
    """One picture (h, w, 3) in every form."""
    return {
        "pillow": Image.fromarray(image),
        "gray pillow": Image.fromarray(image[..., 0]),
        "tensor": torch.from_numpy(image).permute(2, 0, 1),
        "floats": torch.from_numpy(image / np.float32(255)).permute(2, 0, 1),
        "array": image,
        "flat array": image[..., 0],
    }


@pytest.mark.parametrize("name", list(forms(IMAGES[0])))
def test_an_image_comes_back_in_its_form(name: str) -> None:
    image = forms(IMAGES[0])[name]
    found = Transform(MIRROR)(image)
    assert type(found) is type(image)
    axis = 2 if isinstance(image, torch.Tensor) else 1
    mirrored = np.flip(np.asarray(image), axis)
    np.testing.assert_array_equal(np.asarray(found), mirrored)
    inside, label = Dataset(Given((image, 4)), MIRROR)[0]
    assert isinstance(inside, torch.Tensor)
    assert label == 4
    last = mirrored if axis == 2 else np.atleast_3d(mirrored).transpose(2, 0, 1)
    np.testing.assert_array_equal(inside.numpy(), last)


def test_what_was_normalized_is_a_tensor() -> None:
    for layout in ("NCHW", "NHWC"):
        last = vg.Normalize(mean=(0.5,), std=(0.25,), layout=layout)
        aug = vg.Pipeline([vg.HorizontalFlip(p=1.0), last], seed=0)
        found, label = Transform(aug)(Image.fromarray(IMAGES[0]), 2)
        wanted = (IMAGES[0][:, ::-1].transpose(2, 0, 1) / 255 - 0.5) / 0.25
        assert found.shape == (3, 13, 17)
        assert label == 2
        assert np.abs(found.numpy() - wanted).max() < 1e-6


def test_a_mask_as_a_palette_image_goes_along() -> None:
    mask = Image.fromarray(IMAGES[0][..., 0] % 5).convert("P")
    mask.putpalette([7, 8, 9] * 256)
    image, found = Transform(MIRROR)(Image.fromarray(IMAGES[0]), mask)
    np.testing.assert_array_equal(np.asarray(found), np.asarray(mask)[:, ::-1])
    assert found.mode == "P"
    assert found.getpalette() == mask.getpalette()
    np.testing.assert_array_equal(np.asarray(image), IMAGES[0][:, ::-1])


def detection(index: int) -> dict[str, Any]:
    """A sample by the pipeline's own names, of a size of its own."""
    return {
        "image": IMAGES[index][: 10 + index],
        "mask": torch.from_numpy(IMAGES[index][: 10 + index, :, 0].astype(np.int64)),
        "boxes": torch.tensor([[1.0, 2, 5, 8]] * (index + 1)),
        "box_labels": torch.arange(index + 1),
        "keypoints": np.array([[3.0, 4.0]]),
        "image_id": 50 + index,
    }


def test_a_dict_moves_as_a_whole_and_what_is_kept_stays() -> None:
    data = Dataset(Given(detection(0), detection(1)), MIRROR)
    for index, found in enumerate(data.__getitems__([0, 1])):
        given = detection(index)
        assert found["boxes"].tolist() == [[12, 2, 16, 8]] * (index + 1)
        assert found["box_labels"].tolist() == list(range(index + 1))
        assert found["keypoints"].tolist() == [[14, 4]]
        assert found["image_id"] == 50 + index
        assert found["image"].shape == (3, 10 + index, 17)
        np.testing.assert_array_equal(found["mask"].numpy(), given["mask"].numpy()[:, ::-1])
    indexed = Indexed(Given(detection(0), detection(1)))
    batch = Collate(MIRROR)([indexed[0], indexed[1]])
    assert [tuple(image.shape) for image in batch["images"]] == [(3, 10, 17), (3, 11, 17)]
    assert [own.tolist() for own in batch["boxes"]] == [[[12, 2, 16, 8]], [[12, 2, 16, 8]] * 2]
    assert batch["image_id"] == [50, 51]


def test_bad_samples_are_refused_by_name() -> None:
    image = IMAGES[0]
    bad: list[tuple[Any, str]] = [
        ({"image": image, "bboxes": [[1, 2, 3, 4]]}, "unknown name 'bboxes'; did you mean 'boxes'"),
        ({"picture": image}, "a dict with 'image'"),
        ((image, 1, 2), "got 3 things"),
        ((image, "cat"), "label: expected a class index"),
        ((image, torch.zeros(13, 17)), "label: expected a class index"),
        (torch.zeros(4, 3, 5, 5), r"\(channels, height, width\), got \(4, 3, 5, 5\)"),
        ("a.jpg", "got str"),
        (Image.fromarray(image).convert("CMYK"), r"got CMYK; use \.convert"),
        ((torch.zeros(3, 5, 5, dtype=torch.float64), 0), "use .astype"),
    ]
    for sample, message in bad:
        with pytest.raises(InputError, match=message):
            Dataset(Given(sample), MIRROR)[0]
    data = Indexed(Given(image, (image, 1)))
    with pytest.raises(InputError, match="one epoch and form"):
        Collate(MIRROR)([data[0], data[1]])
    with pytest.raises(InputError, match="items of an Indexed data set"):
        Collate(MIRROR)([image])
    with pytest.raises(InputError, match=r"expected a vg\.Pipeline"):
        Dataset(Pairs(), [vg.Rotate()])  # type: ignore[arg-type]
    with pytest.raises(InputError, match="items and a length"):
        Dataset(iter([]), MIRROR)
    with pytest.raises(PolicyError, match="epoch"):
        data.set_epoch(-1)
    with pytest.raises(IndexError):
        data[2]
    assert data[-1].index == 1
