"""What exported code does beside the policy it came from: the tables of docs/export.md.

    make test-adapters && .venv-adapters/bin/python -m benchmarks.export_table

Writes benchmarks/results/export.json and the tables. Needs Albumentations 2.0 and torchvision.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import torch
from sklearn.datasets import load_sample_image

import variegate as vg
from benchmarks.torchvision_import import import_torchvision
from variegate.adapters.code import LIBRARIES, to_code
from variegate.ops.registry import names

RESULTS = Path("benchmarks/results/export.json")
PAGE = Path("docs/export.md")
MARKS = ("<!-- tables: python -m benchmarks.export_table -->", "<!-- end of tables -->")
IMAGE = np.ascontiguousarray(load_sample_image("china.jpg")[60:284, 120:376])

# Steps that leave nothing to chance, so that pixels can be compared.
CASES: dict[str, Any] = {
    "AutoContrast": vg.AutoContrast(),
    "Brightness": vg.Brightness(factor=(1.4, 1.4)),
    "CLAHE": vg.CLAHE(clip_limit=(3, 3)),
    "CenterCrop": vg.CenterCrop(size=(120, 100)),
    "Color": vg.Color(factor=(1.5, 1.5)),
    "Contrast": vg.Contrast(factor=(0.6, 0.6)),
    "Crop": vg.Crop(box=(10, 20, 110, 120)),
    "Equalize": vg.Equalize(),
    "Gamma": vg.Gamma(gamma=(1.3, 1.3)),
    "GaussianBlur": vg.GaussianBlur(sigma=(1.5, 1.5)),
    "Grayscale": vg.Grayscale(),
    "HorizontalFlip": vg.HorizontalFlip(),
    "Identity": vg.Identity(),
    "Invert": vg.Invert(),
    "JpegCompression": vg.JpegCompression(quality=(40, 40)),
    "LongestMaxSize": vg.LongestMaxSize(max_size=128),
    "MedianBlur": vg.MedianBlur(radius=(2, 2)),
    "Pad": vg.Pad(padding=(3, 5, 7, 9), border="edge"),
    "PadIfNeeded": vg.PadIfNeeded(size=(300, 300)),
    "Posterize": vg.Posterize(bits=(4, 4)),
    "RGBShift": vg.RGBShift(red=(10, 10), green=(-20, -20), blue=(0, 0)),
    "RandomBrightnessContrast": vg.RandomBrightnessContrast(
        brightness=(0.1, 0.1), contrast=(0.2, 0.2)
    ),
    "Resize": vg.Resize(size=(112, 160)),
    "Rotate": vg.Rotate(angle=(20, 20)),
    "Sharpness": vg.Sharpness(factor=(1.6, 1.6)),
    "ShearX": vg.ShearX(slope=(0.2, 0.2)),
    "ShearY": vg.ShearY(slope=(-0.2, -0.2)),
    "SmallestMaxSize": vg.SmallestMaxSize(max_size=128),
    "Solarize": vg.Solarize(threshold=(128, 128)),
    "Stretch": vg.Stretch(x=(1.2, 1.2), y=(0.9, 0.9)),
    "TranslateX": vg.TranslateX(fraction=(0.125, 0.125)),
    "TranslateY": vg.TranslateY(fraction=(-0.125, -0.125)),
    "Transpose": vg.Transpose(),
    "VerticalFlip": vg.VerticalFlip(),
    "Zoom": vg.Zoom(factor=(1.2, 1.2)),
}

# Needs torchvision's C++ part, which a torch of another build has none of.
# Keras' flips mirror half of the images, always.
NOT_RUN = {
    ("torchvision", "JpegCompression"),
    ("keras", "HorizontalFlip"),
    ("keras", "VerticalFlip"),
}


def known(library: str) -> list[str]:
    """The cases that a library has an equivalent of, and that run here."""
    steps = LIBRARIES[library].steps
    return [op for op in CASES if op in steps and (library, op) not in NOT_RUN]


def run_code(code: str, library: str, image: Any) -> Any:
    """The image (h, w, c) through the `transform` of exported code."""
    room: dict[str, Any] = {}
    exec(compile(code, library, "exec"), room)  # our own text, a line above
    if library == "albumentations":
        return np.asarray(room["transform"](image=image)["image"])
    if library == "keras":
        made = room["transform"](image[None].astype("float32"), training=True)
        return np.asarray(made)[0]
    tensor = torch.from_numpy(np.ascontiguousarray(image)).permute(2, 0, 1)
    return room["transform"](tensor).permute(1, 2, 0).numpy()


def measure(op: str, library: str) -> dict[str, Any] | None:
    """The difference in levels of one case: mean, share of values more than one level off, notes;
    None where the library has no equivalent.
    """
    notes: list[str] = []
    code = to_code(CASES[op], library, report=notes)
    if any(line.startswith("left out") for line in notes):
        return None
    ours = vg.Pipeline(CASES[op], seed=0)(image=IMAGE, index=0)["image"].astype(float)
    theirs = run_code(code, library, IMAGE).astype(float)
    if ours.shape != theirs.shape:
        raise SystemExit(f"{library} {op}: {theirs.shape} there, {ours.shape} here")
    off = np.abs(ours - theirs)
    why = [line.split(": ", 2)[-1] for line in notes]
    return {"mean": round(float(off.mean()), 3), "above_one": float((off > 1).mean()), "why": why}


def table(library: str, rows: dict[str, Any]) -> list[str]:
    """One library's table, and the ops that it has no equivalent of."""
    lines = [
        f"### {library}",
        "",
        "| op | mean difference, levels | values more than one level off | |",
        "|---|---|---|---|",
    ]
    for op, row in rows.items():
        if row is not None:
            share = f"{100 * row['above_one']:.1f} %"
            lines.append(f"| {op} | {row['mean']:.2f} | {share} | {'; '.join(row['why'])} |")
    steps = LIBRARIES[library].steps
    random = sorted(set(steps) - set(rows))
    none = sorted(set(names()) - set(steps))
    chances = "the chances are the same, the draws are not"
    lines += ["", f"Written, and not compared by pixels ({chances}): {', '.join(random)}.", ""]
    why = "as there is no equivalent or none that is near"
    return [*lines, f"Not written, {why}: {', '.join(none)}.", ""]


def main() -> None:
    """Measures all cases and writes the tables."""
    import_torchvision()
    results = {
        library: {op: measure(op, library) for op in known(library)} for library in LIBRARIES
    }
    RESULTS.write_text(json.dumps(results, indent=1) + "\n")
    lines = [line for library, rows in results.items() for line in table(library, rows)]
    page = PAGE.read_text()
    head, rest = page.split(MARKS[0])
    tail = rest.split(MARKS[1])[1]
    PAGE.write_text("\n".join([head + MARKS[0], "", *lines]) + MARKS[1] + tail)


if __name__ == "__main__":
    main()
