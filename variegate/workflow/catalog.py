"""The ops as data: what each does, its parameters and its source."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from variegate.ops.op import Op
from variegate.ops.registry import get, names
from variegate.policy.constructors import describe, signature


@dataclass(frozen=True)
class OpInfo:
    """One op: name, kind, one sentence, constructor, parameters, and whether magnitude sets it."""

    name: str
    kind: str
    doc: str
    call: str
    text: str
    source: str
    magnitude: bool
    params: tuple[dict[str, Any], ...]
    settings: tuple[dict[str, str], ...]

    def to_dict(self) -> dict[str, Any]:
        """The op as JSON values."""
        return {**vars(self), "params": list(self.params), "settings": list(self.settings)}


def ops(name: str | None = None) -> tuple[OpInfo, ...]:
    """All ops by name, or the one of this name; raises PolicyError for an unknown one."""
    return tuple(_info(get(each)) for each in (names() if name is None else (name,)))


def _info(op: Op) -> OpInfo:
    params = tuple(
        {
            "name": p.name,
            "low": p.low,
            "high": p.high,
            "unit": p.unit,
            "default": None if p.default is None else list(p.default),
            "at_magnitude_0": p.weak,
            "at_magnitude_1": p.strong,
            "both_sides": p.mirrored,
        }
        for p in op.params
    )
    return OpInfo(
        name=op.name,
        kind=op.kind.name.lower(),
        doc=op.doc.split("\n\n")[0].replace("\n", " "),
        call=f"vg.{op.name}{signature(op)}",
        text=describe(op),
        source=op.source,
        magnitude=op.has_magnitude,
        params=params,
        settings=tuple({"name": s.name, "legal": s.legal} for s in op.settings),
    )
