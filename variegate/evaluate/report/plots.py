"""The report's plots as PNG, drawn with Matplotlib without any global figure."""

from __future__ import annotations

import io
import warnings
from collections.abc import Sequence
from typing import TYPE_CHECKING

from variegate.evaluate import wording
from variegate.evaluate.learned import Effect
from variegate.evaluate.report.history import History
from variegate.evaluate.schema import ClassTable, Summary

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

COLORS = {"better": "#1b6e53", "worse": "#b3361b", "not proven": "#66707d"}
_INK, _BLUE = "#1c2733", "#1d5fa8"
_CLASSES = 40


def arms_png(data: Summary) -> bytes:
    """Draw each arm's mean with its interval and its seeds."""
    figure, axes = _figure(len(data["arms"]))
    for place, row in enumerate(data["arms"]):
        low, high = (100 * end for end in row["interval"])
        color = _BLUE if row["arm"] == data["found"] else _INK
        axes.plot([low, high], [place, place], color=color, linewidth=2)
        axes.plot(
            [100 * value for value in row["accuracies"]],
            [place] * len(row["accuracies"]),
            "o", color=color, alpha=0.35, markersize=4,
        )  # fmt: skip
        axes.plot([100 * row["mean"]], [place], "D", color=color, markersize=7)
    _rows(axes, [row["arm"] for row in data["arms"]])
    axes.set_xlabel("test accuracy, % (95 % interval; dots: seeds)")
    return _png(figure)


def classes_png(table: ClassTable) -> bytes:
    """Draw the difference of every class with its interval, harmed classes on top."""
    known = [(row["name"], d) for row in table["rows"] if (d := row["difference"]) is not None]
    known = known[:_CLASSES]
    figure, axes = _figure(len(known))
    axes.axvline(0, color=_INK, linewidth=1)
    for place, (_, row) in enumerate(known):
        _difference(axes, place, row["value"], row["interval"], row["verdict"])
    _rows(axes, [name for name, _ in known])
    against = f"{table['arm']} {wording.MINUS} {table['baseline']}"
    axes.set_xlabel(f"{against}, points (95 % interval)", parse_math=False)
    return _png(figure)


def learned_png(effects: Sequence[Effect]) -> bytes:
    """Draw what each feature of the trials' policies went with, and its interval."""
    figure, axes = _figure(len(effects))
    axes.axvline(0, color=_INK, linewidth=1)
    for place, row in enumerate(effects):
        _difference(axes, place, row["value"], row["interval"], row["verdict"])
    _rows(axes, [f"{row['kind']} {row['name']}" for row in effects], 44)
    axes.set_xlabel("points of validation accuracy per standard deviation (95 % interval)")
    return _png(figure)


def history_png(history: History) -> bytes:
    """Draw every trial and the best value so far."""
    from matplotlib.ticker import MaxNLocator

    figure, axes = _figure(9)
    trials = [trial for trial in history["trials"] if trial["value"] is not None]
    numbers = [trial["number"] for trial in trials]
    axes.plot(
        numbers, [100 * (trial["value"] or 0) for trial in trials],
        "o", color=_INK, alpha=0.45, markersize=5, label="trial",
    )  # fmt: skip
    axes.step(
        numbers, [100 * (trial["best"] or 0) for trial in trials],
        where="post", color=_BLUE, linewidth=2, label="best so far",
    )  # fmt: skip
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.set_xlabel("trial")
    axes.set_ylabel("validation accuracy, %")
    if trials:
        axes.legend(frameon=False, loc="lower right")
    return _png(figure)


def _figure(rows: int) -> tuple[Figure, Axes]:
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7.5, 1.2 + 0.34 * max(rows, 3)), dpi=110, layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(axis="x", color="#e2e6eb", linewidth=0.8)
    axes.set_axisbelow(True)
    return figure, axes


def _difference(
    axes: Axes, place: int, value: float, interval: Sequence[float], verdict: str
) -> None:
    color = COLORS[verdict]
    axes.plot([100 * end for end in interval], [place, place], color=color, linewidth=2)
    mark = {"worse": "v", "better": "^"}.get(verdict, "o")
    axes.plot([100 * value], [place], mark, color=color, markersize=7)


def _rows(axes: Axes, names: list[str], limit: int = 28) -> None:
    # parse_math off: a class may be called "$\\frac$", which would be read as a formula.
    short = [name if len(name) <= limit else name[: limit - 1] + "\u2026" for name in names]
    axes.set_yticks(range(len(names)), short, parse_math=False)
    axes.set_ylim(len(names) - 0.4, -0.6)


def _png(figure: Figure) -> bytes:
    stream = io.BytesIO()
    with warnings.catch_warnings():
        # A class name in a script that the font lacks is drawn as boxes; that is no reason to fail.
        warnings.simplefilter("ignore", UserWarning)
        figure.savefig(stream, format="png")
    return stream.getvalue()
