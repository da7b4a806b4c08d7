"""Bugs that other libraries have and this one must not have, each by name."""

from __future__ import annotations

import random
import subprocess
import sys

import numpy as np
import pytest

import variegate as vg
from variegate.ops.op import Kind
from variegate.ops.registry import get, names
from variegate.policy.nodes import AutoAugment, RandAugment, Step
from variegate.policy.presets import TABLES

SIZE = 64, 96
FIELDS = [name for name in names() if get(name).kind is Kind.FIELD]


def marked(center: tuple[float, float] = (40, 30)) -> tuple[np.ndarray, np.ndarray]:
    """A white disc of radius 6 on black, and its box."""
    y, x = np.indices(SIZE) + 0.5
    near = (x - center[0]) ** 2 + (y - center[1]) ** 2 < 36
    box = [center[0] - 6, center[1] - 6, center[0] + 6, center[1] + 6]
    return (near * 255).astype(np.uint8)[..., None], np.array([box])


def middle(image: np.ndarray) -> np.ndarray:
    """The center of what is bright, x and y."""
    y, x = np.indices(image.shape[:2]) + 0.5
    weight = image[..., 0].astype(np.float64)
    return np.array([(x * weight).sum(), (y * weight).sum()]) / weight.sum()


def test_keras_randaugment_an_op_drawn_twice_moves_the_box_once() -> None:
    """Keras 3.15: the same geometric op drawn twice moves the image twice and the boxes once."""
    image, box = marked()
    twice = vg.TranslateX(fraction=(0.1, 0.1))
    out = vg.Pipeline([twice, twice], seed=1)(image=image, boxes=box, index=0)
    assert abs(abs(middle(out["image"])[0] - middle(image)[0]) - 0.2 * SIZE[1]) < 0.5
    assert np.abs(out["boxes"][0].reshape(2, 2).mean(0) - middle(out["image"])).max() < 0.5


def test_keras_randaugment_one_choice_of_ops_for_a_whole_batch() -> None:
    """Keras 3.15 and Kornia's auto policies choose the ops once for all images of a batch."""
    plan = vg.Pipeline([RandAugment(2, 0.5)], seed=1).draw(sizes=[SIZE] * 64, index=range(64))
    chosen = {line.split(": ")[1].split("(")[0] for line in str(plan).splitlines()[1:]}
    assert len(chosen) >= 10


def test_keras_randaugment_rotates_in_one_direction_only() -> None:
    """Keras 3.15's factor 0.5 turns by 0..180 degrees one way; KerasCV's AugMix only forward."""
    step = vg.Rotate(magnitude=0.5)
    plan = vg.Pipeline([step], seed=1).draw(sizes=[SIZE] * 400, index=range(400))
    angles = next(r.values["angle"] for r in plan.records)
    assert 150 < (angles > 0).sum() < 250
    assert np.abs(angles).max() <= 30


def test_keras_augmix_draws_from_pythons_global_random() -> None:
    """AugMix(seed=7) of Keras 3.15 follows `random.seed`; nothing here reads or moves it."""
    image = np.random.default_rng(0).integers(0, 256, (*SIZE, 3), dtype=np.uint8)
    results = []
    for state in (1, 2):
        random.seed(state)
        np.random.seed(state)  # noqa: NPY002 - the global state is what the test is about
        before = random.getstate(), np.random.get_state()[1].tolist()  # noqa: NPY002
        results.append(vg.Pipeline([RandAugment(3, 0.7)], seed=7)(image=image, index=3)["image"])
        assert (random.getstate(), np.random.get_state()[1].tolist()) == before  # noqa: NPY002
    assert np.array_equal(*results)


def test_keras_layers_change_the_callers_dict_and_arrays() -> None:
    """Keras 3.15 writes into the dict that it is given."""
    image, box = marked()
    sample = {"image": image, "boxes": box, "keypoints": np.array([[3.0, 4.0]])}
    copies = {name: value.copy() for name, value in sample.items()}
    vg.Pipeline([vg.Rotate(), vg.Invert(), vg.Cutout()], seed=1)(**sample, index=0)
    assert list(sample) == list(copies)
    assert all(np.array_equal(sample[name], copies[name]) for name in copies)


@pytest.mark.parametrize("name", FIELDS)
def test_kornia_elastic_leaves_boxes_and_keypoints_behind(name: str) -> None:
    """Kornia's elastic, spline and fisheye move the image alone."""
    moved = 0
    for index in range(25):
        image, box = marked((76, 18))
        aug = vg.Pipeline([getattr(vg, name)(magnitude=1.0)], seed=index)
        out = aug(image=image, boxes=box, keypoints=[[76.0, 18.0]], index=index)
        rows, columns = (np.flatnonzero((out["image"][..., 0] > 127).any(a)) for a in (1, 0))
        bounds = np.array([columns[0], rows[0], columns[-1] + 1, rows[-1] + 1])
        moved += np.abs(bounds - box[0]).max() >= 1
        # The disc touches its box's sides, so their bounds agree, but for the disc's roundness.
        assert np.all(out["boxes"][0][:2] <= bounds[:2] + 1)
        assert np.all(out["boxes"][0][2:] >= bounds[2:] - 1)
        assert np.abs(out["boxes"][0] - bounds).max() < 4
        assert np.all(out["keypoints"][0] > bounds[:2])
        assert np.all(out["keypoints"][0] < bounds[2:])
    assert moved > 0, "the field must move something, or the test says nothing"


def test_keras_cv_seed_0_is_no_seed() -> None:
    """KerasCV asks `if seed:`, so 0 draws from the global generator."""
    image = np.random.default_rng(0).integers(0, 256, (*SIZE, 3), dtype=np.uint8)
    one, two = (vg.Pipeline([RandAugment(3, 0.9)], seed=0)(image=image, index=0) for _ in range(2))
    assert np.array_equal(one["image"], two["image"])


def test_keras_cv_some_ops_are_never_drawn() -> None:
    """KerasCV's AugMix draws from [0, 8) of nine ops; a search space once held TranslateY twice and
    TranslateX never.
    """
    plan = vg.Pipeline([RandAugment(3, 0.5)], seed=1).draw(sizes=[SIZE] * 300, index=range(300))
    drawn = {record.op for record in plan.records}
    wanted = set(RandAugment().ops) - {"Identity"}
    assert drawn - {"Identity"} == wanted
    assert len(RandAugment().ops) == len(set(RandAugment().ops))
    assert {"TranslateX", "TranslateY", "ShearX", "ShearY", "Rotate"} <= wanted


def test_keras_cv_cutout_takes_the_height_for_the_width() -> None:
    """RandomCutout clips the width by the height; here the hole is a square of its size in wide
    images.
    """
    image = np.full((40, 120, 1), 255, dtype=np.uint8)
    for index in range(60):
        out = vg.Pipeline([vg.Cutout(size=(0.5, 0.5), guard=False)], seed=2)(
            image=image, index=index
        )
        hole = out["image"][..., 0] == out["image"].min()
        rows, columns = np.flatnonzero(hole.any(1)), np.flatnonzero(hole.any(0))
        assert hole.sum() == len(rows) * len(columns), "one whole rectangle"
        assert len(columns) <= 20 + 1


def test_keras_cv_gridmask_fill_must_be_a_whole_number() -> None:
    """KerasCV asks `fill in range(256)`, so 127.5 fails."""
    image = np.full((32, 32, 1), 1.0, dtype=np.float32)
    out = vg.Pipeline([vg.GridMask(fill=127.5)], seed=1)(image=image, index=0)["image"]
    assert np.isclose(out.min(), 0.5)


def test_tpu_posterize_to_0_bits_is_black() -> None:
    """The level map of tensorflow/tpu reaches 0 bits; here 1 bit is the least, and more magnitude
    never keeps more bits.
    """
    image = np.full((8, 8, 3), 200, dtype=np.uint8)
    for magnitude in np.linspace(0, 1, 11):
        out = vg.Pipeline([vg.Posterize(magnitude=magnitude)], seed=1)(image=image, index=0)
        assert out["image"].min() >= 128
    with pytest.raises(vg.PolicyError, match="bits"):
        vg.Posterize(bits=(0, 8))


@pytest.mark.parametrize("name", ["Posterize", "Solarize"])
def test_tpu_levels_that_weaken(name: str) -> None:
    """Posterize and Solarize of tensorflow/tpu grow weaker with the level."""
    ramp = np.arange(256, dtype=np.uint8).reshape(16, 16, 1)
    change = [
        np.abs(vg.Pipeline([Step(name, magnitude=None) if m is None else
                            getattr(vg, name)(magnitude=m)], seed=1)(image=ramp, index=0)["image"]
               .astype(int) - ramp).sum()
        for m in (0.0, 0.25, 0.5, 0.75, 1.0)
    ]  # fmt: skip
    assert change == sorted(change)
    assert change[0] < change[-1]


def test_tf_contrast_blends_with_a_number_that_grows_with_the_image() -> None:
    """TensorFlow's contrast takes sum(histogram) / 256 for the mean; a flat picture must stay."""
    for side in (8, 32, 300):
        image = np.full((side, side, 3), 90, dtype=np.uint8)
        out = vg.Pipeline([vg.Contrast(factor=(0.3, 0.3))], seed=1)(image=image, index=0)["image"]
        assert np.array_equal(out, image)


def test_google_randaugment_magnitudes_beyond_the_scale() -> None:
    """The released RandAugment does not clip M: 28 of 10 posterizes to 11 bits and turns by 84."""
    with pytest.raises(vg.PolicyError, match="magnitude"):
        vg.RandAugment(2, magnitude=2.8)
    with pytest.raises(vg.PolicyError, match="magnitude"):
        vg.Rotate(magnitude=2.8)


def test_albumentations_unknown_arguments_are_dropped_with_a_warning() -> None:
    with pytest.raises(vg.PolicyError, match="unknown argument 'limit'"):
        vg.Rotate(limit=(0, 10))
    with pytest.raises(vg.InputError, match="unknown argument 'bboxes'"):
        vg.Pipeline([], seed=1)(image=np.zeros((4, 4, 3), np.uint8), bboxes=[])


def test_albumentations_repeats_itself_in_workers_and_epochs() -> None:
    """An unseeded Compose of 2.0.8 draws the same in every forked worker and every epoch."""
    program = (
        "import os, variegate as vg\n"
        "aug = vg.Pipeline([vg.Rotate(angle=(-90, 90))])\n"
        "def draws():\n"
        "    plan = aug.draw(sizes=[(8, 8)] * 4)\n"
        "    return [round(float(v), 6) for v in plan.records[0].values['angle']]\n"
        "for worker in range(2):\n"
        "    read, write = os.pipe()\n"
        "    if os.fork() == 0:\n"
        "        os.write(write, repr([draws(), draws()]).encode()); os._exit(0)\n"
        "    print(os.read(read, 4000).decode())\n"
    )
    done = subprocess.run([sys.executable, "-W", "ignore", "-c", program], text=True,
                          capture_output=True, check=True)  # fmt: skip
    lists = [tuple(epoch) for line in done.stdout.splitlines() for epoch in eval_list(line)]
    assert len(lists) == 4
    assert len(set(lists)) == 4


def eval_list(line: str) -> list[list[float]]:
    """The printed list of lists."""
    import json

    return [list(map(float, item)) for item in json.loads(line)]


def test_albumentations_asks_the_network_at_import_and_sends_telemetry() -> None:
    """Importing, making and running a pipeline opens no socket and looks up no name."""
    program = (
        "import socket, sys\n"
        "def refuse(*a, **k): raise SystemExit('network')\n"
        "socket.socket.connect = refuse; socket.getaddrinfo = refuse\n"
        "import numpy as np, variegate as vg\n"
        "vg.Pipeline([vg.RandAugment()])(image=np.zeros((8, 8, 3), np.uint8))\n"
        "print('urllib.request' in sys.modules or 'http.client' in sys.modules)\n"
    )
    done = subprocess.run([sys.executable, "-c", program], text=True, capture_output=True,
                          check=True)  # fmt: skip
    assert done.stdout.strip() == "False"


def test_torchvision_passes_a_second_image_through_untouched() -> None:
    """A second tensor goes through torchvision's v2 transforms unchanged and without a word."""
    image = np.zeros((8, 8, 3), dtype=np.uint8)
    with pytest.raises(vg.InputError, match="unknown argument 'image2'"):
        vg.Pipeline([vg.HorizontalFlip()], seed=1)(image=image, image2=image)


@pytest.mark.parametrize("policy", [RandAugment(3, 0.6), vg.TrivialAugment(), AutoAugment("svhn")])
def test_torchvision_auto_policies_refuse_boxes_and_masks(policy: object) -> None:
    """RandAugment, AutoAugment and TrivialAugment of torchvision take images alone."""
    gone = 0
    for index in range(30):
        image, box = marked()
        out = vg.Pipeline([policy], seed=3)(
            image=image, mask=image[..., 0] // 255, boxes=box, index=index
        )
        if not out["mask"].any():
            gone += 1
            continue
        rows, columns = np.flatnonzero(out["mask"].any(1)), np.flatnonzero(out["mask"].any(0))
        bounds = [columns[0], rows[0], columns[-1] + 1, rows[-1] + 1]
        # The box holds the whole disc, turned and sheared: its bounds lie within it.
        assert np.all(out["boxes"][0][:2] <= np.array(bounds[:2]) + 1)
        assert np.all(out["boxes"][0][2:] >= np.array(bounds[2:]) - 1)
    assert gone < 15


def test_published_tables_hold_no_op_that_does_not_exist() -> None:
    """Copies of the CIFAR-10 table differ in one number, and some name ops that are not there."""
    for table in TABLES:
        plan = vg.Pipeline([AutoAugment(table)], seed=1).draw(sizes=[SIZE] * 400, index=range(400))
        drawn = {record.op for record in plan.records}
        assert drawn <= set(names())
        assert len(drawn) >= 8
