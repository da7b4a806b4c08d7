"""The standard normal numbers that noise is made of, as one table that all engines share."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import numpy.typing as npt

ENTRIES = 4096


@lru_cache(maxsize=1)
def normal_table() -> npt.NDArray[np.float32]:
    """(4096,) float32 quantiles of the standard normal at (i + 1/2) / 4096; read-only."""
    from statistics import NormalDist  # slow to import, seldom needed

    normal = NormalDist()
    table = np.array(
        [normal.inv_cdf((i + 0.5) / ENTRIES) for i in range(ENTRIES)], dtype=np.float32
    )
    table.setflags(write=False)
    return table
