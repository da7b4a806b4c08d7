"""Search for a policy: spaces, methods, crash-safe studies and what they leave behind."""

from __future__ import annotations

from variegate.search.methods import METHODS, Cost, cost
from variegate.search.population import ScheduleSpace
from variegate.search.records import (
    Evaluation,
    Finalist,
    StudyResult,
    TrialRecord,
    history,
    save_best,
    studies,
)
from variegate.search.rounds import best_of
from variegate.search.sample import random_policies
from variegate.search.schedule import Rung, Schedule
from variegate.search.space import (
    ChoiceSpace,
    Family,
    FamilySpace,
    Number,
    OpRange,
    Option,
    RandAugmentSpace,
    Space,
    policy_of,
    suggest,
)
from variegate.search.space_json import default_space, space_from_dict, space_to_dict
from variegate.search.study import Objective, Progress, Scored, run_study
from variegate.search.sub_policies import SubPolicySpace, joined

__all__ = [
    "METHODS",
    "ChoiceSpace",
    "Cost",
    "Evaluation",
    "Family",
    "FamilySpace",
    "Finalist",
    "Number",
    "Objective",
    "OpRange",
    "Option",
    "Progress",
    "RandAugmentSpace",
    "Rung",
    "Schedule",
    "ScheduleSpace",
    "Scored",
    "Space",
    "StudyResult",
    "SubPolicySpace",
    "TrialRecord",
    "best_of",
    "cost",
    "default_space",
    "history",
    "joined",
    "policy_of",
    "random_policies",
    "run_study",
    "save_best",
    "space_from_dict",
    "space_to_dict",
    "studies",
    "suggest",
]
