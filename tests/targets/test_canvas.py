"""Canvas ops against Pillow's resize, NumPy's pad and sizes worked by hand."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

import variegate as vg
from tests.targets.geometry import at, run
from variegate.errors import PolicyError
from variegate.testing import engines
from variegate.testing.pictures import picture

ENGINES = pytest.mark.parametrize("engine", engines())


def resized(image: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Pillow's, of 3 channels."""
    bilinear = Image.Resampling.BILINEAR
    return np.asarray(Image.fromarray(image).resize((size[1], size[0]), bilinear))


def padded(image: np.ndarray, margins: tuple, fill: int = 0) -> np.ndarray:
    return np.pad(image, (*margins, (0, 0)), constant_values=fill)


SCALES = {
    ("LongestMaxSize", 16): (8, 16),
    ("LongestMaxSize", 60): (30, 60),
    ("SmallestMaxSize", 16): (16, 32),
    ("SmallestMaxSize", 7): (7, 14),
}


@ENGINES
@pytest.mark.parametrize(("case", "size"), SCALES.items())
def test_limits_of_a_side_are_pillow_s_resize(engine: str, case: tuple, size: tuple) -> None:
    image = picture("random", (20, 40), 3)
    out = run([at(case[0], {"max_size": case[1]})], image, engine)
    assert np.array_equal(out, resized(image, size))


@ENGINES
def test_scales_are_pillow_s_resize(engine: str) -> None:
    image = picture("random", (20, 40), 3)
    out = run([at("RandomScale", factor=1.5)], image, engine)
    assert np.array_equal(out, resized(image, (30, 60)))
    out = run([at("RandomScale", factor=0.33)], image, engine)
    assert np.array_equal(out, resized(image, (7, 13)))  # 6.6 and 13.2
    # What fits into 32 x 32 is 0.8 of 20 x 40; half of that is 8 x 16.
    out = run([at("ScaleJitter", {"size": (32, 32)}, factor=0.5)], image, engine)
    assert np.array_equal(out, resized(image, (8, 16)))


def test_the_aspect_of_a_thin_image_is_cut_at_one_pixel() -> None:
    thin = np.zeros((1, 400, 3), dtype=np.uint8)
    assert run([vg.LongestMaxSize(max_size=10)], thin).shape == (1, 10, 3)
    assert run([vg.Letterbox(size=(8, 8))], thin).shape == (8, 8, 3)
    with pytest.raises(PolicyError, match="SmallestMaxSize: an output of 200x80000"):
        run([vg.SmallestMaxSize(max_size=200)], thin)


@ENGINES
def test_letterbox_is_resize_and_pad(engine: str) -> None:
    image = picture("random", (20, 40), 3)
    small = resized(image, (16, 32))
    places = {
        "center": (8, 8),
        "top_left": (0, 16),
        "top_right": (0, 16),
        "bottom_left": (16, 0),
        "bottom_right": (16, 0),
    }
    for position, rows in places.items():
        step = vg.Letterbox(size=(32, 32), fill=114, position=position)
        assert np.array_equal(run([step], image, engine), padded(small, (rows, (0, 0)), 114))
    tall = np.ascontiguousarray(image.swapaxes(0, 1))
    step = vg.Letterbox(size=(32, 31), fill=114, position="bottom_right")
    assert np.array_equal(
        run([step], tall, engine), padded(resized(tall, (32, 16)), ((0, 0), (15, 0)), 114)
    )


def test_letterbox_moves_boxes_by_scale_and_margin() -> None:
    image = np.zeros((20, 40, 3), dtype=np.uint8)
    aug = vg.Pipeline([vg.Letterbox(size=(32, 32))], seed=1)
    out = aug(image=image, index=0, boxes=[[10, 5, 30, 20]], keypoints=[[40, 0]])
    assert np.abs(out["boxes"] - [[8, 12, 24, 24]]).max() < 1e-5
    assert np.abs(out["keypoints"] - [[32, 8]]).max() < 1e-5


@ENGINES
def test_pad_if_needed_is_np_pad(engine: str) -> None:
    image = picture("random", (5, 9), 3)
    cases = [
        ({"size": (8, 8)}, ((1, 2), (0, 0))),
        ({"size": (8, 12), "position": "top_left"}, ((0, 3), (0, 3))),
        ({"size": (8, 12), "position": "top_right"}, ((0, 3), (3, 0))),
        ({"size": (8, 12), "position": "bottom_left"}, ((3, 0), (0, 3))),
        ({"size": (8, 12), "position": "bottom_right"}, ((3, 0), (3, 0))),
        ({"divisor": 4}, ((1, 2), (1, 2))),
        ({"size": (5, 13), "divisor": 5}, ((0, 0), (3, 3))),
        ({"size": (2, 3)}, ((0, 0), (0, 0))),
    ]
    for settings, margins in cases:
        out = run([vg.PadIfNeeded(**settings, fill=7)], image, engine)
        assert np.array_equal(out, padded(image, margins, 7)), settings


@ENGINES
def test_zoom_out_puts_the_image_at_every_place(engine: str) -> None:
    image = picture("random", (3, 2), 3)
    step = vg.RandomZoomOut(factor=(2, 2), fill=9)
    aug = vg.Pipeline([step], seed=2, engine=engine)
    out = aug(images=np.repeat(image[None], 500, axis=0), index=range(500))["images"]
    wanted = {
        padded(image, ((y, 3 - y), (x, 2 - x)), 9).tobytes() for y in range(4) for x in range(3)
    }
    assert {o.tobytes() for o in out} == wanted
    aug = vg.Pipeline([vg.RandomZoomOut()], seed=2, engine=engine)
    shapes = [o.shape[:2] for o in aug(images=np.zeros((200, 10, 10, 3), np.uint8))["images"]]
    heights = [h for h, _ in shapes]
    assert min(heights) == 10
    assert max(heights) == 39  # 40 only at a factor of exactly 4, which is never drawn


@ENGINES
def test_crop_and_pad_takes_whole_pixels(engine: str) -> None:
    """Of 8 x 10: 2 rows added above, 1 cut off below, 3 columns cut off left, 1 added right."""
    image = picture("random", (8, 10), 3)
    values = {"top": 0.25, "bottom": -0.13, "left": -0.39, "right": 0.19}
    step = at("CropAndPad", {"keep_size": False, "fill": 9}, **values)
    expected = padded(image[:7, 3:], ((2, 0), (0, 1)), 9)
    assert np.array_equal(run([step], image, engine), expected)
    # Stretched over 8 x 10 it is Pillow's resize of that box, which sees the pixels next to it.
    values = {"top": -0.25, "bottom": 0, "left": 0, "right": -0.2}
    out = run([at("CropAndPad", **values)], image, engine)
    bilinear = Image.Resampling.BILINEAR
    theirs = Image.fromarray(image).resize((10, 8), bilinear, box=(0, 2, 8, 8))
    assert np.array_equal(out, np.asarray(theirs))


def test_crop_and_pad_never_cuts_everything_off() -> None:
    low = {"top": -0.49, "bottom": -0.49, "left": -0.49, "right": -0.49}
    for side in range(1, 9):
        image = np.full((side, side, 1), 200, dtype=np.uint8)
        out = run([at("CropAndPad", {"keep_size": False}, **low)], image)
        assert out.min() == 200
        assert run([at("CropAndPad", **low)], image).shape == image.shape


@ENGINES
def test_boxes_masks_and_points_agree(engine: str) -> None:
    """A marked box of even numbers lies where its mask and its corners lie."""
    steps = [
        vg.CropAndPad(),
        vg.RandomZoomOut(),
        vg.SafeRotate(angle=(-90, 90)),
        vg.RandomScale(factor=(0.7, 1.6)),
        vg.D4(),
        vg.PadIfNeeded(size=(50, 60), position="bottom_right"),
        vg.Letterbox(size=(96, 96)),
    ]
    mask = np.zeros((40, 48), dtype=np.uint8)
    mask[12:28, 14:36] = 1
    corners = np.array([[14, 12], [36, 12], [36, 28], [14, 28]])
    aug, whole = vg.Pipeline(steps, seed=3, engine=engine), []
    for index in range(40):
        out = aug(
            image=mask[..., None],
            mask=mask,
            index=index,
            boxes=[[14, 12, 36, 28]],
            keypoints=corners,
        )
        assert out["mask"].shape == (96, 96)
        rows, columns = np.flatnonzero(out["mask"].any(1)), np.flatnonzero(out["mask"].any(0))
        ends = np.array([columns[0], rows[0], columns[-1] + 1, rows[-1] + 1])
        assert np.abs(out["boxes"][0] - ends).max() <= 1.0
        if out["keypoints_inside"].all():
            low, high = out["keypoints"].min(axis=0), out["keypoints"].max(axis=0)
            whole.append(np.abs(out["boxes"][0] - [*low, *high]).max())
    assert len(whole) > 5
    assert max(whole) < 1e-3
