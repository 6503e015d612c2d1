"""Columns that give the answer away, told by name."""

import numpy as np
import polars as pl

from .metrics import auc
from .table import LEVELS

SUSPECT = 0.95
SURE = 0.995


def leaks(
    frame: pl.DataFrame, happened: np.ndarray, time: str | None, tried: list[str], kept: set[str]
) -> tuple[list[str], set[str]]:
    """Warnings, and the columns that tell the target alone. frame: the training rows; happened: (n,) of 0 and 1.

    A column is judged by its values, by its being missing, and, where rows have a time, by lying after it.
    Those in `kept` are told only.
    """
    notes: list[str] = []
    sure: set[str] = set()
    for name in tried:
        found, how = max((area, how) for how, area in _views(frame[name], happened))
        if found >= SURE and name not in kept:
            sure.add(name)
            notes.append(f'{name} gives the answer away: {how} tells the target alone (AUC {found:.3f}); left out')
        elif found >= SUSPECT:
            notes.append(f'{name} may give the answer away: {how} alone has AUC {found:.3f}')
        elif time is not None and name != time and frame[name].dtype.is_temporal() and frame[time].dtype.is_temporal():
            later = (frame[name].cast(pl.Datetime) > frame[time].cast(pl.Datetime)).fill_null(False).to_numpy()
            if later.mean() > 0.01:
                notes.append(
                    f'{name} lies after {time} in {later.mean():.0%} of the rows: it may come from the outcome'
                )
    return notes, sure


def repeated(train: pl.DataFrame, test: pl.DataFrame) -> list[str]:
    """A warning where test rows are training rows over again, unless rows of so few values are bound to be."""
    names = [name for name in train.columns if name in test.columns and not train[name].dtype.is_nested()]
    learnt, asked = train.select(names).hash_rows(), test.select(names).hash_rows()
    again = int(asked.is_in(learnt.implode()).sum())
    if again <= 0.01 * len(asked) or learnt.n_unique() < 0.5 * len(learnt):
        return []
    return [
        f'{again} of {len(asked)} test rows are the same as a training row in every column: what is found is too good'
    ]


def _views(series: pl.Series, happened: np.ndarray) -> list[tuple[str, float]]:
    """Ways a column could tell the target, each with its AUC in the better direction."""
    missing = series.is_null().to_numpy()
    views = [('whether it is there', _area(happened, missing.astype(np.float64)))]
    if series.dtype.is_numeric() or series.dtype == pl.Boolean or series.dtype.is_temporal():
        numbers = (series.to_physical() if series.dtype.is_temporal() else series).cast(pl.Float64).to_numpy()
        known = ~np.isnan(numbers)
        views.append(('its value', _area(happened[known], numbers[known])))
    elif series.n_unique() <= LEVELS:
        codes = np.unique(series.cast(pl.String).fill_null('').to_numpy().astype(str), return_inverse=True)[1]
        rate = np.bincount(codes, happened) / np.bincount(codes)
        views.append(('its value', _area(happened, rate[codes])))
    return views


def _area(happened: np.ndarray, score: np.ndarray) -> float:
    if len(happened) < 20 or happened.min() == happened.max():
        return 0.5
    area = auc(happened, score)
    return max(area, 1 - area)
