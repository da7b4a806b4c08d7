"""Runs the cases in Albumentations 2.0.8, in its own environment: IMAGE.npy FOLDER [NAME ...]."""

from __future__ import annotations

import json
import sys
import warnings
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).parent))
import albumentations as A
from albumentations_cases import CASES, key, measured


def main(source: str, out: str, *names: str) -> None:
    """One JSON file of what is known, and one .npy file for each output."""
    warnings.simplefilter("ignore")
    image = np.load(source)
    folder = Path(out)
    found: dict[str, Any] = {"version": A.__version__, "numpy": np.__version__, "cases": {}}
    for number, case in enumerate(CASES):
        if names and case.name not in names:
            continue
        try:
            made = A.Compose([getattr(A, case.name)(**case.arguments, p=1)], seed=7)
            more = {**case.targets, **case.theirs}
            side = measured(case, lambda x, made=made, m=more: made(image=x, **m)["image"], image)
        except Exception as error:  # the table says so
            side = {"error": f"{type(error).__name__}: {error}"}
        if "image" in side:
            np.save(folder / f"{number}.npy", side.pop("image"))
            side["file"] = f"{number}.npy"
        found["cases"][key(case)] = side
    (folder / "found.json").write_text(json.dumps(found))


if __name__ == "__main__":
    main(*sys.argv[1:])
