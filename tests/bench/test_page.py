"""The page of the results, its picture and the runner script."""

from __future__ import annotations

import importlib.util
import json
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from tests.bench.documents import document, timing
from variegate.bench.peers.cases import SUITES
from variegate.bench.summary import Results
from variegate.errors import DataError, InputError

ROOT = Path(__file__).parents[2]
SCRIPTS = ROOT / "benchmarks"


def script(name: str) -> ModuleType:
    """A file of the benchmarks folder as a module."""
    spec = importlib.util.spec_from_file_location(name, SCRIPTS / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    before = list(sys.path)
    spec.loader.exec_module(module)
    sys.path[:] = before
    return module


speed_page, speed = script("speed_page"), script("speed")


def test_the_page_is_what_the_results_give() -> None:
    page = (ROOT / "docs" / "benchmarks.md").read_text(encoding="utf-8")
    assert page == speed_page.page(speed_page.read(SCRIPTS / "results"))


def test_the_picture_is_what_the_results_give() -> None:
    picture = (ROOT / "docs" / speed_page.PICTURE).read_text(encoding="utf-8")
    assert picture == speed_page.picture(speed_page.read(SCRIPTS / "results"))


def test_there_is_a_result_of_every_suite() -> None:
    found = speed_page.read(SCRIPTS / "results")
    assert {case["suite"] for case in found.cases.values()} == set(SUITES)


def made() -> Results:
    """A few cases with a loss, a failure, a note and a wide spread."""
    times: dict[str, dict[str, Any]] = {
        "pipelines/Mix/224x224/64": {
            "variegate": timing(1e-3, low=0.0005, least=0.0005, high=1.5e-3),
            "opencv": timing(5e-4, note="in 1 process"),
            "dali": {"failed": "no | such thing"},
        },
        "ops/Invert/224x224/64": {"variegate": 1e-5, "opencv": 4e-5},
        "limits/ByBatch/128x128/1": {"variegate": 1e-4},
        "limits/ByBatch/128x128/256": {"variegate": 5e-5},
    }
    errors = {"variegate": {"mean": 0.2493, "greatest": 0.5}}
    return Results([document(times, accuracy=errors)])


def test_a_page_shows_rates_losses_failures_and_differences() -> None:
    lines = speed_page.page(made()).splitlines()
    assert "| Mix | 224x224 | 64 | 1,000 (±50 %) | **2,000** | failed |" in lines
    assert "| Invert | 224x224 | 64 | **10** | 40 |" in lines
    assert "## Losses (1)" in lines
    assert "| `pipelines/Mix/224x224/64` | opencv | 50 % |" in lines
    assert "| `pipelines/Mix/224x224/64` | dali | no / such thing |" in lines
    assert "| opencv | in 1 process | Mix |" in lines
    assert "| variegate | 0.2493 | 0.50 |" in lines
    assert "| Mix at 224 | fastest of five: opencv | 0.50 x | >= 5 x | not met |" in lines
    assert "Machine: Abacus (VBMI), 2 cores, 4 GiB, Linux x86_64." in lines


def test_every_goal_that_is_not_met_says_what_stops_it() -> None:
    rows = speed_page.stops(speed_page.read(SCRIPTS / "results"))
    assert all(why for _, _, why in rows)
    times: dict[str, dict[str, Any]] = {
        "pipelines/Geometry/224x224/64": {"variegate": 2e-4, "opencv": 5e-4},
        "ops/Affine/224x224/64": {"variegate": 1.2e-4, "opencv": 4e-4},
        "ops/Brightness/224x224/64": {"variegate": 1e-5, "opencv": 4e-5},
        "ops/Contrast/224x224/64": {"variegate": 8e-5, "opencv": 4e-5},
    }
    [(what, against, why), other] = speed_page.stops(Results([document(times)]))[:2]
    assert (what, against) == ("Geometry at 224", "fastest of five: opencv")
    # 500 us by 5, on two cores; 120 + 10 + 80 alone.
    assert why.startswith("The goal leaves 200 us of one core for an image; ")
    assert "take 210 (most: Affine 120, Contrast 80, Brightness 10)." in why
    assert other[0] == "3 single ops on batches at 224: faster on"
    assert other[2].startswith("Least ahead: Contrast 0.50 (opencv), Affine 3.33 (opencv)")


def test_numbers_have_three_digits() -> None:
    values = (12345.0, 999.4, 100.0, 99.96, 9.876, 0.04567)
    assert [speed_page.number(v) for v in values] == [
        "12,300",
        "999",
        "100",
        "100",
        "9.88",
        "0.0457",
    ]


def test_a_picture_has_a_dot_for_every_case() -> None:
    svg = speed_page.picture(made())
    assert svg.count("<circle") == 2
    assert "not measured" in svg  # no sizes in these results
    assert svg.startswith("<svg ")
    assert svg.endswith("</svg>\n")


def test_a_broken_result_is_refused(tmp_path: Path) -> None:
    broken = {**document({}), "schema": "other"}
    (tmp_path / "ops.json").write_text(json.dumps(broken), encoding="utf-8")
    with pytest.raises(DataError, match=r"result\.schema"):
        speed_page.read(tmp_path)


def test_one_python_for_several_libraries() -> None:
    assert speed.read_pythons(["keras,keras_cv=a/b", "dali=c"]) == {
        "keras": "a/b",
        "keras_cv": "a/b",
        "dali": "c",
    }
    with pytest.raises(InputError, match="--python: expected NAME=PATH"):
        speed.read_pythons(["dali"])
