"""What mixes lower to: layers of several images, and what must see the images to become them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from variegate.ops.entries import Floats, Geometry, Ints, Words

ITSELF = -1  # as a layer's partner: the image that is mixed
NOTHING = -2  # the step's fill, which hides what is below


@dataclass(frozen=True)
class Chains:
    """Copies of each image, `count` (w) of them, each through ops of its own.

    turns: what is applied one after the other: op name, copies (t,) counted image by image (image *
    w + copy), and values by name, (t,) each.
    """

    count: int
    turns: tuple[tuple[str, Ints, dict[str, Floats]], ...]


@dataclass(frozen=True)
class Layers:
    """What a mix lays over each of k images, bottom first: up to m layers.

    partner (k, m): which of the image's partners a layer shows, counted from 0, ITSELF or NOTHING.
    place (k, m, 4): where it lies in the result, y1 x1 y2 x2; empty ones are left out. weight (k,
    m): its share of the pixels there, or None for all of each. origin (k, m, 2): the row and column
    of its picture at the place's upper left; None: those of the place, or 0 in a tile. masks (k, h,
    w) or None: which pixels of the result layers may cover. tiles: how the pictures are moved
    first: a Geometry of k * m rows, or Chains of the image itself; None: not at all. size (k, 2) or
    None: the result's; where it is given, only the step's fill lies below the layers.
    """

    partner: Ints
    place: Ints
    weight: Floats | None = None
    origin: Ints | None = None
    masks: npt.NDArray[np.bool_] | None = None
    tiles: Geometry | Chains | None = None
    size: Ints | None = None


@dataclass(frozen=True)
class Blobs:
    """A partner shows around random blobs of which the image keeps a share (k,) of its pixels.

    The blobs are smooth noise, made of a word (k,) for each image: a frequency's amplitude falls
    with its `decay`-th power.
    """

    share: Floats
    decay: float
    key: Words


@dataclass(frozen=True)
class Salient:
    """A rectangle of sides (k, 2) around the partner's most salient pixel; saliency: how that is
    measured.
    """

    sides: Floats
    saliency: str


@dataclass(frozen=True)
class Puzzle:
    """A cut along cells that keeps what is salient of both images (Kim et al. 2020).

    weight (k,): the share of the image itself that is aimed at. cells (k,): a side. levels: how
    many shares a cell may have, 0 and 1 among them. beta, gamma, eta: what unlike labels of
    neighbors cost, what unlike pixels add to that, and how much the weight counts. transport: what
    moving a cell by the whole frame costs, or None to move nothing.
    """

    weight: Floats
    cells: Ints
    levels: int
    beta: float
    gamma: float
    eta: float
    transport: float | None
    saliency: str


@dataclass(frozen=True)
class Pasted:
    """Some of the partner's instances: each with this chance, by a word (k,) for each image."""

    chance: float
    key: Words


@dataclass(frozen=True)
class Erased:
    """The pixels of `count` (k,) of the image's own instances, chosen by a word (k,) for each.

    guard: as many of them as hide no more than half of the image.
    """

    count: Ints
    key: Words
    fill: float | tuple[float, ...]
    guard: bool
