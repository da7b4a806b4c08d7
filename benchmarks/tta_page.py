"""Writes docs/results/tta.md from benchmarks/results/tta.json: `python benchmarks/tta_page.py`."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

RESULTS = Path("benchmarks/results/tta.json")
PAGE = Path("docs/results/tta.md")
HEAD = Path("benchmarks/tta_page_head.md")
TABLE = (
    "| views | passes | accuracy, % | against none, points | | corrected | corrupted "
    "| calibration error, % | by seed |"
)
ARMS = ("none", "flip", "shifts", "shifts+flip", "all", "greedy", "learned", "chosen")


def points(value: float) -> str:
    """A share as points with a sign."""
    return f"{100 * value:+.2f}"


def kinds(row: dict[str, Any]) -> str:
    """What was learned or chosen, by seed."""
    count = Counter(row["kinds"])
    if set(count) == {"fixed"}:
        return ""
    return ", ".join(f"{name} {number}" for name, number in sorted(count.items()))


def section(name: str, own: dict[str, Any]) -> list[str]:
    """One set: how it was run, its table, its classes."""
    job, policy = name.split("/")
    train, validation, test = own["images"]
    side = " x ".join(map(str, own["size"]))
    extra = "" if policy == "trivial" else f" --policy {policy}"
    trained = "TrivialAugment" if policy == "trivial" else "no augmentation"
    images = f"{train:,} training, {validation:,} validation and {test:,} test images"
    command = f"python benchmarks/tta_results.py {job}{extra} --seeds {own['seeds']}"
    lines = [
        f"## {job}, trained with {trained}",
        "",
        f"`{command}`: {side}, {images}, {own['epochs']} epochs.",
        "",
        TABLE,
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for arm in ARMS:
        row = own["arms"].get(arm)
        if row is None:
            continue
        value, low, high = row["difference"]
        moved = "" if arm == "none" else f"{points(value)} [{points(low)}, {points(high)}]"
        right, wrong = sum(row["corrected"]), sum(row["corrupted"])
        lines.append(
            f"| {arm} | {row['passes']:.1f} | {100 * row['accuracy']:.2f} | {moved} | "
            f"{row.get('verdict', '')} | {right} | {wrong} | "
            f"{100 * row['calibration_error']:.2f} | {kinds(row)} |"
        )
    return [*lines, "", *classes(own), ""]


def classes(own: dict[str, Any]) -> list[str]:
    """The classes that flips and the greedy choice change most."""
    lines = []
    for arm in ("flip", "greedy"):
        row = own["arms"][arm]
        both = zip(own["classes"], row["corrected"], row["corrupted"], strict=True)
        moved = [(won - lost, name, won, lost) for name, won, lost in both if won or lost]
        worst = [f"{name} ({c} won, {w} lost)" for net, name, c, w in sorted(moved) if net < 0][:3]
        best = [
            f"{name} ({c} won, {w} lost)" for net, name, c, w in sorted(moved)[::-1] if net > 0
        ][:3]
        text = f"By class, {arm}: most lost in {', '.join(worst) or 'none'}"
        lines.append(f"{text}; most won in {', '.join(best) or 'none'}.")
    return ["\n".join(f"- {line}" for line in lines)]


def main() -> None:
    """Writes the page."""
    results = json.loads(RESULTS.read_text())
    lines = [HEAD.read_text().rstrip(), ""]
    for name, own in results.items():
        lines += section(name, own)
    PAGE.write_text("\n".join(lines).rstrip() + "\n")


if __name__ == "__main__":
    main()
