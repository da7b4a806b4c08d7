"""A TTA as an MLflow model, which `mlflow models serve` answers with. Nothing in it is pickled."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from variegate.errors import InputError, VariegateError
from variegate.tta import TTA
from variegate.tta.models import FILES, as_model, open_model

__all__ = ["TTAModel", "save_tta"]

TTA_FILE, INFO_FILE = "tta.json", "info.json"


def save_tta(
    tta: TTA,
    model: str | Path,
    out: str | Path,
    *,
    size: tuple[int, int],
    channels: int = 3,
    classes: Sequence[str] = (),
) -> Path:
    """Write a TTA around a model file as an MLflow pyfunc, a folder.

    It takes uint8 images (n, h, w, c), of `size` (height, width), and gives probabilities
    (n, classes), or with classes= a dict of them and of the likeliest class by name. Needs the
    package mlflow. Raises InputError for another task, a model file that is none, or a folder that
    is there.
    """
    try:
        import mlflow.pyfunc
        from mlflow.models import ModelSignature
        from mlflow.types.schema import Schema, TensorSpec
    except ImportError as error:
        raise VariegateError(
            "saving for MLflow needs the package mlflow: pip install 'variegate[mlflow]'"
        ) from error
    if tta.task != "classification":
        raise InputError(f"tta: only classification can be served, this is {tta.task}")
    source, target = Path(model), Path(out)
    if source.suffix.lower() not in FILES or not source.is_file():
        raise InputError(f"model: expected a file {', '.join(FILES)}, got {str(model)!r}")
    if target.exists():
        raise InputError(f"out: {target} is there; name another folder")
    signature = ModelSignature(
        inputs=Schema([TensorSpec(np.dtype(np.uint8), (-1, *size, channels), "images")])
    )
    with tempfile.TemporaryDirectory() as folder:
        data = Path(folder) / "tta"
        data.mkdir()
        shutil.copy(source, data / source.name)
        (data / TTA_FILE).write_text(json.dumps(tta.to_dict()), encoding="utf-8")
        info = {"model": source.name, "classes": list(classes)}
        (data / INFO_FILE).write_text(json.dumps(info), encoding="utf-8")
        mlflow.pyfunc.save_model(
            target,
            loader_module=__name__,
            data_path=str(data),
            signature=signature,
            pip_requirements=["variegate[tta]"],
        )
    return target


class TTAModel:
    """What MLflow calls: `predict` on images as an array, or as a dict with `images`."""

    def __init__(self, tta: TTA, classes: Sequence[str]) -> None:
        self.tta, self.classes = tta, np.array(classes)

    def predict(self, given: Any, params: Mapping[str, Any] | None = None) -> Any:
        """Probabilities (n, classes); with class names a dict of `probabilities` and `classes`."""
        images = np.asarray(given["images"] if isinstance(given, Mapping) else given)
        probabilities = self.tta(images.astype(np.uint8, copy=False))
        if not len(self.classes):
            return probabilities
        likeliest = self.classes[probabilities.argmax(axis=1)]
        return {"probabilities": probabilities, "classes": likeliest}


def _load_pyfunc(path: str) -> TTAModel:
    """MLflow's way in: the folder that `save_tta` wrote."""
    folder = Path(path)
    info = json.loads((folder / INFO_FILE).read_text(encoding="utf-8"))
    data = json.loads((folder / TTA_FILE).read_text(encoding="utf-8"))
    model = open_model(folder / info["model"])
    return TTAModel(TTA.from_dict(data, as_model(model)), info["classes"])
