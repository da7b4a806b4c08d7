"""AutoAugment's controller: probabilities, gradients, and a planted problem."""

from __future__ import annotations

import itertools
from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pytest

from variegate.search import controller as c

SMALL = c.Recipe(kinds=(3, 2), steps=2, units=4, entropy=0.01)
Ints = npt.NDArray[np.int64]


def every_row(recipe: c.Recipe) -> Ints:
    sizes = list(recipe.kinds) * recipe.steps
    return np.array(list(itertools.product(*(range(size) for size in sizes))))


def test_the_probabilities_of_all_policies_sum_to_one() -> None:
    rows = every_row(SMALL)
    trace = c.forward(c.Controller(SMALL, 3).weights, SMALL, rows)
    whole = np.exp(c.log_probabilities(trace, rows).sum(axis=1))
    assert len(rows) == 36
    assert whole.sum() == pytest.approx(1.0, abs=1e-12)
    assert whole.min() > 0


def test_draws_follow_the_probabilities() -> None:
    controller = c.Controller(replace(SMALL, units=8), 1)
    controller.weights["head bias 0"][:] = [1.0, 0.0, -1.0]
    rows = every_row(SMALL)
    trace = c.forward(controller.weights, controller.recipe, rows)
    expected = np.exp(c.log_probabilities(trace, rows).sum(axis=1))
    drawn = controller.draw(20_000, seed=5)
    places = np.ravel_multi_index(tuple(drawn.T), list(SMALL.kinds) * SMALL.steps)
    counts = np.bincount(places, minlength=len(rows))
    chi = ((counts - 20_000 * expected) ** 2 / (20_000 * expected)).sum()
    assert chi < 66.6, "the 0.1 % point of chi-square with 35 degrees of freedom"


@pytest.mark.parametrize("seed", [0, 1])
def test_slopes_equal_finite_differences(seed: int) -> None:
    generator = np.random.default_rng(seed)
    controller = c.Controller(SMALL, seed)
    for name in controller.weights:
        controller.weights[name] *= 8  # far from the linear middle of the gates
    tokens = controller.draw(5, seed)
    advantage = generator.normal(size=5)
    now = c.log_probabilities(c.forward(controller.weights, SMALL, tokens), tokens)
    # Ratios on both sides of the clip and inside it, none at its corner.
    before = now + generator.choice([-0.5, -0.1, 0.1, 0.5], now.shape)

    def value() -> float:
        trace = c.forward(controller.weights, SMALL, tokens)
        return c.objective_and_slope(trace, tokens, before, advantage, SMALL)[0]

    trace = c.forward(controller.weights, SMALL, tokens)
    _, slopes = c.objective_and_slope(trace, tokens, before, advantage, SMALL)
    found = c.gradients(controller.weights, SMALL, trace, tokens, slopes)
    for name, weight in controller.weights.items():
        for place in generator.choice(weight.size, min(6, weight.size), replace=False):
            at, step = np.unravel_index(place, weight.shape), 1e-5
            kept = weight[at]
            weight[at] = kept + step
            high = value()
            weight[at] = kept - step
            low = value()
            weight[at] = kept
            expected = (high - low) / (2 * step)
            assert found[name][at] == pytest.approx(expected, rel=1e-5, abs=1e-8), name


def test_the_baseline_is_a_moving_average_of_rewards() -> None:
    controller = c.Controller(SMALL, 0)
    tokens = controller.draw(2, 0)
    controller.learn(tokens, np.array([0.4, 0.8]))
    # Starts at the batch's mean, 0.6: 0.6 -> 0.95 * 0.6 + 0.05 * 0.4 = 0.59 -> 0.6005.
    assert controller.baseline == pytest.approx(0.6005)


def planted(tokens: Ints) -> npt.NDArray[np.float64]:
    """A reward with one best op (3), probability (8 of 10) and magnitude (6 of 9)."""
    steps = tokens.reshape(len(tokens), -1, 3)
    near = 0.3 * (1 - abs(steps[..., 1] - 8) / 10) + 0.3 * (1 - abs(steps[..., 2] - 6) / 9)
    return np.asarray(((steps[..., 0] == 3) * (0.4 + near)).mean(axis=1))


def test_it_beats_random_search_on_a_planted_problem() -> None:
    """At 300 policies of two ops each, over 20 seeds: the mean best reward is 0.15 higher."""
    recipe = c.Recipe(steps=2, units=32, rate=0.003)
    taught, lucky = [], []
    for seed in range(20):
        controller, best = c.Controller(recipe, seed), 0.0
        for update in range(30):
            tokens = controller.draw(recipe.batch, 1000 * seed + update)
            rewards = planted(tokens)
            controller.learn(tokens, rewards)
            best = max(best, float(rewards.max()))
        generator = np.random.default_rng(seed)
        columns = [generator.integers(0, size, (300, 2)) for size in recipe.kinds]
        luck = np.stack(columns, axis=2).reshape(300, 6)
        taught.append(best)
        lucky.append(float(planted(luck).max()))
    gain = np.array(taught) - np.array(lucky)
    assert gain.mean() > 0.15, (np.mean(taught), np.mean(lucky))
    assert (gain > 0).sum() >= 17


def test_the_published_recipe() -> None:
    recipe = c.Recipe()
    assert (recipe.length, recipe.units, recipe.rate) == (30, 100, 0.00035)
    assert (recipe.entropy, recipe.decay) == (0.00001, 0.95)
    weights = c.Controller(recipe, 0).weights
    assert all(abs(value).max() <= 0.1 for value in weights.values())
    assert weights["lstm"].shape == (200, 400)
