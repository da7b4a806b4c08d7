"""AugMix: an image is blended with copies of itself that went through short chains of ops."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

import numpy as np

from variegate.ops.entries import Floats, Ints
from variegate.ops.layers import ITSELF, Chains, Layers
from variegate.ops.mixing import ALPHA, beta_quantile, whole_frame
from variegate.ops.op import OPS, Draw, Kind, Mixing, Param, Setting, declare
from variegate.ops.settings import whole

MOVES = (Kind.MATRIX, Kind.FIELD)
CHAINED = (*MOVES, Kind.TABLE, Kind.COLOR, Kind.MEASURED, Kind.FILTER)
WEAKEST = 0.01
PUBLISHED = (
    "AutoContrast", "Equalize", "Posterize", "Rotate", "Solarize", "ShearX", "ShearY", "TranslateX",
    "TranslateY",
)  # fmt: skip


def _ops(value: object) -> tuple[str, ...]:
    if not isinstance(value, (tuple, list)) or not value or not all(map(_may_chain, value)):
        raise ValueError
    return tuple(value)


def _may_chain(name: object) -> bool:
    """Whether the op's strength alone says what it does, and it keeps size and channels."""
    op = OPS.get(name) if isinstance(name, str) else None
    if op is None or op.kind not in CHAINED or op.changes_size or op.draws:
        return False
    required = any(setting.required for setting in op.settings)
    return not required and all(p.strong is not None or _is_still(p) for p in op.params)


def _is_still(param: Param) -> bool:
    """Whether a param has one value where nobody asks for more."""
    return param.default is not None and param.default[0] == param.default[1]


def _value(param: Param, strength: Floats, sign: Floats) -> Floats:
    if param.strong is None and param.default is not None:
        return np.full(len(strength), param.default[0])
    return param.at(strength, sign)


def _refuses(arguments: Mapping[str, Any], target: str) -> str:
    """Why a target cannot follow; "" where it stays as it is."""
    moving = [name for name in arguments["ops"] if OPS[name].kind in MOVES]
    if not moving:
        return ""
    return (
        f"{target} cannot follow a blend of several ways to move the image ({', '.join(moving)}); "
        "give AugMix ops=(...) without them"
    )


def _chains(arguments: Mapping[str, Any]) -> int:
    return int(arguments["width"])


def _links(arguments: Mapping[str, Any]) -> int:
    return int(arguments["width"]) * int(arguments["depth"])


@declare(
    Kind.MIX,
    source="Hendrycks et al. 2020, AugMix: 3 chains of 1 to 3 ops, severity 3 of 10",
    params=(Param("severity", 0, 1, "largest magnitude of an op", default=(0.3, 0.3)),),
    settings=(
        Setting("width", lambda value: whole(value, 1, 8), "a whole number 1..8 (chains)", 3),
        Setting("depth", lambda value: whole(value, 1, 8), "a whole number 1..8 (most ops)", 3),
        ALPHA,
        Setting("ops", _ops, "a list of names of ops with a magnitude, or of none", PUBLISHED),
    ),
    draws=(
        Draw("length", _chains),
        Draw("part", _chains),
        Draw("op", _links),
        Draw("magnitude", _links),
        Draw("sign", _links),
        Draw("weight"),
    ),
    mixing=Mixing(partners=0, refuses=_refuses),
)
def augmix(
    sizes: Ints,
    severity: Floats,
    width: int,
    depth: int,
    alpha: float,
    ops: tuple[str, ...],
    length: Floats,
    part: Floats,
    op: Floats,
    magnitude: Floats,
    sign: Floats,
    weight: Floats,
) -> Layers:
    """Blend with the mean of `width` copies that went through 1 to `depth` ops each.

    The mean has Dirichlet(alpha) weights and a share from Beta(alpha, alpha). Labels stay.
    """
    count = len(sizes)
    drawn = [v.reshape(count * width, depth) for v in (op, magnitude, sign)]
    strength = WEAKEST + drawn[1] * np.maximum(np.repeat(severity, width) - WEAKEST, 0)[:, None]
    signs = np.where(drawn[2] < 0.5, -1.0, 1.0)
    choice = np.minimum((drawn[0] * len(ops)).astype(np.int64), len(ops) - 1)
    lengths = 1 + np.minimum((length.reshape(-1) * depth).astype(np.int64), depth - 1)
    turns: list[tuple[str, Ints, dict[str, Floats]]] = []
    for turn in range(depth):
        for place, name in enumerate(ops):
            copies = np.flatnonzero((choice[:, turn] == place) & (turn < lengths))
            if len(copies):
                at = strength[copies, turn], signs[copies, turn]
                turns.append((name, copies, {p.name: _value(p, *at) for p in OPS[name].params}))
    mean = gamma_quantile(part.reshape(count, width), alpha)
    shares = mean / mean.sum(axis=1, keepdims=True) * beta_quantile(weight, alpha)[:, None]
    frames = np.repeat(whole_frame(sizes)[:, None], width, axis=1)
    partner = np.full((count, width), ITSELF)
    return Layers(partner, frames, one_by_one(shares), tiles=Chains(width, tuple(turns)))


def one_by_one(shares: Floats) -> Floats:
    """Weights (k, m) that give layers laid over each other these shares in the end."""
    above = np.cumsum(shares[:, ::-1], axis=1)[:, ::-1] - shares
    return np.clip(shares / np.maximum(1 - above, 1e-12), 0, 1)


def gamma_quantile(uniform: Floats, alpha: float) -> Floats:
    """The Gamma(alpha) at these quantiles in [0, 1); within 1e-3 of the exact value where that is
    below 10 * alpha + 10.
    """
    if alpha == 1.0:
        return -np.log1p(-uniform)
    share, value = _gamma(alpha)
    return np.interp(uniform, share, value)


@lru_cache(maxsize=32)
def _gamma(alpha: float) -> tuple[Floats, Floats]:
    """Shares and values. Below 1 by integrating in v = x**alpha, where the density has no pole."""
    most = alpha + 12 * np.sqrt(alpha) + 30
    if alpha < 1:
        x = np.linspace(0, most**alpha, 40001) ** (1 / alpha)
        v, density = x**alpha, np.exp(-x)
    else:
        v = x = np.linspace(0, most, 40001)
        with np.errstate(divide="ignore"):
            density = np.exp((alpha - 1) * np.log(x / alpha) + alpha - x)
    area = np.concatenate([[0.0], np.cumsum((density[1:] + density[:-1]) / 2 * np.diff(v))])
    return area / area[-1], np.asarray(x)
