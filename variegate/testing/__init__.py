"""Checks for people who add an op: `check_op(name)` runs the whole contract of one op."""

from variegate.testing.contract import check_op as check_op
from variegate.testing.pictures import engines as engines
from variegate.testing.pictures import pictures as pictures
