"""The page of an audit: one HTML file with its pictures, a heat map and one small script.

The page's own policy allows this style and this script by their digests, and nothing else.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from variegate.evaluate import wording
from variegate.evaluate.names import clean_names
from variegate.evaluate.templates import digest, templates

__all__ = ["COLUMNS", "audit_page"]

_FOLDER = Path(__file__).parent / "templates"
# Classes that the heat map shows: the ones that lose most. All are in audit.json.
COLUMNS = 60
_ORDER = {"error": 0, "warning": 1, "note": 2}


def audit_page(document: Mapping[str, Any], folder: Path) -> str:
    """The whole page as text; `folder` is where the findings' pictures lie."""
    filters = {
        "percent": wording.percent,
        "share_interval": wording.share_interval,
        "duration": wording.duration,
    }
    environment = templates(_FOLDER, filters)
    style = environment.get_template("audit.css").render()
    script = environment.get_template("audit.js").render()
    names, findings = clean_names(document["classes"]), document["findings"]
    return environment.get_template("audit.html.j2").render(
        style=style,
        script=script,
        style_hash=digest(style),
        script_hash=digest(script),
        data=document,
        names=names,
        pictured=[(f, _picture(folder, f["picture"])) for f in findings if f["picture"]],
        others=[f for f in findings if not f["picture"]],
        concerns=sorted(document["concerns"], key=lambda each: _ORDER[each["severity"]]),
        heat=_heat(document, names),
        ranges=_ranges(document, names),
        seconds=sum(document["seconds"].values()),
    )


def _picture(folder: Path, name: str) -> str:
    path = folder / name
    if not path.exists():
        return ""
    return "data:image/png;base64," + base64.b64encode(path.read_bytes()).decode("ascii")


def _heat(document: Mapping[str, Any], names: Sequence[str]) -> dict[str, Any]:
    """The map's columns, its rows as they stand at the strongest, and the numbers as safe JSON."""
    rows = document["rows"]
    columns = _columns(document)
    steps = sorted({level["magnitude"] for row in rows for level in row["magnitudes"]})
    shown = [
        {
            "name": row["name"],
            "kind": row["kind"],
            "levels": [_level(row, step, columns, names) for step in steps],
        }
        for row in rows
    ]
    # In a script element only "<" could end it; JSON has another way to write it.
    content = json.dumps({"rows": shown, "steps": steps}, allow_nan=False).replace("<", "\\u003c")
    return {
        "columns": [names[c] for c in columns],
        "left_out": len(names) - len(columns),
        "rows": shown,
        "steps": steps,
        "json": content,
    }


def _columns(document: Mapping[str, Any]) -> list[int]:
    count = len(document["classes"])
    if count <= COLUMNS:
        return list(range(count))
    lost = [0.0] * count
    for row in document["rows"]:
        for number, value in enumerate(row["magnitudes"][-1]["classes"]["affinity"]):
            lost[number] += 0.0 if value is None else max(0.0, 1.0 - value)
    worst = sorted(range(count), key=lambda number: -lost[number])[:COLUMNS]
    return sorted(worst)


def _level(
    row: Mapping[str, Any], step: float, columns: Sequence[int], names: Sequence[str]
) -> list[list[Any]]:
    """For all classes together and each column: bucket 0..10 (-1 unknown), number, sentence."""
    level = next((each for each in row["magnitudes"] if each["magnitude"] == step), None)
    level = row["magnitudes"][-1] if level is None else level
    title = row["name"] + (f" at {level['magnitude']:g}" if row["ladder"] else "")
    low, high = level["interval"]
    cells = [_cell((level["affinity"], low, high), f"{title}, all classes")]
    own = level["classes"]
    for c in columns:
        into, moved = own["into"][c], own["moved"][c]
        more = f"; {moved} images are now called {names[into]}" if into is not None else ""
        values = own["affinity"][c], own["low"][c], own["high"][c]
        cells.append(_cell(values, f"{title}, {names[c]}", more))
    return cells


def _cell(
    values: tuple[float | None, float | None, float | None], title: str, more: str = ""
) -> list[Any]:
    value, low, high = values
    if value is None or low is None or high is None:
        return [-1, "", f"{title}: the clean models recognize nothing"]
    bucket = round(10 * min(1.0, max(0.0, value)))
    return [bucket, f"{value:.2f}", f"{title}: {value:.2f} [{low:.2f}, {high:.2f}]{more}"]


def _ranges(document: Mapping[str, Any], names: Sequence[str]) -> list[dict[str, Any]]:
    """The safe range of each row, and the classes that end before the others."""
    found = []
    for row, safe in zip(document["rows"], document["safe"], strict=True):
        full = row["magnitudes"][-1]["magnitude"]
        less = sorted(
            (high, names[number])
            for number, high in enumerate(safe["classes"])
            if high is not None and high < full
        )
        found.append(
            {
                "name": row["name"],
                "ladder": row["ladder"],
                "high": safe["high"],
                "affinity": row["magnitudes"][-1]["affinity"],
                "interval": row["magnitudes"][-1]["interval"],
                "less": [(name, high) for high, name in less[:12]],
                "more": max(0, len(less) - 12),
            }
        )
    return found
