"""The user's own table: CSV, Parquet or svmlight, with what is wrong said by file, row and column."""

import csv
import gzip
import io
import re
import zlib
from collections.abc import Collection
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import polars as pl
import polars.selectors as cs
from sklearn.datasets import load_svmlight_file

from .boundary import at_boundary
from .trouble import Trouble

MISSING = ['', 'NA', 'N/A', 'NaN', 'nan', 'null', 'NULL', 'None', '?']
ENCODINGS = (
    (rb'\xff\xfe\0\0|\0\0\xfe\xff', 'utf-32'),
    (rb'\xff\xfe|\xfe\xff', 'utf-16'),
    (rb'[^\0]\0[^\0]\0', 'utf-16-le'),
    (rb'\0[^\0]\0[^\0]', 'utf-16-be'),
)
"""Of two or four bytes a letter, known by how the file begins."""
DAMAGED = (pl.exceptions.PolarsError, pl.exceptions.PanicException)
LEVELS = 30
"""A text column with more different texts than this is left out."""

SVM_LINE = re.compile(rb'^[-+.\deE]+( qid:\d+)?( \d+:\S+)+\s*(#.*)?$')
MOST_CELLS = 250_000_000
"""Of a sparse table, which is learnt from in full: 2 GB."""

LARGEST = float(np.finfo(np.float32).max)


def read_table(path: Path, notes: list[str], infinite: bool = False, dropped: Collection[str] = ()) -> pl.DataFrame:
    """The table of a file. svmlight gives columns `label`, `group` (qid, or from the file's .query) and `f1`, `f2`, ….

    What was odd but could be read is told in `notes`; NaN is missing. Raises `Trouble`, for values that are infinite as
    float32 too, unless they may be or their column is `dropped`.
    """
    try:
        raw = path.read_bytes()
        data = gzip.decompress(raw) if raw[:2] == b'\x1f\x8b' else raw
        if not data.strip():
            raise Trouble(f'{path}: the table is empty')
        if data[:4] == b'PAR1':
            frame = pl.read_parquet(io.BytesIO(data))
        elif _is_svmlight(data):
            frame = _svmlight(path, data)
        else:
            frame = _csv(path, data, notes)
    except (OSError, EOFError, ValueError, zlib.error, csv.Error, *DAMAGED) as error:
        raise Trouble(f'{path} cannot be read: {str(error).splitlines()[0]}') from error
    frame = frame.with_columns(cs.float().fill_nan(None))
    if frame.height == 0:
        raise Trouble(f'{path}: the table has no rows')
    for each in [] if infinite else frame.drop(*dropped, strict=False).select(cs.float()):
        found = each.abs() > LARGEST
        if found.any():
            row = int(found.arg_max())
            what = 'infinite' if np.isinf(each[row]) else f'{each[row]:g}, too large for a float32,'
            raise Trouble(f'{path}: {each.name} is {what} in row {row + 1}')
    return frame


def _csv(path: Path, data: bytes, notes: list[str]) -> pl.DataFrame:
    text = _decoded(path, data, notes)
    if '\0' in text[:10_000] or text.lstrip()[:1] in ('{', '[', '<'):
        raise Trouble(f'{path} is no table: wanted CSV, Parquet or svmlight')
    if '\n' not in text:
        text = text.replace('\r', '\n')
    first = text[: text.find('\n')] if '\n' in text else text
    separator = max(',;\t|', key=first.count)
    names = [name.strip() for name in next(csv.reader([first], delimiter=separator))]
    for name in names:
        if names.count(name) > 1:
            raise Trouble(f'{path}: two columns are called {name}')
    if re.search(rf'{re.escape(separator)} ', first):
        bare = pl.read_csv(io.BytesIO(text.encode()), separator=separator, infer_schema=False)
        text = bare.select(pl.all().str.strip_chars()).rename(str.strip).write_csv(separator=separator)
    decimal = separator == ';' and re.search(r'(^|;)-?\d+,\d+(;|\r?$)', text[:100_000], re.M) is not None
    return pl.read_csv(
        io.BytesIO(text.encode()),
        separator=separator,
        decimal_comma=decimal,
        null_values=MISSING,
        infer_schema_length=None,
        try_parse_dates=True,
    )


def _decoded(path: Path, data: bytes, notes: list[str]) -> str:
    for begins, encoding in ENCODINGS:
        if re.match(begins, data):
            return data.decode(encoding)
    try:
        return data.decode('utf-8-sig')
    except UnicodeDecodeError:
        notes.append(f'{path.name} is not UTF-8; read as Windows-1252')
        return data.decode('cp1252', errors='replace')


def _is_svmlight(data: bytes) -> bool:
    """Whether it begins with a label, after comments, and one of the first lines has inputs."""
    lines = [line for line in data.split(b'\n', 20)[:20] if line.strip() and not line.startswith(b'#')]
    return re.match(rb'[-+.\deE]+(\s|$)', lines[0] if lines else b'x') is not None and any(map(SVM_LINE.match, lines))


def _svmlight(path: Path, data: bytes) -> pl.DataFrame:
    matrix, label, group = load_svmlight_file(io.BytesIO(data), query_id=True, zero_based=False)
    if matrix.shape[0] * matrix.shape[1] > MOST_CELLS:
        raise Trouble(f'{path}: {matrix.shape[0]} rows of {matrix.shape[1]} inputs are too many to learn from in full')
    sizes = path.with_name(path.name.removesuffix('.gz') + '.query')
    if sizes.exists():
        counts = np.loadtxt(sizes, dtype=np.int64, ndmin=1)
        if counts.sum() != len(label):
            raise Trouble(f'{sizes} speaks of {counts.sum()} rows, {path} has {len(label)}')
        group = np.repeat(np.arange(len(counts)), counts)
    columns = {'label': label} | ({'group': group} if len(group) == len(label) else {})
    dense = matrix.toarray()
    return pl.DataFrame(columns | {f'f{index + 1}': dense[:, index] for index in range(dense.shape[1])})


def column(frame: pl.DataFrame, name: str, what: str) -> pl.Series:
    """A column by name; raises `Trouble` with the columns there are."""
    if name not in frame.columns:
        raise Trouble(f'{what} {name} is no column of the table; it has {", ".join(frame.columns[:40])}')
    return frame[name]


def group_codes(series: pl.Series) -> np.ndarray:
    """A text for each row, so that a second file means the same; raises `Trouble` where one is missing."""
    if series.null_count() > 0:
        raise Trouble(f'{series.name} is missing in row {int(series.is_null().arg_max()) + 1}')
    if series.dtype.is_nested():
        raise Trouble(f'{series.name} holds lists, wanted one value a row')
    if series.dtype.is_float() and (series == series.round()).all():
        series = series.cast(pl.Int64, strict=False)
    return series.cast(pl.String).to_numpy().astype(str)


def moments(series: pl.Series) -> np.ndarray:
    """The times of rows as numbers that order them, (rows,); raises `Trouble` for a text or where one is missing."""
    if series.null_count() > 0:
        raise Trouble(f'{series.name} is missing in row {int(series.is_null().arg_max()) + 1}')
    if series.dtype == pl.String:
        raise Trouble(f'{series.name} is no time: {series[0]!r}; wanted a number, a date, or 2025-03-31T12:00:00')
    return series.to_physical().cast(pl.Float64).to_numpy()


@dataclass
class Design:
    """How columns become inputs, fixed on the training rows: numbers as they are, texts by level."""

    numbers: list[str] = field(default_factory=list)
    levels: dict[str, list[str]] = field(default_factory=dict)

    @property
    def names(self) -> list[str]:
        """Of the inputs, in order."""
        return self.numbers + [f'{name}={level}' for name, levels in self.levels.items() for level in levels]

    def rows(self, frame: pl.DataFrame) -> np.ndarray:
        """(rows, inputs) float32 past the boundary; a column that is absent counts as missing."""
        parts = [_numbers(frame, name) for name in self.numbers]
        for name, levels in self.levels.items():
            texts = frame[name].cast(pl.String) if name in frame.columns else None
            missing = np.full(frame.height, np.nan)
            parts += [missing if texts is None else (texts == level).cast(pl.Float64).to_numpy() for level in levels]
        return at_boundary(np.column_stack(parts), self.names)


def _numbers(frame: pl.DataFrame, name: str) -> np.ndarray:
    if name not in frame.columns:
        return np.full(frame.height, np.nan)
    try:
        return frame[name].cast(pl.Float64).to_numpy()
    except pl.exceptions.PolarsError as error:
        raise Trouble(f'column {name} holds numbers in training and something else here') from error


def design_of(frame: pl.DataFrame, kept_out: set[str], notes: list[str]) -> Design:
    """The inputs of a table, without the columns kept out and those that no model should see; says which and why."""
    design = Design()
    same: list[str] = []
    before = len(notes)
    for name in frame.columns:
        series = frame[name]
        if name in kept_out:
            continue
        different = series.drop_nulls().n_unique()
        if different < 2 and series.null_count() in (0, len(series)):
            same.append(name)
        elif re.search(r'(^|_|\b)id$', name, re.I):
            notes.append(f'{name} looks like an id; left out')
        elif series.dtype.is_temporal():
            notes.append(f'{name} is a time; left out')
        elif series.dtype.is_numeric() or series.dtype == pl.Boolean:
            design.numbers.append(name)
        elif different <= LEVELS:
            design.levels[name] = sorted(series.drop_nulls().cast(pl.String).unique().to_list())
        else:
            notes.append(f'{name} has {different} different texts; left out')
    if same:
        shown = ', '.join(same[:5]) + (f' and {len(same) - 5} more' if len(same) > 5 else '')
        notes.append(f'always the same, left out: {shown}')
    if not design.names:
        raise Trouble('; '.join(['no column is left to learn from', *notes[before:]]))
    return design
