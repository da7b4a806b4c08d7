"""A TTA as JSON data: views, preparation, what was learned. The model is a file of its own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import numpy as np

from variegate.errors import PolicyError
from variegate.ops.op import suggest
from variegate.policy.policy import Policy
from variegate.tta.fit import Fit

if TYPE_CHECKING:
    from variegate.tta.tta import TTA

FORMAT, VERSION = "variegate-tta", 1
PLAIN = ("task", "merge", "logits", "channels", "keypoint_pairs", "iou", "batch_size", "seed")
KNOWN = ("format", "version", "views", "prepare", "alone", "learned", *PLAIN)


def tta_to_dict(tta: TTA) -> dict[str, Any]:
    """Everything of a TTA but its model."""
    learned = None
    if tta.learned is not None:
        learned = {**asdict(tta.learned), "weights": tta.learned.weights.tolist()}
    plain = {name: getattr(tta, name) for name in PLAIN}
    plain["keypoint_pairs"] = [list(pair) for pair in tta.keypoint_pairs]
    return {
        "format": FORMAT,
        "version": VERSION,
        "views": [view.to_dict() for view in tta.views],
        "prepare": tta.prepare.to_dict(),
        "alone": None if tta.alone is None else tta.alone.to_dict(),
        "learned": learned,
        **plain,
    }


def tta_settings(data: object) -> dict[str, Any]:
    """The settings of a TTA from what `tta_to_dict` gave; raises PolicyError."""
    if not isinstance(data, Mapping) or data.get("format") != FORMAT:
        raise PolicyError(f"tta: expected an object of format {FORMAT!r}")
    if data.get("version") != VERSION:
        raise PolicyError(f"tta: version {data.get('version')!r} is not {VERSION}; "
                          "update variegate to read it")  # fmt: skip
    for name in data:
        if name not in KNOWN:
            raise PolicyError(f"tta: unknown field {name!r}; {suggest(str(name), list(KNOWN))}")
    settings = {name: data[name] for name in PLAIN if name in data}
    if not isinstance(data.get("views"), list):
        raise PolicyError("tta: views: expected a list of policies")
    settings["views"] = [Policy.from_dict(view) for view in data["views"]]
    settings["prepare"] = Policy.from_dict(data["prepare"]) if "prepare" in data else ()
    if data.get("alone") is not None:
        settings["alone"] = Policy.from_dict(data["alone"])
    pairs = settings.get("keypoint_pairs", ())
    settings["keypoint_pairs"] = tuple((int(a), int(b)) for a, b in pairs)
    if data.get("learned") is not None:
        settings["learned"] = _fit(data["learned"], len(settings["views"]))
    return settings


def _fit(data: object, views: int) -> Fit:
    names = list(Fit.__dataclass_fields__)
    if not isinstance(data, Mapping) or sorted(data) != sorted(names):
        raise PolicyError(f"tta: learned: expected {', '.join(names)}")
    weights = np.asarray(data["weights"], dtype=np.float64)
    legal = weights.ndim in (1, 2) and len(weights) == views and np.isfinite(weights).all()
    if not legal or (weights < 0).any():
        raise PolicyError(f"tta: learned: expected {views} weights of at least 0")
    rest = {name: float(data[name]) for name in names if name not in ("kind", "weights")}
    return Fit(kind=str(data["kind"]), weights=weights, **rest)
