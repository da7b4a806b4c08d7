"""Render the HTML page: escaped by default, no script, nothing from elsewhere."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from variegate.evaluate import wording
from variegate.evaluate.report.charts import (
    KIND,
    arms_chart,
    class_bars,
    difference_bars,
    history_chart,
)
from variegate.evaluate.report.history import History, params_text
from variegate.evaluate.report.insight import SHOWN, Insight
from variegate.evaluate.report.pictures import PictureRow
from variegate.evaluate.report.policytext import Line
from variegate.evaluate.schema import ClassRow, ClassTable, Summary
from variegate.evaluate.templates import digest, templates

_FOLDER = Path(__file__).parent / "templates"
# Rows of a class table that are shown at once; the rest opens with a click.
_SHOWN = 25
_ROWS = 2000


def render_page(
    data: Summary,
    history: History,
    pictures: Sequence[PictureRow],
    policy: Sequence[Line],
    insight: Insight | None = None,
) -> str:
    """Give the whole page as text."""
    filters = {
        "percent": wording.percent,
        "points": wording.points,
        "permille": wording.permille,
        "interval": wording.interval,
        "share_interval": wording.share_interval,
        "column": wording.column_text,
        "p_value": wording.p_value,
        "duration": wording.duration,
        "kind": KIND.__getitem__,
    }
    environment = templates(_FOLDER, filters)
    # The policy in the page's head allows this one style by its digest, and nothing else.
    style = environment.get_template("report.css").render()
    return environment.get_template("report.html.j2").render(
        style_hash=digest(style),
        data=data,
        found=next((row for row in data["arms"] if row["arm"] == data["found"]), None),
        arms=arms_chart(data),
        tables=[_class_view(table) for table in data["class_tables"]],
        history=history,
        trials=history_chart(history),
        best=_best(history),
        insight=None if insight is None else _insight_view(insight),
        pictures=pictures,
        policy=policy,
        settings=_flat(data["settings"]),
        versions=_flat(data["versions"]),
    )


def _insight_view(insight: Insight) -> dict[str, Any]:
    effects = insight["learned"]["effects"][:SHOWN]
    bars, reach = difference_bars(effects)
    return {
        **insight,
        "rows": list(zip(effects, bars, strict=True)),
        "reach": reach,
        "left_out": len(insight["learned"]["effects"]) - len(effects),
    }


def _class_view(table: ClassTable) -> dict[str, Any]:
    bars, reach = class_bars(table)
    rows = list(zip(table["rows"], bars, strict=True))[:_ROWS]
    shown = max(_SHOWN, len(table["harmed"]))
    return {
        "table": table,
        "shown": rows[:shown],
        "more": rows[shown:],
        "left_out": len(table["rows"]) - len(rows),
        "reach": reach,
        "fresh": any(row["confirmation"] for row in table["rows"]),
        "harmed": [row for row in table["rows"] if _is(row, "worse")],
        "falls": _falls(table),
        "unproven": len(table["rows"]) - len(table["harmed"]) - len(table["improved"]),
    }


def _is(row: ClassRow, said: str) -> bool:
    return row["difference"] is not None and row["difference"]["verdict"] == said


def _falls(table: ClassTable) -> list[ClassRow]:
    """Give the largest falls that are not proven: what to look at when nothing is proven."""
    falls = [
        row
        for row in table["rows"]
        if _is(row, "not proven") and row["difference"] and row["difference"]["value"] < 0
    ]
    return falls[:3]


def _best(history: History) -> str:
    for trial in history["trials"]:
        if trial["number"] == history["best"] and trial["value"] is not None:
            text = f"Best: trial {trial['number']} with {wording.percent(trial['value'])}"
            settings = params_text(trial["params"], 300)
            return f"{text} ({settings})." if settings else f"{text}."
    return ""


def _flat(values: dict[str, Any]) -> list[tuple[str, str]]:
    return [
        (key, value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)[:400])
        for key, value in values.items()
    ]
