"""A PyTorch DataLoader over JPEG files, for the libraries that are used inside one."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from . import inputs
from .cases import Case
from .run import Run, load


class Files:
    """A map-style data set: what `read` makes of each path."""

    def __init__(self, paths: list[Path], read: Callable[[str], Any]) -> None:
        self.paths, self.read = paths, read

    def __len__(self) -> int:
        return len(self.paths)

    def __getitem__(self, place: int) -> Any:
        return self.read(str(self.paths[place])), place % 10


def epochs(case: Case, read: Callable[[str], Any], note: str) -> Run:
    """One pass over the files in batches of 64; as many workers as the case has threads, kept
    alive between passes.
    """
    folder = Path(os.environ["VARIEGATE_BENCH_FILES"])
    paths = inputs.jpeg_files(folder, case.batch, case.height, case.width)
    data = load("torch.utils.data")
    loader = data.DataLoader(
        Files(paths, read),
        batch_size=64,
        shuffle=True,
        num_workers=case.threads,
        persistent_workers=True,
    )
    return Run(lambda: sum(len(images) for images, _ in loader), note)
