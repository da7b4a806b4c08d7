"""A policy in words says what is unusual and leaves out the defaults."""

from __future__ import annotations

import variegate as vg
from variegate.evaluate.report.policytext import policy_data, policy_lines


def said(*steps: object) -> list[str]:
    return [text for _, text in policy_lines(policy_data(vg.Policy(steps)))]


def test_default_settings_are_left_out() -> None:
    assert said(vg.Rotate(magnitude=0.5)) == ["Rotate: magnitude 0.5"]


def test_other_settings_are_said() -> None:
    assert said(vg.Rotate(magnitude=0.5, border="reflect", p=0.25)) == [
        "Rotate: border reflect, magnitude 0.5, in 25 % of the images"
    ]
