"""Codecs: the image goes through a lossy file format and back."""

from __future__ import annotations

import numpy as np

from variegate.ops.entries import Codec, Floats
from variegate.ops.op import Kind, Param, declare

QUALITY = Param(
    "quality", 1, 100, "JPEG quality", weak=100, strong=10, whole=True, default=(40.0, 95.0)
)


@declare(
    Kind.CODEC,
    source="libjpeg-turbo's quality scale, through Pillow, chroma at half size",
    params=(QUALITY,),
)
def jpeg_compression(quality: Floats) -> Codec:
    """Compress as JPEG and decode again: blocks and ringing as in files from the web."""
    return Codec(quality.astype(np.int64))
