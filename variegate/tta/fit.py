"""Which views to take and what each counts, learned on held-out predictions."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from variegate.tta.merge import log_of, softmax

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
TEMPERATURES = np.exp(np.linspace(np.log(0.25), np.log(4.0), 25))
RATE, ROUNDS, PULL = 0.5, 300, 1e-3


@dataclass(frozen=True)
class Fit:
    """What was learned. weights (v,) or (v, classes), summing to 1 over the views; temperature of
    the merged logarithms; loss and accuracy on the second half, `alone` those of the first view.
    kind: greedy, views, classes, or one where the first view alone was at least as good.
    """

    kind: str
    weights: Floats
    temperature: float
    loss: float
    accuracy: float
    alone_loss: float
    alone_accuracy: float


def halves(labels: Ints, seed: int = 0) -> tuple[Ints, Ints]:
    """Two halves of the places, each class divided evenly between them."""
    generator = np.random.Generator(np.random.PCG64(seed))
    order = generator.permutation(len(labels))
    order = order[np.argsort(labels[order], kind="stable")]
    return np.sort(order[0::2]), np.sort(order[1::2])


def calibrated_loss(probabilities: Floats, labels: Ints) -> tuple[float, float]:
    """The mean negative log likelihood at the best of 25 temperatures in 0.25..4, and that one.

    probabilities (n, classes), labels (n,).
    """
    logits = log_of(probabilities)
    rows = np.arange(len(labels))
    losses = [-float(log_of(softmax(logits, t))[rows, labels].mean()) for t in TEMPERATURES]
    best = int(np.argmin(losses))
    return losses[best], float(TEMPERATURES[best])


def greedy(views: Floats, labels: Ints, rounds: int = 20) -> Floats:
    """Weights (v,) by greedy choice with replacement: each round adds the view whose mean with
    those chosen has the best calibrated likelihood (Molchanov et al. 2020); stops where none helps.
    """
    chosen = np.zeros(len(views))
    total, best = np.zeros(views.shape[1:]), np.inf
    for count in range(1, rounds + 1):
        losses = [calibrated_loss((total + own) / count, labels)[0] for own in views]
        place = int(np.argmin(losses))
        if losses[place] >= best - 1e-6:
            break
        best = losses[place]
        chosen[place] += 1
        total = total + views[place]
    return np.asarray(chosen / chosen.sum())


def learned(views: Floats, labels: Ints, per_class: bool) -> Floats:
    """Weights (v,) or (v, classes) of the views' log probabilities, never negative, by gradient
    descent on the likelihood, pulled toward equal weights (after Shanmugam et al. 2021).
    """
    logs = log_of(views)
    count, images, classes = views.shape
    truth = np.zeros((images, classes))
    truth[np.arange(images), labels] = 1
    raw = np.zeros((count, classes if per_class else 1))
    speed = np.zeros_like(raw)
    for _ in range(ROUNDS):
        weights = softmax(raw.T).T
        merged = softmax(np.einsum("vnc,vc->nc", logs, np.broadcast_to(weights, (count, classes))))
        push = np.einsum("nc,vnc->vc", merged - truth, logs) / images
        if not per_class:
            push = push.sum(axis=1, keepdims=True)
        slope = weights * (push - (weights * push).sum(axis=0)) + PULL * raw
        speed = 0.9 * speed + slope
        raw = raw - RATE * speed
    weights = softmax(raw.T).T
    return weights if per_class else weights[:, 0]


def merged_logs(views: Floats, weights: Floats) -> Floats:
    """Probabilities (n, classes): the weighted geometric mean of the views."""
    wide = np.broadcast_to(weights.reshape(len(views), -1), (len(views), views.shape[2]))
    return softmax(np.einsum("vnc,vc->nc", log_of(views), wide))


def merged_mean(views: Floats, weights: Floats) -> Floats:
    """Probabilities (n, classes): the weighted mean of the views."""
    return np.asarray(np.tensordot(weights, views, axes=(0, 0)))


def judged(merged: Floats, labels: Ints, seed: int = 0) -> tuple[float, float]:
    """Loss and accuracy of probabilities (n, classes) on the second half of the images, at the
    temperature that suits the first half best.
    """
    first, second = halves(labels, seed)
    _, temperature = calibrated_loss(merged[first], labels[first])
    return _held_out(softmax(log_of(merged), temperature), second, labels)


def fit_views(views: Floats, labels: Ints, method: str, seed: int = 0) -> Fit:
    """Learns on one half of the images and keeps the result if the other half agrees: there it must
    lose less and be right at least as often as the first view alone, or that one stays.

    views (v, n, classes): probabilities. method: greedy, or weights (per view or per class and
    view, whichever the second half likes better).
    """
    first, second = halves(labels, seed)
    alone = views[0]
    _, alone_t = calibrated_loss(alone[first], labels[first])
    base = _held_out(softmax(log_of(alone), alone_t), second, labels)
    only = np.zeros(len(views))
    only[0] = 1.0
    found = [Fit("one", only, alone_t, *base, *base)]
    tried: list[tuple[str, Floats]]
    if method == "greedy":
        tried = [("greedy", greedy(views[:, first], labels[first]))]
    else:
        tried = [
            (name, learned(views[:, first], labels[first], name == "classes"))
            for name in ("views", "classes")
        ]
    for name, weights in tried:
        merged = merged_mean(views, weights) if name == "greedy" else merged_logs(views, weights)
        _, temperature = calibrated_loss(merged[first], labels[first])
        loss, accuracy = _held_out(softmax(log_of(merged), temperature), second, labels)
        if accuracy >= base[1]:
            found.append(Fit(name, weights, temperature, loss, accuracy, *base))
    return min(found, key=lambda fit: fit.loss)


def _held_out(probabilities: Floats, rows: Ints, labels: Ints) -> tuple[float, float]:
    own, right = probabilities[rows], labels[rows]
    loss = -float(log_of(own)[np.arange(len(rows)), right].mean())
    return loss, float((own.argmax(axis=1) == right).mean())
