"""Views that are undone exactly, merges worked by hand, and fits that cannot make things worse."""

from __future__ import annotations

import numpy as np
import pytest

import variegate as vg
from variegate.tta import VIEWS, as_views
from variegate.tta.fit import calibrated_loss, fit_views, greedy, halves, learned
from variegate.tta.merge import merge_classes, merge_maps, merge_points, softmax
from variegate.tta.report import calibration_error

GENERATOR = np.random.default_rng(0)
IMAGES = GENERATOR.integers(0, 256, (5, 24, 30, 3), dtype=np.uint8)


def brightness(batch: np.ndarray) -> np.ndarray:
    """A model that says the same of an image and of its mirror images."""
    light = batch.reshape(len(batch), -1).mean(axis=1) / 255
    return np.stack([light, 1 - light], axis=1)


def corner(batch: np.ndarray) -> np.ndarray:
    """A model that looks at the upper left quarter only."""
    light = batch[:, :12, :15].reshape(len(batch), -1).mean(axis=1) / 255
    return np.stack([light, 1 - light], axis=1)


def test_views_of_a_model_that_does_not_care_change_nothing() -> None:
    for name in ("none", "flip", "d4"):
        assert np.allclose(vg.TTA(brightness, name)(IMAGES), brightness(IMAGES))


def test_the_mean_of_flips_is_the_mean_of_what_each_sees() -> None:
    expected = (corner(IMAGES) + corner(IMAGES[:, :, ::-1])) / 2
    assert np.allclose(vg.TTA(corner, "flip", batch_size=2)(IMAGES), expected)


def test_d4_has_the_eight_symmetries() -> None:
    square = np.arange(9, dtype=np.uint8).reshape(1, 3, 3, 1)
    seen = {vg.Pipeline(view, seed=0)(images=square, index=[0])["images"].tobytes()
            for view in VIEWS["d4"]}  # fmt: skip
    assert len(seen) == 8
    assert VIEWS["d4"][0] == vg.Policy()


def test_merges_by_hand() -> None:
    views = np.array([[[0.6, 0.4, 0.0]], [[0.1, 0.2, 0.7]], [[0.5, 0.4, 0.1]]])
    assert np.allclose(merge_classes(views, "mean"), [[0.4, 1 / 3, 0.8 / 3]])
    assert merge_classes(views, "vote").argmax() == 0
    assert np.allclose(merge_classes(views, "max"), np.array([[0.6, 0.4, 0.7]]) / 1.7)
    pair = views[[0, 2]]
    root = np.sqrt(pair[0] * np.maximum(pair[1], 1e-12))
    assert np.allclose(merge_classes(pair, "gmean"), root / root.sum(), atol=1e-5)
    weights = np.array([0.0, 1.0, 0.0])
    assert np.allclose(merge_classes(views, "mean", weights), views[1])


def test_a_tie_of_votes_goes_to_the_mean() -> None:
    views = np.array([[[0.9, 0.1]], [[0.4, 0.6]]])
    assert merge_classes(views, "vote").argmax() == 0


@pytest.mark.parametrize("views", ["flip", "d4"])
def test_segmentation_maps_come_back_exactly(views: str) -> None:
    """A model whose map is the picture itself: every view, undone, is the picture."""
    tta = vg.TTA(lambda batch: batch / 255.0, views, task="segmentation")
    square = IMAGES[:, :24, :24]
    for one, image in zip(tta(square), square, strict=True):
        assert np.abs(one - image / 255.0).max() < 1e-6


def test_segmentation_counts_only_what_a_view_saw() -> None:
    half = vg.Policy([vg.CenterCrop(size=(12, 14))])
    tta = vg.TTA(lambda b: np.ones((*b.shape[:3], 2)), [vg.Policy(), half], task="segmentation")
    assert np.allclose(tta(IMAGES)[0], 1.0)
    alone = vg.TTA(lambda b: np.ones((*b.shape[:3], 2)), [half], task="segmentation")
    assert alone(IMAGES)[0].sum() == 2 * 12 * 14


def test_maps_of_channels_first_and_logits() -> None:
    def first(batch: np.ndarray) -> np.ndarray:
        return np.moveaxis(np.log(batch / 255.0 + 0.1), -1, 1)

    tta = vg.TTA(first, "flip", task="segmentation", channels="first", logits=True)
    expected = softmax(np.log(IMAGES[0] / 255.0 + 0.1))
    assert np.abs(tta(IMAGES)[0] - expected).max() < 1e-5


def spots(batch: np.ndarray) -> list[dict]:
    """A detector that finds the white rectangle of each picture."""
    found = []
    for image in batch:
        rows, columns = (np.flatnonzero((image[..., 0] > 200).any(a)) for a in (1, 0))
        box = [[columns[0], rows[0], columns[-1] + 1, rows[-1] + 1]]
        found.append({"boxes": np.array(box, float), "scores": [0.9], "labels": [1]})
    return found


def test_detection_boxes_of_all_views_fuse_into_one() -> None:
    image = np.zeros((40, 60, 3), dtype=np.uint8)
    image[10:20, 15:31] = 255
    for views, error in (
        ("d4", 1e-3),
        ([vg.Policy(), vg.Policy([vg.Zoom(factor=(1.25, 1.25))])], 0.5),
    ):
        out = vg.TTA(spots, views, task="detection")([image])[0]
        assert len(out["boxes"]) == 1
        assert np.abs(out["boxes"][0] - [15, 10, 31, 20]).max() < error
        assert out["labels"].tolist() == [1]
        assert abs(out["scores"][0] - 0.9) < 1e-3


def oracle(truth: np.ndarray):
    """A detector that knows where the box is in whatever view it gets: it follows the plan. What it
    says is right, so that only the way back can be wrong.
    """
    seen: list[np.ndarray] = []

    def detect(batch: np.ndarray) -> list[dict]:
        return [{"boxes": seen.pop(0), "scores": [1.0], "labels": [0]} for _ in batch]

    def follow(views: tuple[vg.Policy, ...], image: np.ndarray) -> None:
        for view in views:
            aug = vg.Pipeline(view, seed=0)
            seen.append(aug(images=[image], boxes=[truth], index=[0])["boxes"][0])

    return detect, follow


@pytest.mark.parametrize(("views", "error"), [("flip", 0.0), ("d4", 0.0), ("pool", 0.25)])
def test_an_oracles_boxes_come_back_where_they_were(views: str, error: float) -> None:
    """Exact for mirrors and quarter turns, within a quarter pixel for zooms and shifts. A view that
    turns by ten degrees boxes the turned box, so it cannot give the box back, and is left out.
    """
    image, truth = np.zeros((64, 96, 3), np.uint8), np.array([[20.0, 16.0, 52.0, 40.0]])
    used = tuple(v for v in VIEWS[views] if all(s.op != "Rotate" for s in v.steps))
    detect, follow = oracle(truth)
    follow(used, image)
    out = vg.TTA(detect, used, task="detection")([image])[0]
    assert out["boxes"].shape == (1, 4)
    assert np.abs(out["boxes"][0] - truth[0]).max() <= error + 1e-5


@pytest.mark.parametrize("view", range(len(VIEWS["d4"])))
def test_each_symmetry_alone_is_undone_exactly(view: int) -> None:
    image, truth = np.zeros((64, 96, 3), np.uint8), np.array([[20.0, 16.0, 52.0, 40.0]])
    used = (VIEWS["d4"][view],)
    detect, follow = oracle(truth)
    follow(used, image)
    out = vg.TTA(detect, used, task="detection")([image])[0]
    assert np.abs(out["boxes"][0] - truth[0]).max() < 1e-5


def test_keypoints_come_back_and_pairs_swap() -> None:
    """A model that calls the white dot nearer to the left side of what it sees 'left'."""
    image = np.zeros((20, 40, 1), dtype=np.uint8)
    image[5, 4] = image[15, 30] = 255

    def ears(batch: np.ndarray) -> np.ndarray:
        found = []
        for picture in batch:
            rows, columns = np.nonzero(picture[..., 0])
            order = np.argsort(columns)
            found.append(np.stack([columns, rows], axis=1)[order] + 0.5)
        return np.stack(found)

    tta = vg.TTA(ears, "flip", task="keypoints", keypoint_pairs=((0, 1),))
    assert np.allclose(tta([image])[0], [[4.5, 5.5], [30.5, 15.5]], atol=1e-4)


def test_points_outside_of_a_view_do_not_count() -> None:
    one, two = np.array([[1.0, 1], [5, 5]]), np.array([[3.0, 3], [9, 9]])
    inside = [np.array([True, False]), np.array([True, False])]
    assert np.allclose(merge_points([one, two], inside), [[2, 2], [5, 5]])
    mean, seen = merge_maps([np.ones((1, 2, 1))], [np.array([[True, False]])])
    assert mean[..., 0].tolist() == [[1, 0]]
    assert seen.tolist() == [[True, False]]


def noisy_views(count: int, sharp: list[float], seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Predictions of views with independent noise; sharp: how well each knows the class."""
    generator = np.random.default_rng(seed)
    labels = generator.integers(0, 4, count)
    truth = np.eye(4)[labels]
    return np.stack(
        [softmax(s * truth + generator.normal(0, 1, (count, 4))) for s in sharp]
    ), labels


def test_greedy_takes_the_views_that_know() -> None:
    views, labels = noisy_views(600, [2.0, 2.0, -1.0, 0.0])
    weights = greedy(views, labels)
    assert weights[:2].sum() > 0.99
    assert weights[:2].min() > 0.2


def test_learned_weights_beat_equal_ones_and_can_differ_by_class() -> None:
    views, labels = noisy_views(800, [2.0, 0.2])
    weights = learned(views, labels, per_class=False)
    assert weights[0] > 0.7
    assert np.isclose(weights.sum(), 1)
    own = views.copy()
    own[0][:, 2:], own[1][:, :2] = 0.25, 0.25
    by_class = learned(own / own.sum(axis=2, keepdims=True), labels, per_class=True)
    assert by_class.shape == (2, 4)
    assert np.allclose(by_class.sum(axis=0), 1)


@pytest.mark.parametrize("method", ["greedy", "weights"])
def test_a_fit_is_never_below_one_view_on_the_second_half(method: str) -> None:
    kinds = set()
    for seed in range(12):
        sharp = [1.5, -1.0, -1.0] if seed % 2 else [1.0, 1.0, 1.0]
        views, labels = noisy_views(120, sharp, seed)
        fit = fit_views(views, labels, method, seed)
        assert fit.accuracy >= fit.alone_accuracy
        assert fit.loss <= fit.alone_loss
        kinds.add(fit.kind)
    assert len(kinds) > 1


@pytest.mark.parametrize("method", ["greedy", "weights"])
def test_a_view_that_loses_less_but_is_wrong_more_often_is_not_taken(method: str) -> None:
    """The first view is right on 80 % of the images, barely, and sure of its errors; the second is
    right on 60 % and never sure.
    """
    place, labels = np.arange(400), np.repeat([0, 1], 200)
    first = np.where(place % 5 < 4, 0.51, 0.001)
    second = np.where(np.isin(place % 5, (0, 1)), 0.4, 0.6)
    true = np.stack([first, second])
    views = np.empty((2, 400, 2))
    views[:, place, labels], views[:, place, 1 - labels] = true, 1 - true
    fit = fit_views(views, labels, method)
    assert fit.kind == "one"
    assert fit.accuracy == fit.alone_accuracy
    assert calibrated_loss(views[1], labels)[0] < calibrated_loss(views[0], labels)[0]


def test_halves_divide_each_class_evenly() -> None:
    labels = np.repeat([0, 1, 2], [11, 4, 1])
    first, second = halves(labels)
    assert sorted([*first, *second]) == list(range(16))
    assert abs(int((labels[first] == 0).sum()) - int((labels[second] == 0).sum())) <= 1


def test_temperature_is_found() -> None:
    generator = np.random.default_rng(0)
    logits = generator.normal(0, 2, (4000, 3))
    labels = np.array([generator.choice(3, p=p) for p in softmax(logits)])
    assert abs(calibrated_loss(softmax(logits * 2), labels)[1] - 2.0) < 0.3


def test_calibration_error_by_hand() -> None:
    probabilities = np.array([[0.9, 0.1]] * 10)
    assert np.isclose(calibration_error(probabilities, np.array([0] * 7 + [1] * 3)), 0.2)


def test_the_report_counts_corrected_and_corrupted_images_of_each_class() -> None:
    labels = np.array([0, 1, 0, 1, 1])
    tta = vg.TTA(corner, "flip")
    report = tta.report(IMAGES, labels)
    was = corner(IMAGES).argmax(1) == labels
    now = tta(IMAGES).argmax(1) == labels
    assert report.passes == 2
    assert report.corrected.sum() == (now & ~was).sum()
    assert report.corrupted.sum() == (was & ~now).sum()
    assert np.isclose(report.before, was.mean())
    assert "forward passes" in str(report)


def test_fitting_leaves_out_views_that_count_nothing() -> None:
    labels = brightness(IMAGES[np.arange(60) % 5]).argmax(axis=1)
    images = IMAGES[np.arange(60) % 5]
    upside = vg.Policy([vg.Invert()])
    tta = vg.TTA(brightness, [vg.Policy(), upside]).fit(images, labels)
    assert tta.views == (vg.Policy(),)
    assert tta.passes == 1
    assert tta.report(images, labels).after == 1.0


def test_a_torch_model_is_taken_as_it_is() -> None:
    torch = pytest.importorskip("torch")
    net = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(3 * 24 * 30, 4)).train()
    prepare = [vg.Normalize(mean=(0.5,), std=(0.5,), layout="NCHW")]
    out = vg.TTA(net, "flip", prepare=prepare, logits=True)(IMAGES)
    assert out.shape == (5, 4)
    assert np.allclose(out.sum(axis=1), 1)
    assert net.training, "the model is left as it was"


BAD = [
    ({"views": "flips"}, "unknown set 'flips'"),
    ({"views": []}, "at least one"),
    ({"merge": "sum"}, "merge: expected one of"),
    ({"task": "captions"}, "task: expected one of"),
    ({"batch_size": 0}, "batch_size"),
]


@pytest.mark.parametrize(("settings", "message"), BAD, ids=[row[1] for row in BAD])
def test_bad_settings_are_refused_by_name(settings: dict, message: str) -> None:
    with pytest.raises(vg.InputError, match=message):
        vg.TTA(brightness, **settings)
    with pytest.raises(vg.InputError, match="expected a callable"):
        vg.TTA(7)(IMAGES)


def test_views_may_be_steps_policies_or_lists() -> None:
    views = as_views([vg.HorizontalFlip(), vg.Policy(), [vg.VerticalFlip(), vg.Transpose()]])
    assert [len(view.steps) for view in views] == [1, 0, 2]
