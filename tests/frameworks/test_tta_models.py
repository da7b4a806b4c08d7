"""One linear model in ONNX Runtime, Keras and torch: as an object and as a file, the same views."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import keras
import numpy as np
import onnx
import pytest
import torch
from onnx import numpy_helper

import variegate as vg
from tests.frameworks.test_onnx import CLASSES, IMAGES, SIZE, write_model
from variegate.tta.models import open_model, taken_by

FIRST = [vg.Normalize(mean=(0.4, 0.5, 0.6), std=(0.2, 0.3, 0.4), layout="NCHW")]
LAST = [vg.Normalize(mean=(0.4, 0.5, 0.6), std=(0.2, 0.3, 0.4), layout="NHWC")]


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[Any, list]]:
    """Name -> a model, and the preparation that it needs; all with the ONNX model's weights."""
    folder = tmp_path_factory.mktemp("models")
    path = write_model(folder / "model.onnx")
    weights = numpy_helper.to_array(onnx.load(str(path)).graph.initializer[0])
    net = torch.nn.Sequential(
        torch.nn.Flatten(), torch.nn.Linear(len(weights), CLASSES, bias=False)
    )
    with torch.no_grad():
        net[1].weight.copy_(torch.from_numpy(weights.T.copy()))
    dense = keras.layers.Dense(CLASSES, use_bias=False)
    keras_net = keras.Sequential([keras.Input((*SIZE, 3)), keras.layers.Flatten(), dense])
    by_place = weights.reshape(3, *SIZE, CLASSES).transpose(1, 2, 0, 3).reshape(-1, CLASSES)
    dense.set_weights([by_place])
    keras_net.save(folder / "model.keras")
    exported = torch.export.export(
        net, (torch.zeros(2, 3, *SIZE),), dynamic_shapes=({0: torch.export.Dim("batch")},)
    )
    torch.export.save(exported, folder / "model.pt2")
    return {
        "onnx": (str(path), FIRST),
        "torch": (net, FIRST),
        "torch file": (folder / "model.pt2", FIRST),
        "keras": (keras_net, LAST),
        "keras file": (folder / "model.keras", LAST),
    }


@pytest.mark.parametrize("name", ["torch", "torch file", "keras", "keras file"])
def test_all_answer_alike(models: dict[str, tuple[Any, list]], name: str) -> None:
    def ask(which: str) -> np.ndarray:
        model, prepare = models[which]
        return vg.TTA(model, "flip", prepare=prepare, logits=True, batch_size=4)(IMAGES)

    own = ask(name)
    assert own.shape == (len(IMAGES), CLASSES)
    assert np.abs(own - ask("onnx")).max() < 1e-4


def test_what_each_takes_is_read_off_it(models: dict[str, tuple[Any, list]]) -> None:
    taken = taken_by(open_model(models["onnx"][0]))
    assert (taken.layout, taken.size, taken.channels, taken.dtype) == ("NCHW", SIZE, 3, "float32")
    taken = taken_by(open_model(models["keras file"][0]))
    assert (taken.layout, taken.size, taken.channels) == ("NHWC", SIZE, 3)
    assert taken_by(models["torch"][0]).layout == "NCHW"


def test_a_file_that_is_no_model_is_named(tmp_path: Path) -> None:
    for name in ("a.onnx", "a.keras", "a.pt2", "a.pt"):
        (tmp_path / name).write_bytes(b"nothing")
        with pytest.raises(vg.InputError, match="cannot be read"):
            open_model(tmp_path / name)
    with pytest.raises(vg.InputError, match="expected a file"):
        open_model(tmp_path / "a.pkl")
