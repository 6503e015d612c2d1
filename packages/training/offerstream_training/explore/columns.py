"""What each column holds."""

from dataclasses import dataclass

import numpy as np
import polars as pl


@dataclass(frozen=True)
class Overview:
    """One column. low, middle, high: the least, the median and the largest known value, as text; of texts the rarest
    and the most common."""

    name: str
    kind: str
    """number, flag, text, date or empty."""
    missing: float
    distinct: int
    low: str
    middle: str
    high: str
    constant: bool
    same_as: str | None
    remarks: list[str]

    def told(self) -> dict:
        """As --json says it."""
        return {
            'name': self.name,
            'kind': self.kind,
            'missing': self.missing,
            'distinct': self.distinct,
            'low': self.low,
            'middle': self.middle,
            'high': self.high,
            'constant': self.constant,
            'sameAs': self.same_as,
            'remarks': self.remarks,
        }


def cleaned(frame: pl.DataFrame) -> pl.DataFrame:
    """With NaN and infinite values as missing."""
    floats = [name for name in frame.columns if frame[name].dtype.is_float()]
    return frame.with_columns(
        [pl.when(pl.col(name).is_finite()).then(pl.col(name)).otherwise(None).alias(name) for name in floats]
    )


def overview(raw: pl.DataFrame) -> list[Overview]:
    """Every column of a table as it was read."""
    frame = cleaned(raw)
    seen: dict[int, list[str]] = {}
    out = []
    for name in frame.columns:
        series = frame[name]
        known = series.drop_nulls()
        kind = kind_of(series)
        mark = hash((kind, int(series.cast(pl.String).hash(seed=0).sum())))
        same = next((other for other in seen.get(mark, []) if _same(frame[other], series)), None)
        seen.setdefault(mark, []).append(name)
        distinct = known.n_unique() if len(known) else 0
        out.append(
            Overview(
                name,
                kind,
                series.null_count() / len(series),
                distinct,
                *_range(known, kind),
                distinct == 1 and series.null_count() == 0,
                same if kind != 'empty' else None,
                _remarks(raw[name], known, kind, distinct),
            )
        )
    return out


def kind_of(series: pl.Series) -> str:
    """Of its known values: number, flag (two values), text, date, or empty.

    >>> kind_of(pl.Series([0, 1, 1])), kind_of(pl.Series(['a', None])), kind_of(pl.Series([None, None]))
    ('flag', 'text', 'empty')
    """
    known = series.drop_nulls()
    if len(known) == 0:
        return 'empty'
    if series.dtype.is_temporal():
        return 'date'
    if series.dtype == pl.Boolean:
        return 'flag'
    if series.dtype.is_numeric():
        return 'flag' if known.n_unique() == 2 else 'number'
    return 'text'


def numbers(series: pl.Series) -> np.ndarray:
    """A number, flag or date as (rows,) of float64, missing NaN."""
    plain = series.to_physical() if series.dtype.is_temporal() else series
    return plain.cast(pl.Float64).to_numpy()


def _same(one: pl.Series, other: pl.Series) -> bool:
    if kind_of(one) != kind_of(other):
        return False
    if one.dtype.is_numeric() and other.dtype.is_numeric():
        return one.cast(pl.Float64).equals(other.cast(pl.Float64))
    return one.dtype == other.dtype and one.equals(other)


def _range(known: pl.Series, kind: str) -> tuple[str, str, str]:
    if kind == 'empty':
        return '', '', ''
    if kind == 'text':
        counts = known.cast(pl.String).value_counts(sort=True)
        texts = counts[known.name].to_list()
        return texts[-1], '', texts[0]
    if kind == 'date':
        ordered = known.sort()
        return str(ordered[0]), str(ordered[len(ordered) // 2]), str(ordered[-1])
    values = known.cast(pl.Float64)
    return tuple(f'{value:.6g}' for value in (values.min(), values.median(), values.max()))


def _remarks(raw: pl.Series, known: pl.Series, kind: str, distinct: int) -> list[str]:
    """What somebody should know before learning from it."""
    told = []
    if raw.dtype.is_float() and raw.is_infinite().any():
        rows = raw.is_infinite().fill_null(False)
        told.append(f'{int(rows.sum())} infinite, the first in row {int(rows.arg_max()) + 1}; counted as missing')
    if kind == 'empty':
        told.append('nothing in it')
    if kind == 'text':
        numeric = known.cast(pl.String).str.strip_chars().str.replace(',', '.').cast(pl.Float64, strict=False)
        share = 1 - numeric.null_count() / len(known)
        if share > 0.9:
            odd = known.filter(numeric.is_null())
            told.append('numbers as text' + (f', but {odd[0]!r}' if len(odd) else ''))
        elif distinct > 0.95 * len(known) and len(known) > 50:
            told.append('a different text in almost every row, as an id')
    whole = raw.dtype.is_integer() and distinct == len(known) and len(known) > 50
    if whole and kind == 'number':
        told.append('a different whole number in every row, as an id')
    if kind == 'number' and distinct > 50:
        top = known.value_counts(sort=True)
        share = int(top['count'][0]) / len(known)
        if share > 0.2:
            told.append(f'{share:.0%} of the rows are {top[known.name][0]:.6g}')
    return told
