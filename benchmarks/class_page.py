"""Writes the sections on policies by class of docs/results/classes.md.

python benchmarks/class_page.py docs/results/classes.md runs/classes

It reads null.jsonl and power.jsonl of `null_simulation.py` and SET.jsonl of `class_results.py` in
the folder, and replaces what stands between its two marks in the page, or adds it at the end.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from statsmodels.stats.proportion import proportion_confint

from variegate.evaluate import Comparison, Run, summary
from variegate.evaluate.findings import findings
from variegate.evaluate.statistics import mean_accuracy, paired_difference

BEGIN, END = "<!-- class_page.py begins -->", "<!-- class_page.py ends -->"
HEAD = Path(__file__).with_name("class_page_head.md")
SETS = ("digits", "gtsrb", "fashion")
CALLED = "classes harmed / helped against"
Rows = list[dict[str, Any]]


def read(path: Path) -> Rows:
    """The rows of a file; none where it is not there."""
    if not path.exists():
        return []
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def two(folder: Path, name: str) -> tuple[Rows, Rows]:
    """The rows of a simulation, and those of the same with every class by itself."""
    return read(folder / f"{name}.jsonl"), read(folder / f"{name}_alone.jsonl")


def share(count: int, of: int) -> str:
    """A share of reports with Wilson's interval, in percent."""
    low, high = proportion_confint(count, of, method="wilson")
    return f"{100 * count / of:.1f} % [{100 * low:.1f}, {100 * high:.1f}]"


def null_section(rows: Rows, alone: Rows) -> list[str]:
    """How often reports name something where nothing differs."""
    if not rows:
        return []
    lines = [
        f"{len(rows):,} reports, each on three arms without any difference in expectation.",
        "",
        "| what a report says wrongly | reports | every class by itself |",
        "|---|---|---|",
    ]
    words = {
        "harmed": "at least one class is harmed",
        "helped": "at least one class is helped",
        "grown": "at least one class is named wrongly more often",
        "arms": "the found arm differs from another one",
    }
    for key, text in words.items():
        lines.append(f"| {text} | {named(rows, key)} | {named(alone, key)} |")
    lines += ["", "| cases with | reports that name a harmed class | every class by itself |"]
    lines.append("|---|---|---|")
    for key in ("seeds", "classes"):
        for value in sorted({row[key] for row in rows}):
            both = [[row for row in part if row[key] == value] for part in (rows, alone)]
            cells = " | ".join(named(part, "harmed") for part in both)
            lines.append(f"| {value} {key} | {cells} |")
    return lines


def named(rows: Rows, key: str) -> str:
    """The share of reports with at least one of something."""
    return share(sum(row[key] > 0 for row in rows), len(rows)) if rows else ""


def power_section(rows: Rows, alone: Rows) -> list[str]:
    """Which falls are seen."""
    if not rows:
        return []
    effects = sorted({row["effect"] for row in rows})
    heads = [f"{100 * e:.0f} points" for e in effects]
    before = {(r["images"], r["seeds"], r["effect"]): r for r in alone}
    lines = [
        f"One of ten classes loses; of {rows[0]['cases']} reports each, the share that names it.",
        "",
        f"| images a class | seeds | {' | '.join(heads)} | named: mean | shrunk | 10, by itself |",
        f"|---|---|{'---|' * (len(effects) + 3)}",
    ]
    for images, seeds in sorted({(row["images"], row["seeds"]) for row in rows}):
        own = {r["effect"]: r for r in rows if (r["images"], r["seeds"]) == (images, seeds)}
        last, old = own[effects[-1]], before.get((images, seeds, effects[-1]))
        cells = [f"{100 * own[e]['named']:.0f} %" for e in effects]
        reads = (last["value_where_named"], last["shrunk_where_named"])
        cells += ["" if value is None else f"{100 * value:+.1f}" for value in reads]
        cells.append("" if old is None else f"{100 * old['named']:.0f} %")
        lines.append(f"| {images} | {seeds} | {' | '.join(cells)} |")
    return lines


def comparison(rows: Rows) -> Comparison:
    """The record of a set's rows."""
    data = rows[0]
    runs = [
        Run(r["arm"], r["seed"], np.array(r["predictions"]), r["seconds"], r["epochs"],
            corrupted=r["corrupted"])
        for r in rows
        if r["kind"] == "run"
    ]  # fmt: skip
    arms = tuple(dict.fromkeys(run.arm for run in runs))
    return Comparison(
        data["name"], tuple(data["classes"]), np.array(data["labels"]), arms, tuple(runs),
        {"class counts": data["counts"]}, fresh=tuple(data["fresh"]),
    )  # fmt: skip


def points(value: float, low: float, high: float) -> str:
    """+2.1 [+0.4, +3.8]."""
    return f"{100 * value:+.1f} [{100 * low:+.1f}, {100 * high:+.1f}]"


def worst_class(record: Comparison, arm: str) -> tuple[str, float]:
    """The class with the lowest accuracy over the seeds, and that accuracy."""
    right = record.correct(arm, record.seeds(arm))
    each = [right[:, record.labels == c].mean() for c in range(len(record.classes))]
    lowest = int(np.argmin(each))
    return record.classes[lowest], float(each[lowest])


def against(record: Comparison, arm: str, base: str) -> str:
    """The difference of two arms on the seeds that both have."""
    if arm == base:
        return ""
    seeds = [s for s in record.seeds(arm) if s in set(record.seeds(base))]
    found = paired_difference(record.correct(arm, seeds), record.correct(base, seeds))
    return points(found.value, found.low, found.high)


def set_section(rows: Rows) -> list[str]:
    """One set: every arm, then what is said of its classes."""
    if not rows:
        return []
    record, data = comparison(rows), rows[0]
    choice = next(row for row in rows if row["kind"] == "choice")
    base = "global" if "global" in record.arms else "trivial"
    lines = [
        f"#### {data['name']}",
        "",
        sizes(record, data, base) + chosen_words(choice, data["classes"]),
        "",
        (
            f"| arm | accuracy | against {base} | worst class | {CALLED} none | {base} | corrupted "
            "| calibration error |"
        ),
        "|---|---|---|---|---|---|---|---|",
    ]
    for arm in record.arms:
        mean = mean_accuracy(record.correct(arm, record.seeds(arm)))
        name, low = worst_class(record, arm)
        cells = [
            "**by class**" if arm == "found" else arm,
            f"{100 * mean.value:.1f} [{100 * mean.low:.1f}, {100 * mean.high:.1f}]",
            against(record, arm, base),
            f"{name}: {100 * low:.1f}",
            called(record, arm, "none"),
            called(record, arm, base),
            corrupted(record, arm),
            f"{100 * np.mean([r['calibration'] for r in rows if r.get('arm') == arm]):.1f}",
        ]
        lines.append(f"| {' | '.join(cells)} |")
    said = summary(record, found="found", baselines=["none", base])
    for table in said["class_tables"]:
        lines += ["", f"By class against {table['baseline']}:", ""]
        sentences = findings(table)
        lines += [f"- {line}" for line in sentences] or ["- No class is called."]
    return [*lines, *groups(said), ""]


def sizes(record: Comparison, data: Mapping[str, Any], base: str) -> str:
    """How much data, and what the runs cost."""
    seconds = sum(run.seconds for run in record.runs)
    return (
        f"{data['images']:,} training images, {len(data['labels']):,} test images, "
        f"{len(data['classes'])} classes, {data['epochs']} epochs, {len(record.seeds(base))} seeds "
        f"and {len(record.fresh)} fresh ones; {len(record.runs)} trainings in {seconds:.0f} s. "
    )


def called(record: Comparison, arm: str, base: str) -> str:
    """How many classes are called harmed and helped."""
    if arm == base:
        return ""
    said = summary(record, found=arm, reference=base, baselines=[base])["class_tables"][0]
    return f"{len(said['harmed'])} / {len(said['improved'])}"


def corrupted(record: Comparison, arm: str) -> str:
    """Mean accuracy on corrupted images."""
    row = next(r for r in summary(record, found=arm)["arms"] if r["arm"] == arm)
    column = row["columns"]["corrupted"]
    return "" if column is None else f"{100 * column['value']:.1f}"


def groups(said: Mapping[str, Any]) -> list[str]:
    """Classes with many, medium and few training images, where they differ."""
    rows = [row for row in said["arms"] if row["groups"]]
    if not rows:
        return []
    lines = ["", "| arm | many | medium | few |", "|---|---|---|---|"]
    for row in rows:
        cells = []
        for column in row["groups"].values():
            low, high = column["interval"] or [column["value"]] * 2
            cells.append(f"{100 * column['value']:.1f} [{100 * low:.1f}, {100 * high:.1f}]")
        lines.append(f"| {row['arm']} | {' | '.join(cells)} |")
    return lines


def chosen_words(choice: Mapping[str, Any], classes: Iterable[str]) -> str:
    """What the search by class found and chose."""
    names = list(classes)
    out: dict[str, list[str]] = {}
    less: dict[str, list[str]] = {}
    for index, own in choice["caps"].items():
        for op, factor in own.items():
            (out if factor == 0 else less).setdefault(op, []).append(names[int(index)])

    def told(ops: Mapping[str, list[str]]) -> str:
        parts = [f"{op} ({', '.join(sorted(ops[op]))})" for op in sorted(ops)]
        return "; ".join(parts) or "nothing"

    growing = ", ".join(names[c] for c in choice["growing"])
    return (
        f"Chosen on the validation images: {choice['chosen']}. Left out by affinity, for the "
        f"classes in brackets: {told(out)}. Weakened: {told(less)}. Classes whose false positives "
        f"may grow: {growing or 'none'}."
    )


def main() -> None:
    """Replace or add the sections."""
    page, folder = Path(sys.argv[1]), Path(sys.argv[2])
    lines = [HEAD.read_text(encoding="utf-8").rstrip(), ""]
    lines += ["### Reports where nothing differs", "", *null_section(*two(folder, "null"))]
    lines += ["", "### Which falls are seen", "", *power_section(*two(folder, "power"))]
    lines += ["", "### Policies by class", ""]
    for name in SETS:
        lines += set_section(read(folder / f"{name}.jsonl"))
    text = page.read_text(encoding="utf-8") if page.exists() else "# Results, class by class\n"
    before, _, rest = text.partition(BEGIN)
    after = rest.partition(END)[2]
    body = "\n".join(line.rstrip() for line in lines).rstrip()
    page.write_text(f"{before.rstrip()}\n\n{BEGIN}\n\n{body}\n\n{END}\n{after}", encoding="utf-8")


if __name__ == "__main__":
    main()
