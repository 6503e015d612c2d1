import json
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from choice_world import FEATURES, PAIRS, choice_world, write_table

from offerstream_training.choices import check_choices, read_choices
from offerstream_training.trouble import Trouble


def test_a_choice_table_is_read_as_groups_and_vectors_in_the_order_of_its_columns(tmp_path: Path):
    frame, _ = choice_world(200)
    half = frame.filter(pl.col('decision').str.slice(1).cast(pl.Int32) < 100)
    write_table(tmp_path, half)
    frame[half.height :].write_parquet(tmp_path / 'part-1.parquet')
    choices = read_choices(tmp_path)
    assert choices.names == [*FEATURES, *PAIRS]
    assert np.array_equal(choices.x, frame.select(choices.names).to_numpy())
    sizes = frame.group_by('decision', maintain_order=True).len()['len'].to_list()
    assert np.diff(choices.start).tolist() == sizes
    assert choices.column('offered')[choices.shown()].all()
    counts = check_choices(tmp_path)
    assert counts == {
        'rows': frame.height,
        'offers': 200,
        'organic': 0,
        'opened': counts['accepted'],
        'accepted': int(frame['accepted'].sum()),
        'rejected': 0,
    }


def test_some_groups_are_taken_whole_and_in_the_order_given(tmp_path: Path):
    choices = read_choices(write_table(tmp_path, choice_world(50)[0]))
    some = choices.take(np.array([7, 3]))
    assert some.first('decision').tolist() == ['d7', 'd3']
    rows = np.concatenate([np.arange(choices.start[each], choices.start[each + 1]) for each in (7, 3)])
    assert np.array_equal(some.x, choices.x[rows])
    late = choices.take(choices.first('month') == 2)
    assert set(late.column('month')) == {2}


ORGANIC = {'source': 'organic', 'propensity': float('nan'), 'offered': False, 'opened': False, 'rejected': False}


def changed(frame: pl.DataFrame, row: int, **cells) -> pl.DataFrame:
    at = pl.int_range(pl.len()) == row
    return frame.with_columns(
        pl.when(at).then(pl.lit(value, frame[name].dtype)).otherwise(pl.col(name)).alias(name)
        for name, value in cells.items()
    )


@pytest.mark.parametrize(
    ('cells', 'said'),
    [
        ({'accepted': True}, 'accepted, though it was not offered'),
        ({'opened': True}, 'opened, though it was not offered'),
        ({'offered': True}, 'wanted exactly one candidate offered'),
        ({'propensity': 1.5}, 'the propensity is not in [0, 1]'),
        ({'propensity': float('nan')}, 'the propensity is not in [0, 1]'),
        ({'propensity': 0.99}, 'the propensities add up to more than 1'),
        ({'price_minor': 0}, 'the price is not positive'),
        ({'customer': 'another'}, 'customer differs within its decision'),
        ({'current': None}, 'current differs within its decision'),
        ({'source': 'guess'}, 'source differs within its decision'),
        ({'decision': 'd9'}, 'the rows of decision d9 are not on end'),
        ({'bill_change': float('inf')}, 'column bill_change is infinite in some row'),
        ({'item': None}, 'column item is null in some row'),
    ],
)
def test_what_no_choice_table_holds_is_refused_with_its_row(tmp_path: Path, cells: dict, said: str):
    frame, _ = choice_world(20)
    assert not frame['offered'][1]
    with pytest.raises(Trouble, match=said.replace('[', r'\[')):
        read_choices(write_table(tmp_path, changed(frame, 1, **cells)))


def test_an_organic_group_holds_what_was_bought_and_nothing_offered(tmp_path: Path):
    frame, _ = choice_world(20)
    own = frame.filter(decision='d0').with_columns(pl.lit(value).alias(name) for name, value in ORGANIC.items())
    own = own.with_columns(accepted=pl.int_range(pl.len()) == 1)
    rest = frame.filter(pl.col('decision') != 'd0')
    choices = read_choices(write_table(tmp_path, pl.concat([own, rest])))
    assert choices.shown()[0] == 1
    assert check_choices(tmp_path)['organic'] == 1
    with pytest.raises(Trouble, match='exactly one plan bought'):
        read_choices(write_table(tmp_path, pl.concat([own.with_columns(accepted=pl.lit(True)), rest])))


def test_files_that_are_no_choice_table_are_told_by_name(tmp_path: Path):
    with pytest.raises(Trouble, match='it has no columns'):
        read_choices(tmp_path)
    frame, _ = choice_world(20)
    write_table(tmp_path, frame)
    file = tmp_path / 'part-0.parquet'
    file.write_bytes(file.read_bytes()[:-100])
    with pytest.raises(Trouble, match=r'part-0\.parquet cannot be read as Parquet'):
        read_choices(tmp_path)
    write_table(tmp_path, frame.drop('bill_change', 'at'))
    with pytest.raises(Trouble, match='column at is not there, wanted Int64'):
        read_choices(tmp_path)
    write_table(tmp_path, frame.cast({'bill_change': pl.Float64}))
    with pytest.raises(Trouble, match='column bill_change is Float64, wanted Float32'):
        read_choices(tmp_path)
    write_table(tmp_path, frame)
    (tmp_path / 'columns.json').write_text(json.dumps({'features': ['shoe_size'], 'pairs': PAIRS}))
    with pytest.raises(Trouble, match=r'names shoe_size, which docs/features\.md does not'):
        read_choices(tmp_path)
