"""How far inputs and scores moved between the months learnt from and the month judged on."""

import numpy as np
from scipy.stats import chi2

from .gate import Moved

BINS = 10


def moved(name: str, before: np.ndarray, after: np.ndarray) -> Moved:
    """Population stability index Σ (q − p) · ln(q / p) over tenths of `before` and one more bin for what is missing.

    before: (n,), after: (m,). The limit is max(0.1, 99.9 % quantile of χ²(B − 1) · (1/n + 1/m)): what moves less can be
    chance (Yurdakul and Naranjo, Statistical properties of the population stability index, 2020).

    >>> still = np.arange(1000.0)
    >>> moved('x', still, still).drifted, moved('x', still, still + 300).drifted
    (False, True)
    """
    known = before[~np.isnan(before)]
    edges = np.unique(np.quantile(known, np.linspace(0, 1, BINS + 1)[1:-1])) if len(known) else np.zeros(0)
    shares = []
    for values in (before, after):
        missing = np.isnan(values)
        counts = np.append(
            np.bincount(np.searchsorted(edges, values[~missing]), minlength=len(edges) + 1), missing.sum()
        )
        shares.append(counts)
    there = shares[0] + shares[1] > 0
    # Half a row more in each bin: an empty one is rare, not impossible.
    p, q = ((counts[there] + 0.5) / (counts[there] + 0.5).sum() for counts in shares)
    index = float(((q - p) * np.log(q / p)).sum())
    chance = chi2.ppf(0.999, max(int(there.sum()) - 1, 1)) * (1 / len(before) + 1 / len(after))
    return Moved(name, index, max(0.1, float(chance)))
