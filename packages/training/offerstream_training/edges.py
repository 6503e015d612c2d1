"""Rows where a wrong model shows: thresholds and their float32 neighbours, zero, next to zero, missing, far out."""

import numpy as np

from .boundary import at_boundary
from .ensemble import Ensemble


def edge_rows(ensemble: Ensemble, real: np.ndarray, seed: int = 0, most: int | None = None) -> np.ndarray:
    """For every threshold three rows: a real row with that column at the nearest float32 and its two neighbours.

    real: (m, width) float32, passed the boundary, m ≥ 1. Returns (3 · distinct thresholds, width), or `most` of them.
    """
    random = np.random.default_rng(seed)
    # scikit-learn splits what is missing from all the rest at infinity.
    inner = [place for place, at in enumerate(ensemble.threshold) if ensemble.column[place] != -1 and np.isfinite(at)]
    cuts = sorted({(ensemble.column[place], ensemble.threshold[place]) for place in inner})
    if most is not None and len(cuts) * 3 > most:
        cuts = [cuts[index] for index in np.sort(random.choice(len(cuts), most // 3, replace=False))]
    rows = real[random.integers(0, len(real), 3 * len(cuts))].copy()
    for index, (column, threshold) in enumerate(cuts):
        near = np.float32(threshold)
        rows[3 * index : 3 * index + 3, column] = [
            near,
            np.nextafter(near, np.float32(-np.inf)),
            np.nextafter(near, np.float32(np.inf)),
        ]
    return at_boundary(rows)


def odd_rows(real: np.ndarray, count: int, seed: int = 0) -> np.ndarray:
    """Real rows with missing, zero, tiny and far-out inputs in a third of their columns. (count, width) float32."""
    random = np.random.default_rng(seed)
    rows = real[random.integers(0, len(real), count)].copy()
    odd = random.choice(np.array([np.nan, 0, -0.0, 1e-31, 1e-29, 1e9, -1e9], dtype=np.float32), rows.shape)
    hit = random.random(rows.shape) < 1 / 3
    rows[hit] = odd[hit]
    rows[: min(2, count)] = np.array([[np.nan], [0]], dtype=np.float32)[: min(2, count)]
    return at_boundary(rows)
