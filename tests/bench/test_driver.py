"""A library's process: the protocol, failures, deaths, chatter and turns."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest

from variegate.bench import driver
from variegate.bench.driver import SCRIPT, Client, Peer
from variegate.bench.peers.cases import Case
from variegate.bench.peers.worker import Worker
from variegate.bench.runner import (
    KNOWN,
    QUICK,
    Settings,
    default_peers,
    default_suites,
    measure,
    row,
)
from variegate.bench.schema import check_document
from variegate.errors import InputError

# A library that does one case well and fails in every other way.
FAKE = """
import os, sys, time
import numpy as np
from .run import Run

def versions():
    return {"fake": "1.0"}

def refuse(case):
    raise ValueError("no such\\nop")

def burst(case):
    return Run(lambda: 1 / 0)

def die(case):
    print("last words", file=sys.stderr, flush=True)
    os._exit(3)

def talk(case):
    print("chatter on stdout", flush=True)
    os.write(1, b"more chatter\\n")
    return Run(lambda: None, "talks")

def sleep(case):
    calls.append(case.name)
    return Run(lambda: time.sleep(0.002), "sleeps", lambda: calls.append("closed"))

calls = []
MAKERS = {
    "ops/Invert": sleep,
    "ops/Posterize": refuse,
    "ops/Solarize": burst,
    "ops/Equalize": die,
    "ops/Gamma": talk,
    "ops/Color": lambda case: Run(lambda: np.array([len(calls), case.batch])),
    "ops/Contrast": lambda case: Run(lambda: time.sleep(60)),
}
"""


def case(name: str, batch: int = 4) -> Case:
    """A small case."""
    return Case("ops", name, 8, 8, batch, 1, "nothing")


@pytest.fixture(scope="module")
def script(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The worker with two libraries of ours beside it: `fake` and one for batches only."""
    folder = tmp_path_factory.mktemp("peers") / "code"
    shutil.copytree(SCRIPT.parent, folder, ignore=shutil.ignore_patterns("__pycache__"))
    (folder / "fake_peer.py").write_text(FAKE, encoding="utf-8")
    (folder / "batch_peer.py").write_text(FAKE + "BATCHES_ONLY = True\n", encoding="utf-8")
    (folder / "ill_peer.py").write_text("import no_such_library\n", encoding="utf-8")
    return folder / "worker.py"


@pytest.fixture
def fake(script: Path, tmp_path: Path) -> Iterator[Client]:
    """A running fake library."""
    client = Client(Peer("fake", script=script), tmp_path)
    client.start()
    yield client
    client.close()


def test_hello_tells_versions_and_cases(fake: Client) -> None:
    assert (fake.failed, fake.versions) == ("", {"fake": "1.0"})
    assert "ops/Invert" in fake.kinds
    assert fake.has(case("Invert"))
    assert not fake.has(case("Rotate"))


def test_time_is_seconds_an_image(fake: Client) -> None:
    assert fake.prepare(case("Invert")) == {"note": "sleeps"}
    found = fake.time(0.02)
    assert 0.0005 <= found["seconds"] < 0.01  # 2 ms and more a call of 4 images
    assert 1 <= found["calls"] <= 10
    assert found["taken"] == pytest.approx(4 * found["seconds"] * found["calls"])


def test_a_quick_call_comes_before_each_measurement() -> None:
    calls: list[int] = []
    worker = Worker(SimpleNamespace())
    worker.run = SimpleNamespace(call=lambda: calls.append(1))
    for before in (2, 1, 1):
        calls.clear()
        assert worker.time({"seconds": 0.001})["calls"] == len(calls) - before
    worker.call_seconds = 2.0  # it is warm by itself
    calls.clear()
    assert worker.time({"seconds": 0.001})["calls"] == len(calls) == 1


def test_a_failure_is_an_answer(fake: Client) -> None:
    assert fake.prepare(case("Posterize")) == {"failed": "ValueError: no such op"}
    assert fake.time(0.01)["failed"].startswith("AttributeError")
    assert fake.prepare(case("Solarize")) == {"note": ""}
    assert fake.time(0.01) == {"failed": "ZeroDivisionError: division by zero"}
    assert fake.prepare(case("Invert")) == {"note": "sleeps"}
    assert fake.ask({"do": "dance"}) == {"failed": "ValueError: unknown request 'dance'"}


def test_a_process_that_dies_is_started_again(fake: Client) -> None:
    assert fake.prepare(case("Equalize")) == {"failed": "the process died: last words"}
    assert fake.prepare(case("Invert")) == {"note": "sleeps"}
    assert "seconds" in fake.time(0.01)


def test_a_process_that_hangs_is_given_up(fake: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(driver, "CASE_SECONDS", 0.5)
    fake.prepare(case("Contrast"))
    assert fake.time(0.01)["failed"].startswith("no answer in 0.5 s")
    monkeypatch.undo()
    assert fake.prepare(case("Invert")) == {"note": "sleeps"}


def test_chatter_is_no_answer(fake: Client) -> None:
    assert fake.prepare(case("Gamma")) == {"note": "talks"}
    assert "seconds" in fake.time(0.001)


def test_the_case_before_is_closed_and_output_saved(fake: Client, tmp_path: Path) -> None:
    import numpy as np

    fake.prepare(case("Invert"))
    fake.prepare(case("Color"))
    path = tmp_path / "out.npy"
    assert fake.output(path) == {"shape": [2], "dtype": "int64"}
    assert np.load(path, allow_pickle=False).tolist() == [2, 4]  # Invert made, then closed


def test_a_library_that_is_not_there(script: Path, tmp_path: Path) -> None:
    client = Client(Peer("ill", script=script), tmp_path)
    client.start()
    client.close()
    assert client.failed == "ModuleNotFoundError: No module named 'no_such_library'"
    assert not client.has(case("Invert"))


def test_a_python_that_is_not_there(script: Path, tmp_path: Path) -> None:
    client = Client(Peer("fake", "no/such/python", script), tmp_path)
    client.start()
    assert client.failed == "cannot start no/such/python: No such file or directory"


def test_a_row_has_every_library_and_its_failure(script: Path, tmp_path: Path) -> None:
    clients = {name: Client(Peer(name, script=script), tmp_path) for name in ("fake", "batch")}
    for client in clients.values():
        client.start()
    settings = Settings(rounds=3, seconds=0.004, budget=5.0)
    good = row(case("Invert"), clients, settings)
    single = row(case("Invert", 1), clients, settings)
    bad = row(case("Solarize"), clients, settings)
    dead = row(case("Equalize"), clients, settings)
    after = row(case("Invert"), clients, Settings(rounds=3, seconds=0.004, budget=0.0))
    for client in clients.values():
        client.close()
    assert [good["results"][name]["n"] for name in clients] == [3, 3]
    assert list(single["results"]) == ["fake"]
    assert bad["results"]["fake"] == {"failed": "ZeroDivisionError: division by zero"}
    assert dead["results"]["batch"] == {"failed": "the process died: last words"}
    assert [after["results"][name]["n"] for name in clients] == [1, 1]


def test_a_whole_run_is_a_legal_document(script: Path) -> None:
    peers = [Peer("fake", script=script), Peer("ill", script=script)]
    said: list[str] = []
    found = measure(peers, ["ops"], QUICK, said.append, only="Invert")
    check_document(found)
    assert [c["id"] for c in found["cases"]] == ["ops/Invert/224x224/64"]
    assert list(found["cases"][0]["results"]) == ["fake"]
    assert "no_such_library" in found["peers"]["ill"]["failed"]
    assert said[0] == "fake: fake 1.0"


def test_variegate_itself_answers(tmp_path: Path) -> None:
    client = Client(Peer("variegate"), tmp_path)
    client.start()
    client.prepare(case("Invert"))
    found = client.time(0.001)
    client.close()
    assert client.failed == ""
    assert found["seconds"] > 0


def test_unknown_names_are_refused_with_the_known_ones() -> None:
    with pytest.raises(InputError, match="unknown library 'foo'; known: variegate, albumentatio"):
        default_peers({}, ["foo"])
    with pytest.raises(InputError, match="unknown library 'bar'"):
        default_peers({"bar": "python"})
    with pytest.raises(InputError, match="unknown suite 'all'; known: ops, pipelines"):
        default_suites(["all"])


def test_variegate_is_always_there_and_first() -> None:
    peers = default_peers({"dali": "other"}, ["opencv", "dali", "opencv"])
    assert [(peer.name, peer.python) for peer in peers] == [
        ("variegate", sys.executable),
        ("opencv", sys.executable),
        ("dali", "other"),
    ]
    assert [peer.name for peer in default_peers({})] == list(KNOWN)
    assert default_suites() == ["ops", "pipelines", "annotated", "files", "limits"]
