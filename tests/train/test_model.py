"""The child model: any size and channel count, weights from its own generator."""

from __future__ import annotations

import pytest
import torch

from variegate.errors import InputError
from variegate.train.model import build_model


@pytest.mark.parametrize("size", [(8, 8), (17, 9), (28, 28), (32, 32), (64, 48), (96, 96)])
@pytest.mark.parametrize("channels", [1, 3, 16])
@pytest.mark.parametrize("kind", ["residual", "lenet"])
def test_logits_for_every_size(kind: str, size: tuple[int, int], channels: int) -> None:
    seeded = torch.Generator().manual_seed(0)
    model = build_model(size, channels, 5, width=8, generator=seeded, kind=kind)
    logits = model(torch.zeros(2, channels, *size))
    assert logits.shape == (2, 5)
    assert logits.dtype == torch.float32


def multiplications(side: int, kind: str = "residual") -> int:
    generator = torch.Generator()
    model = build_model((side, side), 3, 10, width=8, generator=generator, kind=kind).eval()
    total = []

    def count(module: torch.nn.Conv2d, _: object, out: torch.Tensor) -> None:
        total.append(out.numel() * module.weight[0].numel())

    for module in model.modules():
        if isinstance(module, torch.nn.Conv2d):
            module.register_forward_hook(count)
    model(torch.zeros(1, 3, side, side))
    return sum(total)


def test_the_cost_stays_bounded() -> None:
    """A 224x224 image has 64 times the pixels of a 28x28 one and costs at most 10 times as much."""
    assert multiplications(224) <= 10 * multiplications(28)


def test_the_small_net_does_a_sixth_of_the_work() -> None:
    assert 6 * multiplications(28, "lenet") < multiplications(28)


def test_weights_come_from_the_generator_alone() -> None:
    before = torch.get_rng_state()
    models = [
        build_model((8, 8), 1, 10, width=8, generator=torch.Generator().manual_seed(seed))
        for seed in (3, 3, 4)
    ]
    first, same, other = (m.stages[0][0].weight for m in models)
    assert torch.equal(first, same)
    assert not torch.equal(first, other)
    assert torch.equal(torch.get_rng_state(), before)


def test_refusals() -> None:
    for size, channels, classes in [((3, 8), 1, 2), ((8, 8), 17, 2), ((8, 8), 1, 1)]:
        with pytest.raises(InputError, match="expected"):
            build_model(size, channels, classes, width=8, generator=torch.Generator())
