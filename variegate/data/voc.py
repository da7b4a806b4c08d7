"""Pascal VOC: one XML file an image. Pixels count from 1 and both ends are inside, so a box covers
xmin - 1 to xmax in continuous coordinates.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET  # nosec B405

import numpy as np

from variegate.data.annotated import AnnotatedSet, Item, Reading, image_files
from variegate.errors import DataError

__all__ = ["load_voc"]

MAX_BYTES = 4 << 20
CORNERS = ("xmin", "ymin", "xmax", "ymax")


def load_voc(
    root: Path, annotations: Path, images: Path, masks: dict[str, str], reading: Reading
) -> AnnotatedSet:
    """The set of a folder of XML files and a folder of images; masks: files by stem."""
    files = image_files(images)
    found: list[tuple[str, list[tuple[str, list[float]]], tuple[int, int] | None]] = []
    for path in sorted(annotations.glob("*.xml")):
        try:
            tree = parse(path)
            name = Path(tree.findtext("filename") or path.stem).stem
            image = files.get(path.stem) or files.get(name)
            if image is None:
                raise ValueError(f"no image {name!r} in {images.name!r}")
            found.append((image, [_object(each) for each in tree.iter("object")], _size(tree)))
        except (ValueError, ET.ParseError) as error:
            reading.bad(path, str(error))
    classes = tuple(sorted({name for _, objects, _ in found for name, _ in objects}))
    items = []
    for image, objects, size in found:
        boxes, keep = reading.boxes(image, [corners for _, corners in objects], size)
        labels = np.array([classes.index(objects[place][0]) for place in keep], np.int64)
        items.append(Item(image, boxes, labels, masks.get(Path(image).stem), size=size))
    return AnnotatedSet(root.name, "VOC", tuple(items), classes, tuple(reading.problems))


def parse(path: Path) -> Any:
    """The root of an XML file; raises ValueError for what no annotation needs."""
    try:
        text = path.read_bytes()
    except OSError as error:
        raise DataError(f"{str(path)!r}: cannot be read: {error.strerror}") from error
    # Entities are how a small file becomes a large one; annotations have none.
    if len(text) > MAX_BYTES or b"<!DOCTYPE" in text or b"<!ENTITY" in text:
        raise ValueError("no plain annotation: too large, or it declares entities")
    return ET.fromstring(text)  # nosec B314


def _object(node: Any) -> tuple[str, list[float]]:
    box = node.find("bndbox")
    name = (node.findtext("name") or "").strip()
    if box is None or not name:
        raise ValueError("an object has no name or no bndbox")
    values = []
    for corner in CORNERS:
        text = box.findtext(corner)
        if text is None:
            raise ValueError(f"a box of {name!r} has no {corner}")
        values.append(float(text))
    x1, y1, x2, y2 = values
    # A box whose ends are one pixel is a slip of the mouse, not an object.
    first = (x1 - 1 if x2 > x1 else x2, y1 - 1 if y2 > y1 else y2)
    return name, [*first, x2, y2]


def _size(tree: Any) -> tuple[int, int] | None:
    height, width = tree.findtext("size/height"), tree.findtext("size/width")
    return (int(height), int(width)) if height and width and int(height) * int(width) else None
