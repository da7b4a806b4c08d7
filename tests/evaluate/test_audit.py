"""Affinity, findings, safe ranges and hints: worked by hand, and coverage by simulation."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from variegate.errors import DataError, InputError
from variegate.evaluate.audit import (
    Probed,
    Seen,
    audit_page,
    check_audit,
    confirmed,
    find,
    hints,
    safe_ranges,
    scores,
    sentence,
    table,
)
from variegate.evaluate.audit.affinity import affinity, wilson
from variegate.evaluate.audit.hints import color_share, tokens
from variegate.evaluate.audit.safe import falling
from variegate.search import Family, FamilySpace, OpRange, Option
from variegate.search.narrow import restrict

pytest.importorskip("scipy")
pytest.importorskip("statsmodels")

NAMES = ("cat", "dog", "6", "9")


def seen_of(per_class: int = 40) -> Seen:
    """Four classes, all recognized but one image of class 3, which is called 0."""
    labels = np.repeat(np.arange(4), per_class)
    clean = labels.copy()
    clean[-1] = 0
    return Seen(labels, clean, 4)


def probed(seen: Seen, *moves: tuple[int, int, int], name: str = "Flip") -> Probed:
    """A probe at one magnitude under which the first `count` images of `a` are called `b`."""
    called = seen.clean.copy()
    for a, b, count in moves:
        called[np.flatnonzero(seen.labels == a)[:count]] = b
    return Probed(name, name, "matrix", (1.0,), (called,), ladder=False)


def test_affinity_by_hand() -> None:
    """Of 40 images 36 are right before, 27 after, 25 both: 27 / 36, two gained and eleven lost."""
    from scipy.stats import norm
    from statsmodels.stats.proportion import proportion_confint

    value, low, high = (float(v[0]) for v in affinity(*(np.array([n]) for n in (27, 36, 25))))
    # Bonett and Price 2006: n = 25 + 2 + 11 = 38; k = A / (B + C) shrinks both Wilson intervals.
    k = (15 / (28 * 37)) ** 0.5 / (((1 - 28 / 40) / 28) ** 0.5 + ((1 - 37 / 40) / 37) ** 0.5)
    alpha = 2 * norm.sf(k * norm.ppf(0.975))
    after = proportion_confint(27, 38, alpha, "wilson")
    before = proportion_confint(36, 38, alpha, "wilson")
    assert value == 0.75
    np.testing.assert_allclose([low, high], [after[0] / before[1], after[1] / before[0]], rtol=1e-9)
    assert np.isnan(affinity(np.array([3]), np.array([0]), np.array([0]))).all()


def test_affinity_s_interval_covers() -> None:
    """Of 2,000 made-up classes of 30 images the interval holds the true ratio for 95 %."""
    generator = np.random.default_rng(0)
    # Both right, only before, only after, neither.
    chances = np.array([0.55, 0.30, 0.05, 0.10])
    counts = generator.multinomial(30, chances, 2000)
    both, before, after = counts[:, 0], counts[:, 0] + counts[:, 1], counts[:, 0] + counts[:, 2]
    _, low, high = affinity(after, before, both)
    share = float(((low <= 0.60 / 0.85) & (high >= 0.60 / 0.85)).mean())
    assert 0.935 <= share <= 0.975


def test_wilson_agrees_with_statsmodels() -> None:
    from statsmodels.stats.proportion import proportion_confint

    for count, size in ((0, 12), (5, 12), (12, 12), (300, 1000)):
        expected = proportion_confint(count, size, method="wilson")
        np.testing.assert_allclose(wilson(count, size), expected, atol=1e-9)


def test_a_table_by_hand() -> None:
    seen = seen_of()
    [row] = table(seen, [probed(seen, (2, 3, 30), (0, 1, 4))])
    level = row["magnitudes"][0]
    own = level["classes"]
    assert own["affinity"] == [0.9, 1.0, 0.25, 1.0]
    assert own["into"] == [1, None, 3, None]
    assert own["moved"] == [4, 0, 30, 0]
    assert own["still"] == [36, 40, 10, 39]
    # 159 are right before, 125 after.
    assert level["affinity"] == pytest.approx(125 / 159, abs=1e-4)
    # Of 40 images each 40, 40, 40, 39 are right before and 36, 40, 10, 39 after; a guess gets 10.
    assert level["kept"] == pytest.approx((125 - 40) / (159 - 40), abs=1e-4)
    assert own["grows"] == [0.0, 0.025, 0.0, 0.1875]
    with pytest.raises(InputError, match="expected \\(160,\\), got \\(3,\\)"):
        table(seen, [Probed("a", "a", "table", (1.0,), (np.zeros(3, np.int64),))])
    with pytest.raises(InputError, match="labels: expected 0 to 3"):
        Seen(np.array([4]), np.array([0]), 4)


def test_a_class_that_turns_is_found_and_noise_is_not() -> None:
    seen = seen_of()
    rows = table(seen, [probed(seen, (2, 3, 30)), probed(seen, (0, 1, 9), name="Blur")])
    [found] = find(seen, rows)
    assert (found["kind"], found["name"], found["class"], found["into"]) == ("turns", "Flip", 2, 3)
    assert found["share"] == 0.75
    assert found["images"] == 40
    assert not found["mutual"]
    both = find(seen, table(seen, [probed(seen, (2, 3, 30), (3, 2, 35))]))
    assert [f["mutual"] for f in both] == [True, True]
    text = sentence(found, NAMES)
    assert text == "Flip: “6” is read as “9” (75 % [60, 86] of 40 recognized images)"


def test_several_classes_that_become_one_are_no_change_of_meaning() -> None:
    seen = seen_of()
    rows = table(seen, [probed(seen, (1, 0, 40), (2, 0, 40), (3, 0, 40), name="Noise")])
    assert {f["kind"] for f in find(seen, rows)} == {"collects"}
    assert "like other classes" in sentence(find(seen, rows)[0], NAMES)


def test_a_class_that_is_lost_to_many_others_is_found_where_the_rest_is_kept() -> None:
    labels = np.repeat(np.arange(6), 40)
    seen = Seen(labels, labels.copy(), 6)
    called = labels.copy()
    called[:40] = np.tile(np.arange(1, 6), 8)
    probe = Probed("Hue", "Hue", "color", (1.0,), (called,))
    [found] = find(seen, table(seen, [probe]))
    assert (found["kind"], found["class"], found["affinity"]) == ("lost", 0, 0.0)
    assert "no longer recognized (affinity 0.00 [0.00," in sentence(found, "abcdef")


def test_where_nothing_differs_few_audits_find_anything() -> None:
    """500 tables of a probe that moves each image to a random other class by 5 %."""
    generator = np.random.default_rng(3)
    labels = np.repeat(np.arange(5), 30)
    hits = 0
    for _ in range(500):
        seen = Seen(labels, labels.copy(), 5)
        called = np.where(generator.random(150) < 0.05, generator.integers(0, 5, 150), labels)
        hits += bool(find(seen, table(seen, [Probed("a", "a", "table", (1.0,), (called,))])))
    assert hits <= 10


@given(st.lists(st.floats(0, 1), min_size=1, max_size=8))
def test_the_falling_fit_is_scipys(values: list[float]) -> None:
    from scipy.optimize import isotonic_regression

    expected = isotonic_regression(values, increasing=False).x
    np.testing.assert_allclose(falling(values), expected, atol=1e-9)


def ladder(kept: dict[float, list[Any]], name: str = "Rotate") -> dict[str, Any]:
    """A row of a table with what safe ranges need: kept overall, then each class's affinity."""
    levels = [
        {"magnitude": m, "kept": each[0], "classes": {"affinity": each[1:]}}
        for m, each in kept.items()
    ]
    return {"name": name, "ladder": True, "magnitudes": levels}


def test_safe_ranges_by_hand() -> None:
    row = ladder(
        {
            0.25: [1.0, 1.0, 0.9, 1.0],
            0.5: [0.9, 1.0, 0.7, 0.3],
            0.75: [0.8, 1.0, 0.5, 0.9],
            1.0: [0.7, 1.0, 0.4, 1.0],
        }
    )
    [safe] = safe_ranges([row], [], 3, 0.6)
    assert safe["high"] == 1.0
    unknown = ladder({1.0: [None, 1.0, 1.0, 1.0]})
    assert safe_ranges([unknown], [], 3, 0.6)[0]["high"] == 0.0
    # Class 1 crosses 0.6 halfway between 0.5 and 0.75. Class 2 has one value that falls out of
    # line: pooled with what is stronger, (0.3 + 0.9 + 1.0) / 3 is above 0.6.
    assert safe["classes"] == [1.0, pytest.approx(0.625), 1.0]
    turn = {"kind": "turns", "name": "Rotate", "class": 0, "magnitude": 0.75}
    [less] = safe_ranges([row], [turn], 3, 0.6)
    assert (less["high"], less["classes"][0]) == (0.5, 0.5)
    other = {**turn, "kind": "lost"}
    assert safe_ranges([row], [other], 3, 0.6)[0]["high"] == 1.0
    warned = {"ops": ["Rotate"], "classes": [0, 2]}
    assert safe_ranges([row], [other], 3, 0.6, [warned])[0]["high"] == 0.5
    assert safe_ranges([row], [other], 3, 0.6, [{**warned, "classes": [1]}])[0]["high"] == 1.0


def test_a_flip_is_unsafe_for_all_only_where_two_classes_change_places() -> None:
    row = {**ladder({1.0: [0.8, 0.1, 0.9]}, "HorizontalFlip"), "ladder": False}
    turn = {"kind": "turns", "name": "HorizontalFlip", "class": 0, "magnitude": 1.0}
    one_way = safe_ranges([row], [{**turn, "mutual": False}], 2)[0]
    assert (one_way["high"], one_way["classes"]) == (1.0, [0.0, 1.0])
    swapped = safe_ranges([row], [{**turn, "mutual": True}], 2)[0]
    assert (swapped["high"], swapped["classes"]) == (0.0, [0.0, 1.0])
    hint = {"ops": ["HorizontalFlip"], "classes": [0]}
    assert safe_ranges([row], [{**turn, "mutual": False}], 2, 0.6, [hint])[0]["high"] == 0.0


def test_the_safe_space_has_what_is_safe_only() -> None:
    space = FamilySpace(
        families=(Family("turn", (OpRange("Rotate"), OpRange("ShearX"))),),
        base=(Option("flip", ((), ({"step": "HorizontalFlip", "p": 0.5},))),),
    )
    names = {
        ("turn", "Rotate"): "Rotate",
        ("turn", "ShearX"): "ShearX",
        ("flip", "1"): "HorizontalFlip",
    }
    rows = [ladder({1.0: [1.0, 1.0]}, name) for name in names.values()]
    safe = [
        {"name": name, "high": high}
        for name, high in zip(names.values(), (0.4, 1.0, 0.0), strict=True)
    ]
    small = restrict(space, scores(space, rows, safe, names))
    assert small.families == (Family("turn", (OpRange("Rotate", 0.0, 0.4), OpRange("ShearX"))),)
    assert small.base == (Option("flip", ((),)),)
    assert (small.num_ops, small.shared, small.levels) == (space.num_ops, False, space.levels)


def gray(count: int) -> tuple[Any, Any]:
    return np.zeros((count, 4, 4, 1), np.uint8), np.arange(count)


def test_hints_from_names() -> None:
    assert tokens("TurnLeft_ahead2") == ["turn", "left", "ahead", "2"]
    names = ("turn left", "turn right", "keep-left", "stop", "arrow up", "arrow_down")
    found = hints(names, *gray(6))
    assert [(h.kind, h.classes) for h in found] == [
        ("left and right", (0, 1)),
        ("left and right", (2,)),
        ("up and down", (4, 5)),
    ]
    assert "HorizontalFlip" in found[0].ops
    assert "VerticalFlip" in found[2].ops
    digits = hints([str(n) for n in range(10)], *gray(10))
    assert [(h.kind, h.classes) for h in digits] == [("digits", (6, 9))]
    words = hints(("six", "nine"), *gray(2))
    assert words[0].classes == (0, 1)
    assert [(h.kind, h.classes) for h in hints(("a", "b", "d"), *gray(3))] == [("letters", (1, 2))]
    assert [h.kind for h in hints(("number plate", "car"), *gray(2))] == ["text"]
    assert hints(("cat", "dog", "0", "42"), *gray(4)) == []


def test_hints_from_colors() -> None:
    generator = np.random.default_rng(0)
    labels = np.arange(60) % 3
    base = np.array([[200, 60, 60], [60, 200, 60], [60, 60, 200]])[labels]
    noise = generator.integers(-20, 20, (60, 5, 5, 3))
    images = (base[:, None, None] + noise).astype(np.uint8)
    share, usual = color_share(images, labels, 3)
    assert (share, usual) == (1.0, pytest.approx(1 / 3))
    assert [h.kind for h in hints(("a b", "c d", "e f"), images, labels)] == ["colors"]
    assert hints(("red car", "x", "y"), images, labels)[0].classes == (0,)
    # Brightness is no color.
    plain = np.repeat(images[..., :1], 3, axis=3)
    assert color_share(plain, labels, 3)[0] is None
    assert color_share(images[:6], labels[:6], 3)[0] is None


def test_a_hint_is_confirmed_by_a_finding_about_it() -> None:
    hint = {"ops": ["HorizontalFlip"], "classes": [0, 1]}
    finding = {"kind": "turns", "name": "HorizontalFlip", "class": 1}
    assert confirmed(hint, [finding])
    assert not confirmed(hint, [{**finding, "class": 2}])
    assert not confirmed(hint, [{**finding, "name": "Hue"}])
    assert not confirmed(hint, [{**finding, "kind": "collects"}])


def document() -> dict[str, Any]:
    """A whole small audit, class names as rude as they come."""
    seen = seen_of()
    rows = table(seen, [probed(seen, (2, 3, 30))])
    findings = find(seen, rows)
    names = ["cat", "<script>alert(1)</script>", "6", "9"]
    return {
        "schema": "variegate.audit/1",
        "data": {"name": "<b>", "understood": "made up", "command": "variegate audit"},
        "classes": names,
        "keep": 0.6,
        "seconds": {"data": 0.1, "training": 1.0, "scoring": 2.0},
        "clean": {
            "accuracy": 0.99,
            "interval": [0.97, 1.0],
            "images": 160,
            "folds": 3,
            "epochs": 5,
            "classes": [{"name": name, "images": 40, "recognized": 40} for name in names],
        },
        "rows": rows,
        "safe": safe_ranges(rows, findings, 4),
        "findings": [{**f, "text": sentence(f, names), "picture": ""} for f in findings],
        "hints": [
            {"kind": "digits", "ops": ["VerticalFlip"], "classes": [2], "text": "a", "seen": True}
        ],
        "concerns": [
            {"severity": "error", "kind": "leak", "count": 1, "text": "<i>", "examples": ["a"]}
        ],
        "diversity": [],
        "space": None,
        "limits": ["images only"],
    }


def test_a_document_is_checked_field_by_field() -> None:
    check_audit(document())
    cases = [
        ({"schema": "variegate.audit/2"}, "audit.schema"),
        ({"keep": 1.5}, "audit.keep: expected 0 to 1"),
        ({"more": 1}, "unknown field 'more'"),
        ({"classes": ["one"]}, "expected 1 values, got 4"),
        ({"hints": [{"kind": "digits"}]}, "audit.hints\\[0\\]: the field"),
    ]
    for change, message in cases:
        with pytest.raises(DataError, match=message):
            check_audit({**document(), **change})


def test_the_page_loads_nothing_and_runs_its_own_script_only(tmp_path: Any) -> None:
    page = audit_page(document(), tmp_path)
    assert "<script>alert" not in page
    assert "http" not in page.replace("http-equiv", "")
    assert "default-src 'none'" in page
    assert page.count("<script") == 2
    assert 'type="range"' in page
    for tag, kind in (("style", "style-src"), ("script", "script-src")):
        [content] = re.findall(rf"<{tag}>(.*?)</{tag}>", page, flags=re.DOTALL)
        digest = base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()
        assert f"{kind} 'sha256-{digest}'" in page, "a browser would not run it"
    [cells] = re.findall(r'id="cells">(.*?)</script>', page)
    read = json.loads(cells)
    assert read["steps"] == [1.0]
    assert [cell[1] for cell in read["rows"][0]["levels"][0]] == [
        "0.81",
        "1.00",
        "1.00",
        "0.25",
        "1.00",
    ]
    assert page.count('<tr><th class="row">Flip') == 1
