"""Writes docs/from-albumentations.md: what variegate and Albumentations 2.0.8 make of one picture
at equal parameters.

    python benchmarks/albumentations_table.py                    the page, from kept numbers
    python benchmarks/albumentations_table.py --peer PYTHON      measures again first
    python benchmarks/albumentations_table.py --peer PYTHON --only FDA ...   these transforms alone
    python benchmarks/albumentations_table.py --found FOLDER     compares with a peer's run again
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).parent))
from albumentations_cases import CASES, DRAWS, Case, blocks, key, measured

import variegate as vg

ROOT = Path(__file__).resolve().parents[1]
NUMBERS = ROOT / "benchmarks" / "results" / "albumentations.json"
PAGE = ROOT / "docs" / "from-albumentations.md"
COMMAND = "python benchmarks/albumentations_table.py --peer PYTHON"
SIZE = (240, 320)


def photograph() -> Any:
    """The tower that comes with scikit-learn, uint8 (240, 320, 3)."""
    from variegate.workflow.scene import scenes

    return np.ascontiguousarray(scenes(SIZE)[0]["image"])


def ours(case: Case) -> tuple[vg.Pipeline, list[str]]:
    """The pipeline of a case, and what is different about it."""
    item = {"__class_fullname__": case.name, **case.arguments, "p": 1.0}
    remarks: list[str] = []
    return vg.from_albumentations({"transform": item}, seed=7, report=remarks), remarks


def compare(case: Case, theirs: dict[str, Any], folder: Path, image: Any) -> dict[str, Any]:
    """One row of numbers."""
    pipeline, remarks = ours(case)
    row: dict[str, Any] = {"how": case.how, "remarks": remarks}
    if any(line.startswith("left out") for line in remarks):
        return row
    if "error" in theirs:
        raise RuntimeError(f"{key(case)}: {theirs['error']}")
    mine = measured(case, lambda x: pipeline(image=x, **case.targets)["image"], image)
    if case.how == "set":
        same = len(set(mine["set"]) & set(theirs["set"]))
        return row | {"same": same, "ours": len(mine["set"]), "theirs": len(theirs["set"])}
    if case.how == "draws":
        return row | {"ours": _rounded(mine), "theirs": _rounded(theirs)}
    other = np.load(folder / theirs["file"])
    row |= {"shape": list(other.shape), "blocks": blocks(other)}
    row |= {"apart": apart(mine["image"], row["blocks"])}
    return row | difference(mine["image"], other)


def apart(image: Any, theirs: list[list[float]]) -> float:
    """The largest difference between the means of blocks, in levels of the output."""
    return round(float(np.abs(np.array(blocks(image)) - np.array(theirs)).max()), 3)


def _rounded(side: dict[str, Any]) -> dict[str, float]:
    return {name: round(float(side[name]), 3) for name in ("mean", "std")}


def difference(one: Any, other: Any) -> dict[str, Any]:
    """Mean and largest difference, and the share of values that are within one level."""
    if one.shape != other.shape:
        return {"sizes": [list(one.shape[:2]), list(other.shape[:2])]}
    error = np.abs(np.asarray(one, np.float64) - np.asarray(other, np.float64))
    return {
        "mean": float(f"{error.mean():.3g}"),
        "most": float(f"{error.max():.3g}"),
        "within": float(f"{(error <= 1).mean():.5f}"),
    }


def measure(python: str, names: list[str]) -> None:
    """Runs the peer, then compares; the numbers of other transforms than `names` are kept."""
    with tempfile.TemporaryDirectory() as folder:
        np.save(Path(folder) / "image.npy", photograph())
        script = Path(__file__).with_name("albumentations_peer.py")
        environment = {**os.environ, "NO_ALBUMENTATIONS_UPDATE": "1"}
        subprocess.run(
            [python, str(script), f"{folder}/image.npy", folder, *names],
            check=True,
            env=environment,
        )
        compare_all(Path(folder))


def compare_all(folder: Path) -> None:
    """Keeps the numbers of all cases that the peer's folder has."""
    found = json.loads((folder / "found.json").read_text())
    image = photograph()
    known = json.loads(NUMBERS.read_text())["rows"] if NUMBERS.exists() else {}
    rows = {}
    for case in CASES:
        if key(case) in found["cases"]:
            rows[key(case)] = compare(case, found["cases"][key(case)], folder, image)
        elif key(case) in known:
            rows[key(case)] = known[key(case)]
    content = {"albumentations": found["version"], "size": list(SIZE), "draws": DRAWS, "rows": rows}
    NUMBERS.write_text(json.dumps(content, indent=None, separators=(",", ":")).replace(
        '},"', '},\n"') + "\n")  # fmt: skip


def page() -> str:
    """The page's text, from the kept numbers."""
    content = json.loads(NUMBERS.read_text())
    rows = content["rows"]
    cases = [case for case in CASES if key(case) in rows]
    kept = [c for c in cases if not _left_out(rows[key(c)])]
    exact = [c for c in kept if rows[key(c)].get("most", 2) <= 1 or _all_same(rows[key(c)])]
    names, carried = len({c.name for c in cases}), len({c.name for c in kept})
    return PAGE_TEXT.format(
        version=content["albumentations"],
        height=SIZE[0],
        width=SIZE[1],
        command=COMMAND,
        counts=f"{names} transforms in {len(cases)} settings: {carried} transforms carry over, "
        f"{len(exact)} of {len(kept)} settings are equal or within one level everywhere.",
        draws=content["draws"],
        once="\n".join(_pixel_row(c, rows[key(c)]) for c in kept if c.how == "once"),
        few="\n".join(_set_row(c, rows[key(c)]) for c in kept if c.how == "set"),
        many="\n".join(_draw_row(c, rows[key(c)]) for c in kept if c.how == "draws"),
        missing="\n".join(_missing(cases, rows)),
    )


PAGE_TEXT = """# Albumentations beside variegate

Albumentations {version} and variegate at equal parameters, p=1, on one photograph of
{height} x {width} pixels (uint8). Written by `{command}`; how
to install the other side is in `benchmarks/README.md`.
[Coming from elsewhere](coming-from.md) tells how pipelines are carried over.

{counts}

Levels are on 0..255. *Within 1* is the share of values that differ by at most one level.

## Pixel by pixel

| transform | mean | most | within 1 | why |
|---|---|---|---|---|
{once}

## One of few results

Outcomes of {draws} draws on each side.

| transform | here | there | in both |
|---|---|---|---|
{few}

## By chance

The mean absolute change of {draws} draws, in levels, with its deviation between draws; where sizes
change, the area as a share.

| transform | here | there | what is different |
|---|---|---|---|
{many}

## Not carried over

{missing}
"""


def _left_out(row: dict[str, Any]) -> bool:
    return any(line.startswith("left out") for line in row["remarks"])


def _all_same(row: dict[str, Any]) -> bool:
    return row["how"] == "set" and row["same"] == row["ours"] == row["theirs"]


def _pixel_row(case: Case, row: dict[str, Any]) -> str:
    name = f"`{key(case)}`"
    if "sizes" in row:
        (h, w), (i, j) = row["sizes"]
        return f"| {name} | | | | {h} x {w} here, {i} x {j} there: {case.why} |"
    why = "" if row["most"] == 0 else _why(case, row)
    within = f"{100 * row['within']:.4g} %"
    return f"| {name} | {row['mean']:g} | {row['most']:g} | {within} | {why} |"


def _why(case: Case, row: dict[str, Any]) -> str:
    said = [line.split(": ", 2)[-1] for line in row["remarks"]]
    return "; ".join(dict.fromkeys([*said, *([case.why] if case.why else [])]))


def _set_row(case: Case, row: dict[str, Any]) -> str:
    return f"| `{key(case)}` | {row['ours']} | {row['theirs']} | {row['same']} |"


def _draw_row(case: Case, row: dict[str, Any]) -> str:
    here, there = (f"{row[s]['mean']:.3g} ± {row[s]['std']:.2g}" for s in ("ours", "theirs"))
    return f"| `{key(case)}` | {here} | {there} | {_why(case, row)} |"


def _missing(cases: list[Case], rows: dict[str, Any]) -> list[str]:
    from variegate.adapters.albumentations import TABLE
    from variegate.adapters.albumentations.given import CONTAINERS, signatures

    lines: list[str] = []
    for case in cases:
        lost = [r for r in rows[key(case)]["remarks"] if r.startswith("left out")]
        if case.name in TABLE:
            lines += [f"- `{key(case)}`: {line.rpartition(': ')[2]}" for line in lost]
    known = {*TABLE, *CONTAINERS, "BboxParams", "KeypointParams", "Normalize"}
    others = sorted(set(signatures()) - known)
    return [*lines, f"- Nothing that they could become: {', '.join(others)}."]


def main() -> None:
    """Measures where asked to, and writes the page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--peer", help="a Python with albumentations==2.0.8")
    parser.add_argument("--only", nargs="+", default=[], help="names of transforms")
    parser.add_argument("--found", type=Path, help="a folder that the peer has written")
    given = parser.parse_args()
    if given.peer:
        measure(given.peer, given.only)
    if given.found:
        compare_all(given.found)
    PAGE.write_text(page(), encoding="utf-8")


if __name__ == "__main__":
    main()
