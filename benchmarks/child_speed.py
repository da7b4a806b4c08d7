"""Where the time of a small training goes, and whether several side by side are faster.

    python benchmarks/child_speed.py [digits DATA ...]
    python benchmarks/child_speed.py --side-by-side [--nets 2] [--side 8] [--rounds 30]

The first times trainings under TrivialAugment, with batches that share a call of the pipeline and
with a call for each. The second times one step of several nets: separately, as grouped
convolutions, and by vmap over stacked weights, in processor time, of which the least round counts.
"""

from __future__ import annotations

import argparse
import copy
import time
from collections.abc import Callable
from typing import Any

import torch
from torch import nn
from torch.func import functional_call, grad, stack_module_state, vmap
from torch.nn import functional

import variegate as vg
from variegate.train import TrainSettings, feed, train_model
from variegate.train.model import build_model


def shares(source: str, epochs: int) -> None:
    """Print the share of augmentation, both ways."""
    size = None if source == "digits" else (32, 32)
    train = vg.split(vg.load(source, size=size), seed=0, train_per_class=20).train
    settings = TrainSettings.for_data(train, threads=1)
    policy = vg.Policy((vg.TrivialAugment(),))
    for name, images in (("a call for each batch", 1), ("batches share a call", 512)):
        feed.CALL_IMAGES = images
        seconds = train_model(train, policy, epochs=epochs, seed=0, settings=settings).seconds
        share = seconds["augment"] / seconds["total"]
        print(f"{source}: {name}: {100 * share:.1f} % of {seconds['total']:.2f} s is augmentation")


class Grouped(nn.Module):
    """Several nets as one with grouped convolutions."""

    def __init__(self, net: nn.Module, count: int) -> None:
        super().__init__()
        self.net, self.count = copy.deepcopy(net), count
        self._widen(self.net)
        features = self.net.head.in_features
        self.head = nn.Parameter(torch.zeros(count, features, 10))
        self.net.head = nn.Identity()

    def _widen(self, module: nn.Module) -> None:
        for name, child in list(module.named_children()):
            if isinstance(child, nn.Conv2d):
                wide = nn.Conv2d(
                    child.in_channels * self.count,
                    child.out_channels * self.count,
                    child.kernel_size,
                    child.stride,
                    child.padding,
                    groups=self.count,
                    bias=False,
                )
                setattr(module, name, wide)
            elif isinstance(child, nn.BatchNorm2d):
                setattr(module, name, nn.BatchNorm2d(child.num_features * self.count))
            else:
                self._widen(child)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Logits (nets, n, classes)."""
        found = self.net(images)
        return torch.bmm(found.view(len(found), self.count, -1).transpose(0, 1), self.head)


def stacked(nets: list[nn.Module], images: list[torch.Tensor], labels: list[torch.Tensor]) -> Any:
    """One step of all nets by vmap; batch norm without running statistics."""
    for net in nets:
        for module in net.modules():
            if isinstance(module, nn.BatchNorm2d):
                module.track_running_stats = False
                module.running_mean = module.running_var = module.num_batches_tracked = None
            if isinstance(module, nn.ReLU):
                module.inplace = False
    base = nets[0]
    weights, buffers = stack_module_state(nets)

    def loss(own: Any, rest: Any, x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        return functional.cross_entropy(functional_call(base, (own, rest), (x,)), y)

    step, x, y = vmap(grad(loss)), torch.stack(images), torch.stack(labels)
    return lambda: step(weights, buffers, x, y)


def side_by_side(count: int, side: int, rounds: int) -> None:
    """Print milliseconds a net and step of each way."""
    torch.set_num_threads(1)
    seeds = [torch.Generator().manual_seed(i) for i in range(count)]
    make = lambda seed: build_model((side, side), 1, 10, width=32, generator=seed).train()  # noqa: E731
    nets = [make(seed) for seed in seeds]
    images = [torch.rand(32, 1, side, side, generator=seed) for seed in seeds]
    labels = [torch.randint(0, 10, (32,), generator=seed) for seed in seeds]
    wide = Grouped(nets[0], count).to(memory_format=torch.channels_last).train()
    joined = torch.cat(images, 1).contiguous(memory_format=torch.channels_last)

    def separate() -> None:
        for net, x, y in zip(nets, images, labels, strict=True):
            net.zero_grad(set_to_none=True)
            functional.cross_entropy(net(x), y).backward()

    def grouped() -> None:
        wide.zero_grad(set_to_none=True)
        logits = wide(joined).reshape(-1, 10)
        functional.cross_entropy(logits, torch.stack(labels).reshape(-1)).backward()

    ways: dict[str, Callable[[], object]] = {
        "separate": separate,
        "grouped": grouped,
        "vmap": stacked([copy.deepcopy(net) for net in nets], images, labels),
    }
    times: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(rounds):
        for name, way in ways.items():
            start = time.thread_time()
            way()
            times[name].append(1000 * (time.thread_time() - start) / count)
    least = {name: min(values) for name, values in times.items()}
    for name, value in least.items():
        ratio = value / least["separate"]
        print(f"{count} nets, {side} pixels: {name}: {value:.2f} ms a net and step ({ratio:.2f})")


def cli() -> None:
    """Read the options and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", nargs="*", default=["digits"])
    parser.add_argument("--epochs", type=int, default=4)
    parser.add_argument("--side-by-side", action="store_true")
    parser.add_argument("--nets", type=int, default=2)
    parser.add_argument("--side", type=int, default=8)
    parser.add_argument("--rounds", type=int, default=30)
    given = parser.parse_args()
    if given.side_by_side:
        side_by_side(given.nets, given.side, given.rounds)
        return
    for source in given.data:
        shares(source, given.epochs)


if __name__ == "__main__":
    cli()
