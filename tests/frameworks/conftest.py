"""Adapters on their real frameworks: `make test-adapters` installs these and runs this folder.

The default run leaves the folder out (`norecursedirs`): the frameworks take more than 2 GB.
"""

from __future__ import annotations

import os

import pytest

from benchmarks.torchvision_import import import_torchvision

# Read once by each framework, when it is imported first. Nothing here may ask the network.
for name, value in {
    "CUDA_VISIBLE_DEVICES": "",
    "HF_DATASETS_OFFLINE": "1",
    "HF_HUB_OFFLINE": "1",
    "JAX_PLATFORMS": "cpu",
    "KERAS_BACKEND": "tensorflow",
    "NO_GCE_CHECK": "true",
    "TF_CPP_MIN_LOG_LEVEL": "3",
}.items():
    os.environ.setdefault(name, value)


def pytest_configure(config: pytest.Config) -> None:
    """The frameworks warn about each other; what variegate warns about is an error here too."""
    config.addinivalue_line("filterwarnings", "ignore")
    config.addinivalue_line("filterwarnings", r"error:::variegate(\..*)?")
    import_torchvision()
