"""A plain sentence for each class that is called harmed, helped, or named too often."""

from __future__ import annotations

from collections.abc import Sequence

from variegate.evaluate.schema import ClassRow, ClassTable, DifferenceRow, Growth, Pair
from variegate.evaluate.wording import interval, listed, permille, points

__all__ = ["findings"]


def findings(table: ClassTable) -> list[str]:
    """Say what is proven about single classes: harmed ones, growing ones, then helped ones."""
    lines = []
    for said in ("worse", "more", "better"):
        for row in table["rows"]:
            difference, growth = row["difference"], row["false_positives"]
            if said == "more" and growth is not None and growth["verdict"] == said:
                lines.append(_grown(row["name"], growth))
            elif difference is not None and difference["verdict"] == said:
                lines.append(_changed(row, difference, table["grown"]))
    return lines


def _changed(row: ClassRow, difference: DifferenceRow, grown: Sequence[str]) -> str:
    word = "harmed" if difference["verdict"] == "worse" else "helped"
    text = (
        f"{listed([row['name']])} is {word}: {points(difference['value'])} points "
        f"{interval(difference['interval'])} against {difference['against']}"
    )
    if row["shrunk"] is not None:
        drawn = row["shrunk"]
        text += f", shrunk {points(drawn['value'])} {interval(drawn['interval'])}"
    text += f"; {_confirmed(row)}."
    return text + _destination(row["goes_to"], grown)


def _confirmed(row: ClassRow) -> str:
    again = row["confirmation"]
    if again is None:
        return "not checked on fresh seeds"
    seeds = f"{again['seeds']} fresh seed" + ("" if again["seeds"] == 1 else "s")
    numbers = f"{points(again['value'])} {interval(again['interval'])}"
    return f"{again['verdict']} on {seeds} ({numbers})"


def _destination(pairs: Sequence[Pair], grown: Sequence[str]) -> str:
    if not pairs:
        return ""
    first = pairs[0]
    text = (
        f" More of its images are taken for {listed([first['named']])}: "
        f"{points(first['value'])} points {interval(first['interval'])} of them"
    )
    if first["named"] in grown:
        text += ", a class whose false positives grow: look at its augmentation first"
    return text + "."


def _grown(name: str, growth: Growth) -> str:
    low, high = growth["interval"]
    text = (
        f"{listed([name])} is named wrongly more often: {permille(growth['baseline'])}, now "
        f"{permille(growth['found'])} of 1,000 images of other classes "
        f"({1000 * growth['value']:+.1f} [{1000 * low:+.1f}, {1000 * high:+.1f}])"
    )
    if growth["pairs"]:
        first = growth["pairs"][0]
        text += (
            f", most of them from {listed([first['true']])} ({points(first['value'])} points "
            f"{interval(first['interval'])} of its images)"
        )
    return text + "."
