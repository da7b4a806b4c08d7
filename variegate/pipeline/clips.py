"""Clips: videos whose frames all go through what was drawn for the clip."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt

from variegate.errors import InputError
from variegate.plan.program import Program, Stage

Ints = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Clips:
    """first (n + 1,): where each clip's frames begin. stacked: targets that came as one array."""

    first: Ints
    stacked: frozenset[str]

    def __len__(self) -> int:
        return len(self.first) - 1

    @property
    def starts(self) -> Ints:
        """Each clip's first frame (n,)."""
        return self.first[:-1]

    def spread(self, program: Program) -> Program:
        """The program of all frames: each sample's entries once for every frame, tables shared."""
        clip = np.repeat(np.arange(len(self)), np.diff(self.first))
        stages = [_spread(stage, clip) for stage in program.stages]
        return Program(program.dtype, list(stages), program.output)

    def grouped(self, result: Mapping[str, Any]) -> dict[str, Any]:
        """Results of frames as results of clips."""
        grouped: dict[str, Any] = {}
        for name, value in result.items():
            if name == "labels":
                grouped[name] = value[self.starts]
            elif isinstance(value, Mapping):
                grouped[name] = {key: self._parts(own, False) for key, own in value.items()}
            else:
                grouped["videos" if name == "images" else name] = self._parts(
                    value, name == "images" or name in self.stacked
                )
        return grouped

    def _parts(self, value: Any, stacked: bool) -> Any:
        parts = [value[start:end] for start, end in pairwise(self.first.tolist())]
        if not stacked:
            return parts
        if isinstance(value, np.ndarray) and len(set(np.diff(self.first).tolist())) == 1:
            return value.reshape(len(self), -1, *value.shape[1:])
        return [np.stack(list(part)) for part in parts]


def _spread(stage: Any, clip: Ints) -> Stage:
    if not isinstance(stage, Stage):
        raise InputError("videos: the policy mixes images, which it cannot do with clips")
    start = np.asarray(stage.start, dtype=np.int64)
    count = (start[1:] - start[:-1])[clip]
    first = np.concatenate([[0], np.cumsum(count)])
    own = np.arange(first[-1]) + np.repeat(start[:-1][clip] - first[:-1], count)
    return replace(
        stage,
        start=first,
        verb=np.ascontiguousarray(stage.verb[own]),
        row=np.ascontiguousarray(stage.row[own]),
        sizes_in=np.ascontiguousarray(stage.sizes_in[clip]),
        sizes_out=np.ascontiguousarray(stage.sizes_out[clip]),
    )


def read_clips(targets: Mapping[str, Any]) -> tuple[dict[str, Any], Clips]:
    """The targets of clips (t, h, w, c) as those of all their frames, one after the other.

    All but labels have one item for each frame of each clip. Raises InputError.
    """
    frames, counts = _images(targets.get("videos"))
    batch: dict[str, Any] = {"images": frames}
    stacked = set()
    for name, value in targets.items():
        if name == "labels":
            batch[name] = _repeated(value, counts)
        elif isinstance(value, Mapping):
            batch[name] = {key: _frames(own, f"{name}.{key}", counts) for key, own in value.items()}
        elif name != "videos":
            batch[name] = _frames(value, name, counts)
            if name == "masks" and all(isinstance(item, np.ndarray) for item in value):
                stacked.add(name)
                if isinstance(value, np.ndarray):
                    batch[name] = value.reshape(-1, *value.shape[2:])
    first = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
    return batch, Clips(first, frozenset(stacked))


def _images(videos: Any) -> tuple[Any, list[int]]:
    """The frames of all clips, and how many each has."""
    if isinstance(videos, np.ndarray) and videos.dtype != object:
        if videos.ndim != 5:
            raise InputError(
                f"videos: expected shape (n, frames, height, width, channels), got {videos.shape}"
            )
        counts = [videos.shape[1]] * len(videos)
        frames: Any = videos.reshape(-1, *videos.shape[2:])
    elif isinstance(videos, (list, tuple)):
        for place, clip in enumerate(videos):
            if not isinstance(clip, np.ndarray) or clip.ndim != 4:
                got = clip.shape if isinstance(clip, np.ndarray) else type(clip).__name__
                raise InputError(
                    f"videos[{place}]: expected an array (frames, height, width, channels), "
                    f"got {got}"
                )
        counts = [len(clip) for clip in videos]
        frames = [frame for clip in videos for frame in clip]
    else:
        raise InputError(
            "videos: expected an array (n, t, h, w, c) or a list of arrays (t, h, w, c), got "
            f"{type(videos).__name__}"
        )
    if 0 in counts:
        raise InputError(f"videos[{counts.index(0)}]: a clip needs at least one frame")
    return frames, counts


def _repeated(labels: Any, counts: list[int]) -> Any:
    """Each clip's label for all of its frames."""
    if not hasattr(labels, "__len__") or len(labels) != len(counts):
        raise InputError(f"labels: expected {len(counts)} rows, one per clip, got {labels!r:.80}")
    return np.repeat(np.asarray(labels), counts, axis=0)


def _frames(value: Any, name: str, counts: list[int]) -> list[Any]:
    if not isinstance(value, (list, tuple, np.ndarray)) or len(value) != len(counts):
        got = f"{len(value)} items" if hasattr(value, "__len__") else type(value).__name__
        raise InputError(f"{name}: expected one item per clip ({len(counts)}), got {got}")
    frames: list[Any] = []
    for place, (item, count) in enumerate(zip(value, counts, strict=True)):
        if not isinstance(item, (list, tuple, np.ndarray)) or len(item) != count:
            got = f"{len(item)} items" if hasattr(item, "__len__") else type(item).__name__
            raise InputError(f"{name}[{place}]: expected one item per frame ({count}), got {got}")
        frames += list(item)
    return frames
