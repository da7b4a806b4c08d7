"""Adapters on their real frameworks: `make test-adapters` installs these and runs this folder.

The default run leaves the folder out (`norecursedirs`): the frameworks take more than 2 GB.
"""

from __future__ import annotations

import os

import pytest

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
    _import_torchvision()


def _import_torchvision() -> None:
    """Beside a torch of another build torchvision's C++ part is missing, and with it two operators
    that its import asks for. No transform or data set calls them.
    """
    import torch

    try:
        import torchvision
    except RuntimeError:
        library = torch.library.Library("torchvision", "FRAGMENT")
        for name in ("nms", "qnms"):
            library.define(f"{name}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
        KEPT.append(library)
        import torchvision  # noqa: F401


KEPT: list[object] = []  # a library that is freed takes its operators along
