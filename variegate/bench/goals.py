"""What the speed is judged by: each goal with what was measured, met or not."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from variegate.bench.spread import geometric_mean
from variegate.bench.summary import Results

PIPELINES = ("RandAugment3", "Classify", "Geometry", "Mix", "RandAugment3Mix")
PEERS = ("albumentations", "torchvision", "kornia", "dali", "opencv")
FLAT = 1.25


@dataclass(frozen=True)
class Goal:
    """One line: what, against whom, what was measured and what is asked.

    measured: None where the case or the other library is missing. most: the target is a limit
    from above. unit: "x", "%", "us" or "images/s".
    """

    what: str
    against: str
    measured: float | None
    target: float
    unit: str = "x"
    most: bool = False

    @property
    def met(self) -> bool | None:
        """None where nothing was measured."""
        if self.measured is None:
            return None
        return self.measured <= self.target if self.most else self.measured >= self.target

    def asked(self) -> str:
        """For instance >= 5 x."""
        return f"{'<=' if self.most else '>='} {self.target:,g} {self.unit}"

    def found(self) -> str:
        """For instance 6.1 x."""
        if self.measured is None:
            return "not measured"
        value = f"{self.measured:,.0f}" if self.measured >= 100 else f"{self.measured:.2f}"
        return f"{value} {self.unit}"

    def verdict(self) -> str:
        """met, not met or a dash."""
        return {None: "-", True: "met", False: "not met"}[self.met]


def goals(results: Results) -> list[Goal]:
    """Every goal, in the order of the page."""
    return [
        *_pipelines(results),
        *_rand_augment(results),
        *_small(results),
        *_ops(results),
        *_limits(results),
        *_annotated(results),
        *_files(results),
        *_overhead(results),
    ]


def pipeline_id(name: str, size: int) -> str:
    """The case of a pipeline that gives images of this size."""
    if size == 32:
        return f"pipelines/{name}/32x32/256"
    return f"pipelines/{name}/{'375x500' if name == 'Classify' else '224x224'}/64"


def _pipelines(results: Results) -> Iterator[Goal]:
    for name in PIPELINES:
        case = pipeline_id(name, 224)
        peer = results.fastest(case, PEERS)
        ratio = None if peer is None else results.ratio(case, peer)
        yield Goal(f"{name} at 224", f"fastest of five: {peer or 'none'}", ratio, 5)


def _rand_augment(results: Results) -> Iterator[Goal]:
    case = pipeline_id("RandAugment3", 224)
    for peer, target in (("keras_cv", 20), ("torchvision", 20), ("dali", 20), ("turboloader", 2)):
        yield Goal("RandAugment of 3 ops at 224", peer, results.ratio(case, peer), target)
    levels = results.ratio(pipeline_id("RandAugment3Levels", 224), "turboloader")
    yield Goal("RandAugment of 3 ops on levels at 224", "turboloader (no geometry)", levels, 2)
    seconds = results.seconds(case)
    speed = None if seconds is None else 1 / seconds
    yield Goal("RandAugment of 3 ops at 224", "the clock", speed, 10_000, "images/s")


def _small(results: Results) -> Iterator[Goal]:
    for peer, target in (("albumentations", 30), ("kornia", 8), ("turboloader", 2)):
        ratios = {name: results.ratio(pipeline_id(name, 32), peer) for name in PIPELINES}
        known = {name: ratio for name, ratio in ratios.items() if ratio is not None}
        worst = min(known, key=lambda name: known[name]) if known else None
        what = f"pipelines at 32, the least of {len(known)}" + (f": {worst}" if worst else "")
        yield Goal(what, peer, None if worst is None else known[worst], target)


def _ops(results: Results) -> Iterator[Goal]:
    ratios = []
    for case in results.suite("ops"):
        if (case["height"], case["batch"] > 1) == (224, True):
            peer = results.fastest(case["id"])
            ratio = None if peer is None else results.ratio(case["id"], peer)
            ratios += [] if ratio is None else [ratio]
    share = 100 * sum(ratio > 1 for ratio in ratios) / len(ratios) if ratios else None
    mean = geometric_mean(ratios) if ratios else None
    what = f"{len(ratios)} single ops on batches at 224"
    yield Goal(f"{what}: faster on", "the fastest of all, op by op", share, 90, "%")
    yield Goal(f"{what}: geometric mean", "the fastest of all, op by op", mean, 2.5)


def _limits(results: Results) -> Iterator[Goal]:
    warp, table = "limits/Warp/224x224/64", "limits/Lookup/224x224/64"
    yield Goal("bilinear warp, one thread", "opencv", results.ratio(warp, "opencv"), 3)
    mine, other = results.accuracy("variegate"), results.accuracy("opencv")
    error = None if mine is None or not other else round(mine / other, 3)
    yield Goal("error of that warp against float64", "opencv", error, 1, most=True)
    yield Goal("lookup table, one thread", "opencv", results.ratio(table, "opencv"), 4)
    points = results.seconds("limits/Pointwise/224x224/64")
    copy = results.seconds("limits/Copy/224x224/64")
    slower = points / copy if points and copy else None
    yield Goal("pointwise pipeline", "a copy of the same bytes", slower, 2, most=True)
    flat = span([results.seconds(f"limits/ByBatch/128x128/{n}") for n in (16, 64, 256)])
    yield Goal("cost an image, batches of 16 to 256", "most to least", flat, FLAT, most=True)
    per_pixel = []
    for side in (128, 256, 512, 1024):
        seconds = results.seconds(f"limits/ByPixels/{side}x{side}/4")
        per_pixel.append(None if seconds is None else seconds / side**2)
    linear = span(per_pixel)
    yield Goal("cost a pixel, sides of 128 to 1024", "most to least", linear, FLAT, most=True)


def span(values: list[float | None]) -> float | None:
    """The greatest by the least; None where one is missing."""
    known = [value for value in values if value is not None]
    return max(known) / min(known) if known and len(known) == len(values) else None


def _annotated(results: Results) -> Iterator[Goal]:
    ratio = results.ratio("annotated/Boxes200/224x224/16", "albumentations")
    yield Goal("geometry with 200 boxes, 20 keypoints, a mask", "albumentations", ratio, 10)


def _files(results: Results) -> Iterator[Goal]:
    case = _find(results, "files", "Classify")
    for peer, target in (("dali", 2.5), ("turboloader", 1.5), ("albumentations", 1.5)):
        name = f"{peer} in a PyTorch DataLoader" if peer == "albumentations" else peer
        yield Goal("from JPEG files", name, results.ratio(case, peer), target)
    whole = results.seconds(case)
    decoding = results.seconds(_find(results, "files", "DecodeParts"))
    rest = None if whole is None or decoding is None else 100 * (1 - decoding / whole)
    what = "time beyond decoding the same parts of the files alone"
    yield Goal(what, "simplejpeg in 2 threads", rest, 15, "%", most=True)


def _find(results: Results, suite: str, name: str) -> str:
    return next((case["id"] for case in results.suite(suite) if case["name"] == name), "")


def _overhead(results: Results) -> Iterator[Goal]:
    for batch, target in ((1, 15), (256, 1)):
        call = results.seconds(f"limits/Overhead/2x2/{batch}")
        engine = results.seconds(f"limits/OverheadEngine/2x2/{batch}")
        rest = None if call is None or engine is None else 1e6 * (call - engine)
        what = "a call with one image" if batch == 1 else "an image in a batch of 256"
        against = "the call less the engine's part"
        yield Goal(f"Python's part of {what} of 2x2", against, rest, target, "us", most=True)
