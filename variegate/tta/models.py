"""Models as callables on NumPy arrays: any callable, PyTorch, Keras, ONNX files."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from variegate.errors import InputError, VariegateError

Model = Callable[[Any], Any]


def as_model(model: Any) -> Model:
    """A function from a batch, as the views' pipeline gives it, to arrays.

    model: any callable on NumPy arrays; a torch.nn.Module (takes (n, c, h, w) tensors: let
    `prepare` end in Normalize(layout="NCHW"); it is called in evaluation mode without gradients, on
    its own device); a keras.Model; the path of an ONNX file (needs onnxruntime). Raises InputError
    for anything else.
    """
    torch, keras = sys.modules.get("torch"), sys.modules.get("keras")
    if torch is not None and isinstance(model, torch.nn.Module):
        return _torch_model(model, torch)
    if keras is not None and isinstance(model, keras.Model):
        return model.predict_on_batch  # type: ignore[no-any-return]
    if isinstance(model, str | Path):
        return _onnx_model(Path(model))
    if callable(model):
        return model  # type: ignore[no-any-return]
    raise InputError(f"model: expected a callable or an ONNX file, got {type(model).__name__}")


def _torch_model(model: Any, torch: Any) -> Model:
    def run(batch: Any) -> Any:
        was_training = model.training
        weights = next(iter(model.parameters()), None)
        device = "cpu" if weights is None else weights.device
        model.eval()
        try:
            with torch.no_grad():
                return _to_arrays(model(torch.from_numpy(np.ascontiguousarray(batch)).to(device)))
        finally:
            model.train(was_training)

    return run


def _to_arrays(value: Any) -> Any:
    """Tensors, also in lists and dicts, as NumPy arrays."""
    if isinstance(value, dict):
        return {name: _to_arrays(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [_to_arrays(item) for item in value]
    return value.detach().cpu().float().numpy() if hasattr(value, "detach") else value


def _onnx_model(path: Path) -> Model:
    if not path.is_file():
        raise InputError(f"model: no such file: {str(path)!r}")
    try:
        import onnxruntime
    except ImportError as error:
        raise VariegateError(
            "an ONNX model needs the package onnxruntime: pip install 'variegate[tta]'"
        ) from error
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    name = session.get_inputs()[0].name
    return lambda batch: session.run(None, {name: np.ascontiguousarray(batch)})[0]
