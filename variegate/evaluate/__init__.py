"""Judge finished runs: accuracies, differences with intervals, classes harmed, and the report.

This room never trains. It takes predictions as data and gives plain data and files.
"""

from variegate.evaluate.compare import arms_to_confirm, summary, text_lines
from variegate.evaluate.distance import Distance, distance_from_random
from variegate.evaluate.learned import Learned, Tried, importance
from variegate.evaluate.moderate import class_differences
from variegate.evaluate.report import write_report
from variegate.evaluate.results import Comparison, Run
from variegate.evaluate.schema import Summary
from variegate.evaluate.statistics import (
    Difference,
    Estimate,
    adjust,
    mean_accuracy,
    paired_difference,
    verdict,
)

__all__ = [
    "Comparison",
    "Difference",
    "Distance",
    "Estimate",
    "Learned",
    "Run",
    "Summary",
    "Tried",
    "adjust",
    "arms_to_confirm",
    "class_differences",
    "distance_from_random",
    "importance",
    "mean_accuracy",
    "paired_difference",
    "summary",
    "text_lines",
    "verdict",
    "write_report",
]
