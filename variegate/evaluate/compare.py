"""Turn a comparison into plain data: arms, differences, classes harmed first, cost, headline."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import median

from variegate.errors import InputError
from variegate.evaluate import statistics as st
from variegate.evaluate import wording
from variegate.evaluate.names import TEXT_LIMIT, clean, clean_data, clean_names
from variegate.evaluate.results import Comparison
from variegate.evaluate.schema import (
    ArmRow,
    ClassRow,
    ClassTable,
    Cost,
    DifferenceRow,
    Summary,
)

SCHEMA = "variegate.summary/1"
REFERENCE = "none"
FOUND = "found"
BASELINES = ("none", "trivial")
_ORDER = {"worse": 0, "not proven": 1, "better": 2}


def summary(
    comparison: Comparison,
    *,
    found: str | None = None,
    reference: str | None = None,
    baselines: Sequence[str] | None = None,
    search_seconds: float | None = None,
) -> Summary:
    """Say what the runs show, as plain data (see `schema`).

    `reference` is the arm all others are held against ('none', else the first arm); `found` the arm
    whose classes are looked at ('found', else the last arm); `baselines` what it is held against
    ('none' and 'trivial' where they are). An arm without runs is listed in `missing`.
    Raises InputError for an arm that is not there or when no arm has a run.
    """
    done = [arm for arm in comparison.arms if comparison.seeds(arm)]
    if not done:
        raise InputError(f"no arm of {list(comparison.arms)} has a run yet")
    reference = _choose(reference, REFERENCE, done[0], done)
    found = _choose(found, FOUND, done[-1], done)
    wanted = list(BASELINES if baselines is None else baselines)
    if baselines is not None:
        for arm in wanted:
            _choose(arm, arm, arm, done)
    against = [arm for arm in dict.fromkeys([reference, *wanted]) if arm in done]
    shown = dict(zip(comparison.arms, clean_names(comparison.arms), strict=True))
    arms = _arm_rows(comparison, done, against, shown)
    class_baselines = [arm for arm in against if arm != found]
    tables = [_class_table(comparison, found, arm, shown) for arm in class_baselines]
    result: Summary = {
        "schema": SCHEMA,
        "dataset": clean(comparison.dataset),
        "images": len(comparison.labels),
        "classes": clean_names(comparison.classes),
        "reference": shown[reference],
        "found": shown[found] if class_baselines else None,
        "headline": "",
        "arms": arms,
        "missing": [shown[arm] for arm in comparison.arms if arm not in done],
        "class_tables": tables,
        "cost": _cost(comparison, done, shown, search_seconds),
        "method": st.METHOD,
        "limits": [],
        "settings": clean_data(comparison.settings),
        "commands": [clean(line, TEXT_LIMIT) for line in comparison.commands],
        "versions": clean_data(comparison.versions),
    }
    result["cost"]["per_point"] = _per_point(result)
    result["headline"] = wording.headline(result)
    result["limits"] = wording.limits(result)
    return result


def text_lines(result: Summary) -> list[str]:
    """Give the summary as a few plain lines for a terminal; no number without its interval."""
    return wording.text_lines(result)


def _choose(asked: str | None, usual: str, otherwise: str, done: Sequence[str]) -> str:
    if asked is None:
        return usual if usual in done else otherwise
    if asked not in done:
        raise InputError(f"arm {clean(asked)!r}: no runs; arms with runs are {list(done)}")
    return asked


def _paired(
    comparison: Comparison, first: str, second: str
) -> tuple[tuple[int, ...], st.Difference | None]:
    seeds = tuple(s for s in comparison.seeds(first) if s in set(comparison.seeds(second)))
    if not seeds:
        return seeds, None
    difference = st.paired_difference(
        comparison.correct(first, seeds), comparison.correct(second, seeds)
    )
    return seeds, difference


def _difference_row(
    against: str, difference: st.Difference | None, corrected: float | None
) -> DifferenceRow:
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


def _arm_rows(
    comparison: Comparison, done: Sequence[str], against: Sequence[str], shown: dict[str, str]
) -> list[ArmRow]:
    rows: list[ArmRow] = []
    for arm in done:
        seeds = comparison.seeds(arm)
        correct = comparison.correct(arm, seeds)
        mean = st.mean_accuracy(correct)
        row: ArmRow = {
            "arm": shown[arm],
            "mean": mean.value,
            "interval": [mean.low, mean.high],
            "covers": mean.covers,
            "seeds": list(seeds),
            "accuracies": [float(value) for value in correct.mean(axis=1)],
            "epochs": max(run.epochs for run in comparison.runs if run.arm == arm),
            "differences": [],
        }
        rows.append(row)
    for base in against:
        # One family for Holm: every arm held against this one.
        others = [(row, arm) for row, arm in zip(rows, done, strict=True) if arm != base]
        found = [_paired(comparison, arm, base)[1] for _, arm in others]
        corrected = st.adjust([d.p if d else None for d in found], "holm")
        for (row, _), difference, p in zip(others, found, corrected, strict=True):
            row["differences"].append(_difference_row(shown[base], difference, p))
    return rows


def _class_table(
    comparison: Comparison, found: str, base: str, shown: dict[str, str]
) -> ClassTable:
    seeds, _ = _paired(comparison, found, base)
    names = clean_names(comparison.classes)
    rows: list[ClassRow] = []
    if seeds:
        first, second = comparison.correct(found, seeds), comparison.correct(base, seeds)
        differences = st.class_differences(first, second, comparison.labels, len(names))
        corrected = st.adjust([d.p if d else None for d in differences], "fdr_bh")
        for index, (difference, p) in enumerate(zip(differences, corrected, strict=True)):
            chosen = comparison.labels == index
            some = difference is not None
            rows.append(
                {
                    "index": index,
                    "name": names[index],
                    "images": int(chosen.sum()),
                    "baseline": float(second[:, chosen].mean()) if some else None,
                    "found": float(first[:, chosen].mean()) if some else None,
                    "difference": _difference_row(shown[base], difference, p) if some else None,
                }
            )
    rows.sort(key=_harmed_first)
    widths = [(d["interval"][1] - d["interval"][0]) / 2 for d in map(_of, rows) if d is not None]
    return {
        "arm": shown[found],
        "baseline": shown[base],
        "seeds": len(seeds),
        "rows": rows,
        "harmed": _named(rows, "worse"),
        "improved": _named(rows, "better")[::-1],
        "visible": float(median(widths)) if widths else None,
    }


def _of(row: ClassRow) -> DifferenceRow | None:
    return row["difference"]


def _harmed_first(row: ClassRow) -> tuple[int, float, int]:
    difference = row["difference"]
    if difference is None:
        return 3, 0.0, row["index"]
    return _ORDER[difference["verdict"]], difference["value"], row["index"]


def _named(rows: Sequence[ClassRow], said: str) -> list[str]:
    return [row["name"] for row in rows if (d := row["difference"]) and d["verdict"] == said]


def _cost(
    comparison: Comparison,
    done: Sequence[str],
    shown: dict[str, str],
    search_seconds: float | None,
) -> Cost:
    times = {arm: [run.seconds for run in comparison.runs if run.arm == arm] for arm in done}
    return {
        "arms": [
            {
                "arm": shown[arm],
                "runs": len(each),
                "seconds": float(sum(each)),
                "seconds_per_run": float(sum(each) / len(each)),
            }
            for arm, each in times.items()
        ],
        "training_seconds": float(sum(sum(each) for each in times.values())),
        "search_seconds": search_seconds,
        "per_point": None,
    }


def _per_point(result: Summary) -> list[float] | None:
    """Seconds of search for a point of proven gain: at the gain, at its upper and lower end."""
    seconds = result["cost"]["search_seconds"]
    for row in result["arms"]:
        for each in row["differences"]:
            proven = each["verdict"] == "better" and each["interval"][0] > 0
            if row["arm"] == result["found"] and each["against"] == result["reference"] and proven:
                low, high = each["interval"]
                gains = (each["value"], high, low)
                return None if seconds is None else [seconds / (100 * gain) for gain in gains]
    return None
