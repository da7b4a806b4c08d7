"""Two processes train one net on digits with DistributedDataParallel, on the CPU.

    python examples/torch_ddp.py --epochs 3

A sample's augmentation depends on the seed, the epoch and its index, so it is the same whichever
process loads it; with --digest FILE each process writes what it has loaded.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
from pathlib import Path
from typing import Any

import torch
import torch.distributed as dist
from torch import nn
from torch.nn.parallel import DistributedDataParallel
from torch.utils.data import DataLoader
from torch.utils.data.distributed import DistributedSampler

import variegate as vg
from variegate.adapters.torch import Dataset

CLASSES = 10


class Digits:
    """Handwritten digits as (image, label)."""

    def __init__(self, count: int) -> None:
        digits = vg.load("digits")
        self.images, self.labels = digits.images[:count], digits.labels[:count]

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, index: int) -> tuple[Any, int]:
        return self.images[index], int(self.labels[index])


def net() -> nn.Module:
    """A small net for 8x8 images."""
    return nn.Sequential(
        nn.Conv2d(1, 16, 3, padding=1),
        nn.ReLU(),
        nn.Conv2d(16, 32, 3, stride=2, padding=1),
        nn.ReLU(),
        nn.Flatten(),
        nn.Linear(32 * 16, CLASSES),
    )


def train(rank: int, world: int, options: argparse.Namespace) -> None:
    """One process of the training."""
    address = {"init_method": f"file://{options.meeting}", "rank": rank, "world_size": world}
    dist.init_process_group("gloo", **address)
    torch.set_num_threads(1)
    pipeline = vg.Pipeline(
        [vg.RandAugment(num_ops=2, magnitude=0.3), vg.Normalize(mean=(0.3,), std=(0.4,))], seed=1
    )
    data = Dataset(Digits(options.samples), pipeline)
    sampler: DistributedSampler[Any] = DistributedSampler(data, seed=1)
    loader = DataLoader(data, batch_size=32, sampler=sampler, num_workers=options.workers)
    torch.manual_seed(0)
    model = DistributedDataParallel(net())
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
    seen: dict[str, str] = {}
    for epoch in range(options.epochs):
        sampler.set_epoch(epoch)
        data.set_epoch(epoch)
        total = torch.zeros(2)
        indices = iter(list(sampler))
        for images, labels in loader:
            loss = nn.functional.cross_entropy(model(images), labels)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            total += torch.tensor([loss.item() * len(labels), len(labels)])
            for image in images:
                seen[f"{epoch}/{next(indices)}"] = digest(image)
        dist.all_reduce(total)
        if rank == 0:
            print(f"epoch {epoch}: loss {total[0] / total[1]:.3f}", flush=True)
    if options.digest:
        Path(f"{options.digest}.{rank}").write_text(json.dumps(seen), encoding="utf-8")
    dist.destroy_process_group()


def digest(image: torch.Tensor) -> str:
    """Of an image's bytes."""
    return hashlib.sha256(image.contiguous().numpy().tobytes()).hexdigest()


def main() -> None:
    """Starts the processes."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument("--samples", type=int, default=1200)
    parser.add_argument("--workers", type=int, default=0)
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--start", choices=("spawn", "fork"), default="spawn")
    parser.add_argument("--digest", default="")
    options = parser.parse_args()
    options.meeting = str(Path(f"ddp-{os.getpid()}").absolute())
    torch.multiprocessing.start_processes(
        train, (options.processes, options), options.processes, start_method=options.start
    )
    Path(options.meeting).unlink(missing_ok=True)


if __name__ == "__main__":
    main()
