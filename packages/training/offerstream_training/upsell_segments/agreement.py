"""How far models agree about the same rows."""

from itertools import combinations

import numpy as np
from scipy.stats import kendalltau

MOST_ROWS = 20_000
"""Kendall's τ is of rows drawn from more than these."""


def agreement(margins: dict[str, np.ndarray], chosen: dict[str, np.ndarray]) -> list[dict]:
    """Of every pair of models: how their scores go together, who is in both top deciles, and what they decide.

    margins: name to (n,); chosen: name to (n,) bool, whom each contacts. `correlation` is Pearson's, `kendall` is τ-b,
    `topDecile` the share of one's tenth that is in the other's too, by chance 0.1; `kappa` is Cohen's (1960).
    """
    return [
        {'models': [one, other], **pair(margins[one], margins[other], chosen[one], chosen[other])}
        for one, other in combinations(margins, 2)
    ]


def pair(a: np.ndarray, b: np.ndarray, chosen_a: np.ndarray, chosen_b: np.ndarray) -> dict:
    """Of two models, each (n,).

    >>> all, none = np.array([True] * 4), np.array([False] * 4)
    >>> found = pair(np.array([1.0, 2, 3, 4]), np.array([1.0, 3, 2, 4]), all, none)
    >>> round(found['kendall'], 3), found['onlyFirst']
    (0.667, 4)
    """
    rows = np.sort(np.random.default_rng(0).permutation(len(a))[:MOST_ROWS])
    varies = len(a) > 1 and a.std() > 0 and b.std() > 0
    both, neither = int((chosen_a & chosen_b).sum()), int((~chosen_a & ~chosen_b).sum())
    return {
        'correlation': float(np.corrcoef(a, b)[0, 1]) if varies else float('nan'),
        'kendall': float(kendalltau(a[rows], b[rows]).statistic) if varies else float('nan'),
        'topDecile': top_overlap(a, b),
        'both': both,
        'onlyFirst': int((chosen_a & ~chosen_b).sum()),
        'onlySecond': int((~chosen_a & chosen_b).sum()),
        'neither': neither,
        'kappa': _kappa(both, neither, float(chosen_a.mean()), float(chosen_b.mean()), len(a)),
    }


def top_overlap(a: np.ndarray, b: np.ndarray, share: float = 0.1) -> float:
    """The share of the highest of one that is among the highest of the other. Both (n,).

    >>> top_overlap(np.arange(20.0), -np.arange(20.0))
    0.0
    """
    count = max(1, round(len(a) * share))
    tops = [set(np.argsort(-each, kind='stable')[:count].tolist()) for each in (a, b)]
    return len(tops[0] & tops[1]) / count


def _kappa(both: int, neither: int, first: float, second: float, rows: int) -> float:
    """Agreement of decisions over that of chance; NaN where both decide one thing for everybody."""
    by_chance = first * second + (1 - first) * (1 - second)
    return ((both + neither) / rows - by_chance) / (1 - by_chance) if by_chance < 1 else float('nan')
