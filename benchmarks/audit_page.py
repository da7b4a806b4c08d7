"""Writes the section "Audit" of docs/results/classes.md from the lines of audit_results.py.

    python benchmarks/audit_page.py benchmarks/results/audit/*.jsonl > FILE
    python benchmarks/audit_page.py --into docs/results/classes.md benchmarks/results/audit/*.jsonl

Everything between the marks <!-- audit --> and <!-- end of audit --> is replaced; the rest stays.
"""

from __future__ import annotations

import argparse
import json
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

HEAD = Path(__file__).with_name("audit_page_head.md")
START, END = "<!-- audit -->", "<!-- end of audit -->"
BEST_OF, REACH, DRAWS = 10, 5, 4000
SHOWN = 6

Floats = NDArray[np.float64]


def rows_of(path: Path) -> list[dict[str, Any]]:
    """The lines of one file."""
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def heading(*names: str) -> list[str]:
    """The first two lines of a table."""
    return [f"| {' | '.join(names)} |", "|---" * len(names) + "|"]


def overview(audits: dict[str, dict[str, Any]]) -> list[str]:
    """One line a set: how it was judged, what was found, how long it took."""
    lines = heading(
        "set", "images judged", "clean models, %", "turns / lost / collects",
        "safe everywhere / up to a magnitude / never", "seconds of one core",
    )  # fmt: skip
    for name, row in audits.items():
        clean = row["clean"]
        kinds = Counter(finding["kind"] for finding in row["findings"])
        high = [safe["high"] for safe in row["safe"]]
        full, none = sum(h >= 1 for h in high), sum(h <= 0 for h in high)
        low, top = (100 * end for end in clean["interval"])
        lines.append(
            f"| {name} | {clean['images']:,} "
            f"| {100 * clean['accuracy']:.1f} [{low:.1f}, {top:.1f}] "
            f"| {kinds['turns']} / {kinds['lost']} / {kinds['collects']} "
            f"| {full} / {len(high) - full - none} / {none} "
            f"| {row['cpu_seconds']:.0f} |"
        )
    return lines


def findings(name: str, row: dict[str, Any]) -> list[str]:
    """The first findings of a set, its hints and what is wrong with the data."""
    lines = [f"**{name}.** {row['understood']}.", ""]
    lines += [f"- {text}" for text in by_eye(row)]
    for hint in row["hints"]:
        seen = "the models see it too" if hint["seen"] else "the models do not show it"
        lines.append(f"- hint: {hint['text']} ({seen})")
    lines += [f"- {each['severity']}: {each['text']}" for each in row["concerns"]]
    return [*lines, ""]


def by_eye(row: dict[str, Any]) -> list[str]:
    """Of each transformation the clearest finding, those of whole turns, flips and hues first."""
    first = ("Rotate 180", "VerticalFlip", "HorizontalFlip", "Hue", "Rotate 90", "Rotate to 180")
    kept: list[dict[str, Any]] = []
    for finding in row["findings"]:
        most = 4 if finding["name"] in first[:4] else 1
        same = [other for other in kept if other["name"] == finding["name"]]
        if finding["kind"] != "collects" and len(same) < most:
            kept.append(finding)
    kept.sort(key=lambda f: first.index(f["name"]) if f["name"] in first else len(first))
    return [finding["text"] for finding in kept[: 2 * SHOWN]]


def best_of(values: Floats, other: Floats, count: int) -> float:
    """The expected `other` of the trial with the best value among `count` that are drawn."""
    order = np.argsort(values, kind="stable")
    place = np.arange(1, len(order) + 1) / len(order)
    weight = place**count - (place - 1 / len(order)) ** count
    return float(weight @ other[order])


class Trials:
    """The trainings of one set and method, by space: values, validation and test accuracies."""

    def __init__(self, rows: list[dict[str, Any]], method: str) -> None:
        own = [row for row in rows if row["kind"] == "trial" and row["method"] == method]
        self.have = {
            space: np.array(
                [[r["value"], r["accuracy"], r["test"]] for r in own if r["space"] == space]
            )
            for space in ("default", "safe")
        }
        self.size = min(len(table) for table in self.have.values())

    def measured(self, generator: np.random.Generator | None = None) -> dict[str, float]:
        """What the trials say; with a generator, of a bootstrap sample of them."""
        table = {}
        for space, rows in self.have.items():
            picked = rows
            if generator is not None:
                picked = rows[generator.integers(0, len(rows), len(rows))]
            table[space] = picked
        level = best_of(table["default"][:, 0], table["default"][:, 0], REACH)
        found = {}
        for space, rows in table.items():
            found[f"{space} validation"] = best_of(rows[:, 0], rows[:, 1], BEST_OF)
            found[f"{space} test"] = best_of(rows[:, 0], rows[:, 2], BEST_OF)
            # Half a trial more of each kind, so that none above the level is not never.
            found[f"{space} rate"] = ((rows[:, 0] >= level).sum() + 0.5) / (len(rows) + 1)
        found["gain"] = found["safe test"] - found["default test"]
        found["ratio"] = found["safe rate"] / found["default rate"]
        return found

    def intervals(self) -> dict[str, tuple[float, float, float]]:
        """Each number with its 95 % bootstrap interval."""
        generator = np.random.default_rng(0)
        draws = [self.measured(generator) for _ in range(DRAWS)]
        whole = self.measured()
        return {
            key: (whole[key], *np.percentile([d[key] for d in draws], [2.5, 97.5]).tolist())
            for key in whole
        }


def searched(name: str, rows: list[dict[str, Any]], method: str) -> str | None:
    """One line of the table of searches; None without trials."""
    trials = Trials(rows, method)
    if trials.size < BEST_OF:
        return None
    found = trials.intervals()

    def text(key: str, scale: float, digits: int, sign: str = "") -> str:
        value, low, high = (scale * each for each in found[key])
        return f"{value:{sign}.{digits}f} [{low:{sign}.{digits}f}, {high:{sign}.{digits}f}]"

    space = next(row for row in rows if row["kind"] == "space")
    each = np.mean([row["seconds"] for row in rows if row["kind"] == "trial"])
    return (
        f"| {name} | {method} | {trials.size} | {text('default test', 100, 1)} "
        f"| {text('safe test', 100, 1)} | {text('gain', 100, 1, '+')} | {text('ratio', 1, 1)} "
        f"| {space['cpu_seconds'] / each:.0f} |"
    )


def section(paths: list[Path]) -> str:
    """The whole section."""
    files = {path.stem: rows_of(path) for path in paths}
    audits = {
        name: next(row for row in rows if row["kind"] == "audit")
        for name, rows in files.items()
        if any(row["kind"] == "audit" for row in rows)
    }
    lines = [*overview(audits), ""]
    for name, row in audits.items():
        lines += findings(name, row)
    table = heading(
        "set", "method", "trainings in each space", "default space: test, %", "safe space: test, %",
        "difference, points", "trials for one", "the audit cost so many trainings",
    )  # fmt: skip
    for method in ("random", "tpe"):
        for name, rows in files.items():
            if any(row["kind"] == "space" for row in rows):
                line = searched(name.removesuffix("-search"), rows, method)
                table += [line] if line else []
    head, middle, tail = HEAD.read_text(encoding="utf-8").split("{}\n")
    return f"{START}\n{head}{chr(10).join(lines)}{middle}{chr(10).join(table)}\n{tail}{END}\n"


def main() -> None:
    """Prints the section, or puts it into a page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("files", nargs="+", type=Path)
    parser.add_argument("--into", type=Path, default=None)
    arguments = parser.parse_args()
    text = section(arguments.files)
    if arguments.into is None:
        print(text, end="")
        return
    page = arguments.into.read_text(encoding="utf-8")
    before, _, rest = page.partition(START)
    _, _, after = rest.partition(END + "\n")
    arguments.into.write_text(before + text + after, encoding="utf-8")


if __name__ == "__main__":
    main()
