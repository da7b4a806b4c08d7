"""Policies: trees of steps as data."""

from variegate.policy.policy import Policy as Policy
from variegate.policy.policy import as_policy as as_policy
