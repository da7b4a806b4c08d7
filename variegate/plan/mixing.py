"""The mixes of one position of a policy, lowered to one stage."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from variegate.errors import PolicyError
from variegate.ops.entries import Geometry
from variegate.ops.layers import Blobs, Chains, Layers
from variegate.ops.op import Op
from variegate.ops.registry import get
from variegate.plan.blobs import blob_layers
from variegate.plan.drawn import Group, Span
from variegate.plan.mixes import joined, mix_stage, shown_samples, tile_stage
from variegate.plan.program import LateMix, Mixed, MixStage, OpenMix, Stage
from variegate.plan.record import Record
from variegate.plan.signatures import call
from variegate.plan.tables import fill_row

Rows = npt.NDArray[np.int64]
Copies: TypeAlias = Callable[[Rows, list[Record]], Stage]


def mixes_of(
    groups: Span, sizes: Rows, dtype: np.dtype[Any], channels: int, copies: Copies
) -> Mixed:
    """The stage of groups of one position, each of other samples of a batch of these sizes (n, 2).

    copies: the stage of records on copies of samples. Raises PolicyError where sizes do not fit.
    """
    parts = [_part(group, sizes, dtype, channels, copies) for group in groups]
    made = [part for part in parts if isinstance(part, MixStage)]
    if len(made) == len(parts):
        return joined(made)
    sizes_out = sizes.copy()
    for part in made:
        sizes_out[part.base < 0] = part.sizes_out[part.base < 0]
    return LateMix(tuple(parts), sizes_out)


def _part(
    group: Group, sizes: Rows, dtype: np.dtype[Any], channels: int, copies: Copies
) -> MixStage | OpenMix:
    op, rows, partner = group.op, group.rows, group.values["partner"]
    if op.mixing is not None and not op.mixing.any_size and not (sizes == sizes[0]).all():
        found = " and ".join(f"{h}x{w}" for h, w in np.unique(sizes, axis=0)[:2])
        raise PolicyError(
            f"{op.name} needs images of one size, got {found}; resize or crop before it"
        )
    near = sizes[partner] if partner.shape[1] else sizes[rows, None]
    entry = call(op, group.settings, group.all_values(), sizes=sizes[rows], partner_sizes=near)
    if isinstance(entry, Blobs):
        entry = blob_layers(entry, sizes[rows])
    if not isinstance(entry, Layers):
        return OpenMix(op.name, entry, rows, partner, sizes)
    tiles = None
    if isinstance(entry.tiles, Geometry):
        shown = shown_samples(entry, rows, partner)
        tiles = tile_stage(group, entry.tiles, sizes[shown], dtype, channels)
    elif entry.tiles is not None:
        tiles = copies(np.repeat(rows, entry.tiles.count), _records(entry.tiles))
    fill = fill_row(group.settings.get("fill", 0.0), channels, op.name)
    return mix_stage(entry, rows, partner, sizes, tiles, fill)


def _records(chains: Chains) -> list[Record]:
    return [
        Record(place, name, name, copies, values, _settings(get(name)))
        for place, (name, copies, values) in enumerate(chains.turns)
    ]


def _settings(op: Op) -> dict[str, Any]:
    """What a step of the op that says nothing has chosen."""
    return {setting.name: setting.default for setting in op.settings}
