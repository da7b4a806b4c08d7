"""Points back through displacement fields: where the picture goes, from where it comes."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

ROUNDS = 60
NEAR = 1e-9  # pixels
FLAT = 1e-3  # a map that shrinks areas more than this is followed by plain steps


def undo_fields(fields: Floats, chosen: Ints, points: Floats, sizes: Floats) -> Floats:
    """Where points (m, p, 2) of the source land: the q with q + d(q) = point.

    d is a row's field, `fields[chosen]`, over a frame of height and width `sizes` (m, 2). Newton's
    steps, halved where they do not lead nearer. Each point for itself, so that no other point of a
    batch can change it.
    """
    shape = points.shape
    field, frame = np.repeat(chosen, shape[1]), np.repeat(sizes, shape[1], axis=0)
    goal = points.reshape(-1, 2)
    result = goal.copy()
    open_ = np.arange(len(goal))
    at, part = goal.copy(), np.ones(len(goal))
    rest, step = _newton(fields, field, goal, at, frame)
    for _ in range(ROUNDS):
        far = np.abs(rest).max(axis=1) > NEAR
        result[open_] = at
        if not far.any():
            break
        open_, at, part, rest, step = open_[far], at[far], part[far], rest[far], step[far]
        own, wanted, size = field[open_], goal[open_], frame[open_]
        tried = at + part[:, None] * step
        new_rest, new_step = _newton(fields, own, wanted, tried, size)
        nearer = np.sum(new_rest**2, axis=1) < np.sum(rest**2, axis=1)
        nearer |= part < 1 / 16  # stuck at a kink: go on from there
        at = np.where(nearer[:, None], tried, at)
        rest = np.where(nearer[:, None], new_rest, rest)
        step = np.where(nearer[:, None], new_step, step)
        part = np.where(nearer, 1.0, part / 2)
    result[open_] = at
    return result.reshape(shape)


def _newton(
    fields: Floats, field: Ints, goal: Floats, at: Floats, frame: Floats
) -> tuple[Floats, Floats]:
    """What is missing to the goal, and the step that would bring it if the map were linear."""
    shift, along_x, along_y = _shift(fields, field, at, frame)
    rest = goal - at - shift
    a, b, c, d = 1 + along_x[:, 0], along_y[:, 0], along_x[:, 1], 1 + along_y[:, 1]
    area = a * d - b * c
    safe = np.where(area > FLAT, area, 1.0)[:, None]
    solved = np.stack([d * rest[:, 0] - b * rest[:, 1], a * rest[:, 1] - c * rest[:, 0]], axis=1)
    return rest, np.where(area[:, None] > FLAT, solved / safe, rest)


def _shift(fields: Floats, field: Ints, at: Floats, frame: Floats) -> tuple[Floats, Floats, Floats]:
    """The displacement at points (m, 2), as engine.sampling.displace has it, and how it changes
    per pixel along x and along y.
    """
    last = np.array([fields.shape[2] - 1, fields.shape[1] - 1])
    scale = last / frame[:, ::-1]
    place = at * scale
    inside = (place >= 0) & (place <= last)
    place = np.clip(place, 0, last)
    low = np.minimum(np.floor(place), last - 1).astype(np.int64)
    (j, i), (tx, ty) = low.T, (place - low).T[..., None]
    corner, right = fields[field, i, j], fields[field, i, j + 1]
    below, last_one = fields[field, i + 1, j], fields[field, i + 1, j + 1]
    top, bottom = corner + tx * (right - corner), below + tx * (last_one - below)
    along_x = (right - corner) + ty * ((last_one - below) - (right - corner))
    along_x = along_x * (scale * inside)[:, :1]
    along_y = (bottom - top) * (scale * inside)[:, 1:]
    return top + ty * (bottom - top), along_x, along_y
