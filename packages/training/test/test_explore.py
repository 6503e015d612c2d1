import json
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from test_report import assert_whole

from offerstream_training.explore.association import components, correlation, missing
from offerstream_training.explore.columns import overview
from offerstream_training.explore.slices import Target, cut, slices
from offerstream_training.main import main

ROWS = 4000


def portfolio(seed: int = 0) -> pl.DataFrame:
    """A table with every trap; young people say yes more often, and so do those whose income is not known."""
    random = np.random.default_rng(seed)
    age = random.integers(18, 80, ROWS).astype(np.float64)
    unknown = random.random(ROWS) < 0.2
    said = random.random(ROWS) < 0.05 + 0.1 * (age < 40) + 0.15 * unknown
    income = np.where(unknown, np.nan, random.lognormal(7, 1, ROWS))
    income[np.flatnonzero(~unknown)[7]] = np.inf
    sold = [date(2025, 1, 1) + timedelta(days=int(day)) for day in random.integers(0, 300, ROWS)]
    return pl.DataFrame(
        {
            'number': np.arange(ROWS),
            'sold': sold,
            'age': age,
            'twin': age,
            'months': age * 12 + random.random(ROWS),
            'income': income,
            'bonus': np.where(unknown, np.nan, 1.5 + random.random(ROWS)),
            'always': 'x',
            'nothing': pl.Series([None] * ROWS, dtype=pl.Float64),
            'city': random.choice([f'city {at}' for at in range(40)], ROWS),
            'mail': [f'{at}@a.b' for at in range(ROWS)],
            'price': np.where(np.arange(ROWS) == 5, 'free', '12,5'),
            'debt': np.where(random.random(ROWS) < 0.5, 0.0, random.random(ROWS)),
            'noise': random.random(ROWS),
            'said': np.where(said, 'yes', 'no'),
            'called': np.where(said, 1, 0),
        }
    )


@pytest.fixture
def explore(tmp_path, capsys):
    """Writes a table and looks at it: the exit code, the object, what was printed, and what was told."""

    def command(frame: pl.DataFrame, *args: str):
        frame.write_parquet(tmp_path / 'table.parquet')
        code = main(['explore', '--table', str(tmp_path / 'table.parquet'), '--out', str(tmp_path / 'out'), *args])
        out, err = capsys.readouterr()
        lines = out.splitlines()
        return code, json.loads(lines[-1]) if code == 0 else None, lines[:-1], err

    return command


def test_every_trap_of_a_table_is_told(explore):
    code, found, lines, _ = explore(portfolio(), '--target', 'said', '--time', 'sold', '--json')
    assert code == 0
    columns = {each['name']: each for each in found['columns']}
    assert [each['name'] for each in found['columns'] if each['constant']] == ['always']
    assert {name: each['sameAs'] for name, each in columns.items() if each['sameAs']} == {'twin': 'age'}
    kinds = {'city': 'text', 'sold': 'date', 'age': 'number', 'called': 'flag', 'nothing': 'empty'}
    assert {name: columns[name]['kind'] for name in kinds} == kinds
    assert columns['nothing']['missing'] == 1
    assert columns['income']['remarks'][0].startswith('1 infinite, the first in row ')
    assert columns['price']['remarks'] == ["numbers as text, but 'free'"]
    assert 'as an id' in columns['mail']['remarks'][0] and 'as an id' in columns['number']['remarks'][0]
    assert columns['debt']['remarks'][0].endswith('of the rows are 0')
    assert found['components'] == [['age', 'months']]
    assert [told.split(' ')[0] for told in found['leaks']] == ['called']
    absent = {row['column']: row for row in found['missing']}
    assert absent['income']['tells'] and absent['bonus']['tells']
    assert absent['income']['together'] == ['bonus'], 'a single infinite value aside'
    sure = [each['column'] for each in found['slices'] if each['chance'] < 0.05]
    assert set(sure) == {'called', 'age', 'months', 'income', 'bonus'}
    assert len(found['trend']['periods']) == 10 and found['trend']['chance'] > 0.05
    assert 'always the same: always' in lines and any(line.startswith('leak? called') for line in lines)
    page = Path(found['report']).read_text()
    assert_whole(page)
    assert page.count('<h2>') == 6


def test_where_nothing_goes_with_the_target_nothing_is_said_to(explore):
    frame = portfolio().drop('called').with_columns(said=pl.Series(portfolio(1)['said']))
    _, found, lines, _ = explore(frame, '--target', 'said', '--json')
    assert not [each['column'] for each in found['slices'] if each['chance'] < 0.05]
    assert not [row for row in found['missing'] if row.get('tells')] and found['leaks'] == []
    assert any(line.startswith('0 of ') for line in lines)


def test_a_table_without_a_target_and_one_with_a_number_as_target_are_looked_at_too(explore):
    _, found, _, _ = explore(portfolio().drop('said'), '--json')
    assert found['target'] is None and found['slices'] == []
    frame = portfolio().drop('said', 'called')
    _, found, _, _ = explore(frame, '--target', 'months', '--json')
    assert found['target']['binary'] is False
    assert found['slices'][0]['column'] == 'age' and 'age may give the answer away' in found['leaks'][0]


def test_slices_hold_every_row_once_and_its_mean():
    values = pl.Series('x', [1.0, 2.0, 3.0, 4.0, None, 2.0])
    labels, code = cut(values)
    assert labels == ['1', '2', '3', '4', 'missing'] and code.tolist() == [0, 1, 2, 3, 4, 1]
    many = pl.Series('x', np.arange(100.0))
    labels, code = cut(many)
    assert labels[0] == '0 to 9' and labels[-1] == '90 to 99' and np.bincount(code).tolist() == [10] * 10
    found = slices(pl.DataFrame({'x': values}), Target('y', np.array([1.0, 1, 0, 0, 1, 0])), ['x'])[0]
    assert [(name, rows, mean) for name, rows, mean, _, _ in found.rows][:2] == [('1', 1, 1.0), ('2', 2, 0.5)]
    skewed = pl.Series('x', [0.0] * 95 + [float(at) for at in range(1, 21)])
    labels, code = cut(skewed)
    assert np.bincount(code).sum() == 115 and np.bincount(code)[0] == 95 and labels[0] == '0'


def test_rows_of_a_group_count_as_the_group_they_are():
    """A column of groups where each answers alike looks sure when its rows are taken for independent ones."""
    random = np.random.default_rng(4)
    group = np.repeat(np.arange(60), 40)
    y = np.repeat(random.random(60) < 0.3, 40).astype(np.float64)
    frame = pl.DataFrame({'x': np.repeat(random.integers(0, 4, 60), 40)})
    alone = slices(frame, Target('y', y), ['x'])[0]
    together = slices(frame, Target('y', y, group), ['x'])[0]
    assert alone.chance < 0.001 < 0.05 < together.chance
    whole = np.ones(len(y), dtype=bool)
    assert Target('y', y, group).effect(whole) == pytest.approx(40)


def test_correlation_is_of_the_rows_where_both_are_known():
    x = np.array([[1.0, 1, np.nan], [2, 3, 1], [3, np.nan, 2], [4, 2, 4], [5, 9, np.nan]])
    found = correlation(x)
    both = ~np.isnan(x[:, 0]) & ~np.isnan(x[:, 1])
    assert found[0, 1] == pytest.approx(np.corrcoef(x[both, 0], x[both, 1])[0, 1])
    assert np.isnan(correlation(np.ones((5, 2)))).all(), 'of what does not vary there is none'
    chain = np.array([[1, 0.95, 0.2, 0], [0.95, 1, 0.93, 0], [0.2, 0.93, 1, 0], [0, 0, 0, 1]])
    assert components(list('abcd'), chain) == [['a', 'b', 'c']]


def test_what_is_missing_is_held_against_what_is_there():
    x = np.arange(200.0)
    frame = pl.DataFrame({'x': x, 'late': [None if at > 150 else at for at in x]})
    row = missing(frame, Target('y', (x > 150).astype(np.float64)))[0]
    assert row['column'] == 'late' and row['missing'][0] == 1 and row['known'][0] == 0 and row['tells']
    assert row['goesWith']['column'] == 'x'
    assert [each.same_as for each in overview(frame)] == [None, None]


BAD = {
    'no such target': (['--target', 'what'], 'the target what is no column of the table'),
    'one class': (['--target', 'always'], 'always is x in every row: one class only'),
    'three values': (['--target', 'city'], 'city has the values'),
    'nothing in it': (['--target', 'nothing'], 'no row has a nothing'),
    'time is a text': (['--target', 'said', '--time', 'city'], 'city is no time'),
    'time without target': (['--time', 'sold'], '--positive and --time want a --target'),
    'no such drop': (['--drop', 'what'], '--drop what is no column'),
}


@pytest.mark.parametrize('case', BAD)
def test_bad_input_is_one_line_and_nothing_is_written(case, explore, tmp_path):
    args, message = BAD[case]
    code, _, _, err = explore(portfolio().head(300), *args)
    assert code == 1 and message in err.splitlines()[-1] and err.splitlines()[-1].startswith('error: ')
    assert [file.name for file in tmp_path.iterdir()] == ['table.parquet']
