"""A choice table as the plan ranker learns from it: every answer, and a sample of the offers nobody opened."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl

from ..choices import KEYS, Choices, read_choices
from ..trouble import Trouble

SMALL = 1_500_000
"""Rows up to which a table is read whole, and checked."""


@dataclass
class Log:
    """Groups of a choice table. All fields but `choices` are (groups,).

    weight: how many groups of the whole log each stands for; row: the one offered, or bought unasked; opened, accepted:
    of that row.
    """

    choices: Choices
    weight: np.ndarray
    offer: np.ndarray
    month: np.ndarray
    row: np.ndarray
    opened: np.ndarray
    accepted: np.ndarray

    def part(self, groups: np.ndarray) -> 'Log':
        """Some of them, by mask (groups,)."""
        return log_of(self.choices.take(groups), self.weight[groups])

    @property
    def x(self) -> np.ndarray:
        """(rows, inputs)."""
        return self.choices.x

    @property
    def start(self) -> np.ndarray:
        """(groups + 1,)."""
        return self.choices.start

    @property
    def customer(self) -> np.ndarray:
        """(groups,)."""
        return self.choices.first('customer')

    def propensity(self) -> np.ndarray:
        """(groups,) of the row, NaN for what was bought unasked."""
        return self.choices.column('propensity')[self.row]


def log_of(choices: Choices, weight: np.ndarray | None = None) -> Log:
    """Of a whole table, or of groups that stand for `weight` (groups,) each."""
    row = choices.shown()
    return Log(
        choices,
        np.ones(len(row)) if weight is None else weight,
        choices.first('source') == 'offer',
        choices.first('month'),
        row,
        choices.column('opened')[row],
        choices.column('accepted')[row].astype(np.float64),
    )


def read_log(folders: Sequence[Path], most: int = 60_000) -> Log:
    """One or more tables as one log; of a large one, all answers and in each month about `most` other offers.

    Raises `Trouble`.
    """
    parts = [_read(folder, most) for folder in folders]
    first = parts[0].choices
    for folder, part in zip(folders, parts, strict=True):
        if part.choices.names != first.names:
            raise Trouble(f'{folder} has other features than {folders[0]}')
    if len(parts) == 1:
        return parts[0]
    starts = np.concatenate([[0], *(np.diff(part.start) for part in parts)]).cumsum()
    frames = [
        # The same names in two tables are two customers.
        part.choices.frame.with_columns(pl.format('{}/{}', pl.lit(at), pl.col(name)).alias(name))
        for at, part in enumerate(parts)
        for name in ['customer']
    ]
    whole = Choices(
        pl.concat(frames), np.concatenate([part.x for part in parts]), first.features, first.pairs, starts, first.world
    )
    return log_of(whole, np.concatenate([part.weight for part in parts]))


def _read(folder: Path, most: int) -> Log:
    files = sorted(folder.glob('*.parquet'))
    if not files or not (folder / 'columns.json').is_file():
        return log_of(read_choices(folder))
    if pl.scan_parquet(files).select(pl.len()).collect().item() <= SMALL:
        return log_of(read_choices(folder))
    named = json.loads((folder / 'columns.json').read_text())
    names = named['features'] + named['pairs']
    groups = [_groups(file) for file in files]
    sizes, months, others = (np.concatenate([each[at] for each in groups]) for at in range(3))
    weight = _sampled(months, others, most)
    kept = np.repeat(weight > 0, sizes)
    keys, x = [], []
    row = 0
    for file, (rows, _, _) in zip(files, groups, strict=True):
        here = kept[row : row + rows.sum()]
        keys.append(pl.read_parquet(file, columns=list(KEYS)).filter(here))
        x.append(pl.read_parquet(file, columns=names).select(names).filter(here).to_numpy())
        row += len(here)
    start = np.append(0, np.cumsum(sizes[weight > 0]))
    choices = Choices(pl.concat(keys), np.concatenate(x), named['features'], named['pairs'], start, named.get('world'))
    return log_of(choices, weight[weight > 0])


def _groups(file: Path) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Of a file's groups, (groups,) each: their rows, their month, and whether they are offers nobody opened."""
    part = pl.read_parquet(file, columns=['decision', 'month', 'source', 'opened'])
    first = np.flatnonzero((part['decision'] != part['decision'].shift(1)).fill_null(True).to_numpy())
    opened = np.add.reduceat(part['opened'].to_numpy().astype(np.int64), first) > 0
    organic = (part['source'] == 'organic').to_numpy()[first]
    return np.diff(np.append(first, part.height)), part['month'].to_numpy()[first], ~opened & ~organic


def _sampled(months: np.ndarray, others: np.ndarray, most: int) -> np.ndarray:
    """How many groups each stands for, 0 where it is left out: all that are not others, and of these `most` a month."""
    weight = np.where(others, 0.0, 1.0)
    for month in np.unique(months):
        here = np.flatnonzero(others & (months == month))
        taken = np.random.default_rng(int(month)).permutation(here)[:most]
        weight[taken] = len(here) / max(len(taken), 1)
    return weight


def places(choices: Choices) -> np.ndarray:
    """(rows,) of each row in its group, from 0: the order of the catalogue, by price."""
    return np.arange(len(choices.x)) - choices.start[:-1][choices.of_row]


def best(score: np.ndarray, start: np.ndarray) -> np.ndarray:
    """(groups,) the row with the highest score; of equal ones the first. score: (rows,)."""
    of_row = np.repeat(np.arange(len(start) - 1), np.diff(start))
    highest = np.flatnonzero(score >= np.maximum.reduceat(score, start[:-1])[of_row])
    return highest[np.unique(of_row[highest], return_index=True)[1]]
