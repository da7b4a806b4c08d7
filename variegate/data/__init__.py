"""Data sets: readers for every layout, image decoding and splits."""

from __future__ import annotations

from variegate.data.codes import BadFile, FileNote
from variegate.data.dataset import Dataset
from variegate.data.decode import Decoded, decode_bytes, decode_file
from variegate.data.load import load
from variegate.data.split import Splits, split

__all__ = [
    "BadFile",
    "Dataset",
    "Decoded",
    "FileNote",
    "Splits",
    "decode_bytes",
    "decode_file",
    "load",
    "split",
]
