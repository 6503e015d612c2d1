"""What two policies would have been worth on a log that drew what it showed, and how sure that is.

Doubly robust with the challenger's probability as the reward model, which saw earlier months only: Dudík, Langford and
Li, Doubly robust policy evaluation and learning, ICML 2011, eq. 1. SNIPS beside it: Swaminathan and Joachims, The
self-normalized estimator for counterfactual learning, NIPS 2015, eq. 9. Intervals are percentiles of a bootstrap that
draws customers.
"""

from dataclasses import dataclass

import numpy as np

from ..choices import Choices
from .champion import Scores

RESAMPLES = 500

Estimate = dict[str, float]
"""value, low and high; the interval holds 95 %."""


@dataclass(frozen=True)
class Evidence:
    """How much of a log speaks for one policy. `effective` by Kish, (Σ w)² / Σ w²."""

    decisions: int
    effective: float
    largestShare: float
    """Of all weight, that one decision has."""
    overlap: float
    """Share of decisions where the log could have shown what the policy picks."""
    answers: int
    """Accepted offers among those that the policy would have made too."""


@dataclass(frozen=True)
class Compared:
    """Champion, challenger and the difference challenger − champion on the same decisions."""

    value: dict[str, Estimate]
    snips: dict[str, Estimate]
    loss: dict[str, Estimate]
    came: dict[str, Estimate]
    """Acceptances that came of the offers made, over those that each expects: 1 is calibrated."""
    evidence: dict[str, Evidence]
    same: float
    """Share of decisions where both pick the same."""
    decisions: int
    customers: int
    accepted: int


def compared(choices: Choices, champion: Scores, challenger: Scores, reward: str = 'accepted') -> Compared:
    """Of offer groups only. reward: 'accepted' counts acceptances, 'margin' their margin, by which then both choose."""
    taken = choices.shown()
    worth = np.ones(len(choices.x)) if reward == 'accepted' else choices.column('margin_minor').astype(np.float64)
    happened = choices.column('accepted')[taken].astype(np.float64)
    got = happened * worth[taken]
    propensity = choices.column('propensity')
    model = challenger.probability * worth
    columns: dict[str, np.ndarray] = {'rows': np.ones(len(taken))}
    evidence, picks = {}, {}
    for who, scores in (('champion', champion), ('challenger', challenger)):
        by = scores.preference if reward == 'accepted' else scores.probability * worth
        pick = picks[who] = best(by, choices.start)
        weight = np.where(pick == taken, 1 / propensity[taken], 0.0)
        said = np.clip(scores.probability[taken], 1e-12, 1 - 1e-12)
        columns |= {
            f'{who} weight': weight,
            f'{who} weighed': weight * got,
            f'{who} robust': model[pick] + weight * (got - model[taken]),
            f'{who} loss': -np.where(happened > 0, np.log(said), np.log1p(-said)),
            f'{who} expected': said,
            f'{who} happened': happened,
        }
        evidence[who] = _evidence(weight, propensity[pick] > 0, happened)
    totals = resampled(np.column_stack(list(columns.values())), choices.first('customer'))
    at = dict(zip(columns, totals.T, strict=True))

    def ratio(above: str, below: str) -> dict[str, np.ndarray]:
        both = {who: at[f'{who} {above}'] / _positive(at[below.format(who)]) for who in picks}
        return both | {'difference': both['challenger'] - both['champion']}

    def estimates(drawn: dict[str, np.ndarray]) -> dict[str, Estimate]:
        return {who: _estimate(values) for who, values in drawn.items()}

    return Compared(
        estimates(ratio('robust', 'rows')),
        estimates(ratio('weighed', '{} weight')),
        estimates(ratio('loss', 'rows')),
        estimates(ratio('happened', '{} expected')),
        evidence,
        float((picks['champion'] == picks['challenger']).mean()),
        len(taken),
        len(np.unique(choices.first('customer'))),
        int(happened.sum()),
    )


def best(score: np.ndarray, start: np.ndarray) -> np.ndarray:
    """The row with the highest score of each group, the first of equals. score: (rows,); returns (groups,).

    >>> best(np.array([1.0, 3.0, 3.0, 2.0, 0.0]), np.array([0, 3, 5])).tolist()
    [1, 3]
    """
    sizes = np.diff(start)
    rows = np.flatnonzero(score == np.repeat(np.maximum.reduceat(score, start[:-1]), sizes))
    return rows[np.unique(np.repeat(np.arange(len(sizes)), sizes)[rows], return_index=True)[1]]


def resampled(columns: np.ndarray, customer: np.ndarray) -> np.ndarray:
    """Sums of columns (n, k) as they are and under draws of customers (n,), (1 + RESAMPLES, k), themselves first."""
    random = np.random.default_rng(0)
    member = np.unique(customer.astype(str), return_inverse=True)[1]
    count = int(member.max()) + 1
    sums = np.column_stack([np.bincount(member, column, count) for column in columns.T])
    drawn = [np.bincount(random.integers(0, count, count), minlength=count) @ sums for _ in range(RESAMPLES)]
    return np.vstack([sums.sum(axis=0), *drawn])


def _evidence(weight: np.ndarray, possible: np.ndarray, happened: np.ndarray) -> Evidence:
    sum_, squares = float(weight.sum()), float(weight @ weight)
    effective = sum_**2 / squares if squares > 0 else 0.0
    share = float(weight.max() / sum_) if sum_ > 0 else 0.0
    return Evidence(len(weight), effective, share, float(possible.mean()), int(happened[weight > 0].sum()))


def _positive(values: np.ndarray) -> np.ndarray:
    return np.maximum(values, 1e-12)


def _estimate(drawn: np.ndarray) -> Estimate:
    low, high = np.percentile(drawn[1:], [2.5, 97.5])
    return {'value': float(drawn[0]), 'low': float(low), 'high': float(high)}
