"""Tables made from the image's own statistics."""

from __future__ import annotations

import numpy as np

from variegate.ops.entries import Floats, Measure, MeasureMode
from variegate.ops.op import Kind, declare
from variegate.ops.tone import PILLOW, factor


@declare(Kind.MEASURED, source=PILLOW)
def autocontrast(count: int) -> Measure:
    """Stretch each channel so that its darkest level becomes 0 and its brightest 255."""
    return Measure(MeasureMode.STRETCH, np.zeros(count))


@declare(Kind.MEASURED, source=PILLOW)
def equalize(count: int) -> Measure:
    """Give each channel an even histogram."""
    return Measure(MeasureMode.EQUALIZE, np.zeros(count))


@declare(Kind.MEASURED, source=PILLOW, params=(factor(),))
def contrast(factor: Floats) -> Measure:
    """Scale the distance from the mean gray: 0 is flat gray, 1 unchanged."""
    return Measure(MeasureMode.ABOUT_MEAN, factor)
