"""What a scorer is worth: exactly, where the truth is known, and by what happened out of time."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl

from ..trouble import Trouble
from .harness import Candidate
from .log import Log, best

RESAMPLES = 200


@dataclass(frozen=True)
class Truth:
    """Of a simulated world, (rows,): the probability that the offer is attended to, times that it is accepted then.

    Only judges see it.
    """

    attending: np.ndarray
    accept: np.ndarray

    def values(self, score: np.ndarray, log: Log) -> np.ndarray:
        """(groups,) what the plan with the highest score is worth; the mean is the policy's exact value."""
        picked = best(score, log.start)
        return self.attending[picked] * self.accept[picked]


def read_truth(folder: Path, log: Log) -> Truth:
    """Of a log's rows, from the folder `oracle` beside its table. Raises `Trouble`."""
    files = sorted((folder / 'oracle').glob('*.parquet'))
    if not files:
        raise Trouble(f'{folder} has no oracle: only a simulated world can be judged exactly')
    wanted = log.choices.frame.select('decision', 'item')
    known = pl.scan_parquet(files).join(wanted.lazy().select('decision').unique(), on='decision', how='semi').collect()
    joined = wanted.join(known, on=['decision', 'item'], how='left', maintain_order='left')
    truth = Truth(*(joined[name].to_numpy().astype(np.float64) for name in ('attending', 'accept')))
    if np.isnan(truth.attending * truth.accept)[log.offer[log.choices.of_row]].any():
        raise Trouble(f'{folder}: the oracle does not know every candidate of the table')
    return truth


class Resampled:
    """A bootstrap over the customers of a log: the same draws for whatever is compared."""

    def __init__(self, log: Log):
        self.weight = log.weight
        self.customer = np.unique(log.customer, return_inverse=True)[1]
        self.count = int(self.customer.max()) + 1
        self.times = np.random.default_rng(0).poisson(1.0, (RESAMPLES, self.count)).astype(np.float32)

    def ratio(self, over: np.ndarray, under: np.ndarray) -> dict[str, float]:
        """Σ over ÷ Σ under with its 95 % interval. Both (groups,)."""
        sums = np.column_stack([np.bincount(self.customer, self.weight * each, self.count) for each in (over, under)])
        drawn = self.times @ (sums / sums.mean(axis=0)).astype(np.float32)
        whole = float(sums[:, 0].sum() / sums[:, 1].sum())
        low, high = np.percentile(drawn[:, 0] / drawn[:, 1], [2.5, 97.5])
        return {'value': whole, 'low': float(low) * whole, 'high': float(high) * whole}


def out_of_time(candidate: Candidate, log: Log) -> dict[str, float]:
    """By what happened: log-loss and ECE of the offers shown; Hit@1 and MRR of what was bought unasked.

    Accepted offers would flatter whoever picks as the log did.
    """
    offers = log.part(log.offer)
    said = np.clip(candidate.probability(offers)[offers.row], 1e-9, 1 - 1e-9)
    loss = -np.where(offers.accepted > 0, np.log(said), np.log1p(-said))
    taken = log.part(~log.offer)
    found = {
        'logLoss': float(np.average(loss, weights=offers.weight)),
        'ece': ece(said, offers.accepted, offers.weight),
    }
    if len(taken.row) == 0:
        return found
    score = candidate.scorer.score(taken.choices)
    ahead = np.add.reduceat((score > score[taken.row][taken.choices.of_row]).astype(np.float64), taken.start[:-1])
    tied = np.add.reduceat((score == score[taken.row][taken.choices.of_row]).astype(np.float64), taken.start[:-1])
    rank = 1 + ahead + (tied - 1) / 2
    return found | {'hit1': float((rank < 1.5).mean()), 'mrr': float((1 / rank).mean())}


def ece(said: np.ndarray, happened: np.ndarray, weight: np.ndarray, bins: int = 10) -> float:
    """Mean distance of what was said and what happened over bins of equal weight (Naeini et al. 2015). All (n,)."""
    order = np.argsort(said, kind='stable')
    at = np.minimum((np.cumsum(weight[order]) / weight.sum() * bins).astype(int), bins - 1)
    gaps = np.bincount(at, (weight * (happened - said))[order], bins)
    return float(np.abs(gaps).sum() / weight.sum())
