"""The target over time."""

from dataclasses import dataclass

import numpy as np
import polars as pl
from scipy.stats import norm

from ..table import moments
from .slices import Target

PERIODS = 24
DAY = 86_400_000


@dataclass(frozen=True)
class Trend:
    """rows: (period, rows, mean, low, high); slope: change of the mean from the first period to the last, fitted."""

    rows: list[tuple[str, int, float, float, float]]
    slope: float
    chance: float

    def told(self) -> dict:
        """As --json says it."""
        keys = ('period', 'rows', 'mean', 'low', 'high')
        rows = [dict(zip(keys, row, strict=True)) for row in self.rows]
        return {'periods': rows, 'change': self.slope, 'chance': self.chance}


def trend(times: pl.Series, target: Target) -> Trend:
    """By day, week or month where times are dates or epoch ms, else in equal steps. Raises `Trouble` for a text.

    `chance` is Cochran and Armitage's: the slope over its standard error where nothing changes.
    """
    values = moments(times)
    labels, code = _periods(times, values)
    rows = [(label, int((code == at).sum()), *target.mean(code == at)) for at, label in enumerate(labels)]
    if len(labels) < 2 or target.y.std() == 0:
        return Trend(rows, 0.0, 1.0)
    related = float(np.corrcoef(code, target.y)[0, 1])
    count = len(code) / target.effect(np.ones(len(code), dtype=bool))
    slope = related * target.y.std() / code.std() * (len(labels) - 1)
    return Trend(rows, float(slope), float(2 * norm.sf(abs(related) * count**0.5)))


def _periods(times: pl.Series, values: np.ndarray) -> tuple[list[str], np.ndarray]:
    if not times.dtype.is_temporal() and times.dtype.is_integer() and values.min() > 1e11 and values.max() < 1e13:
        times = times.cast(pl.Int64).cast(pl.Datetime('ms'))
    if times.dtype in (pl.Date, pl.Datetime):
        span = float((times.max() - times.min()).total_seconds()) * 1000 / DAY
        step, form = (
            ('1d', '%m-%d') if span <= PERIODS else ('1w', '%m-%d') if span <= 7 * PERIODS else ('1mo', '%Y-%m')
        )
        starts = times.dt.truncate(step)
        found = starts.unique().sort()
        return found.dt.strftime(form).to_list(), np.searchsorted(found.to_physical(), starts.to_physical())
    distinct = np.unique(values)
    if len(distinct) <= PERIODS:
        return [f'{at:.6g}' for at in distinct], np.searchsorted(distinct, values)
    edges = np.linspace(distinct[0], distinct[-1], 13)
    code = np.clip(np.searchsorted(edges, values, side='right') - 1, 0, 11)
    found, code = np.unique(code, return_inverse=True)
    return [f'from {edges[at]:.4g}' for at in found], code
