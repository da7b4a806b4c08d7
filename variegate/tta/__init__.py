"""Test-time augmentation: one model, several views of each image, one merged prediction."""

from variegate.tta.report import TTAReport
from variegate.tta.tta import TTA
from variegate.tta.views import VIEWS, as_views

__all__ = ["TTA", "VIEWS", "TTAReport", "as_views"]
