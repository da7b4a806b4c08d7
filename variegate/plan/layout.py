"""A policy laid out for drawing: a place for every step and a column for every random number it may
need.

Branches of a choice share their places, so that a draw does not depend on how many branches stand
before it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from variegate.ops.op import Kind
from variegate.ops.registry import get
from variegate.plan.counter import Keys, slot_keys, uniforms
from variegate.plan.family import SIGNS, Family, Leaf, likeness
from variegate.policy.nodes import PRESETS, ByEpoch, Node, OneOf, PerClass, Sequence, SomeOf, Step
from variegate.policy.policy import Policy, walk

SLOTS = 1 << 12
APPLY, CHOICE, MAGNITUDE, NOISE = 0, 1, 2, 3
PARAMS = 8  # each param has a slot for its value and one for its sign
DRAWS = 64
KEY = SLOTS - 1

ALONE = (Kind.CHAIN, Kind.MIX, Kind.OUTPUT)  # these end or reopen runs of other samples, or several
NOTHING = -1


@dataclass
class All:
    """Children in order, applied together with probability p (column `apply`)."""

    children: list[Branch]
    p: float
    apply: int


@dataclass
class Choice:
    """One child for each sample, by cumulative weights, with probability p.

    leaves (width, children): the numbers of each child's leaves, filled up with NOTHING, where all
    children are plain runs of leaves; else None.
    """

    children: list[Branch]
    cumulative: npt.NDArray[np.float64]
    p: float
    apply: int
    choice: int
    leaves: npt.NDArray[np.int64] | None


@dataclass
class ByClass:
    """Children by class index."""

    branches: dict[int, All]
    default: All


@dataclass
class Stages:
    """Children by the epoch they start at, in order."""

    starts: list[int]
    branches: list[All]


Branch: TypeAlias = Leaf | All | Choice | ByClass | Stages


@dataclass
class Layout:
    """The laid-out policy. slots (columns,): which slot each column of the uniforms is drawn
    from. spans: the families that are lowered together, in order of position. Of each leaf:
    family, its place there, position, p and the column of p, the first code of its listed values,
    and the columns of their signs, bit by bit. uniforms: counter.uniforms or its equal.
    """

    root: All
    slots: Keys
    needs_labels: bool
    spans: list[list[int]]
    families: list[Family]
    family: npt.NDArray[np.int64]
    local: npt.NDArray[np.int64]
    position: npt.NDArray[np.int64]
    code: npt.NDArray[np.int64]
    signs: list[npt.NDArray[np.int64]]
    p: npt.NDArray[np.float64]
    p_column: npt.NDArray[np.int64]
    last: tuple[int, int, Keys] | None = None
    uniforms: Callable[[Keys, Keys], npt.NDArray[np.float64]] = uniforms

    @cached_property
    def rare(self) -> bool:
        """Whether any leaf is drawn with a probability below 1."""
        return bool((self.p < 1).any())

    @property
    def looks(self) -> dict[str, str]:
        """What ops look at, and the name of one that does: {"boxes": "BBoxSafeRandomCrop"}."""
        return {family.op.looks: family.op.name for family in self.families if family.op.looks}

    def keys(self, seed: int, epoch: int) -> Keys:
        """One key per column; those of the last seed and epoch are kept."""
        last = self.last
        if last is None or last[:2] != (seed, epoch):
            last = self.last = (seed, epoch, slot_keys(seed, epoch, self.slots))
        return last[2]


@dataclass
class _Builder:
    columns: dict[tuple[int, int], int] = field(default_factory=dict)
    leaves: list[Leaf] = field(default_factory=list)
    needs_labels: bool = False

    def column(self, position: int, slot: int) -> int:
        return self.columns.setdefault((position, slot), len(self.columns))

    def build(self, node: Node, position: int, path: str) -> tuple[Branch, int]:
        """The branch for a node that starts at `position`, and the first free position after it."""
        if isinstance(node, PRESETS):
            return self.build(node.expand(), position, f"{path}{type(node).__name__}.")
        if isinstance(node, Step):
            return self.leaf(node, position, path), position + 1
        if isinstance(node, Sequence):
            return self.all(node.steps, position, path, node.p)
        if isinstance(node, OneOf):
            weights = np.array(node.weights or [1.0] * len(node.steps))
            return self.choice(node.steps, position, path, node.p, weights)
        if isinstance(node, SomeOf):
            return self.layers(node, position, path)
        if isinstance(node, ByEpoch):
            return self.by_epoch(node, position, path)
        return self.by_class(node, position, path)

    def all(self, steps: tuple[Node, ...], position: int, path: str, p: float) -> tuple[All, int]:
        apply = self.column(position, APPLY) if p < 1 else -1
        position += 1 if p < 1 else 0
        children = []
        for place, step in enumerate(steps):
            child, position = self.build(step, position, f"{path}{place}.")
            children.append(child)
        return All(children, p, apply), position

    def choice(
        self,
        steps: tuple[Node, ...],
        position: int,
        path: str,
        p: float,
        weights: npt.NDArray[np.float64],
    ) -> tuple[Choice, int]:
        children, ends = [], [position + 1]
        for place, step in enumerate(steps):
            child, end = self.build(step, position + 1, f"{path}{place}.")
            children.append(child)
            ends.append(end)
        apply = self.column(position, APPLY) if p < 1 else -1
        cumulative = np.cumsum(weights) / weights.sum()
        choice = self.column(position, CHOICE)
        return Choice(children, cumulative, p, apply, choice, _leaf_table(children)), max(ends)

    def layers(self, node: SomeOf, position: int, path: str) -> tuple[All, int]:
        children: list[Branch] = []
        weights = np.ones(len(node.steps))
        for layer in range(node.augmentations_per_image):
            child, position = self.choice(
                node.steps, position, f"{path}layer{layer}.", node.rate, weights
            )
            children.append(child)
        return All(children, 1.0, -1), position

    def by_class(self, node: PerClass, position: int, path: str) -> tuple[ByClass, int]:
        self.needs_labels = True
        default, end = self.all(node.default, position, f"{path}default.", 1.0)
        ends, branches = [end], {}
        for index, steps in node.policies.items():
            branches[index], end = self.all(steps, position, f"{path}class{index}.", 1.0)
            ends.append(end)
        return ByClass(branches, default), max(ends)

    def by_epoch(self, node: ByEpoch, position: int, path: str) -> tuple[Stages, int]:
        ends, branches = [position], []
        for epoch, steps in node.policies.items():
            branch, end = self.all(steps, position, f"{path}epoch{epoch}.", 1.0)
            branches.append(branch)
            ends.append(end)
        return Stages(list(node.policies), branches), max(ends)

    def leaf(self, step: Step, position: int, path: str) -> Leaf:
        op = get(step.op)
        columns: dict[str, npt.NDArray[np.int64]] = {}

        def take(name: str, slot: int, width: int = 1) -> None:
            columns[name] = np.array([self.column(position, slot + i) for i in range(width)])

        if step.p < 1:
            take("p", APPLY)
        if step.magnitude is not None and step.magnitude.low < step.magnitude.high:
            take("magnitude", MAGNITUDE)
        if step.magnitude is not None and step.magnitude.std > 0:
            take("magnitude noise", NOISE, 2)
        for place, param in enumerate(op.params):
            if param.name not in step.arguments and param.mirrored:
                take(f"{param.name} sign", PARAMS + 2 * place + 1)
            elif (
                param.name in step.arguments
                and step.arguments[param.name][0] < step.arguments[param.name][1]
            ):
                take(param.name, PARAMS + 2 * place)
        slot = DRAWS
        for draw in op.draws:
            width = draw.count(step.arguments)
            take(draw.name, slot, width)
            slot += width
        leaf = Leaf(step, op, position, f"{path}{op.name}", columns)
        if op.name != "Identity":
            leaf.number = len(self.leaves)
            self.leaves.append(leaf)
        return leaf


def _leaf_table(children: list[Branch]) -> npt.NDArray[np.int64] | None:
    rows: list[list[int]] = []
    for child in children:
        run = child.children if isinstance(child, All) and child.p == 1 else [child]
        numbers = [leaf.number for leaf in run if isinstance(leaf, Leaf)]
        if len(numbers) < len(run):
            return None
        rows.append(numbers)
    width = max(map(len, rows))
    filled = [numbers + [NOTHING] * (width - len(numbers)) for numbers in rows]
    return np.array(filled, dtype=np.int64).reshape(len(rows), width).T.copy()


def _stands_alone(leaf: Leaf) -> bool:
    """Whether later ops see other sizes or channels, or other samples, after this one."""
    gray = leaf.step.arguments.get("output_channels") == 1
    return leaf.op.changes_size or leaf.op.kind in ALONE or gray


def _spans(leaves: list[Leaf]) -> dict[int, int]:
    """The span of each position: those between two that stand alone belong together."""
    alone = {leaf.position for leaf in leaves if _stands_alone(leaf)}
    spans: dict[int, int] = {}
    number, before = 0, True
    for position in sorted({leaf.position for leaf in leaves}):
        number += before or position in alone
        before = position in alone
        spans[position] = number
    return spans


def lay_out(policy: Policy) -> Layout:
    """Places and columns for a policy; done once, used for every batch."""
    return _lay_out(policy.steps, 0)[0]


def lay_out_parts(policy: Policy) -> tuple[Layout, Layout] | None:
    """The policy up to its first mix, where samples are independent, and the mixes after it; both
    draw what the whole draws. None where labels choose, or where anything but mixes and an output
    follows.
    """
    kinds = [{get(step.op).kind for step, _ in walk([node])} for node in policy.steps]
    count = next((i for i, own in enumerate(kinds) if Kind.MIX in own), 0)
    if not set().union(*kinds[count:]) <= {Kind.MIX, Kind.OUTPUT}:
        return None
    head, position = _lay_out(policy.steps[:count], 0)
    tail, _ = _lay_out(policy.steps[count:], position)
    return None if head.needs_labels or tail.needs_labels else (head, tail)


def _lay_out(steps: tuple[Node, ...], position: int) -> tuple[Layout, int]:
    """The layout of steps that start at a position, and the first free one after them."""
    builder = _Builder()
    root, end = builder.all(steps, position, "", 1.0)
    slots = np.array(
        [position * SLOTS + slot for position, slot in builder.columns], dtype=np.uint64
    )
    leaves = builder.leaves
    spans = _spans(leaves)
    kin: dict[tuple[Any, ...], list[Leaf]] = {}
    for leaf in leaves:
        alone = leaf.number if leaf.op.kind in ALONE else NOTHING
        kin.setdefault((spans[leaf.position], alone, *likeness(leaf)), []).append(leaf)
    families = [Family(members) for members in kin.values()]
    numbers: dict[int, list[int]] = {}
    for number, key in enumerate(kin):
        numbers.setdefault(key[0], []).append(number)
    family, local, code, *signs = np.zeros((3 + SIGNS, len(leaves)), dtype=np.int64)
    for number, own in enumerate(families):
        members = [leaf.number for leaf in own.leaves]
        family[members], local[members] = number, np.arange(len(members))
        code[members] = own.place
        for bit, columns in enumerate(signs):
            columns[members] = own.sign_columns(bit)
    layout = Layout(
        root,
        slots,
        builder.needs_labels,
        [numbers[span] for span in sorted(numbers)],
        families,
        family,
        local,
        np.array([leaf.position for leaf in leaves], dtype=np.int64),
        code,
        [columns for columns in signs if (columns >= 0).any()],
        np.array([leaf.step.p for leaf in leaves], dtype=np.float64),
        np.array([_p_column(leaf) for leaf in leaves], dtype=np.int64),
    )
    return layout, end


def _p_column(leaf: Leaf) -> int:
    return int(leaf.columns["p"][0]) if "p" in leaf.columns else 0
