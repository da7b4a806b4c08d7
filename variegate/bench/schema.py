"""The written form of a result, and the check of a document against it."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

from variegate.errors import DataError

SCHEMA = "variegate.bench/1"
Check = Callable[[Any, str], None]


def text(value: Any, where: str) -> None:
    """A text that is not empty."""
    if not isinstance(value, str) or not value:
        raise DataError(f"{where}: expected a text, got {value!r:.80}")


def any_text(value: Any, where: str) -> None:
    """A text."""
    if not isinstance(value, str):
        raise DataError(f"{where}: expected a text, got {value!r:.80}")


def flag(value: Any, where: str) -> None:
    """True or false."""
    if not isinstance(value, bool):
        raise DataError(f"{where}: expected true or false, got {value!r:.80}")


def count(value: Any, where: str) -> None:
    """A whole number of at least 0."""
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise DataError(f"{where}: expected a whole number of at least 0, got {value!r:.80}")


def amount(value: Any, where: str) -> None:
    """A finite number of at least 0."""
    real = isinstance(value, int | float) and not isinstance(value, bool)
    if not real or not math.isfinite(value) or value < 0:
        raise DataError(f"{where}: expected a number of at least 0, got {value!r:.80}")


def fields(**checks: Check) -> Check:
    """An object with exactly these fields."""

    def check(value: Any, where: str) -> None:
        if not isinstance(value, Mapping):
            raise DataError(f"{where}: expected an object, got {value!r:.80}")
        for name in value:
            if name not in checks:
                raise DataError(f"{where}: unknown field {name!r}; known: {', '.join(checks)}")
        for name, inner in checks.items():
            if name not in value:
                raise DataError(f"{where}: the field {name!r} is missing")
            inner(value[name], f"{where}.{name}")

    return check


def each(inner: Check) -> Check:
    """An object whose values all pass one check."""

    def check(value: Any, where: str) -> None:
        if not isinstance(value, Mapping):
            raise DataError(f"{where}: expected an object, got {value!r:.80}")
        for name, part in value.items():
            inner(part, f"{where}.{name}")

    return check


def listed(inner: Check) -> Check:
    """A list whose items all pass one check."""

    def check(value: Any, where: str) -> None:
        if not isinstance(value, list):
            raise DataError(f"{where}: expected a list, got {value!r:.80}")
        for place, part in enumerate(value):
            inner(part, f"{where}[{place}]")

    return check


def or_failed(inner: Check) -> Check:
    """Either {"failed": why} or what passes the check."""

    def check(value: Any, where: str) -> None:
        chosen = fields(failed=text) if isinstance(value, Mapping) and "failed" in value else inner
        chosen(value, where)

    return check


def _ordered(value: Any, where: str) -> None:
    TIMING(value, where)
    if not value["least"] <= value["low"] <= value["median"] <= value["high"]:
        raise DataError(f"{where}: expected least <= low <= median <= high, got {dict(value)!r}")
    if value["least"] <= 0 or value["n"] < 1:
        raise DataError(f"{where}: expected least above 0 and n of at least 1, got {dict(value)!r}")


# Seconds an image; n rounds of `calls` calls each.
TIMING = fields(
    note=any_text, median=amount, least=amount, low=amount, high=amount, n=count, calls=count
)
CASE = fields(
    id=text,
    suite=text,
    name=text,
    height=count,
    width=count,
    batch=count,
    threads=count,
    does=text,
    results=each(or_failed(_ordered)),
)
DOCUMENT = fields(
    schema=text,
    machine=fields(processor=text, cores=count, memory_gib=count, system=text, python=text),
    settings=fields(rounds=count, seconds=amount, budget=amount, quick=flag),
    peers=each(or_failed(fields(versions=each(any_text)))),
    cases=listed(CASE),
    accuracy=each(or_failed(fields(mean=amount, greatest=amount))),
)


def check_document(document: Any) -> None:
    """Raises DataError that names the first field that is not legal, and what came."""
    DOCUMENT(document, "result")
    if document["schema"] != SCHEMA:
        raise DataError(f"result.schema: expected {SCHEMA!r}, got {document['schema']!r:.80}")
    ids = [case["id"] for case in document["cases"]]
    for name in ids:
        if ids.count(name) > 1:
            raise DataError(f"result.cases: {name!r} comes more than once")
