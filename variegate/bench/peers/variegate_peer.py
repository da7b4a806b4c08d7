"""variegate itself."""

from __future__ import annotations

import dataclasses
import os
import threading
from collections.abc import Mapping
from itertools import cycle
from pathlib import Path
from typing import Any

import numpy as np

from variegate.ops.registry import get
from variegate.pipeline import Pipeline
from variegate.policy.nodes import RandAugment, Step

from . import inputs
from .cases import LEVELS, MEAN, OPS, PIPELINES, STD, Case
from .run import Maker, Run
from .run import versions as installed


def versions() -> dict[str, str]:
    """Of the library and of what it computes with."""
    found = installed("variegate", "numpy")
    if found["variegate"] == "not found":
        found["variegate"] = "from its source tree"
    return found | {"engine": Pipeline([], seed=0).engine}


def step(name: str, **arguments: Any) -> Step:
    """An op with numbers; a number that is drawn becomes a range of one value."""
    drawn = {param.name for param in get(name).params}
    clean = {k: (float(v), float(v)) if k in drawn else v for k, v in arguments.items()}
    return Step(name, clean)


def op_of(case: Case) -> Step:
    """The op of a case, at its numbers."""
    numbers: dict[str, Any] = dict(case.arguments)
    name = case.name
    if name in ("Resize", "CenterCrop", "RandomCrop", "RandomResizedCrop"):
        share = numbers.pop("share")
        numbers["size"] = (round(case.height * share), round(case.width * share))
    elif name == "Pad":
        numbers = {"padding": (numbers["pixels"],) * 4}
    elif name == "Normalize":
        numbers = {"mean": MEAN, "std": STD, "layout": "NCHW"}
    return step(name, **numbers)


def around(value: float) -> tuple[float, float]:
    """1 - value .. 1 + value."""
    return 1 - value, 1 + value


def randaugment(numbers: Mapping[str, Any]) -> RandAugment:
    """RandAugment at a magnitude of 30."""
    return RandAugment(num_ops=numbers["num_ops"], magnitude=numbers["magnitude"] / 30)


def _mixers(numbers: Mapping[str, Any]) -> list[Any]:
    return [step(name, alpha=numbers["alpha"]) for name in ("CutMix", "MixUp")]


def classify(numbers: Mapping[str, Any]) -> list[Any]:
    """Random resized crop, flip, color jitter, normalize."""
    size = (numbers["size"], numbers["size"])
    scale, ratio = tuple(numbers["scale"]), tuple(numbers["ratio"])
    hue = 360 * numbers["hue"]
    jitter = {key: around(numbers[key]) for key in ("brightness", "contrast", "saturation")}
    return [
        Step("RandomResizedCrop", {"size": size, "scale": scale, "ratio": ratio}),
        Step("HorizontalFlip", p=0.5),
        Step("ColorJitter", {**jitter, "hue": (-hue, hue)}),
        step("Normalize", mean=MEAN, std=STD, layout="NCHW"),
    ]


def geometry(numbers: Mapping[str, Any]) -> list[Any]:
    """Flip, affine, brightness and contrast."""
    angle, shear, shift = numbers["angle"], numbers["shear"], numbers["translate"]
    moves = {"angle": (-angle, angle), "scale": tuple(numbers["scale"]), "shear": (-shear, shear)}
    moves |= {"translate_x": (-shift, shift), "translate_y": (-shift, shift)}
    light = around(numbers["light"])
    return [
        Step("HorizontalFlip", p=0.5),
        Step("Affine", moves),
        Step("Brightness", {"factor": light}),
        Step("Contrast", {"factor": light}),
    ]


def pipeline_steps(name: str, numbers: Mapping[str, Any]) -> list[Any]:
    if name == "Classify":
        return classify(numbers)
    if name == "Geometry":
        return geometry(numbers)
    if name == "Mix":
        return _mixers(numbers)
    if name == "RandAugment3Levels":
        return [dataclasses.replace(randaugment(numbers), ops=LEVELS)]
    mixers = _mixers(numbers) if name == "RandAugment3Mix" else []
    return [randaugment(numbers), *mixers]


def _run(case: Case, steps: list[Any], **targets: Any) -> Run:
    """A call of the pipeline on the case's batch, or on its only image."""
    pipeline = Pipeline(steps, seed=0, classes=10, threads=case.threads)
    images = inputs.of(case)
    if case.batch == 1:
        only = images[0]
        return Run(lambda: pipeline(image=only)["image"])
    return Run(lambda: pipeline(images=images, **targets)["images"])


def _with_labels(case: Case, steps: list[Any]) -> Run:
    mixes = case.name in ("MixUp", "CutMix", "Mix", "RandAugment3Mix")
    return _run(case, steps, **({"labels": inputs.labels(case.batch)} if mixes else {}))


def _annotated(case: Case) -> Run:
    numbers, count = case.arguments, case.batch
    pipeline = Pipeline(geometry(numbers), seed=0, threads=case.threads)
    targets: dict[str, Any] = {
        "images": inputs.of(case),
        "masks": [inputs.mask(case.height)] * count,
        "boxes": [inputs.boxes(numbers["boxes"], case.height, i) for i in range(count)],
        "box_labels": [inputs.labels(numbers["boxes"])] * count,
        "keypoints": [inputs.keypoints(20, case.height, i) for i in range(count)],
    }
    return Run(lambda: pipeline(**targets))


def _files(case: Case) -> Run:
    """The loader over a folder of JPEG files."""
    from variegate.data.loader import Loader

    folder = Path(os.environ["VARIEGATE_BENCH_FILES"])
    inputs.jpeg_files(folder, case.batch, case.height, case.width)
    pipeline = Pipeline(classify(case.arguments), seed=0, threads=case.threads)
    loader = Loader(folder, pipeline, batch_size=64, threads=case.threads)
    return Run(lambda: sum(len(batch["images"]) for batch in loader))


def _decode(case: Case) -> Run:
    """simplejpeg in threads, at full size: what every loader of whole images pays."""
    from concurrent.futures import ThreadPoolExecutor

    import simplejpeg  # type: ignore[import-not-found, import-untyped, unused-ignore]

    folder = Path(os.environ["VARIEGATE_BENCH_FILES"])
    paths = inputs.jpeg_files(folder, case.batch, case.height, case.width)
    pool = ThreadPoolExecutor(case.threads)
    one = simplejpeg.decode_jpeg
    return Run(
        lambda: sum(1 for _ in pool.map(lambda path: one(path.read_bytes()), paths)),
        "simplejpeg in 2 threads",
        pool.shutdown,
    )


def _decode_parts(case: Case) -> Run:
    """What the loader decodes in one epoch of `_files`, and nothing else: the same rows at the same
    scale, in as many threads.
    """
    from concurrent.futures import ThreadPoolExecutor
    from unittest.mock import patch

    from variegate.data import content
    from variegate.data.jpeg_fast import decode_part

    calls: list[Any] = []

    def noted(*arguments: Any) -> Any:
        calls.append(arguments[:-1])  # without the buffer
        return decode_part(*arguments)

    loaded = _files(case)
    with patch.object(content, "decode_part", noted):
        loaded.call()
    own = threading.local()

    def work(call: Any) -> None:
        if not hasattr(own, "buffer"):
            own.buffer = np.empty(3 * case.height * case.width, dtype=np.uint8)
        decode_part(*(*call, own.buffer))

    pool = ThreadPoolExecutor(case.threads)
    return Run(
        lambda: sum(1 for _ in pool.map(work, calls)),
        "the parts that the loader decodes in an epoch",
        pool.shutdown,
    )


def _copy(case: Case) -> Run:
    images = inputs.of(case)
    out = np.empty_like(images)
    return Run(lambda: np.copyto(out, images), "numpy.copyto")


def _engine_alone(case: Case) -> Run:
    """The engine's part of `Overhead`: the same programs, drawn and lowered before the clock runs,
    with no call around them.
    """
    from variegate.engine import _native, native
    from variegate.plan.lower import lower
    from variegate.plan.program import Stage

    samples = 8192
    pipeline = Pipeline(geometry(case.arguments), seed=0)
    plan = pipeline.draw(sizes=[(case.height, case.width)] * samples, index=range(samples))
    stage = lower(plan, np.uint8, 3).stages[0]
    ready = native.ready(stage, np.dtype(np.uint8), None) if isinstance(stage, Stage) else None
    if ready is None:
        raise RuntimeError("the compiled engine does not take the program at once")
    images = inputs.of(case)
    given = images[0] if case.batch == 1 else images
    out, first = np.empty_like(given), cycle(range(0, samples, case.batch))
    run, prepared, threads = _native.run_stage, ready._prepared, case.threads
    return Run(lambda: run(prepared, next(first), given, out, threads), "no call around it")


def _pointwise(case: Case) -> Run:
    numbers = case.arguments
    steps = [
        step("Brightness", factor=numbers["brightness"]),
        step("Posterize", bits=numbers["bits"]),
        step("Gamma", gamma=numbers["gamma"]),
    ]
    return _run(case, steps)


def _makers() -> dict[str, Maker]:
    out: dict[str, Maker] = {f"ops/{name}": lambda c: _with_labels(c, [op_of(c)]) for name in OPS}
    for name in PIPELINES:
        out[f"pipelines/{name}"] = lambda c: _with_labels(c, pipeline_steps(c.name, c.arguments))
    for name in ("Boxes1", "Boxes20", "Boxes200"):
        out[f"annotated/{name}"] = _annotated
    for name in ("Overhead", "ByBatch", "ByPixels"):
        out[f"limits/{name}"] = lambda c: _run(c, geometry(c.arguments))
    one = {
        "limits/Copy": _copy,
        "limits/OverheadEngine": _engine_alone,
        "limits/Pointwise": _pointwise,
        "limits/Lookup": lambda c: _run(c, [step("Gamma", gamma=1.4)]),
        "limits/Warp": lambda c: _run(c, [step("Rotate", angle=c.arguments["angle"])]),
        "files/Classify": _files,
        "files/Decode": _decode,
        "files/DecodeParts": _decode_parts,
    }
    return out | one


MAKERS = _makers()
