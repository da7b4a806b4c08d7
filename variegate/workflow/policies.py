"""Policies by name: the control arms of a comparison, and what a user may write for a policy."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TypeAlias

from variegate.errors import InputError, PolicyError
from variegate.ops.op import suggest
from variegate.ops.registry import get, names
from variegate.policy import Policy, as_policy
from variegate.policy import steps as ops
from variegate.policy.curriculum import Curriculum
from variegate.policy.nodes import AutoAugment, Node, RandAugment, Step, Strength, TrivialAugment
from variegate.policy.policy import walk

# What an arm of a comparison is trained under.
Arm: TypeAlias = Policy | Curriculum | None
ARMS = ("none", "flip+crop", "trivial", "randaugment", "found")
_SPEC = re.compile(r"([a-z]+)(?::(.*))?", re.ASCII)
_DEFAULT_MAGNITUDE = 0.5


def flip_crop(size: tuple[int, int]) -> Policy:
    """Mirror half of the images, pad by an eighth of each side (at least 1) and crop back."""
    rows, columns = (max(1, side // 8) for side in size)
    return Policy(
        (
            ops.HorizontalFlip(p=0.5),
            ops.Pad(padding=(rows, columns, rows, columns)),
            ops.RandomCrop(size=size),
        )
    )


def arms(
    size: tuple[int, int], found: Policy | None = None, before: Policy | None = None
) -> dict[str, Policy | None]:
    """The arms of a comparison for images of this (height, width): four controls, and `found`.

    before: the global policy that a policy by class was made from, as the arm `global`.
    """
    made: dict[str, Policy | None] = {
        "none": None,
        "flip+crop": flip_crop(size),
        "trivial": Policy((TrivialAugment(),)),
        "randaugment": Policy((RandAugment(num_ops=2, magnitude=0.3),)),
    }
    if before is not None:
        made["global"] = before
    return made if found is None else {**made, "found": found}


def pick_arms(
    wanted: Sequence[str] | Mapping[str, Arm] | None,
    size: tuple[int, int],
    found: Policy | None,
    before: Policy | None = None,
) -> dict[str, Arm]:
    """The arms that a user asked for: known names, `name=policy`, or all of `arms` for None.

    `cuda`, a curriculum by class, is an arm only where it is asked for.
    """
    usual = arms(size, found, before)
    if wanted is None:
        return {**usual}
    known: dict[str, Arm] = {**usual, "cuda": Curriculum()}
    if isinstance(wanted, Mapping):
        return {str(name): _arm(own) for name, own in wanted.items()}
    chosen: dict[str, Arm] = {}
    for text in wanted:
        name, equals, spec = text.partition("=")
        if equals:
            chosen[name] = read_policy(spec)
        elif name == "found" and found is None:
            raise InputError("arms: 'found' needs a policy file; search first, or name one")
        elif name not in known:
            raise InputError(
                f"arms: unknown arm {name!r}; {suggest(name, list(known))}; "
                "another policy is written NAME=FILE"
            )
        else:
            chosen[name] = known[name]
    if not chosen:
        raise InputError(f"arms: expected at least one of {', '.join(known)}")
    return chosen


def _arm(given: Arm) -> Arm:
    return given if given is None or isinstance(given, Curriculum) else as_policy(given)


def corruptions(asked: str | None, policies: Mapping[str, Arm]) -> tuple[str, ...]:
    """The corruptions of the test images that are asked for: none, "all" or "unseen".

    Raises InputError for another word, and where none is unlike every op of every policy.
    """
    from variegate.data.corruptions import CORRUPTIONS, disjoint

    if asked is None:
        return ()
    if asked not in ("all", "unseen"):
        raise InputError(f'robustness: expected None, "all" or "unseen", got {asked!r}')
    if asked == "all":
        return tuple(CORRUPTIONS)
    used = {step.op for p in policies.values() if p is not None for step, _ in walk(p.steps)}
    found = tuple(disjoint(used))
    if not found:
        raise InputError('robustness "unseen": every corruption is like some op of the arms')
    return found


def read_policy(given: str | Path | Policy | Node | Sequence[Node]) -> Policy:
    """A policy from a file, a Policy, steps, the name of an op, or a short form.

    Short forms: none, trivial, randaugment, randaugment:n=2,m=0.3, autoaugment:cifar10.
    """
    if not isinstance(given, str | Path):
        return as_policy(given)
    text = str(given)
    if not Path(text).exists():
        if text in names():
            return Policy((op_step(text),))
        if short := _SPEC.fullmatch(text):
            policy = _short(short[1], short[2] or "")
            if policy is not None:
                return policy
        if not text.endswith(".json"):
            known = [*names(), "none", "trivial", "randaugment", "autoaugment"]
            raise PolicyError(
                f"{text!r}: no such policy file, op or short form; {suggest(text, known)}"
                if len(suggest(text, known)) < 80
                else f"{text!r}: no such policy file or op; see: variegate ops"
            )
    try:
        return Policy.load(text)
    except PolicyError as error:
        message = str(error)
        raise PolicyError(message if text in message else f"{text}: {message}") from error


def op_step(name: str, magnitude: float | None = None) -> Step:
    """An op as a step: at a magnitude, with its example's arguments, or at magnitude 0.5."""
    op = get(name)
    if magnitude is not None and not op.has_magnitude:
        raise PolicyError(f"{name} has no magnitude; preview it without a ladder")
    if magnitude is None and not op.has_magnitude:
        return Step(name, dict(op.example))
    strength = _DEFAULT_MAGNITUDE if magnitude is None else magnitude
    follows = {p.name for p in op.params if p.strong is not None}
    arguments = {key: value for key, value in op.example.items() if key not in follows}
    return Step(name, arguments, magnitude=Strength(strength, strength))


def _short(name: str, rest: str) -> Policy | None:
    """The policy of a short form, or None where the name is not one of them."""
    if name == "none":
        return Policy()
    if name == "trivial":
        return Policy((TrivialAugment(),))
    if name == "autoaugment":
        return Policy((AutoAugment(rest or "imagenet"),))
    if name != "randaugment":
        return None
    num_ops, magnitude = 2, 0.3
    for pair in filter(None, rest.split(",")):
        key, _, value = pair.partition("=")
        try:
            if key == "n":
                num_ops = int(value)
            elif key == "m":
                magnitude = float(value)
            else:
                raise ValueError
        except ValueError as error:
            raise PolicyError(
                f"randaugment: expected n=2,m=0.3 (m on 0..1), got {pair!r}"
            ) from error
    return Policy((RandAugment(num_ops=num_ops, magnitude=magnitude),))
