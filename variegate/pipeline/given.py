"""What a call is given: a batch of images, one sample, or clips of frames, made one batch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from variegate.engine.engine import Images
from variegate.errors import InputError
from variegate.ops.op import Kind, suggest
from variegate.ops.registry import get
from variegate.pipeline.clips import Clips, read_clips
from variegate.pipeline.marks import MARKS, as_batch_of_one, only
from variegate.plan.program import Program
from variegate.policy.policy import Policy, walk
from variegate.targets.images import WIDE, as_floats, as_levels, read_batch, read_single
from variegate.targets.tensors import as_host, as_tensors, dtype_of, holds_tensors, is_tensor

Ints = npt.NDArray[np.int64]

BATCH = ("images", "labels", *MARKS)
SINGLE = {"image": "images", "label": "labels", "mask": "masks"}
SINGLE |= {name: name for name in MARKS if name != "masks"}
CLIPS = ("videos", "labels", *MARKS)
CLIP = {"video": "videos", "label": "labels", **{name: name for name in MARKS}}
ARGUMENTS = ("index", "epoch", "out")
ON_DEVICE = ("images", "masks")  # the targets that the torch engine moves where they lie
NO_NAMES: frozenset[str] = frozenset()


@dataclass(slots=True)  # not frozen, which would cost a call of one image a microsecond
class Given:
    """batch: the targets, frames of clips one after the other. images: what a program runs on,
    float32 where uint16 (`wide`) was given. names: how results are called; single: whether it is
    one sample, flat: whether its image came without a channel axis. clips: whose the frames are.
    tensors: which targets came as tensors, where the images did.
    """

    batch: Mapping[str, Any]
    images: Images
    names: Mapping[str, str]
    single: bool
    flat: bool
    wide: bool
    clips: Clips | None
    tensors: frozenset[str]

    def __len__(self) -> int:
        """How many samples are drawn: images or clips."""
        return self.images.count if self.clips is None else len(self.clips)

    def check_wide(self, policy: Policy) -> None:
        """Raises InputError where a step of the policy cannot work on images of uint16."""
        if self.wide:
            for step, _ in walk(policy.steps):
                if get(step.op).kind is Kind.CODEC:
                    raise InputError(f"images: {step.op} works on 8 bits a channel, got uint16")

    @property
    def sizes(self) -> Ints:
        """Height and width of each sample (n, 2)."""
        sizes = sizes_of(self.images)
        return sizes if self.clips is None else sizes[self.clips.starts]

    @property
    def labels(self) -> Any:
        """The label of each sample, if there are any."""
        labels = self.batch.get("labels")
        if labels is None or self.clips is None:
            return labels
        return [labels[start] for start in self.clips.starts.tolist()]

    @property
    def pixels(self) -> tuple[Any, int]:
        """Dtype and channel count; those of gray bytes where there are no images."""
        images = self.images
        if not images.count:
            return np.dtype(np.uint8), 1
        return dtype_of(images[0]), images[0].shape[2]

    @property
    def form(self) -> tuple[int, int, int, Any] | None:
        """Height, width, channels and dtype, if all images are of one size and in one array."""
        batch = self.images.batch
        return None if batch is None else (*batch.shape[1:], dtype_of(batch))

    def program(self, drawn: Program) -> Program:
        """The program of all frames, from that of all samples."""
        return drawn if self.clips is None else self.clips.spread(drawn)

    def out(self, out: Any, program: Program) -> Any:
        """The array that the engine may write to, for the one that the caller gave."""
        if out is None or self.is_levels(program):
            return None
        if self.clips is not None:
            raise InputError("out: cannot be given with videos")
        return out[None] if self.single and isinstance(out, np.ndarray) else out

    def is_levels(self, program: Program) -> bool:
        """Whether the result must be turned back into uint16."""
        return self.wide and program.output is None

    def finished(
        self, result: dict[str, Any], program: Program, out: Any, channels_first: bool
    ) -> dict[str, Any]:
        """The result in the form of what was given."""
        if self.is_levels(program):
            into = out[None] if self.single and isinstance(out, np.ndarray) else out
            result["images"] = as_levels(result["images"], into)
        if self.tensors:
            device = self.images[0].device
            for name in self.tensors & result.keys():
                result[name] = as_tensors(result[name], device)
        if self.clips is not None:
            result = self.clips.grouped(result)
        if not self.single:
            return result
        one = {self.names.get(name, name): only(value) for name, value in result.items()}
        image = next(iter(one))
        if self.flat and not channels_first and one[image].shape[-1] == 1:
            one[image] = one[image][..., 0]
        return one


def read_given(targets: dict[str, Any]) -> Given:
    """The targets of a call; raises InputError where images are missing or not legal, and for a
    name that nobody knows.
    """
    if "video" in targets or "videos" in targets:
        return _read_clips(targets)
    single = "image" in targets
    check_names(targets, SINGLE if single else BATCH)
    if not single:
        if targets.get("images") is None:
            raise InputError("pass images= (a batch), image= (one sample) or videos=")
        batch = {k: v for k, v in targets.items() if v is not None}
        images = read_batch(batch["images"])
        return _given(batch, images, {}, False, False, None)
    image, flat = read_single(targets["image"])
    images = Images.of(image[None])
    batch = {"images": images}
    if len(targets) > 1:
        for name, value in targets.items():
            if name != "image" and value is not None:
                batch[SINGLE[name]] = as_batch_of_one(value)
    return _given(batch, images, _SINGLE_NAMES, True, flat, None)


_SINGLE_NAMES = {batch: single for single, batch in SINGLE.items()}
_CLIP_NAMES = {"videos": "video", "labels": "label"}


def _read_clips(targets: dict[str, Any]) -> Given:
    single = "video" in targets
    check_names(targets, CLIP if single else CLIPS)
    many, flat = dict(targets), False
    if single:
        many = {CLIP[k]: as_batch_of_one(v) for k, v in targets.items() if v is not None}
        video = targets["video"]
        flat = isinstance(video, np.ndarray) and video.ndim == 3
        many["videos"] = video[None, ..., None] if flat else many["videos"]
    batch, clips = read_clips({k: v for k, v in many.items() if v is not None})
    images = read_batch(batch["images"])
    return _given(batch, images, _CLIP_NAMES, single, flat, clips)


def _given(
    batch: dict[str, Any],
    images: Images,
    names: Mapping[str, str],
    single: bool,
    flat: bool,
    clips: Clips | None,
) -> Given:
    wide, tensors = False, NO_NAMES
    if images.count > 0 and is_tensor(images[0]):
        tensors = frozenset(name for name, value in batch.items() if holds_tensors(value))
        # Chosen before as_host, not put back after it: that would copy every image to the host.
        batch = {k: v if k in ON_DEVICE else as_host(v) for k, v in batch.items()}
    elif images.count > 0 and images[0].dtype == WIDE:
        wide = True
        images = batch["images"] = as_floats(images)
    return Given(batch, images, names, single, flat, wide, clips, tensors)


def check_names(targets: Mapping[str, Any], known: Any) -> None:
    """Raises InputError for a name that is not known."""
    for name in targets:
        if name not in known:
            raise InputError(f"unknown argument {name!r}; {suggest(name, [*known, *ARGUMENTS])}")


def sizes_of(images: Images) -> Ints:
    """(n, 2) heights and widths."""
    if images.batch is not None:
        size = np.array(images.batch.shape[1:3], dtype=np.int64)
        return np.broadcast_to(size, (len(images), 2))
    return np.array([image.shape[:2] for image in images], dtype=np.int64).reshape(-1, 2)
