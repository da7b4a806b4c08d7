"""What a user writes: A.Rotate(limit=30), A.OneOf([...]), A.BboxParams(...), kept as data."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from inspect import Parameter, Signature
from typing import Any

from variegate.adapters.albumentations.given import VERSION, complete, signatures
from variegate.errors import InputError, PolicyError


class Transform:
    """One transform or container by its class name, its arguments complete and as Albumentations
    would write them to a file. Called alone, it is a Compose of itself.
    """

    def __init__(self, name: str, arguments: Mapping[str, Any]) -> None:
        self.name = name
        self.arguments = complete(name, arguments, name)
        self._compose: Any = None

    def data(self) -> dict[str, Any]:
        """The serialized form."""
        content = dict(self.arguments)
        if "transforms" in content:
            children = content["transforms"]
            if children is None and self.name == "OneOrOther":
                children = [content.pop("first"), content.pop("second")]
            content["transforms"] = [serialized(child) for child in children or ()]
        return {"__class_fullname__": self.name, **content}

    def to_dict(self) -> dict[str, Any]:
        """As Albumentations' to_dict: with the version that it follows."""
        return {"__version__": VERSION, "transform": self.data()}

    def __call__(self, **targets: Any) -> dict[str, Any]:
        """Apply it to one sample; see Compose."""
        from variegate.adapters.albumentations.compose import Compose

        if self._compose is None:
            self._compose = Compose([self])
        return dict(self._compose(**targets))

    def __repr__(self) -> str:
        inside = ", ".join(f"{name}={value!r}" for name, value in self.arguments.items())
        return f"{self.name}({inside})"


class ToTensorV2:
    """The last step: the image as a torch tensor (c, h, w); transpose_mask: masks too."""

    def __init__(self, transpose_mask: bool = False, p: float = 1.0) -> None:
        if p != 1:
            raise PolicyError(f"ToTensorV2: expected p=1, got {p!r}")
        self.transpose_mask = transpose_mask

    def data(self) -> dict[str, Any]:
        """The serialized form."""
        return {"__class_fullname__": "ToTensorV2", "transpose_mask": self.transpose_mask, "p": 1.0}


class Parameters:
    """BboxParams or KeypointParams."""

    def __init__(self, name: str, arguments: Mapping[str, Any]) -> None:
        self.arguments = complete(name, arguments, name)


def serialized(item: Any) -> dict[str, Any]:
    """A transform as data; raises InputError for what is none."""
    if not isinstance(item, (Transform, ToTensorV2)) and not hasattr(item, "data"):
        raise InputError(f"transforms: expected a transform such as A.Rotate(), got {item!r:.80}")
    return dict(item.data())


def constructor(name: str) -> Callable[..., Any]:
    """The class of this name as a function with Albumentations' own signature."""
    known = signatures()[name]
    order = [*known["required"], *known["defaults"]]
    make = Parameters if name in ("BboxParams", "KeypointParams") else Transform

    def build(*positional: Any, **arguments: Any) -> Any:
        if len(positional) > len(order):
            raise PolicyError(f"{name}: takes at most {len(order)} arguments")
        given = dict(zip(order, positional, strict=False))
        twice = sorted(given.keys() & arguments.keys())
        if twice:
            raise PolicyError(f"{name}: {twice[0]}= is given twice")
        return make(name, {**given, **arguments})

    build.__name__ = build.__qualname__ = name
    build.__doc__ = f"Albumentations' {name}, by its own arguments."
    empty = Parameter.empty
    build.__signature__ = Signature(  # type: ignore[attr-defined]
        [
            Parameter(n, Parameter.POSITIONAL_OR_KEYWORD, default=known["defaults"].get(n, empty))
            for n in order
        ]
    )
    return build
