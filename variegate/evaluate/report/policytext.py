"""Say a policy in words, from its plain data only."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from variegate.errors import InputError
from variegate.evaluate.names import clean
from variegate.ops.registry import get, names

Line = tuple[int, str]
_LINES = 400
_DEPTH = 12
_HANDLED = {"step", "steps", "p", "rate", "weights", "policies", "default"}


def policy_data(policy: object) -> dict[str, Any] | None:
    """Give the plain data of a policy: its dict, or what its `to_dict()` gives."""
    if policy is None:
        return None
    to_dict = getattr(policy, "to_dict", None)
    data = to_dict() if callable(to_dict) else policy
    if not isinstance(data, Mapping) or not isinstance(data.get("steps"), list | tuple):
        raise InputError("policy: expected a policy or its dict with 'steps'")
    return dict(data)


def policy_lines(data: Mapping[str, Any] | None) -> list[Line]:
    """Give (depth, sentence) for every step, at most 400 of them."""
    if data is None:
        return []
    if not data["steps"]:
        return [(0, "No augmentation.")]
    lines: list[Line] = []
    _steps(data["steps"], 0, lines)
    if len(lines) > _LINES:
        return [*lines[:_LINES], (0, f"and {len(lines) - _LINES} more lines; see report.json")]
    return lines


def _steps(steps: Any, depth: int, lines: list[Line]) -> None:
    if not isinstance(steps, list | tuple):
        return
    for step in steps:
        _step(step, depth, lines)


def _step(step: Any, depth: int, lines: list[Line], prefix: str = "") -> None:
    if not isinstance(step, Mapping) or depth > _DEPTH:
        lines.append((depth, clean(step, 120)))
        return
    name = clean(step.get("step", "(step without a name)"))
    usual = _usual(name)
    parts = [
        _value(key, value)
        for key, value in step.items()
        if key not in _HANDLED and not (key in usual and usual[key] == value)
    ]
    text = f"{prefix}{name}" + (f": {', '.join(parts)}" if parts else "") + _chance(step)
    lines.append((depth, text))
    children = step.get("steps") or ()
    weights = step.get("weights")
    total = _total(weights)
    for number, child in enumerate(children if isinstance(children, list | tuple) else ()):
        share = ""
        if total and isinstance(weights, list | tuple) and number < len(weights):
            share = f"{100 * weights[number] / total:.0f} % of the time: "
        _step(child, depth + 1, lines, share)
    policies = step.get("policies")
    if isinstance(policies, Mapping):
        by_epoch = name == "ByEpoch"
        for label, inner in policies.items():
            text = f"from epoch {clean(label)} on" if by_epoch else f"class {clean(label)}"
            lines.append((depth + 1, text))
            _steps(inner, depth + 2, lines)
        if not by_epoch:
            lines.append((depth + 1, "every other class"))
            _steps(step.get("default") or (), depth + 2, lines)


def _usual(name: str) -> dict[str, Any]:
    """The default settings of an op (border, fill): not worth saying."""
    if name not in names():
        return {}
    return {s.name: s.default for s in get(name).settings if not s.required}


def _chance(step: Mapping[str, Any]) -> str:
    chance = step.get("p", step.get("rate"))
    if not isinstance(chance, int | float) or isinstance(chance, bool) or chance == 1:
        return ""
    return f", in {100 * chance:.3g} % of the images"


def _total(weights: Any) -> float:
    if not isinstance(weights, list | tuple):
        return 0.0
    if not all(isinstance(weight, int | float) for weight in weights):
        return 0.0
    return float(sum(weights))


def _value(key: object, value: Any) -> str:
    name = clean(key).replace("_", " ")
    numbers = isinstance(value, list | tuple) and all(isinstance(v, int | float) for v in value)
    if numbers and len(value) == 2:
        return f"{name} from {value[0]:.4g} to {value[1]:.4g}"
    if isinstance(value, float):
        return f"{name} {value:.4g}"
    if isinstance(value, list | tuple):
        return f"{name} {clean(', '.join(map(str, value)), 200)}"
    return f"{name} {clean(value, 120)}"
