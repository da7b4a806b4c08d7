"""The ops as data: what each does, its parameters and its source."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from variegate.adapters.names import elsewhere
from variegate.ops.op import Op
from variegate.ops.registry import get, names
from variegate.policy.constructors import describe, signature


@dataclass(frozen=True)
class OpInfo:
    """One op: name, kind, one sentence, constructor, parameters, whether magnitude sets it, names
    in other libraries, and what happens to each target (empty in a list of all ops).
    """

    name: str
    kind: str
    doc: str
    call: str
    text: str
    source: str
    magnitude: bool
    params: tuple[dict[str, Any], ...]
    settings: tuple[dict[str, str], ...]
    elsewhere: dict[str, tuple[str, ...]]
    targets: dict[str, str]

    def to_dict(self) -> dict[str, Any]:
        """The op as JSON values."""
        return {**vars(self), "params": list(self.params), "settings": list(self.settings)}


def ops(name: str | None = None) -> tuple[OpInfo, ...]:
    """All ops by name, or the one of this name; raises PolicyError for an unknown one."""
    if name is None:
        return tuple(_info(get(each), {}) for each in names())
    from variegate.workflow.scene import targets

    return (_info(get(name), targets(get(name))),)


def _info(op: Op, moved: dict[str, str]) -> OpInfo:
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
        elsewhere=elsewhere(op.name),
        targets=moved,
    )
