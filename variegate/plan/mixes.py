"""Mixes lowered: what an op lays over each image becomes one table of layers for the batch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from variegate.ops.entries import MAX_CHANNELS, Geometry
from variegate.ops.layers import ITSELF, NOTHING, Layers
from variegate.plan.drawn import Group
from variegate.plan.geometry import PendingGeometry
from variegate.plan.program import MixStage, Stage
from variegate.plan.tables import Entries

Array = npt.NDArray[Any]
Rows = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
NO_FILL = np.zeros(MAX_CHANNELS, dtype=np.float32)
NO_MASKS = np.zeros((0, 0, 0), dtype=np.bool_)


def shown_samples(layers: Layers, rows: Rows, partner: Rows) -> Rows:
    """Which sample of the batch each layer shows, -1 for none (k * m,)."""
    count, many = partner.shape
    wide = np.empty((count, many + 2), dtype=np.int64)
    wide[:, :many] = partner
    wide[:, NOTHING], wide[:, ITSELF] = -1, rows  # counted from the end, as layers say it
    shown: Rows = wide[np.arange(count)[:, None], layers.partner].reshape(-1)
    return shown


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
    origin = np.zeros((len(shown), 2), dtype=np.int64) if tiles is not None else place[:, :2]
    if layers.origin is not None:
        origin = layers.origin.reshape(-1, 2)
    owner = rows.repeat(many)
    used = (place[:, 2] > place[:, 0]) & (place[:, 3] > place[:, 1]) & (weight > 0)
    if layers.size is None and tiles is None:
        used &= _changes(layers, place, origin, shown != owner)
    order = used.nonzero()[0]
    order = order[owner[order].argsort(kind="stable")]
    owner, shows = owner[order], shown[order]
    sizes_out, base = sizes, np.arange(count)
    if layers.size is not None:
        sizes_out = sizes.copy()
        sizes_out[rows], base[rows] = layers.size, -1
    mask = np.full(len(order), -1, dtype=np.int64)
    masks = NO_MASKS
    if layers.masks is not None:
        masks, mask = layers.masks, np.repeat(np.arange(len(rows)), many)[order]
    placed = np.ascontiguousarray(place[order], dtype=np.int32)
    weights = np.ascontiguousarray(weight[order], dtype=np.float64)
    areas = _areas(placed, masks, mask) * weights
    shares = _shares(owner, shows, areas, sizes_out, base)
    return MixStage(
        sizes_in=sizes,
        sizes_out=sizes_out,
        base=base,
        start=_starts(owner, count),
        source=shows if tiles is None else np.where(shows < 0, -1, count + order),
        place=placed,
        origin=np.ascontiguousarray(origin[order], dtype=np.int32),
        weight=weights,
        mask=mask,
        masks=np.ascontiguousarray(masks),
        fill=np.full((count, MAX_CHANNELS), fill, dtype=np.float32),
        tiles=() if tiles is None else (tiles,),
        tile_source=shown if tiles is not None else np.zeros(0, dtype=np.int64),
        share_start=shares[0],
        share_source=shares[1],
        share=shares[2],
        picked=() if picked is None else tuple(picked[place] for place in order // many),
    )


def _changes(layers: Layers, place: Array, origin: Array, other: Array) -> Array:
    """Which layers show something else: what shows itself where it was changes nothing."""
    return other if layers.origin is None else other | (origin != place[:, :2]).any(axis=1)


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
    return MixStage(
        sizes_in=first.sizes_in,
        sizes_out=sizes_out,
        base=base,
        start=_starts(owner[order], count),
        source=np.concatenate(source)[order],
        place=np.concatenate([mix.place for mix in mixes])[order],
        origin=np.concatenate([mix.origin for mix in mixes])[order],
        weight=np.concatenate([mix.weight for mix in mixes])[order],
        mask=np.concatenate(mask)[order],
        masks=np.concatenate(parts) if parts else first.masks,
        fill=fill,
        tiles=tuple(tile for mix in mixes for tile in mix.tiles),
        tile_source=np.concatenate([mix.tile_source for mix in mixes]),
        share_start=_starts(shares.result, count),
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


def _starts(owner: Rows, count: int) -> Rows:
    """Where those of each of `count` owners begin in a rising list of owners (n + 1,)."""
    return owner.searchsorted(np.arange(count + 1))


def _areas(place: Array, masks: Array, mask: Rows) -> Floats:
    """How many pixels each layer covers (m,)."""
    areas = ((place[:, 2] - place[:, 0]) * (place[:, 3] - place[:, 1])).astype(np.float64)
    for layer in np.flatnonzero(mask >= 0) if len(masks) else ():
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
    whole = (sizes[:, 0] * sizes[:, 1]).astype(np.float64)
    filled = shown < 0
    if filled.any():
        whole -= np.bincount(owner[filled], weights=areas[filled], minlength=count)
        owner, shown, areas = owner[~filled], shown[~filled], areas[~filled]
    covered = np.bincount(owner, weights=areas, minlength=count)
    below = (base >= 0).nonzero()[0]
    if len(below) < count:
        whole[base < 0] = covered[base < 0]  # the fill is of no image
    whole[whole == 0] = 1
    result = np.concatenate([below, owner])
    source = np.concatenate([base[below], shown])
    amounts = np.concatenate([whole[below] - covered[below], areas])
    keys = result * count + source
    order = keys.argsort(kind="stable")
    keys, result, source, amounts = keys[order], result[order], source[order], amounts[order]
    again = keys[1:] == keys[:-1]
    if again.any():  # several layers of one result show the same image
        first = np.concatenate([[True], ~again])
        amounts = np.bincount(first.cumsum() - 1, weights=amounts)
        result, source = result[first], source[first]
    seen = amounts > 0
    if not seen.all():
        result, source, amounts = result[seen], source[seen], amounts[seen]
    return _starts(result, count), source, amounts / whole[result]
