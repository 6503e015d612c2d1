"""Inputs that say the same: a network of correlations, of each connected part of which one input stays."""

import numpy as np

from ..metrics import auc

LIMIT = 0.9
MOST_ROWS = 50_000
"""Of the training rows that correlations and AUC are taken on."""


def network(x: np.ndarray, y: np.ndarray, limit: float = LIMIT) -> np.ndarray:
    """The inputs that stay, in order: of every part connected by |ρ| > limit the one with the best AUC on its own.

    x: (n, inputs), NaN counts as the mean. y: (n,) of 0 and 1. Equal ones keep the first; a constant input stays alone.
    """
    rows = np.sort(np.random.default_rng(0).permutation(len(y))[:MOST_ROWS])
    x, y = x[rows], y[rows]
    parts = components(correlations(x), limit)
    kept = []
    for part in np.unique(parts):
        members = np.flatnonzero(parts == part)
        kept.append(
            int(members[0]) if len(members) == 1 else int(members[np.argmax([_told(x[:, m], y) for m in members])])
        )
    return np.array(sorted(kept))


def correlations(x: np.ndarray) -> np.ndarray:
    """Pearson's ρ, (inputs, inputs), with NaN as the mean of its column; 0 for what is constant."""
    known = ~np.isnan(x)
    mean = np.where(known, x, 0).sum(axis=0, dtype=np.float64) / np.maximum(known.sum(axis=0), 1)
    z = np.where(known, x - mean, 0)
    size = np.sqrt((z**2).sum(axis=0))
    z /= np.where(size > 1e-12 * len(x), size, np.inf)
    return z.T @ z


def components(rho: np.ndarray, limit: float) -> np.ndarray:
    """The part each input belongs to, named by its first member; union and find. rho: (inputs, inputs).

    >>> components(np.array([[1, 0.95, 0], [0.95, 1, 0], [0, 0, 1]]), 0.9).tolist()
    [0, 0, 2]
    """
    parent = np.arange(len(rho))

    def root(at: int) -> int:
        while parent[at] != at:
            parent[at] = parent[parent[at]]
            at = parent[at]
        return at

    for one, other in np.argwhere(np.triu(np.abs(rho), 1) > limit):
        low, high = sorted((root(int(one)), root(int(other))))
        parent[high] = low
    return np.array([root(at) for at in range(len(rho))])


def _told(values: np.ndarray, y: np.ndarray) -> float:
    """How far from a half the AUC of an input is, among the rows that have it."""
    known = ~np.isnan(values)
    y = y[known]
    if len(y) == 0 or y.min() == y.max():
        return 0.0
    return abs(auc(y, values[known]) - 0.5)
