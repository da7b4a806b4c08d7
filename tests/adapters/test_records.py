"""Records of other libraries' readers: fields by path, nested boxes and what lies beside them."""

from __future__ import annotations

import copy

import numpy as np
import pytest
from PIL import Image

import variegate as vg
from variegate.adapters.records import Fields, augment_records, key_of

IMAGES = np.random.default_rng(0).integers(0, 256, (3, 20, 24, 3), dtype=np.uint8)
NAMED = Fields(boxes="objects.bbox", box_labels="objects.category")
LEFT = vg.Pipeline([vg.Crop(box=(0, 0, 12, 20))], seed=1, boxes="coco")


def dict_of_lists() -> list[dict]:
    boxes = [[[0, 2, 6, 10], [18, 4, 6, 8]], [[13, 0, 4, 4]], []]
    return [
        {
            "image": image,
            "file": f"{n}.png",
            "objects": {
                "bbox": own,
                "category": list(range(len(own))),
                "id": [f"{n}/{k}" for k in range(len(own))],
                "source": "a",
            },
        }
        for n, (image, own) in enumerate(zip(IMAGES, boxes, strict=True))
    ]


def list_of_dicts() -> list[dict]:
    found = dict_of_lists()
    for record in found:
        columns = record["objects"]
        rows = zip(columns["bbox"], columns["category"], columns["id"], strict=True)
        record["objects"] = [{"bbox": b, "category": c, "id": i} for b, c, i in rows]
    return found


def test_boxes_that_leave_take_along_what_lies_beside_them() -> None:
    records = dict_of_lists()
    before = copy.deepcopy(records)
    made = augment_records(records, LEFT, NAMED, range(3))
    objects = [record["objects"] for record in made]
    assert [own["id"] for own in objects] == [["0/0"], [], []]
    assert [list(own["category"]) for own in objects] == [[0], [], []]
    assert np.array_equal(objects[0]["bbox"], [[0, 2, 6, 10]])
    assert [own["source"] for own in objects] == ["a"] * 3
    assert [record["file"] for record in made] == ["0.png", "1.png", "2.png"]
    assert all(np.array_equal(r["image"], i[:, :12]) for r, i in zip(made, IMAGES, strict=True))
    for own, other in zip(records, before, strict=True):
        assert own["objects"] == other["objects"], "the caller's records are not changed"


def test_a_list_of_dicts_is_the_same() -> None:
    made = augment_records(list_of_dicts(), LEFT, NAMED, range(3))
    assert [[row["id"] for row in record["objects"]] for record in made] == [["0/0"], [], []]
    assert np.array_equal(made[0]["objects"][0]["bbox"], [0, 2, 6, 10])


def test_after_a_mix_rows_come_from_their_own_records() -> None:
    """Each box of a mosaic has the id that its own record gave it."""
    mosaic = vg.Pipeline([vg.Mosaic(size=(40, 48))], seed=3, boxes="coco")
    records = dict_of_lists()
    made = augment_records(records, mosaic, NAMED, range(3))
    known = {i: c for r in records for i, c in
             zip(r["objects"]["id"], r["objects"]["category"], strict=True)}  # fmt: skip
    seen = [(i, int(c)) for r in made
            for i, c in zip(r["objects"]["id"], r["objects"]["category"], strict=True)]  # fmt: skip
    assert len(seen) > 3
    assert all(known[i] == c for i, c in seen)


def test_pictures_are_converted_and_stacked_or_not() -> None:
    gray = Image.fromarray(IMAGES[0, ..., 0])
    nothing = vg.Pipeline([vg.Identity()], seed=1)
    color = augment_records([{"image": gray}], nothing, Fields(), [0])[0]["image"]
    assert color.shape == (20, 24, 3)
    plain = augment_records([{"image": gray}], nothing, Fields(mode=None), [0])[0]["image"]
    assert np.array_equal(plain[..., 0], IMAGES[0, ..., 0])
    sizes = [{"image": IMAGES[0]}, {"image": IMAGES[1, :7]}]
    made = augment_records(sizes, nothing, Fields(), [0, 1])
    assert [record["image"].shape for record in made] == [(20, 24, 3), (7, 24, 3)]


def test_keys_of_names_and_numbers() -> None:
    assert key_of(7) == key_of(np.int32(7)) == 7
    assert key_of("a/1") == key_of(b"a/1") == key_of(np.bytes_(b"a/1"))
    assert key_of("a/1") != key_of("a/2")
    assert 0 <= key_of("a/1") < 2**63
    for bad in (-1, 1.5, None, [1]):
        with pytest.raises(vg.InputError, match="key: expected text or a whole number"):
            key_of(bad)


def test_a_missing_field_is_named() -> None:
    with pytest.raises(vg.InputError, match="no field 'photo'; it has image"):
        augment_records([{"image": IMAGES[0]}], LEFT, Fields(image="photo"), [0])
