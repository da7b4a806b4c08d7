"""What the two Keras libraries share: layers on a batch of floats 0..255 in a compiled function."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from typing import Any

from . import inputs
from .cases import Case
from .run import Maker, Run, load

NOTE = "float32 in and out, a compiled function"


def load_keras() -> Any:
    """Keras on TensorFlow, with as many threads as a case may have at most."""
    os.environ["KERAS_BACKEND"] = "tensorflow"
    threads = load("tensorflow").config.threading
    threads.set_intra_op_parallelism_threads(2)
    threads.set_inter_op_parallelism_threads(2)
    return load("keras")


def layers_run(case: Case, layers: list[Any], note: str, mixes: bool = False) -> Run:
    """The layers one after another, in training."""
    tf = load("tensorflow")
    images = tf.constant(inputs.of(case), dtype=tf.float32)
    hot = tf.one_hot(inputs.labels(case.batch), 10)

    @tf.function  # type: ignore[untyped-decorator, unused-ignore]
    def call(images: Any, labels: Any) -> Any:
        out = {"images": images, "labels": labels} if mixes else images
        for layer in layers:
            out = layer(out, training=True)
        return out["images"] if mixes else out

    return Run(lambda: call(images, hot).numpy(), f"{NOTE}; {note}" if note else NOTE)


def all_makers(
    ops: Mapping[str, Callable[[Case], Any]],
    notes: Mapping[str, str],
    rand: Callable[[Case], Any],
    mixers: Callable[[Case], list[Any]],
    one_mixer: Callable[[Case], Any],
    geometry: Callable[[Case], list[Any]],
) -> dict[str, Maker]:
    """The makers of every case."""

    def op(case: Case) -> Run:
        note = "; ".join(filter(None, ("2 threads", notes.get(case.name, ""))))
        return layers_run(case, [ops[case.name](case)], note)

    def rand_mix(case: Case) -> Run:
        tf = load("tensorflow")
        layer, after = rand(case), mixers(case)
        images = tf.constant(inputs.of(case), dtype=tf.float32)
        hot = tf.one_hot(inputs.labels(case.batch), 10)

        @tf.function  # type: ignore[untyped-decorator, unused-ignore]
        def call(images: Any, labels: Any) -> Any:
            out = {"images": layer(images, training=True), "labels": labels}
            for mixer in after:
                out = mixer(out, training=True)
            return out["images"]

        return Run(lambda: call(images, hot).numpy(), NOTE)

    out: dict[str, Maker] = {f"ops/{name}": op for name in ops}
    for name in ("MixUp", "CutMix"):
        out[f"ops/{name}"] = lambda c: layers_run(c, [one_mixer(c)], "2 threads", mixes=True)
    return out | {
        "pipelines/RandAugment3": lambda c: layers_run(c, [rand(c)], ""),
        "pipelines/Geometry": lambda c: layers_run(c, geometry(c), "each op resamples by itself"),
        "pipelines/Mix": lambda c: layers_run(c, mixers(c), "", mixes=True),
        "pipelines/RandAugment3Mix": rand_mix,
    }
