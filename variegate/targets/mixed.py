"""Annotations through a mix: instances of all images that a result shows, cut to what is seen."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from variegate.plan.program import MixStage
from variegate.plan.rings import Rings, areas, clip_to_box, ring_areas
from variegate.plan.rings import joined as joined_rings
from variegate.targets.annotations import COVERED, ERASED, NOTHING, STAYS, Annotations, moved
from variegate.targets.keypoints import Points
from variegate.targets.outlines import Outlines
from variegate.targets.pieces import Piece, pictures_of, pieces_of

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
NO_PAIRS = np.zeros((0, 2), dtype=np.int64)


@dataclass(frozen=True)
class Shown:
    """One picture in one result. below: whether it is what the layers lie on. only: which of its
    instances come along, or None for all.
    """

    result: int
    picture: int
    pieces: list[Piece]
    below: bool
    only: Ints | None = None


def shown_in(mix: MixStage) -> list[Shown]:
    """All pictures in all results, in order of result, what lies below first."""
    pictures = pictures_of(mix)
    found = []
    for result in range(len(mix.base)):
        grouped: dict[int, list[Piece]] = {}
        if mix.base[result] >= 0:
            grouped[int(mix.base[result])] = []
        for piece in pieces_of(mix, result, pictures):
            grouped.setdefault(piece.picture, []).append(piece)
        for picture, pieces in grouped.items():
            below = picture == mix.base[result]
            only = None if below else _picked(mix, result, picture, pictures)
            found.append(Shown(result, picture, pieces, below, only))
    return found


def _picked(mix: MixStage, result: int, picture: int, pictures: Ints) -> Ints | None:
    """Which instances of a picture its layers bring into a result; None for all."""
    layers = np.arange(mix.start[result], mix.start[result + 1])
    picks = (
        [mix.picked[layer] for layer in layers[pictures[layers] == picture]] if mix.picked else []
    )
    some = [pick for pick in picks if pick is not None]
    return np.concatenate(some) if some else None


def with_tiles(annotations: Annotations, mix: MixStage) -> Annotations:
    """The annotations of the batch, followed by those of the tiles as samples of their own."""
    parts, first = [annotations], 0
    for stage in mix.tiles:
        sources = mix.tile_source[first : first + len(stage.sizes_in)]
        parts.append(moved(of_samples(annotations, sources), [stage], NO_PAIRS))
        first += len(sources)
    return joined(parts) if len(parts) > 1 else annotations


def of_samples(annotations: Annotations, samples: Ints) -> Annotations:
    """The annotations of these samples (t,), which may stand there several times."""
    counts = (annotations.first[1:] - annotations.first[:-1])[samples]
    rows = _ranges(annotations.first[:-1][samples], counts)
    points = annotations.points
    if points is not None:
        points = _points_at(points, rows if points.bound else samples)
    return replace(taken(annotations, rows), first=_first(counts), points=points)


def taken(annotations: Annotations, rows: Ints) -> Annotations:
    """Instances `rows` (k,) in any order, all as of one sample; points are left as they are."""
    return replace(
        annotations,
        first=np.array([0, len(rows)]),
        source=annotations.source[rows],
        index=annotations.index[rows],
        outlines={name: _outlines_at(own, rows) for name, own in annotations.outlines.items()},
        code=annotations.code[rows],
        share=annotations.share[rows],
    )


def of_rows(annotations: Annotations, rows: Ints) -> Annotations:
    """Instances `rows` (k,), in order, in the samples that they are in."""
    counts = np.bincount(annotations.owner[rows], minlength=len(annotations.first) - 1)
    points = annotations.points
    if points is not None and points.bound:
        points = _points_at(points, rows)
    return replace(taken(annotations, rows), first=_first(counts), points=points)


def joined(parts: list[Annotations]) -> Annotations:
    """The samples of several, one after the other."""
    counts = [part.first[1:] - part.first[:-1] for part in parts]
    points = [part.points for part in parts if part.points is not None]
    return Annotations(
        _first(np.concatenate(counts)),
        np.concatenate([part.source for part in parts]),
        np.concatenate([part.index for part in parts]),
        {name: _outlines_of([part.outlines[name] for part in parts]) for name in parts[0].outlines},
        _points_of(points) if points else None,
        np.concatenate([part.code for part in parts]),
        np.concatenate([part.share for part in parts]),
    )


def mixed(
    pictures: Annotations, mix: MixStage, shown: list[Shown]
) -> tuple[Annotations, Ints, npt.NDArray[np.bool_]]:
    """The annotations of the results, which instance of the pictures each of them is (k,), and
    whether that lies below all layers (k,).

    pictures: as `with_tiles` gives them. What a layer shows nothing of does not come along; what a
    layer hides of the image below stays with the code COVERED or ERASED.
    """
    counts = (pictures.first[1:] - pictures.first[:-1])[[one.picture for one in shown]]
    starts = pictures.first[:-1][[one.picture for one in shown]]
    rows = _ranges(starts, counts)
    which = np.repeat(np.arange(len(shown)), counts)
    outlines, share = {}, pictures.share[rows].copy()
    seen: Floats | None = None
    for name, own in pictures.outlines.items():
        rings, areas_, weighted = _cut(own.seen, rows, starts, counts, shown)
        outlines[name] = _shifted(own, rows, which, shown, rings)
        before = areas(own.seen, own.count)[rows]
        if seen is None:
            seen = areas_
            some = areas_ > 0
            share[some] *= weighted[some] / areas_[some]
            hidden = (areas_ <= NOTHING * np.maximum(before, 1e-300)) & (before > 0)
    code = pictures.code[rows].copy()
    result = np.array([one.result for one in shown], dtype=np.int64)[which]
    keep = np.ones(len(rows), dtype=np.bool_)
    below = np.array([one.below for one in shown], dtype=np.bool_)[which]
    if seen is not None:
        lost = hidden & below & (code == STAYS)
        code[lost] = cover_codes(mix)[result[lost]]
        keep = below | ~hidden
    for place, one in enumerate(shown):
        if one.only is not None:
            keep[(which == place) & ~np.isin(rows - starts[place], one.only)] = False
    kept = np.flatnonzero(keep)
    found = Annotations(
        _first(np.bincount(result[kept], minlength=len(mix.base))),
        pictures.source[rows[kept]],
        pictures.index[rows[kept]],
        {name: _outlines_at(own, kept) for name, own in outlines.items()},
        _mixed_points(pictures, rows, which, shown, kept, len(mix.base)),
        code[kept],
        share[kept],
    )
    return found, rows[kept], below[kept]


def cover_codes(mix: MixStage) -> Ints:
    """What an instance that is hidden in each result (n,) is lost by."""
    owner = np.repeat(np.arange(len(mix.base)), np.diff(mix.start))
    erased = np.bincount(owner[mix.source < 0], minlength=len(mix.base)) > 0
    return np.where(erased, ERASED, COVERED)


def _cut(
    rings: Rings, rows: Ints, starts: Ints, counts: Ints, shown: list[Shown]
) -> tuple[Rings, Floats, Floats]:
    """The rings of instances `rows` (k,) cut to what is seen, with their rows 0..k-1; what area of
    each is seen, and that area times its share (k,).

    starts, counts: where the instances of each picture shown begin, and how many there are.
    """
    order = np.argsort(rings.row, kind="stable")
    row = rings.row[order]
    first = np.concatenate([[0], np.cumsum(counts)])
    chosen, owner, boxes, shifts, shares = [], [], [], [], []
    for place, one in enumerate(shown):
        if counts[place] == 0:
            continue
        low, high = np.searchsorted(row, (starts[place], starts[place] + counts[place]))
        own = order[low:high]
        for piece in one.pieces:
            many = len(piece.rects)
            chosen.append(np.tile(own, many))
            owner.append(np.tile(rings.row[own] - starts[place] + first[place], many))
            boxes.append(np.repeat(piece.rects[:, [1, 0, 3, 2]], len(own), axis=0))
            shifts.append(np.tile(piece.shift[::-1], (many * len(own), 1)))
            shares.append(np.full(many * len(own), piece.share))
    if not chosen:
        none = np.zeros(len(rows))
        return rings.take(np.zeros(0, dtype=np.int64)), none, none
    cut = rings.take(np.concatenate(chosen))
    cut = replace(cut, row=np.concatenate(owner))
    cut = cut.at(cut.points + np.repeat(np.concatenate(shifts), cut.counts, axis=0))
    cut = clip_to_box(cut, np.concatenate(boxes).astype(np.float64))
    area = ring_areas(cut)
    seen = np.bincount(cut.row, area * cut.sign, minlength=len(rows))
    weighted = area * cut.sign * np.concatenate(shares)
    total = np.bincount(cut.row, weighted, minlength=len(rows))
    return cut.take(np.flatnonzero(area > 0)), seen.astype(np.float64), total.astype(np.float64)


def _shifts(shown: list[Shown]) -> Floats:
    """(s, 2) x and y by which each picture lies in its result; where it is in parts, the first."""
    return np.array(
        [one.pieces[0].shift[::-1] if one.pieces else (0, 0) for one in shown], dtype=np.float64
    ).reshape(-1, 2)


def _shifted(
    outlines: Outlines, rows: Ints, which: Ints, shown: list[Shown], seen: Rings
) -> Outlines:
    """Outlines of `rows` (k,), whole ones where their picture lies."""
    own = _outlines_at(outlines, rows)
    shift = _shifts(shown)[which]
    whole = own.whole.at(own.whole.points + shift[own.whole.row[own.whole.ring]])
    corners = None if own.corners is None else own.corners + shift[:, None]
    return Outlines(seen, whole, len(rows), corners)


def _mixed_points(
    pictures: Annotations, rows: Ints, which: Ints, shown: list[Shown], kept: Ints, count: int
) -> Points | None:
    points = pictures.points
    if points is None:
        return None
    if points.bound:
        groups, shown_at = rows[kept], which[kept]
        found = _points_at(points, groups)
    else:
        groups = np.array([one.picture for one in shown], dtype=np.int64)
        shown_at = np.arange(len(shown))
        found = _points_at(points, groups)
    xy, inside = _placed(found, np.repeat(shown_at, found.counts), shown)
    found = replace(found, xy=xy, inside=inside)
    if points.bound:
        return found
    result = np.array([one.result for one in shown], dtype=np.int64)
    return replace(found, first=_first(np.bincount(result, found.counts, minlength=count)))


def _placed(
    points: Points, which: Ints, shown: list[Shown]
) -> tuple[Floats, npt.NDArray[np.bool_]]:
    """Points where the piece that shows them lies, and whether one does."""
    xy = points.xy + _shifts(shown)[which]
    inside = np.zeros(len(xy), dtype=np.bool_)
    order = np.argsort(which, kind="stable")
    bounds = np.searchsorted(which[order], np.arange(len(shown) + 1))
    for place, one in enumerate(shown):
        own = order[bounds[place] : bounds[place + 1]]
        for piece in one.pieces if len(own) else ():
            at = points.xy[own] + piece.shift[::-1]
            top, left, bottom, right = piece.rects.T[:, :, None]
            x, y = at[:, 0], at[:, 1]
            within = ((x >= left) & (x < right) & (y >= top) & (y < bottom)).any(axis=0)
            fresh = within & ~inside[own]
            xy[own[fresh]], inside[own[fresh]] = at[fresh], True
    return xy, inside & points.inside


def _ranges(starts: Ints, counts: Ints) -> Ints:
    """The whole numbers starts[i] .. starts[i] + counts[i] - 1, one range after the other."""
    before = np.concatenate([[0], np.cumsum(counts)])
    return np.asarray(np.arange(before[-1]) + np.repeat(starts - before[:-1], counts))


def _first(counts: Ints) -> Ints:
    return np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)


def _rings_at(rings: Rings, rows: Ints) -> Rings:
    """The rings of instances `rows` (k,), which may stand there several times, as rows 0..k-1."""
    order = np.argsort(rings.row, kind="stable")
    first = np.searchsorted(rings.row[order], rows)
    counts = np.searchsorted(rings.row[order], rows, side="right") - first
    found = rings.take(order[_ranges(first, counts)])
    return replace(found, row=np.repeat(np.arange(len(rows)), counts))


def _outlines_at(outlines: Outlines, rows: Ints) -> Outlines:
    corners = None if outlines.corners is None else outlines.corners[rows]
    seen, whole = _rings_at(outlines.seen, rows), _rings_at(outlines.whole, rows)
    return Outlines(seen, whole, len(rows), corners)


def _outlines_of(parts: list[Outlines]) -> Outlines:
    before = np.cumsum([0, *(part.count for part in parts)])

    def rings(name: str) -> Rings:
        own = [getattr(part, name) for part in parts]
        return joined_rings(
            [replace(r, row=r.row + add) for r, add in zip(own, before[:-1], strict=True)]
        )

    corners = [part.corners for part in parts if part.corners is not None]
    return Outlines(
        rings("seen"), rings("whole"), int(before[-1]), np.concatenate(corners) if corners else None
    )


def _points_at(points: Points, groups: Ints) -> Points:
    """The points of groups (k,), which may stand there several times."""
    counts = points.counts[groups]
    own = _ranges(points.first[:-1][groups], counts)
    labeled = None if points.labeled is None else points.labeled[own]
    return Points(points.xy[own], _first(counts), points.inside[own], labeled, points.bound)


def _points_of(parts: list[Points]) -> Points:
    labeled = [part.labeled for part in parts if part.labeled is not None]
    return Points(
        np.concatenate([part.xy for part in parts]),
        _first(np.concatenate([part.counts for part in parts])),
        np.concatenate([part.inside for part in parts]),
        np.concatenate(labeled) if labeled else None,
        parts[0].bound,
    )
