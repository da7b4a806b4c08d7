"""Writes docs/benchmarks.md and its picture from benchmarks/results/*.json.

python benchmarks/speed_page.py [--results FOLDER] [--docs FOLDER]
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))

from speed_plot import picture
from speed_stops import stops

from variegate.bench.goals import goals
from variegate.bench.peers.cases import SUITES
from variegate.bench.schema import check_document
from variegate.bench.summary import Results

ROOT = Path(__file__).parents[1]
PICTURE = "images/speed-scaling.svg"
HEAD = """# Speed

What variegate takes, beside every other library that does the same work on a CPU. Each library runs
in a process of its own; the processes are timed in turn (A B A B), so that a busy moment hits all
alike. Between two measurements all rest for 0.02 s, so that no thread of the library before still
spins; each begins with a call that is not timed, where a call is quick. A cell is the median over
rounds. Single ops use one thread each; pipelines, annotated samples and files two cores, as threads
where a library has them and as two processes where it has none.

Who is helped, and how: a library gets its own kind of input before the clock starts (tensors,
floats, Pillow images), whole batches in one call where it can do that, and results between two
processes cost it nothing, since they share memory. variegate starts from uint8 arrays. What a
library does otherwise than asked is said under "What differs".

`python benchmarks/speed.py` measures, `python benchmarks/speed_page.py` writes this page from
`benchmarks/results`; `benchmarks/README.md` tells how to set up the libraries. `variegate bench`
runs the same on your machine with the libraries that you have.
"""
STOPS = """## What stops the rest

Microseconds are those of this run. Instructions are those of the AVX2 loops, drawing included, as
`python benchmarks/instructions.py` counts them with Valgrind; `python benchmarks/call_overhead.py`
times the parts of a call, of which means are given.
"""
TITLES = {
    "pipelines": ("Pipelines", "images/s; higher is better"),
    "annotated": ("With boxes, keypoints and masks", "images/s; higher is better"),
    "files": ("From JPEG files", "images/s; higher is better"),
    "ops": ("Single ops, one thread", "microseconds an image; lower is better"),
    "limits": ("What the speed is made of", "microseconds an image; lower is better"),
}


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    """A Markdown table."""
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    return [*lines, *("| " + " | ".join(row) + " |" for row in rows), ""]


def number(value: float) -> str:
    """Three digits: 12,300 or 0.456."""
    if value >= 100:
        digits = len(str(int(value))) - 3
        return f"{round(value / 10**digits) * 10**digits:,}"
    return f"{value:.3g}"


def cell(result: dict[str, Any] | None, rate: bool, best: bool) -> str:
    """A value; bold where it is the best of its row."""
    if result is None:
        return ""
    if "failed" in result:
        return "failed"
    value = 1 / result["median"] if rate else 1e6 * result["median"]
    spread = (result["high"] - result["low"]) / result["median"]
    text = f"**{number(value)}**" if best else number(value)
    return f"{text} (±{100 * spread / 2:.0f} %)" if spread > 0.2 else text


def rows_of(cases: Sequence[Any], peers: Sequence[str], rate: bool) -> list[list[str]]:
    """One row a case."""
    out = []
    for case in cases:
        results = case["results"]
        times = [r["median"] for r in results.values() if "median" in r]
        least = min(times) if times else 0.0
        cells = [
            cell(results.get(peer), rate, results.get(peer, {}).get("median") == least)
            for peer in peers
        ]
        out.append([case["name"], f"{case['width']}x{case['height']}", str(case["batch"]), *cells])
    return out


def suite_section(results: Results, suite: str) -> list[str]:
    """The table of one suite; ops by size and batch."""
    cases = results.suite(suite)
    title, unit = TITLES[suite]
    if not cases:
        return []
    known = {peer for case in cases for peer in case["results"]}
    order = [peer for document in results.documents for peer in document["peers"]]
    peers = [peer for peer in dict.fromkeys(order) if peer in known]
    forms = sorted({(-case["height"], -case["batch"]) for case in cases}) if suite == "ops" else []
    groups = [[c for c in cases if (-c["height"], -c["batch"]) == f] for f in forms] or [cases]
    text = f"In {unit}. The best of a row is bold; a spread (half the range between the quartiles)"
    lines = [f"## {title}", "", f"{text} above 10 % is given.", ""]
    head = ["case", "input", "batch", *peers]
    for group in groups:
        lines += table(head, rows_of(group, peers, unit.startswith("images")))
    return lines


def goal_section(results: Results) -> list[str]:
    """Every goal with its verdict."""
    found = goals(results)
    met = sum(goal.met is True for goal in found)
    rows = [(g.what, g.against, g.found(), g.asked(), g.verdict()) for g in found]
    head = ("what", "against", "measured", "goal", "verdict")
    return ["## The goals", "", f"{met} of {len(found)} are met.", "", *table(head, rows)]


def stop_section(results: Results) -> list[str]:
    """Why each goal that is not met is not."""
    goals_of: dict[str, list[str]] = {}
    for what, against, why in stops(results):
        goals_of.setdefault(why, []).append(f"{what}, against {against}")
    rows = (("; ".join(names), why) for why, names in goals_of.items())
    lines = table(("goal", "what stops it"), rows) if goals_of else ["Nothing.", ""]
    return [*STOPS.rstrip().split("\n"), "", *lines]


def machine_section(results: Results) -> list[str]:
    """Machine, settings and versions."""
    if not results.documents:
        return ["No results yet.", ""]
    lines = []
    for machine in {json.dumps(d["machine"], sort_keys=True): 0 for d in results.documents}:
        m = json.loads(machine)
        lines.append(
            f"Machine: {m['processor']}, {m['cores']} cores, {m['memory_gib']} GiB, {m['system']}."
        )
    rounds = sorted({d["settings"]["rounds"] for d in results.documents})
    length = sorted({d["settings"]["seconds"] for d in results.documents})
    lines.append(
        f"Rounds: {', '.join(map(str, rounds))} at most (fewer where a call is slow), each of "
        f"about {', '.join(map(str, length))} s."
    )
    versions: dict[str, str] = {}
    for document in results.documents:
        for peer, state in document["peers"].items():
            found = state.get("versions", {})
            text = ", ".join(f"{name} {version}" for name, version in found.items())
            versions[peer] = text or state.get("failed", "")
    return ["", *lines, "", *table(("library", "versions"), versions.items())]


def loss_section(results: Results) -> list[str]:
    """Where another library is faster."""
    losses = results.losses()
    text = "Every case in which another library takes less time, and its time as a share of ours."
    rows = [(f"`{x.case}`", x.peer, f"{100 * x.share:.0f} %") for x in losses]
    lines = table(("case", "library", "its time"), rows) if rows else ["None.", ""]
    return [f"## Losses ({len(losses)})", "", text, "", *lines]


def difference_section(results: Results) -> list[str]:
    """What each case does, and what a library does otherwise."""
    notes: dict[tuple[str, str], list[str]] = {}
    for case in results.cases.values():
        for peer, result in case["results"].items():
            key = (peer, result.get("note", ""))
            if key[1] and case["name"] not in notes.setdefault(key, []):
                notes[key].append(case["name"])
    does = {(c["suite"], c["name"]): c["does"] for c in results.cases.values()}
    what = table(("suite", "case", "work"), ((s, n, text) for (s, n), text in does.items()))
    rows = ((peer, text, ", ".join(names)) for (peer, text), names in sorted(notes.items()))
    other = table(("library", "what differs, or how it runs", "cases"), rows)
    return ["## What each case does", "", *what, "## What differs", "", *other]


def failure_section(results: Results) -> list[str]:
    """What did not run."""
    failures = results.failures()
    rows = [(f"`{c}`" if c else "all", p, why.replace("|", "/")) for c, p, why in failures]
    lines = table(("case", "library", "what it said"), rows) if rows else ["Nothing.", ""]
    return ["## What did not run", "", *lines]


def page(results: Results) -> str:
    """The whole page."""
    lines = [HEAD.rstrip(), *machine_section(results), *goal_section(results)]
    for suite in ("pipelines", "annotated", "files", "limits"):
        lines += suite_section(results, suite)
    lines += [f"![Cost by batch size and by pixels]({PICTURE})", ""]
    errors = {
        peer: found
        for document in results.documents
        for peer, found in document["accuracy"].items()
        if "mean" in found
    }
    if errors:
        rows = [(p, f"{e['mean']:.4f}", f"{e['greatest']:.2f}") for p, e in errors.items()]
        head = ("rotation by 13 degrees", "mean error, levels", "greatest")
        lines += ["Against bilinear interpolation in float64, unrounded:", "", *table(head, rows)]
    lines += suite_section(results, "ops")
    lines += stop_section(results)
    lines += loss_section(results) + failure_section(results) + difference_section(results)
    return "\n".join(lines).rstrip() + "\n"


def read(folder: Path) -> Results:
    """The checked documents of a folder, suite by suite."""
    documents = []
    for suite in SUITES:
        path = folder / f"{suite}.json"
        if path.is_file():
            documents.append(json.loads(path.read_text(encoding="utf-8")))
            check_document(documents[-1])
    return Results(documents)


def main() -> None:
    """Writes both files."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--results", type=Path, default=ROOT / "benchmarks" / "results")
    parser.add_argument("--docs", type=Path, default=ROOT / "docs")
    given = parser.parse_args()
    results = read(given.results)
    (given.docs / "benchmarks.md").write_text(page(results), encoding="utf-8")
    (given.docs / PICTURE).write_text(picture(results), encoding="utf-8")


if __name__ == "__main__":
    main()
