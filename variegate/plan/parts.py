"""The part of a lowered plan that some of its samples need, without lowering them again."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import numpy.typing as npt

from variegate.plan.program import MixStage, Stage

NO_SAMPLES = np.zeros(0, dtype=np.int64)


def stage_part(stage: Stage, first: int, count: int) -> Stage:
    """Samples `first` to `first + count - 1` of a stage; nothing is copied."""
    last = first + count
    return Stage(
        stage.start[first : last + 1],
        stage.verb,
        stage.row,
        stage.tables,
        stage.sizes_in[first:last],
        stage.sizes_out[first:last],
        stage.channels_in,
        stage.channels_out,
    )


def can_be_parted(mix: MixStage) -> bool:
    """Whether a mix is made of layers alone: without tiles, masks and picks, which belong to all
    samples together.
    """
    return not mix.tiles and not len(mix.masks) and not mix.picked


def by_batch(mix: MixStage, count: int) -> MixStage:
    """A mix of several batches of `count` samples, each of which shows its own batch alone, with
    samples numbered within their batch.
    """
    offset = np.arange(len(mix.base)) // count * count
    return replace(
        mix,
        base=_within(mix.base, offset),
        source=_within(mix.source, offset.repeat(mix.start[1:] - mix.start[:-1])),
        share_source=_within(
            mix.share_source, offset.repeat(mix.share_start[1:] - mix.share_start[:-1])
        ),
    )


def _within(samples: npt.NDArray[np.int64], offset: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    return np.where(samples < 0, samples, samples - offset)


def batch_part(mix: MixStage, first: int, count: int) -> MixStage:
    """The batch of `count` samples that begins at sample `first`, of what `by_batch` gave."""
    last = first + count
    start, share_start = mix.start[first : last + 1], mix.share_start[first : last + 1]
    layers = slice(start[0], start[-1])
    shares = slice(share_start[0], share_start[-1])
    return MixStage(
        sizes_in=mix.sizes_in[first:last],
        sizes_out=mix.sizes_out[first:last],
        base=mix.base[first:last],
        start=start - start[0],
        source=mix.source[layers],
        place=mix.place[layers],
        origin=mix.origin[layers],
        weight=mix.weight[layers],
        mask=mix.mask[layers],
        masks=mix.masks,
        fill=mix.fill[first:last],
        tiles=(),
        tile_source=NO_SAMPLES,
        share_start=share_start - share_start[0],
        share_source=mix.share_source[shares],
        share=mix.share[shares],
    )
