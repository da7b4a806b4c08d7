"""What a result says: ratios, the fastest, the losses."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

OURS = "variegate"
Document = Mapping[str, Any]


@dataclass(frozen=True)
class Loss:
    """A case that another library does in less time; share: its time as a part of ours."""

    case: str
    peer: str
    share: float


class Results:
    """The cases of one or more documents by their ids."""

    def __init__(self, documents: Iterable[Document]) -> None:
        self.documents = list(documents)
        self.cases: dict[str, Any] = {}
        for document in self.documents:
            self.cases |= {case["id"]: case for case in document["cases"]}

    def seconds(self, case_id: str, peer: str = OURS) -> float | None:
        """The median seconds an image, or None where there is none."""
        case = self.cases.get(case_id)
        result = case["results"].get(peer, {}) if case else {}
        return result.get("median")

    def ratio(self, case_id: str, peer: str) -> float | None:
        """How many times faster ours is than the other, or None."""
        mine, other = self.seconds(case_id), self.seconds(case_id, peer)
        return None if mine is None or other is None else other / mine

    def fastest(self, case_id: str, among: Sequence[str] = ()) -> str | None:
        """The fastest other library, of those named or of all; None where none has the case."""
        case = self.cases.get(case_id)
        if case is None:
            return None
        timed = {
            peer: result["median"]
            for peer, result in case["results"].items()
            if peer != OURS and "median" in result and (not among or peer in among)
        }
        return min(timed, key=lambda peer: timed[peer]) if timed else None

    def suite(self, name: str) -> list[Any]:
        """The cases of one suite, in order."""
        return [case for case in self.cases.values() if case["suite"] == name]

    def losses(self) -> list[Loss]:
        """Every case and library that takes less time than ours, the worst first."""
        found = []
        for case_id, case in self.cases.items():
            for peer in case["results"]:
                ratio = self.ratio(case_id, peer)
                if peer != OURS and ratio is not None and ratio < 1:
                    found.append(Loss(case_id, peer, ratio))
        return sorted(found, key=lambda loss: loss.share)

    def failures(self) -> list[tuple[str, str, str]]:
        """Case, library and what it said; for a library that did not start, no case."""
        found = []
        for document in self.documents:
            for peer, state in document["peers"].items():
                if "failed" in state and ("", peer, state["failed"]) not in found:
                    found.append(("", peer, state["failed"]))
        for case_id, case in self.cases.items():
            for peer, result in case["results"].items():
                if "failed" in result:
                    found.append((case_id, peer, result["failed"]))
        return found

    def accuracy(self, peer: str) -> float | None:
        """The mean error of a rotation in levels, or None."""
        for document in self.documents:
            found = document["accuracy"].get(peer, {})
            if "mean" in found:
                return float(found["mean"])
        return None
