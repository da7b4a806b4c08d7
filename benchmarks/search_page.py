"""Writes docs/results/search.md from the lines of benchmarks/search_results.py.

python benchmarks/search_page.py benchmarks/results/search/*.jsonl > docs/results/search.md
"""

from __future__ import annotations

import json
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from variegate.evaluate.statistics import (
    Difference,
    adjust,
    mean_accuracy,
    paired_difference,
    verdict,
)

HEAD = Path(__file__).with_name("search_page_head.md")
GPU = Path(__file__).parent / "results" / "cifar_gpu.json"
AGAINST = ("flip+crop", "trivial", "random")
NAMES = {
    "none": "no augmentation",
    "flip+crop": "flip + crop",
    "trivial": "TrivialAugment (wide)",
    "randaugment": "RandAugment (2 ops, 0.3)",
    "grid": "RandAugment grid, searched",
    "random": "random search, equal compute",
    "tpe": "TPE, equal compute",
    "autoaugment": "AutoAugment's controller",
    "pba": "schedules, population-based",
    "density": "density matching",
    "guided": "**guided**",
}


class Results:
    """The rows of one set's file."""

    def __init__(self, path: Path) -> None:
        lines = path.read_text(encoding="utf-8").splitlines()
        self.name = path.stem
        self.rows = [json.loads(line) for line in lines]
        self.data = next(row for row in self.rows if row["kind"] == "data")

    def arms(self) -> list[str]:
        """The arms that have a test, in the order of NAMES."""
        have = {row["arm"] for row in self.rows if row["kind"] == "test"}
        return [arm for arm in NAMES if arm in have]

    def searches(self, arm: str) -> list[dict[str, Any]]:
        """The searches of an arm."""
        return [r for r in self.rows if r["kind"] == "search" and r["arm"] == arm]

    def correct(self, arm: str) -> dict[int, NDArray[np.bool_]]:
        """By seed, which test images the arm got right."""
        tests = [r for r in self.rows if r["kind"] == "test" and r["arm"] == arm]
        images = self.data["sizes"]["test"]
        return {r["seed"]: right(r["correct"], images) for r in tests}

    def difference(self, first: str, second: str) -> Difference | None:
        """Paired by seed and image."""
        a, b = self.correct(first), self.correct(second)
        seeds = sorted(set(a) & set(b))
        if not seeds or first == second:
            return None
        return paired_difference(np.stack([a[s] for s in seeds]), np.stack([b[s] for s in seeds]))


def right(digits: str, images: int) -> NDArray[np.bool_]:
    """The bits of a line, one an image."""
    packed = np.frombuffer(bytes.fromhex(digits), np.uint8)
    return np.unpackbits(packed, count=images).astype(bool)


def points(found: Difference | None) -> str:
    """+2.1 [+0.4, +3.8]."""
    if found is None:
        return ""
    return f"{100 * found.value:+.1f} [{100 * found.low:+.1f}, {100 * found.high:+.1f}]"


def table(results: Results) -> list[str]:
    """One line an arm: accuracy, differences, what its searches cost."""
    heads = [f"against {NAMES[other].split(',')[0].split(' (')[0]}" for other in AGAINST]
    lines = [
        f"| arm | runs | test accuracy, % | {' | '.join(heads)} | search, s | trainings a minute |",
        "|---" * (5 + len(AGAINST)) + "|",
    ]
    for arm in results.arms():
        own = results.correct(arm)
        mean = mean_accuracy(np.stack(list(own.values())))
        cells = [NAMES[arm], str(len(own))]
        cells.append(f"{100 * mean.value:.1f} [{100 * mean.low:.1f}, {100 * mean.high:.1f}]")
        cells += [points(results.difference(arm, other)) for other in AGAINST]
        found = results.searches(arm)
        if found:
            seconds = [row["cpu_seconds"] for row in found]
            rate = 60 * sum(row["calls"] for row in found) / max(1e-9, sum(seconds))
            cells += [" / ".join(f"{s:.0f}" for s in seconds), f"{rate:.0f}"]
        else:
            cells += ["0", ""]
        lines.append("| " + " | ".join(cells) + " |")
    return lines


def verdicts(results: Results) -> list[str]:
    """What is proven of guided after Holm's correction over the three comparisons."""
    found = {other: results.difference("guided", other) for other in AGAINST}
    known = {other: d for other, d in found.items() if d is not None}
    corrected = adjust([d.p for d in known.values()], "holm")
    said = [
        f"{verdict(d, p)} against {NAMES[other].split(' (')[0]}"
        + ("" if p is None else f" (Holm p {p:.3f})")
        for (other, d), p in zip(known.items(), corrected, strict=True)
    ]
    return [f"guided: {'; '.join(said)}.", ""] if said else []


def ops_lines(results: Results) -> list[str]:
    """What the scoring of ops left out and capped, in the first guided search."""
    rows = [row for row in results.searches("guided") if "ops" in row]
    if not rows:
        return []
    ops = rows[0]["ops"]
    flips = {"1": "horizontal flip", "2": "vertical flip"}
    out = dict.fromkeys(flips.get(o["name"], o["name"]) for o in ops if o["cap"] <= 0)
    capped = [
        f"{o['name']} {o['cap']:.2f}" for o in ops if 0 < o["cap"] < 1 and o["group"] != "flip"
    ]
    lines = [f"Left out as changing the meaning: {', '.join(out) or 'nothing'}."]
    lines.append(f"Capped at magnitude: {', '.join(capped) or 'nothing'}.")
    chosen = Counter(r.get("chosen", "an entry") for r in rows)
    lines.append(
        "Final rounds: " + ", ".join(f"{n} took {what}" for what, n in chosen.items()) + "."
    )
    return ["", *lines]


def section(results: Results) -> list[str]:
    """One set."""
    data, sizes = results.data, results.data["sizes"]
    height, width, channels = data["image"]
    searches = max((len(results.searches(arm)) for arm in results.arms()), default=0)
    lines = [
        f"## {results.name}",
        "",
        (
            f"`python benchmarks/search_results.py {results.name}`: {sizes['train']:,} training, "
            f"{sizes['validation']:,} validation and {sizes['test']:,} test images, "
            f"{height}x{width}x{channels}, {data['classes']} classes; {data['epochs']} epochs, "
            f"{data['settings']['model']} of width {data['settings']['width']}, batches of "
            f"{data['settings']['batch_size']}; "
            f"{searches} search{'es' if searches > 1 else ''} a method."
        ),
        "",
        *table(results),
        "",
        *verdicts(results),
        *ops_lines(results),
        "",
    ]
    return lines


def gpu_section(path: Path) -> list[str]:
    """The search of benchmarks/cifar_gpu.py, one a method."""
    found = json.loads(path.read_text(encoding="utf-8"))
    sizes, settings = found["sizes"], found["settings"]
    heads = ("arm", "test accuracy, %", "against TrivialAugment", "against random search")
    return [
        "## cifar10, on a GPU",
        "",
        (
            f"`python benchmarks/cifar_gpu.py --seconds 140 --epochs {found['epochs']} "
            f"--final-epochs {found['final_epochs']}` on one {found['device']} beside 16 cores: "
            f"{sizes['train']:,} training, {sizes['validation']:,} validation and "
            f"{sizes['test']:,} test images; {settings['model']} of width {settings['width']}, "
            f"{found['workers']} children side by side. One search a method, of equal seconds and "
            "not of equal trainings; five seeds a final arm."
        ),
        "",
        f"| {' | '.join(heads)} | children trained | search, s | GPU busy, % |",
        "|---" * 7 + "|",
        *gpu_rows(found),
        "",
        (
            "The controller does not pay here, as was to be expected: published searches train "
            "thousands of children, and 82 are too few to teach it. Its policy is no better than "
            "flip + crop; random search over fewer numbers is the best arm."
        ),
        "",
    ]


def gpu_rows(found: dict[str, Any]) -> list[str]:
    """One line an arm."""
    images, tests = found["sizes"]["test"], found["finals"]
    bits = {
        arm: np.stack([right(row["correct"], images) for row in tests if row["arm"] == arm])
        for arm in NAMES
        if any(row["arm"] == arm for row in tests)
    }
    searches = {own["method"]: own for own in found["searches"]}
    lines = []
    for arm, own in bits.items():
        mean, row = mean_accuracy(own), searches.get(arm)
        cells = [
            NAMES[arm].replace("equal compute", "equal seconds"),
            f"{100 * mean.value:.1f} [{100 * mean.low:.1f}, {100 * mean.high:.1f}]",
            *(
                "" if arm == other else points(paired_difference(own, bits[other]))
                for other in ("trivial", "random")
            ),
            f"{row['children']} | {row['seconds']:.0f} | {row['gpu_percent']:.0f}"
            if row
            else " |  | ",
        ]
        lines.append("| " + " | ".join(cells) + " |")
    return lines


def main() -> None:
    """Prints the page."""
    lines = [HEAD.read_text(encoding="utf-8").rstrip(), ""]
    for name in sys.argv[1:]:
        lines += section(Results(Path(name)))
    lines += gpu_section(GPU)
    print("\n".join(lines).rstrip())


if __name__ == "__main__":
    main()
