"""How targets are written, and what an instance must still show to stay: settings of a pipeline."""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields
from typing import Any

from variegate.errors import PolicyError
from variegate.ops.settings import number
from variegate.policy.nodes import fraction
from variegate.targets.boxes import BOX_FORMATS
from variegate.targets.keypoints import read_pairs

CHOICES = {
    "boxes": BOX_FORMATS,
    "keypoints": ("continuous", "index"),
    "oriented_boxes": ("seen", "whole"),
    "box_angles": ("half", "full"),
    "bad_boxes": ("stop", "drop"),
}


@dataclass(frozen=True)
class Targets:
    """How targets are written: see Pipeline."""

    boxes: str = "xyxy"
    keypoints: str = "continuous"
    min_area: float = 0.0
    min_visibility: float = 0.0
    oriented_boxes: str = "seen"
    box_angles: str = "half"
    bad_boxes: str = "stop"
    keypoint_names: tuple[str, ...] | None = None
    keypoint_pairs: tuple[Any, ...] = ()

    def __post_init__(self) -> None:
        for name, legal in CHOICES.items():
            value = getattr(self, name)
            if value not in legal:
                raise PolicyError(f"{name}: expected one of {', '.join(legal)}, got {value!r}")
        object.__setattr__(self, "min_area", _pixels(self.min_area))
        visibility = fraction(self.min_visibility, "min_visibility")
        object.__setattr__(self, "min_visibility", visibility)
        object.__setattr__(self, "keypoint_names", _names(self.keypoint_names))
        try:
            pairs = read_pairs(self.keypoint_pairs, self.keypoint_names)
        except ValueError as error:
            raise PolicyError(f"keypoint_pairs: {error}") from error
        object.__setattr__(self, "keypoint_pairs", pairs)

    @classmethod
    def names(cls) -> list[str]:
        """The names of the settings."""
        return [item.name for item in fields(cls)]

    def to_dict(self) -> dict[str, Any]:
        """As keyword arguments of Pipeline, in JSON's types."""
        data = asdict(self)
        data["keypoint_pairs"] = [list(pair) for pair in self.keypoint_pairs]
        if self.keypoint_names is not None:
            data["keypoint_names"] = list(self.keypoint_names)
        return data


def _pixels(value: object) -> float:
    try:
        return number(value, 0, 1e12)
    except ValueError as error:
        message = f"min_area: expected a number of pixels of at least 0, got {value!r}"
        raise PolicyError(message) from error


def _names(value: object) -> tuple[str, ...] | None:
    if value is None:
        return None
    legal = isinstance(value, (tuple, list)) and all(isinstance(name, str) for name in value)
    if not legal or len(set(value)) < len(value):  # type: ignore[arg-type, call-overload]
        raise PolicyError(f"keypoint_names: expected a list of different names, got {value!r}")
    return tuple(value)  # type: ignore[arg-type]
