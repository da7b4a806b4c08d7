"""Statistics, ratios, goals and the schema, on values worked out by hand."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from tests.bench.documents import document, timing
from variegate.bench.goals import Goal, goals, span
from variegate.bench.schema import check_document
from variegate.bench.spread import Spread, geometric_mean, quantile, spread
from variegate.bench.summary import Loss, Results
from variegate.errors import DataError

RAND = "pipelines/RandAugment3/224x224/64"
RAND32 = "pipelines/RandAugment3/32x32/256"


def test_the_spread_of_five_and_of_four_values() -> None:
    assert spread([5.0, 1.0, 4.0, 2.0, 3.0]) == Spread(3.0, 1.0, 2.0, 4.0, 5)
    assert spread([4.0, 1.0, 3.0, 2.0]) == Spread(2.5, 1.0, 1.75, 3.25, 4)
    assert spread([7.0]) == Spread(7.0, 7.0, 7.0, 7.0, 1)


def test_a_quantile_lies_between_its_neighbors() -> None:
    assert quantile([10.0, 20.0], 0.3) == pytest.approx(13.0)
    assert quantile([1.0, 2.0, 10.0], 1.0) == 10.0


def test_the_geometric_mean() -> None:
    assert geometric_mean([1.0, 4.0, 16.0]) == pytest.approx(4.0)
    assert geometric_mean([0.5, 2.0]) == pytest.approx(1.0)
    for values in ([], [1.0, 0.0], [-1.0]):
        with pytest.raises(ValueError, match="positive values"):
            geometric_mean(values)
    with pytest.raises(ValueError, match="at least one"):
        spread([])


def test_the_span_needs_all_its_values() -> None:
    assert span([2.0, 3.0, 1.0]) == 3.0
    assert span([2.0, None]) is None
    assert span([]) is None


def test_ratios_the_fastest_and_losses() -> None:
    times: dict[str, dict[str, Any]] = {
        RAND: {"variegate": 2.0, "opencv": 1.0, "dali": 8.0, "kornia": {"failed": "no"}},
        RAND32: {"variegate": 4.0, "opencv": 3.0},
    }
    results = Results([document(times)])
    assert results.ratio(RAND, "dali") == 4.0
    assert results.ratio(RAND, "kornia") is None
    assert results.fastest(RAND) == "opencv"
    assert results.fastest(RAND, ("dali", "kornia")) == "dali"
    assert results.fastest(RAND, ("kornia",)) is None
    assert results.losses() == [Loss(RAND, "opencv", 0.5), Loss(RAND32, "opencv", 0.75)]
    assert results.failures() == [(RAND, "kornia", "no")]


def by_what(results: Results) -> dict[tuple[str, str], Goal]:
    """Goals by what and against."""
    return {(goal.what, goal.against): goal for goal in goals(results)}


def test_goals_of_pipelines() -> None:
    times = {
        RAND: {"variegate": 1e-4, "opencv": 6e-4, "dali": 4e-3, "turboloader": 1.5e-4},
        RAND32: {"variegate": 1e-5, "albumentations": 4e-4, "kornia": 5e-5},
        "pipelines/Mix/32x32/256": {"variegate": 1e-5, "kornia": 9e-5},
    }
    found = by_what(Results([document(times)]))
    fast = found["RandAugment3 at 224", "fastest of five: opencv"]
    assert (fast.measured, fast.met) == (pytest.approx(6.0), True)
    what = "RandAugment of 3 ops at 224"
    assert (found[what, "dali"].measured, found[what, "dali"].met) == (pytest.approx(40.0), True)
    assert (found[what, "turboloader"].met, found[what, "keras_cv"].met) == (False, None)
    assert found[what, "the clock"].measured == pytest.approx(10_000)
    least = found["pipelines at 32, the least of 2: RandAugment3", "kornia"]
    assert (least.measured, least.met) == (pytest.approx(5.0), False)
    assert found["pipelines at 32, the least of 1: RandAugment3", "albumentations"].met is True


def test_goals_of_ops_count_only_batches_at_224() -> None:
    times = {
        "ops/Invert/224x224/64": {"variegate": 1.0, "opencv": 4.0, "pillow": 9.0},
        "ops/Rotate/224x224/64": {"variegate": 1.0, "opencv": 0.25},
        "ops/Rotate/224x224/1": {"variegate": 1.0, "opencv": 100.0},
        "ops/HideAndSeek/224x224/64": {"variegate": 1.0},
    }
    found = by_what(Results([document(times)]))
    all_ops = "the fastest of all, op by op"
    assert found["2 single ops on batches at 224: faster on", all_ops].measured == 50.0
    mean = found["2 single ops on batches at 224: geometric mean", all_ops]
    assert (mean.measured, mean.met) == (pytest.approx(1.0), False)


def test_goals_of_the_limits() -> None:
    times = {
        "limits/Warp/224x224/64": {"variegate": 1.0, "opencv": 3.0},
        "limits/Lookup/224x224/64": {"variegate": 1.0, "opencv": 3.9},
        "limits/Copy/224x224/64": {"variegate": 1.0},
        "limits/Pointwise/224x224/64": {"variegate": 2.5},
        "limits/Overhead/2x2/1": {"variegate": 14e-6},
        "limits/OverheadEngine/2x2/1": {"variegate": 2e-6},
        "limits/Overhead/2x2/256": {"variegate": 2e-6},
        "limits/OverheadEngine/2x2/256": {"variegate": 0.5e-6},
        **{f"limits/ByBatch/128x128/{n}": {"variegate": 1.0 + n / 1024} for n in (16, 64, 256)},
        **{f"limits/ByPixels/{n}x{n}/4": {"variegate": n**2.5} for n in (128, 256, 512, 1024)},
    }
    errors = {"variegate": {"mean": 0.25, "greatest": 0.5}, "opencv": {"mean": 0.2, "greatest": 1}}
    found = {goal.what: goal for goal in goals(Results([document(times, accuracy=errors)]))}
    met = {name: goal.met for name, goal in found.items() if goal.met is not None}
    assert met == {
        "bilinear warp, one thread": True,
        "error of that warp against float64": False,
        "lookup table, one thread": False,
        "pointwise pipeline": False,
        "cost an image, batches of 16 to 256": True,
        "cost a pixel, sides of 128 to 1024": False,
        "Python's part of a call with one image of 2x2": True,
        "Python's part of an image in a batch of 256 of 2x2": False,
    }
    assert found["Python's part of a call with one image of 2x2"].measured == pytest.approx(12)
    assert found["cost a pixel, sides of 128 to 1024"].measured == pytest.approx(8**0.5)


def test_goals_from_files_and_with_boxes() -> None:
    times = {
        "annotated/Boxes200/224x224/16": {"variegate": 1.0, "albumentations": 11.0},
        "files/Classify/375x500/512": {"variegate": 1.0, "dali": 2.0, "albumentations": 2.0},
        "files/DecodeParts/375x500/512": {"variegate": 0.9},
    }
    found = {(goal.what, goal.against): goal for goal in goals(Results([document(times)]))}
    assert found["geometry with 200 boxes, 20 keypoints, a mask", "albumentations"].met is True
    assert found["from JPEG files", "dali"].met is False
    assert found["from JPEG files", "albumentations in a PyTorch DataLoader"].met is True
    beyond = "time beyond decoding the same parts of the files alone", "simplejpeg in 2 threads"
    assert found[beyond].measured == pytest.approx(10.0)
    assert found[beyond].met is True
    del times["files/DecodeParts/375x500/512"]
    found = {(goal.what, goal.against): goal for goal in goals(Results([document(times)]))}
    assert found[beyond].met is None


def test_a_goal_in_words() -> None:
    more = Goal("a", "b", 6.125, 5)
    assert (more.asked(), more.found(), more.verdict()) == (">= 5 x", "6.12 x", "met")
    less = Goal("a", "b", 12345.0, 15, "us", most=True)
    assert (less.asked(), less.found(), less.verdict()) == ("<= 15 us", "12,345 us", "not met")
    none = Goal("a", "b", None, 10_000, "images/s")
    assert (none.asked(), none.found(), none.verdict()) == (
        ">= 10,000 images/s",
        "not measured",
        "-",
    )


def legal() -> dict[str, Any]:
    """A document that passes."""
    return document({RAND: {"variegate": 1.0, "dali": {"failed": "no device"}}})


def test_a_legal_document_passes() -> None:
    check_document(legal())
    check_document({**legal(), "peers": {"dali": {"failed": "not here"}}})
    with pytest.raises(DataError, match="result: expected an object"):
        check_document([])


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        (("schema",), "variegate.bench/2", "result.schema: expected 'variegate.bench/1'"),
        (("machine", "cores"), "two", "result.machine.cores: expected a whole number"),
        (("machine", "cores"), True, "result.machine.cores: expected a whole number"),
        (("settings", "seconds"), float("nan"), "result.settings.seconds: expected a number"),
        (("settings", "quick"), 1, "result.settings.quick: expected true or false"),
        (("settings", "more"), 1, "result.settings: unknown field 'more'; known: rounds"),
        (("peers", "dali"), {"failed": ""}, "result.peers.dali.failed: expected a text"),
        (("cases",), {}, "result.cases: expected a list"),
        (("cases", 0, "results", "dali"), {"failed": 3}, r"results.dali.failed: expected a text"),
        (("cases", 0, "results", "dali"), {}, r"results.dali: the field 'note' is missing"),
        (("cases", 0, "results", "dali"), timing(1.0, low=2.0), "expected least <= low <= median"),
        (("cases", 0, "results", "dali"), timing(0.0), "expected least above 0"),
        (("cases", 0, "results", "dali"), timing(1.0, n=0), "n of at least 1"),
        (("accuracy", "dali"), {"mean": 1.0}, "result.accuracy.dali: the field 'greatest' is mis"),
    ],
)
def test_an_illegal_document_is_refused_with_its_place(
    path: tuple[Any, ...], value: Any, message: str
) -> None:
    broken = copy.deepcopy(legal())
    inner: Any = broken
    for key in path[:-1]:
        inner = inner[key]
    inner[path[-1]] = value
    with pytest.raises(DataError, match=message):
        check_document(broken)


def test_a_case_may_come_once() -> None:
    twice = legal()
    twice["cases"] *= 2
    with pytest.raises(DataError, match="comes more than once"):
        check_document(twice)
