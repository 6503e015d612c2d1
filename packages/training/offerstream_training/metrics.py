"""Metrics of a classifier and of a ranking, each with a 95 % bootstrap interval."""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

RESAMPLES = 200


@dataclass(frozen=True)
class Money:
    """What contacting somebody costs and what a positive who is contacted brings, in one currency."""

    cost: float
    value: float


class Judged:
    """Labels and probabilities of test rows, sorted once, so that each resample is one pass.

    happened: (n,) of 0 and 1. probability: (n,).

    >>> judged = Judged(np.array([0, 0, 1, 1]), np.array([0.1, 0.4, 0.35, 0.8]), 0.5, Money(1, 4))
    >>> round(judged.metrics()['auc'], 2), judged.metrics()['profit']
    (0.75, 3.0)
    """

    def __init__(self, happened: np.ndarray, probability: np.ndarray, threshold: float, money: Money):
        self.order = np.argsort(-probability, kind='stable')
        self.y = happened[self.order].astype(np.float64)
        self.p = np.clip(np.asarray(probability, dtype=np.float64)[self.order], 1e-12, 1 - 1e-12)
        self.ends = np.append(np.flatnonzero(np.diff(self.p)), len(self.p) - 1)
        self.chosen = int((self.p >= threshold).sum())
        self.bins = np.arange(len(self.p)) * 10 // len(self.p)
        self.losses = -np.where(self.y > 0, np.log(self.p), np.log1p(-self.p))
        self.money = money

    def metrics(self, weight: np.ndarray | None = None) -> dict[str, float]:
        """With rows counting `weight` (n,) times. Equal probabilities share what falls on them.

        Average precision is Σ precision · Δrecall; lift at k % is precision among them over the base rate; ECE is over
        ten bins of equally many rows (Naeini et al. 2015); profit is value · positives contacted − cost · contacted.
        """
        w = np.ones(len(self.y)) if weight is None else weight[self.order]
        everyone = np.append(0, np.cumsum(w)[self.ends])
        positives = np.append(0, np.cumsum(w * self.y)[self.ends])
        total, hits = everyone[-1], positives[-1]
        misses = total - hits
        gained = np.diff(positives)
        precision = positives[1:] / np.maximum(everyone[1:], 1e-12)
        contacted, found = w[: self.chosen].sum(), (w * self.y)[: self.chosen].sum()
        f1 = 2 * found / max(contacted + hits, 1e-12)
        left, left_wrong = total - contacted, hits - found
        f1_negative = 2 * (left - left_wrong) / max(left + misses, 1e-12)
        lifts = {
            f'lift{share}': np.interp(total * share / 100, everyone, positives) / hits * 100 / share
            for share in (5, 10, 20)
        }
        gaps = np.bincount(self.bins, w * (self.y - self.p), 10)
        return {
            'auc': float(
                np.sum(np.diff(everyone - positives) * (positives[1:] + positives[:-1])) / (2 * hits * misses)
            ),
            'averagePrecision': float(np.sum(gained * precision) / hits),
            'logLoss': float(np.sum(w * self.losses) / total),
            'f1Positive': float(f1),
            'f1Macro': float((f1 + f1_negative) / 2),
            **{name: float(lift) for name, lift in lifts.items()},
            'ece': float(np.abs(gaps).sum() / total),
            'profit': float(self.money.value * found - self.money.cost * contacted),
        }

    def with_intervals(self, group: np.ndarray | None = None) -> dict[str, dict[str, float]]:
        """Each metric as value, low and high; whole groups are drawn where there are groups, (n,)."""
        random = np.random.default_rng(0)
        members = np.arange(len(self.y)) if group is None else np.unique(group, return_inverse=True)[1]
        count = members.max() + 1
        value = self.metrics()
        drawn: list[dict[str, float]] = []
        while len(drawn) < RESAMPLES:
            weight = np.bincount(random.integers(0, count, count), minlength=count)[members]
            if 0 < weight[self.order] @ self.y < weight.sum():
                drawn.append(self.metrics(weight.astype(np.float64)))
        return {name: _interval(value[name], [each[name] for each in drawn]) for name in value}


def ndcg(score: np.ndarray, label: np.ndarray, start: np.ndarray, at: tuple[int, ...] = (1, 3, 5, 10)) -> np.ndarray:
    """NDCG@k of every group, gain 2^label − 1 over log2(place + 1) (Burges et al. 2005), (groups, len(at)).

    score, label: (n,), rows of a group on end; start: (groups + 1,) where each begins. Groups without anything
    relevant count 1, as in LightGBM. Equal scores keep the order of the rows.
    """
    out = np.ones((len(start) - 1, len(at)))
    for index, (low, high) in enumerate(pairwise(start)):
        gain = 2.0 ** label[low:high] - 1
        if gain.max() == 0:
            continue
        discount = 1 / np.log2(np.arange(2, len(gain) + 2))
        mine = np.cumsum(gain[np.argsort(-score[low:high], kind='stable')] * discount)
        best = np.cumsum(np.sort(gain)[::-1] * discount)
        places = np.minimum(at, len(gain)) - 1
        out[index] = mine[places] / best[places]
    return out


def ndcg_intervals(per_group: np.ndarray, at: tuple[int, ...] = (1, 3, 5, 10)) -> dict[str, dict[str, float]]:
    """The mean over groups with its interval; groups are drawn. per_group: (groups, len(at))."""
    random = np.random.default_rng(0)
    drawn = [per_group[random.integers(0, len(per_group), len(per_group))].mean(axis=0) for _ in range(1000)]
    value = per_group.mean(axis=0)
    return {f'ndcg{k}': _interval(float(value[i]), [float(each[i]) for each in drawn]) for i, k in enumerate(at)}


def auc(happened: np.ndarray, score: np.ndarray) -> float:
    """Area under the curve, ties counting half. Both (n,), no missing."""
    order = np.argsort(score, kind='stable')
    y, s = happened[order].astype(np.float64), score[order]
    ends = np.append(np.flatnonzero(np.diff(s)), len(s) - 1)
    positives, everyone = np.append(0, np.cumsum(y)[ends]), np.append(0, ends + 1)
    below = everyone - positives
    hits, misses = positives[-1], below[-1]
    return float(np.sum(np.diff(positives) * (below[1:] + below[:-1])) / (2 * hits * misses))


def _interval(value: float, drawn: list[float]) -> dict[str, float]:
    low, high = np.percentile(drawn, [2.5, 97.5])
    return {'value': value, 'low': float(low), 'high': float(high)}
