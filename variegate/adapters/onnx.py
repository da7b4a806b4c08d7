"""Views, preparation, model and merge as one ONNX graph, for classification."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from variegate.adapters.taps import Taps, check_geometric, taps_of
from variegate.errors import InputError, PolicyError, VariegateError
from variegate.policy.nodes import Step
from variegate.policy.policy import Policy
from variegate.tta import TTA
from variegate.tta.merge import TINY
from variegate.tta.models import Taken, open_model, taken_by

__all__ = ["Exported", "export_tta"]

LEAST_OPSET = 13  # ReduceSum takes its axes as an input from here on
MERGES = ("mean", "gmean")
CHECKED = 8  # images that graph and Python path are compared on
INPUT, OUTPUT = "images", "probabilities"


@dataclass(frozen=True)
class Exported:
    """A written graph: input `images` uint8 (n, h, w, c), output `probabilities` (n, classes).

    difference: the largest between the graph and the Python path in any probability, on `checked`
    pictures of noise. exact: whether all views only move pixels.
    """

    path: Path
    size: tuple[int, int]
    channels: int
    passes: int
    exact: bool
    checked: int
    difference: float


def export_tta(
    tta: TTA,
    model: str | Path,
    out: str | Path,
    *,
    size: tuple[int, int],
    channels: int = 3,
) -> Exported:
    """Write a TTA around an ONNX model as one ONNX graph, and compare the two in ONNX Runtime.

    size: (height, width) of the images that the graph takes. The model takes any number of images
    in a call. Views and preparation are geometry that leaves nothing to chance; preparation may end
    in Normalize. Needs the packages onnx and onnxruntime. Raises PolicyError that names what has no
    graph, InputError for a model that does not fit.
    """
    try:
        import onnx
    except ImportError as error:
        raise VariegateError(
            "writing an ONNX graph needs the package onnx: pip install 'variegate[onnx]'"
        ) from error
    if tta.task != "classification":
        raise InputError(f"tta: only classification can be written as a graph, this is {tta.task}")
    if tta.learned is None and tta.merge not in MERGES:
        raise InputError(f"merge: expected one of {', '.join(MERGES)}, got {tta.merge!r}")
    inner = _read(onnx, Path(model))
    views, normalize = _steps(tta)
    taps = [taps_of(view, size, tta.seed) for view in views]
    if len({own.size for own in taps}) > 1:
        raise InputError("views: they end in different sizes; add a Resize to `prepare`")
    graph = _Graph(onnx, inner)
    levels = graph.seen(taps, channels)
    answers = graph.model(graph.normalized(levels, normalize, taken_by(open_model(model))))
    graph.merged(answers, tta)
    made = graph.finished(size, channels)
    onnx.checker.check_model(made)
    path = Path(out)
    onnx.save(made, str(path))
    exact = all(own.exact for own in taps)
    difference = _difference(tta, model, path, (*size, channels))
    return Exported(path, size, channels, len(views), exact, CHECKED, difference)


def _read(onnx: Any, path: Path) -> Any:
    if not path.is_file():
        raise InputError(f"model: no such file: {str(path)!r}")
    try:
        inner = onnx.load(str(path))
    except Exception as error:  # protobuf's own errors
        raise InputError(f"model: {path}: cannot be read: {error!s:.200}") from error
    opset = next((o.version for o in inner.opset_import if o.domain in ("", "ai.onnx")), 0)
    if opset < LEAST_OPSET:
        raise InputError(f"model: expected opset {LEAST_OPSET} or newer, got {opset}")
    names = {own.name for own in inner.graph.initializer}
    inputs = [own for own in inner.graph.input if own.name not in names]
    if len(inputs) != 1 or len(inner.graph.output) < 1:
        raise InputError(f"model: expected one input, got {len(inputs)}")
    first = inputs[0].type.tensor_type.shape.dim[0]
    if first.HasField("dim_value") and first.dim_value > 0:
        raise InputError(f"model: it takes batches of {first.dim_value} only; export it with a "
                         "dynamic batch axis")  # fmt: skip
    return inner


def _steps(tta: TTA) -> tuple[list[Policy], Step | None]:
    """The geometry of each view, preparation included, and the Normalize at the end."""
    prepare = list(tta.prepare.steps)
    normalize = None
    if prepare and isinstance(prepare[-1], Step) and prepare[-1].op == "Normalize":
        normalize = prepare.pop()
        if normalize.arguments["dtype"] != "float32":
            raise PolicyError("prepare: Normalize: only float32 can be written as a graph")
    views = [Policy((*view.steps, *prepare)) for view in tta.views]
    for view in views:
        check_geometric(view, "view")
    return views, normalize


class _Graph:
    """Nodes and constants that are added one after another around a model's own."""

    def __init__(self, onnx: Any, inner: Any) -> None:
        self.onnx, self.inner = onnx, onnx.compose.add_prefix(inner, "model/")
        self.nodes: list[Any] = []
        self.constants: list[Any] = []

    def add(self, op: str, inputs: Sequence[str], **attributes: Any) -> str:
        name = f"tta/{len(self.nodes)}_{op}"
        self.nodes.append(self.onnx.helper.make_node(op, list(inputs), [name], **attributes))
        return name

    def constant(self, value: npt.NDArray[Any]) -> str:
        name = f"tta/constant_{len(self.constants)}"
        self.constants.append(self.onnx.numpy_helper.from_array(np.ascontiguousarray(value), name))
        return name

    def floats(self, *values: float) -> str:
        return self.constant(np.array(values, dtype=np.float32))

    def float(self, value: float) -> str:
        return self.constant(np.array(value, dtype=np.float32))

    def whole(self, *values: int) -> str:
        return self.constant(np.array(values, dtype=np.int64))

    def seen(self, taps: Sequence[Taps], channels: int) -> str:
        """Levels (views * n, h, w, c), rounded as bytes are."""
        pixels = self.add("Cast", [INPUT], to=self.onnx.TensorProto.FLOAT)
        flat = self.add("Reshape", [pixels, self.whole(0, -1, channels)])
        found = [self._one(flat, own, channels) for own in taps]
        return found[0] if len(found) == 1 else self.add("Concat", found, axis=0)

    def _one(self, flat: str, taps: Taps, channels: int) -> str:
        count = taps.weights.shape[1]
        if count == 1 and taps.exact:
            taken = self.add("Gather", [flat, self.constant(taps.places[:, 0])], axis=1)
        else:
            taken = self.add("Gather", [flat, self.constant(taps.places)], axis=1)
            taken = self.add("Mul", [taken, self.constant(taps.weights[..., None])])
            taken = self.add("ReduceSum", [taken, self.whole(2)], keepdims=0)
            offset = 255 * taps.offset[:, None] + 0.5
            taken = self.add("Floor", [self.add("Add", [taken, self.constant(offset)])])
            taken = self.add("Clip", [taken, self.float(0), self.float(255)])
        return self.add("Reshape", [taken, self.whole(0, *taps.size, channels)])

    def normalized(self, levels: str, normalize: Step | None, taken: Taken) -> str:
        """What the model takes."""
        if normalize is None:
            kinds = self.onnx.TensorProto
            bytes_ = taken.dtype == "uint8"
            cast = self.add("Cast", [levels], to=kinds.UINT8 if bytes_ else kinds.FLOAT)
            first = bytes_ and taken.layout == "NCHW"
            return self.add("Transpose", [cast], perm=[0, 3, 1, 2]) if first else cast
        given = normalize.arguments
        mean = [255 * value for value in given["mean"]]
        scaled = self.add("Sub", [levels, self.floats(*mean)])
        scaled = self.add("Div", [scaled, self.floats(*[255 * v for v in given["std"]])])
        if given["layout"] == "NCHW":
            scaled = self.add("Transpose", [scaled], perm=[0, 3, 1, 2])
        return scaled

    def model(self, images: str) -> str:
        """The model's answers (views * n, classes)."""
        graph = self.inner.graph
        names = {own.name for own in graph.initializer}
        name = next(own.name for own in graph.input if own.name not in names)
        for node in graph.node:
            for place, given in enumerate(node.input):
                if given == name:
                    node.input[place] = images
        self.nodes += list(graph.node)
        self.constants += list(graph.initializer)
        return str(graph.output[0].name)

    def merged(self, answers: str, tta: TTA) -> None:
        """One answer (n, classes) from all views, as TTA.merged gives it."""
        if tta.logits:
            answers = self.add("Softmax", [answers], axis=1)
        shape = self.add("Shape", [answers])
        classes = self.add("Gather", [shape, self.whole(1)], axis=0)
        apart = self.add("Concat", [self.whole(len(tta.views), -1), classes], axis=0)
        views = self.add("Reshape", [answers, apart])
        fit = tta.learned
        logs = tta.merge == "gmean" if fit is None else fit.kind in ("views", "classes")
        weights = np.full(len(tta.views), 1 / len(tta.views)) if fit is None else fit.weights
        wide = weights.reshape(len(tta.views), 1, -1).astype(np.float32)
        views = self._log(views) if logs else views
        merged = self.add("Mul", [views, self.constant(wide)])
        merged = self.add("ReduceSum", [merged, self.whole(0)], keepdims=0)
        if logs:
            merged = self.add("Softmax", [merged], axis=1)
        elif fit is None:
            total = self.add("ReduceSum", [merged, self.whole(1)], keepdims=1)
            merged = self.add("Div", [merged, total])
        if fit is not None:
            cooled = self.add("Div", [self._log(merged), self.floats(fit.temperature)])
            merged = self.add("Softmax", [cooled], axis=1)
        self.nodes.append(self.onnx.helper.make_node("Identity", [merged], [OUTPUT]))

    def _log(self, probabilities: str) -> str:
        return self.add("Log", [self.add("Max", [probabilities, self.floats(TINY)])])

    def finished(self, size: tuple[int, int], channels: int) -> Any:
        helper, kinds = self.onnx.helper, self.onnx.TensorProto
        images = helper.make_tensor_value_info(INPUT, kinds.UINT8, ["n", *size, channels])
        answers = helper.make_tensor_value_info(OUTPUT, kinds.FLOAT, ["n", None])
        graph = helper.make_graph(
            self.nodes, "variegate_tta", [images], [answers], initializer=self.constants
        )
        return helper.make_model(
            graph,
            opset_imports=list(self.inner.opset_import),
            ir_version=self.inner.ir_version,
            functions=list(self.inner.functions),
            producer_name="variegate",
        )


def _difference(tta: TTA, model: str | Path, path: Path, shape: tuple[int, ...]) -> float:
    """The largest difference in any probability on pictures of noise."""
    import onnxruntime

    generator = np.random.Generator(np.random.PCG64(0))
    images = generator.integers(0, 256, (CHECKED, *shape), dtype=np.uint8)
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    written = session.run([OUTPUT], {INPUT: images})[0]
    return float(np.abs(written - replace(tta, model=str(model))(images)).max())
