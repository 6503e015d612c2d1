"""What goes together: columns with each other, and what is missing with everything else."""

import numpy as np
import polars as pl
from scipy.stats import chi2, rankdata

from .columns import kind_of, numbers
from .slices import CHANCE, Target, adjusted

TOGETHER = 0.9
"""Columns correlated more than this, up or down, make a component: one of them says what the others say."""
MOST_ROWS = 50_000


def ranked(frame: pl.DataFrame, names: list[str]) -> np.ndarray:
    """Columns as ranks of their known values, missing NaN, (rows, names)."""
    columns = []
    for name in names:
        values = numbers(frame[name])
        out = np.full(len(values), np.nan)
        known = ~np.isnan(values)
        out[known] = rankdata(values[known])
        columns.append(out)
    return np.column_stack(columns) if columns else np.empty((frame.height, 0))


def correlation(x: np.ndarray) -> np.ndarray:
    """Pearson's over the rows where both are known, (columns, columns); NaN where that is nothing. x: (rows, columns).

    >>> correlation(np.array([[1.0, 2.0], [2.0, 4.0], [3.0, np.nan], [4.0, 8.0]])).round(2).tolist()
    [[1.0, 1.0], [1.0, 1.0]]
    """
    known = (~np.isnan(x)).astype(np.float64)
    middle = np.where(known > 0, x, 0.0).sum(axis=0) / np.maximum(known.sum(axis=0), 1)
    z = np.where(known > 0, x - middle, 0.0)
    count = known.T @ known
    count[count == 0] = np.nan
    one, other = (z.T @ known) / count, (known.T @ z) / count
    both = (z.T @ z) / count - one * other
    square = z**2
    spread = ((square.T @ known) / count - one**2) * ((known.T @ square) / count - other**2)
    with np.errstate(invalid='ignore', divide='ignore'):
        return np.where(spread > 1e-18, np.clip(both / np.sqrt(np.maximum(spread, 1e-300)), -1, 1), np.nan)


def spearman(frame: pl.DataFrame) -> tuple[list[str], np.ndarray]:
    """Numbers and flags that vary, and their rank correlation; from rows evenly drawn where there are very many."""
    names = varying(frame, ('number', 'flag'))
    some = frame.select(names).gather_every(max(1, frame.height // MOST_ROWS))
    return names, correlation(ranked(some, names))


def components(names: list[str], related: np.ndarray, least: float = TOGETHER) -> list[list[str]]:
    """Sets of columns that hang together by correlations above `least`, the largest first.

    >>> components(['a', 'b', 'c'], np.array([[1, 0.5, -0.92], [0.5, 1, 0.2], [-0.92, 0.2, 1]]))
    [['a', 'c']]
    """
    left = set(range(len(names)))
    out = []
    while left:
        reached, edge = set(), {min(left)}
        while edge:
            reached |= edge
            near = {int(at) for one in edge for at in np.flatnonzero(np.abs(np.nan_to_num(related[one])) > least)}
            edge = near - reached
        left -= reached
        if len(reached) > 1:
            out.append([names[at] for at in sorted(reached)])
    return sorted(out, key=lambda each: -len(each))


def missing(frame: pl.DataFrame, target: Target | None) -> list[dict]:
    """Of each column that lacks values: how many, the target with and without it, and what its absence goes with.

    `chance` is the p-value of the difference in the target over all of them (Benjamini and Hochberg); `together` are
    columns that are missing in the same rows, φ above 0.9; `goesWith` is the column whose value says most of it.
    """
    names = [name for name in frame.columns if frame[name].null_count() > 0]
    if not names:
        return []
    lost = np.column_stack([frame[name].is_null().to_numpy() for name in names])
    every = max(1, frame.height // MOST_ROWS)
    with_lost = correlation(lost[::every].astype(np.float64))
    others = varying(frame, ('number', 'flag', 'date'))
    values = ranked(frame.select(others).gather_every(every), others)
    related = correlation(np.column_stack([lost[::every].astype(np.float64), values]))[: len(names), len(names) :]
    out, chances = [], []
    for at, name in enumerate(names):
        row: dict = {'column': name, 'share': float(lost[:, at].mean())}
        same = [names[to] for to in range(len(names)) if to != at and with_lost[at, to] > TOGETHER]
        row['together'] = same
        strength = np.nan_to_num(np.abs(related[at]))
        if len(strength) and strength.max() > 0.1:
            best = int(np.argmax(strength))
            row['goesWith'] = {'column': others[best], 'correlation': float(related[at, best])}
        if target is not None and not lost[:, at].all():
            absent, there = target.mean(lost[:, at]), target.mean(~lost[:, at])
            row |= {'missing': list(absent), 'known': list(there)}
            chances.append((row, _difference(target, lost[:, at])))
        out.append(row)
    for (row, _), chance in zip(chances, adjusted(np.array([p for _, p in chances])), strict=True):
        row |= {'chance': float(chance), 'tells': bool(chance < CHANCE)}
    return sorted(out, key=lambda row: -row['share'])


def varying(frame: pl.DataFrame, kinds: tuple[str, ...]) -> list[str]:
    """Columns of these kinds with more than one value."""
    return [name for name in frame.columns if kind_of(frame[name]) in kinds and frame[name].drop_nulls().n_unique() > 1]


def _difference(target: Target, lost: np.ndarray) -> float:
    """p-value of the χ² of two slices."""
    share = float(np.corrcoef(lost.astype(np.float64), target.y)[0, 1] ** 2) if target.y.std() > 0 else 0.0
    return float(chi2.sf(len(lost) * share / target.effect(np.ones(len(lost), dtype=bool)), 1))
