"""Files that are no policies: each is refused with the path and the reason, and nothing else."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import variegate as vg
from variegate.errors import PolicyError

HEAD = '{"format": "variegate-policy", "version": 1, "steps": '


def deep_sequence(depth: int) -> str:
    return '{"step": "Sequence", "steps": [' * depth + '{"step": "Invert"}' + "]}" * depth


# What the file holds, and a piece of the message.
TEXTS = {
    "empty file": ("", "not JSON"),
    "cut off": (HEAD + '[{"step": "Rot', "not JSON"),
    "not UTF-8": ("\udcff\udcfe", "not JSON"),
    "no object": ("[]", "expected an object"),
    "no format": ('{"version": 1, "steps": []}', "expected format"),
    "other format": ('{"format": "other", "version": 1, "steps": []}', "expected format"),
    "newer version": ('{"format": "variegate-policy", "version": 2, "steps": []}', "newer than 1"),
    "version of text": ('{"format": "variegate-policy", "version": "1", "steps": []}', "version"),
    "version true": ('{"format": "variegate-policy", "version": true, "steps": []}', "version"),
    "unknown field": (HEAD + '[], "code": "x"}', "unknown field 'code'"),
    "steps of text": (HEAD + '"Rotate"}', "expected a list under 'steps'"),
    "duplicate keys": (HEAD + '[{"step": "Rotate", "p": 0.1, "p": 1}]}', "'p' stands twice"),
    "NaN": (HEAD + '[{"step": "Rotate", "p": NaN}]}', "NaN is not a number"),
    "Infinity": (HEAD + '[{"step": "Rotate", "p": -Infinity}]}', "-Infinity is not a number"),
    "1e999": (HEAD + '[{"step": "Rotate", "p": 1e999}]}', "expected a number 0..1"),
    "1e999 in a range": (HEAD + '[{"step": "Rotate", "angle": [0, 1e999]}]}', "Rotate.angle"),
    "a number of 400 digits": (HEAD + '[{"step": "Rotate", "p": ' + "9" * 400 + "}]}", "0..1"),
    "a range of 400 digits": (
        HEAD + '[{"step": "Rotate", "angle": [0, ' + "9" * 400 + "]}]}",
        "angle",
    ),
    "a number of 9,000 digits": (
        HEAD + '[{"step": "Rotate", "p": ' + "9" * 9000 + "}]}",
        "not JSON",
    ),
    "a class of 9,000 digits": (
        HEAD + '[{"step": "PerClass", "policies": {"' + "9" * 9000 + '": []}}]}',
        "expected a class index",
    ),
    "a class twice": (
        HEAD + '[{"step": "PerClass", "policies": {"6": [], "06": []}}]}',
        "class 6 stands twice",
    ),
    "unknown op": (HEAD + '[{"step": "Rotat"}]}', "did you mean 'Rotate'"),
    "op of another class": (HEAD + '[{"step": "__class__"}]}', "unknown step"),
    "op as a list": (HEAD + '[{"step": ["Rotate"]}]}', "expected an object with a 'step' name"),
    "unknown argument": (HEAD + '[{"step": "Rotate", "angel": [0, 1]}]}', "did you mean 'angle'"),
    "unknown in a container": (HEAD + '[{"step": "OneOf", "step_s": []}]}', "unknown argument"),
    "range reversed": (HEAD + '[{"step": "Rotate", "angle": [30, -30]}]}', "a pair (low, high)"),
    "one number": (HEAD + '[{"step": "Rotate", "angle": 30}]}', "a pair (low, high)"),
    "magnitude 11": (HEAD + '[{"step": "Rotate", "magnitude": 11}]}', "0..1"),
    "magnitude -1": (HEAD + '[{"step": "RandAugment", "magnitude": -1}]}', "0..1"),
    "magnitude of an op without": (
        HEAD + '[{"step": "Invert", "magnitude": 0.5}]}',
        "no magnitude",
    ),
    "p 1.0001": (HEAD + '[{"step": "Rotate", "p": 1.0001}]}', "0..1"),
    "p of text": (HEAD + '[{"step": "Rotate", "p": "0.5"}]}', "0..1"),
    "weights of the wrong count": (
        HEAD + '[{"step": "OneOf", "steps": [{"step": "Invert"}], "weights": [1, 2]}]}',
        "OneOf.weights",
    ),
    "an empty choice": (HEAD + '[{"step": "OneOf", "steps": []}]}', "at least one step"),
    "unknown table": (HEAD + '[{"step": "AutoAugment", "table": "x"}]}', "AutoAugment.table"),
    "too many layers": (HEAD + '[{"step": "RandAugment", "num_ops": 100000}]}', "0..64"),
    "nested 33 deep": (HEAD + "[" + deep_sequence(34) + "]}", "nested more than 32 deep"),
    "nested 2,000 deep": (HEAD + "[" + deep_sequence(2000) + "]}", "deep"),
    "200,000 brackets": ("[" * 200_000, "deep"),
    "steps of brackets": (HEAD + "[" * 900 + "]" * 900 + "}", "expected an object"),
    "output in the middle": (
        HEAD + '[{"step": "Normalize", "mean": [0.5], "std": [1]}, {"step": "Invert"}]}',
        "must be the last step",
    ),
}


@pytest.mark.parametrize("kind", sorted(TEXTS))
def test_a_file_that_is_no_policy_is_refused(kind: str, tmp_path: Path) -> None:
    text, part = TEXTS[kind]
    path = tmp_path / "policy.json"
    path.write_bytes(text.encode("utf-8", "surrogateescape"))
    with pytest.raises(PolicyError) as caught:
        vg.Policy.load(path)
    assert part in str(caught.value)


@pytest.mark.parametrize("kind", ["unknown op", "range reversed", "NaN", "nested 33 deep"])
def test_the_message_says_where(kind: str, tmp_path: Path) -> None:
    path = tmp_path / "policy.json"
    path.write_text(TEXTS[kind][0])
    with pytest.raises(PolicyError, match=r"steps\[0\]|policy\.json"):
        vg.Policy.load(path)


def test_a_file_of_20_megabytes_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "policy.json"
    path.write_text(HEAD + "[" + " " * (20 << 20) + "]}")
    with pytest.raises(PolicyError, match=r"policy\.json: larger than 16 MiB"):
        vg.Policy.load(path)


def test_a_missing_file_and_a_folder_are_named(tmp_path: Path) -> None:
    with pytest.raises(PolicyError, match=r"none\.json: cannot be read"):
        vg.Policy.load(tmp_path / "none.json")
    with pytest.raises(PolicyError, match="cannot be read"):
        vg.Policy.load(tmp_path)


def test_a_file_that_cannot_be_written_leaves_nothing(tmp_path: Path) -> None:
    (tmp_path / "taken.json").mkdir()
    with pytest.raises(PolicyError, match=r"taken\.json: cannot be written"):
        vg.Policy((vg.Invert(),)).save(tmp_path / "taken.json")
    with pytest.raises(PolicyError, match="cannot be written"):
        vg.Policy().save(tmp_path / "no" / "folder.json")
    assert [p.name for p in tmp_path.iterdir()] == ["taken.json"]


def test_a_million_sub_policies_are_refused() -> None:
    steps = [{"step": "Sequence", "steps": [{"step": "Invert"}] * 30}] * 1000
    data = {"format": "variegate-policy", "version": 1, "steps": steps}
    with pytest.raises(PolicyError, match="more than 20000 steps"):
        vg.Policy.from_dict(data)


PLANS = {
    "no object": 3,
    "other format": {"format": "x"},
    "newer version": {"version": 2},
    "no records": {"records": None},
    "records of text": {"records": ["x"]},
    "sizes of another count": {"sizes": [[4, 4]]},
    "negative ids": {"index": [-1, 0]},
}
RECORDS = {
    "rows outside": {"rows": [0, 2]},
    "a row twice": {"rows": [1, 1]},
    "values outside": {"values": {"angle": [0, 1e6]}},
    "values of another count": {"values": {"angle": [0]}},
    "values missing": {"values": {}},
    "values as a list": {"values": []},
    "unknown op": {"op": "Rotat"},
    "bad setting": {"settings": {"resample": "x"}},
}


@pytest.mark.parametrize("kind", sorted(PLANS) + sorted(RECORDS))
def test_a_hostile_plan_is_refused(kind: str) -> None:
    data = vg.Pipeline([vg.Rotate()], seed=1).draw(sizes=[(4, 4)] * 2, index=[0, 1]).to_dict()
    bad = PLANS.get(kind)
    data = bad if isinstance(bad, int) else data | (bad or {})
    if kind in RECORDS:
        data["records"][0] |= RECORDS[kind]
    with pytest.raises(vg.VariegateError):
        vg.Plan.from_dict(json.loads(json.dumps(data)))


def test_a_partner_outside_the_batch_is_refused() -> None:
    data = vg.Pipeline([vg.MixUp()], seed=1).draw(sizes=[(4, 4)] * 2, index=[0, 1]).to_dict()
    data["records"][0]["values"]["partner"] = [1, 2]
    with pytest.raises(PolicyError, match="partner: outside"):
        vg.Plan.from_dict(data)
