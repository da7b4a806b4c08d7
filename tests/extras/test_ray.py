"""Ray: a local cluster of two nodes runs the calls, loses workers and a node, and loses nothing."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections import Counter
from collections.abc import Iterator
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from tests.search.toy import REPEATS, _evaluate, killed, log_of, search, summary
from variegate import workflow
from variegate.errors import VariegateError
from variegate.policy import Policy
from variegate.search import study

pytestmark = pytest.mark.filterwarnings("ignore")  # Ray's own
TRIALS = 14


@pytest.fixture(scope="module")
def cluster() -> Iterator[Any]:
    """A head and a second node, two CPUs each."""
    made = import_module("ray.cluster_utils").Cluster(
        initialize_head=True, head_node_args={"num_cpus": 2, "include_dashboard": False}
    )
    made.add_node(num_cpus=2)
    yield made
    import_module("ray").shutdown()
    made.shutdown()


@pytest.fixture(scope="module")
def expected(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """The end of the same search in this process, with the window of four workers."""
    folder = tmp_path_factory.mktemp("whole")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(study, "_window", lambda *_: 2)
        return summary(search(folder, trials=TRIALS))


def fatal(folder: Path, policy: Policy, budget: int, seed: int) -> Any:
    """The toy objective, which takes its worker with it at the first call that sees each mark."""
    for name in ("first", "second"):
        try:
            handle = os.open(folder / name, os.O_CREAT | os.O_EXCL)
        except FileExistsError:
            continue
        os.close(handle)
        if len(log_of(folder)) >= 2:
            os.kill(os.getpid(), signal.SIGKILL)
        (folder / name).unlink()
        break
    return _evaluate(folder / "log.jsonl", 0.02, policy, budget, seed)


def on_ray(cluster: Any, folder: Path, **changes: Any) -> Any:
    settings: dict[str, Any] = {"executor": f"ray:{cluster.address}", "workers": 4}
    return search(folder, **{"trials": TRIALS, **settings, **changes})


def test_two_workers_are_killed_and_the_end_is_the_same(
    cluster: Any, expected: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tests.search.toy.objective", lambda log: partial(fatal, log.parent))
    assert summary(on_ray(cluster, tmp_path)) == expected
    assert (tmp_path / "first").exists()
    assert (tmp_path / "second").exists()
    assert Counter(map(tuple, log_of(tmp_path))).most_common(1)[0][1] == 1
    assert len(log_of(tmp_path)) == TRIALS * REPEATS


def test_a_lost_node_and_killed_drivers_lose_nothing(
    cluster: Any, expected: dict[str, Any], tmp_path: Path
) -> None:
    settings = {"executor": f"ray:{cluster.address}", "workers": 4, "trials": TRIALS}
    kills = [killed(tmp_path, place, 0.05, **settings) for place in (4, 12)]
    assert kills == [True, True]
    node = cluster.add_node(num_cpus=2)
    before = len(log_of(tmp_path))

    def lose() -> None:
        while len(log_of(tmp_path)) < before + 3:
            time.sleep(0.01)
        cluster.remove_node(node, allow_graceful=False)

    thread = threading.Thread(target=lose)
    thread.start()
    assert summary(on_ray(cluster, tmp_path)) == expected
    thread.join()
    times = Counter(map(tuple, log_of(tmp_path)))
    assert len(times) == TRIALS * REPEATS
    # A kill of the driver or of a node repeats at most what was under way: four calls each.
    assert sum(times.values()) - len(times) <= 3 * 4


def test_a_comparison_on_the_cluster_is_that_of_one_process(cluster: Any, tmp_path: Path) -> None:
    call: dict[str, Any] = {"arms": ["none", "trivial"], "seeds": 2, "confirm": 0, "epochs": 1}
    call |= {"train_per_class": 4, "settings": {"width": 4, "batch_size": 16, "threads": 1}}
    here = workflow.compare("digits", out=tmp_path / "here", **call)
    there = workflow.compare(
        "digits", executor=f"ray:{cluster.address}", out=tmp_path / "there", **call
    )
    one, two = (
        {(r.arm, r.seed): r.predictions.tolist() for r in made.comparison.runs}
        for made in (here, there)
    )
    assert len(one) == 4
    assert one == two


def test_no_cluster_at_the_address_is_said(tmp_path: Path) -> None:
    with pytest.raises(VariegateError, match=r"no cluster at 127\.0\.0\.1:1 .*ray start --head"):
        search(tmp_path, executor="ray:127.0.0.1:1")
    assert not (tmp_path / "study.db").exists()
