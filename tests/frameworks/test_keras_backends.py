"""The tests of the Keras layers on the other backends, and the example: each in its own process."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import keras
import pytest

ROOT = Path(__file__).parents[2]
OTHERS = [b for b in ("tensorflow", "jax", "torch") if b != keras.backend.backend()]
FILES = [f"tests/frameworks/test_keras_{name}.py" for name in ("layers", "tf_data", "dataset")]


def run(*command: str, backend: str = "tensorflow") -> str:
    """What a Python process prints; it must end well."""
    done = subprocess.run(
        [sys.executable, *command],
        cwd=ROOT,
        env={**os.environ, "KERAS_BACKEND": backend},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    return done.stdout


@pytest.mark.parametrize("backend", OTHERS)
def test_the_same_on(backend: str) -> None:
    told = run("-m", "pytest", "-q", "-p", "no:cacheprovider", *FILES, backend=backend)
    assert " passed" in told
    assert "skipped" not in told


def test_the_guide_runs_with_its_import_changed(tmp_path: Path) -> None:
    short = ["--size", "32", "--batch", "8", "--steps", "2", "--model", "MobileNetV2"]
    told = run("examples/keras_flowers.py", *short, "--pictures", str(tmp_path))
    assert "val_accuracy" in told
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "keras-before-augmentation.jpg",
        "keras-custom-pipeline.jpg",
        "keras-cutmix-and-mixup.jpg",
        "keras-randaugment.jpg",
    ]
