"""What stops each goal of the speed page that is not met: its parts in the same run, and why they
take as long as they do.
"""

from __future__ import annotations

from variegate.bench.goals import Goal, goals, pipeline_id
from variegate.bench.peers.cases import CORES
from variegate.bench.summary import Results

# Instructions a pixel of three bytes, as `python benchmarks/instructions.py` counts them.
WARP = (
    "A bilinear sample is 20 instructions a pixel: its four neighbors are two loads in each of two "
    "rows, wherever they lie, whatever the vectors' width."
)
LEVELS = (
    "Of an op on levels that is no simple formula, 32 bytes are 16 shuffles and 30 other "
    "instructions with AVX2 (4 for every 64 bytes with AVX-512): 4 to 5 copies' time."
)
RAND_AUGMENT = (
    "Brightness", "Contrast", "Color", "Sharpness", "AutoContrast", "Equalize", "Posterize",
    "Solarize", "Rotate", "ShearX", "ShearY", "TranslateX", "TranslateY",
)  # fmt: skip
# A pipeline's parts among the single ops, and how often each is done.
PARTS: dict[str, dict[str, float]] = {
    "RandAugment3": dict.fromkeys(RAND_AUGMENT, 3 / (len(RAND_AUGMENT) + 1)),
    "Classify": {"RandomResizedCrop": 1, "ColorJitter": 1, "Normalize": 1},
    "Geometry": {"Affine": 1, "Brightness": 1, "Contrast": 1},
    "Mix": {"CutMix": 1, "MixUp": 1},
}
PARTS["RandAugment3Mix"] = PARTS["RandAugment3"] | PARTS["Mix"]
WHY = {
    "RandAugment3": WARP,
    "Classify": (
        "The crop is Pillow's two passes in 22 bits. 64 photographs of 500x375 are 36 MB, which no "
        "cache holds: an image reads some 0.3 MB from memory and writes 0.6 MB of floats past the "
        "caches."
    ),
    "Geometry": WARP,
    "Mix": "A result reads two images and writes one, and CutMix runs on both of them.",
    "RandAugment3Mix": WARP,
}
SMALL = (
    "RandAugment3 is 38 instructions a pixel at this size, Geometry 45, Classify 62. Of these a "
    "bilinear sample is 20, a lookup 7, a contrast 6; the rest belongs to an image and not to its "
    "pixels: drawing and lowering (0.4 to 0.7 us, while the other thread works on the images), a "
    "margin around the source, the columns inside the frame, resize weights, tables."
)
# An image's side and the batch of the single ops of that size.
BATCHES = {224: 64, 32: 256}
# By the beginning of the goal's name, and by the library where that matters.
REASONS: dict[tuple[str, str], str] = {
    ("RandAugment of 3 ops", "turboloader"): "Its RandAugment moves no pixels. " + WARP,
    ("RandAugment of 3 ops", ""): WARP,
    ("pointwise pipeline", ""): LEVELS,
    ("lookup table", ""): LEVELS,
    ("bilinear warp", ""): WARP,
    ("cost an image, batches", ""): (
        "Batches of different sizes lie in different caches: 16 images of 128x128 are 0.8 MB, 256 "
        "are 13 MB."
    ),
    ("cost a pixel", ""): (
        "What an image costs besides its pixels shows at 128x128; at 1024x1024 each of the "
        "pipeline's passes goes over 3 MB, which no second cache holds."
    ),
    ("Python's part of an image in a batch of 256", ""): (
        "Drawing, matrices in double precision and a table of 256 levels for each image, lowered "
        "8,192 at once on one thread, take 0.4 to 0.7 us, and the call itself 0.1 us. A round "
        "holds a few such blocks of NumPy calls, which a busy moment lengthens."
    ),
    ("from JPEG files", ""): (
        "The decoding alone is DecodeParts, which simplejpeg does one file a thread; of the rest "
        "the pixels are what Classify takes, and what is left is Python around each file."
    ),
}


def stops(results: Results) -> list[tuple[str, str, str]]:
    """(what, against, what stops it) of every goal that is not met."""
    return [
        (goal.what, goal.against, reason(goal, results))
        for goal in goals(results)
        if goal.met is False
    ]


def reason(goal: Goal, results: Results) -> str:
    """Why a goal is not met; empty where nothing is known."""
    name = goal.what.partition(" at 224")[0]
    if name in PARTS and goal.against.startswith("fastest"):
        return f"{in_parts(name, goal, results)} {WHY[name]}".strip()
    if "single ops" in goal.what:
        return least_ahead(results)
    if goal.what == "Python's part of a call with one image of 2x2":
        return one_call(results)
    if goal.what.startswith("pipelines at 32"):
        return small(goal, results)
    if goal.what.startswith("time beyond decoding"):
        return beyond_decoding(results)
    if goal.what.startswith("geometry with"):
        return with_marks(results)
    for (start, peer), text in REASONS.items():
        if goal.what.startswith(start) and goal.against.startswith(peer):
            return text
    return ""


def small(goal: Goal, results: Results) -> str:
    """Of the pipeline at 32x32 that is least ahead."""
    name = goal.what.rpartition(": ")[2]
    parts = in_parts(name, goal, results, 32) if name in PARTS else ""
    still = "Its RandAugment moves no pixels." if goal.against == "turboloader" else ""
    return " ".join(text for text in (still, parts, SMALL) if text)


def with_marks(results: Results) -> str:
    """What the goal leaves, and what the case takes with one box and with no marks."""
    text = (
        "Boxes, points and masks are read, moved and written by NumPy and C++ calls for the whole "
        "batch, on one thread, while the other works on the images: pixels of masks come from "
        "anywhere, one by one. " + WARP
    )
    case = "annotated/Boxes200/224x224/16"
    other = results.cases[case]["results"].get("albumentations", {}).get("median")
    one = results.seconds("annotated/Boxes1/224x224/16")
    bare = results.seconds(pipeline_id("Geometry", 224))
    if other is None or one is None or bare is None:
        return text
    return (
        f"The goal leaves {1e5 * other:.0f} us for an image. The same with one box takes "
        f"{1e6 * one:.0f}, and without boxes, points and masks (Geometry) {1e6 * bare:.0f}. {text}"
    )


def beyond_decoding(results: Results) -> str:
    """What the pixels alone are of a file's time."""
    text = (
        "Crop, jitter and floats are what Classify takes, and opening a file, its header, the "
        "draws and the hand-over between threads are Python. On these pictures entropy decoding "
        "is most of the work, so that the parts take nearly as long as whole files."
    )
    pixels = results.seconds("pipelines/Classify/375x500/64")
    whole = next((c["id"] for c in results.suite("files") if c["name"] == "Classify"), "")
    file = results.seconds(whole)
    if pixels is None or file is None:
        return text
    share = 100 * pixels / file
    return f"The pixels alone, as the pipeline Classify, are {share:.0f} % of a file's time. {text}"


def in_parts(name: str, goal: Goal, results: Results, side: int = 224) -> str:
    """What the goal leaves for an image on one core, and what the pipeline's parts take alone."""
    peer = goal.against.rpartition(" ")[2]
    case = results.cases[pipeline_id(name, side)]["results"]
    if peer not in case or "median" not in case[peer]:
        return ""
    left = 1e6 * case[peer]["median"] * CORES / goal.target
    times = {op: seconds(results, op, side) for op in PARTS[name]}
    known = {op: 1e6 * time * PARTS[name][op] for op, time in times.items() if time is not None}
    if len(known) < len(times):
        return ""
    most = sorted(known, key=lambda op: -known[op])[:3]
    digits = 0 if left > 20 else 1
    parts = ", ".join(f"{op} {known[op]:.{digits}f}" for op in most)
    return (
        f"The goal leaves {left:.{digits}f} us of one core for an image; the ops alone, one "
        f"thread, take {sum(known.values()):.{digits}f} (most: {parts})."
    )


def one_call(results: Results) -> str:
    """What the least of the rounds took."""
    case = results.cases["limits/Overhead/2x2/1"]["results"]["variegate"]
    return (
        f"The least of the rounds is {1e6 * case['least']:.1f} us: one look at a block that was "
        "drawn ahead, one array for the result, one call into the engine. A round is short, so one "
        "block of 8,192 samples that falls into it, or another's work on the core, shows."
    )


def seconds(results: Results, op: str, side: int = 224) -> float | None:
    """What we take for an image of the op's batch of this side."""
    return results.seconds(f"ops/{op}/{side}x{side}/{BATCHES[side]}")


def least_ahead(results: Results) -> str:
    """The ops that are least ahead of the fastest library."""
    ratios: list[tuple[float, str, str]] = []
    for case in results.suite("ops"):
        if (case["height"], case["batch"] > 1) != (224, True):
            continue
        peer = results.fastest(case["id"])
        ratio = None if peer is None else results.ratio(case["id"], peer)
        if ratio is not None and peer is not None:
            ratios.append((ratio, case["name"], peer))
    lowest = ", ".join(f"{op} {ratio:.2f} ({peer})" for ratio, op, peer in sorted(ratios)[:8])
    return (
        f"Least ahead: {lowest}. Flips, crops, pads and simple levels are one pass over memory, "
        "where no library can be much ahead."
    )
