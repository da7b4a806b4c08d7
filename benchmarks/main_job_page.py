"""Writes docs/results/main-job.md from the folders of finished main jobs.

python benchmarks/main_job_page.py runs/demo runs/digits runs/fashion runs/flowers \\
    > docs/results/main-job.md
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

HEAD = """# The main job on real sets

Search, then compare, on two cores (AMD EPYC with AVX-512 and bfloat16), one thread a training, no
GPU. Every arm is trained from the start with the same seeds: same first weights, same order of
batches. The test split is predicted once by each trained model and chooses nothing. Intervals are
95 %: of an arm's mean over seeds (t), of a difference over seeds and test images together. Verdicts
are corrected for the number of arms (Holm) or classes (Benjamini-Hochberg). `found` is what the
guided search, the default, found in the first section (an Intel processor with AVX-512); in the
others, which are older, what TPE found on validation accuracy in the default space.

What it says: on 8x8 digits with 20 training images a class, the found policy is proven better than
no augmentation where 1,078 images test it, and not proven to differ from TrivialAugment. Flips harm
digits, as they must. On 4,000 images of Fashion-MNIST at 20 epochs, RandAugment alone is proven
better than no augmentation, by half a point; on photographs of 17 flowers (3 seeds, 272 test
images) nothing is proven. There TPE, with 10 to 12 single noisy trials, found nothing that a
control does not give, and on Fashion-MNIST it costs class 5 (sandals) a point.

This page is written by
`python benchmarks/main_job_page.py runs/demo runs/digits runs/fashion runs/flowers`.
"""


def percent(value: float) -> str:
    """85.6."""
    return f"{100 * value:.1f}"


def points(row: dict[str, Any]) -> str:
    """+0.4 [-0.2, +0.9]."""
    low, high = row["interval"]
    return f"{100 * row['value']:+.1f} [{100 * low:+.1f}, {100 * high:+.1f}]"


def arms_table(summary: dict[str, Any]) -> list[str]:
    """One line an arm, with its differences from the reference and from trivial."""
    seconds = {row["arm"]: row["seconds_per_run"] for row in summary["cost"]["arms"]}
    lines = [
        "| arm | test accuracy, % | seeds | against none | against trivial | s a training |",
        "|---|---|---|---|---|---|",
    ]
    for row in summary["arms"]:
        low, high = row["interval"]
        cells = [row["arm"], f"{percent(row['mean'])} [{percent(low)}, {percent(high)}]"]
        cells.append(str(len(row["seeds"])))
        against = {d["against"]: d for d in row["differences"]}
        for other in ("none", "trivial"):
            d = against.get(other)
            cells.append(f"{points(d)} {d['verdict']}" if d else "")
        cells.append(f"{seconds[row['arm']]:.1f}")
        lines.append("| " + " | ".join(cells) + " |")
    return lines


def class_table(table: dict[str, Any]) -> list[str]:
    """Classes, harmed first, of the found arm against another."""
    other = table["baseline"]
    lines = [
        f"| class | test images | {other}, % | found, % | difference, points | verdict |",
        "|---|---|---|---|---|---|",
    ]
    for row in table["rows"]:
        cells = [row["name"], str(row["images"]), percent(row["baseline"]), percent(row["found"])]
        cells += [points(row["difference"]), row["difference"]["verdict"]]
        lines.append("| " + " | ".join(cells) + " |")
    return lines


def section(folder: Path) -> list[str]:
    """One data set."""
    summary = json.loads((folder / "report.json").read_text(encoding="utf-8"))["summary"]
    search = json.loads((folder / "search.json").read_text(encoding="utf-8"))
    data, cost = search["data"]["understood"], summary["cost"]
    size = "x".join(map(str, data["size"]))
    sizes = (
        f"{data['train']:,} training, {data['validation']:,} validation and {data['test']:,} test "
        f"images, {size}, {data['classes']} classes"
    )
    spent = (
        f"{search['trials']} trials of {search['epochs']} epochs in {search['seconds']:.0f} s; "
        f"{cost['training_seconds']:.0f} s of training in the comparison, "
        f"on {summary['settings']['training images']:,} images"
    )
    lines = [
        f"## {summary['dataset']}",
        "",
        f"`{search['data']['command']}`: {sizes}; {spent}.",
        "",
        f"**{summary['headline']}**",
        "",
        *arms_table(summary),
        "",
        *class_table(summary["class_tables"][0]),
        "",
    ]
    return lines


def main() -> None:
    """Prints the page."""
    lines = [HEAD]
    for folder in sys.argv[1:]:
        lines += section(Path(folder))
    print("\n".join(lines).rstrip())


if __name__ == "__main__":
    main()
