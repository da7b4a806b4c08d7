"""The first stage of the guided search: what each op alone does to the meaning of the images.

Models that were trained without augmentation look at held-out images under one op. Where they no
longer recognize what they did before, the op has changed the meaning, or so much that a training
of this size cannot make up for it. Such ops are left out, or held below the magnitude from where
that happens. It is the affinity of Gontijo-Lopes et al. 2020, per op.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from variegate.errors import InputError
from variegate.search.objective import Scored
from variegate.search.records import class_accuracies, mean, to_policy
from variegate.search.space import FamilySpace, OpRange, Option, Step

if TYPE_CHECKING:
    from variegate.policy import Policy

__all__ = [
    "KEEP",
    "LADDER",
    "LEAST",
    "OpScore",
    "beyond_chance",
    "candidates",
    "cap_of",
    "narrow",
    "restrict",
    "score_ops",
]

# An op is kept as far as the clean models still know this share of what they know without it.
KEEP = 0.6
# Magnitudes that are tried, from the strongest; an op with a cap below LEAST is left out.
LADDER = (1.0, 0.75, 0.5, 0.25)
LEAST = 0.08
MOST_OPS = 3
# The models are as easy to fool as few images make them, and training under an op teaches them
# more. So the search may go beyond the caps, and finds out how far.
REACH = 3.0
# With ops that keep the meaning there is little reason to leave many images alone.
RATE = 0.6
PLAIN = 2

Match = Callable[["Policy"], Scored]


@dataclass(frozen=True)
class OpScore:
    """One op, or one choice of an option, as the clean models see it.

    tried: pairs of magnitude (1 where there is none) and `beyond_chance` as a share of that without
    augmentation. cap: the highest magnitude that keeps the meaning, 0 for none.
    """

    name: str
    group: str
    tried: tuple[tuple[float, float], ...]
    cap: float

    def to_dict(self) -> dict[str, Any]:
        """The score as JSON data."""
        tried = [list(pair) for pair in self.tried]
        return {"name": self.name, "group": self.group, "tried": tried, "cap": self.cap}

    @staticmethod
    def from_dict(data: Mapping[str, Any]) -> OpScore:
        """Read what `to_dict` gave."""
        tried = tuple((float(m), float(share)) for m, share in data["tried"])
        return OpScore(data["name"], data["group"], tried, float(data["cap"]))


def score_ops(
    space: FamilySpace,
    match: Match,
    *,
    keep: float = KEEP,
    known: Iterable[OpScore] = (),
    on_score: Callable[[OpScore], object] | None = None,
) -> list[OpScore]:
    """Score every op and option of the space; `match(policy)` gives the clean models' accuracies.

    `known` are scores that a stopped call left behind; `on_score` gets each new one.
    Raises InputError where the clean models recognize nothing at all.
    """
    have = {(score.group, score.name): score for score in known}
    clean: list[float] = []
    found = []
    for group, name, steps in candidates(space):
        score = have.get((group, name))
        if score is None:
            if not clean:
                clean.append(_clean(match))
            score = _score(group, name, steps, match, clean[0], keep)
            if on_score is not None:
                on_score(score)
        found.append(score)
    return found


def beyond_chance(accuracies: Iterable[float | None]) -> float:
    """The mean of the classes' accuracies above what guessing gets; 0 for a guess, 1 for no error.

    Two classes, one of them rare: an op that makes all images look like the common one leaves most
    answers right, and nothing known. So classes count alike, and a guess counts as nothing.
    None and NaN are classes without images.
    """
    known = [value for value in class_accuracies(accuracies) if value is not None]
    if len(known) < 2:
        return mean(known) if known else 0.0
    guess = 1 / len(known)
    return max(0.0, (mean(known) - guess) / (1 - guess))


def _known(match: Match, steps: list[Step]) -> float:
    """What the clean models know of the images; their accuracy where they tell of no classes."""
    scored = match(to_policy(_policy(steps)))
    classes = getattr(scored, "per_class", ())
    return beyond_chance(classes) if len(classes) else float(scored.accuracy)


def _clean(match: Match) -> float:
    known = _known(match, [])
    if known <= 0:
        raise InputError("guided: models trained without augmentation know no more than a guess")
    return known


def _score(
    group: str,
    name: str,
    steps: Sequence[tuple[float, list[Step]]],
    match: Match,
    clean: float,
    keep: float,
) -> OpScore:
    tried: list[tuple[float, float]] = []
    for magnitude, policy in steps:
        share = _known(match, policy) / clean
        tried.append((magnitude, round(share, 4)))
        if share >= keep:
            break
    cap = cap_of(tried, keep) if len(steps) > 1 else float(tried[0][1] >= keep)
    return OpScore(name, group, tuple(tried), cap if cap >= LEAST else 0.0)


def cap_of(tried: Sequence[tuple[float, float]], keep: float) -> float:
    """The magnitude where the line through what was tried crosses `keep`; at 0 all is kept.

    tried: pairs of magnitude and share, from the strongest down to the first that is kept.
    """
    (magnitude, share), *stronger = tried[::-1]
    if share < keep:
        return round(magnitude * (1 - keep) / (1 - share), 3)
    if not stronger or share == keep:
        return magnitude
    above, less = stronger[0]
    return round(magnitude + (above - magnitude) * (share - keep) / (share - less), 3)


def candidates(space: FamilySpace) -> list[tuple[str, str, list[tuple[float, list[Step]]]]]:
    """Group, name and, from the strongest, (magnitude, steps) of everything that is scored.

    Mixes are left out: a mixed image has two meanings by design.
    """
    found: list[tuple[str, str, list[tuple[float, list[Step]]]]] = []
    for family in space.families:
        found += [(family.name, op.name, _ladder(op)) for op in family.ops]
    for option in space.base:
        for place, choice in enumerate(option.choices):
            if choice:
                key = f"base.{option.name}"
                middle = {f"{key}.{n.name}": (n.low + n.high) / 2 for n in option.numbers}
                steps = option.steps({key: place, **middle}, "base")
                always = [{**step, "p": 1.0} for step in steps]
                found.append((option.name, str(place), [(1.0, always)]))
    return found


def _ladder(op: OpRange) -> list[tuple[float, list[Step]]]:
    if op.low is None or op.high is None:
        return [(1.0, [{"step": op.name, "p": 1.0}])]
    low, high = op.low, op.high
    values = [round(low + (high - low) * share, 3) for share in LADDER]
    return [(value, [{"step": op.name, "magnitude": value, "p": 1.0}]) for value in values]


def _policy(steps: list[Step]) -> dict[str, Any]:
    return {"format": "variegate-policy", "version": 1, "steps": steps}


def narrow(space: FamilySpace, scores: Iterable[OpScore]) -> FamilySpace:
    """The space of `restrict`, in the shape that a guided search draws from.

    At their caps all ops cost the clean models as much, so one shared magnitude is enough. It may
    go up to `REACH` times the caps, and never above the space's own magnitudes.
    `PLAIN` more choices of no mix make mixing the exception.
    """
    left = restrict(space, scores)
    own = {(f.name, op.name): op for f in space.families for op in f.ops}
    families = tuple(
        replace(f, ops=tuple(_freed(op, own[f.name, op.name]) for op in f.ops))
        for f in left.families
    )
    return replace(
        left,
        families=families,
        num_ops=(space.num_ops[0], min(space.num_ops[1], MOST_OPS)),
        tail=tuple(replace(o, choices=((),) * PLAIN + o.choices) for o in space.tail),
        rate=(max(space.rate[0], min(RATE, space.rate[1])), space.rate[1]),
        shared=True,
        reach=REACH,
    )


def restrict(space: FamilySpace, scores: Iterable[OpScore]) -> FamilySpace:
    """The space without what changed the meaning, and magnitudes capped; nothing else changes.

    Raises InputError where no op is left.
    """
    caps = {(score.group, score.name): score.cap for score in scores}
    families = []
    for family in space.families:
        ops = tuple(_capped(op, caps[family.name, op.name]) for op in family.ops)
        left = tuple(op for op in ops if op is not None)
        if left:
            families.append(replace(family, ops=left))
    if not families:
        raise InputError("every op of the space changes the meaning of these images")
    base = tuple(_kept(option, caps) for option in space.base)
    return replace(space, families=tuple(families), base=base)


def _capped(op: OpRange, cap: float) -> OpRange | None:
    if cap <= 0 or (op.low is not None and cap < op.low):
        return None
    return op if op.low is None or op.high is None else replace(op, high=min(cap, op.high))


def _freed(op: OpRange, own: OpRange) -> OpRange:
    """An op whose cap may be passed, up to where the space lets it go."""
    if op.high is None or own.high is None or op.high == own.high:
        return op
    return replace(op, limit=own.limit or own.high)


def _kept(option: Option, caps: Mapping[tuple[str, str], float]) -> Option:
    choices = tuple(
        choice
        for place, choice in enumerate(option.choices)
        if not choice or caps[option.name, str(place)] > 0
    )
    return replace(option, choices=choices or ((),))
