"""The rows of an audit: which ops are tried, and that large turns and hues are what they say."""

from __future__ import annotations

import numpy as np
import pytest

from variegate.data import Dataset
from variegate.pipeline import Pipeline
from variegate.search import default_space
from variegate.search.space import FamilySpace
from variegate.workflow.probes import Probe, probes, space_names

pytest.importorskip("optuna")


def pictures(channels: int, size: tuple[int, int] = (12, 12)) -> Dataset:
    generator = np.random.default_rng(0)
    images = generator.integers(0, 256, (4, *size, channels)).astype(np.uint8)
    return Dataset("made up", images, np.array([0, 1, 0, 1]), ("a", "b"))


def rows(data: Dataset, wanted: list[str] | None = None) -> dict[str, Probe]:
    space = default_space("tpe", channels=data.images.shape[-1])
    assert isinstance(space, FamilySpace)
    return {probe.name: probe for probe in probes(data, space, wanted)}


def after(probe: Probe, place: int, data: Dataset) -> np.ndarray:
    pipeline = Pipeline(probe.steps[place][1].steps, classes=2)
    return np.asarray(
        pipeline(images=data.images, labels=data.labels, index=np.arange(4))["images"]
    )


def test_quarter_turns_are_numpys() -> None:
    data = pictures(3)
    found = rows(data)
    for quarters in (1, 2, 3):
        turned = after(found[f"Rotate {90 * quarters}"], 0, data)
        np.testing.assert_array_equal(turned, np.rot90(data.images, quarters, axes=(1, 2)))
    np.testing.assert_array_equal(
        after(found["Rotate to 180"], 3, data), np.rot90(data.images, 2, axes=(1, 2))
    )


def test_half_way_around_the_hues_a_color_is_its_opposite() -> None:
    """At 180 degrees of HSV's hue, x becomes largest + smallest - x, channel by channel."""
    data = pictures(3)
    turned = after(rows(data)["Hue"], 3, data)
    ends = data.images.max(axis=3, keepdims=True).astype(int) + data.images.min(
        axis=3, keepdims=True
    )
    assert np.abs(turned - (ends - data.images)).max() <= 1


def test_only_what_keeps_the_size_is_tried() -> None:
    wide = rows(pictures(1, (12, 16)))
    assert "Rotate 180" in wide
    assert not {"Rotate 90", "Rotate 270", "MixUp", "Normalize", "Resize", "FDA"} & set(wide)
    assert [m for m, _ in wide["Rotate"].steps] == [0.25, 0.5, 0.75, 1.0]
    assert [m for m, _ in wide["HorizontalFlip"].steps] == [1.0]
    assert not wide["HorizontalFlip"].ladder
    assert "Color" in rows(pictures(3))


def test_names_that_are_wanted_come_beside_the_space_s() -> None:
    few = rows(pictures(3), ["Hue", "Rotate"])
    space = default_space("tpe", channels=3)
    assert isinstance(space, FamilySpace)
    assert set(few) == {*space_names(space).values(), "Hue"}
    assert space_names(space)["flip", "2"] == "VerticalFlip"
