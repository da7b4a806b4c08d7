"""Turn a comparison into plain data: arms, differences, classes harmed first, cost, headline."""

from __future__ import annotations

from collections.abc import Sequence

from variegate.errors import InputError
from variegate.evaluate import statistics as st
from variegate.evaluate import wording
from variegate.evaluate.classes import class_table, difference_row, shared_seeds
from variegate.evaluate.columns import columns, groups
from variegate.evaluate.names import TEXT_LIMIT, clean, clean_data, clean_names
from variegate.evaluate.results import Comparison
from variegate.evaluate.schema import (
    ArmRow,
    Cost,
    Summary,
)

SCHEMA = "variegate.summary/1"
REFERENCE = "none"
FOUND = "found"
BASELINES = ("none", "trivial", "global")


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
    ('none', 'trivial' and 'global' where they are). An arm without runs is listed in `missing`.
    Raises InputError for an arm that is not there or when no arm has a run.
    """
    done, reference, found, against = _choices(comparison, found, reference, baselines)
    shown = dict(zip(comparison.arms, clean_names(comparison.arms), strict=True))
    arms = _arm_rows(comparison, done, against, shown)
    class_baselines = [arm for arm in against if arm != found]
    tables = [class_table(comparison, found, arm, shown) for arm in class_baselines]
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


def arms_to_confirm(comparison: Comparison) -> tuple[str, ...]:
    """Give the arms whose classes are called harmed or helped: the found one, then its baselines.

    They are those of `summary` without arguments; empty where no class is called.
    """
    _, _, found, against = _choices(comparison, None, None, None)
    shown = {arm: arm for arm in comparison.arms}
    called = []
    for base in against:
        table = None if base == found else class_table(comparison, found, base, shown)
        if table is not None and (table["harmed"] or table["improved"]):
            called.append(base)
    return (found, *called) if called else ()


def text_lines(result: Summary) -> list[str]:
    """Give the summary as a few plain lines for a terminal; no number without its interval."""
    return wording.text_lines(result)


def _choices(
    comparison: Comparison,
    found: str | None,
    reference: str | None,
    baselines: Sequence[str] | None,
) -> tuple[list[str], str, str, list[str]]:
    """The arms with runs, the reference, the found arm, and what the arms are held against."""
    done = [arm for arm in comparison.arms if comparison.seeds(arm)]
    if not done:
        raise InputError(f"no arm of {list(comparison.arms)} has a run yet")
    reference = _choose(reference, REFERENCE, done[0], done)
    found = _choose(found, FOUND, done[-1], done)
    wanted = list(BASELINES if baselines is None else baselines)
    if baselines is not None:
        for arm in wanted:
            _choose(arm, arm, arm, done)
    return done, reference, found, [a for a in dict.fromkeys([reference, *wanted]) if a in done]


def _choose(asked: str | None, usual: str, otherwise: str, done: Sequence[str]) -> str:
    if asked is None:
        return usual if usual in done else otherwise
    if asked not in done:
        raise InputError(f"arm {clean(asked)!r}: no runs; arms with runs are {list(done)}")
    return asked


def _paired(comparison: Comparison, first: str, second: str) -> st.Difference | None:
    seeds = shared_seeds(comparison, first, second)
    if not seeds:
        return None
    return st.paired_difference(comparison.correct(first, seeds), comparison.correct(second, seeds))


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
            "groups": groups(comparison, arm, against, shown),
            "columns": columns(comparison, arm, against, shown),
        }
        rows.append(row)
    for base in against:
        # One family for Holm: every arm held against this one.
        others = [(row, arm) for row, arm in zip(rows, done, strict=True) if arm != base]
        found = [_paired(comparison, arm, base) for _, arm in others]
        corrected = st.adjust([d.p if d else None for d in found], "holm")
        for (row, _), difference, p in zip(others, found, corrected, strict=True):
            row["differences"].append(difference_row(shown[base], difference, p))
    return rows


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
