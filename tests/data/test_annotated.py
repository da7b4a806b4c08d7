"""Readers of boxes, masks and points: values worked out by hand, real sets, and bad input."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from variegate.data import is_annotated, load_annotated
from variegate.errors import DataError, InputError

SETS = Path(__file__).resolve().parents[3] / "shared" / "data"
VOC = """<annotation><filename>{name}.png</filename>
<size><width>{width}</width><height>9</height><depth>3</depth></size>{objects}</annotation>"""
OBJECT = """<object><name>{name}</name><bndbox><xmin>{0}</xmin><ymin>{1}</ymin>
<xmax>{2}</xmax><ymax>{3}</ymax></bndbox></object>"""


def picture(path: Path, size: tuple[int, int] = (9, 12), level: int = 7) -> Path:
    """An image file of one level."""
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.full((*size, 3), level, np.uint8)).save(path)
    return path


def voc(root: Path, *objects: tuple[str, int, int, int, int], width: int = 12) -> Path:
    """A VOC folder of one image."""
    picture(root / "images" / "a.png")
    text = "".join(OBJECT.format(*numbers, name=name) for name, *numbers in objects)
    (root / "annotations").mkdir(exist_ok=True)
    (root / "annotations" / "a.xml").write_text(VOC.format(name="a", width=width, objects=text))
    return root


def test_voc_boxes_count_from_one_and_hold_both_ends(tmp_path: Path) -> None:
    found = load_annotated(voc(tmp_path, ("dog", 1, 1, 12, 9), ("cat", 3, 2, 5, 4)))
    assert found.classes == ("cat", "dog")
    sample = found[0]
    assert sample["boxes"].tolist() == [[0, 0, 12, 9], [2, 1, 5, 4]]
    assert sample["box_labels"].tolist() == [1, 0]
    assert sample["image"].shape == (9, 12, 3)


def test_bad_boxes_stop_with_the_file_or_are_left_out_and_listed(tmp_path: Path) -> None:
    root = voc(tmp_path, ("cat", 4, 4, 4, 4), ("cat", 2, 2, 30, 5), ("cat", 1, 1, 3, 3))
    with pytest.raises(DataError, match=r"a\.png.*box 0.*is empty.*on_error='skip'"):
        load_annotated(root)
    found = load_annotated(root, on_error="skip")
    assert found.boxes == 1
    assert [bad.reason.split(":")[0] for bad in found.problems] == ["box 0", "box 1"]


def test_a_size_that_the_image_does_not_have_is_an_error(tmp_path: Path) -> None:
    found = load_annotated(voc(tmp_path, ("cat", 1, 1, 3, 3), width=13))
    with pytest.raises(DataError, match="12 x 9 pixels, its annotation says 13 x 9"):
        _ = found[0]


@pytest.mark.parametrize(
    "text",
    [
        "<annotation>",
        "<!DOCTYPE a [<!ENTITY b 'c'>]><annotation><filename>&b;</filename></annotation>",
        "<annotation><object><name>cat</name></object></annotation>",
        "<annotation><filename>other</filename></annotation>",
    ],
)
def test_bad_xml_is_refused_by_file(tmp_path: Path, text: str) -> None:
    root = voc(tmp_path, ("cat", 1, 1, 3, 3))
    (root / "annotations" / "b.xml").write_text(text)
    with pytest.raises(DataError, match=r"b\.xml"):
        load_annotated(root)
    assert len(load_annotated(root, on_error="skip")) == 1


def coco(root: Path, **changes: Any) -> Path:
    """A COCO file beside its folder of images."""
    picture(root / "images" / "a.png")
    square = [1, 1, 5, 1, 5, 4, 1, 4]
    annotation = {
        "image_id": 3, "category_id": 9, "bbox": [1, 1, 4, 3], "segmentation": [square],
        "keypoints": [2, 3, 2, 0, 0, 0],
    }  # fmt: skip
    crowd = {**annotation, "iscrowd": 1}
    runs = {"size": [9, 12], "counts": [9, 2, 97]}
    second = {"image_id": 3, "category_id": 2, "bbox": [0, 0, 2, 2], "segmentation": runs}
    data = {
        "images": [{"id": 3, "file_name": "a.png", "height": 9, "width": 12}],
        "categories": [{"id": 9, "name": "dog"}, {"id": 2, "name": "cat"}],
        "annotations": [annotation, crowd, second],
    } | changes  # fmt: skip
    (root / "annotations.json").write_text(json.dumps(data))
    return root / "annotations.json"


def test_coco_boxes_masks_and_points(tmp_path: Path) -> None:
    found = load_annotated(coco(tmp_path))
    sample = found[0]
    assert found.classes == ("cat", "dog")
    assert sample["boxes"].tolist() == [[1, 1, 5, 4], [0, 0, 2, 2]]
    assert sample["box_labels"].tolist() == [1, 0]
    assert sample["keypoints"].tolist() == [[2.5, 3.5]]
    expected = np.zeros((9, 12), np.int32)
    expected[1:4, 1:5] = 1
    expected[0:2, 1] = 2  # after 9 pixels, the first column, two of the second
    assert np.array_equal(sample["mask"], expected)


def test_coco_names_what_is_wrong(tmp_path: Path) -> None:
    missing = coco(tmp_path, images=[{"id": 3, "file_name": "../../b.png"}])
    with pytest.raises(DataError, match="no image file"):
        load_annotated(missing)
    squeezed = {
        "image_id": 3,
        "category_id": 9,
        "bbox": [0, 0, 1, 1],
        "segmentation": {"counts": "x"},
    }
    with pytest.raises(DataError, match="compressed run lengths"):
        load_annotated(coco(tmp_path, annotations=[squeezed]))
    with pytest.raises(DataError, match="expected a list under 'images'"):
        load_annotated(coco(tmp_path, images=None))


def test_masks_and_points(tmp_path: Path) -> None:
    picture(tmp_path / "m" / "images" / "a.png")
    levels = np.arange(108, dtype=np.uint8).reshape(9, 12)
    (tmp_path / "m" / "masks").mkdir()
    Image.fromarray(levels).save(tmp_path / "m" / "masks" / "a.png")
    assert np.array_equal(load_annotated(tmp_path / "m")[0]["mask"], levels)
    picture(tmp_path / "p" / "a.png")
    (tmp_path / "p" / "points.csv").write_text("image,x0,y0,x1,y1\na.png,1,2,3,4\n")
    assert load_annotated(tmp_path / "p")[0]["keypoints"].tolist() == [[1.5, 2.5], [3.5, 4.5]]


def test_a_layout_that_nothing_fits_is_refused(tmp_path: Path) -> None:
    picture(tmp_path / "cat" / "a.png")
    assert not is_annotated(tmp_path)
    with pytest.raises(DataError, match=r"a COCO \.json file"):
        load_annotated(tmp_path)
    with pytest.raises(InputError, match="'stop' or 'skip'"):
        load_annotated(tmp_path, on_error="no")


# Counted apart from these readers, with grep, in the files themselves.
REAL = {
    "raccoon": ("VOC", 200, 217, 0, 0),
    "bccd": ("VOC", 364, 4886, 0, 2),
    "penn_fudan": ("masks", 60, 0, 0, 0),
    "faces": ("points", 69, 0, 69 * 68, 0),
}


@pytest.mark.parametrize("name", REAL)
def test_real_sets(name: str) -> None:
    found = load_annotated(SETS / name, on_error="skip")
    count = (found.layout, len(found), found.boxes, found.points, len(found.problems))
    assert count == REAL[name]
    for place in (0, len(found) // 2, len(found) - 1):
        sample = found[place]
        height, width = sample["image"].shape[:2]
        boxes = sample.get("boxes", np.zeros((0, 4)))
        assert (boxes[:, :2] >= 0).all()
        assert (boxes[:, 2:] <= [width, height]).all()
        assert sample.get("mask", sample["image"]).shape[:2] == (height, width)
