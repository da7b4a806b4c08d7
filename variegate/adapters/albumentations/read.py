"""Serialized Albumentations pipelines, and one transform at a time, as nodes of a policy."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations, combinations_with_replacement, islice, permutations, product
from math import factorial, prod
from pathlib import Path
from typing import Any

from variegate.adapters.albumentations import geometry, neighbors, noise, pixels, weather
from variegate.adapters.albumentations.given import CONTAINERS, Given, Skip, complete
from variegate.adapters.report import Report, grouped
from variegate.errors import PolicyError
from variegate.policy import nodes as tree
from variegate.policy.nodes import Node, Step
from variegate.policy.policy import Policy

TABLE = {**geometry.TABLE, **pixels.TABLE, **neighbors.TABLE, **noise.TABLE, **weather.TABLE}
# More ways than these to choose some of the steps are not written out.
MOST_WAYS = 2000
MAX_BYTES = 16 << 20
TENSORS = ("ToTensorV2", "ToTensor3D")
HIDING = ("CoarseDropout", "Erasing", "GridDropout", "XYMasking", "PixelDropout")


@dataclass(frozen=True)
class Read:
    """A pipeline as it was read: policy, the two settings objects as dicts, the other targets, and
    whether a tensor comes out.
    """

    policy: Policy
    bbox_params: Mapping[str, Any] | None
    keypoint_params: Mapping[str, Any] | None
    additional_targets: Mapping[str, str]
    tensor: bool


def read_source(source: Any) -> Mapping[str, Any]:
    """The content of a dict, of a JSON text file or, where PyYAML is installed, a YAML file."""
    if isinstance(source, Mapping):
        return source
    if not isinstance(source, str | Path):
        raise PolicyError(f"albumentations: expected a dict or a file, got {source!r:.80}")
    path = Path(source)
    try:
        if path.stat().st_size > MAX_BYTES:
            raise PolicyError(f"{path}: larger than {MAX_BYTES >> 20} MiB")
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise PolicyError(f"{path}: cannot be read: {error.strerror or error}") from error
    try:
        data = _yaml(text) if path.suffix.lower() in (".yaml", ".yml") else json.loads(text)
    except (ValueError, RecursionError) as error:
        raise PolicyError(f"{path}: cannot be read: {error!s:.100}") from error
    if not isinstance(data, Mapping):
        raise PolicyError(f"{path}: no serialized pipeline")
    return data


def _yaml(text: str) -> Any:
    try:
        import yaml
    except ImportError:
        raise PolicyError("YAML files need the package PyYAML; JSON files need nothing") from None
    try:
        return yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise ValueError(str(error)) from error


def read_pipeline(data: Mapping[str, Any], report: Report) -> Read:
    """A whole pipeline: the content of a file, or its `transform`."""
    top = data.get("transform", data)
    if not isinstance(top, Mapping) or "__class_fullname__" not in top:
        raise PolicyError("albumentations: expected what A.to_dict gives, with __class_fullname__")
    name, arguments, _ = _class_of(top, "transform")
    if name not in ("Compose", "ReplayCompose"):
        top = {"__class_fullname__": "Compose", "p": 1.0, "transforms": [top]}
        name, arguments, _ = _class_of(top, "transform")
    children = list(arguments["transforms"])
    tensor = bool(children) and _short(children[-1]) == "ToTensorV2"
    children = children[:-1] if tensor else children
    ended = bool(children) and _short(children[-1]) == "Normalize"
    steps = _all(children[:-1] if ended else children, report, "transform")
    whole = grouped(list(steps), float(arguments["p"]))
    if whole is not None and not isinstance(whole, tree.Sequence):
        steps = (whole,)
    elif whole is not None:
        steps = whole.steps if whole.p == 1 else (whole,)
    if ended:
        steps = (*steps, *_normalize(children[-1], float(arguments["p"]), report))
    if arguments["bbox_params"] or arguments["keypoint_params"]:
        for hidden in sorted(set(_names(children)) & set(HIDING)):
            report.changed(f"{hidden}: boxes and points under a hole stay")
    if arguments.get("mask_interpolation") not in (None, 0):
        report.changed(f"Compose: mask_interpolation={arguments['mask_interpolation']}")
    return Read(
        Policy(steps),
        _settings("BboxParams", arguments["bbox_params"]),
        _settings("KeypointParams", arguments["keypoint_params"]),
        dict(arguments["additional_targets"] or {}),
        tensor,
    )


def _settings(name: str, given: Any) -> Mapping[str, Any] | None:
    if not given:
        return None
    return complete(name, {k: v for k, v in given.items() if k != "__class_fullname__"}, name)


def _short(item: Any) -> str:
    """The class name of a serialized item; ToTensorV2 is written with its module."""
    if not isinstance(item, Mapping) or not isinstance(item.get("__class_fullname__"), str):
        raise PolicyError(f"albumentations: expected a serialized transform, got {item!r:.80}")
    return str(item["__class_fullname__"]).rpartition(".")[2]


def _names(items: Sequence[Any]) -> list[str]:
    found = []
    for item in items:
        found += [_short(item), *_names(item.get("transforms") or [])]
    return found


def _class_of(item: Mapping[str, Any], where: str) -> tuple[str, dict[str, Any], float]:
    """Class name, complete arguments and probability of a serialized item."""
    name = _short(item)
    given = {k: v for k, v in item.items() if k not in ("__class_fullname__", "__version__")}
    arguments = complete(name, given, where)
    p = arguments.get("p", 1.0)
    return name, arguments, tree.fraction(p, f"{where}: {name}.p")


def _all(items: Sequence[Any], report: Report, where: str) -> tuple[Node, ...]:
    made = [_node(item, report, f"{where}[{place}]") for place, item in enumerate(items)]
    return tuple(node for node in made if node is not None)


def _node(item: Any, report: Report, where: str, forced: bool = False) -> Node | None:
    """One item as a node; None where it is left out. forced: p counts as 1."""
    short = _short(item)
    if short in TENSORS or short == "Normalize":
        report.lost(f"{short} at {where}: it must be the last of the outermost list")
        return None
    name, arguments, p = _class_of(item, where)
    p = 1.0 if forced else p
    if name in CONTAINERS:
        return _container(name, arguments, p, report, where)
    try:
        if name not in TABLE:
            raise Skip("there is no such op here")
        return grouped(list(TABLE[name](Given(name, arguments, report))), p)
    except Skip as reason:
        report.lost(f"{name} at {where}: {reason}")
    except (PolicyError, TypeError, ValueError, IndexError) as error:
        report.lost(f"{name} at {where}: {error}")
    return None


def _container(
    name: str, arguments: dict[str, Any], p: float, report: Report, where: str
) -> Node | None:
    children = list(arguments["transforms"] or [])
    if name in ("Sequential", "Compose"):
        return grouped(list(_all(children, report, where)), p)
    if name in ("OneOf", "OneOrOther"):
        weights = [float(child.get("p", 0.5)) for child in children]
        weights = [p, 1 - p] if name == "OneOrOther" else weights
        made = [_node(c, report, f"{where}[{k}]", forced=True) for k, c in enumerate(children)]
        kept = [(node, w) for node, w in zip(made, weights, strict=True) if node is not None]
        if not kept:
            return None
        chosen = tuple(node for node, _ in kept)
        even = len({w for _, w in kept}) == 1
        shares = None if even else tuple(w for _, w in kept)
        return tree.OneOf(chosen, shares, 1.0 if name == "OneOrOther" else p)
    if name in ("SomeOf", "RandomOrder"):
        return _some(name, _all(children, report, where), arguments, p, report, where)
    report.lost(f"{name} at {where}: there is no such container here")
    return None


def _some(
    name: str,
    steps: tuple[Node, ...],
    arguments: dict[str, Any],
    p: float,
    report: Report,
    where: str,
) -> Node | None:
    """`n` of the steps, all ways written out; SomeOf keeps their order, RandomOrder does not."""
    count, again = int(arguments["n"]), bool(arguments["replace"])
    if not steps or count < 1:
        return None
    count = count if again else min(count, len(steps))
    ways = list(islice(_ways(name, len(steps), count, again), MOST_WAYS + 1))
    if len(ways) > MOST_WAYS:
        report.lost(f"{name} at {where}: more than {MOST_WAYS} ways to choose {count}")
        return None
    branches = tuple(tree.Sequence(tuple(steps[k] for k in way)) for way in ways)
    weights = None
    if name == "SomeOf" and again:
        weights = tuple(
            factorial(count) / prod(factorial(way.count(k)) for k in set(way)) for way in ways
        )
    return tree.OneOf(branches, weights, p)


def _ways(name: str, steps: int, count: int, again: bool) -> Iterator[tuple[int, ...]]:
    """Every way to choose `count` of the steps, one after another."""
    places = range(steps)
    if name == "SomeOf":
        yield from (combinations_with_replacement if again else combinations)(places, count)
    elif again:
        yield from product(places, repeat=count)
    else:
        yield from permutations(places, count)


def _normalize(item: Mapping[str, Any], p: float, report: Report) -> tuple[Node, ...]:
    """Normalize at the end: (value on 0..1 - mean) / std."""
    _, arguments, own = _class_of(item, "Normalize")
    whole = float(arguments["max_pixel_value"] or 255.0)
    if arguments["normalization"] != "standard" or own != 1 or p != 1 or whole not in (1.0, 255.0):
        report.lost(
            f"Normalize: normalization={arguments['normalization']!r}, p={own * p:g}, "
            f"max_pixel_value={whole:g} (here 'standard', 1, and 255 for bytes or 1 for floats)"
        )
        return ()
    many = {k: v if isinstance(v, (tuple, list)) else (v,) for k, v in arguments.items()}
    return (Step("Normalize", {"mean": tuple(many["mean"]), "std": tuple(many["std"])}),)
