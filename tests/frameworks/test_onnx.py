"""One ONNX graph of views, preparation, model and merge: equal to the Python path."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper, numpy_helper

import variegate as vg
from variegate import workflow
from variegate.adapters.onnx import export_tta
from variegate.data import Dataset
from variegate.tta.fit import Fit

SIZE, CLASSES = (12, 16), 4
GENERATOR = np.random.default_rng(0)
IMAGES = GENERATOR.integers(0, 256, (6, *SIZE, 3), dtype=np.uint8)
PREPARE = [vg.Normalize(mean=(0.4, 0.5, 0.6), std=(0.2, 0.3, 0.4), layout="NCHW")]


def write_model(path: Path, *, batch: int | str = "n", opset: int = 18, softmax: bool = False,
                layout: str = "NCHW", kind: int = TensorProto.FLOAT) -> Path:  # fmt: skip
    """A linear classifier of pixels, so that every pixel's place counts."""
    pixels = SIZE[0] * SIZE[1] * 3
    weights = GENERATOR.normal(0, 0.05, (pixels, CLASSES)).astype(np.float32)
    shape = [batch, 3, *SIZE] if layout == "NCHW" else [batch, *SIZE, 3]
    last = "logits" if softmax else "out"
    nodes = [
        helper.make_node("Cast", ["images"], ["floats"], to=TensorProto.FLOAT),
        helper.make_node("Flatten", ["floats"], ["flat"], axis=1),
        helper.make_node("MatMul", ["flat", "weights"], [last]),
    ]
    if softmax:
        nodes.append(helper.make_node("Softmax", ["logits"], ["out"], axis=1))
    graph = helper.make_graph(
        nodes,
        "linear",
        [helper.make_tensor_value_info("images", kind, shape)],
        [helper.make_tensor_value_info("out", TensorProto.FLOAT, [batch, CLASSES])],
        initializer=[numpy_helper.from_array(weights, "weights")],
    )
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=8)
    onnx.save(made, str(path))
    return path


def served(path: Path) -> np.ndarray:
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    return session.run(None, {"images": IMAGES})[0]


def learned(kind: str, weights: np.ndarray) -> Fit:
    return Fit(kind, weights, 1.7, 0.5, 0.9, 0.6, 0.9)


BY_CLASS = GENERATOR.dirichlet(np.ones(2), CLASSES).T
WAYS: list[tuple[str, dict[str, Any]]] = [
    ("flip", {"views": "flip"}),
    ("d4 of a square", {"views": "d4", "prepare": [vg.Resize(size=SIZE), *PREPARE]}),
    ("gmean", {"views": "flip", "merge": "gmean"}),
    ("greedy", {"views": "flip", "learned": learned("greedy", np.array([0.3, 0.7]))}),
    ("weights", {"views": "flip", "learned": learned("views", np.array([0.8, 0.2]))}),
    ("by class", {"views": "flip", "learned": learned("classes", BY_CLASS)}),
]


@pytest.mark.parametrize(("name", "settings"), WAYS, ids=[way[0] for way in WAYS])
def test_the_graph_is_the_python_path(tmp_path: Path, name: str, settings: dict[str, Any]) -> None:
    model = write_model(tmp_path / "model.onnx")
    tta = vg.TTA(str(model), **{"prepare": PREPARE, "logits": True, **settings})
    made = export_tta(tta, model, tmp_path / "tta.onnx", size=SIZE)
    own = served(made.path)
    assert own.shape == (6, CLASSES)
    assert np.abs(own - tta(IMAGES)).max() < (1e-5 if made.exact else 0.03)
    assert made.exact == (name != "d4 of a square")
    assert made.difference < 0.03


def test_views_that_resample_are_within_a_level(tmp_path: Path) -> None:
    """The worst that a level can do to these answers is known from the weights."""
    model = write_model(tmp_path / "model.onnx")
    tta = vg.TTA(str(model), "pool", prepare=PREPARE, logits=True)
    made = export_tta(tta, model, tmp_path / "tta.onnx", size=SIZE)
    assert not made.exact
    assert made.passes == 18
    assert np.abs(served(made.path) - tta(IMAGES)).max() < 0.03


def test_a_model_of_bytes_and_one_of_probabilities(tmp_path: Path) -> None:
    for layout in ("NHWC", "NCHW"):
        path = tmp_path / f"{layout}.onnx"
        model = write_model(path, layout=layout, kind=TensorProto.UINT8, softmax=True)
        tta = vg.TTA(str(model), "flip")
        made = export_tta(tta, model, tmp_path / "tta.onnx", size=SIZE)
        assert np.abs(served(made.path) - tta(IMAGES)).max() < 1e-5


def test_what_has_no_graph_is_named(tmp_path: Path) -> None:
    model = write_model(tmp_path / "model.onnx")
    out = tmp_path / "tta.onnx"

    def export(tta: vg.TTA, path: Path = model) -> None:
        export_tta(tta, path, out, size=SIZE)

    bright = vg.Policy([vg.Brightness(factor=(1.2, 1.2)), vg.Solarize()])
    with pytest.raises(vg.PolicyError, match="Brightness, Solarize: only geometry"):
        export(vg.TTA(str(model), [vg.Policy(), bright], prepare=PREPARE))
    with pytest.raises(vg.PolicyError, match="draws at random"):
        export(vg.TTA(str(model), [vg.Policy(), [vg.Rotate()]], prepare=PREPARE))
    with pytest.raises(vg.InputError, match="merge: expected one of mean, gmean"):
        export(vg.TTA(str(model), "flip", prepare=PREPARE, merge="vote"))
    with pytest.raises(vg.InputError, match="only classification"):
        export(vg.TTA(str(model), "flip", task="segmentation"))
    fixed = write_model(tmp_path / "fixed.onnx", batch=2)
    with pytest.raises(vg.InputError, match="batches of 2 only"):
        export(vg.TTA(str(fixed), "flip", prepare=PREPARE), fixed)
    old = write_model(tmp_path / "old.onnx", opset=11)
    with pytest.raises(vg.InputError, match="opset 13 or newer, got 11"):
        export(vg.TTA(str(old), "flip", prepare=PREPARE), old)
    with pytest.raises(vg.InputError, match="no such file"):
        export(vg.TTA(str(model), "flip", prepare=PREPARE), tmp_path / "none.onnx")
    assert not out.exists()


def test_from_tta_to_a_served_graph(tmp_path: Path) -> None:
    """The commands one after the other: choose views, write the graph, ask it."""
    model = write_model(tmp_path / "model.onnx")
    images = GENERATOR.integers(0, 256, (120, *SIZE, 3), dtype=np.uint8)
    labels = np.arange(120, dtype=np.int64) % CLASSES
    data = Dataset("noise", images, labels, tuple("abcd"))
    made = workflow.tta(data, str(model), views="flip", out=tmp_path / "run")
    assert made.images == {"validation": 24, "test": 24}
    assert {arm.name for arm in made.arms} == {"none", "flip", "greedy", "learned"}
    written = workflow.export(made.path, "onnx", model=model, out=tmp_path / "tta.onnx")
    assert "from the Python path" in written.lines()[0]
    assert np.abs(served(tmp_path / "tta.onnx") - made.tta(IMAGES)).max() < 1e-5
