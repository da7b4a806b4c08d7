"""Clips: one draw for all frames, by the clip's index; every frame's targets move alike."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import variegate as vg
from variegate.errors import InputError
from variegate.testing import engines
from variegate.testing.pictures import picture

ENGINES = pytest.mark.parametrize("engine", engines())
VIDEOS = np.stack(
    [np.stack([picture("random", (20, 26), 3, 7 * c + t) for t in range(4)]) for c in range(3)]
)
STEPS = [
    vg.Rotate(),
    vg.HorizontalFlip(p=0.5),
    vg.Elastic(p=0.5),
    vg.Brightness(),
    vg.GaussianNoise(),
]
BOXES = np.array([[2.0, 3, 12, 11], [15, 4, 25, 18]])


def pipe(engine: str, steps: Any = STEPS) -> vg.Pipeline:
    return vg.Pipeline(steps, seed=5, engine=engine)


@ENGINES
def test_each_frame_is_the_image_of_its_clip_s_index(engine: str) -> None:
    aug = pipe(engine)
    ids = [40, 3, 17]
    boxes = [[BOXES[: t % 3] for t in range(4)]] * 3
    masks = VIDEOS[..., 0]
    out = aug(videos=VIDEOS, masks=masks, boxes=boxes, labels=[5, 6, 7], index=ids, epoch=2)
    assert out["videos"].shape == VIDEOS.shape
    assert out["masks"].shape == masks.shape
    assert out["labels"].tolist() == [5, 6, 7]
    for clip, index in enumerate(ids):
        for t in range(4):
            one = aug(image=VIDEOS[clip, t], mask=masks[clip, t], boxes=boxes[clip][t],
                      index=index, epoch=2)  # fmt: skip
            assert np.array_equal(out["videos"][clip, t], one["image"])
            assert np.array_equal(out["masks"][clip, t], one["mask"])
            assert np.array_equal(out["boxes"][clip][t], one["boxes"])
            assert np.array_equal(out["kept"][clip][t], one["kept"])


@ENGINES
def test_clips_of_different_lengths_and_sizes(engine: str) -> None:
    clips = [VIDEOS[0], VIDEOS[1, :2, :15], VIDEOS[2, :1]]
    aug = pipe(engine, [vg.RandomResizedCrop(size=(9, 11)), vg.Perspective(p=0.5)])
    points = [[np.array([[3.0, 4.0, 2]])] * len(clip) for clip in clips]
    out = aug(videos=clips, keypoints=points, index=range(3))
    assert [clip.shape for clip in out["videos"]] == [(4, 9, 11, 3), (2, 9, 11, 3), (1, 9, 11, 3)]
    for clip, found in zip(clips, out["videos"], strict=True):
        place = [len(c) for c in clips].index(len(clip))
        one = aug(image=clip[-1], index=place, keypoints=points[place][-1])
        assert np.array_equal(found[-1], one["image"])
        assert np.array_equal(out["keypoints"][place][-1], one["keypoints"])


@ENGINES
def test_one_video_counts_as_one_sample(engine: str) -> None:
    aug = pipe(engine)
    counted = [aug(video=clip)["video"] for clip in VIDEOS]
    given = pipe(engine)(videos=VIDEOS, index=range(3))["videos"]
    assert np.array_equal(np.stack(counted), given)
    out = aug(video=VIDEOS[0, ..., 0], masks=VIDEOS[0, ..., 1], label=3, index=0,
              instances={"track": [["a"], ["b"], [], ["c"]]},
              boxes=[BOXES[:1], BOXES[:1], BOXES[:0], BOXES[1:]])  # fmt: skip
    assert out["video"].shape == out["masks"].shape == (4, 20, 26)
    assert out["label"] == 3
    assert out["instances"]["track"] == [["a"], ["b"], [], ["c"]]


def test_a_plan_of_clips_is_replayed() -> None:
    aug = pipe("reference")
    plan = aug.draw(sizes=[(20, 26)] * 3, index=range(3))
    assert np.array_equal(
        aug.apply(plan, videos=VIDEOS)["videos"], aug(videos=VIDEOS, index=range(3))["videos"]
    )


def test_per_class_steps_see_the_clip_s_label() -> None:
    aug = vg.Pipeline([vg.PerClass({1: [vg.Invert()]})], seed=1)
    out = aug(videos=VIDEOS, labels=[0, 1, 0], index=range(3))["videos"]
    assert np.array_equal(out[[0, 2]], VIDEOS[[0, 2]])
    assert np.array_equal(out[1], 255 - VIDEOS[1])


BAD = {
    "four axes": (lambda: pipe("reference")(videos=VIDEOS[0]), r"got \(4, 20, 26, 3\)"),
    "no frame": (lambda: pipe("reference")(videos=[VIDEOS[0], VIDEOS[1, :0]]), r"videos\[1\]"),
    "a frame's target missing": (
        lambda: pipe("reference")(videos=VIDEOS, boxes=[[BOXES] * 4, [BOXES] * 3, [BOXES] * 4]),
        r"boxes\[1\]: expected one item per frame \(4\), got 3",
    ),
    "a clip's label missing": (
        lambda: pipe("reference")(videos=VIDEOS, labels=[1, 2]),
        r"labels: expected 3 rows, one per clip",
    ),
    "a mix": (
        lambda: pipe("reference", [vg.MixUp()])(videos=VIDEOS),
        "cannot do with clips",
    ),
    "images too": (lambda: pipe("reference")(videos=VIDEOS, images=VIDEOS[0]), "unknown argument"),
}


@pytest.mark.parametrize("name", BAD)
def test_what_is_no_clip_is_refused(name: str) -> None:
    call, message = BAD[name]
    with pytest.raises(InputError, match=message):
        call()
