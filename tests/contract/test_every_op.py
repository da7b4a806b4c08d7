"""Every op that is declared keeps the contract; no op is left out."""

from __future__ import annotations

import numpy as np
import pytest

from variegate.errors import PolicyError
from variegate.ops.entries import Geometry
from variegate.ops.op import OPS, Kind, Param, declare
from variegate.ops.registry import names
from variegate.testing import check_op


@pytest.mark.parametrize("name", names())
def test_an_op_keeps_the_contract(name: str) -> None:
    check_op(name)


def test_a_broken_op_is_found() -> None:
    def waver(levels: np.ndarray, amount: np.ndarray) -> np.ndarray:
        return levels + 10 * (amount > 0.4) * (amount < 0.6)

    amount = Param("amount", 0, 1, "", identity=0, weak=0, strong=1, default=(0.0, 1.0))
    declare(Kind.TABLE, source="a test", params=(amount,))(waver)
    try:
        with pytest.raises(AssertionError, match="Waver: strength grows with the magnitude"):
            check_op("Waver")
    finally:
        del OPS["Waver"]


def test_an_op_that_lowers_to_no_inverse_is_found() -> None:
    def flatten(sizes: np.ndarray) -> Geometry:
        matrix = np.zeros((len(sizes), 3, 3))
        matrix[:, 2, 2] = 1
        return Geometry(matrix, sizes, backward=matrix)

    declare(Kind.MATRIX, source="a test")(flatten)
    try:
        with pytest.raises(Exception, match="matrices are invertible"):
            check_op("Flatten")
    finally:
        del OPS["Flatten"]


def test_an_op_is_declared_once() -> None:
    def rotate(sizes: np.ndarray) -> Geometry:
        return Geometry(np.eye(3)[None], sizes)

    with pytest.raises(PolicyError, match="declared twice"):
        declare(Kind.MATRIX, source="a test")(rotate)
