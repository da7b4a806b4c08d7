"""Pictures of an audit's findings: originals, what the op makes of them, what they are called."""

from __future__ import annotations

import io
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from variegate.errors import StoreError
from variegate.workflow.marked import tile
from variegate.workflow.probes import Probe

if TYPE_CHECKING:
    from variegate.evaluate.audit import Probed, Seen
    from variegate.train.matching import DensityMatching

__all__ = ["FOLDER", "draw_findings"]

FOLDER = "findings"
# Findings that get a picture, in all and of one transformation, and pairs on it.
MOST, OF_ONE, PAIRS = 40, 3, 3
CELL, GAP, LINE = 72, 4, 14
PAPER, INK, SOFT = (255, 255, 255), (28, 39, 51), (85, 96, 110)


def draw_findings(
    match: DensityMatching,
    probes: Sequence[Probe],
    seen: Seen,
    probed: Sequence[Probed],
    findings: Sequence[Mapping[str, Any]],
    seed: int,
    out: Path,
) -> list[str]:
    """Write a PNG for the first findings; gives the path of each inside `out`, "" for none."""
    policies = {(p.name, m): policy for p in probes for m, policy in p.steps}
    called = {
        (p.name, m): c for p in probed for m, c in zip(p.magnitudes, p.predictions, strict=True)
    }
    classes = match.folds[0][0].classes
    drawn: Counter[str] = Counter()
    paths = []
    for old in (out / FOLDER).glob("[0-9][0-9]-*.png"):
        old.unlink()  # of an earlier audit into the same folder
    for finding in findings:
        key = finding["name"], finding["magnitude"]
        places = _examples(seen, called[key], finding)
        if drawn.total() >= MOST or drawn[finding["name"]] >= OF_ONE or not places:
            paths.append("")
            continue
        drawn[finding["name"]] += 1
        before = match.show(_nothing(), places, seed)
        after = match.show(policies[key], places, seed)
        names = [(classes[seen.labels[i]], classes[called[key][i]]) for i in places]
        where = f"{FOLDER}/{drawn.total():02}-{_plain(finding['name'])}-{finding['class']}.png"
        title = finding["name"] + (f" {finding['magnitude']:g}" if finding["ladder"] else "")
        _write(out / where, _sheet(before, after, names, title))
        paths.append(where)
    return paths


def _nothing() -> Any:
    from variegate.policy import Policy

    return Policy()


def _examples(seen: Seen, called: npt.NDArray[np.int64], finding: Mapping[str, Any]) -> list[int]:
    """Places of recognized images that show what a finding says."""
    known = (seen.labels == finding["class"]) & (seen.clean == finding["class"])
    shows = called != finding["class"]
    if finding["kind"] != "lost":
        shows = called == finding["into"]
    return [int(i) for i in np.flatnonzero(known & shows)[:PAIRS]]


def _plain(name: str) -> str:
    return "".join(c if c.isalnum() else "-" for c in name)


def _sheet(
    before: npt.NDArray[np.uint8],
    after: npt.NDArray[np.uint8],
    names: Sequence[tuple[str, str]],
    title: str,
) -> Any:
    """Pairs of original and transformed, each with what the clean models call it."""
    from PIL import Image, ImageDraw

    pair = 2 * CELL + 3 * GAP
    sheet = Image.new("RGB", (pair * len(names) + GAP, CELL + 2 * GAP + 2 * LINE), PAPER)
    pen = ImageDraw.Draw(sheet)
    pen.text((GAP, 1), _latin(title, 60), fill=SOFT)
    for column, (was, now) in enumerate(names):
        for side, (image, name) in enumerate(((before[column], was), (after[column], now))):
            left = GAP + pair * column + side * (CELL + GAP)
            small = tile({"image": image}, CELL)
            sheet.paste(small, (left + (CELL - small.width) // 2, LINE + GAP))
            pen.text((left, LINE + CELL + GAP + 1), _latin(name, 12), fill=INK)
    return sheet


def _latin(text: str, limit: int) -> str:
    """What the built-in font can draw; another letter must not stop the sheet."""
    return text[:limit].encode("ascii", "replace").decode("ascii")


def _write(path: Path, sheet: Any) -> None:
    from variegate.evaluate.files import write_atomic

    stream = io.BytesIO()
    sheet.save(stream, format="PNG", optimize=True)
    try:
        write_atomic(path, stream.getvalue())
    except OSError as error:
        raise StoreError(
            f"{path}: cannot be written ({error.strerror}); name another folder with out"
        ) from error
