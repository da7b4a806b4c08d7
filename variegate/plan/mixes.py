"""Mixes lowered: what an op lays over each image becomes one table of layers for the batch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from variegate.ops.entries import MAX_CHANNELS, Geometry
from variegate.ops.layers import NOTHING, Layers
from variegate.plan.drawn import Group
from variegate.plan.geometry import PendingGeometry
from variegate.plan.program import MixStage, Stage
from variegate.plan.tables import Entries

Array = npt.NDArray[Any]
Rows = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
NO_FILL = np.zeros(MAX_CHANNELS, dtype=np.float32)


def shown_samples(layers: Layers, rows: Rows, partner: Rows) -> Rows:
    """Which sample of the batch each layer shows, -1 for none (k * m,)."""
    wide = np.concatenate([partner, rows[:, None]], axis=1)  # ITSELF is the last
    places = np.where(layers.partner < 0, partner.shape[1], layers.partner)
    shown = np.take_along_axis(wide, places, axis=1)
    return np.where(layers.partner == NOTHING, -1, shown).reshape(-1)


def tile_stage(
    group: Group, geometry: Geometry, sizes: Rows, dtype: np.dtype[Any], channels: int
) -> Stage:
    """The stage of warps that makes tiles of images of these sizes (t, 2)."""
    count = len(sizes)
    entries, pending = Entries(dtype), PendingGeometry(sizes)
    every, first = np.arange(count), np.zeros(count, dtype=np.int64)
    if count:
        own = Group(group.op, group.settings, every, first, {})
        moves = pending.moves([own], [(geometry, None)], channels, entries)
        pending.compose(moves, every, first + 1, entries)
    start, verb, row = entries.per_sample(count)
    return Stage(start, verb, row, entries.tables(), sizes, pending.sizes, channels, channels)


def mix_stage(
    layers: Layers,
    rows: Rows,
    partner: Rows,
    sizes: Rows,
    tiles: Stage | None = None,
    fill: Array = NO_FILL,
    picked: list[Rows] | None = None,
) -> MixStage:
    """The stage that lays layers over samples `rows` (k,) of a batch of these sizes (n, 2).

    partner (k, p). tiles: a stage of k * m samples where the layers show tiles. picked (k): the
    partner's instances that come along, None for all.
    """
    count, many = len(sizes), layers.partner.shape[1]
    shown = shown_samples(layers, rows, partner)
    place = layers.place.reshape(-1, 4)
    weight = np.ones(len(shown)) if layers.weight is None else layers.weight.reshape(-1)
    if layers.origin is not None:
        origin = layers.origin.reshape(-1, 2)
    else:
        origin = place[:, :2] if tiles is None else np.zeros((len(shown), 2), dtype=np.int64)
    owner = np.repeat(rows, many)
    used = (place[:, 2] > place[:, 0]) & (place[:, 3] > place[:, 1]) & (weight > 0)
    if layers.size is None and tiles is None:  # what shows itself where it was changes nothing
        used &= (shown != owner) | np.any(origin != place[:, :2], axis=1)
    order = np.flatnonzero(used)
    order = order[np.argsort(owner[order], kind="stable")]
    start = np.zeros(count + 1, dtype=np.int64)
    np.cumsum(np.bincount(owner[order], minlength=count), out=start[1:])
    sizes_out, base = sizes.copy(), np.arange(count)
    if layers.size is not None:
        sizes_out[rows], base[rows] = layers.size, -1
    mask = np.full(len(order), -1, dtype=np.int64)
    masks = np.zeros((0, 0, 0), dtype=np.bool_)
    if layers.masks is not None:
        masks, mask = layers.masks, np.repeat(np.arange(len(rows)), many)[order]
    placed = np.ascontiguousarray(place[order], dtype=np.int32)
    weights = np.ascontiguousarray(weight[order], dtype=np.float64)
    areas = _areas(placed, masks, mask) * weights
    shares = _shares(owner[order], shown[order], areas, sizes_out, base)
    return MixStage(
        sizes_in=sizes,
        sizes_out=sizes_out,
        base=base,
        start=start,
        source=np.where(shown[order] < 0, -1, shown[order] if tiles is None else count + order),
        place=placed,
        origin=np.ascontiguousarray(origin[order], dtype=np.int32),
        weight=weights,
        mask=mask,
        masks=np.ascontiguousarray(masks),
        fill=np.tile(np.asarray(fill, dtype=np.float32), (count, 1)),
        tiles=() if tiles is None else (tiles,),
        tile_source=shown if tiles is not None else np.zeros(0, dtype=np.int64),
        share_start=shares[0],
        share_source=shares[1],
        share=shares[2],
        picked=() if picked is None else tuple(picked[place] for place in order // many),
    )


def joined(mixes: list[MixStage]) -> MixStage:
    """Mixes of one batch, of which each changes other samples, as one."""
    first = mixes[0]
    if len(mixes) == 1:
        return first
    count = len(first.base)
    owner = np.concatenate([np.repeat(np.arange(count), np.diff(mix.start)) for mix in mixes])
    order = np.argsort(owner, kind="stable")
    tiles = np.cumsum([0, *(len(mix.tile_source) for mix in mixes)])
    masks = np.cumsum([0, *(len(mix.masks) for mix in mixes)])
    source = [
        np.where(m.source < count, m.source, m.source + t)
        for m, t in zip(mixes, tiles[:-1], strict=True)
    ]
    mask = [np.where(m.mask < 0, -1, m.mask + t) for m, t in zip(mixes, masks[:-1], strict=True)]
    base, sizes_out, fill = first.base.copy(), first.sizes_out.copy(), first.fill.copy()
    shares = _Shares.of(first)
    for mix in mixes[1:]:
        fresh = mix.base < 0
        base[fresh], sizes_out[fresh] = -1, mix.sizes_out[fresh]
        changed = fresh | (np.diff(mix.start) > 0)
        fill[changed] = mix.fill[changed]
        shares = shares.replaced(_Shares.of(mix), changed)
    parts = [mix.masks for mix in mixes if len(mix.masks)]
    start = np.zeros(count + 1, dtype=np.int64)
    np.cumsum(np.bincount(owner, minlength=count), out=start[1:])
    return MixStage(
        sizes_in=first.sizes_in,
        sizes_out=sizes_out,
        base=base,
        start=start,
        source=np.concatenate(source)[order],
        place=np.concatenate([mix.place for mix in mixes])[order],
        origin=np.concatenate([mix.origin for mix in mixes])[order],
        weight=np.concatenate([mix.weight for mix in mixes])[order],
        mask=np.concatenate(mask)[order],
        masks=np.concatenate(parts) if parts else first.masks,
        fill=fill,
        tiles=tuple(tile for mix in mixes for tile in mix.tiles),
        tile_source=np.concatenate([mix.tile_source for mix in mixes]),
        share_start=shares.start(count),
        share_source=shares.source,
        share=shares.share,
        picked=_joined_picks(mixes, order),
    )


def _joined_picks(mixes: list[MixStage], order: Rows) -> tuple[Array | None, ...]:
    if not any(mix.picked for mix in mixes):
        return ()
    every = [pick for mix in mixes for pick in mix.picked or (None,) * len(mix.source)]
    return tuple(every[place] for place in order)


@dataclass(frozen=True)
class _Shares:
    """result, source, share (s,), in order of result."""

    result: Rows
    source: Rows
    share: Floats

    @classmethod
    def of(cls, mix: MixStage) -> _Shares:
        result = np.repeat(np.arange(len(mix.base)), np.diff(mix.share_start))
        return cls(result, mix.share_source, mix.share)

    def replaced(self, other: _Shares, changed: Array) -> _Shares:
        """With those of the `changed` (n,) results from another."""
        own, new = ~changed[self.result], changed[other.result]
        result = np.concatenate([self.result[own], other.result[new]])
        order = np.argsort(result, kind="stable")
        source = np.concatenate([self.source[own], other.source[new]])[order]
        return _Shares(
            result[order], source, np.concatenate([self.share[own], other.share[new]])[order]
        )

    def start(self, count: int) -> Rows:
        """Where those of each result begin (n + 1,)."""
        return np.searchsorted(self.result, np.arange(count + 1))


def _areas(place: Array, masks: Array, mask: Rows) -> Floats:
    """How many pixels each layer covers (m,)."""
    areas = ((place[:, 2] - place[:, 0]) * (place[:, 3] - place[:, 1])).astype(np.float64)
    for layer in np.flatnonzero(mask >= 0):
        top, left, bottom, right = place[layer]
        areas[layer] = np.count_nonzero(masks[mask[layer], top:bottom, left:right])
    return np.asarray(areas)


def _shares(
    owner: Rows, shown: Rows, areas: Floats, sizes: Rows, base: Rows
) -> tuple[Rows, Rows, Floats]:
    """start (n + 1,), source and share (s,): counted pixels of each image that a result shows.

    Layers of one result lie beside each other, or they all show the image below them. What shows
    nothing but the fill is wholly of the image itself.
    """
    count = len(sizes)
    whole = np.prod(sizes, axis=1).astype(np.float64)
    filled = shown < 0
    whole -= np.bincount(owner[filled], weights=areas[filled], minlength=count)
    owner, shown, areas = owner[~filled], shown[~filled], areas[~filled]
    covered = np.bincount(owner, weights=areas, minlength=count)
    below = np.flatnonzero(base >= 0)
    whole[base < 0] = covered[base < 0]  # the fill is of no image
    empty = whole == 0
    whole[empty] = 1
    keys = np.concatenate([below * count + base[below], owner * count + shown])
    amounts = np.concatenate([whole[below] - covered[below], areas])
    found, place = np.unique(keys, return_inverse=True)
    total = np.bincount(place.reshape(-1), weights=amounts, minlength=len(found))
    result, source = found // count, found % count
    seen = total > 0
    result, source, total = result[seen], source[seen], total[seen]
    start = np.zeros(count + 1, dtype=np.int64)
    np.cumsum(np.bincount(result, minlength=count), out=start[1:])
    return start, source, total / whole[result]
