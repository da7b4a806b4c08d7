"""The class table: one arm against another, class by class, harmed classes first."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import median

from variegate.evaluate import statistics as st
from variegate.evaluate.findings import findings
from variegate.evaluate.mistakes import false_positives, taken_for
from variegate.evaluate.moderate import class_differences
from variegate.evaluate.names import clean_names
from variegate.evaluate.results import Comparison
from variegate.evaluate.schema import ClassRow, ClassTable, Confirmation, DifferenceRow
from variegate.evaluate.shrink import shrunk

__all__ = ["class_table", "difference_row", "shared_seeds"]

_ORDER = {"worse": 0, "not proven": 1, "better": 2}


def shared_seeds(comparison: Comparison, first: str, second: str) -> tuple[int, ...]:
    """Give the seeds that both arms have a run for, in rising order."""
    other = set(comparison.seeds(second))
    return tuple(seed for seed in comparison.seeds(first) if seed in other)


def difference_row(
    against: str, difference: st.Difference | None, corrected: float | None
) -> DifferenceRow:
    """Give a difference as plain data, with its verdict and what there is to say about it."""
    if difference is None:
        return {
            "against": against, "value": 0.0, "interval": [-1.0, 1.0], "p": None,
            "corrected": None, "seeds": 0, "images": 0, "verdict": "not proven",
            "note": "no seed in common, so nothing can be paired",
        }  # fmt: skip
    said = st.verdict(difference, corrected)
    note = ""
    if difference.seeds == 1:
        note = "one seed: nothing can be said about training noise; the interval covers images only"
    elif difference.p is None:
        note = "too few test images"
    elif said == "not proven" and not difference.low <= 0 <= difference.high:
        note = "the interval alone leaves out zero, but not after correction for several tests"
    return {
        "against": against,
        "value": difference.value,
        "interval": [difference.low, difference.high],
        "p": difference.p,
        "corrected": corrected,
        "seeds": difference.seeds,
        "images": difference.images,
        "verdict": said,
        "note": note,
    }


def class_table(comparison: Comparison, found: str, base: str, shown: dict[str, str]) -> ClassTable:
    """Hold one arm against another class by class; `shown` has the arms' names as printed."""
    seeds = shared_seeds(comparison, found, base)
    rows = _rows(comparison, found, base, seeds, shown[base]) if seeds else []
    fresh = [s for s in comparison.fresh_seeds(found) if s in comparison.fresh_seeds(base)]
    if fresh:
        _confirm(rows, comparison, found, base, fresh)
    rows.sort(key=_harmed_first)
    known = [d for row in rows if (d := row["difference"]) is not None]
    widths = [(d["interval"][1] - d["interval"][0]) / 2 for d in known]
    table: ClassTable = {
        "arm": shown[found],
        "baseline": shown[base],
        "seeds": len(seeds),
        "rows": rows,
        "harmed": _named(rows, "worse"),
        "improved": _named(rows, "better")[::-1],
        "visible": float(median(widths)) if widths else None,
        "fresh": len(fresh),
        "grown": [
            r["name"] for r in rows if (g := r["false_positives"]) and g["verdict"] == "more"
        ],
        "findings": [],
    }
    table["findings"] = findings(table)
    return table


def _rows(
    comparison: Comparison, found: str, base: str, seeds: Sequence[int], against: str
) -> list[ClassRow]:
    labels, names = comparison.labels, clean_names(comparison.classes)
    first, second = comparison.predictions(found, seeds), comparison.predictions(base, seeds)
    right, before = first == labels, second == labels
    differences = class_differences(right, before, labels, len(names))
    corrected = st.adjust([d.p if d else None for d in differences], "fdr_bh")
    wrong = false_positives(first, second, labels, names)
    drawn = shrunk(differences)
    rows: list[ClassRow] = []
    for index, (difference, p) in enumerate(zip(differences, corrected, strict=True)):
        row = None if difference is None else difference_row(against, difference, p)
        harmed = row is not None and row["verdict"] == "worse"
        own = labels == index
        rows.append(
            {
                "index": index,
                "name": names[index],
                "images": int(own.sum()),
                "baseline": None if row is None else float(before[:, own].mean()),
                "found": None if row is None else float(right[:, own].mean()),
                "difference": row,
                "shrunk": drawn[index],
                "confirmation": None,
                "false_positives": wrong[index],
                "goes_to": taken_for(first, second, labels, names, index) if harmed else [],
            }
        )
    return rows


def _confirm(
    rows: Sequence[ClassRow], comparison: Comparison, found: str, base: str, seeds: Sequence[int]
) -> None:
    """Test the called classes again, on seeds that had no part in calling them."""
    called = [row for row in rows if (d := row["difference"]) and d["verdict"] != "not proven"]
    right, before = comparison.correct(found, seeds), comparison.correct(base, seeds)
    every = class_differences(right, before, comparison.labels, len(comparison.classes))
    tests = [test for row in called if (test := every[row["index"]]) is not None]
    one_sided = [_one_sided(row, test) for row, test in zip(called, tests, strict=True)]
    corrected = st.adjust(one_sided, "holm")
    for row, test, p, q in zip(called, tests, one_sided, corrected, strict=True):
        said: Confirmation = {
            "seeds": test.seeds,
            "value": test.value,
            "interval": [test.low, test.high],
            "p": p,
            "corrected": q,
            "verdict": "confirmed" if q is not None and q <= st.ALPHA else "not confirmed",
        }
        row["confirmation"] = said


def _one_sided(row: ClassRow, test: st.Difference) -> float | None:
    """The p value in the direction that was called."""
    if test.p is None or row["difference"] is None:
        return None
    same = (test.value > 0) == (row["difference"]["value"] > 0) and test.value != 0
    return test.p / 2 if same else 1 - test.p / 2


def _harmed_first(row: ClassRow) -> tuple[int, float, int]:
    difference = row["difference"]
    if difference is None:
        return 3, 0.0, row["index"]
    return _ORDER[difference["verdict"]], difference["value"], row["index"]


def _named(rows: Sequence[ClassRow], said: str) -> list[str]:
    return [row["name"] for row in rows if (d := row["difference"]) and d["verdict"] == said]
