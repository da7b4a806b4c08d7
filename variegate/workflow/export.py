"""A policy as another library's code; a model with its views as an ONNX graph or for MLflow."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from variegate.errors import InputError, StoreError
from variegate.ops.op import suggest
from variegate.policy import Policy
from variegate.workflow.common import need
from variegate.workflow.policies import read_policy

if TYPE_CHECKING:
    from variegate.tta import TTA

SCHEMA = "variegate.export/1"
CODE = ("albumentations", "keras", "torchvision")
SERVED = ("onnx", "mlflow")


@dataclass(frozen=True)
class ExportResult:
    """What was written: code, or the path of a graph or model. notes: what is left out or done
    otherwise there.
    """

    to: str
    code: str
    path: Path | None
    notes: tuple[str, ...]
    about: str = ""

    def to_dict(self) -> dict[str, Any]:
        """The result as JSON values."""
        path = None if self.path is None else str(self.path)
        return {
            "schema": SCHEMA,
            "to": self.to,
            "path": path,
            "code": self.code,
            "notes": list(self.notes),
            "about": self.about,
        }

    def lines(self) -> list[str]:
        """The result for a terminal."""
        if self.path is None:
            return [self.code.rstrip()]
        return [f"{self.path}: {self.about or self.to}"]


def export(
    source: str | Path | Policy | TTA,
    to: str,
    *,
    model: str | Path | None = None,
    size: tuple[int, int] | None = None,
    channels: int | None = None,
    classes: Sequence[str] = (),
    out: str | Path | None = None,
) -> ExportResult:
    """Write a policy as code (to="albumentations", "keras" or
    "torchvision"), or a TTA around a model (to=
    "onnx" or "mlflow").

    source: a policy, its file or its name; or a TTA, or the tta.json that `tta` wrote. model: the
    model's file, .onnx for a graph. size, channels: of the images to be taken; by default the
    model's own. classes: names that an MLflow model answers with. out: the file or folder to
    write; code may be returned only. Raises InputError and PolicyError that name what does not fit.
    """
    if to in CODE:
        return _code(source, to, out)
    if to not in SERVED:
        raise InputError(f"to: unknown {to!r}; {suggest(str(to), [*CODE, *SERVED])}")
    if model is None or out is None:
        raise InputError(f"to={to!r}: model= and out= are missing")
    tta = _tta(source, model)
    shape = _shape(model, size, channels)
    if to == "onnx":
        need("an ONNX graph", "onnx", "tta")
        from variegate.adapters.onnx import export_tta

        made = export_tta(tta, model, out, size=shape[:2], channels=shape[2])
        about = (
            f"{made.passes} views, images uint8 (n, {shape[0]}, {shape[1]}, {shape[2]}) to "
            f"probabilities; at most {made.difference:.1e} from the Python path in any "
            f"probability on {made.checked} pictures of noise"
        )
        return ExportResult(to, "", made.path, (), about)
    need("an MLflow model", "mlflow")
    from variegate.adapters.mlflow import save_tta

    path = save_tta(tta, model, out, size=shape[:2], channels=shape[2], classes=classes)
    about = f"mlflow models serve -m {path} --env-manager local"
    return ExportResult(to, "", path, (), about)


def _code(source: Any, to: str, out: str | Path | None) -> ExportResult:
    from variegate.adapters.code import to_code

    policy = source if not isinstance(source, str | Path) else read_policy(str(source))
    notes: list[str] = []
    code = to_code(Policy() if policy is None else policy, to, report=notes)
    path = None
    if out is not None:
        path = Path(out)
        try:
            path.write_text(code, encoding="utf-8")
        except OSError as error:
            raise StoreError(f"{path}: cannot be written ({error.strerror})") from error
    return ExportResult(to, code, path, tuple(notes))


def _tta(source: Any, model: str | Path) -> TTA:
    from variegate.tta import TTA

    if isinstance(source, TTA):
        return source
    try:
        data = json.loads(Path(source).read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise InputError(f"{source}: cannot be read as JSON: {error}") from error
    return TTA.from_dict(data, str(model))


def _shape(
    model: str | Path, size: tuple[int, int] | None, channels: int | None
) -> tuple[int, int, int]:
    from variegate.tta.models import open_model, taken_by

    taken = taken_by(open_model(model))
    size = size or taken.size
    if size is None:
        raise InputError("size: the model takes any; say size=(height, width)")
    return (*size, channels or taken.channels or 3)
