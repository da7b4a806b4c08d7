"""Models as callables on NumPy arrays: any callable, PyTorch, Keras, and model files."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from variegate.errors import InputError, VariegateError

Model = Callable[[Any], Any]
FILES = (".onnx", ".keras", ".pt2", ".pt")
COLORS = (1, 3, 4)


@dataclass(frozen=True)
class Taken:
    """What a model takes: layout NHWC or NCHW, size (height, width) and channels where they are
    fixed, dtype float32 or uint8.
    """

    layout: str
    size: tuple[int, int] | None
    channels: int | None
    dtype: str


def as_model(model: Any) -> Model:
    """A function from a batch, as the views' pipeline gives it, to arrays.

    model: any callable on NumPy arrays; a torch.nn.Module (takes (n, c, h, w) tensors: let
    `prepare` end in Normalize(layout="NCHW"); it is called in evaluation mode without gradients, on
    its own device); a keras.Model; the path of a file, see `open_model`. Raises InputError for
    anything else.
    """
    if isinstance(model, str | Path):
        model = open_model(model)
    torch, keras = sys.modules.get("torch"), sys.modules.get("keras")
    if torch is not None and isinstance(model, torch.nn.Module):
        return _torch_model(model, torch)
    if keras is not None and isinstance(model, keras.Model):
        return model.predict_on_batch  # type: ignore[no-any-return]
    if hasattr(model, "get_inputs"):
        return _onnx_model(model)
    if callable(model):
        return model  # type: ignore[no-any-return]
    raise InputError(f"model: expected a callable or a model file, got {type(model).__name__}")


def open_model(path: str | Path) -> Any:
    """The model in a file: .onnx (ONNX Runtime), .keras (Keras 3), .pt2 (torch.export) or .pt
    (TorchScript). Nothing is unpickled. Raises InputError for other files and missing ones,
    VariegateError where the package is not installed.
    """
    file = Path(path)
    if file.suffix.lower() not in FILES:
        raise InputError(f"model: expected a file {', '.join(FILES)}, got {str(path)!r}")
    if not file.is_file():
        raise InputError(f"model: no such file: {str(path)!r}")
    return _opened(str(file.resolve()), file.stat().st_mtime_ns)


@lru_cache(maxsize=4)  # each view would open it again
def _opened(path: str, changed: int) -> Any:
    kind = Path(path).suffix.lower()
    try:
        if kind == ".onnx":
            import onnxruntime

            return onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
        if kind == ".keras":
            import keras

            return keras.saving.load_model(path, compile=False)
        import torch

        if kind == ".pt":
            return torch.jit.load(path, map_location="cpu").eval()  # type: ignore[no-untyped-call]
        exported = torch.export.load(path).module()
        exported.training = False  # it cannot be asked to change: its mode is part of its graph
        return exported
    except ImportError as error:
        extra = {".onnx": "tta", ".keras": "keras"}.get(kind, "train")
        raise VariegateError(
            f"a {kind} model needs the package {error.name}: pip install 'variegate[{extra}]'"
        ) from error
    except Exception as error:  # each library has its own errors for a file that is none
        raise InputError(f"model: {path}: cannot be read: {error!s:.200}") from error


def taken_by(model: Any) -> Taken:
    """What a model takes, as far as it says; a torch model takes NCHW floats of any size."""
    if hasattr(model, "get_inputs"):
        given = model.get_inputs()[0]
        shape = [side if isinstance(side, int) else None for side in given.shape]
        dtype = "uint8" if "uint8" in given.type else "float32"
    elif hasattr(model, "inputs") and getattr(model, "inputs", None):
        shape, dtype = list(model.inputs[0].shape), str(model.inputs[0].dtype)
    else:
        return Taken("NCHW", None, None, "float32")
    if len(shape) != 4:
        raise InputError(f"model: expected an input of four axes, got {shape}")
    first = shape[1] in COLORS and shape[3] not in COLORS
    layout = "NCHW" if first or shape[1] == 1 else "NHWC"
    sides, channels = (shape[2:], shape[1]) if layout == "NCHW" else (shape[1:3], shape[3])
    height, width = sides
    size = None if height is None or width is None else (int(height), int(width))
    return Taken(layout, size, channels, "uint8" if dtype == "uint8" else "float32")


def _onnx_model(session: Any) -> Model:
    name, taken = session.get_inputs()[0].name, taken_by(session)
    # Bytes are never normalized, so nothing before this has laid them out.
    channels_first = taken.dtype == "uint8" and taken.layout == "NCHW"

    def run(batch: Any) -> Any:
        given = np.moveaxis(batch, 3, 1) if channels_first else batch
        return session.run(None, {name: np.ascontiguousarray(given)})[0]

    return run


def _torch_model(model: Any, torch: Any) -> Model:
    def run(batch: Any) -> Any:
        was_training = model.training
        weights = next(iter(model.parameters()), None)
        device = "cpu" if weights is None else weights.device
        if was_training:
            model.eval()
        try:
            with torch.no_grad():
                return _to_arrays(model(torch.from_numpy(np.ascontiguousarray(batch)).to(device)))
        finally:
            if was_training:
                model.train()

    return run


def _to_arrays(value: Any) -> Any:
    """Tensors, also in lists and dicts, as NumPy arrays."""
    if isinstance(value, dict):
        return {name: _to_arrays(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [_to_arrays(item) for item in value]
    return value.detach().cpu().float().numpy() if hasattr(value, "detach") else value
