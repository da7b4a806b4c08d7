"""The part of an audit that needs models: predictions, the table, findings and safe ranges."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from variegate.errors import InputError
from variegate.policy import Policy
from variegate.workflow.common import Event, Progress, fingerprint, tell
from variegate.workflow.evidence import draw_findings
from variegate.workflow.passes import Passes
from variegate.workflow.probes import Probe, space_names

if TYPE_CHECKING:
    from variegate.evaluate.audit import Probed, Seen
    from variegate.search import FamilySpace
    from variegate.train.matching import DensityMatching

__all__ = ["PASSES", "Job", "judge"]

PASSES = "passes.jsonl"
Ints = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Job:
    """What one audit is made of. keep: the affinity down to which a magnitude is safe."""

    match: DensityMatching
    probes: Sequence[Probe]
    space: FamilySpace
    keep: float
    seed: int
    out: Path
    progress: Progress | None
    diversity: bool = False
    hints: Sequence[Mapping[str, Any]] = ()


def judge(job: Job) -> dict[str, Any]:
    """The parts of audit.json that come from models, and the seconds that they took.

    Predictions are kept in out/passes.jsonl as they come.
    """
    from variegate.evaluate.audit import find, safe_ranges, sentence, table

    started = time.perf_counter()
    classes = job.match.folds[0][0].classes
    store = Passes(job.out / PASSES, _mark(job))
    trained = _train(job, store)
    seen, probed = _predictions(job, store)
    rows = table(seen, probed)
    findings = find(seen, rows, job.keep)
    safe = safe_ranges(rows, findings, len(classes), job.keep, job.hints)
    pictures = draw_findings(job.match, job.probes, seen, probed, findings, job.seed, job.out)
    said = [
        {**finding, "text": sentence(finding, classes), "picture": picture}
        for finding, picture in zip(findings, pictures, strict=True)
    ]
    more = _diversity(job, rows, safe) if job.diversity else []
    seconds = {"training": trained, "scoring": time.perf_counter() - started - trained}
    return {
        "clean": _clean(seen, classes, job.match),
        "rows": rows,
        "safe": safe,
        "findings": said,
        "diversity": more,
        "space": _space(job, rows, safe),
        "seconds": seconds,
    }


def _mark(job: Job) -> str:
    """Changes with everything that the predictions depend on."""
    match = job.match
    rest, held = match.folds[0]
    own = repr((len(match.folds), match.epochs, match.images, job.seed))
    mark = fingerprint([rest, held], match.settings)
    return hashlib.sha256(f"{mark} {own}".encode()).hexdigest()[:16]


def _train(job: Job, store: Passes) -> float:
    """Train the clean models, unless every answer is known; gives the seconds."""
    names = [("", 0.0), *((probe.name, m) for probe in job.probes for m, _ in probe.steps)]
    if not job.diversity and set(names) <= set(store.known):
        return 0.0
    started, count = time.perf_counter(), len(job.match.folds)
    for number in range(count):
        text = f"training clean model {number + 1} of {count}"
        tell(job.progress, Event("progress", text, number, count))
        job.match.model(number)
    return time.perf_counter() - started


def _predictions(job: Job, store: Passes) -> tuple[Seen, list[Probed]]:
    """What the clean models call every image, untransformed and under each probe."""
    from variegate.evaluate.audit import Probed, Seen

    match, started = job.match, time.perf_counter()
    total, done = 1 + sum(len(probe.steps) for probe in job.probes), 0

    def ask(name: str, magnitude: float, policy: Policy) -> Ints:
        nonlocal done
        found = store.get(name, magnitude, lambda: _called(match, policy, job.seed))
        done += 1
        left = (time.perf_counter() - started) / done * (total - done)
        text = f"scoring: {done} of {total} ({name or 'untransformed'})"
        tell(job.progress, Event("progress", text, done, total, left))
        return found

    seen = Seen(match.labels(job.seed), ask("", 0.0, Policy()), len(match.folds[0][0].classes))
    probed = []
    for probe in job.probes:
        steps = tuple(magnitude for magnitude, _ in probe.steps)
        found = tuple(ask(probe.name, m, policy) for m, policy in probe.steps)
        probed.append(Probed(probe.name, probe.op, probe.kind, steps, found, probe.ladder))
    return seen, probed


def _called(match: DensityMatching, policy: Policy, seed: int) -> Ints:
    probabilities, _ = match.ask(policy, 1, seed)
    found: Ints = probabilities[0].argmax(axis=1).astype(np.int64)
    return found


def _clean(seen: Seen, classes: Sequence[str], match: DensityMatching) -> dict[str, Any]:
    from variegate.evaluate.audit import wilson

    right = seen.clean == seen.labels
    low, high = wilson(int(right.sum()), len(right))
    images = np.bincount(seen.labels, minlength=len(classes))
    known = np.bincount(seen.labels[right], minlength=len(classes))
    return {
        "accuracy": round(float(right.mean()), 4),
        "interval": [round(float(low), 4), round(float(high), 4)],
        "images": len(right),
        "folds": len(match.folds),
        "epochs": match.epochs,
        "classes": [
            {"name": name, "images": int(n), "recognized": int(k)}
            for name, n, k in zip(classes, images, known, strict=True)
        ],
    }


def _space(
    job: Job, rows: Sequence[Mapping[str, Any]], safe: Sequence[Mapping[str, Any]]
) -> dict[str, Any] | None:
    """What a search may draw without changing the meaning; None where nothing is left."""
    from variegate.evaluate.audit import scores
    from variegate.search import space_to_dict
    from variegate.search.narrow import restrict

    try:
        found = scores(job.space, rows, safe, space_names(job.space))
        return space_to_dict(restrict(job.space, found))
    except InputError as error:
        tell(job.progress, Event("remark", f"no space for a search: {error}"))
        return None


def _diversity(
    job: Job, rows: Sequence[Mapping[str, Any]], safe: Sequence[Mapping[str, Any]]
) -> list[dict[str, Any]]:
    """The loss at the end of a training under each safe op of the space, against a clean one.

    The op stands alone, at its safe magnitude as far as the ladder reaches, on every image.
    """
    from variegate.train import train_model

    train, match = job.match.folds[0][0], job.match
    clean = match.model(0).history[-1].loss
    own = set(space_names(job.space).values())
    chosen = [probe for probe in job.probes if probe.name in own]
    highs = {each["name"]: each["high"] for each in safe}
    values = {row["name"]: row for row in rows}
    found = []
    for place, probe in enumerate(chosen):
        steps = [(at, m, p) for at, (m, p) in enumerate(probe.steps) if m <= highs[probe.name]]
        if not steps:
            continue
        at, magnitude, policy = steps[-1]
        text = f"training under {probe.name}"
        tell(job.progress, Event("progress", text, place, len(chosen)))
        under = train_model(train, policy, epochs=match.epochs, seed=0, settings=match.settings)
        loss = under.history[-1].loss
        kept = values[probe.name]["magnitudes"][at]["affinity"]
        row = {"name": probe.name, "magnitude": magnitude, "loss": loss, "ratio": loss / clean}
        found.append({**row, "affinity": kept})
    return found
