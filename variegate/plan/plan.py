"""The plan: everything drawn for one batch, as arrays. Printable, savable, replayable."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from variegate.errors import InputError, PolicyError
from variegate.ops.op import Kind, Op
from variegate.ops.registry import get
from variegate.plan.counter import Keys
from variegate.plan.record import Record

FORMAT = "variegate-plan"
VERSION = 1
Array = npt.NDArray[Any]
INTEGER_VALUES = {"partner": np.int64, "key": np.uint64}


@dataclass(frozen=True)
class Plan:
    """Records in order of position; index (n,) uint64, sizes (n, 2) input (height, width).

    What was just drawn keeps its records as groups until they are looked at.
    """

    seed: int
    epoch: int
    index: Keys
    sizes: npt.NDArray[np.int64]
    records: Sequence[Record]

    def __len__(self) -> int:
        return len(self.index)

    def __str__(self) -> str:
        lines = [f"plan of {len(self)} images, seed {self.seed}, epoch {self.epoch}"]
        for sample in range(len(self)):
            steps = "; ".join(describe(r, sample) for r in self.records if sample in r.rows)
            lines.append(f"  {self.index[sample]}: {steps or 'unchanged'}")
        return "\n".join(lines)

    def to_dict(self) -> dict[str, Any]:
        """The plan as JSON data; floats keep every bit."""
        records = [
            {
                "position": r.position,
                "path": r.path,
                "op": r.op,
                "rows": r.rows.tolist(),
                "values": {name: value.tolist() for name, value in r.values.items()},
                "settings": {
                    k: list(v) if isinstance(v, tuple) else v for k, v in r.settings.items()
                },
            }
            for r in self.records
        ]
        head = {"format": FORMAT, "version": VERSION, "seed": self.seed, "epoch": self.epoch}
        return {
            **head,
            "index": self.index.tolist(),
            "sizes": self.sizes.tolist(),
            "records": records,
        }

    @staticmethod
    def from_dict(data: object) -> Plan:
        """Reads a plan; raises InputError that names what is wrong."""
        if not isinstance(data, Mapping) or data.get("format") != FORMAT:
            raise InputError(f"plan: expected an object with format {FORMAT!r}")
        if data.get("version") != VERSION:
            raise InputError(f"plan: expected version {VERSION}, got {data.get('version')!r}")
        try:
            index = np.array(data["index"], dtype=np.uint64).reshape(-1)
            sizes = np.array(data["sizes"], dtype=np.int64).reshape(len(index), 2)
            records = tuple(_read_record(item, len(index)) for item in data["records"])
            _check_positions(records)
            return Plan(int(data["seed"]), int(data["epoch"]), index, sizes, records)
        except (AttributeError, KeyError, TypeError, ValueError, OverflowError) as error:
            raise InputError(f"plan: not a plan: {error!r}") from error

    def to_json(self) -> str:
        """`to_dict` as text."""
        return json.dumps(self.to_dict(), allow_nan=False)


def _check_positions(records: tuple[Record, ...]) -> None:
    """Raises InputError unless records stand in order, and no sample has two at one position."""
    positions = [record.position for record in records]
    if positions != sorted(positions):
        raise InputError("plan: records must stand in order of their position")
    for position in set(positions):
        rows = np.concatenate([r.rows for r in records if r.position == position])
        if len(np.unique(rows)) != len(rows):
            raise InputError(f"plan: position {position}: a sample has two records there")


def _read_record(item: Mapping[str, Any], count: int) -> Record:
    op = get(item["op"])
    rows = np.array(item["rows"], dtype=np.int64).reshape(-1)
    if len(rows) and not (rows.min() >= 0 and rows.max() < count):
        raise InputError(f"plan: {op.name}: rows outside 0..{count - 1}")
    if len(np.unique(rows)) != len(rows):
        raise InputError(f"plan: {op.name}: a row stands twice")
    values = {
        name: np.array(value, dtype=INTEGER_VALUES.get(name, np.float64))
        for name, value in item["values"].items()
    }
    if "partner" in values:
        values["partner"] = values["partner"].reshape(len(rows), -1)
    for name, value in values.items():
        if value.shape[:1] != (len(rows),) or not np.all(np.isfinite(value)):
            raise InputError(f"plan: {op.name}.{name}: expected {len(rows)} finite rows")
    settings = {}
    for setting in op.settings:
        raw = item["settings"].get(setting.name, setting.default)
        settings[setting.name] = setting.read(tuple(raw) if isinstance(raw, list) else raw, op.name)
    check_values(op, values)
    check_extras(op, settings, values, count)
    return Record(int(item["position"]), str(item["path"]), op.name, rows, values, settings)


def check_values(op: Op, values: Mapping[str, Array]) -> None:
    """Every param and draw of the op is there, and within its legal range."""
    for param in op.params:
        if param.name not in values:
            raise PolicyError(f"plan: {op.name}.{param.name} is missing")
        value = values[param.name]
        if np.any(value < param.low - 1e-9) or np.any(value > param.high + 1e-9):
            raise PolicyError(
                f"plan: {op.name}.{param.name}: outside {param.low:g}..{param.high:g}"
            )
    for draw in op.draws:
        if draw.name not in values:
            raise PolicyError(f"plan: {op.name}.{draw.name} is missing")
        value = values[draw.name]
        if np.any(value < 0) or np.any(value >= 1):
            raise PolicyError(f"plan: {op.name}.{draw.name}: outside 0..1")


def check_extras(
    op: Op, settings: Mapping[str, Any], values: Mapping[str, Array], count: int
) -> None:
    """The partners of a mix lie within the batch of `count`, and what draws noise has its key."""
    if op.kind is Kind.MIX:
        check_partners(op, values.get("partner"), count)
    if op.window is not None:
        window = values.get("window", np.zeros((1, 0)))
        if window.shape[1:] != (4,) or np.any(window[:, 2:] - window[:, :2] < 1):
            raise PolicyError(f"plan: {op.name}.window: expected x1 y1 x2 y2 of at least a pixel")
    if (op.keyed or settings.get("mode") == "noise") and "key" not in values:
        raise PolicyError(f"plan: {op.name}.key is missing")


def check_partners(op: Op, partner: Array | None, count: int) -> None:
    """Each row has as many partners (k, partners) as the op shows, all within the batch."""
    wanted = 1 if op.mixing is None else op.mixing.partners
    if partner is None or partner.ndim != 2 or partner.shape[1] != wanted:
        got = "none" if partner is None else f"shape {partner.shape}"
        raise PolicyError(f"plan: {op.name}.partner: expected {wanted} for each row, got {got}")
    if np.any(partner < 0) or np.any(partner >= count):
        raise PolicyError(f"plan: {op.name}.partner: outside 0..{count - 1}")


def describe(record: Record, sample: int) -> str:
    """'Rotate(angle=13.2)' for one sample of a record."""
    row = int(np.flatnonzero(record.rows == sample)[0])
    op = get(record.op)
    parts = [f"{p.name}={record.values[p.name][row]:.4g}" for p in op.params]
    if op.kind is Kind.MIX:
        partners = record.values["partner"][row].tolist()
        parts += [f"partner={one}" for one in partners]
    parts += [f"{s.name}={record.settings[s.name]}" for s in op.settings if s.required]
    return f"{record.op}({', '.join(parts)})"
