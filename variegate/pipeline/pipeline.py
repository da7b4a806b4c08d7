"""The pipeline that a user holds: a policy with a seed and an engine. Call it, or draw and apply in
two steps.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from variegate.engine import compiled
from variegate.engine.choose import choose
from variegate.errors import InputError, PolicyError
from variegate.ops.op import Kind, suggest
from variegate.ops.registry import get
from variegate.pipeline.ahead import Ahead
from variegate.pipeline.alone import Alone
from variegate.pipeline.apply import Means, Task, apply_program
from variegate.pipeline.buffers import Buffers
from variegate.pipeline.forms import Targets
from variegate.pipeline.given import SINGLE, Given, check_names, read_given, sizes_of
from variegate.pipeline.looking import check_looks, regions_of
from variegate.pipeline.marks import MARKS, as_batch_of_one
from variegate.pipeline.mixers import Mixers, Saliency
from variegate.pipeline.stream import Stream, default_threads, fresh_seed, ids_from, read_ids
from variegate.pipeline.tails import Tails
from variegate.plan.counter import Keys
from variegate.plan.draw import draw
from variegate.plan.layout import Layout, lay_out, lay_out_parts
from variegate.plan.lower import in_steps, lower
from variegate.plan.plan import Plan
from variegate.plan.program import Program, Stage
from variegate.plan.regions import Regions
from variegate.plan.reorder import geometry_first
from variegate.policy.io import read_file, write_file
from variegate.policy.nodes import Node, Step, whole
from variegate.policy.policy import Policy, as_policy, walk
from variegate.targets.images import as_array
from variegate.targets.labels import class_indices, read_labels
from variegate.targets.tensors import as_tensors, dtype_of, is_tensor

FORMAT = "variegate-pipeline"
VERSION = 1


class Pipeline:
    """Runs a policy on batches and single samples.

    steps: a list of steps, or a Policy. seed: a whole number, or None for a fresh one. classes: the
    number of classes, needed where class indices are mixed. engine: None (native where it was
    built), "native", "reference", or "torch", which takes tensors too. threads: for a batch; by
    default all cores, and one inside a data loader's worker. boxes: the format of boxes (xyxy,
    pascal_voc, coco, yolo). keypoints: "continuous", or "index" where points are pixel indices.
    min_area (pixels) and min_visibility (share): what an instance must still show to stay.
    oriented_boxes: "seen" where their sides shrink to what the frame leaves, or "whole".
    box_angles: "half" (-90..90), or "full" (-180..180) where boxes have a front. bad_boxes: "stop"
    at boxes and polygons that are none, or "drop" them. keypoint_pairs: pairs of places, or of
    keypoint_names, that swap in a mirror image. reorder: draw plans whose geometry comes before the
    tables and color ops next to it, so that more of it is one resampling; else nothing is moved.
    saliency: a function of images (n, h, w, c), as they are where it is asked, and of soft labels
    (n, classes) or None, that gives what matters in each pixel (n, h, w), for steps with
    saliency="given". It is no part of the policy and is not saved. See docs/targets.md and
    docs/mixing.md.
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
        oriented_boxes: str = "seen",
        box_angles: str = "half",
        bad_boxes: str = "stop",
        keypoint_names: Iterable[str] | None = None,
        keypoint_pairs: Iterable[tuple[int | str, int | str]] = (),
        reorder: bool = False,
        saliency: Saliency | None = None,
    ) -> None:
        self.policy = as_policy(steps)
        self.seed = fresh_seed() if seed is None else whole(seed, -(2**63), 2**64 - 1, "seed")
        self.classes = None if classes is None else whole(classes, 1, 1 << 31, "classes")
        self.threads = None if threads is None else whole(threads, 1, 1024, "threads")
        self.targets = Targets(
            boxes,
            keypoints,
            min_area,
            min_visibility,
            oriented_boxes,
            box_angles,
            bad_boxes,
            keypoint_names if keypoint_names is None else tuple(keypoint_names),
            tuple(keypoint_pairs),
        )
        if not isinstance(reorder, bool):
            raise PolicyError(f"reorder: expected True or False, got {reorder!r}")
        self.reorder = reorder
        self._engine_name = engine
        self._engine = choose(engine)
        self._layout = lay_out(self.policy)
        self._mixers = Mixers.of(self.policy, saliency)
        shuffling = {s.op for s, _ in walk(self.policy.steps) if get(s.op).kind is Kind.CELLS}
        self._shuffles = tuple(sorted(shuffling))
        last = self.policy.steps[-1] if self.policy.steps else None
        self.channels_first = isinstance(last, Step) and last.arguments.get("layout") == "NCHW"
        self._stream = Stream()
        self._buffers = Buffers()
        self._prepare_ahead()

    def _prepare_ahead(self) -> None:
        """Samples that do not depend on each other are drawn ahead; so are those that mixes follow,
        up to the mixes (`tail`).
        """
        mixes = bool(self._mixers.steps)
        parts = lay_out_parts(self.policy) if mixes and not self.reorder else None
        self._tails: Tails | None = None
        head = self._layout
        if parts is not None:
            head, tail = parts
            self._tails = Tails(partial(self._lowered, tail))
        self.kernels = None
        if self.engine != "reference" and compiled.available():
            self.kernels = compiled
            for layout in (self._layout, *(parts or ())):
                layout.uniforms = compiled.uniforms
        self._looks = self._layout.looks
        alike = not head.needs_labels and not self._looks and (parts is not None or not mixes)
        ready = None if mixes else getattr(self._engine, "ready", None)
        ways = partial(self._drawn_from, head), partial(in_steps, kernels=self.kernels)
        self._ahead = Ahead(*ways, len(head.slots), ready) if alike else None
        self._alone = None
        if self._ahead is not None and ready is not None:
            self._alone = Alone(self._ahead, self._stream, self._buffers, self.threads)

    @property
    def looks(self) -> bool:
        """Whether a step looks at boxes or masks before it draws."""
        return bool(self._looks)

    @property
    def engine(self) -> str:
        """The name of the engine in use."""
        return str(self._engine.name)

    @property
    def mixes_labels(self) -> bool:
        """Whether labels come out soft, as results may show several samples."""
        return self._mixers.mix_labels

    def __call__(
        self, *, index: Any = None, epoch: int = 0, out: Any = None, **targets: Any
    ) -> dict[str, Any]:
        """Augments a batch (images=, labels=, masks=, boxes=, box_labels=, oriented_boxes=,
        polygons=, instance_masks=, keypoints=, keypoint_visibility=, instances=) or one sample
        (image=, ...).

        images: (n, h, w, c) or a list of (h, w, c), uint8 or float32 in [0, 1]; image: (h, w) or
        (h, w, c). labels: (n,) class indices or (n, classes). masks: a list or array of (h, w) or
        (h, w, c). The rest: a list with one item per image; instances: {name: such a list}. index:
        sample ids (n,), by default counted; epoch: a whole number. out: an array that takes the
        images, of their shape and dtype. Returns a dict with the same names; with shapes also
        `kept`, `dropped` and `reasons`, with keypoints `keypoints_inside`. Raises InputError before
        anything is written.
        """
        start, ids = None, None
        if self._alone is not None and out is None and len(targets) == 1:
            found, start = self._alone.run(targets, index, epoch)
            if found is not None:
                return found
        given = read_given(targets)
        if epoch.__class__ is not int or epoch < 0:
            epoch = whole(epoch, 0, 2**63, "epoch")
        if start is None:
            start, ids = self._ids(index, len(given), given.single)
        program, beside = self._program(given, start, ids, epoch)
        result = self._carried_out(given.program(program), given, out, beside)
        if len(given) == 0 and hasattr(given.batch["images"], "shape"):
            result["images"] = self._empty(given.batch["images"])
        return result

    def _carried_out(
        self, program: Program, given: Given, out: Any, beside: Task | None = None
    ) -> dict[str, Any]:
        images = given.images
        into, means = given.out(out, program), self._means(images.count, beside)
        given.check_wide(self.policy)
        result = apply_program(program, images, given.batch, means, into)
        return given.finished(result, program, out, self.channels_first)

    def _empty(self, images: Any) -> Any:
        """What a batch of no images becomes: the shape and dtype that one image would give."""
        probe = read_given({"images": np.zeros((1, *images.shape[1:]), dtype=dtype_of(images))})
        labels = np.zeros(1, dtype=np.int64)
        plan = self._drawn(0, np.zeros(1, dtype=np.uint64), probe.sizes, labels)
        none = self._carried_out(lower(plan, *probe.pixels), probe, None)["images"][:0]
        return as_tensors(none, images.device) if is_tensor(images) else none

    def draw(
        self,
        *,
        sizes: Any = None,
        index: Any = None,
        epoch: int = 0,
        labels: Any = None,
        images: Any = None,
        **marks: Any,
    ) -> Plan:
        """Draws without applying: sizes (n, 2) as (height, width), or images. marks: boxes= or
        masks= and the like, where steps look at them.
        """
        check_names(marks, MARKS)
        if (sizes is None) == (images is None):
            raise InputError("draw: pass either sizes=[(height, width), ...] or images=")
        if images is not None:
            sizes = read_given({"images": images}).sizes
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
        start, ids = self._ids(index, len(array), False)
        ids = ids_from(start or 0, len(array)) if ids is None else ids
        classes = None if labels is None else class_indices(read_labels(labels, len(array)))
        number = whole(epoch, 0, 2**63, "epoch")
        regions = None
        if self._looks:
            if images is None:
                check_looks(self._looks, marks)
            regions = regions_of(self._looks, marks, array.astype(np.int64), self.targets)
        return self._drawn(number, ids, array.astype(np.int64), classes, regions)

    def apply(self, plan: Plan, *, out: Any = None, **targets: Any) -> dict[str, Any]:
        """Carries out a plan; the same targets as a call. Image sizes must be the plan's."""
        if not isinstance(plan, Plan):
            raise InputError(f"apply: expected a Plan, got {type(plan).__name__}")
        given = read_given(targets)
        if not np.array_equal(plan.sizes, given.sizes):
            raise InputError(
                f"the plan was drawn for {len(plan)} images of other sizes than the "
                f"{len(given)} given"
            )
        return self._carried_out(
            given.program(lower(plan, *given.pixels, self.kernels)), given, out
        )

    def explain(
        self,
        index: int,
        epoch: int = 0,
        *,
        size: tuple[int, int] = (224, 224),
        label: int = 0,
        **marks: Any,
    ) -> str:
        """What sample `index` goes through in `epoch`, as text. marks: its boxes= or mask= and the
        like, where steps look at them.
        """
        seen = {SINGLE.get(name, name): as_batch_of_one(value) for name, value in marks.items()}
        return str(self.draw(sizes=[size], index=[index], epoch=epoch, labels=[label], **seen))

    def _drawn(
        self, epoch: int, ids: Keys, sizes: Any, classes: Any, regions: Regions | None = None
    ) -> Plan:
        return self._drawn_from(self._layout, epoch, ids, sizes, classes, regions)

    def _drawn_from(
        self,
        layout: Layout,
        epoch: int,
        ids: Keys,
        sizes: Any,
        classes: Any = None,
        regions: Regions | None = None,
        batch: int | None = None,
    ) -> Plan:
        plan = draw(layout, self.seed, epoch, ids, sizes, classes, regions, batch)
        return geometry_first(plan) if self.reorder else plan

    def _lowered(
        self,
        layout: Layout,
        epoch: int,
        ids: Keys,
        sizes: Any,
        dtype: Any,
        channels: int,
        batch: int | None = None,
    ) -> Program:
        plan = self._drawn_from(layout, epoch, ids, sizes, batch=batch)
        return lower(plan, dtype, channels, self.kernels)

    def _program(
        self, given: Given, start: int | None, ids: Keys | None, epoch: int
    ) -> tuple[Program, Task | None]:
        """What the samples go through, and what can be drawn meanwhile. start: the first id where
        they follow each other, else ids (n,).
        """
        count, form = len(given), given.form
        if start is not None and form is not None and self._ahead is not None:
            whole_form = (epoch, *form)
            block = self._ahead.block(start, count, whole_form)
            program, beside = block.part(start, count), self._ahead.following(block, start, count)
            head = program.stages[0]
            if self._tails is None or not isinstance(head, Stage):
                return program, beside
            rest = self._tails.program(start, whole_form, head)
            return Program(program.dtype, [head, *rest.stages], rest.output), beside
        if ids is None:
            ids = ids_from(start or 0, count)
        classes = None
        if given.labels is not None and self._layout.needs_labels:
            classes = class_indices(read_labels(given.labels, count))
        regions = None
        if self._looks:
            batch, images = given.batch, given.images
            regions = regions_of(self._looks, batch, sizes_of(images), self.targets, given.clips)
        plan = self._drawn(epoch, ids, given.sizes, classes, regions)
        return lower(plan, *given.pixels, self.kernels), None

    def _means(self, count: int, beside: Task | None) -> Means:
        threads = self.threads
        if threads is None:
            threads = default_threads() if count > 1 else 1
        return Means(
            self._engine,
            self.targets,
            self.classes,
            threads,
            self._mixers,
            self._shuffles,
            None if self._engine.name == "torch" else self._buffers,
            beside if threads > 1 else None,
        )

    def _ids(self, index: Any, count: int, single: bool) -> tuple[int | None, Keys | None]:
        """The first id where they follow each other, else all ids (n,)."""
        if index is None:
            return self._stream.take(count), None
        return read_ids(index, count, single)

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
    def from_dict(data: object, *, saliency: Saliency | None = None) -> Pipeline:
        """Reads what `to_dict` gave, or a policy file's content; saliency is as for Pipeline."""
        if not isinstance(data, Mapping) or data.get("format") != FORMAT:
            return Pipeline(Policy.from_dict(data), saliency=saliency)
        if data.get("version") != VERSION:
            raise PolicyError(
                f"pipeline: version {data.get('version')!r} is not {VERSION}; "
                "update variegate to read it"
            )
        rest = {k: v for k, v in data.items() if k not in ("format", "version", "policy")}
        known = ["seed", "classes", "threads", "engine", "reorder", *Targets.names()]
        for name in rest:
            if name not in known:
                raise PolicyError(f"pipeline: unknown field {name!r}; {suggest(str(name), known)}")
        return Pipeline(Policy.from_dict(data.get("policy")), saliency=saliency, **rest)

    def save(self, path: str | Path) -> Path:
        """Writes the pipeline as JSON: a whole file or none."""
        return write_file(Path(path), self.to_dict())

    @staticmethod
    def load(path: str | Path, *, saliency: Saliency | None = None) -> Pipeline:
        """Reads a pipeline or a policy file."""
        return Pipeline.from_dict(read_file(Path(path)), saliency=saliency)

    def __getstate__(self) -> dict[str, Any]:
        return {"data": self.to_dict(), "saliency": self._mixers.saliency}

    def __setstate__(self, state: dict[str, Any]) -> None:
        same = Pipeline.from_dict(state["data"], saliency=state["saliency"])
        self.__dict__.update(same.__dict__)
        self._stream = Stream(copied=True)
        self._prepare_ahead()
