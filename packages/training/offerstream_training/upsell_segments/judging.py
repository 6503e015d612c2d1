"""Candidates judged on the hold-out, each against the pooled model on the same resamples."""

from dataclasses import dataclass

import numpy as np

from ..calibration import platt
from ..learners import best_f1
from ..metrics import RESAMPLES, Judged, Money
from .margins import Sides

METRICS = ('auc', 'averagePrecision', 'logLoss', 'f1Positive', 'f1Macro', 'ece')


@dataclass(frozen=True)
class Candidate:
    """A model with its calibration and threshold, both from margins out of fold, and what it says of the hold-out."""

    name: str
    margin: np.ndarray
    probability: np.ndarray
    threshold: float

    @property
    def chosen(self) -> np.ndarray:
        """(m,) bool: who would be contacted."""
        return self.probability >= self.threshold


def candidate(name: str, sides: Sides, y: np.ndarray, money: Money | None) -> Candidate:
    """Platt's calibration; the threshold is cost over value, else that of the best F1 out of fold. y: (n,)."""
    seen = ~np.isnan(sides.seen)
    calibration = platt(sides.seen[seen], y[seen])
    threshold = (
        best_f1(y[seen], calibration.probability(sides.seen[seen])) if money is None else money.cost / money.value
    )
    return Candidate(name, sides.new, calibration.probability(sides.new), threshold)


def judged(
    candidates: list[Candidate], y: np.ndarray, group: np.ndarray | None, money: Money | None
) -> tuple[dict[str, dict], dict[str, dict]]:
    """Metrics of each with 95 % bootstrap intervals, and of each but the first its difference to it, paired.

    y: (m,) of the hold-out; whole groups, (m,), are drawn where there are any.
    """
    named = (*METRICS, 'profit') if money else METRICS
    judges = [Judged(y, each.probability, each.threshold, money or Money(1, 1)) for each in candidates]
    random = np.random.default_rng(0)
    members = np.arange(len(y)) if group is None else np.unique(group, return_inverse=True)[1]
    count = int(members.max()) + 1
    drawn: list[list[list[float]]] = []
    while len(drawn) < RESAMPLES:
        weight = np.bincount(random.integers(0, count, count), minlength=count)[members].astype(np.float64)
        if 0 < weight @ y < weight.sum():
            drawn.append([[each.metrics(weight)[name] for name in named] for each in judges])
    spread = np.array(drawn)
    values = np.array([[each.metrics()[name] for name in named] for each in judges])
    absolute = {each.name: _cells(named, values[at], spread[:, at]) for at, each in enumerate(candidates)}
    against = {
        each.name: _cells(named, values[at] - values[0], spread[:, at] - spread[:, 0])
        for at, each in enumerate(candidates)
        if at > 0
    }
    return absolute, against


def _cells(named: tuple[str, ...], values: np.ndarray, drawn: np.ndarray) -> dict[str, dict[str, float]]:
    low, high = np.percentile(drawn, [2.5, 97.5], axis=0)
    return {
        name: {'value': float(values[at]), 'low': float(low[at]), 'high': float(high[at])}
        for at, name in enumerate(named)
    }
