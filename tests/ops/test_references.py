"""Histogram matching against scikit-image, Fourier domain adaptation and FancyPCA against NumPy."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from skimage.exposure import match_histograms

import variegate as vg
from variegate.plan.plan import Plan
from variegate.policy.nodes import Step
from variegate.testing import engines

pytestmark = pytest.mark.parametrize("engine", engines())


def pictures(count: int, size: tuple[int, int] = (40, 56), channels: int = 3) -> np.ndarray:
    """Waves and noise, each of its own range of levels."""
    seed = np.random.default_rng(7)
    y, x = np.mgrid[: size[0], : size[1]]
    out = np.empty((count, *size, channels), dtype=np.uint8)
    for i in range(count):
        for k in range(channels):
            a, b = seed.uniform(0.02, 0.3, 2)
            low, high = np.sort(seed.integers(0, 256, 2))
            wave = 0.5 + 0.4 * np.sin(a * y + b * x) + seed.normal(0, 0.05, size)
            out[i, ..., k] = np.clip(low + (high - low + 20) * wave, 0, 255)
    return out


def run(engine: str, step: Step, images: Any) -> np.ndarray:
    aug = vg.Pipeline([step], seed=9, engine=engine)
    return np.asarray(aug(images=images, index=range(len(images)))["images"])


@pytest.mark.parametrize("ratio", [0.0, 0.4, 1.0])
@pytest.mark.parametrize("channels", [1, 3, 5])
def test_matched_histograms_are_scikit_image_s(engine: str, ratio: float, channels: int) -> None:
    images, reference = pictures(3, channels=channels), pictures(4, (33, 29), channels)[3]
    step = vg.HistogramMatching(reference_images=[reference], blend_ratio=(ratio, ratio))
    whole = run(engine, step, images)
    floats = run(engine, step, (images / 255).astype(np.float32)) * 255.0
    for place, image in enumerate(images):
        matched = match_histograms(
            image.astype(np.float64), reference.astype(np.float64), channel_axis=2
        )
        expected = image + ratio * (matched - image)
        assert np.abs(whole[place] - expected).max() <= 0.5 + 1e-9
        assert np.abs(floats[place] - expected).max() < 1e-3


def test_a_float_reference_and_a_gray_one_serve(engine: str) -> None:
    images, reference = pictures(2), pictures(1, channels=1)[0]
    forms = [reference, reference[..., 0], (reference / 255).astype(np.float32)]
    outs = [
        run(engine, vg.HistogramMatching(reference_images=[r], blend_ratio=(1, 1)), images)
        for r in forms
    ]
    assert np.array_equal(outs[0], outs[1])
    assert np.array_equal(outs[0], outs[2])
    assert len({int(np.median(outs[0][..., k])) for k in range(3)}) == 1


def test_every_reference_is_drawn(engine: str) -> None:
    levels = (10, 90, 200)
    references = [np.full((8, 8), level, dtype=np.uint8) for level in levels]
    step = vg.HistogramMatching(reference_images=references, blend_ratio=(1, 1))
    out = run(engine, step, pictures(60, (8, 9)))
    found = {int(own.max()) for own in out}
    assert found == set(levels)
    assert np.all(out == out[:, :1, :1, :1])


def test_references_of_other_channels_are_refused_by_name(engine: str) -> None:
    aug = vg.Pipeline(
        [vg.HistogramMatching(reference_images=[pictures(1, channels=4)[0]])], engine=engine
    )
    with pytest.raises(vg.PolicyError, match="references of 4 channels, images of 3"):
        aug(images=pictures(2))


@pytest.mark.parametrize("name", ["HistogramMatching", "FDA"])
def test_steps_with_references_are_data(engine: str, name: str) -> None:
    images, reference = pictures(3), pictures(1, (70, 67))[0]
    step = Step(name, {"reference_images": [reference]})
    policy = vg.Policy([step])
    text = json.dumps(policy.to_dict())
    again = vg.Policy.from_dict(json.loads(text))
    assert again == policy
    assert len(text) < 120_000
    aug, other = (vg.Pipeline(p, seed=1, engine=engine) for p in (policy, again))
    out = aug(images=images, index=range(3))["images"]
    assert out.tobytes() == other(images=images, index=range(3))["images"].tobytes()
    plan = Plan.from_dict(json.loads(aug.draw(images=images, index=range(3)).to_json()))
    assert out.tobytes() == aug.apply(plan, images=images)["images"].tobytes()


@pytest.mark.parametrize("name", ["HistogramMatching", "FDA"])
@pytest.mark.parametrize(
    "value",
    [
        [],
        None,
        "picture.png",
        [np.zeros((4, 4), dtype=np.int64)],
        [np.full((4, 4), 1.5, dtype=np.float32)],
        [np.full((4, 4), np.nan, dtype=np.float32)],
        [np.zeros((0, 4), dtype=np.uint8)],
        [[[1, 2, 3]]],
        [[[-1] * 256]],
        [[[0] * 256]],
    ],
)
def test_what_is_no_reference_is_refused(engine: str, name: str, value: Any) -> None:
    with pytest.raises(vg.PolicyError, match=f"{name}.reference_images: expected a list of images"):
        Step(name, {"reference_images": value})


def adapted(image: np.ndarray, reference: np.ndarray, beta: float) -> np.ndarray:
    """The published recipe: shifted spectra, and a square of the middle from the reference."""
    out = np.empty(image.shape)
    height, width = image.shape[:2]
    band = int(np.floor(beta * min(height, width)))
    y, x = height // 2, width // 2
    square = (slice(y - band, y + band + 1), slice(x - band, x + band + 1))
    for k in range(image.shape[2]):
        own = np.fft.fftshift(np.fft.fft2(image[..., k].astype(np.float64)))
        other = np.fft.fftshift(np.fft.fft2(reference[..., k].astype(np.float64)))
        size, phase = np.abs(own), np.angle(own)
        size[square] = np.abs(other)[square]
        out[..., k] = np.fft.ifft2(np.fft.ifftshift(size * np.exp(1j * phase))).real
    return np.clip(out, 0, 255)


@pytest.mark.parametrize(("beta", "size"), [(0.01, (40, 56)), (0.1, (41, 57)), (0.2, (64, 30))])
def test_low_frequencies_are_exchanged_as_published(
    engine: str, beta: float, size: tuple[int, int]
) -> None:
    images, reference = pictures(3, size), pictures(4, size)[3]
    step = vg.FDA(reference_images=[reference], beta=(beta, beta))
    whole = run(engine, step, images)
    floats = run(engine, step, (images / 255).astype(np.float32)) * 255.0
    for place, image in enumerate(images):
        expected = adapted(image, reference, beta)
        assert np.abs(whole[place] - expected).max() <= 0.51
        assert np.abs(floats[place] - expected).max() < 0.01
    assert np.abs(whole - images.astype(float)).mean() > 2


def test_an_image_keeps_itself_as_its_own_reference(engine: str) -> None:
    image = pictures(1, (80, 90))
    for beta in (0.0, 0.05, 0.3):
        step = vg.FDA(reference_images=[image[0]], beta=(beta, beta))
        assert np.abs(run(engine, step, image) - image.astype(int)).max() <= 1
    assert np.array_equal(
        run(engine, vg.FDA(reference_images=[image[0]], beta=(0, 0)), image), image
    )


def test_flat_images_take_the_mean_alone(engine: str) -> None:
    images = np.full((1, 20, 20, 1), 100, dtype=np.uint8)
    step = vg.FDA(reference_images=[pictures(1, (70, 70), 1)[0]], beta=(0.2, 0.2))
    mean = pictures(1, (70, 70), 1)[0].mean()
    assert np.abs(run(engine, step, images) - mean).max() <= 0.51


@pytest.mark.parametrize("channels", [1, 3, 4])
def test_colors_move_along_their_own_axes(engine: str, channels: int) -> None:
    images = (pictures(3, channels=channels) / 510 + 0.25).astype(np.float32)
    aug = vg.Pipeline([vg.FancyPCA(alpha=(1, 1))], seed=5, engine=engine)
    plan = aug.draw(images=images, index=range(3))
    values = plan.records[0].values
    normal = np.sqrt(-2 * np.log(1 - values["radius"])) * np.cos(2 * np.pi * values["turn"])
    out = aug.apply(plan, images=images)["images"].astype(np.float64)
    for place, image in enumerate(images.astype(np.float64)):
        color = image[..., : min(channels, 3)].reshape(-1, min(channels, 3))
        variances, axes = np.linalg.eigh(np.cov(color.T, bias=True).reshape(color.shape[1], -1))
        expected = np.zeros(channels)
        for i, place_of in enumerate(np.argsort(-variances)):
            axis = axes[:, place_of] * np.sign(axes[np.abs(axes[:, place_of]).argmax(), place_of])
            expected[: color.shape[1]] += normal[place, i] * variances[place_of] * axis
        moved = out[place] - image
        assert np.abs(moved - expected).max() < 1e-6
        assert np.abs(expected).max() > 1e-4
