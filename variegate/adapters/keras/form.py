"""The shapes and dtypes of what a layer gives, told from those of what it is given."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np

from variegate.errors import InputError

Shape = tuple[int | None, ...]
BOXES = "bounding_boxes"
LABELS = ("labels", "targets")
MASKS = "segmentation_masks"
POINTS = "keypoints"
INDEX = "index"
READ = ("images", BOXES, *LABELS, MASKS, POINTS, INDEX)
# Two sizes of images that show whether a layer gives one size to all.
PROBES = ((64, 96), (96, 64))


@dataclass(frozen=True)
class Spec:
    """One tensor: its shape, None where it is not known, and dtype. ragged: rows of boxes are as
    many as each image has.
    """

    shape: Shape
    dtype: str
    ragged: bool = False


@dataclass(frozen=True)
class Form:
    """names: what of the inputs the layer reads. outputs: what it gives, by path. work: the dtype
    that the array half writes images in. training: whether it draws.
    """

    names: tuple[str, ...]
    outputs: Mapping[tuple[str, ...], Spec]
    work: str
    training: bool

    def keras_tensors(self) -> dict[str, Any]:
        """The outputs as symbolic tensors of Keras."""
        return nested((path, _symbol(spec)) for path, spec in self.outputs.items())


def _symbol(spec: Spec) -> Any:
    extra = {"ragged": True} if spec.ragged else {}
    return keras.KerasTensor(spec.shape, dtype=spec.dtype, **extra)


def leaves(inputs: Mapping[str, Any]) -> Iterator[tuple[tuple[str, ...], Any]]:
    """The tensors of a dict and of the dicts in it, with their paths."""
    for key, value in inputs.items():
        if isinstance(value, Mapping):
            yield from (((key, name), own) for name, own in value.items())
        else:
            yield (key,), value


def nested(items: Any) -> dict[str, Any]:
    """The dict that has these paths and values."""
    found: dict[str, Any] = {}
    for path, value in items:
        if len(path) == 1:
            found[path[0]] = value
        else:
            found.setdefault(path[0], {})[path[1]] = value
    return found


def form_of(half: Any, inputs: Mapping[str, Any], dtype: str, training: bool) -> Form:
    """What an array layer makes of inputs like these. Raises InputError where a rank is unknown."""
    images = shape_of(inputs["images"], "images")
    if len(images) not in (3, 4):
        raise InputError(f"images: expected (h, w, c) or (n, h, w, c), got shape {images}")
    work = "uint8" if dtype == "uint8" else "float32"
    if half.copies > 1:
        return _repeated(half, inputs, work, training)
    height, width, channels = frame_of(half, images[-3:], training)
    lead = images[:-3]
    if is_ragged(inputs["images"]) and None in (height, width):
        raise InputError(
            f"{half.name}: images of several sizes: first use a layer that gives them one, such as "
            "Resizing or RandomCropAndResize"
        )
    outputs: dict[tuple[str, ...], Spec] = {
        ("images",): Spec((*lead, height, width, channels), work)
    }
    names = ["images"]
    mixes = training and half.mixes
    for key, value in inputs.items():
        if key == BOXES and value is not None:
            names.append(key)
            outputs |= _boxes(value, lead, mixes)
        elif key == MASKS and value is not None:
            names.append(key)
            rest = shape_of(value, key)[len(lead) + 2 :]
            outputs[key,] = Spec((*lead, height, width, *rest), dtype_of(value))
        elif key == POINTS and value is not None:
            names.append(key)
            count = shape_of(value, key)[len(lead) :]
            outputs[key,] = Spec((*lead, None if mixes else count[0], 2), "float32")
        elif key in LABELS and value is not None and half.reads_labels and training:
            names.append(key)
            if mixes:
                outputs[key,] = Spec(shape_of(value, key), dtype_of(value))
        elif key == INDEX and training and _is_index(value, len(lead)):
            names.append(key)
    return Form(tuple(names), outputs, work, training)


def _repeated(half: Any, inputs: Mapping[str, Any], work: str, training: bool) -> Form:
    """Of a layer that gives a batch several times as long, of every key."""
    if inputs.get(BOXES) is not None:
        raise InputError(f"{half.name}: {BOXES}: expected none; rows of boxes cannot be joined")
    outputs: dict[tuple[str, ...], Spec] = {}
    for key, value in inputs.items():
        shape = shape_of(value, key)
        if not shape or (key == "images" and len(shape) != 4):
            raise InputError(f"{half.name}: {key}: expected a batch, got shape {shape}")
        count, rest = shape[0], shape[1:]
        many = None if count is None else count * half.copies
        if key == "images":
            rest = frame_of(half.augmenters[0], rest, training)
        outputs[key,] = Spec((many, *rest), work if key == "images" else dtype_of(value))
    return Form(tuple(inputs), outputs, work, training)


def _boxes(boxes: Any, lead: Shape, mixes: bool) -> dict[tuple[str, ...], Spec]:
    if not isinstance(boxes, Mapping) or set(boxes) != {"boxes", "classes"}:
        raise InputError(f"{BOXES}: expected {{'boxes': ..., 'classes': ...}}")
    ragged = is_ragged(boxes["boxes"])
    count = None if mixes or ragged else shape_of(boxes["boxes"], BOXES)[len(lead)]
    kinds = {name: dtype_of(value) for name, value in boxes.items()}
    floats = kinds["boxes"] if kinds["boxes"].startswith(("float", "bfloat")) else "float32"
    return {
        (BOXES, "boxes"): Spec((*lead, count, 4), "float32" if ragged else floats, ragged),
        (BOXES, "classes"): Spec((*lead, count), kinds["classes"], ragged),
    }


def _is_index(value: Any, rank: int) -> bool:
    """Whether a value is one number of a sample for each image."""
    if isinstance(value, int) and not isinstance(value, bool):
        return rank == 0
    shape, dtype = getattr(value, "shape", None), str(getattr(value, "dtype", ""))
    return shape is not None and len(shape) == rank and "int" in dtype


def frame_of(half: Any, shape: Shape, training: bool) -> Shape:
    """Height, width and channels that images (h, w, c) come out with; None where they vary."""
    known = half.__dict__.setdefault("frames", {})
    if (shape, training) not in known:
        height, width, channels = shape
        if half.pipeline.looks:
            found: Shape = (None, None, None)
        elif height is None or width is None:
            first, second = (_tried(half, (*size, channels), training) for size in PROBES)
            same = [a if a == b else None for a, b in zip(first, second, strict=True)]
            found = tuple(same)
        else:
            found = _tried(half, (height, width, channels), training)
        known[shape, training] = found
    result: Shape = known[shape, training]
    return result


def _tried(half: Any, shape: Shape, training: bool) -> Shape:
    """The frame of black images of one size, of two so that they can be mixed."""
    height, width, channels = shape
    if channels is None:
        return (*_tried(half, (height, width, 3), training)[:2], None)
    images = np.zeros((2, height or 1, width or 1, channels), np.uint8)
    batch: dict[str, Any] = {"images": images}
    if half.reads_labels:
        batch["labels"] = np.eye(2, dtype=np.float32)
    out = half(batch, training, index=[0, 1])["images"]
    if isinstance(out, list):
        return (None, None, out[0].shape[2])
    return tuple(int(side) for side in out.shape[1:])


def is_ragged(value: Any) -> bool:
    """Whether a value is a ragged tensor of TensorFlow, or a list with one array for each image."""
    return type(value).__name__ == "RaggedTensor" or isinstance(value, (list, tuple))


def shape_of(value: Any, where: str) -> Shape:
    """The static shape. Raises InputError where not even the rank is known."""
    shape = getattr(value, "shape", None)
    if shape is None:
        shape = np.shape(value)
    rank = getattr(shape, "rank", len(shape) if isinstance(shape, tuple) else 0)
    if rank is None:
        raise InputError(f"{where}: its rank is not known; use tf.ensure_shape before the layer")
    return tuple(None if side is None else int(side) for side in shape)


def dtype_of(value: Any) -> str:
    """The name of the dtype."""
    if isinstance(value, (list, tuple)):
        return dtype_of(value[0]) if len(value) else "float32"
    if not hasattr(value, "dtype"):
        value = np.asarray(value)
    return str(keras.backend.standardize_dtype(value.dtype))
