"""Constructors made from declarations: a function per op, its signature, its help and its type
stub.
"""

from __future__ import annotations

from collections.abc import Callable
from inspect import Parameter, Signature
from typing import Any

from variegate.ops.op import Kind, Op
from variegate.policy.io import step_from_arguments
from variegate.policy.nodes import Step


def constructor(op: Op) -> Callable[..., Step]:
    """A function named like the op that takes its ranges and settings by keyword and returns a
    Step.
    """

    def build(**arguments: Any) -> Step:
        return step_from_arguments(op.name, arguments)

    build.__name__ = build.__qualname__ = op.name
    build.__doc__ = describe(op)
    build.__signature__ = signature(op)  # type: ignore[attr-defined]
    return build


def signature(op: Op) -> Signature:
    """Keyword-only parameters with their defaults, in declared order."""
    items: list[tuple[str, Any]] = []
    items += [(p.name, Parameter.empty if p.default is None else p.default) for p in op.params]
    items += [(s.name, Parameter.empty if s.required else s.default) for s in op.settings]
    if op.has_magnitude:
        items += [("magnitude", None), ("magnitude_std", 0.0)]
    if op.kind is not Kind.OUTPUT:
        items.append(("p", 1.0))
    return Signature(
        [Parameter(name, Parameter.KEYWORD_ONLY, default=default) for name, default in items]
    )


def describe(op: Op) -> str:
    """The op's docstring with its arguments, legal values, magnitude and source."""
    lines = [op.doc, "", f"Kind: {op.kind.value}."]
    for param in op.params:
        at = ""
        if param.strong is not None:
            side = " on either side" if param.mirrored else ""
            at = f"; magnitude 0 is {param.weak:g}, 1 is {param.strong:g}{side}"
        lines.append(
            f"{param.name}: (low, high) within {param.low:g}..{param.high:g}, {param.unit}{at}."
        )
    lines += [f"{setting.name}: {setting.legal}." for setting in op.settings]
    return "\n".join([*lines, f"Source: {op.source}."])


def stub(op: Op) -> str:
    """The op's constructor as a line of a type stub."""
    shown: list[tuple[str, str, Any]] = []
    shown += [(p.name, "tuple[float, float]", p.default) for p in op.params]
    shown += [(s.name, "Any", ... if s.required else s.default) for s in op.settings]
    arguments = [
        f"{name}: {kind}" + (" = ..." if default is not ... else "")
        for name, kind, default in shown
    ]
    if op.has_magnitude:
        arguments += [
            "magnitude: float | tuple[float, float] | None = ...",
            "magnitude_std: float = ...",
        ]
    if op.kind is not Kind.OUTPUT:
        arguments.append("p: float = ...")
    return f"def {op.name}(*, {', '.join(arguments)}) -> Step: ..."
