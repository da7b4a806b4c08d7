"""Small searches and comparisons on digits that the tests share."""

from __future__ import annotations

from pathlib import Path

import pytest

from variegate import workflow

pytest.importorskip("torch", reason="the workflow trains with PyTorch")
pytest.importorskip("optuna", reason="the workflow searches with Optuna")

# Toy-sized: the narrowest net, one epoch, four images a class.
TOY = {"width": 4, "threads": 1, "precision": "float32"}
SMALL = {"train_per_class": 4, "epochs": 1, "settings": TOY}


@pytest.fixture(scope="session")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a search of three trials and a comparison of all arms over two seeds."""
    out = tmp_path_factory.mktemp("run")
    workflow.search("digits", trials=3, method="random", out=out, **SMALL)
    workflow.compare("digits", seeds=2, out=out, **SMALL)
    workflow.report(out)
    return out
