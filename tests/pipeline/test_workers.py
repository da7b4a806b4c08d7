"""Workers of a loader share the cores: one thread each, however many the parent uses."""

from __future__ import annotations

import os
import sys

import numpy as np
import pytest
from torch.utils.data import DataLoader

import variegate as vg
from tests.pipeline.samples import COUNT, Threads
from variegate.pipeline.stream import default_threads
from variegate.testing import engines

pytestmark = [
    pytest.mark.skipif(not sys.platform.startswith("linux"), reason="counts threads in /proc"),
    pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning"),
]


@pytest.mark.parametrize("method", ["fork", "spawn"])
@pytest.mark.parametrize("engine", engines())
def test_two_workers_take_one_thread_each(engine: str, method: str) -> None:
    aug = vg.Pipeline([vg.Rotate(), vg.Brightness()], seed=1, engine=engine)
    aug(images=np.zeros((4, 60, 60, 3), dtype=np.uint8))  # so the parent has threads
    # One batch for each worker: the thread that hands results over starts after it.
    loader = DataLoader(
        Threads(aug), batch_size=COUNT // 2, num_workers=2, multiprocessing_context=method
    )
    seen = np.concatenate([batch.numpy() for batch in loader])
    assert np.unique(seen[:, 0]).tolist() == [1]
    assert np.unique(seen[:, 1]).tolist() == [0]


def test_outside_of_workers_all_cores_count() -> None:
    assert default_threads() == len(os.sched_getaffinity(0))
