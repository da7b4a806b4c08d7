"""The written form of an audit, and the check of a document against it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from variegate.bench.schema import Check, any_text, count, fields, flag, listed, text
from variegate.errors import DataError

__all__ = ["SCHEMA", "AuditDocument", "check_audit"]

SCHEMA = "variegate.audit/1"
AuditDocument = Mapping[str, Any]


def real(value: Any, where: str) -> None:
    """A finite number."""
    known = isinstance(value, int | float) and not isinstance(value, bool)
    if not known or not math.isfinite(value):
        raise DataError(f"{where}: expected a finite number, got {value!r:.80}")


def share(value: Any, where: str) -> None:
    """A number on 0..1."""
    real(value, where)
    if not 0 <= value <= 1:
        raise DataError(f"{where}: expected 0 to 1, got {value!r:.80}")


def maybe(inner: Check) -> Check:
    """None, or what passes the check."""

    def check(value: Any, where: str) -> None:
        if value is not None:
            inner(value, where)

    return check


def anything(value: Any, where: str) -> None:
    """An object of no fixed form."""
    if not isinstance(value, Mapping):
        raise DataError(f"{where}: expected an object, got {value!r:.80}")


CELLS = fields(
    affinity=listed(maybe(real)),
    low=listed(maybe(real)),
    high=listed(maybe(real)),
    into=listed(maybe(count)),
    moved=listed(count),
    still=listed(count),
    grows=listed(real),
)
LEVEL = fields(
    magnitude=share,
    affinity=maybe(real),
    interval=listed(maybe(real)),
    kept=maybe(real),
    classes=CELLS,
)
ROW = fields(name=text, op=text, kind=text, ladder=flag, magnitudes=listed(LEVEL))
SAFE = fields(name=text, high=share, classes=listed(maybe(share)))
FINDING = fields(
    **{"class": count},
    kind=text,
    name=text,
    op=text,
    magnitude=share,
    ladder=flag,
    mutual=flag,
    into=maybe(count),
    share=share,
    share_interval=listed(share),
    affinity=maybe(real),
    interval=listed(maybe(real)),
    images=count,
    p=share,
    text=text,
    picture=any_text,
)
CLEAN = fields(
    accuracy=share, interval=listed(share), images=count, folds=count, epochs=count,
    classes=listed(fields(name=text, images=count, recognized=count)),
)  # fmt: skip
HINT = fields(kind=text, ops=listed(text), classes=listed(count), text=text, seen=maybe(flag))
CONCERN = fields(severity=text, kind=text, count=count, text=text, examples=listed(any_text))
DIVERSITY = fields(name=text, magnitude=share, loss=real, ratio=real, affinity=maybe(real))
DOCUMENT = fields(
    schema=text,
    data=anything,
    classes=listed(text),
    keep=share,
    seconds=fields(data=real, training=real, scoring=real),
    clean=maybe(CLEAN),
    rows=listed(ROW),
    safe=listed(SAFE),
    findings=listed(FINDING),
    hints=listed(HINT),
    concerns=listed(CONCERN),
    diversity=listed(DIVERSITY),
    space=maybe(anything),
    limits=listed(text),
)


def check_audit(document: Any) -> None:
    """Raise DataError that names the first field that is not legal, and what came."""
    DOCUMENT(document, "audit")
    if document["schema"] != SCHEMA:
        raise DataError(f"audit.schema: expected {SCHEMA!r}, got {document['schema']!r:.80}")
    classes = len(document["classes"])
    for place, row in enumerate(document["rows"]):
        for number, level in enumerate(row["magnitudes"]):
            for name, values in level["classes"].items():
                if len(values) != classes:
                    where = f"audit.rows[{place}].magnitudes[{number}].classes.{name}"
                    raise DataError(f"{where}: expected {classes} values, got {len(values)}")
    for place, safe in enumerate(document["safe"]):
        if len(safe["classes"]) != classes:
            got = len(safe["classes"])
            raise DataError(f"audit.safe[{place}].classes: expected {classes} values, got {got}")
