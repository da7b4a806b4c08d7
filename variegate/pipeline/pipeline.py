"""The pipeline that a user holds: a policy with a seed and an engine. Call it, or draw and apply in
two steps.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np

from variegate.engine.choose import choose
from variegate.errors import InputError, PolicyError
from variegate.ops.op import Kind, suggest
from variegate.ops.registry import get
from variegate.pipeline.apply import Targets, apply_plan
from variegate.pipeline.stream import Stream, default_threads, fresh_seed
from variegate.plan.counter import Keys
from variegate.plan.draw import draw
from variegate.plan.layout import lay_out
from variegate.plan.plan import Plan
from variegate.plan.reorder import geometry_first
from variegate.policy.io import read_file, write_file
from variegate.policy.nodes import Node, Step, whole
from variegate.policy.policy import Policy, as_policy, walk
from variegate.targets.images import as_array, read_batch, read_single
from variegate.targets.labels import class_indices, read_labels

FORMAT = "variegate-pipeline"
VERSION = 1
BATCH = ("images", "labels", "masks", "boxes", "box_labels", "keypoints")
SINGLE = {"image": "images", "label": "labels", "mask": "masks"}
SINGLE |= {"boxes": "boxes", "box_labels": "box_labels", "keypoints": "keypoints"}

Restore: TypeAlias = Callable[[dict[str, Any]], dict[str, Any]]


class Pipeline:
    """Runs a policy on batches and single samples.

    steps: a list of steps, or a Policy. seed: a whole number, or None for a fresh one. classes: the
    number of classes, needed where class indices are mixed. engine: None (native where it was
    built), "native" or "reference". threads: for a batch; by default all cores, and one inside a
    data loader's worker. boxes: the format of boxes (xyxy, pascal_voc, coco, yolo). keypoints:
    "continuous", or "index" where points are pixel indices. min_area (pixels) and min_visibility
    (share): what a box must still show to stay. reorder: draw plans whose geometry comes before the
    tables and color ops next to it, so that more of it is one resampling; else nothing is moved.
    """

    def __init__(
        self,
        steps: Policy | Node | Iterable[Node],
        *,
        seed: int | None = None,
        classes: int | None = None,
        engine: str | None = None,
        threads: int | None = None,
        boxes: str = "xyxy",
        keypoints: str = "continuous",
        min_area: float = 0.0,
        min_visibility: float = 0.0,
        reorder: bool = False,
    ) -> None:
        self.policy = as_policy(steps)
        self.seed = fresh_seed() if seed is None else whole(seed, -(2**63), 2**64 - 1, "seed")
        self.classes = None if classes is None else whole(classes, 1, 1 << 31, "classes")
        self.threads = None if threads is None else whole(threads, 1, 1024, "threads")
        self.targets = Targets(boxes, keypoints, min_area, min_visibility)
        if not isinstance(reorder, bool):
            raise PolicyError(f"reorder: expected True or False, got {reorder!r}")
        self.reorder = reorder
        self._engine_name = engine
        self._engine = choose(engine)
        self._layout = lay_out(self.policy)
        self._mixes = any(get(s.op).kind is Kind.MIX for s, _ in walk(self.policy.steps))
        self._stream = Stream()

    @property
    def engine(self) -> str:
        """The name of the engine in use."""
        return str(self._engine.name)

    def __call__(self, *, index: Any = None, epoch: int = 0, **targets: Any) -> dict[str, Any]:
        """Augments a batch (images=, labels=, masks=, boxes=, box_labels=, keypoints=) or one
        sample (image=, ...).

        images: (n, h, w, c) or a list of (h, w, c), uint8 or float32 in [0, 1]; image: (h, w) or
        (h, w, c). labels: (n,) class indices or (n, classes). masks: a list or array of (h, w) or
        (h, w, c). boxes, box_labels, keypoints: a list with one array per image. index: sample ids
        (n,), by default counted; epoch: a whole number. Returns a dict with the same names; with
        boxes also `kept`, with keypoints `keypoints_inside`. Raises InputError before anything is
        computed.
        """
        batch, restore = self._batch(targets)
        images = read_batch(batch["images"])
        ids = self._ids(index, len(images), "image" in targets)
        plan = self._draw(images, batch.get("labels"), ids, whole(epoch, 0, 2**63, "epoch"))
        result = self._apply(plan, images, batch)
        if isinstance(batch["images"], np.ndarray) and len(images) == 0:
            result["images"] = self._empty(batch["images"])
        return restore(result)

    def _empty(self, images: Any) -> Any:
        """What a batch of no images becomes: the shape and dtype that one image would give."""
        probe = np.zeros((1, *images.shape[1:]), dtype=images.dtype)
        read_batch(probe)
        plan = self._draw([probe[0]], [0], np.zeros(1, dtype=np.uint64), 0)
        return self._apply(plan, [probe[0]], {})["images"][:0]

    def draw(
        self,
        *,
        sizes: Any = None,
        index: Any = None,
        epoch: int = 0,
        labels: Any = None,
        images: Any = None,
    ) -> Plan:
        """Draws without applying: sizes (n, 2) as (height, width), or images."""
        if (sizes is None) == (images is None):
            raise InputError("draw: pass either sizes=[(height, width), ...] or images=")
        if images is not None:
            sizes = [image.shape[:2] for image in read_batch(images)]
        array = as_array(sizes, "sizes")
        if (
            array.ndim != 2
            or array.shape[1] != 2
            or array.dtype.kind not in "iu"
            or np.any(array < 1)
        ):
            raise InputError(
                f"sizes: expected (n, 2) whole numbers of at least 1, got {sizes!r:.80}"
            )
        ids = self._ids(index, len(array), False)
        classes = None if labels is None else class_indices(read_labels(labels, len(array)))
        number = whole(epoch, 0, 2**63, "epoch")
        return self._drawn(number, ids, array.astype(np.int64), classes)

    def apply(self, plan: Plan, **targets: Any) -> dict[str, Any]:
        """Carries out a plan; the same targets as a call. Image sizes must be the plan's."""
        if not isinstance(plan, Plan):
            raise InputError(f"apply: expected a Plan, got {type(plan).__name__}")
        batch, restore = self._batch(targets)
        return restore(self._apply(plan, read_batch(batch["images"]), batch))

    def explain(
        self, index: int, epoch: int = 0, *, size: tuple[int, int] = (224, 224), label: int = 0
    ) -> str:
        """What sample `index` goes through in `epoch`, as text."""
        return str(self.draw(sizes=[size], index=[index], epoch=epoch, labels=[label]))

    def _draw(self, images: list[Any], labels: Any, ids: Keys, epoch: int) -> Plan:
        sizes = np.array([image.shape[:2] for image in images], dtype=np.int64).reshape(-1, 2)
        classes = None if labels is None else class_indices(read_labels(labels, len(images)))
        return self._drawn(epoch, ids, sizes, classes)

    def _drawn(self, epoch: int, ids: Keys, sizes: Any, classes: Any) -> Plan:
        plan = draw(self._layout, self.seed, epoch, ids, sizes, classes)
        return geometry_first(plan) if self.reorder else plan

    def _apply(self, plan: Plan, images: list[Any], batch: Mapping[str, Any]) -> dict[str, Any]:
        threads = default_threads() if self.threads is None else self.threads
        form = self.targets
        return apply_plan(
            plan, images, batch, self._engine, form, self.classes, threads, self._mixes
        )

    def _batch(self, targets: Mapping[str, Any]) -> tuple[dict[str, Any], Restore]:
        """The targets as a batch, and what turns the result back into the form that came."""
        single = "image" in targets
        known = tuple(SINGLE) if single else BATCH
        for name in targets:
            if name not in known:
                raise InputError(
                    f"unknown argument {name!r}; {suggest(name, [*known, 'index', 'epoch'])}"
                )
        if not single:
            if targets.get("images") is None:
                raise InputError("pass images= (a batch) or image= (one sample)")
            return {k: v for k, v in targets.items() if v is not None}, lambda result: result
        image, flat = read_single(targets["image"])
        batch: dict[str, Any] = {"images": [image]}
        for name, value in targets.items():
            if name != "image" and value is not None:
                batch[SINGLE[name]] = [value]
        last = self.policy.steps[-1] if self.policy.steps else None
        first = isinstance(last, Step) and last.arguments.get("layout") == "NCHW"
        return batch, lambda result: _one(result, flat and not first)

    def _ids(self, index: Any, count: int, single: bool) -> Keys:
        if index is None:
            return self._stream.take(count)
        ids = as_array(index, "index")
        if single and ids.ndim == 0:
            ids = ids[None]
        if ids.shape != (count,) or (count and ids.dtype.kind not in "iu"):
            raise InputError(
                f"index: expected {count} whole numbers, got {ids.dtype} of shape {ids.shape}"
            )
        if np.any(ids < 0):
            raise InputError(f"index: expected whole numbers of at least 0, got {int(ids.min())}")
        return ids.astype(np.uint64)

    def to_dict(self) -> dict[str, Any]:
        """Policy, seed and settings as JSON data."""
        settings: dict[str, Any] = {
            "seed": self.seed,
            "classes": self.classes,
            "threads": self.threads,
            "reorder": self.reorder,
        }
        settings |= {"engine": self._engine_name, **self.targets.to_dict()}
        return {"format": FORMAT, "version": VERSION, **settings, "policy": self.policy.to_dict()}

    @staticmethod
    def from_dict(data: object) -> Pipeline:
        """Reads what `to_dict` gave, or a policy file's content."""
        if not isinstance(data, Mapping) or data.get("format") != FORMAT:
            return Pipeline(Policy.from_dict(data))
        if data.get("version") != VERSION:
            raise PolicyError(
                f"pipeline: version {data.get('version')!r} is not {VERSION}; "
                "update variegate to read it"
            )
        rest = {k: v for k, v in data.items() if k not in ("format", "version", "policy")}
        known = (
            "seed",
            "classes",
            "threads",
            "engine",
            "boxes",
            "keypoints",
            "min_area",
            "min_visibility",
            "reorder",
        )
        for name in rest:
            if name not in known:
                raise PolicyError(
                    f"pipeline: unknown field {name!r}; {suggest(str(name), list(known))}"
                )
        return Pipeline(Policy.from_dict(data.get("policy")), **rest)

    def save(self, path: str | Path) -> Path:
        """Writes the pipeline as JSON: a whole file or none."""
        return write_file(Path(path), self.to_dict())

    @staticmethod
    def load(path: str | Path) -> Pipeline:
        """Reads a pipeline or a policy file."""
        return Pipeline.from_dict(read_file(Path(path)))

    def __getstate__(self) -> dict[str, Any]:
        return self.to_dict()

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(Pipeline.from_dict(state).__dict__)
        self._stream = Stream(copied=True)


def _one(result: dict[str, Any], flat: bool) -> dict[str, Any]:
    """The single sample of a batch of one."""
    names = {batch: single for single, batch in SINGLE.items()}
    out = {names.get(name, name): value[0] for name, value in result.items()}
    if flat and out["image"].shape[2] == 1:
        out["image"] = out["image"][..., 0]
    return out
