"""Where a column is cut into segments, each large enough for a model of its own."""

from dataclasses import dataclass

import numpy as np

from ..trouble import Trouble

LEAST = 60
"""Positives, and as many negatives, that a segment has among the training rows at least."""


@dataclass(frozen=True)
class Cuts:
    """Segment i reaches from edge i−1 (exclusive) to edge i; what is missing is the last one, where `missing`."""

    column: str
    edges: np.ndarray
    missing: bool

    @property
    def names(self) -> list[str]:
        """Of the segments, in order."""
        low = [None, *self.edges.tolist()]
        high = [*self.edges.tolist(), None]
        parts = [_name(*ends) for ends in zip(low, high, strict=True)]
        return [f'{self.column} {part}' for part in parts] + ([f'{self.column} missing'] if self.missing else [])

    def of(self, values: np.ndarray) -> np.ndarray:
        """The segment of each row, (n,); −1 where it has none, so that the pooled model answers."""
        code = np.searchsorted(self.edges, values, side='left')
        return np.where(np.isnan(values), len(self.edges) + 1 if self.missing else -1, code)


def cuts(
    column: str, values: np.ndarray, y: np.ndarray, given: list[float] | None = None, count: int = 4, least: int = LEAST
) -> Cuts:
    """Segments of training rows: by given edges, else of equally many rows; small ones join their smaller neighbour.

    values: (n,), NaN missing; y: (n,) of 0 and 1. Raises `Trouble` where no two segments are large enough.

    >>> cuts('age', np.arange(100.0), np.arange(100) % 2, [20, 22, 60], least=5).names
    ['age to 22', 'age 22 to 60', 'age over 60']
    """
    known = ~np.isnan(values)
    if given is None:
        inner = np.quantile(values[known], np.linspace(0, 1, count + 1)[1:-1], method='lower') if known.any() else []
        edges = np.unique(inner)
        edges = edges[edges < values[known].max()] if len(edges) else edges
    else:
        edges = np.unique(np.array(given, dtype=np.float64))
    while len(edges):
        sizes = _sizes(np.searchsorted(edges, values[known], side='left'), y[known], len(edges) + 1)
        small = int(np.argmin(sizes))
        if sizes[small] >= least:
            break
        left = small == len(sizes) - 1 or (small > 0 and sizes[small - 1] < sizes[small + 1])
        edges = np.delete(edges, small - 1 if left else small)
    lost = bool(_sizes(np.zeros((~known).sum(), dtype=np.int64), y[~known], 1)[0] >= least)
    if len(edges) + 1 + lost < 2:
        raise Trouble(f'{column} gives no two segments with {least} positives and as many negatives each')
    return Cuts(column, edges, lost)


def _sizes(code: np.ndarray, y: np.ndarray, count: int) -> np.ndarray:
    """Of the rarer class in each segment."""
    return np.minimum(np.bincount(code[y > 0], minlength=count), np.bincount(code[y <= 0], minlength=count))


def _name(low: float | None, high: float | None) -> str:
    if low is None:
        return 'all' if high is None else f'to {high:.6g}'
    return f'over {low:.6g}' if high is None else f'{low:.6g} to {high:.6g}'
