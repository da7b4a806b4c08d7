"""Positions of everything in the page's charts; the template only draws."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from variegate.evaluate import wording
from variegate.evaluate.report.history import History, params_text
from variegate.evaluate.report.scale import Scale, about_zero, around
from variegate.evaluate.schema import ClassTable, Summary

KIND = {"better": "better", "worse": "worse", "not proven": "unproven"}
_LEFT, _RIGHT, _WIDTH, _ROW = 132, 16, 640, 34


def arms_chart(data: Summary) -> dict[str, Any]:
    """Place each arm's mean, interval and seeds on one axis of accuracy."""
    values: list[float] = []
    for row in data["arms"]:
        values += [*row["interval"], *row["accuracies"]]
    scale = around(values, _LEFT, _WIDTH - _RIGHT)
    bottom = 12 + _ROW * len(data["arms"])
    rows = []
    for number, row in enumerate(data["arms"]):
        rows.append(
            {
                "name": row["arm"] if len(row["arm"]) <= 18 else row["arm"][:17] + "\u2026",
                "full": row["arm"],
                "y": 12 + _ROW * number + _ROW / 2,
                "mean": scale(row["mean"]),
                "low": scale(row["interval"][0]),
                "high": scale(row["interval"][1]),
                "seeds": [scale(value) for value in row["accuracies"]],
                "text": f"{wording.percent(row['mean'])} {wording.share_interval(row['interval'])}",
                "chosen": row["arm"] == data["found"],
            }
        )
    ticks = [{"x": scale(t), "text": _tick(t, scale.ticks())} for t in scale.ticks()]
    return {"width": _WIDTH, "height": bottom + 42, "bottom": bottom, "rows": rows, "ticks": ticks}


def _tick(value: float, ticks: Sequence[float]) -> str:
    step = ticks[1] - ticks[0] if len(ticks) > 1 else 0.01
    return f"{100 * value:.1f} %" if step < 0.0099 else f"{100 * value:.0f} %"


def class_bars(table: ClassTable) -> tuple[list[dict[str, Any] | None], str]:
    """Place each class's difference and interval on one axis with zero in the middle."""
    return difference_bars([row["difference"] for row in table["rows"]])


def difference_bars(
    differences: Sequence[Mapping[str, Any] | None],
) -> tuple[list[dict[str, Any] | None], str]:
    """Place values with intervals and verdicts on one axis; None stays None."""
    known = [row for row in differences if row]
    ends = [end for row in known for end in row["interval"]]
    scale = about_zero(ends, [row["value"] for row in known], 4, 176)
    bars: list[dict[str, Any] | None] = []
    for difference in differences:
        if not difference:
            bars.append(None)
            continue
        low, high = difference["interval"]
        bars.append(
            {
                "low": scale(low),
                "high": scale(high),
                "x": scale(difference["value"]),
                "zero": scale(0.0),
                "kind": KIND[difference["verdict"]],
                "cut_low": low < scale.low,
                "cut_high": high > scale.high,
            }
        )
    return bars, f"\u00b1{100 * scale.high:.{0 if scale.high >= 0.03 else 1}f}"


def history_chart(history: History) -> dict[str, Any] | None:
    """Place every trial and the best value so far; None without any finished trial."""
    trials = [trial for trial in history["trials"] if trial["value"] is not None]
    if not trials:
        return None
    left, top, bottom, width = 56, 12, 240, 960
    first, last = history["trials"][0]["number"], history["trials"][-1]["number"]
    # One failed trial at chance level must not press the rest into a line.
    values = sorted(trial["value"] or 0.0 for trial in trials)
    lowest = values[len(values) // 20]
    across = Scale(first - 0.5, last + 0.5, left, width - 16)
    up = around([lowest, values[-1]], bottom, top)
    dots, steps = [], []
    for trial in trials:
        value, best = trial["value"] or 0.0, trial["best"] or 0.0
        x = across(trial["number"])
        seconds = "" if trial["seconds"] is None else f", {wording.duration(trial['seconds'])}"
        text = f"trial {trial['number']}: {wording.percent(value)}{seconds}"
        settings = params_text(trial["params"])
        dots.append(
            {
                "x": x,
                "y": up(value),
                "text": f"{text}; {settings}" if settings else text,
                "best": trial["number"] == history["best"],
                "cut": value < up.low,
            }
        )
        steps.append((x, up(best)))
    path = f"M{steps[0][0]} {steps[0][1]}" + "".join(f"H{x}V{y}" for x, y in steps[1:])
    whole = sorted({int(tick) for tick in across.ticks(8) if tick == int(tick)})
    return {
        "width": width,
        "height": bottom + 44,
        "left": left,
        "bottom": bottom,
        "right": width - 16,
        "dots": dots,
        "path": path + f"H{across(last)}",
        "xticks": [{"x": across(tick), "text": str(tick)} for tick in whole],
        "yticks": [{"y": up(t), "text": _tick(t, up.ticks())} for t in up.ticks()],
        "failed": len(history["trials"]) - len(trials),
    }
