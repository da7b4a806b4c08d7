"""Previews of annotated sets: marks are drawn, and where the op put them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from variegate import workflow
from variegate.workflow.marked import COLORS, POINT, tile
from variegate.workflow.preview import GAP, HEAD, MARKED_CELL

SETS = Path(__file__).resolve().parents[3] / "shared" / "data"


def sample(side: int = 40) -> dict[str, Any]:
    """A black picture with a box, a mask and a point."""
    mask = np.zeros((side, side), np.uint8)
    mask[20:30, 22:34] = 2
    return {
        "image": np.zeros((side, side, 3), np.uint8),
        "mask": mask,
        "boxes": np.array([[4, 6, 16, 12]], np.float32),
        "box_labels": np.array([0]),
        "keypoints": np.array([[30.5, 8.5]], np.float32),
    }


def at(image: Any, color: tuple[int, int, int]) -> set[tuple[int, int]]:
    """Rows and columns of one color."""
    found = (np.asarray(image) == color).all(axis=2)
    return set(zip(*(axis.tolist() for axis in np.nonzero(found)), strict=True))


def test_a_tile_shows_boxes_outlines_and_points_where_they_are() -> None:
    shown = tile(sample(), 40)
    box = {(r, c) for r in (6, 11) for c in range(4, 16)}
    box |= {(r, c) for r in range(6, 12) for c in (4, 15)}
    assert at(shown, COLORS[0]) == box
    edge = {(r, c) for r in (20, 29) for c in range(22, 34)}
    edge |= {(r, c) for r in range(20, 30) for c in (22, 33)}
    assert at(shown, COLORS[1]) == edge
    assert at(shown, POINT) == {(r, c) for r in (7, 8, 9) for c in (29, 30, 31)}


def test_marks_scale_with_the_tile() -> None:
    rows, columns = zip(*at(tile(sample(), 80), COLORS[0]), strict=True)
    assert (min(rows), max(rows), min(columns), max(columns)) == (12, 23, 8, 31)


def test_a_ladder_of_a_real_set_moves_its_marks(tmp_path: Path) -> None:
    events: list[Any] = []
    made = workflow.preview(
        SETS / "raccoon",
        "TranslateX",
        images=1,
        magnitudes=True,
        size=(224, 224),
        out=tmp_path / "a.png",
        progress=events.append,
    )
    assert events[0].text == "raccoon: VOC, 200 images, 217 boxes; 1 shown"
    assert made.columns == ("original", "0", "0.25", "0.5", "0.75", "1")
    with Image.open(made.path) as sheet:
        pixels = np.asarray(sheet)
    lefts = []
    for column in range(6):
        left = GAP + (MARKED_CELL + GAP) * column
        cell = pixels[HEAD : HEAD + MARKED_CELL, left : left + MARKED_CELL]
        lefts.append(min(c for _, c in at(cell, COLORS[0])))
    assert lefts[0] == lefts[1]
    assert abs(lefts[5] - lefts[0]) > abs(lefts[3] - lefts[0]) > 0
