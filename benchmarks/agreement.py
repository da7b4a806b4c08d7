"""10,000 random policies on photographs with boxes, masks and points: do the targets go where the
pixels go, and does a replay in a new process give the same bytes?

    python benchmarks/agreement.py ../shared/data --policies 10000

Prints one line a set and writes benchmarks/results/agreement.json. A policy is judged as in
variegate/testing/agreement.py.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np

import variegate as vg
from variegate.data.annotated_load import load_annotated
from variegate.ops.op import Kind
from variegate.ops.registry import get, names
from variegate.plan.lower import lower
from variegate.testing.agreement import POINTS, Finding, judge, random_steps

SETS = ("raccoon", "bccd", "penn_fudan", "faces")
SIDE = 96  # pictures are worked on at this longest side
MOST_BOXES = 8
LARGEST = 400  # a result with a longer side is judged by its replay alone
MANY = {"image": "images", "mask": "masks"}
RESULT = Path(__file__).parent / "results" / "agreement.json"
# A grid shuffle refuses boxes, and mixes have no way back.
OPS = [n for n in names() if get(n).kind not in (Kind.MIX, Kind.OUTPUT, Kind.CELLS)]


def samples(root: Path, name: str, count: int = 40) -> list[dict[str, Any]]:
    """Pictures of a set with what is marked on them, made small; instances get boxes."""
    data = load_annotated(root / name, on_error="skip")
    small = vg.Pipeline([vg.LongestMaxSize(max_size=SIDE)], seed=0)
    found = []
    for place in range(0, len(data), max(1, len(data) // count)):
        item = data[place]
        item["image"] = np.ascontiguousarray(item["image"])
        if "boxes" not in item and "mask" in item:
            item |= boxes_of(item["mask"])
        if "boxes" in item:
            item |= {key: item[key][:MOST_BOXES] for key in ("boxes", "box_labels")}
        found.append({k: v for k, v in small(index=0, **item).items() if k in item})
    return found


def boxes_of(mask: np.ndarray) -> dict[str, np.ndarray]:
    """The bounds of each instance of a mask (h, w), and its number as the label."""
    ids = [int(number) for number in np.unique(mask) if number]
    bounds = []
    for number in ids:
        rows, columns = np.nonzero(mask == number)
        bounds.append([columns.min(), rows.min(), columns.max() + 1, rows.max() + 1])
    return {"boxes": np.array(bounds, dtype=np.float32), "box_labels": np.array(ids)}


def digest(out: dict[str, Any]) -> str:
    """One hash of all that a pipeline returned."""
    parts = hashlib.sha256()
    for name in sorted(out):
        parts.update(name.encode())
        value = out[name]
        parts.update(np.ascontiguousarray(value).tobytes() if isinstance(value, np.ndarray)
                     else repr(value).encode())  # fmt: skip
    return parts.hexdigest()


def run_one(sample: dict[str, Any], number: int) -> tuple[str, str, str, Finding | None]:
    """Policy and plan as JSON, the digest of the result, and what the judge found."""
    looks = {"": True, "boxes": "boxes" in sample, "mask": "mask" in sample}
    steps = random_steps(np.random.default_rng(number), [n for n in OPS if looks[get(n).looks]])
    aug = vg.Pipeline(list(steps), seed=number)
    plan = aug.draw(index=[number], **{MANY.get(k, k): [v] for k, v in sample.items()})
    out = aug.apply(plan, **sample)
    finding = None
    if max(out["image"].shape[:2]) <= LARGEST:
        finding = judge(lower(plan, np.uint8, 3), sample, out)
    return json.dumps(aug.to_dict()), plan.to_json(), digest(out), finding


def replay(root: Path, name: str, lines: list[str]) -> int:
    """How many of the lines (number, sample, pipeline, plan, digest) come out with other bytes."""
    pictures, other = samples(root, name), 0
    for line in lines:
        place, pipeline, plan, wanted = json.loads(line)
        aug = vg.Pipeline.from_dict(json.loads(pipeline))
        out = aug.apply(vg.Plan.from_dict(json.loads(plan)), **pictures[place])
        other += digest(out) != wanted
    return other


def run_set(root: Path, name: str, count: int, first: int) -> dict[str, Any]:
    """Judges `count` policies on a set, replays them in a new process, and sums up."""
    pictures, start = samples(root, name), time.perf_counter()
    errors: dict[float, list[float]] = {}
    points, compared, judged, wrong, lines = 0.0, 0, 0, [], []
    for number in range(first, first + count):
        place = number % len(pictures)
        pipeline, plan, seen, finding = run_one(pictures[place], number)
        lines.append(json.dumps([place, pipeline, plan, seen]))
        if finding is None:
            continue
        judged, compared = judged + 1, compared + finding.compared
        errors.setdefault(finding.limit, []).append(finding.box_error)
        points = max(points, finding.point_error)
        off = finding.box_error > finding.limit or finding.point_error > POINTS
        wrong += [f"{name} {number}: {text}" for text in finding.wrong]
        if off:
            wrong.append(f"{name} {number}: {finding} {pipeline}")
    command = [sys.executable, __file__, str(root), "--replay", name]
    answer = subprocess.run(command, input="\n".join(lines), text=True, capture_output=True,
                            check=True)  # fmt: skip
    return {
        "set": name,
        "policies": count,
        "judged": judged,
        "compared": compared,
        "box_error": {str(limit): max(own) for limit, own in sorted(errors.items())},
        "point_error": points,
        "wrong": wrong,
        "replayed_differently": int(answer.stdout),
        "seconds": round(time.perf_counter() - start, 1),
    }


def main() -> int:
    """Runs all sets, prints and saves."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("root", type=Path)
    parser.add_argument("--policies", type=int, default=10_000)
    parser.add_argument("--first", type=int, default=0, help="number of the first policy")
    parser.add_argument("--replay", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.replay:
        print(replay(options.root, options.replay, sys.stdin.read().splitlines()))
        return 0
    each = -(-options.policies // len(SETS))
    rows = []
    for place, name in enumerate(SETS):
        row = run_set(options.root, name, each, options.first + place * each)
        rows.append(row)
        print(json.dumps({**row, "wrong": len(row["wrong"])}), flush=True)
        for text in row["wrong"][:20]:
            print("  ", text[:400])
    RESULT.write_text(json.dumps({"policies": each * len(SETS), "sets": rows}, indent=1) + "\n")
    return int(any(row["wrong"] or row["replayed_differently"] for row in rows))


if __name__ == "__main__":
    raise SystemExit(main())
