"""What a row of the table says: windows and trends of its months, lifecycle, pivots of contacts, fit of the plan.

No state but the schema: one row gives the same inputs in any table.
"""

import re

import numpy as np
import polars as pl

from ..boundary import at_boundary
from ..table import column
from .schema import Schema

WINDOWS = (3, 6, 12)
"""Months, the latest of the series."""

FLOOR = 0.01
"""Less than this of usage or money counts as this where a logarithm is taken."""

STAGES = (90, 365, 730, 1095)
"""Days of tenure at which a stage ends: a season, one, two, three years."""

MONTH = 30.0
MOVED = 0.005
"""A price that differs by more than this share from the month before has moved."""

Columns = dict[str, np.ndarray]


def features(frame: pl.DataFrame, schema: Schema) -> tuple[np.ndarray, list[str]]:
    """Inputs of every row, (rows, inputs) float32 past the boundary, NaN where missing, and their names in order."""
    columns: Columns = {}
    numbers = {name: _numbers(frame, name) for name in schema.numbers}
    for name, values in numbers.items():
        columns |= {'price_over_usual': values / schema.index} if name == schema.price else {_snake(name): values}
    for name in schema.flagged:
        columns[f'{_snake(name)}_missing'] = np.isnan(numbers[name]).astype(np.float64)
    levels = {name: _levels(frame, name, texts) for name, texts in schema.levels.items()}
    for name, flags in levels.items():
        columns |= {f'{_snake(name)}={text}': flag for text, flag in flags.items()}
    series = {
        prefix: np.column_stack([_numbers(frame, name) for name in months]) for prefix, months in schema.months.items()
    }
    for prefix, values in series.items():
        unit = schema.index if prefix == schema.paid else 1.0
        columns |= _windows(_snake(prefix), values, unit)
    if schema.tenure is not None:
        columns |= _tenure(numbers[schema.tenure])
    if schema.binding is not None:
        columns |= _binding(numbers[schema.binding], numbers.get(schema.tenure or ''))
    paid = series.get(schema.paid or '')
    if paid is not None:
        columns |= _price(paid, numbers.get(schema.price or ''))
    if schema.available is not None and schema.usage is not None:
        columns |= _fit(series[schema.usage], numbers[schema.available])
    columns |= _pivots({name: numbers[name] for name in schema.contacts}, {name: levels[name] for name in schema.by})
    return at_boundary(np.column_stack(list(columns.values())), list(columns)), list(columns)


def _windows(name: str, values: np.ndarray, unit: float) -> Columns:
    """Level, slope a month and spread of the logs; the mean; last over mean. values: (rows, months), oldest first."""
    logs = np.log(np.maximum(values, FLOOR) / unit)
    out: Columns = {}
    for months in (each for each in WINDOWS if each <= values.shape[1]):
        level, slope, spread = trend(logs[:, -months:])
        mean = _mean(values[:, -months:])
        out |= {
            f'{name}_level_{months}m': level,
            f'{name}_slope_{months}m': slope,
            f'{name}_spread_{months}m': spread,
            f'{name}_mean_{months}m': np.log(np.maximum(mean, FLOOR) / unit),
            f'{name}_last_over_mean_{months}m': np.log(np.maximum(values[:, -1], FLOOR) / np.maximum(mean, FLOOR)),
        }
    return out


def trend(logs: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Mean, least-squares slope a month and standard deviation of each row's months, missing ones left out.

    logs: (rows, months). Each (rows,); the slope is NaN with fewer than two months.

    >>> [round(float(each[0]), 3) for each in trend(np.array([[1.0, 2.0, 3.0]]))]
    [2.0, 1.0, 0.816]
    """
    known = ~np.isnan(logs)
    count = known.sum(axis=1).astype(np.float64)
    filled = np.where(known, logs, 0)
    month = np.where(known, np.arange(logs.shape[1]), 0.0)
    with np.errstate(invalid='ignore', divide='ignore'):
        mean, middle = filled.sum(axis=1) / count, month.sum(axis=1) / count
        off = np.where(known, logs - mean[:, None], 0)
        apart = np.where(known, month - middle[:, None], 0)
        slope = (off * apart).sum(axis=1) / (apart**2).sum(axis=1)
        return mean, slope, np.sqrt((off**2).sum(axis=1) / count)


def _tenure(days: np.ndarray) -> Columns:
    out = {'tenure_log': np.log1p(np.maximum(days, 0))}
    for low, high in zip((-np.inf, *STAGES), (*STAGES, np.inf), strict=True):
        label = f'over_{low:.0f}d' if np.isinf(high) else f'to_{high:.0f}d'
        out[f'tenure_{label}'] = _flag((days >= low) & (days < high), days)
    return out


def _binding(days: np.ndarray, tenure: np.ndarray | None) -> Columns:
    out = {
        'binding_ended': _flag(days < 0, days),
        'binding_ends_90d': _flag((days >= 0) & (days < 90), days),
        'binding_months_left': np.maximum(days, 0) / MONTH,
        'binding_months_over': np.maximum(-days, 0) / MONTH,
    }
    if tenure is not None:
        out['binding_share_of_tenure'] = np.clip(days / np.maximum(tenure, 1), -2, 2)
    return out


def _price(paid: np.ndarray, price: np.ndarray | None) -> Columns:
    """How much dearer it became, and since when it is what it is."""
    logs = np.log(np.maximum(paid, FLOOR))
    moved = np.abs(np.diff(logs, axis=1)) > MOVED
    out: Columns = {}
    for months in (each for each in WINDOWS if each <= paid.shape[1]):
        out[f'dearer_{months}m'] = logs[:, -1] - logs[:, -months]
    whole = paid.shape[1]
    since = np.argmax(moved[:, ::-1], axis=1).astype(np.float64)
    out['months_since_price_move'] = np.where(moved.any(axis=1), since, whole)
    out[f'price_moves_{whole}m'] = moved.sum(axis=1).astype(np.float64)
    if price is not None:
        out['price_over_last_paid'] = np.log(np.maximum(price, FLOOR)) - logs[:, -1]
        out[f'price_over_mean_paid_{whole}m'] = np.log(np.maximum(price, FLOOR)) - np.log(
            np.maximum(_mean(paid), FLOOR)
        )
    return out


def _fit(usage: np.ndarray, available: np.ndarray) -> Columns:
    """How far the usage outruns what the plan holds; missing where that is."""
    logs = np.log(np.maximum(usage, FLOOR))
    holds = np.log1p(np.maximum(available, 0))
    out = {
        f'usage_over_available_{months}m': trend(logs[:, -months:])[0] - holds
        for months in WINDOWS
        if months <= usage.shape[1]
    }
    level, slope, _ = trend(logs)
    whole = usage.shape[1]
    out['usage_over_available_ahead'] = level + slope * ((whole - 1) / 2 + 3) - holds
    short = np.where(np.isnan(usage), np.nan, usage > available[:, None])
    out['months_short'] = np.where(np.isnan(available), np.nan, _mean(short))
    return out


def _pivots(contacts: Columns, by: dict[str, Columns]) -> Columns:
    """Each count of contacts where the text is that level, else 0."""
    out: Columns = {}
    for contact, count in contacts.items():
        for name, flags in by.items():
            out |= {f'{_snake(contact)}_by_{_snake(name)}={text}': count * flag for text, flag in flags.items()}
    if len(contacts) > 1:
        out['contacts'] = np.sum(list(contacts.values()), axis=0)
    return out


def _numbers(frame: pl.DataFrame, name: str) -> np.ndarray:
    return column(frame, name, 'the input').cast(pl.Float64).to_numpy()


def _levels(frame: pl.DataFrame, name: str, texts: list[str]) -> Columns:
    values = column(frame, name, 'the input').cast(pl.String)
    return {text: (values == text).fill_null(False).to_numpy().astype(np.float64) for text in texts}


def _flag(true: np.ndarray, of: np.ndarray) -> np.ndarray:
    return np.where(np.isnan(of), np.nan, true)


def _mean(values: np.ndarray) -> np.ndarray:
    known = ~np.isnan(values)
    with np.errstate(invalid='ignore'):
        return np.where(known, values, 0).sum(axis=1) / known.sum(axis=1)


def _snake(name: str) -> str:
    """As features are called.

    >>> _snake('usedGb')
    'used_gb'
    """
    return re.sub(r'(?<=[a-z0-9])(?=[A-Z])', '_', name).lower()
