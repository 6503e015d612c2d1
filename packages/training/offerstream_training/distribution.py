"""Ranking distribution analysis: where offers that were accepted stood in a ranking, against those that were not.

Each offer is ranked among what the customer could have been shown, by scores made before its outcome:
u = (rank − 1) / (eligible − 1), 0 at the top. A ranking that knows what customers want puts the accepted ones higher.
An offer with nothing else to choose from says nothing and is left out.

P(u of an accepted offer < u of a rejected one) is Mann and Whitney's statistic (1947), ties counting half, among offers
of the same plan, so that a plan that is liked and ranked high by everybody counts for nothing; plans are weighted by
their pairs. With weights 1/propensity, normalised by their sum, the offers stand for those of a policy that offers all
that is eligible alike (Hájek 1971). Intervals are 95 % percentiles of a bootstrap that draws customers.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from .choices import Choices
from .report import Section, metrics_table, rank_plot, table, trend_plot
from .trouble import Trouble

RESAMPLES = 200
BUCKETS = ((1, 1), (2, 2), (3, 3), (4, 5), (6, 10), (11, 10_000))

Interval = dict[str, float]


@dataclass(frozen=True)
class Distribution:
    """u, accepted, rejected: (offers,) of those with something to choose from.

    metrics and weighted have acceptedBeforeRejected, acceptedBeforeRest, hit1, mrr, ndcg3, each as value, low and high
    (NaN where there is nothing to say); hit1, mrr and ndcg3 are of the accepted offers. rest is all not accepted.
    """

    u: np.ndarray
    accepted: np.ndarray
    rejected: np.ndarray
    left_out: int
    effective: float
    metrics: dict[str, Interval]
    weighted: dict[str, Interval]
    plans: list[dict]
    buckets: list[dict]

    def summary(self) -> dict:
        """What --json prints of it. Shares of the distributions are of ten bins of u."""
        groups = {'accepted': self.accepted, 'rejected': self.rejected, 'rest': ~self.accepted}
        return {
            'offers': len(self.u),
            'leftOut': self.left_out,
            'effectiveOffers': self.effective,
            **{name: int(rows.sum()) for name, rows in groups.items()},
            'metrics': self.metrics,
            'weighted': self.weighted,
            'distributions': {name: _shares(self.u[rows]) for name, rows in groups.items()},
            'plans': self.plans,
            'buckets': self.buckets,
        }


def rank_distribution(choices: Choices, score: np.ndarray, resamples: int = RESAMPLES) -> Distribution:
    """score: (rows,) of the table, larger is better. Organic groups are left aside. Raises `Trouble`."""
    if score.shape != (choices.frame.height,) or np.isnan(score).any():
        raise Trouble(f'{np.isnan(score).sum()} of {len(score)} scores missing, wanted {choices.frame.height}')
    better, equal, eligible = _places(choices, score)
    offer = choices.first('source') == 'offer'
    rows = choices.shown()
    kept = offer & (eligible > 1)
    if not kept.any():
        raise Trouble('no offer of the table had anything else to choose from: there is nothing to rank')
    better, equal, eligible, rows = better[kept], equal[kept], eligible[kept], rows[kept]
    u = positions(choices, score)[kept]
    accepted = choices.column('accepted')[rows]
    rejected = choices.column('rejected')[rows] & ~accepted
    names, plan = np.unique(choices.column('item')[rows].astype(str), return_inverse=True)
    one = np.ones(len(u))
    inverse = 1 / choices.column('propensity')[rows]
    judged = _Judged(u, plan, accepted, rejected, better, equal)
    person = np.unique(choices.column('customer')[rows].astype(str), return_inverse=True)[1]

    def with_intervals(of: Callable[[np.ndarray], Mapping[str, float]], weight: np.ndarray) -> dict[str, Interval]:
        return _bootstrap(of, weight, person, resamples)

    shares = [with_intervals(judged.acceptance, weight) for weight in (one, inverse)]
    buckets = [
        {
            'ranks': _bucket(low, high),
            'offers': int(judged.in_bucket[index].sum()),
            'accepted': int(accepted[judged.in_bucket[index]].sum()),
            'acceptance': shares[0][str(index)],
            'weighted': shares[1][str(index)],
        }
        for index, (low, high) in enumerate(BUCKETS)
        if judged.in_bucket[index].any()
    ]
    plans = []
    for index, name in enumerate(names):
        mine = plan == index
        wins, pairs = _wins(u[mine], np.zeros(mine.sum(), int), 1.0 * accepted[mine], 1.0 * rejected[mine])
        counts = {
            'offers': int(mine.sum()),
            'accepted': int(accepted[mine].sum()),
            'rejected': int(rejected[mine].sum()),
        }
        plans.append({'item': str(name), **counts, 'acceptedBeforeRejected': wins / pairs if pairs else float('nan')})
    return Distribution(
        u,
        accepted,
        rejected,
        int(offer.sum() - kept.sum()),
        float(inverse.sum() ** 2 / (inverse**2).sum()),
        with_intervals(judged.metrics, one),
        with_intervals(judged.metrics, inverse),
        plans,
        buckets,
    )


def distribution_sections(ranked: Mapping[str, Distribution]) -> list[Section]:
    """Of a report. ranked: by the name of what ranked, ours first."""
    first = next(iter(ranked.values()))
    groups = [('accepted', first.u[first.accepted]), ('rejected', first.u[first.rejected])]
    rest = [('not accepted', first.u[~first.accepted])]
    buckets = first.buckets
    shown = np.array([[each[name][end] for each in buckets] for name in ('acceptance', 'weighted') for end in ENDS])
    trend = trend_plot(
        'Acceptance by rank',
        'share accepted',
        [each['ranks'] for each in buckets],
        [('as offered', *shown[:3]), ('weighted by 1/propensity', *shown[3:])],
        'A ranking that knows what customers want falls from left to right.',
    )
    heads = ['plan', 'offers', 'accepted', 'rejected', 'P(accepted above rejected)']
    plans = table(heads, [list(each.values()) for each in first.plans])
    return [
        Section(
            'Ranking distribution',
            f'{len(first.u)} offers with something to choose from, {first.accepted.sum()} accepted, '
            f'{first.rejected.sum()} rejected. A half means that the ranking says nothing about it.',
            [
                metrics_table({name: each.metrics for name, each in ranked.items()}, 'ranked by'),
                rank_plot([each for each in groups if len(each[1]) > 0] + rest),
                trend,
            ],
        ),
        Section(
            'Weighted by 1/propensity',
            f'As if all that was eligible had been offered alike: worth {first.effective:.0f} offers.',
            [metrics_table({name: each.weighted for name, each in ranked.items()}, 'ranked by')],
        ),
        Section('By plan', 'Of each plan among its own offers, without weights.', [plans]),
    ]


ENDS = ('value', 'low', 'high')


class _Judged:
    """Offers with their places, so that each resample is some sums."""

    def __init__(
        self,
        u: np.ndarray,
        plan: np.ndarray,
        accepted: np.ndarray,
        rejected: np.ndarray,
        better: np.ndarray,
        equal: np.ndarray,
    ):
        self.u, self.plan, self.accepted, self.rejected = u, plan, accepted, rejected
        place = np.arange(1, int((better + equal).max()) + 1)
        gains = {'hit1': place == 1, 'mrr': 1 / place, 'ndcg3': np.where(place <= 3, 1 / np.log2(place + 1), 0)}
        # Of equal scores each order is as likely as the next.
        sums = {name: np.append(0, np.cumsum(gain)) for name, gain in gains.items()}
        self.gains = {name: (each[better + equal] - each[better]) / equal for name, each in sums.items()}
        self.in_bucket = [(better + 1 >= low) & (better + 1 <= high) for low, high in BUCKETS]
        self.cell, self.starts = _cells(u, plan)

    def metrics(self, weight: np.ndarray) -> dict[str, float]:
        """weight: (offers,)."""
        hits = weight * self.accepted
        total = hits.sum()
        return {
            'acceptedBeforeRejected': self._before(hits, weight * self.rejected),
            'acceptedBeforeRest': self._before(hits, weight * ~self.accepted),
            **{name: float(hits @ gain / total) if total > 0 else float('nan') for name, gain in self.gains.items()},
        }

    def acceptance(self, weight: np.ndarray) -> dict[str, float]:
        """Share accepted in each bucket of ranks, by its number."""
        sums = [(weight @ (rows & self.accepted), weight @ rows) for rows in self.in_bucket]
        return {str(index): float(hits / all_) if all_ > 0 else float('nan') for index, (hits, all_) in enumerate(sums)}

    def _before(self, mine: np.ndarray, theirs: np.ndarray) -> float:
        wins, pairs = _wins_of_cells(self.cell, self.starts, mine, theirs)
        return wins / pairs if pairs > 0 else float('nan')


def positions(choices: Choices, score: np.ndarray) -> np.ndarray:
    """(groups,) u of the candidate shown, equal scores sharing their places; NaN where there was nothing to choose."""
    better, equal, eligible = _places(choices, score)
    return np.where(eligible > 1, (better + (equal - 1) / 2) / np.maximum(eligible - 1, 1), np.nan)


def _places(choices: Choices, score: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(groups,) how many candidates score higher than the one shown, how many the same with it, how many there are."""
    of_row, groups = choices.of_row, len(choices.start) - 1
    mine = score[choices.shown()][of_row]
    better = np.bincount(of_row, score > mine, groups).astype(np.int64)
    equal = np.bincount(of_row, score == mine, groups).astype(np.int64)
    return better, equal, np.diff(choices.start)


def _cells(u: np.ndarray, plan: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Offers of one plan and one u are one cell: each offer's, rising by plan and u, and where each plan's begin."""
    order = np.lexsort((u, plan))
    new = np.append(True, (np.diff(plan[order]) != 0) | (np.diff(u[order]) > 1e-12))
    cell = np.empty(len(u), dtype=np.int64)
    cell[order] = np.cumsum(new) - 1
    plan_of_cell = plan[order][new]
    return cell, np.flatnonzero(np.append(True, np.diff(plan_of_cell) != 0))


def _wins_of_cells(cell: np.ndarray, starts: np.ndarray, mine: np.ndarray, theirs: np.ndarray) -> tuple[float, float]:
    count = int(cell.max()) + 1
    a, r = np.bincount(cell, mine, count), np.bincount(cell, theirs, count)
    all_a, all_r = np.add.reduceat(a, starts), np.add.reduceat(r, starts)
    sizes = np.diff(np.append(starts, count))
    before = np.cumsum(r) - np.repeat(np.cumsum(all_r) - all_r, sizes)
    later = np.repeat(all_r, sizes) - before
    return float(a @ (later + r / 2)), float(all_a @ all_r)


def _wins(u: np.ndarray, plan: np.ndarray, mine: np.ndarray, theirs: np.ndarray) -> tuple[float, float]:
    """Weighted pairs in which mine has the smaller u, ties half, and all pairs; within plans."""
    cell, starts = _cells(u, plan)
    return _wins_of_cells(cell, starts, mine, theirs)


def _bootstrap(
    of: Callable[[np.ndarray], Mapping[str, float]], weight: np.ndarray, person: np.ndarray, resamples: int
) -> dict[str, Interval]:
    random = np.random.default_rng(0)
    count = int(person.max()) + 1
    value = of(weight)
    drawn = [
        of(weight * np.bincount(random.integers(0, count, count), minlength=count)[person]) for _ in range(resamples)
    ]
    found = {}
    for name in value:
        each = np.array([resample[name] for resample in drawn])
        each = each[~np.isnan(each)]
        low, high = np.percentile(each, [2.5, 97.5]) if len(each) > 0 else (np.nan, np.nan)
        found[name] = {'value': value[name], 'low': float(low), 'high': float(high)}
    return found


def _bucket(low: int, high: int) -> str:
    return f'{low}' if low == high else f'{low}–{high}' if high < 100 else f'{low}+'


def _shares(u: np.ndarray) -> list[float]:
    counts = np.histogram(u, np.linspace(0, 1, 11))[0]
    return (counts / max(len(u), 1)).tolist()
