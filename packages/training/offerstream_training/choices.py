"""The choice table: who could have been shown which items, which was shown, and what became of it.

A row for each candidate that was eligible; the rows of a decision stand on end, in the order of the catalogue. Parquet
files in a folder, beside `columns.json` that names the customer's features and the pair features.
"""

import json
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
import polars as pl

from .trouble import Trouble

KEYS = {
    'decision': pl.String,
    'customer': pl.String,
    'at': pl.Int64,
    'month': pl.Int32,
    'source': pl.String,
    'item': pl.String,
    'current': pl.String,
    'price_minor': pl.Int32,
    'margin_minor': pl.Int32,
    'offered': pl.Boolean,
    'propensity': pl.Float64,
    'opened': pl.Boolean,
    'accepted': pl.Boolean,
    'rejected': pl.Boolean,
    'control': pl.Boolean,
}
"""Columns before the features, with their types. `at` is in epoch ms, `month` in whole 30 days since the log began."""

DOCS = Path(__file__).resolve().parents[3] / 'docs'


@dataclass
class Choices:
    """A choice table in memory.

    frame: the columns of `KEYS`; x: float32 (rows, features + pairs), NaN missing; start: (groups + 1,), where each
    group of rows begins and the last ends.
    """

    frame: pl.DataFrame
    x: np.ndarray
    features: list[str]
    pairs: list[str]
    start: np.ndarray
    world: dict | None = None

    @property
    def names(self) -> list[str]:
        """Of the columns of x."""
        return self.features + self.pairs

    @property
    def of_row(self) -> np.ndarray:
        """The group of each row, from 0."""
        return np.repeat(np.arange(len(self.start) - 1), np.diff(self.start))

    def column(self, name: str) -> np.ndarray:
        """(rows,) of one of `KEYS`."""
        return self.frame[name].to_numpy()

    def first(self, name: str) -> np.ndarray:
        """(groups,) of one of `KEYS` that is the same in all rows of a group."""
        return self.column(name)[self.start[:-1]]

    def shown(self) -> np.ndarray:
        """(groups,) the row that was offered, or of an organic group the one that was bought."""
        return np.flatnonzero(self.column('offered') | (self.column('accepted') & (self.column('source') == 'organic')))

    def take(self, groups: np.ndarray) -> 'Choices':
        """Some groups, by mask (groups,) or by index, in the order given."""
        groups = np.flatnonzero(groups) if groups.dtype == bool else groups
        sizes = np.diff(self.start)[groups]
        start = np.append(0, np.cumsum(sizes))
        rows = np.repeat(self.start[:-1][groups] - start[:-1], sizes) + np.arange(start[-1])
        return Choices(self.frame[rows], self.x[rows], self.features, self.pairs, start, self.world)


def read_choices(folder: Path) -> Choices:
    """The table of a folder, checked. Raises `Trouble`."""
    named = _columns(folder)
    files, features, pairs = _files(folder, named), named['features'], named['pairs']
    keys, start = _checked_keys(folder, files)
    x = np.empty((keys.height, len(features) + len(pairs)), dtype=np.float32)
    row = 0
    for file in files:
        part = pl.read_parquet(file, columns=features + pairs).select(features + pairs)
        x[row : row + part.height] = part.to_numpy()
        row += part.height
    return Choices(keys, x, features, pairs, start, named.get('world'))


def check_choices(folder: Path) -> dict[str, int]:
    """The counts of a table. Raises `Trouble` naming the first thing that is wrong, and its decision.

    Memory holds the columns of `KEYS` only.
    """
    keys, start = _checked_keys(folder, _files(folder, _columns(folder)))
    sums = {name: int(keys[name].sum()) for name in ('opened', 'accepted', 'rejected')}
    offers = int((keys['source'].gather(start[:-1]) == 'offer').sum())
    return {'rows': keys.height, 'offers': offers, 'organic': len(start) - 1 - offers, **sums}


def write_columns(folder: Path, features: list[str], pairs: list[str], world: dict | None = None) -> None:
    """The `columns.json` beside the files."""
    (folder / 'columns.json').write_text(json.dumps({'features': features, 'pairs': pairs, 'world': world}) + '\n')


def known_columns(kind: str) -> list[str]:
    """Names listed by a page of docs, money left out. kind: `features` or `pair-features`."""
    cells = [line.split('|')[1] for line in (DOCS / f'{kind}.md').read_text().splitlines() if line.startswith('| `')]
    return [cell.split('`')[1] for cell in cells if '(money)' not in cell]


def _columns(folder: Path) -> dict:
    path = folder / 'columns.json'
    if not path.is_file():
        raise Trouble(f'{folder} holds no choice table: it has no columns.json')
    try:
        named = json.loads(path.read_text())
        features, pairs = list(named['features']), list(named['pairs'])
    except (ValueError, KeyError, TypeError) as error:
        raise Trouble(f'{path}: wanted an object with features and pairs ({error!r})') from None
    for kind, names in (('features', features), ('pair-features', pairs)):
        foreign = [name for name in names if name not in known_columns(kind)]
        if foreign:
            raise Trouble(f'{path} names {foreign[0]}, which docs/{kind}.md does not, or lists as money')
    if len({*KEYS, *features, *pairs}) < len(KEYS) + len(features) + len(pairs):
        raise Trouble(f'{path} names a column twice')
    return named


def _files(folder: Path, named: dict) -> list[Path]:
    """The Parquet files, with the columns and types they must have and nothing missing or infinite in them."""
    files = sorted(folder.glob('*.parquet'))
    if not files:
        raise Trouble(f'{folder} holds no choice table: it has no Parquet file')
    types = {**KEYS, **dict.fromkeys(named['features'] + named['pairs'], pl.Float32)}
    for file in files:
        try:
            there = pl.read_parquet_schema(file)
            for name, dtype in types.items():
                if there.get(name) != dtype:
                    raise Trouble(f'{file}: column {name} is {there.get(name, "not there")}, wanted {dtype}')
            vector = pl.col(pl.Float32).is_infinite().any()
            null = pl.col(name for name in types if name != 'current').null_count() > 0
            for what, wrong in (('null', null), ('infinite', vector)):
                found = pl.scan_parquet(file).select(list(types)).select(wrong).collect().row(0, named=True)
                for name in found:
                    if found[name]:
                        raise Trouble(f'{file}: column {name} is {what} in some row')
        except (pl.exceptions.PolarsError, OSError) as error:
            raise Trouble(f'{file} cannot be read as Parquet: {str(error).splitlines()[0]}') from None
    return files


def _checked_keys(folder: Path, files: list[Path]) -> tuple[pl.DataFrame, np.ndarray]:
    keys = pl.read_parquet(files, columns=list(KEYS))
    start = _starts(folder, keys)
    _check_groups(folder, keys, start)
    return keys, start


def _starts(folder: Path, frame: pl.DataFrame) -> np.ndarray:
    if frame.height == 0:
        return np.zeros(1, dtype=np.int64)
    begins = (frame['decision'] != frame['decision'].shift(1)).fill_null(True)
    start = np.append(np.flatnonzero(begins.to_numpy()), frame.height)
    if len(start) - 1 != frame['decision'].n_unique():
        again = frame['decision'].filter(begins)
        raise Trouble(f'{folder}: the rows of decision {again.filter(again.is_duplicated())[0]} are not on end')
    return start


def _check_groups(folder: Path, frame: pl.DataFrame, start: np.ndarray) -> None:
    """One message for the first rule broken, with its decision."""
    groups = len(start) - 1
    of_row = np.repeat(np.arange(groups), np.diff(start))
    columns = {name: frame[name].to_numpy() for name in KEYS}

    def refuse(wrong: np.ndarray, what: str) -> None:
        """wrong: (rows,) or (groups,)."""
        if wrong.any():
            row = int(wrong.argmax()) if len(wrong) == frame.height else int(start[:-1][wrong.argmax()])
            raise Trouble(f'{folder}: decision {frame["decision"][row]}, item {frame["item"][row]}: {what}')

    for name in ('customer', 'at', 'month', 'source', 'current', 'control'):
        column = frame[name]
        other = column.ne_missing(column.gather(start[:-1][of_row])).to_numpy()
        refuse(other, f'{name} differs within its decision')
    offer = columns['source'] == 'offer'
    refuse(~offer & (columns['source'] != 'organic'), 'source is neither offer nor organic')
    refuse(
        frame.select(pl.struct('decision', 'item').is_duplicated()).to_series().to_numpy(), 'the item is there twice'
    )
    offered, accepted = columns['offered'], columns['accepted']
    propensity = columns['propensity']
    is_offer = np.bincount(of_row, offer, groups) > 0
    count = np.bincount(of_row, offered, groups)
    refuse(is_offer & (count != 1), 'wanted exactly one candidate offered')
    refuse(~offer & (offered | ~np.isnan(propensity)), 'an organic group has no offer and no propensity')
    refuse(~is_offer & (np.bincount(of_row, accepted, groups) != 1), 'wanted exactly one plan bought')
    for name in ('opened', 'accepted', 'rejected'):
        refuse(offer & columns[name] & ~offered, f'{name}, though it was not offered')
    refuse(offer & ~((propensity >= 0) & (propensity <= 1)), 'the propensity is not in [0, 1]')
    refuse(offered & ~(propensity > 0), 'it was offered with propensity 0')
    total = np.bincount(of_row, np.nan_to_num(propensity), groups)
    refuse(total > 1 + 1e-6, 'the propensities add up to more than 1')
    refuse(columns['price_minor'] <= 0, 'the price is not positive')
    refuse(columns['month'] < 0, 'month is negative')
    moments = frame.group_by('month').agg(pl.col('at').min().alias('low'), pl.col('at').max().alias('high'))
    for (month, _, high), (later, low, _) in pairwise(moments.sort('month').iter_rows()):
        if low <= high:
            raise Trouble(f'{folder}: month {later} begins before month {month} ends')
