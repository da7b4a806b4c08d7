"""Policies as JSON: safe parsing, a format version, and messages that name the place."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any

from variegate.errors import PolicyError
from variegate.ops.op import suggest
from variegate.ops.registry import names
from variegate.policy.nodes import (
    AutoAugment,
    ByEpoch,
    Node,
    OneOf,
    PerClass,
    RandAugment,
    Sequence,
    SomeOf,
    Step,
    Strength,
    TrivialAugment,
)

FORMAT = "variegate-policy"
VERSION = 1
MAX_BYTES = 16 << 20
MAX_DEPTH = 32
CONTAINERS = {
    c.__name__: c for c in (Sequence, OneOf, SomeOf, RandAugment, TrivialAugment, AutoAugment)
}


def wrap(steps: list[dict[str, Any]]) -> dict[str, Any]:
    """A policy file's content around its steps."""
    return {"format": FORMAT, "version": VERSION, "steps": steps}


def unwrap(data: object) -> list[Any]:
    """The steps of a policy file's content; refuses other formats and newer versions."""
    if not isinstance(data, Mapping):
        raise PolicyError(
            f"policy: expected an object with format, version and steps, got {type(data).__name__}"
        )
    if data.get("format") != FORMAT:
        raise PolicyError(f"policy: expected format {FORMAT!r}, got {data.get('format')!r}")
    version = data.get("version")
    if isinstance(version, bool) or not isinstance(version, int) or version < 1:
        raise PolicyError(f"policy: expected version {VERSION}, got {version!r}")
    if version > VERSION:
        raise PolicyError(
            f"policy: version {version} is newer than {VERSION}; update variegate to read it"
        )
    unknown = set(data) - {"format", "version", "steps"}
    if unknown:
        raise PolicyError(f"policy: unknown field {min(map(str, unknown))!r}")
    if not isinstance(data.get("steps"), list):
        raise PolicyError("policy: expected a list under 'steps'")
    return list(data["steps"])


def node_to_dict(node: Node) -> dict[str, Any]:
    """A node as JSON data."""
    if isinstance(node, Step):
        return _step_to_dict(node)
    if isinstance(node, PerClass):
        branches = {str(k): [node_to_dict(s) for s in v] for k, v in node.policies.items()}
        return {
            "step": "PerClass",
            "policies": branches,
            "default": [node_to_dict(s) for s in node.default],
        }
    if isinstance(node, ByEpoch):
        stages = {str(k): [node_to_dict(s) for s in v] for k, v in node.policies.items()}
        return {"step": "ByEpoch", "policies": stages}
    data: dict[str, Any] = {"step": type(node).__name__}
    for item in fields(node):
        value = getattr(node, item.name)
        if item.name == "steps":
            data["steps"] = [node_to_dict(s) for s in value]
        elif value is not None:
            data[item.name] = plain(value)
    return data


def _step_to_dict(step: Step) -> dict[str, Any]:
    data: dict[str, Any] = {"step": step.op}
    data.update({name: plain(value) for name, value in step.arguments.items()})
    strength = step.magnitude
    if strength is not None and strength == Strength(strength.low, strength.low):
        data["magnitude"] = strength.low
    elif strength is not None:
        data["magnitude"] = {f.name: getattr(strength, f.name) for f in fields(strength)}
    if step.strong:
        data["strong"] = dict(step.strong)
    if step.p != 1.0:
        data["p"] = step.p
    return data


def plain(value: Any) -> Any:
    """Tuples as lists, so that data compares equal before and after JSON."""
    return [plain(v) for v in value] if isinstance(value, (tuple, list)) else value


def node_from_dict(data: object, where: str, depth: int = 0) -> Node:
    """A node from JSON data; raises PolicyError that says where and what."""
    if depth > MAX_DEPTH:
        raise PolicyError(f"{where}: nested more than {MAX_DEPTH} deep")
    if not isinstance(data, Mapping) or not isinstance(data.get("step"), str):
        raise PolicyError(f"{where}: expected an object with a 'step' name, got {data!r:.80}")
    name = data["step"]
    rest = {key: value for key, value in data.items() if key != "step"}
    try:
        if name == "PerClass":
            return _per_class(rest, where, depth)
        if name == "ByEpoch":
            return ByEpoch(_by_number(rest, name, "epoch", where, depth, {"policies"}))
        if name in CONTAINERS:
            return _container(name, rest, where, depth)
        return step_from_arguments(name, rest)
    except PolicyError as error:
        text = str(error)
        raise PolicyError(text if text.startswith("steps[") else f"{where}: {text}") from error


def _children(items: object, where: str, depth: int) -> tuple[Node, ...]:
    if not isinstance(items, (list, tuple)):
        raise PolicyError(f"expected a list of steps, got {items!r:.80}")
    return tuple(node_from_dict(item, f"{where}[{i}]", depth + 1) for i, item in enumerate(items))


def _container(name: str, rest: dict[str, Any], where: str, depth: int) -> Node:
    kind = CONTAINERS[name]
    known = [f.name for f in fields(kind)]
    for key in rest:
        if key not in known:
            raise PolicyError(f"{name}: unknown argument {key!r}; {suggest(key, known)}")
    if "steps" in known:
        rest["steps"] = _children(rest.get("steps"), f"{where}.steps", depth)
    if "ops" in rest and isinstance(rest["ops"], list):
        rest["ops"] = tuple(rest["ops"])
    node: Node = kind(**rest)
    return node


def _per_class(rest: dict[str, Any], where: str, depth: int) -> PerClass:
    known = {"policies", "default"}
    policies = _by_number(rest, "PerClass", "class", where, depth, known)
    return PerClass(policies, _children(rest.get("default", []), f"{where}.default", depth))


def _by_number(
    rest: dict[str, Any], name: str, what: str, where: str, depth: int, known: set[str]
) -> dict[int, tuple[Node, ...]]:
    """The steps under "policies" by class index or epoch."""
    for key in rest:
        if key not in known:
            raise PolicyError(
                f"{name}: unknown argument {key!r}; known: {', '.join(sorted(known)[::-1])}"
            )
    index = "class index" if what == "class" else what
    branches = rest.get("policies")
    if not isinstance(branches, Mapping):
        raise PolicyError(f"{name}.policies: expected an object {{{index}: steps}}")
    policies: dict[int, tuple[Node, ...]] = {}
    for key, items in branches.items():
        text = str(key)
        if not (text.isascii() and text.isdigit() and len(text) < 11):
            article = "an" if index[0] in "aeiou" else "a"
            raise PolicyError(f"{name}: expected {article} {index}, got {key!r:.80}")
        if int(text) in policies:
            raise PolicyError(f"{name}: {what} {int(text)} stands twice")
        policies[int(text)] = _children(items, f"{where}.policies.{key}", depth)
    return policies


def step_from_arguments(name: str, given: Mapping[str, Any]) -> Step:
    """A Step from what a user or a file wrote: ranges and settings, p, magnitude, magnitude_std,
    strong.
    """
    if name not in names():
        known = [*names(), *CONTAINERS, "PerClass", "ByEpoch"]
        raise PolicyError(f"unknown step {name!r}; {suggest(name, known)}")
    rest = dict(given)
    p, strong = rest.pop("p", 1.0), rest.pop("strong", {})
    strength = _strength(rest.pop("magnitude", None), rest.pop("magnitude_std", 0.0))
    if not isinstance(strong, Mapping):
        raise PolicyError(f"{name}.strong: expected an object, got {strong!r}")
    arguments = {key: tuple(v) if isinstance(v, list) else v for key, v in rest.items()}
    return Step(name, arguments, p, strength, dict(strong))


def _strength(value: object, std: Any) -> Strength | None:
    if value is None:
        if std:
            raise PolicyError("magnitude_std needs a magnitude")
        return None
    if isinstance(value, Strength):
        return value
    if isinstance(value, Mapping):
        unknown = set(value) - {"low", "high", "std", "levels"}
        if unknown or not {"low", "high"} <= set(value):
            raise PolicyError(f"magnitude: expected low, high, std and levels, got {dict(value)!r}")
        return Strength(**value)
    if isinstance(value, (tuple, list)) and len(value) == 2:
        return Strength(value[0], value[1], std)
    return Strength(value, value, std)  # type: ignore[arg-type]  # checked there


def read_file(path: Path) -> Any:
    """Reads JSON from a policy file; duplicate keys, NaN, huge and deep files are refused by
    path.
    """
    try:
        if path.stat().st_size > MAX_BYTES:
            raise PolicyError(f"{path}: larger than {MAX_BYTES >> 20} MiB; this is no policy file")
        return json.loads(
            path.read_text(encoding="utf-8"),
            object_pairs_hook=_no_duplicates,
            parse_constant=_no_constant,
        )
    except OSError as error:
        raise PolicyError(f"{path}: cannot be read: {error.strerror or error}") from error
    except RecursionError as error:
        raise PolicyError(f"{path}: nested too deep") from error
    except PolicyError as error:
        raise PolicyError(f"{path}: {error}".replace(f"{path}: {path}", str(path))) from error
    except ValueError as error:
        raise PolicyError(f"{path}: not JSON: {error}") from error


def _no_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    data = dict(pairs)
    if len(data) != len(pairs):
        keys = [key for key, _ in pairs]
        raise PolicyError(f"field {next(k for k in keys if keys.count(k) > 1)!r} stands twice")
    return data


def _no_constant(text: str) -> float:
    raise PolicyError(f"{text} is not a number that a policy may hold")


def write_file(path: Path, data: dict[str, Any]) -> Path:
    """Writes JSON beside `path`, then renames it into place."""
    import tempfile  # slow to import, seldom needed

    text = json.dumps(data, indent=1, allow_nan=False) + "\n"
    try:
        handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        try:
            with os.fdopen(handle, "w", encoding="utf-8") as file:
                file.write(text)
                file.flush()
                os.fsync(file.fileno())
            Path(temporary).replace(path)
        except BaseException:
            Path(temporary).unlink(missing_ok=True)
            raise
    except OSError as error:
        raise PolicyError(f"{path}: cannot be written: {error.strerror or error}") from error
    return path
