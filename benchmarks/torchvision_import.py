"""torchvision beside a torch of another build."""

from __future__ import annotations

import torch

KEPT: list[object] = []  # a library that is freed takes its operators along


def import_torchvision() -> None:
    """Imports torchvision. Beside a torch of another build its C++ part is missing, and with it two
    operators that its import asks for; no transform or data set calls them.
    """
    try:
        import torchvision
    except RuntimeError:
        library = torch.library.Library("torchvision", "FRAGMENT")
        for name in ("nms", "qnms"):
            library.define(f"{name}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
        KEPT.append(library)
        import torchvision
    assert torchvision.__version__
