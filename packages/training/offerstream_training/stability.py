"""How far a distribution has moved: the population stability index, with a limit that chance alone does not pass."""

from functools import cache

import numpy as np
from scipy.stats import chi2

BINS = 10
LEAST = 5.0
"""Expected rows of the smaller side in a bin; those with fewer are put together, or the limit would not hold."""

Moved = tuple[float, float]
"""The index and its limit."""


def moved(before: np.ndarray, after: np.ndarray) -> Moved:
    """Of a number: bins are tenths of `before`, and one of what is missing. before: (n,); after: (m,).

    >>> still = np.arange(1000.0)
    >>> [index > limit for index, limit in (moved(still, still), moved(still, still + 300))]
    [False, True]
    """
    known = before[~np.isnan(before)]
    edges = np.unique(np.quantile(known, np.linspace(0, 1, BINS + 1)[1:-1])) if len(known) > 0 else np.zeros(0)

    def counts(values: np.ndarray) -> np.ndarray:
        missing = np.isnan(values)
        inside = np.bincount(np.searchsorted(edges, values[~missing], side='left'), minlength=len(edges) + 1)
        return np.append(missing.sum(), inside)

    return moved_counts(counts(before), counts(after))


def moved_kinds(before: np.ndarray, after: np.ndarray) -> Moved:
    """Of texts, each a bin."""
    names, codes = np.unique(np.concatenate([before, after]).astype(str), return_inverse=True)
    return moved_counts(
        np.bincount(codes[: len(before)], minlength=len(names)), np.bincount(codes[len(before) :], minlength=len(names))
    )


def moved_counts(before: np.ndarray, after: np.ndarray) -> Moved:
    """Of rows in the same bins, (bins,) each.

    Index Σ (q − p) · ln(q / p) with half a row more in each bin; limit max(0.1, 99.9 % quantile of χ²(B − 1) ·
    (1/n + 1/m)) (Yurdakul and Naranjo, Statistical properties of the population stability index, 2020).
    """
    n, m = int(before.sum()), int(after.sum())
    if n == 0 or m == 0:
        return 0.0, 0.1
    rare = (before + after) * (min(n, m) / (n + m)) < LEAST
    before, after = (np.append(each[~rare], each[rare].sum()) for each in (before, after))
    there = before + after > 0
    before, after = before[there] + 0.5, after[there] + 0.5
    p, q = before / before.sum(), after / after.sum()
    limit = _chance(max(len(p) - 1, 1)) * (1 / n + 1 / m)
    return float(np.sum((q - p) * np.log(q / p))), max(0.1, float(limit))


@cache
def _chance(freedom: int) -> float:
    return float(chi2.ppf(0.999, freedom))
