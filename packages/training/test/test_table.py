import gzip

import numpy as np
import polars as pl
import pytest

from offerstream_training.splits import folds, hold_out
from offerstream_training.table import design_of, read_table
from offerstream_training.trouble import Trouble

FRAME = pl.DataFrame({'name': ['Zoë', 'Ann', None], 'age': [31.5, None, 40.25], 'paid': [1, 0, 1]})


def written(tmp_path, name, data):
    path = tmp_path / name
    path.write_bytes(data)
    return path


@pytest.mark.parametrize(
    ('data', 'note'),
    [
        ('name,age,paid\nZoë,31.5,1\nAnn,,0\n,40.25,1\n'.encode(), None),
        ('\ufeffname;age;paid\r\nZoë;31,5;1\r\nAnn;;0\r\n;40,25;1\r\n'.encode(), None),
        ('name\tage\tpaid\nZoë\t31.5\t1\nAnn\tNA\t0\n\t40.25\t1\n'.encode('utf-16'), None),
        ('name|age|paid\nZoë|31.5|1\nAnn|nan|0\n|40.25|1\n'.encode('cp1252'), 'read as Windows-1252'),
        (gzip.compress('name,age,paid\nZoë,31.5,1\nAnn,,0\n,40.25,1\n'.encode()), None),
        ('name,age,paid\nZoë,31.5,1\nAnn,,0\n,40.25,1\n'.encode('utf-16-le'), None),
        ('name,age,paid\nZoë,31.5,1\nAnn,,0\n,40.25,1\n'.encode('utf-32'), None),
        ('name,age,paid\rZoë,31.5,1\rAnn,,0\r,40.25,1\r'.encode(), None),
        ('name, age, paid\nZoë, 31.5, 1\nAnn, , 0\n, 40.25, 1\n'.encode(), None),
    ],
)
def test_whatever_the_delimiter_the_encoding_and_the_decimal_sign_the_table_is_the_same(tmp_path, data, note):
    notes: list[str] = []
    assert read_table(written(tmp_path, 'table.csv', data), notes).equals(FRAME)
    assert (note in notes[0]) if note else notes == []


def test_parquet_and_svmlight_are_known_by_their_content(tmp_path):
    FRAME.write_parquet(tmp_path / 'table')
    assert read_table(tmp_path / 'table', []).equals(FRAME)
    rows = b'2 1:0.5 3:1\n0 2:4\n1 1:1\n'
    written(tmp_path, 'rows.query', b'2\n1\n')
    frame = read_table(written(tmp_path, 'rows', rows), [])
    assert frame.columns == ['label', 'group', 'f1', 'f2', 'f3']
    assert frame['group'].to_list() == [0, 0, 1]
    assert read_table(written(tmp_path, 'qid', b'1 qid:7 1:2\n0 qid:8 2:1\n'), [])['group'].to_list() == [7, 8]
    told = read_table(written(tmp_path, 'told', b'# two queries\n1 qid:7 1:2 # the first\n0 qid:8 2:1\n'), [])
    assert told['f1'].to_list() == [2, 0]
    FRAME.with_columns(age=pl.Series([31.5, float('nan'), 40.25])).write_parquet(tmp_path / 'table')
    assert read_table(tmp_path / 'table', []).equals(FRAME), 'what is not a number is missing'
    written(tmp_path, 'rows.query', b'2\n2\n')
    with pytest.raises(Trouble, match=r'speaks of 4 rows, .* has 3'):
        read_table(tmp_path / 'rows', [])


@pytest.mark.parametrize(
    ('data', 'message'),
    [
        (b'', 'the table is empty'),
        (b'a,b\n', 'has no rows'),
        (b'a,b,a\n1,2,3\n', 'two columns are called a'),
        (b'a,b\n1,2\n3,inf\n', 'b is infinite in row 2'),
        (b'a,b\n1,2\n3,4,5\n', 'cannot be read'),
        (bytes(range(256)), 'is no table'),
        (b'PAR1 and then nothing', 'cannot be read'),
        (b'\x1f\x8bcut short', 'cannot be read'),
        (gzip.compress(b'a,b\n' + b'1,2\n' * 50)[:12] + b'\xff' * 20, 'cannot be read'),
        (b'a,b\n1,2\n3,-1e39\n', r'b is -1e\+39, too large for a float32, in row 2'),
        (b'{"a": 1, "b": 2}\n', 'is no table'),
        (b'a, b,a \n1,2,3\n', 'two columns are called a'),
        (b'1 1:2\n0 2000000000:1\n', 'too many to learn from'),
    ],
)
def test_what_cannot_be_read_is_said_in_one_line(tmp_path, data, message):
    with pytest.raises(Trouble, match=message) as found:
        read_table(written(tmp_path, 'table.csv', data), [])
    assert '\n' not in str(found.value)
    with pytest.raises(Trouble, match='cannot be read'):
        read_table(tmp_path / 'absent.csv', [])


def test_a_column_that_is_dropped_may_hold_what_cannot_be_learnt_from(tmp_path):
    path = written(tmp_path, 'table.csv', b'a,b\n1,inf\n3,4\n')
    assert read_table(path, [], dropped=['b'])['a'].to_list() == [1, 3]


def test_a_damaged_file_is_read_or_named_and_never_more(tmp_path):
    random = np.random.default_rng(1)
    frame = pl.DataFrame({'a': random.normal(size=300), 'c': random.choice(['x', 'y'], 300)})
    frame.write_parquet(tmp_path / 'whole', compression='uncompressed')
    files = [(tmp_path / 'whole').read_bytes(), gzip.compress(frame.write_csv().encode())]
    refused = 0
    for at in range(60):
        data = bytearray(files[at % 2])
        for place in random.integers(0, len(data), 1 + at % 4):
            data[place] = random.integers(0, 256)
        try:
            read_table(written(tmp_path, 'damaged', data[: len(data) - at % 3]), [])
        except Trouble:
            refused += 1
    assert refused > 30


def test_texts_become_one_input_a_level_and_a_level_never_seen_is_none_of_them():
    many = pl.DataFrame(
        {'plan': ['s', 'm', 's', None], 'customer_id': [1, 2, 3, 4], 'flat': [7] * 4, 'x': [1, 2, 3, None]}
    )
    notes: list[str] = []
    design = design_of(many, set(), notes)
    assert design.names == ['x', 'plan=m', 'plan=s']
    assert notes == ['customer_id looks like an id; left out', 'always the same, left out: flat']
    rows = design.rows(pl.DataFrame({'plan': ['s', 'xl', None], 'x': [5, 6, 7]}))
    np.testing.assert_array_equal(rows, [[5, 0, 1], [6, 0, 0], [7, np.nan, np.nan]])


def test_no_group_is_on_two_sides_and_no_row_is_learnt_from_later_than_it_is_judged():
    random = np.random.default_rng(0)
    y, group, time = random.integers(0, 2, 500), random.integers(0, 60, 500), random.integers(0, 90, 500)
    for split in [hold_out(y, group, None), *folds(y, group, None, 5)]:
        assert not set(group[split[0]]) & set(group[split[1]])
        assert min(map(len, split)) > 50
    for split in [
        hold_out(y, None, time),
        hold_out(y, group, time),
        *folds(y, None, time, 3),
        *folds(y, group, time, 3),
    ]:
        assert time[split[0]].max(initial=-1) < time[split[1]].min()
    train, test = hold_out(y, group, time)
    assert not set(group[train]) & set(group[test])
