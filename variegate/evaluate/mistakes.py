"""What wrong answers are: classes named too often, and what the images of a class are taken for.

An augmentation that blurs the border between two classes often moves it to one side: one class
loses images because another one is named more often (Kirichenko et al. 2023). So the class that
grows is looked at, not only the one that loses.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from variegate.evaluate import statistics as st
from variegate.evaluate.moderate import paired_differences
from variegate.evaluate.schema import Growth, Pair

__all__ = ["false_positives", "taken_for"]

Named = NDArray[np.int64]
MOST = 3


def false_positives(
    found: Named, base: Named, labels: Named, names: Sequence[str]
) -> list[Growth | None]:
    """Compare how often each class is named wrongly; predictions (seeds, images) of both arms.

    Paired over seeds and images as accuracies are. None where all images are of one class.
    """
    pairs: list[tuple[NDArray[np.bool_], NDArray[np.bool_]] | None] = []
    for index in range(len(names)):
        other = labels != index
        both = found[:, other] == index, base[:, other] == index
        pairs.append(both if other.any() else None)
    differences = paired_differences(pairs)
    corrected = st.adjust([d.p if d else None for d in differences], "fdr_bh")
    rows: list[Growth | None] = []
    for index, (difference, p) in enumerate(zip(differences, corrected, strict=True)):
        if difference is None:
            rows.append(None)
            continue
        other = labels != index
        said = {"better": "more", "worse": "fewer"}.get(st.verdict(difference, p), "not proven")
        grows = said == "more"
        rows.append(
            {
                "baseline": float((base[:, other] == index).mean()),
                "found": float((found[:, other] == index).mean()),
                "value": difference.value,
                "interval": [difference.low, difference.high],
                "p": difference.p,
                "corrected": p,
                "verdict": said,
                "pairs": _sources(found, base, labels, names, index) if grows else [],
            }
        )
    return rows


def taken_for(
    found: Named, base: Named, labels: Named, names: Sequence[str], index: int
) -> list[Pair]:
    """What the images of a class are taken for more often than before, at most 3, largest first."""
    pairs = [(index, other) for other in range(len(names)) if other != index]
    return _largest(found, base, labels, names, pairs)


def _sources(
    found: Named, base: Named, labels: Named, names: Sequence[str], index: int
) -> list[Pair]:
    """Whose images are taken for the class more often than before."""
    pairs = [(other, index) for other in range(len(names)) if other != index]
    return _largest(found, base, labels, names, pairs)


def _largest(
    found: Named,
    base: Named,
    labels: Named,
    names: Sequence[str],
    pairs: Sequence[tuple[int, int]],
) -> list[Pair]:
    """The pairs (true, named) with the most images more; the intervals are for each pair alone."""
    more = []
    for true, named in pairs:
        own = labels == true
        count = float((found[:, own] == named).sum()) - float((base[:, own] == named).sum())
        if count > 0:
            more.append((count, true, named))
    more.sort(key=lambda each: (-each[0], each[1], each[2]))
    rows: list[Pair] = []
    for _, true, named in more[:MOST]:
        own = labels == true
        after, before = found[:, own] == named, base[:, own] == named
        difference = st.paired_difference(after, before)
        rows.append(
            {
                "true": names[true],
                "named": names[named],
                "baseline": float(before.mean()),
                "found": float(after.mean()),
                "value": difference.value,
                "interval": [difference.low, difference.high],
            }
        )
    return rows
