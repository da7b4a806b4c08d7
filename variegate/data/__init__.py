"""Data sets: readers for every layout, image decoding and splits."""

from __future__ import annotations

from variegate.data.annotated import AnnotatedSet
from variegate.data.annotated_load import is_annotated, load_annotated
from variegate.data.codes import BadFile, FileNote
from variegate.data.dataset import Dataset
from variegate.data.decode import Decoded, decode_bytes, decode_file
from variegate.data.load import load
from variegate.data.split import Splits, split

__all__ = [
    "AnnotatedSet",
    "BadFile",
    "Dataset",
    "Decoded",
    "FileNote",
    "Splits",
    "decode_bytes",
    "decode_file",
    "is_annotated",
    "load",
    "load_annotated",
    "split",
]
