"""A TTA as an MLflow model: loaded by MLflow, and answering over HTTP as `models serve` does."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

import mlflow.pyfunc
import numpy as np
import pytest

import variegate as vg
from tests.frameworks.test_onnx import IMAGES, PREPARE, SIZE, write_model
from variegate.adapters.mlflow import save_tta

NAMES = ("ant", "bee", "cow", "dog")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("mlflow")


@pytest.fixture(scope="module")
def tta(folder: Path) -> vg.TTA:
    model = write_model(folder / "model.onnx")
    return vg.TTA(str(model), "flip", prepare=PREPARE, logits=True)


def test_mlflow_loads_and_asks_it(folder: Path, tta: vg.TTA) -> None:
    path = save_tta(tta, tta.model, folder / "plain", size=SIZE)
    loaded = mlflow.pyfunc.load_model(str(path))
    assert np.allclose(loaded.predict(IMAGES), tta(IMAGES))
    assert not list(path.rglob("*.pkl")), "nothing is pickled"
    with pytest.raises(mlflow.exceptions.MlflowException):
        loaded.predict(IMAGES[:, :5])
    with pytest.raises(vg.InputError, match="is there"):
        save_tta(tta, tta.model, folder / "plain", size=SIZE)


def test_models_serve_answers(folder: Path, tta: vg.TTA) -> None:
    path = save_tta(tta, tta.model, folder / "named", size=SIZE, classes=NAMES)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    options = ["--env-manager", "local", "--host", "127.0.0.1", "-p", str(port), "-w", "1"]
    command = [sys.executable, "-m", "mlflow", "models", "serve", "-m", str(path), *options]
    own = str(Path(sys.executable).parent)
    environment = {**os.environ, "PATH": f"{own}:{os.environ['PATH']}"}
    server = subprocess.Popen(command, env=environment, cwd=folder, start_new_session=True)
    try:
        body = json.dumps({"inputs": IMAGES.tolist()}).encode()
        answer = _answer(f"http://127.0.0.1:{port}/invocations", body, server)
    finally:
        os.killpg(server.pid, 15)
        server.wait(30)
    expected = tta(IMAGES)
    predictions = answer["predictions"]
    assert np.allclose(predictions["probabilities"], expected, atol=1e-6)
    assert predictions["classes"] == [NAMES[c] for c in expected.argmax(axis=1)]


def _answer(address: str, body: bytes, server: subprocess.Popen[bytes]) -> dict:
    request = urllib.request.Request(address, body, {"Content-Type": "application/json"})
    until = time.monotonic() + 120
    while True:
        try:
            with urllib.request.urlopen(request, timeout=30) as reply:
                return json.load(reply)
        except urllib.error.URLError:
            assert server.poll() is None, "the server has ended"
            assert time.monotonic() < until, "no answer"
            time.sleep(0.5)
