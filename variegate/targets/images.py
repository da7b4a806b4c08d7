"""Images and masks at the door: what is legal, and the message where it is not."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from variegate.engine.engine import Images
from variegate.errors import InputError
from variegate.targets.tensors import dtype_of, extent, is_tensor, stacked

Image = npt.NDArray[Any]
MAX_CHANNELS = 16
MAX_SIDE = 1 << 15
BYTES, FLOATS = np.dtype(np.uint8), np.dtype(np.float32)
WIDE = np.dtype(np.uint16)
HIGHEST = 65535  # of uint16
LEGAL = "uint8, uint16 or float32 in [0, 1]"


def read_batch(images: Any, where: str = "images") -> Images:
    """A batch (n, h, w, c), or a list of (h, w, c), as checked images of one dtype and channel
    count. Of Images, which come from this library, the values are not looked at again.
    """
    if isinstance(images, Images) and images.batch is not None:
        check_image(images.batch, where, images.batch.shape[1:], values=False)
        return images
    if (isinstance(images, np.ndarray) and images.dtype != object) or is_tensor(images):
        if images.ndim != 4:
            raise InputError(
                f"{where}: expected shape (n, height, width, channels), got {tuple(images.shape)}"
            )
        if len(images):
            check_image(images, where, images.shape[1:])
        return Images.of(images)
    if not isinstance(images, (list, tuple)):
        raise InputError(
            f"{where}: expected an array (n, h, w, c) or a list of arrays, "
            f"got {type(images).__name__}"
        )
    for place, image in enumerate(images):
        name = f"{where}[{place}]"
        if not (isinstance(image, np.ndarray) or is_tensor(image)):
            raise InputError(f"{name}: expected a NumPy array, got {type(image).__name__}")
        if image.ndim != 3:
            got = tuple(image.shape)
            raise InputError(f"{name}: expected shape (height, width, channels), got {got}")
        check_image(image, name, image.shape)
        first = images[0]
        if is_tensor(image) != is_tensor(first):
            raise InputError(f"{name}: a batch holds arrays or tensors, not both")
        if image.dtype != first.dtype or image.shape[2] != first.shape[2]:
            raise InputError(
                f"{name}: a batch holds one dtype and channel count; got {image.dtype} with "
                f"{image.shape[2]} after {first.dtype} with {first.shape[2]}"
            )
    return Images(images)


def check_image(image: Image, where: str, shape: tuple[int, ...], values: bool = True) -> None:
    """Raises InputError unless dtype, sizes, channels and, if asked for, values are legal. shape:
    (height, width, channels).
    """
    dtype = dtype_of(image)
    if dtype not in (BYTES, FLOATS, WIDE) or (dtype == WIDE and is_tensor(image)):
        legal = "uint8 or float32 in [0, 1]" if is_tensor(image) else LEGAL
        hint = "" if is_tensor(image) else _hint(image)
        raise InputError(f"{where}: expected {legal}, got {dtype}{hint}")
    height, width, channels = shape
    if not (1 <= height <= MAX_SIDE and 1 <= width <= MAX_SIDE):
        raise InputError(f"{where}: height and width must be 1..{MAX_SIDE}, got {height}x{width}")
    if not 1 <= channels <= MAX_CHANNELS:
        more = " (channels first? pass height, width, channels)" if height <= 4 else ""
        raise InputError(f"{where}: expected 1..{MAX_CHANNELS} channels, got {channels}{more}")
    if values and dtype == FLOATS:
        low, high = extent(image)
        if not (low >= 0 and high <= 1):
            cause = "NaN" if np.isnan(low) or np.isnan(high) else f"values {low:g}..{high:g}"
            hint = "; divide by 255" if high > 1.5 and low >= 0 else ""
            raise InputError(f"{where}: expected {LEGAL}, got {cause}{hint}")


def _hint(image: Image) -> str:
    if image.dtype == np.float64:
        return "; use .astype(np.float32)"
    if image.dtype == np.bool_ or np.issubdtype(image.dtype, np.integer):
        return "; use .astype(np.uint8) if the values are 0..255, np.uint16 if 0..65535"
    return ""


def as_floats(images: Images) -> Images:
    """uint16 images as float32 on 0..1; single precision holds every level apart."""
    if images.batch is not None:
        return Images.of(np.divide(images.batch, HIGHEST, dtype=np.float32))
    return Images([np.divide(image, HIGHEST, dtype=np.float32) for image in images])


def as_levels(images: Any, out: Any = None) -> Any:
    """float32 on 0..1 as uint16, to the nearest level, an array or a list as it came; `out`: the
    array that takes it. Raises InputError where that does not fit.
    """
    if out is not None:
        fits = isinstance(out, np.ndarray) and out.dtype == WIDE and isinstance(images, np.ndarray)
        if not fits or out.shape != images.shape or not out.flags.writeable:
            got = f"{out.dtype} {out.shape}" if isinstance(out, np.ndarray) else type(out).__name__
            raise InputError(f"out: expected a writable array uint16 as the result's, got {got}")
        np.rint(images * np.float32(HIGHEST), out=out, casting="unsafe")
        return out
    if isinstance(images, np.ndarray):
        return np.rint(images * np.float32(HIGHEST)).astype(WIDE)
    return [np.rint(image * np.float32(HIGHEST)).astype(WIDE) for image in images]


def as_array(value: Any, where: str) -> npt.NDArray[Any]:
    """np.asarray, with InputError for nested lists of different lengths."""
    try:
        return np.asarray(value)
    except ValueError as error:
        raise InputError(f"{where}: expected rows of one length, got {value!r:.80}") from error


def read_single(image: Any) -> tuple[Image, bool]:
    """One image (h, w) or (h, w, c) as (h, w, c), and whether it came without a channel axis."""
    if not (isinstance(image, np.ndarray) or is_tensor(image)):
        raise InputError(f"image: expected a NumPy array, got {type(image).__name__}")
    if image.ndim not in (2, 3):
        raise InputError(
            "image: expected shape (height, width) or (height, width, channels), "
            f"got {tuple(image.shape)}"
        )
    flat = image.ndim == 2
    full = image[..., None] if flat else image
    check_image(full, "image", full.shape)
    return full, flat


def read_mask(mask: Any, where: str, size: tuple[int, int]) -> Any:
    """A mask (h, w) or (h, w, c) of any whole, bool or float dtype as (h, w, c); its size must be
    the image's.
    """
    if not (isinstance(mask, np.ndarray) or is_tensor(mask)) or mask.ndim not in (2, 3):
        got = mask.shape if isinstance(mask, np.ndarray) else type(mask).__name__
        raise InputError(
            f"{where}: expected an array (height, width) or (height, width, channels), got {got}"
        )
    if dtype_of(mask).kind not in "biuf":
        raise InputError(f"{where}: expected whole numbers, bools or floats, got {mask.dtype}")
    if tuple(mask.shape[:2]) != size:
        raise InputError(f"{where}: size {tuple(mask.shape[:2])} differs from the image's {size}")
    return mask[..., None] if mask.ndim == 2 else mask


def stack(images: Sequence[Image] | Images) -> Any:
    """One array (n, h, w, c) where all sizes agree, else the list."""
    if len(images) and all(image.shape == images[0].shape for image in images):
        if is_tensor(images[0]):
            return stacked(images)
        return np.stack(list(images))
    return list(images)
