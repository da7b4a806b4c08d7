"""Times the torch engine beside Kornia on one device, in one process, round by round in turn.

    python benchmarks/torch_engine.py --site SITE-PACKAGES-OF-KORNIA [--device cuda] [--out FILE]

Kornia takes and gives float32 (n, c, h, w) in [0, 1]; the torch engine is timed on uint8 and on
float32 (n, h, w, c). Medians of rounds as images a second; on the CPU of processor time, one
thread. `copy`: the bytes that a case takes and gives at the speed of a plain copy on that device,
over the time it took.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

LEAST, MOST = 5, 15  # rounds
OPS = (
    *("HorizontalFlip", "Invert", "Posterize", "Solarize", "Brightness", "Contrast", "Color"),
    *("Sharpness", "AutoContrast", "Equalize", "ColorJitter", "Rotate", "Affine", "Perspective"),
    *("Elastic", "Resize", "RandomResizedCrop", "GaussianBlur", "GaussianNoise", "RandomErasing"),
    *("MixUp", "CutMix", "Normalize"),
)
HEADS = (
    *("torch, uint8", "torch, float32", "Kornia", "uint8 / Kornia", "float32 / Kornia"),
    "share of a copy: uint8, float32, Kornia",
)
PIPELINES = ("RandAugment3", "Classify", "Geometry", "Mix")


def cases(size: int, batch: int) -> list[Any]:
    """Ops and pipelines at one size."""
    from variegate.bench.peers.cases import OPS as NUMBERS
    from variegate.bench.peers.cases import PIPELINES as PIPES
    from variegate.bench.peers.cases import Case

    found = []
    for name in OPS:
        numbers, does = NUMBERS[name]
        found.append(Case("ops", name, size, size, batch, 1, does, numbers))
    for name in PIPELINES:
        numbers, does = PIPES[name]
        more = {"size": size} if name == "Classify" else {}
        found.append(Case("pipelines", name, size, size, batch, 1, does, {**numbers, **more}))
    return found


def ours(case: Any, images: Any, engine: str) -> Callable[[], Any]:
    """A call of the pipeline on a batch."""
    from variegate.bench.peers import inputs, variegate_peer
    from variegate.pipeline import Pipeline

    if case.suite == "ops":
        steps = [variegate_peer.op_of(case)]
    else:
        steps = variegate_peer.pipeline_steps(case.name, case.arguments)
    pipeline = Pipeline(steps, seed=0, classes=10, engine=engine, threads=1)
    mixes = {"labels": inputs.labels(case.batch)} if pipeline.mixes_labels else {}
    return lambda: pipeline(images=images, **mixes)["images"]


def clock(device: Any) -> float:
    """Seconds: of this process's processor time on a CPU, so that other programs count little; of
    the wall on a GPU whose work is done.
    """
    if device.type == "cpu":
        return time.process_time()
    import torch

    torch.cuda.synchronize(device)
    return time.perf_counter()


def timed(calls: dict[str, Callable[[], Any]], device: Any, limit: float) -> dict[str, list[float]]:
    """Seconds of each call, round by round in turn, at least LEAST rounds and until `limit`
    seconds are over.
    """
    seconds: dict[str, list[float]] = {name: [] for name in calls}
    for call in calls.values():
        call()
    begin = time.perf_counter()
    while len(next(iter(seconds.values()))) < MOST:
        for name, call in calls.items():
            start = clock(device)
            call()
            seconds[name].append(clock(device) - start)
        rounds = len(next(iter(seconds.values())))
        if rounds >= LEAST and time.perf_counter() - begin > limit:
            break
    return seconds


def weight(value: Any) -> int:
    """Bytes of a tensor, an array or a list of them."""
    if isinstance(value, (list, tuple)):
        return sum(weight(item) for item in value)
    return int(value.nbytes)


def measured(case: Any, device: Any, limit: float) -> dict[str, Any]:
    """Images a second of each, and the share of a copy's speed."""
    import torch

    from variegate.bench.peers import inputs, kornia_peer

    array = inputs.of(case)
    whole = torch.from_numpy(array).to(device)
    floats = whole.to(torch.float32) / 255
    calls = {
        "uint8": ours(case, whole, "torch"),
        "float32": ours(case, floats, "torch"),
        "kornia": kornia_peer.MAKERS[case.kind](case).call,
        "copy uint8": whole.clone,
        "copy float32": floats.clone,
    }
    if device.type == "cpu":
        calls["native"] = ours(case, array, "native")
    seconds = timed(calls, device, limit)
    median = {name: statistics.median(own) for name, own in seconds.items()}
    speed = {
        name: 2 * own.nbytes / median[f"copy {name}"]
        for name, own in (("uint8", whole), ("float32", floats))
    }
    speed["kornia"] = speed["float32"]
    given = {"uint8": whole, "float32": floats, "kornia": floats}
    share = {
        name: (own.nbytes + weight(calls[name]())) / median[name] / speed[name]
        for name, own in given.items()
    }
    return {
        "case": case.id,
        "rounds": len(seconds["uint8"]),
        "images_per_second": {
            name: case.batch / own for name, own in median.items() if not name.startswith("copy")
        },
        "share_of_copy": share,
        "copy_bytes_per_second": speed,
    }


def table(results: list[dict[str, Any]]) -> str:
    """As Markdown."""
    lines = [" | ".join(("| case", *HEADS, "native, uint8 |")), "|---" * (len(HEADS) + 2) + "|"]
    for own in results:
        speed, share = own["images_per_second"], own["share_of_copy"]
        ratio = [speed[name] / speed["kornia"] for name in ("uint8", "float32")]
        shares = ", ".join(f"{100 * share[n]:.1f} %" for n in ("uint8", "float32", "kornia"))
        native = f"{speed['native']:,.0f}" if "native" in speed else ""
        lines.append(
            f"| {own['case'].split('/')[1]} | {speed['uint8']:,.0f} | {speed['float32']:,.0f} "
            f"| {speed['kornia']:,.0f} | {ratio[0]:.2f} | {ratio[1]:.2f} | {shares} | {native} |"
        )
    return "\n".join(lines)


def main() -> None:
    """Times what was asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--site", default="", help="a folder of packages that has Kornia")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--size", type=int, default=224)
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--seconds", type=float, default=6.0, help="for each case, at most")
    parser.add_argument("--only", nargs="*", default=[])
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    if options.site:
        sys.path.append(options.site)
    os.environ["VARIEGATE_DEVICE"] = options.device
    import torch

    device = torch.device(options.device)
    torch.set_num_threads(1)
    chosen = cases(options.size, options.batch)
    if options.only:
        chosen = [case for case in chosen if case.name in options.only]
    results = []
    for case in chosen:
        try:
            results.append(measured(case, device, options.seconds))
        except Exception as error:  # a case that fails is told, the others go on
            print(f"{case.id}: {type(error).__name__}: {error}", file=sys.stderr, flush=True)
            continue
        print(table(results[-1:]).splitlines()[-1], flush=True)
    if options.out:
        results = merged(options.out, results)
        from variegate.bench.peers import kornia_peer

        on = torch.cuda.get_device_name(device) if device.type == "cuda" else "cpu"
        head = {"device": on, "threads": torch.get_num_threads(), **kornia_peer.versions()}
        options.out.write_text(json.dumps({**head, "results": results}, indent=1) + "\n")
    print("\n" + table(results))


def merged(path: Path, results: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Results among those that a file has already, in the order of the cases."""
    before = json.loads(path.read_text())["results"] if path.exists() else []
    known = {own["case"]: own for own in [*before, *results]}
    order = [*OPS, *PIPELINES]
    return sorted(known.values(), key=lambda own: order.index(own["case"].split("/")[1]))


if __name__ == "__main__":
    main()
