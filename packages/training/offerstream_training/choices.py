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
    features, pairs = named['features'], named['pairs']
    frame = _frame(folder, [*KEYS, *features, *pairs])
    _check_types(folder, frame, features + pairs)
    x = np.empty((frame.height, len(features) + len(pairs)), dtype=np.float32)
    for index, name in enumerate(features + pairs):
        x[:, index] = frame[name].to_numpy()
        if np.isinf(x[:, index]).any():
            raise Trouble(f'{folder}: {name} is infinite in row {int(np.isinf(x[:, index]).argmax()) + 1}')
    keys = frame.select(list(KEYS))
    choices = Choices(keys, x, features, pairs, _starts(folder, keys), named.get('world'))
    _check_groups(folder, choices)
    return choices


def check_choices(folder: Path) -> dict[str, int]:
    """Reads the table for its counts. Raises `Trouble` naming the first thing that is wrong, and its decision."""
    choices = read_choices(folder)
    sums = {name: int(choices.column(name).sum()) for name in ('opened', 'accepted', 'rejected')}
    offers = int((choices.first('source') == 'offer').sum())
    groups = len(choices.start) - 1
    return {'rows': choices.frame.height, 'offers': offers, 'organic': groups - offers, **sums}


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


def _frame(folder: Path, wanted: list[str]) -> pl.DataFrame:
    files = sorted(folder.glob('*.parquet'))
    if not files:
        raise Trouble(f'{folder} holds no choice table: it has no Parquet file')
    frames = []
    for file in files:
        try:
            there = pl.read_parquet_schema(file)
            lacking = [name for name in wanted if name not in there]
            if lacking:
                raise Trouble(f'{file} has no column {", ".join(lacking[:5])}')
            frames.append(pl.read_parquet(file, columns=wanted))
        except (pl.exceptions.PolarsError, OSError) as error:
            raise Trouble(f'{file} cannot be read as Parquet: {str(error).splitlines()[0]}') from None
    try:
        return pl.concat(frames)
    except pl.exceptions.PolarsError as error:
        raise Trouble(f'the files of {folder} have other column types: {str(error).splitlines()[0]}') from None


def _check_types(folder: Path, frame: pl.DataFrame, vector: list[str]) -> None:
    for name, dtype in {**KEYS, **dict.fromkeys(vector, pl.Float32)}.items():
        if frame[name].dtype != dtype:
            raise Trouble(f'{folder}: column {name} is {frame[name].dtype}, wanted {dtype}')
        if name != 'current' and frame[name].null_count() > 0:
            raise Trouble(f'{folder}: column {name} is null in row {int(frame[name].is_null().arg_max()) + 1}')


def _starts(folder: Path, frame: pl.DataFrame) -> np.ndarray:
    if frame.height == 0:
        return np.zeros(1, dtype=np.int64)
    begins = (frame['decision'] != frame['decision'].shift(1)).fill_null(True)
    start = np.append(np.flatnonzero(begins.to_numpy()), frame.height)
    if len(start) - 1 != frame['decision'].n_unique():
        again = frame['decision'].filter(begins)
        raise Trouble(f'{folder}: the rows of decision {again.filter(again.is_duplicated())[0]} are not on end')
    return start


def _check_groups(folder: Path, choices: Choices) -> None:
    """One message for the first rule broken, with its decision."""
    frame, of_row, groups = choices.frame, choices.of_row, len(choices.start) - 1

    def refuse(wrong: np.ndarray, what: str) -> None:
        """wrong: (rows,) or (groups,)."""
        if wrong.any():
            row = int(wrong.argmax()) if len(wrong) == frame.height else int(choices.start[:-1][wrong.argmax()])
            raise Trouble(f'{folder}: decision {frame["decision"][row]}, item {frame["item"][row]}: {what}')

    for name in ('customer', 'at', 'month', 'source', 'current', 'control'):
        column = frame[name]
        other = column.ne_missing(column.gather(choices.start[:-1][of_row])).to_numpy()
        refuse(other, f'{name} differs within its decision')
    offer = choices.column('source') == 'offer'
    refuse(~offer & (choices.column('source') != 'organic'), 'source is neither offer nor organic')
    refuse(
        frame.select(pl.struct('decision', 'item').is_duplicated()).to_series().to_numpy(), 'the item is there twice'
    )
    offered, accepted = choices.column('offered'), choices.column('accepted')
    propensity = choices.column('propensity')
    is_offer = np.bincount(of_row, offer, groups) > 0
    count = np.bincount(of_row, offered, groups)
    refuse(is_offer & (count != 1), 'wanted exactly one candidate offered')
    refuse(~offer & (offered | ~np.isnan(propensity)), 'an organic group has no offer and no propensity')
    refuse(~is_offer & (np.bincount(of_row, accepted, groups) != 1), 'wanted exactly one plan bought')
    for name in ('opened', 'accepted', 'rejected'):
        refuse(offer & choices.column(name) & ~offered, f'{name}, though it was not offered')
    refuse(offer & ~((propensity >= 0) & (propensity <= 1)), 'the propensity is not in [0, 1]')
    refuse(offered & ~(propensity > 0), 'it was offered with propensity 0')
    total = np.bincount(of_row, np.nan_to_num(propensity), groups)
    refuse(total > 1 + 1e-6, 'the propensities add up to more than 1')
    refuse(choices.column('price_minor') <= 0, 'the price is not positive')
    refuse(choices.column('month') < 0, 'month is negative')
    moments = frame.group_by('month').agg(pl.col('at').min().alias('low'), pl.col('at').max().alias('high'))
    for (month, _, high), (later, low, _) in pairwise(moments.sort('month').iter_rows()):
        if low <= high:
            raise Trouble(f'{folder}: month {later} begins before month {month} ends')
