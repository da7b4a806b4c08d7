"""scikit-learn's digits: 1,797 handwritten digits of 8 x 8 pixels, no file needed."""

from __future__ import annotations

import numpy as np

from variegate.data.arrays import from_arrays
from variegate.data.dataset import Dataset
from variegate.data.options import Options
from variegate.errors import DataError

__all__ = ["load_digits"]

_HIGHEST = 16


def load_digits(options: Options) -> Dataset:
    """Return the digits as uint8 (1797, 8, 8, 1): round(value * 255 / 16).

    Source: E. Alpaydin and C. Kaynak, Optical Recognition of Handwritten Digits, UCI, 1998, as
    shipped with scikit-learn. Raises DataError where scikit-learn is not installed.
    """
    try:
        from sklearn.datasets import load_digits as fetch
    except ImportError as error:
        raise DataError(
            "digits: needs scikit-learn; install it, or give a folder or .npz file"
        ) from error
    found = fetch()
    images = np.rint(found.images * (255 / _HIGHEST)).astype(np.uint8)[..., None]
    labels = found.target.astype(np.int64)
    return from_arrays("digits", images, labels, [str(digit) for digit in range(10)], options)
