"""The target by slice of each column, with intervals, and which columns go with it beyond chance."""

from dataclasses import dataclass

import numpy as np
import polars as pl
from scipy.stats import chi2

from ..report import wilson
from .columns import kind_of, numbers

BINS = 10
LEVELS = 12
"""A column with no more different values is cut into them, else by quantiles; rarer texts stand together."""
CHANCE = 0.05
"""Share of false ones among the columns that are said to go with the target."""


@dataclass(frozen=True)
class Target:
    """y: (rows,), 0 and 1 or any number. group: (rows,) from 0, or none."""

    name: str
    y: np.ndarray
    group: np.ndarray | None = None

    @property
    def binary(self) -> bool:
        """Of two classes, 0 and 1."""
        return bool(np.isin(self.y, (0, 1)).all())

    def mean(self, rows: np.ndarray) -> tuple[float, float, float]:
        """Of some rows, a mask (rows,), with its 95 % interval: Wilson's for a share, else the normal one.

        Where rows come in groups, they count as many as their variance between groups says (Kish's design effect).
        """
        y = self.y[rows]
        if len(y) == 0:
            return float('nan'), float('nan'), float('nan')
        mean, count = float(y.mean()), len(y) / self.effect(rows)
        if self.binary:
            low, high = wilson(np.array([mean * count]), np.array([count]))
            return mean, float(low[0]), float(high[0])
        reach = 1.959964 * float(y.std()) / max(count, 1.0) ** 0.5
        return mean, mean - reach, mean + reach

    def effect(self, rows: np.ndarray) -> float:
        """How many rows weigh as one because those of a group go together, 1 at least."""
        if self.group is None:
            return 1.0
        error = self.y[rows] - self.y[rows].mean()
        alone = float((error**2).sum())
        sums = np.bincount(self.group[rows], error)
        return max(1.0, float((sums**2).sum()) / alone) if alone > 0 else 1.0


@dataclass(frozen=True)
class Slices:
    """One column cut into slices. rows: (name, rows, mean, low, high); explains: share of the target's variance."""

    column: str
    rows: list[tuple[str, int, float, float, float]]
    explains: float
    chance: float
    """How likely as much is by chance, the number of columns looked at taken into account."""

    def told(self) -> dict:
        """As --json says it."""
        keys = ('slice', 'rows', 'mean', 'low', 'high')
        rows = [dict(zip(keys, row, strict=True)) for row in self.rows]
        return {'column': self.column, 'explains': self.explains, 'chance': self.chance, 'slices': rows}


def slices(frame: pl.DataFrame, target: Target, names: list[str]) -> list[Slices]:
    """Of each column that has more than one slice, the one that explains most first."""
    found = []
    for name in names:
        labels, code = cut(frame[name])
        if len(labels) > 1:
            found.append((name, labels, code, *_explains(target, code, len(labels))))
    chances = adjusted(np.array([each[4] for each in found]))
    out = []
    for (name, labels, code, explains, _), chance in zip(found, chances, strict=True):
        rows = [(label, int((code == at).sum()), *target.mean(code == at)) for at, label in enumerate(labels)]
        out.append(Slices(name, rows, explains, float(chance)))
    return sorted(out, key=lambda each: -each.explains)


def cut(series: pl.Series) -> tuple[list[str], np.ndarray]:
    """Names of the slices and the slice of each row, (rows,); what is missing is a slice of its own, the last."""
    kind = kind_of(series)
    lost = series.is_null().to_numpy()
    if kind == 'empty':
        return ['missing'], np.zeros(len(series), dtype=np.int64)
    if kind == 'text' or series.dtype == pl.Boolean:
        labels, code = _levels(series)
    else:
        labels, code = _bins(series, lost)
    if lost.any():
        code = np.where(lost, len(labels), code)
        labels.append('missing')
    return labels, code


def _levels(series: pl.Series) -> tuple[list[str], np.ndarray]:
    texts = series.cast(pl.String)
    common = texts.drop_nulls().value_counts(sort=True)[series.name].to_list()
    named = common if len(common) <= LEVELS else common[: LEVELS - 1]
    place = {text: at for at, text in enumerate(sorted(named))}
    code = texts.replace_strict(place, default=len(place), return_dtype=pl.Int64).to_numpy()
    return sorted(named) + ([f'{len(common) - len(named)} others'] if len(named) < len(common) else []), code


def _bins(series: pl.Series, lost: np.ndarray) -> tuple[list[str], np.ndarray]:
    values = numbers(series)
    distinct = np.unique(values[~lost])
    if len(distinct) <= LEVELS:
        return [_name(series, at) for at in distinct], np.searchsorted(distinct, np.where(lost, distinct[0], values))
    edges = np.unique(np.quantile(values[~lost], np.linspace(0, 1, BINS + 1)[1:-1], method='lower'))
    edges = edges[edges < distinct[-1]]
    code = np.searchsorted(edges, np.where(lost, distinct[0], values), side='left')
    ends = np.concatenate([[distinct[0]], edges, [distinct[-1]]])
    # A bin ends with its edge, and the next begins with the least value above it.
    starts = np.concatenate([[distinct[0]], distinct[np.searchsorted(distinct, edges, side='right')]])
    names = [_name(series, low) for low in starts]
    return [
        low if low == (high := _name(series, end)) else f'{low} to {high}'
        for low, end in zip(names, ends[1:], strict=True)
    ], code


def _name(series: pl.Series, value: float) -> str:
    if not series.dtype.is_temporal():
        return brief(value)
    return str(pl.Series([int(value)]).cast(series.dtype)[0])[:16].removesuffix(' 00:00')


def brief(value: float) -> str:
    """In four digits, or whole.

    >>> brief(0.123456), brief(12345.6)
    ('0.1235', '12,346')
    """
    return f'{value:.4g}' if abs(value) < 1e4 else f'{value:,.0f}'


def _explains(target: Target, code: np.ndarray, count: int) -> tuple[float, float]:
    """Share of the variance between slices, and its p-value.

    n · share is χ² with slices − 1 degrees of freedom where nothing goes with anything: Pearson's for two classes. It
    is divided by the design effect where rows come in groups (Rao and Scott 1984, first order).
    """
    sizes = np.bincount(code, minlength=count)
    means = np.bincount(code, target.y, count) / np.maximum(sizes, 1)
    variance = float(target.y.var())
    if variance == 0:
        return 0.0, 1.0
    share = float((sizes * (means - target.y.mean()) ** 2).sum()) / len(target.y) / variance
    effect = target.effect(np.ones(len(target.y), dtype=bool))
    return share, float(chi2.sf(len(target.y) * share / effect, max((sizes > 0).sum() - 1, 1)))


def adjusted(p: np.ndarray) -> np.ndarray:
    """Benjamini and Hochberg (1995): the smallest share of false ones at which each would be called one. p: (n,).

    >>> adjusted(np.array([0.01, 0.5, 0.02])).round(3).tolist()
    [0.03, 0.5, 0.03]
    """
    order = np.argsort(p)[::-1]
    raw = p[order] * len(p) / np.arange(len(p), 0, -1)
    out = np.empty(len(p))
    out[order] = np.minimum.accumulate(np.minimum(raw, 1))
    return out
