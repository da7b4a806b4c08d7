"""Codecs: the image goes through a lossy file format and back."""

from __future__ import annotations

import numpy as np

from variegate.errors import PolicyError
from variegate.ops.entries import Codec, FileFormat, Floats, Ints
from variegate.ops.op import Kind, Param, declare
from variegate.ops.settings import choice

WEBP_SIDE = 16383


def _quality(unit: str) -> Param:
    return Param("quality", 1, 100, unit, weak=100, strong=10, whole=True, default=(40.0, 95.0))


@declare(
    Kind.CODEC,
    source="libjpeg-turbo's quality scale and transforms, chroma at half size",
    params=(_quality("JPEG quality"),),
)
def jpeg_compression(quality: Floats) -> Codec:
    """Compress as JPEG and decode again: blocks and ringing as in files from the web."""
    return Codec(quality.astype(np.int64))


@declare(
    Kind.CODEC,
    source="as in Albumentations, WebP through Pillow; JPEG as JpegCompression does it",
    params=(_quality("quality of the format"),),
    settings=(choice("compression_type", ("jpeg", "webp"), "jpeg"),),
)
def image_compression(sizes: Ints, quality: Floats, compression_type: str) -> Codec:
    """Compress as JPEG or as lossy WebP and decode again."""
    kind = FileFormat[compression_type.upper()]
    if kind is FileFormat.WEBP and len(sizes) and sizes.max() > WEBP_SIDE:
        raise PolicyError(
            f"ImageCompression: WebP has sides of at most {WEBP_SIDE} pixels, got {sizes.max()}"
        )
    return Codec(quality.astype(np.int64), kind)
