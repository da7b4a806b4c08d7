"""Put the parts of a report together and write its files."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from variegate.errors import InputError
from variegate.evaluate.compare import summary
from variegate.evaluate.files import write_atomic
from variegate.evaluate.names import clean_data, csv_text
from variegate.evaluate.report.history import History, read_history
from variegate.evaluate.report.insight import SHOWN, Insight, read_insight
from variegate.evaluate.report.page import render_page
from variegate.evaluate.report.pictures import embed_pictures
from variegate.evaluate.report.plots import arms_png, classes_png, history_png, learned_png
from variegate.evaluate.report.policytext import policy_data, policy_lines
from variegate.evaluate.results import Comparison
from variegate.evaluate.schema import ClassRow, Summary

SCHEMA = "variegate.report/1"
Pictures = Mapping[str, Sequence[NDArray[np.uint8]]]
_COLUMNS = (
    "arm", "baseline", "class_index", "class", "images", "seeds", "accuracy_arm",
    "accuracy_baseline", "difference", "low", "high", "p", "p_corrected", "verdict",
    "shrunk", "shrunk_low", "shrunk_high", "fresh_seeds", "fresh_difference", "fresh_verdict",
    "named_wrongly_arm", "named_wrongly_baseline", "named_wrongly_verdict",
)  # fmt: skip


def write_report(
    result: Comparison | Summary,
    search_history: Sequence[Mapping[str, Any]] = (),
    pictures: Pictures | None = None,
    policy: object = None,
    out_dir: str | Path = "report",
    insight: object = None,
) -> list[Path]:
    """Write report.html, report.json, per_class.csv and PNG plots into `out_dir`; give their paths.

    `search_history`: dicts with number, value (accuracy or None), seconds, params.
    `pictures`: for each title a list of uint8 images (h, w, c) or (h, w); the originals first.
    `policy`: the found policy, as its dict or as an object with `to_dict()`. `insight`: what the
    search learned, as search.json has it.
    The page needs no network, runs no script and stays under 5 MB. Everything is made before the
    first file is written. Raises InputError for parts of a wrong form.
    """
    history = read_history(search_history)
    data = _summary(result, history)
    plan = policy_data(policy)
    known = read_insight(insight)
    html = render_page(data, history, embed_pictures(pictures or {}), policy_lines(plan), known)
    files: dict[str, bytes | str] = {
        "report.json": _report_json(data, history, plan, known),
        "per_class.csv": per_class_csv(data),
        "arms.png": arms_png(data),
    }
    if data["class_tables"]:
        files["classes.png"] = classes_png(data["class_tables"][0])
    if history["trials"]:
        files["history.png"] = history_png(history)
    if known is not None and known["learned"]["effects"]:
        files["learned.png"] = learned_png(known["learned"]["effects"][:SHOWN])
    files["report.html"] = html  # last: who sees the page finds the rest beside it
    folder = Path(out_dir)
    written = [write_atomic(folder / name, content) for name, content in files.items()]
    return [written[-1], *written[:-1]]


def _summary(result: Comparison | Summary | object, history: History) -> Summary:
    if isinstance(result, Comparison):
        return summary(result, search_seconds=history["seconds"] if history["trials"] else None)
    if not isinstance(result, Mapping) or "class_tables" not in result:
        raise InputError(f"result: expected a Comparison or a summary, got {type(result).__name__}")
    return cast(Summary, result)


def _report_json(
    data: Summary, history: History, policy: Mapping[str, Any] | None, insight: Insight | None
) -> str:
    content = {
        "schema": SCHEMA,
        "summary": data,
        "search": history,
        "policy": clean_data(policy, depth=24),
        "learned": insight,
    }
    return json.dumps(content, indent=1, allow_nan=False) + "\n"


def per_class_csv(data: Summary) -> str:
    """Give all class tables as one CSV text in which no cell is a formula."""
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(_COLUMNS)
    for table in data["class_tables"]:
        for row in table["rows"]:
            difference = row["difference"]
            numbers: list[Any] = [""] * 6
            if difference is not None:
                numbers = [
                    difference["value"],
                    *difference["interval"],
                    difference["p"],
                    difference["corrected"],
                    difference["verdict"],
                ]
            writer.writerow(
                [
                    csv_text(table["arm"]),
                    csv_text(table["baseline"]),
                    row["index"],
                    csv_text(row["name"]),
                    row["images"],
                    table["seeds"],
                    row["found"],
                    row["baseline"],
                    *numbers,
                    *_more(row),
                ]
            )
    return stream.getvalue()


def _more(row: ClassRow) -> list[Any]:
    """Shrunk, confirmed and false-positive columns; empty where there is nothing to say."""
    drawn, again, wrong = row["shrunk"], row["confirmation"], row["false_positives"]
    return [
        *(["", "", ""] if drawn is None else [drawn["value"], *drawn["interval"]]),
        *(["", "", ""] if again is None else [again["seeds"], again["value"], again["verdict"]]),
        *(["", "", ""] if wrong is None else [wrong["found"], wrong["baseline"], wrong["verdict"]]),
    ]
