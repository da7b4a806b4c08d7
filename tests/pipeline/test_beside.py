"""What a thread does while the engine's others work on its images."""

from __future__ import annotations

import threading
from typing import Any

import numpy as np
import pytest

import variegate as vg
from variegate.engine.choose import choose
from variegate.engine.engine import Images
from variegate.errors import InputError
from variegate.plan.lower import lower
from variegate.plan.program import Stage
from variegate.testing import engines

IMAGES = np.random.default_rng(5).integers(0, 256, (12, 120, 130, 3), dtype=np.uint8)
ENGINES = pytest.mark.parametrize("engine", engines())
THREADS = pytest.mark.parametrize("threads", [1, 3])
STEPS = [vg.Rotate(angle=(5.0, 40.0)), vg.Brightness()]


def stage_of(count: int) -> Stage:
    sizes = np.tile(np.array(IMAGES.shape[1:3]), (count, 1))
    plan = vg.Pipeline(STEPS, seed=3).draw(sizes=sizes, index=np.arange(count))
    (stage,) = lower(plan, np.dtype(np.uint8), 3).stages
    assert isinstance(stage, Stage)
    return stage


@ENGINES
@THREADS
@pytest.mark.parametrize("count", [0, 12])
def test_it_is_called_once_and_by_this_thread(engine: str, threads: int, count: int) -> None:
    seen: list[int] = []
    run, stage = choose(engine).run_stage, stage_of(count)
    given = Images.of(IMAGES[:count])
    found = run(stage, given, threads, beside=lambda: seen.append(threading.get_ident()))
    assert seen == [threading.get_ident()]
    alone = run(stage, given, 1)
    assert len(found) == len(alone) == count
    assert all(map(np.array_equal, found, alone))


@ENGINES
@THREADS
def test_the_engine_may_be_used_in_it(engine: str, threads: int) -> None:
    """As where masks are moved beside the images."""
    run, stage = choose(engine).run_stage, stage_of(12)
    inner: list[Any] = []
    given = Images.of(IMAGES)
    outer = run(stage, given, threads, beside=lambda: inner.extend(run(stage, given, threads)))
    assert len(inner) == 12
    assert all(map(np.array_equal, outer, inner))


@ENGINES
@THREADS
def test_its_error_comes_out_as_it_is(engine: str, threads: int) -> None:
    run, stage = choose(engine).run_stage, stage_of(12)

    def fails() -> None:
        raise InputError("this one")

    with pytest.raises(InputError, match="this one"):
        run(stage, Images.of(IMAGES), threads, beside=fails)
    assert len(run(stage, Images.of(IMAGES), threads)) == 12


@ENGINES
@pytest.mark.parametrize("kind", [np.uint8, np.int32])  # masks that are light, and that are not
def test_marks_moved_beside_the_images_are_those_moved_alone(engine: str, kind: Any) -> None:
    generator = np.random.default_rng(6)
    low = generator.uniform(0, 80, (12, 30, 2))
    targets: dict[str, Any] = {
        "masks": list(generator.integers(0, 9, (12, 120, 130), dtype=kind)),
        "boxes": list(np.concatenate([low, low + 20], axis=2)),
        "box_labels": [np.arange(30)] * 12,
        "keypoints": list(generator.uniform(0, 120, (12, 7, 2))),
    }
    one, four = (
        vg.Pipeline(STEPS, seed=3, engine=engine, threads=n)(
            images=IMAGES, index=range(12), **targets
        )
        for n in (1, 4)
    )
    assert one.keys() == four.keys()
    assert np.array_equal(one.pop("images"), four.pop("images"))
    for name, items in one.items():
        assert all(map(np.array_equal, items, four[name])), name
