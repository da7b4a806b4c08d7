"""The report: self-contained, small, safe with hostile names, harmed classes in front."""

from __future__ import annotations

import base64
import csv
import hashlib
import io
import json
import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from tests.evaluate.records import made
from variegate.errors import InputError
from variegate.evaluate import summary, write_report

HOSTILE = (
    "<script>alert(1)</script>",
    "=cmd()",
    "\x1b]0;owned\x07esc",
    "x" * 10_240,
    "\u202egnp.exe",
    '" onload="alert(1)',
    "$\\frac{1}{$",
    "{{ 7 * 7 }}",
)
HISTORY = [
    {
        "number": n,
        "value": None if n == 2 else 0.8 + 0.01 * n,
        "seconds": 2.0,
        "params": {"m": n / 9},
    }
    for n in range(6)
]
POLICY: dict[str, Any] = {
    "format": "variegate-policy",
    "version": 1,
    "steps": [
        {"step": "Rotate", "angle": [-30, 30], "p": 0.5},
        {
            "step": "OneOf",
            "steps": [{"step": "Color", "magnitude": 0.4}, {"step": "Invert"}],
            "weights": [3, 1],
        },
        {"step": "PerClass", "policies": {"6": []}, "default": [{"step": "HorizontalFlip"}]},
    ],
}


class Page(HTMLParser):
    """Collects tags, attributes and text."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text += data


def pictures(side: int = 8) -> dict[str, list[np.ndarray]]:
    generator = np.random.default_rng(0)
    shapes = [(side, side, 3), (side, side, 1), (side, side), (side, side, 4)] * 4
    return {
        title: [generator.integers(0, 256, shape, dtype=np.uint8) for shape in shapes]
        for title in ("original", "found", "<b>odd</b>")
    }


def page_of(paths: list[Path]) -> str:
    return next(path for path in paths if path.name == "report.html").read_text(encoding="utf-8")


def test_all_files(tmp_path: Path) -> None:
    paths = write_report(made(harmed=5), HISTORY, pictures(), POLICY, tmp_path / "out")
    assert [path.name for path in paths] == [
        "report.html", "report.json", "per_class.csv", "arms.png", "classes.png", "history.png",
    ]  # fmt: skip
    assert sorted(p.name for p in (tmp_path / "out").iterdir()) == sorted(p.name for p in paths)
    for path in paths[3:]:
        with Image.open(path) as picture:
            picture.load()
            assert np.asarray(picture.convert("L")).std() > 5, f"{path.name} is blank"
    data = json.loads(paths[1].read_text())
    assert data["schema"] == "variegate.report/1"
    assert data["summary"]["class_tables"][0]["harmed"] == ["f"]
    assert data["search"]["best"] == 5
    assert data["search"]["trials"][2]["best"] == pytest.approx(0.81)
    assert data["policy"]["steps"][0]["angle"] == [-30, 30]
    assert data["summary"]["cost"]["search_seconds"] == 12.0
    assert data["learned"] is None


def insight(count: int = 20, **changes: Any) -> dict[str, Any]:
    """What search.json has under 'learned': features of which the first is proven."""
    effects = [
        {
            "kind": "op",
            "name": f"op{n}",
            "value": 0.02 - 0.001 * n,
            "interval": [0.01 - 0.002 * n, 0.03],
            "explains": 0.3 / (n + 1),
            "corrected": min(1.0, 0.01 + 0.1 * n),
            "verdict": "better" if n == 0 else "not proven",
            **changes,
        }
        for n in range(count)
    ]
    learned = {"trials": 30, "features": count, "proven": 1, "effects": effects, "text": "Proven."}
    row = {"what": "op use", "statistic": "chi-squared", "value": 9.5, "usual": 3.25, "p": 0.03}
    return {"learned": learned, "distance": [row]}


def test_what_was_learned_is_in_the_page_the_data_and_a_plot(tmp_path: Path) -> None:
    paths = write_report(made(), HISTORY, out_dir=tmp_path, insight=insight())
    text = Page(page_of(paths)).text
    assert "images touched by op0" in text
    assert "images touched by op11" in text
    assert "images touched by op12" not in text
    assert "8 more are in report.json" in text
    assert "+2.0" in text
    assert "chi-squared9.53.250.030" in re.sub(r"\s", "", text)
    assert (
        len(json.loads((tmp_path / "report.json").read_text())["learned"]["learned"]["effects"])
        == 20
    )
    with Image.open(tmp_path / "learned.png") as picture:
        assert np.asarray(picture.convert("L")).std() > 5
    nothing = write_report(made(), HISTORY, out_dir=tmp_path / "b", insight=insight(0))
    assert "What the search learned" in Page(page_of(nothing)).text
    assert not (tmp_path / "b" / "learned.png").exists()


def test_search_costs_so_much_for_a_point_of_proven_gain_only(tmp_path: Path) -> None:
    proven = summary(made(gain={"found": 2.0}), search_seconds=500.0)
    gain = next(r for r in proven["arms"] if r["arm"] == "found")["differences"][0]
    assert gain["against"] == "none"
    low, high = gain["interval"]
    assert proven["cost"]["per_point"] == pytest.approx(
        [5.0 / gain["value"], 5.0 / high, 5.0 / low]
    )
    assert summary(made(), search_seconds=500.0)["cost"]["per_point"] is None
    page = page_of(write_report(made(), HISTORY, out_dir=tmp_path))
    assert "no proven gain to divide by" in page


def test_page_loads_nothing_and_runs_nothing(tmp_path: Path) -> None:
    text = page_of(write_report(made(), HISTORY, pictures(), POLICY, tmp_path))
    page = Page(text)
    assert not [t for t, _ in page.tags if t in {"script", "link", "iframe", "object", "base", "a"}]
    for tag, attributes in page.tags:
        assert not [name for name in attributes if name.startswith("on") or name == "style"], tag
        for name in ("src", "href", "xlink:href", "srcset", "action", "data"):
            assert (attributes.get(name) or "data:image/png").startswith("data:image/png")
    own = re.sub(r'"data:image/png;base64,[^"]*"', "", text)
    assert not re.search(r"https?:|//[a-z]|@import|url\(", own)
    policy = next(a["content"] for _, a in page.tags if a.get("http-equiv"))
    style = re.search(r"<style>(.*?)</style>", text, re.DOTALL)
    assert policy is not None
    assert style is not None
    digest = base64.b64encode(hashlib.sha256(style[1].encode()).digest()).decode()
    assert f"style-src 'sha256-{digest}'" in policy
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy


def test_page_says_what_matters_first(tmp_path: Path) -> None:
    result = summary(made(harmed=5, gain={"found": 0.4}))
    text = Page(page_of(write_report(result, HISTORY, None, POLICY, tmp_path))).text
    places = [text.index(part) for part in (result["headline"], "Harmed classes", "All arms")]
    assert places == sorted(places)
    first_screen = text[places[1] : places[2]]
    assert re.search(r"worse\s*f\s*\u2212\d", first_screen)
    for line in ("Rotate: angle from -30 to 30, in 50 % of the images", "75 % of the time: Color"):
        assert line in text
    assert "every other class" in text
    assert "Best: trial 5 with 85.0 %" in text


def test_page_says_not_proven(tmp_path: Path) -> None:
    text = Page(page_of(write_report(made(seed=2), out_dir=tmp_path))).text
    assert "is not proven to differ from none" in text
    assert "No class is proven harmed." in text
    one = Page(page_of(write_report(made(seeds=1, harmed=5), out_dir=tmp_path / "one"))).text
    assert "nothing can be said about training noise" in one
    assert "\u25bc" not in one


def test_hostile_names_do_no_harm(tmp_path: Path) -> None:
    record = made(classes=HOSTILE, arms=("none", "<img src=x onerror=alert(1)>", "found"), harmed=0)
    record = replace(
        record,
        dataset="\x1b[2J<svg/onload=alert(1)>",
        settings={"<i>": "</style><script>", "deep": {"\x07": ["\u202e"]}},
        commands=("variegate compare '<script>'",),
        versions={"=1+1": "\x00"},
    )
    history = [{"number": 0, "value": 0.5, "seconds": 1.0, "params": {"<u>": "<script>"}}]
    policy = {"steps": [{"step": "<script>", "<p>": "\x1b[1m", "p": 0.5}]}
    paths = write_report(record, history, pictures(), policy, tmp_path)
    text = page_of(paths)
    tags = {tag for tag, _ in Page(text).tags}
    assert not tags & {"script", "img src", "i", "u", "b", "p>"}
    assert all(
        set(a) <= {"src", "width", "height", "alt", "class"}
        for t, a in Page(text).tags
        if t == "img"
    )
    assert "&lt;script&gt;alert(1)" in text
    assert "49" not in re.findall(r"<bdi>(.*?)</bdi>", text), "a name is no template"
    assert "{{ 7 * 7 }}" in text
    assert "x" * 100 not in text
    for path in paths[:3]:
        content = path.read_text(encoding="utf-8")
        assert not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]", content)
        assert not re.search(r"\\u(00[01]|202e)", content)
    rows = list(csv.reader(io.StringIO(paths[2].read_text(encoding="utf-8"))))
    names = {row[3] for row in rows[1:]}
    assert "'=cmd()" in names
    assert not [cell for row in rows[1:] for cell in row[:4] if cell[:1] in "=+-@" and cell]
    assert rows[1][3] == HOSTILE[0], "the harmed class comes first"


def test_a_thousand_classes_and_large_pictures_stay_under_5_mb(tmp_path: Path) -> None:
    record = made(classes=tuple(f"class {n}" for n in range(1000)), images=3000, seeds=2)
    history = [{"number": n, "value": 0.5, "seconds": 1.0, "params": {}} for n in range(1000)]
    many = {f"arm {n}": pictures(side=600)["found"] for n in range(12)}
    paths = write_report(record, history, many, POLICY, tmp_path)
    assert paths[0].stat().st_size < 5_000_000
    assert page_of(paths).count("<img ") == 120


def test_edges(tmp_path: Path) -> None:
    record = made(seeds=1, arms=("none",))
    paths = write_report(
        record, [{"number": 0, "value": None}], {"empty": []}, {"steps": []}, tmp_path
    )
    text = Page(page_of(paths)).text
    assert "No augmentation." in text
    assert "nothing to compare" in text
    nan = [{"number": 3, "value": float("nan"), "seconds": 1.0, "params": None}]
    write_report(record, nan, out_dir=tmp_path)
    perfect = replace(
        made(), runs=tuple(replace(r, predictions=made().labels) for r in made().runs)
    )
    write_report(perfect, out_dir=tmp_path)


@pytest.mark.parametrize(
    ("parts", "message"),
    [
        ({"pictures": {"a": [np.zeros((4, 4, 3))]}}, "expected a uint8 array, got float64"),
        ({"pictures": {"a": [np.zeros((0, 4, 3), np.uint8)]}}, "with pixels"),
        ({"policy": {"name": 1}}, "policy: expected"),
        ({"search_history": [{"value": "high"}]}, r"search_history\[0\]: value must be a number"),
        ({"search_history": [3]}, r"search_history\[0\]: expected a dict"),
        ({"insight": 3}, "insight: expected a dict"),
        ({"insight": insight(2, value=float("nan"))}, r"effects\[0\]: expected finite numbers"),
        ({"insight": insight(2, verdict="great")}, "no such verdict as 'great'"),
    ],
)
def test_bad_parts_write_nothing(tmp_path: Path, parts: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        write_report(made(), out_dir=tmp_path / "out", **parts)
    assert not (tmp_path / "out").exists()


def test_a_wrong_result_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="expected a Comparison or a summary, got list"):
        write_report([], out_dir=tmp_path)  # type: ignore[arg-type]
