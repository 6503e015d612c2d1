import json
import os
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from offerstream_training.boundary import at_boundary
from offerstream_training.main import main
from offerstream_training.runtime import run

DATA = os.environ.get('OFFERSTREAM_DATA')


def table(rows: int, seed: int = 0) -> pl.DataFrame:
    """Customers over a year, some on several rows; one in six says yes."""
    random = np.random.default_rng(seed)
    age, tenure = random.normal(45, 12, rows), random.uniform(7, 1800, rows)
    plan = random.choice(['s', 'm', 'l'], rows)
    margin = -2 + 1.2 * (age < 40) + 0.8 * (tenure > 400) - 0.7 * (plan == 'l')
    said = random.random(rows) < 1 / (1 + np.exp(-margin))
    days = [date(2025, 1, 1) + timedelta(days=int(day)) for day in random.integers(0, 365, rows)]
    columns = {'customer': random.integers(0, rows // 2, rows), 'day': days, 'age': age, 'tenure': tenure, 'plan': plan}
    return pl.DataFrame(columns | {'noise': random.random(rows), 'said': np.where(said, 'yes', 'no')})


@pytest.fixture
def train(tmp_path, capsys):
    """Writes a table and runs a command over it: its exit code, its last line, and what it told."""

    def command(name: str, frame: pl.DataFrame, *args: str):
        frame.write_csv(tmp_path / 'table.csv')
        given = ['--table', str(tmp_path / 'table.csv'), '--out', str(tmp_path / 'out'), '--json', *args]
        code = main([name, *given])
        out, err = capsys.readouterr()
        return code, json.loads(out.splitlines()[-1]) if code == 0 else None, err

    return command


def test_a_table_becomes_a_served_model_scores_and_a_report(train, tmp_path):
    given = ['--target', 'said', '--group', 'customer', '--cost', '1', '--value', '4']
    frame = table(3000)
    code, result, _ = train('classify', frame, *given)
    assert code == 0
    metrics = [
        'auc',
        'averagePrecision',
        'logLoss',
        'f1Positive',
        'f1Macro',
        'lift5',
        'lift10',
        'lift20',
        'ece',
        'profit',
    ]
    assert list(result['metrics']) == metrics
    assert all(
        each['low'] <= each['value'] <= each['high'] for name, each in result['metrics'].items() if name != 'ece'
    )
    assert 0.62 < result['metrics']['auc']['value'] < 0.8
    assert result['metrics']['logLoss']['value'] < result['baselines']['base rate']['logLoss']['value']
    assert result['threshold'] == 0.25
    assert sorted(file.name for file in (tmp_path / 'out').iterdir()) == ['models', 'report.html', 'scores.csv']

    scores = pl.read_csv(result['scores'])
    assert scores.height == result['testRows'] < result['rows'] == 3000
    there = frame[(scores['row'] - 1).to_list()]
    assert scores['label'].to_list() == (there['said'] == 'yes').cast(pl.Int8).to_list()
    others = frame.filter(~pl.Series(np.isin(np.arange(3000), scores['row'] - 1)))
    assert not set(there['customer']) & set(others['customer'])
    assert abs((scores['score'] >= 0.25).mean() - result['contactedShare']) < 1e-12
    home = Path(result['model'])
    manifest = json.loads((home / 'manifest.json').read_text())
    assert manifest['features'] == ['age', 'tenure', 'noise', 'plan=l', 'plan=m', 'plan=s']
    assert manifest['thresholds'] == {'contact': 0.25}
    again = 'pnpm train classify --table table.csv --target said --group customer --cost 1 --value 4'
    assert f'`{again}`' in (home / 'card.md').read_text()
    golden = json.loads((home / 'golden.json').read_text())
    rows = at_boundary(np.array([[np.nan if x is None else x for x in row] for row in golden['rows']]))
    assert np.abs(run((home / 'model.onnx').read_bytes(), rows, 'probability') - golden['probability']).max() < 1e-6
    page = Path(result['report']).read_text()
    assert page.count('<svg') == 6
    assert 'http' not in page and '<script' not in page


def test_a_group_of_the_test_file_is_not_learnt_from(train, tmp_path):
    frame = table(1200)
    frame[800:].write_csv(tmp_path / 'later.csv')
    shared = frame[:800].filter(pl.col('customer').is_in(frame[800:]['customer'].to_list())).height
    given = ['--target', 'said', '--group', 'customer', '--test', str(tmp_path / 'later.csv')]
    _, result, _ = train('classify', frame[:800], *given)
    assert shared > 100
    assert f'{shared} training rows left out: their customer is in the test file' in result['warnings']
    assert result['rows'] == 1200 - shared


def test_labels_shuffled_leave_nothing_to_learn(train):
    frame = table(1500)
    shuffled = frame.with_columns(frame['said'].shuffle(seed=5))
    _, result, _ = train('classify', shuffled, '--target', 'said', '--drop', 'customer')
    auc = result['metrics']['auc']
    assert auc['low'] <= 0.5 <= auc['high']


def test_columns_that_give_the_answer_away_are_named_and_those_that_tell_it_alone_left_out(train):
    frame = table(2000)
    yes = frame['said'] == 'yes'
    reasons = pl.Series('reason', [str(i % 7) if each else None for i, each in enumerate(yes)])
    later = pl.Series('closed', [day + timedelta(days=3) for day in frame['day']])
    answers = [yes.cast(pl.Int8).alias('answer'), reasons, later]
    leaky = frame.with_columns(answers)
    _, result, _ = train('classify', leaky, '--target', 'said', '--time', 'day', '--drop', 'customer')
    warnings = '\n'.join(result['warnings'])
    assert 'answer gives the answer away: its value tells the target alone (AUC 1.000); left out' in warnings
    assert 'reason gives the answer away' in warnings
    assert 'closed lies after day in 100% of the rows' in warnings
    assert result['metrics']['auc']['value'] < 0.85
    learnt = json.loads((Path(result['model']) / 'manifest.json').read_text())['trainedOn']
    assert learnt['from'] == str(frame['day'].min()) < learnt['to'] < str(frame['day'].max())


def test_a_ranking_of_a_table_keeps_the_file_s_order_in_its_scores(train):
    random = np.random.default_rng(3)
    x = random.normal(size=(1200, 4))
    label = np.clip(np.round(x[:, 0] + 0.5 * random.normal(size=1200) + 1), 0, 3).astype(int)
    group = random.permutation(np.repeat(np.arange(60), 20))
    frame = pl.DataFrame({'query': group, 'grade': label} | {f'x{index}': x[:, index] for index in range(4)})
    test = frame[:300]
    code, result, _ = train('rank', frame[300:], '--group', 'query', '--label', 'grade')
    assert code == 0
    assert list(result['metrics']) == ['ndcg1', 'ndcg3', 'ndcg5', 'ndcg10']
    rows = pl.read_csv(result['scores'])['row']
    queries = frame[300:]['query']
    tested = set(queries[(rows - 1).to_list()])
    assert rows.is_sorted() and len(tested) == result['groups'] == 12
    assert queries.is_in(list(tested)).sum() == len(rows), 'whole groups are tested'
    assert result['metrics']['ndcg5']['low'] > result['baselines']['order of the file']['ndcg5']['high']
    path = Path(result['scores']).parent.parent / 'test.csv'
    test.write_csv(path)
    _, result, _ = train('rank', frame[300:], '--group', 'query', '--label', 'grade', '--test', str(path))
    scores = pl.read_csv(result['scores'])['score'].to_numpy()
    graph = (Path(result['model']) / 'model.onnx').read_bytes()
    again = run(graph, at_boundary(test.select('x0', 'x1', 'x2', 'x3').to_numpy()), 'preference')
    assert np.abs(again - scores).max() < 1e-5


BAD = {
    'one class': (lambda t: t.with_columns(said=pl.lit('no')), [], 'said is no in every row: one class only'),
    'target absent': (lambda t: t.drop('said'), [], 'the target said is no column of the table; it has customer, day'),
    'three values': (lambda t: t, ['--target', 'plan'], 'plan has the values l, m, s: say which one is meant'),
    'no such value': (lambda t: t, ['--positive', 'si'], '--positive si is no value of said: no, yes'),
    'few positives': (
        lambda t: t.with_columns(said=pl.Series(['yes'] * 4 + ['no'] * (t.height - 4))),
        [],
        'said: 3 positives among 320 training rows, wanted 10 at least',
    ),
    'infinite': (
        lambda t: t.with_columns(age=pl.Series([1.0, float('inf')] * (t.height // 2))),
        [],
        'age is infinite in row 2',
    ),
    'as long as two': (
        lambda t: t.with_columns(age=pl.Series([1.0] * (t.height - 1) + [1e39])),
        [],
        'age is 1e+39, too large for a float32, in row 400',
    ),
    'the target as its group': (lambda t: t, ['--group', 'said'], '--group said: it is the target'),
    'the target as its time': (lambda t: t, ['--time', 'said'], '--time said: it is the target'),
    'the target alone': (lambda t: t.select('said', again='said'), [], 'no column is left to learn from'),
    'one group': (lambda t: t, ['--group', 'one'], 'all rows are of one group'),
    'two groups': (lambda t: t, ['--group', 'half'], 'the training rows are of one group'),
    'positives of one group': (lambda t: t, ['--group', 'said_by'], '0 positives among'),
    'one moment': (lambda t: t, ['--time', 'one'], 'no row is earlier'),
    'no such column kept': (lambda t: t, ['--keep', 'wage'], '--keep wage is no column'),
    'endless value': (lambda t: t, ['--cost', '1', '--value', 'inf'], 'wanted 0 < cost < value'),
    'no such time': (lambda t: t, ['--time', 'when'], '--time when is no column'),
    'time is a text': (lambda t: t, ['--time', 'plan'], 'plan is no time'),
    'costs more than it brings': (lambda t: t, ['--cost', '5', '--value', '4'], 'wanted 0 < cost < value'),
    'half a price': (lambda t: t, ['--cost', '5'], '--cost and --value go together'),
    'nothing to learn from': (lambda t: t.select('said', 'customer'), ['--drop', 'customer'], 'no column is left'),
}


@pytest.mark.parametrize('case', BAD)
def test_bad_input_is_one_line_and_nothing_is_written(case, train, tmp_path):
    spoil, args, message = BAD[case]
    frame = spoil(table(400))
    if args[:1] in (['--group'], ['--time']):
        half = pl.int_range(pl.len()) % 2
        said_by = pl.when(pl.col('said') == 'yes').then(-1).otherwise('customer')
        frame = frame.with_columns(one=pl.lit(1), half=half, said_by=said_by)
    code, _, err = train('classify', frame, '--target', 'said', *args)
    assert code == 1
    assert message in err.splitlines()[-1]
    assert err.splitlines()[-1].startswith('error: ')
    assert [file.name for file in tmp_path.iterdir()] == ['table.csv']


def test_rows_learnt_from_already_and_earlier_ones_are_told(train, tmp_path):
    frame = table(800)
    frame[:200].write_csv(tmp_path / 'again.csv')
    given = ['--target', 'said', '--drop', 'customer', '--time', 'day', '--test', str(tmp_path / 'again.csv')]
    _, result, _ = train('classify', frame, *given)
    assert '200 of 200 test rows are the same as a training row' in result['warnings'][0]
    assert '200 of 200 test rows are not later' in result['warnings'][1]
    _, result, _ = train('classify', frame, '--target', 'said', '--drop', 'customer')
    assert not any('test rows' in warning for warning in result['warnings'])


def test_a_group_is_the_same_in_a_file_that_wrote_its_number_otherwise(train, tmp_path):
    frame = table(1200)
    frame[800:].with_columns(pl.col('customer').cast(pl.Float64)).write_parquet(tmp_path / 'later')
    given = ['--target', 'said', '--group', 'customer', '--test', str(tmp_path / 'later')]
    _, result, _ = train('classify', frame[:800], *given)
    assert any('their customer is in the test file' in warning for warning in result['warnings'])


def queries(groups: int = 30) -> pl.DataFrame:
    """Twenty rows each, graded 0 to 3 by x and by chance."""
    random = np.random.default_rng(4)
    x = random.normal(size=20 * groups)
    grade = np.clip(np.round(x + 0.5 * random.normal(size=len(x))), 0, 3).astype(int)
    return pl.DataFrame({'query': np.repeat(np.arange(groups), 20), 'x': x, 'z': random.random(len(x)), 'grade': grade})


def test_a_column_that_orders_groups_alone_is_named_and_left_out_unless_it_is_kept(train):
    frame = queries().with_columns(answer=-7 * pl.col('grade'))
    given = ['--group', 'query', '--label', 'grade']
    _, result, _ = train('rank', frame, *given)
    assert 'answer gives the answer away: it orders the groups alone (NDCG 1.000); left out' in result['warnings']
    assert result['metrics']['ndcg10']['value'] < 0.99
    _, result, _ = train('rank', frame, *given, '--keep', 'answer')
    assert result['metrics']['ndcg10']['value'] > 0.99


BAD_ORDER = {
    'empty of choice': (lambda t: t.with_columns(query=pl.int_range(pl.len())), [], 'no query holds rows of different'),
    'all grades the same': (lambda t: t.with_columns(grade=2), [], 'grade is 2 in every row'),
    'one group': (lambda t: t.with_columns(query=1), [], 'all rows are of one group'),
    'few groups': (lambda t: t[:80], [], '3 groups to learn from'),
    'a grade below 0': (lambda t: t.with_columns(pl.col('grade') - 1), [], 'wanted whole grades 0 to 30'),
    'half a grade': (lambda t: t.with_columns(pl.col('grade') / 2), [], 'wanted whole grades 0 to 30'),
    'a text for a grade': (lambda t: t.with_columns(grade=pl.lit('good')), [], "grade is not a number: 'good'"),
    'a grade missing': (lambda t: t.with_columns(grade=pl.when(pl.col('x') < 0).then('grade')), [], 'grade is missing'),
    'the label as its group': (lambda t: t, ['--group', 'grade'], '--group grade: it is the label'),
    'no such column': (lambda t: t, ['--drop', 'y'], '--drop y is no column'),
    'infinite': (lambda t: t.with_columns(x=1 / pl.col('grade')), [], 'x is infinite in row'),
    'a huge group': (
        lambda t: pl.concat([t, *[t[:20].with_columns(query=99)] * 501], how='vertical_relaxed'),
        [],
        'query 99 has 10020 rows, wanted 10000 at most',
    ),
}


@pytest.mark.parametrize('case', BAD_ORDER)
def test_bad_input_of_a_ranking_is_one_line_and_nothing_is_written(case, train, tmp_path):
    spoil, args, message = BAD_ORDER[case]
    code, _, err = train('rank', spoil(queries()), '--group', 'query', '--label', 'grade', *args)
    assert code == 1
    assert err.splitlines()[-1].startswith('error: ') and message in err.splitlines()[-1]
    assert [file.name for file in tmp_path.iterdir()] == ['table.csv']


def test_a_folder_that_cannot_be_written_is_told_before_anything_is_fitted(train, tmp_path):
    (tmp_path / 'file').write_text('')
    code, _, err = train('classify', table(400), '--target', 'said', '--out', str(tmp_path / 'file' / 'out'))
    assert code == 1 and err.endswith(f'{tmp_path / "file"} is no folder that can be written to\n')
    assert 'fitting' not in err


def test_a_fit_that_is_stopped_leaves_nothing(train, tmp_path, monkeypatch):
    def stop(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr('offerstream_training.classify.classify_report', stop)
    code, _, err = train('classify', table(400), '--target', 'said')
    assert code == 130 and err.splitlines()[-1] == 'interrupted'
    assert [file.name for file in tmp_path.iterdir()] == ['table.csv']


def test_a_folder_with_something_else_in_it_is_not_replaced(train, tmp_path):
    (tmp_path / 'out').mkdir()
    (tmp_path / 'out' / 'thesis.txt').write_text('years of work')
    code, _, err = train('classify', table(600), '--target', 'said')
    assert code == 1 and 'holds something else' in err
    assert (tmp_path / 'out' / 'thesis.txt').read_text() == 'years of work'


if DATA:

    def test_a_real_ranking_is_learnt_as_well_as_others_learn_it(tmp_path, capsys):
        folder = Path(DATA) / 'lambdarank'
        given = ['--table', str(folder / 'rank.train.gz'), '--test', str(folder / 'rank.test.gz')]
        assert main(['rank', *given, '--out', str(tmp_path / 'out'), '--json']) == 0
        result = json.loads(capsys.readouterr().out.splitlines()[-1])
        found = {name: each['value'] for name, each in result['metrics'].items()}
        print(f'lambdarank, {result["groups"]} test queries: {found}')
        assert result['groups'] == 50
        for name, least in {'ndcg1': 0.58, 'ndcg3': 0.63, 'ndcg5': 0.67, 'ndcg10': 0.73}.items():
            assert found[name] >= least, name
