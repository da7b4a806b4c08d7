"""Where the compiled engine's helping threads run."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

from variegate.engine.choose import choose

SCRIPT = """
import json, os
import numpy as np
import variegate as vg

pipeline = vg.Pipeline([vg.Invert()], seed=0, threads=2, engine="native")
before = set(os.listdir("/proc/self/task"))
pipeline(images=np.zeros((8, 200, 200, 3), dtype=np.uint8))
helpers = set(os.listdir("/proc/self/task")) - before
print(json.dumps([sorted(os.sched_getaffinity(int(helper))) for helper in helpers]))
"""


def places_of_helpers(allowed: set[int]) -> list[list[int]]:
    """Where each helper of a call with two threads may run, in a process that may run there."""
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT],
        capture_output=True,
        text=True,
        check=True,
        preexec_fn=lambda: os.sched_setaffinity(0, allowed),
    )
    found: list[list[int]] = json.loads(done.stdout)
    return found


@pytest.mark.skipif(
    choose(None).name != "native" or not hasattr(os, "sched_getaffinity"),
    reason="needs the compiled engine on Linux",
)
def test_a_helper_keeps_off_the_processor_that_wakes_it() -> None:
    every = os.sched_getaffinity(0)
    (places,) = places_of_helpers(every)
    assert set(places) <= every
    assert len(places) == max(1, len(every) - 1)
    one = min(every)
    assert places_of_helpers({one}) == [[one]]
