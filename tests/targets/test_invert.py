"""What a plan moved is taken back: exactly where rows and columns stay, closely everywhere else."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

import variegate as vg
from variegate.ops.op import Kind
from variegate.ops.registry import get, names

SIZE = 60, 80
SYMMETRIES = ("HorizontalFlip", "VerticalFlip", "Transpose", "RandomRotate90", "D4")
FIELDS = tuple(n for n in names() if get(n).kind is Kind.FIELD)
MATRICES = (
    vg.Rotate(angle=(-40, 40)),
    vg.ShearX(slope=(-0.3, 0.3)),
    vg.Affine(),
    vg.Perspective(distortion=(0.1, 0.4)),
    vg.RandomResizedCrop(size=(50, 70), scale=(0.4, 1.0)),
    vg.Resize(size=(90, 110)),
    vg.Zoom(factor=(0.7, 1.3)),
    vg.SafeRotate(angle=(-45, 45)),
)


def ramp(size: tuple[int, int]) -> np.ndarray:
    """A map whose two channels are x and y of each pixel's center, in pixels."""
    y, x = np.indices(size) + 0.5
    return np.stack([x, y], axis=-1).astype(np.float32)


def shrunk(seen: np.ndarray, by: int = 4) -> np.ndarray:
    """Pixels whose neighborhood is seen too; the frame's rim counts as unseen."""
    return ndimage.binary_erosion(seen, np.ones((3, 3)), iterations=by)


def forward(steps: list, seed: int, **targets: object) -> tuple[vg.Plan, dict]:
    """One sample of SIZE through steps: its plan, and what it became."""
    aug = vg.Pipeline(steps, seed=seed)
    plan = aug.draw(sizes=[SIZE], index=[0])
    image = targets.pop("image", np.zeros((*SIZE, 1), np.uint8))
    return plan, aug.apply(plan, image=image, **targets)


@settings(max_examples=60, deadline=None)
@given(
    ops=st.lists(st.sampled_from(SYMMETRIES), min_size=1, max_size=5), seed=st.integers(0, 10**6)
)
def test_symmetries_come_back_to_the_last_bit(ops: list[str], seed: int) -> None:
    generator = np.random.default_rng(seed)
    image = generator.integers(0, 256, (*SIZE, 3), dtype=np.uint8)
    mask = generator.integers(0, 7, SIZE, dtype=np.int32)
    corner = generator.integers(0, 40, (6, 2))
    boxes = np.concatenate([corner, corner + generator.integers(1, 20, (6, 2))], axis=1)
    points = generator.uniform(0, 60, (9, 2)).astype(np.float32)
    steps = [getattr(vg, name)(p=0.7) for name in ops]
    plan, out = forward(steps, seed, image=image, mask=mask, boxes=boxes, keypoints=points)
    given_back = {k: out[k] for k in ("image", "mask", "boxes", "keypoints")}
    back = vg.invert(plan, **given_back)
    assert np.array_equal(back["image"], image)
    assert np.array_equal(back["mask"], mask)
    assert np.array_equal(back["boxes"], boxes)
    assert np.abs(back["keypoints"] - points).max() < 1e-4
    assert back["seen"].all()
    assert back["kept"].tolist() == list(range(6))


@pytest.mark.parametrize("place", range(len(MATRICES)))
@pytest.mark.parametrize("seed", range(3))
def test_matrices_bring_maps_and_points_back(place: int, seed: int) -> None:
    points = np.random.default_rng(seed).uniform(5, 55, (50, 2))
    source = ramp(SIZE) / 100
    plan, out = forward([MATRICES[place], vg.HorizontalFlip()], seed, image=source,
                        keypoints=points)  # fmt: skip
    back = vg.invert(plan, image=out["image"], keypoints=out["keypoints"])
    inner = shrunk(back["seen"])
    assert inner.mean() > 0.1
    # A linear map stays itself under bilinear interpolation; the filter that shrinks by a broken
    # number moves it by up to 0.06 pixels, and a perspective bends it within a pixel.
    assert np.abs(back["image"] - source)[inner].max() * 100 < 0.08
    assert np.abs(back["keypoints"] - points).max() < 1e-3


@pytest.mark.parametrize("name", FIELDS)
def test_fields_bring_maps_and_points_back(name: str) -> None:
    points = np.random.default_rng(1).uniform(5, 55, (50, 2))
    source = ramp(SIZE) / 100
    steps = [getattr(vg, name)(magnitude=1.0), vg.Rotate(angle=(-20, 20))]
    for seed in range(3):
        plan, out = forward(steps, seed, image=source, keypoints=points)
        back = vg.invert(plan, image=out["image"], keypoints=out["keypoints"])
        inner = shrunk(back["seen"])
        assert inner.mean() > 0.4
        assert np.abs(back["keypoints"] - points).max() < 0.1
        # A kink of the field inside a pixel is cut by bilinear interpolation.
        assert np.abs(back["image"] - source)[inner].max() * 100 < 0.5
        assert np.abs(back["image"] - source)[inner].mean() * 100 < 0.03


def test_boxes_come_back_within_a_quarter_of_a_pixel() -> None:
    """A box that keeps its sides through scale and shift, and the bounds of one that was turned."""
    boxes = np.array([[22.0, 20, 45, 38], [30, 25, 60, 45]])
    for seed in range(20):
        steps = [vg.Zoom(factor=(0.8, 1.1)), vg.TranslateX(fraction=(-0.1, 0.1))]
        plan, out = forward([*steps, vg.HorizontalFlip()], seed, boxes=boxes)
        back = vg.invert(plan, boxes=out["boxes"])
        assert back["kept"].tolist() == [0, 1]
        assert np.abs(back["boxes"] - boxes).max() < 0.001
    plan, out = forward([vg.Rotate(angle=(30, 30))], 0, boxes=boxes[:1])
    back = vg.invert(plan, boxes=out["boxes"])["boxes"][0]
    width, height = 23.0, 18.0  # by hand: bounds of bounds of a box turned by 30 degrees, and back
    cos, sin = np.cos(np.pi / 6), 0.5
    once = width * cos + height * sin, width * sin + height * cos
    twice = once[0] * cos + once[1] * sin, once[0] * sin + once[1] * cos
    assert np.allclose([back[2] - back[0], back[3] - back[1]], twice, atol=1e-3)
    assert np.allclose([(back[0] + back[2]) / 2, (back[1] + back[3]) / 2], [33.5, 29], atol=1e-3)


def test_what_was_never_seen_is_marked() -> None:
    image = np.full((*SIZE, 3), 200, dtype=np.uint8)
    plan, out = forward([vg.CenterCrop(size=(20, 30))], 0, image=image)
    back = vg.invert(plan, image=out["image"], mask=np.ones((20, 30), np.uint8), fill=7)
    expected = np.zeros(SIZE, dtype=bool)
    expected[20:40, 25:55] = True
    assert np.array_equal(back["seen"], expected)
    assert (back["image"][expected] == 200).all()
    assert (back["image"][~expected] == 7).all()
    assert np.array_equal(back["mask"] == 1, expected)


def test_a_frame_in_the_middle_cuts_what_is_seen() -> None:
    """Two runs of geometry, parted by a blur: what the first one lost is not seen either."""
    steps = [vg.CenterCrop(size=(20, 30)), vg.GaussianBlur(), vg.Pad(padding=(20, 25, 20, 25))]
    plan, out = forward(steps, 0)
    assert out["image"].shape[:2] == SIZE
    back = vg.invert(plan, image=np.ones((*SIZE, 1), np.uint8))
    assert back["seen"].sum() == 20 * 30
    assert back["seen"][20:40, 25:55].all()


def test_maps_of_a_model_keep_their_values_channels_and_dtype() -> None:
    """Logits: any values, 21 channels, float64; whole numbers stay whole."""
    generator = np.random.default_rng(2)
    aug = vg.Pipeline([vg.HorizontalFlip(), vg.VerticalFlip()], seed=5)
    plan = aug.draw(sizes=[SIZE] * 4, index=range(4))
    logits = generator.normal(0, 30, (4, *SIZE, 21))
    turned = [logits[i][:, ::-1] if "HorizontalFlip" in str(plan).splitlines()[i + 1]
              else logits[i] for i in range(4)]  # fmt: skip
    turned = [t[::-1] if "VerticalFlip" in line else t
              for t, line in zip(turned, str(plan).splitlines()[1:], strict=True)]  # fmt: skip
    back = vg.invert(plan, images=np.stack(turned))
    assert back["images"].dtype == np.float64
    assert back["images"].shape == logits.shape
    assert np.abs(back["images"] - logits).max() < 1e-4
    whole = generator.integers(-5000, 5000, (4, *SIZE), dtype=np.int64)
    assert vg.invert(plan, images=whole)["images"].dtype == np.int64


def test_a_batch_of_different_sizes_comes_back_to_them() -> None:
    sizes = [(40, 50), (64, 32)]
    aug = vg.Pipeline([vg.RandomResizedCrop(size=(24, 24), scale=(0.5, 1.0))], seed=2)
    plan = aug.draw(sizes=sizes, index=[0, 1])
    back = vg.invert(plan, images=np.ones((2, 24, 24, 1), np.float32))
    assert [image.shape[:2] for image in back["images"]] == sizes
    for image, seen in zip(back["images"], back["seen"], strict=True):
        assert np.allclose(image[..., 0], seen)


@pytest.mark.parametrize("channels", [1, 2, 4, 9, 16])
def test_pixel_ops_for_any_channels_stand_in_the_way_of_nothing(channels: int) -> None:
    """References, fills and statistics of other channel counts than 3 are not the inverse's."""
    image = np.random.default_rng(1).integers(0, 256, (*SIZE, channels), dtype=np.uint8)
    steps = [
        vg.HistogramMatching(reference_images=[image]),
        vg.HorizontalFlip(p=1.0),
        vg.FDA(reference_images=[image], beta=(0.1, 0.1)),
        vg.CoarseDropout(fill=tuple(range(channels))),
        vg.Transpose(p=1.0),
        vg.RandomGridShuffle(grid=(4, 3)),
        vg.Normalize(mean=(0.5,) * channels, std=(0.2,) * channels),
    ]
    place = np.arange(SIZE[0] * SIZE[1], dtype=np.int32).reshape(SIZE)
    plan, out = forward(steps, 3, image=image, mask=place)
    back = vg.invert(plan, mask=out["mask"], image=out["image"].astype(np.float32))
    assert np.array_equal(back["mask"], place)
    assert back["image"].shape == image.shape
    assert back["seen"].all()


def test_every_kind_of_annotation_comes_back() -> None:
    """Polygons, oriented boxes, instance masks, pairs of keypoints and formats of a pipeline."""
    square = np.array([[20.0, 15], [50, 15], [50, 40], [20, 40]])
    masks = np.zeros((1, *SIZE), dtype=np.uint8)
    masks[0, 15:40, 20:50] = 1
    aug = vg.Pipeline([vg.HorizontalFlip(), vg.RandomRotate90()], seed=3, boxes="coco",
                      keypoint_pairs=[(0, 1)])  # fmt: skip
    plan = aug.draw(sizes=[SIZE], index=[1])
    given_to = {
        "boxes": [[20.0, 15, 30, 25]],
        "polygons": [[square]],
        "oriented_boxes": [[35.0, 27.5, 30, 25, 0]],
        "instance_masks": masks,
        "keypoints": square[None, :2],
    }
    out = aug.apply(plan, image=np.zeros((*SIZE, 1), np.uint8), **given_to)
    assert not np.allclose(out["boxes"], given_to["boxes"])
    back = vg.invert(plan, like=aug, **{name: out[name] for name in given_to})
    assert np.allclose(back["boxes"], given_to["boxes"], atol=1e-3)
    assert np.allclose(back["keypoints"], square[None, :2], atol=1e-3)
    assert np.array_equal(back["instance_masks"], masks)
    ring = np.asarray(back["polygons"][0][0])
    assert sorted(map(tuple, np.round(ring).astype(int).tolist())) == sorted(
        map(tuple, square.astype(int).tolist())
    )
    assert np.allclose(back["oriented_boxes"][0][:2], [35, 27.5], atol=1e-3)


def test_both_engines_bring_back_alike() -> None:
    aug = vg.Pipeline([vg.Rotate(), vg.Elastic(magnitude=1.0)], seed=2)
    plan = aug.draw(sizes=[SIZE], index=[0])
    given_back = np.random.default_rng(0).random((*SIZE, 3), dtype=np.float32)
    one, two = (
        vg.invert(plan, image=given_back, like=vg.Pipeline([], engine=name))
        for name in ("native", "reference")
    )
    assert np.array_equal(one["seen"], two["seen"])
    assert np.abs(one["image"] - two["image"]).max() < 1e-3


PLAN = vg.Pipeline([vg.HorizontalFlip()], seed=1).draw(sizes=[SIZE], index=[0])
MIXED = vg.Pipeline([vg.MixUp()], seed=1, classes=3).draw(sizes=[SIZE] * 2, index=[0, 1])
BAD = [
    (PLAN, {}, "pass at least one of"),
    (PLAN, {"picture": 1}, "unknown argument 'picture'"),
    (PLAN, {"image": np.zeros((5, 5, 3))}, "the plan gives 60x80, got 5x5"),
    (PLAN, {"image": np.full((*SIZE, 1), np.nan)}, "not finite"),
    (PLAN, {"image": np.zeros((*SIZE, 1)), "resample": "cubic"}, "resample"),
    (PLAN, {"images": np.zeros((2, *SIZE, 1))}, "expected one item per image"),
    ("plan", {"image": np.zeros((*SIZE, 1))}, "expected a Plan"),
    (MIXED, {"images": np.zeros((2, *SIZE, 1))}, "a mix cannot be undone"),
]


@pytest.mark.parametrize(("plan", "targets", "message"), BAD, ids=[row[2] for row in BAD])
def test_bad_calls_are_refused_by_name(plan: object, targets: dict, message: str) -> None:
    with pytest.raises(vg.VariegateError, match=message):
        vg.invert(plan, **targets)
