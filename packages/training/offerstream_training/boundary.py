"""What every row passes before a model sees it, in training and in serving (packages/ranker/src/boundary.ts)."""

import numpy as np

from .trouble import Trouble

SMALLEST = 1e-30
"""Smaller than this, native and exported models disagree about whether a number is zero."""


def at_boundary(rows: np.ndarray, names: list[str] | None = None) -> np.ndarray:
    """The rows as float32 with next to nothing as nothing; missing stays NaN.

    rows: (n, columns) of any real type. Returns a new (n, columns) float32 array. Raises `Trouble` for an infinite
    value, also for one that only float32 cannot hold, with its row (from 0) and column.

    >>> at_boundary(np.array([[1e-31, 0.5, np.nan]])).tolist()
    [[0.0, 0.5, nan]]
    """
    with np.errstate(over='ignore'):
        out = np.array(rows, dtype=np.float32)
    infinite = np.isinf(out)
    if infinite.any():
        row, column = np.argwhere(infinite)[0]
        name = f'column {names[column]}' if names else f'input {column}'
        raise Trouble(f'{name} is infinite in row {row}, or too large for a float32')
    out[np.abs(out) < SMALLEST] = 0
    return out
