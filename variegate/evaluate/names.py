"""Make foreign text (class names, settings) safe to show in pages, tables and terminals."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping
from typing import Any

NAME_LIMIT = 60
TEXT_LIMIT = 400

# Terminal sequences go as a whole: without this, "\x1b]0;title\x07" would leave "]0;title" behind.
_TERMINAL = re.compile(
    r"\x1b\][^\x07\x1b]*(?:\x07|\x1b\\|$)|\x1b\[[0-?]*[ -/]*[@-~]|\x1b[PX^_].*?(?:\x1b\\|$)|\x1b.?",
    re.DOTALL,
)
# Joiners are needed to write Persian and several Indian scripts; every other format mark goes.
_JOINERS = "\u200c\u200d"
_HIDDEN = {"Cc", "Cf", "Cs", "Co", "Cn"}
_MARKS = 3
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\uff1d", "\uff0b", "\uff0d", "\uff20")


def clean(text: object, limit: int = NAME_LIMIT) -> str:
    """Give `text` on one line without control, direction or terminal marks, at most `limit` long.

    Escaping for HTML is not done here: the templates do that.
    """
    raw = str(text)[: limit * 40]  # a name of many megabytes must not cost seconds
    raw = _TERMINAL.sub("", raw)
    kept: list[str] = []
    marks = 0
    for letter in raw:
        category = unicodedata.category(letter)
        marks = marks + 1 if category in {"Mn", "Me"} else 0
        if letter in "\t\n\r\v\f" or category in {"Zs", "Zl", "Zp"}:
            kept.append(" ")
        elif marks <= _MARKS and (category not in _HIDDEN or letter in _JOINERS):
            kept.append(letter)
    short = " ".join("".join(kept).split())
    if len(short) > limit:
        short = short[: limit - 1].rstrip() + "\u2026"
    return short or "(unnamed)"


def clean_names(names: Iterable[object], limit: int = NAME_LIMIT) -> list[str]:
    """Clean every name; names that become equal get their number, so that none hides another."""
    cleaned = [clean(name, limit) for name in names]
    result: list[str] = []
    for number, name in enumerate(cleaned):
        result.append(name if cleaned.count(name) == 1 else f"{name} (no. {number})")
    return result


def clean_data(value: Any, limit: int = TEXT_LIMIT, depth: int = 6) -> Any:
    """Clean every text inside plain data (mappings, lists, numbers); anything else becomes text."""
    if value is None or isinstance(value, bool | int | float):
        return value
    if isinstance(value, Mapping) and depth:
        return {clean(k): clean_data(v, limit, depth - 1) for k, v in value.items()}
    if isinstance(value, list | tuple) and depth:
        return [clean_data(item, limit, depth - 1) for item in value]
    return clean(value, limit)


def csv_text(text: str) -> str:
    """Give text that a spreadsheet shows and does not run."""
    return "'" + text if text.lstrip().startswith(_FORMULA) or text.startswith("'") else text
