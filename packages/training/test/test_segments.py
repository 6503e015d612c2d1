import json
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from test_report import assert_whole

from offerstream_training.main import main
from offerstream_training.metrics import auc
from offerstream_training.splits import folds
from offerstream_training.trouble import Trouble
from offerstream_training.upsell.models import MODELS
from offerstream_training.upsell_segments.agreement import pair, top_overlap
from offerstream_training.upsell_segments.cuts import cuts
from offerstream_training.upsell_segments.judging import candidate, judged
from offerstream_training.upsell_segments.margins import Sides, by_segment, pooled, shrunk
from offerstream_training.upsell_segments.stack import ridge_stack

TREES = MODELS['lightgbm'].having(rounds=20, leaves=4, rate=0.2, least=20)


def people(rows: int, seed: int = 0) -> pl.DataFrame:
    """The young buy when usage is high, the old when it is low: one model for each would say it with a single split."""
    random = np.random.default_rng(seed)
    age, usage = random.uniform(18, 80, rows), random.normal(size=rows)
    gb = np.where(random.random(rows) < 0.2, np.nan, random.choice([0.0, 10, 20, 30], rows))
    margin = -1.5 + 1.5 * usage * np.where(age < 45, 1, -1)
    bought = random.random(rows) < 1 / (1 + np.exp(-margin))
    columns = {'age': age, 'tenureDays': random.uniform(0, 1800, rows), 'availableGb': gb, 'usage': usage}
    return pl.DataFrame(columns | {'noise': random.random(rows), 'bought': bought.astype(int)})


def test_segments_too_small_join_a_neighbour_and_every_row_has_one():
    values = np.append(np.arange(100.0), [np.nan] * 10)
    y = np.append(np.arange(100) % 2, np.arange(10) % 2)
    found = cuts('x', values, y, [9, 49, 51, 79], least=9)
    assert found.edges.tolist() == [49, 79], 'to 9 has 5 of each, 49 to 51 has 1'
    assert found.of(np.array([-5.0, 49, 49.5, 79, 1e9, np.nan])).tolist() == [0, 0, 1, 1, 2, -1]
    with_missing = cuts('x', values, y, [49], least=5)
    assert with_missing.names == ['x to 49', 'x over 49', 'x missing']
    assert with_missing.of(np.array([np.nan])).tolist() == [2]
    with pytest.raises(Trouble, match='no two segments'):
        cuts('x', values, y, [50], least=60)
    quarters = cuts('x', np.arange(100.0), np.arange(100) % 2, count=4, least=5)
    assert np.bincount(quarters.of(np.arange(100.0))).tolist() == [25] * 4


def test_agreement_is_what_one_counts_by_hand():
    a, b = np.arange(1.0, 6), np.array([1.0, 3, 2, 4, 5])
    first, second = np.array([0, 0, 1, 1, 1], dtype=bool), np.array([0, 1, 0, 1, 1], dtype=bool)
    found = pair(a, b, first, second)
    assert found['kendall'] == pytest.approx(0.8), '9 of 10 pairs in the same order, 1 in the other'
    assert found['correlation'] == pytest.approx(0.9)
    assert [found[key] for key in ('both', 'onlyFirst', 'onlySecond', 'neither')] == [2, 1, 1, 1]
    # 3 of 5 agree; by chance 0.6 · 0.6 + 0.4 · 0.4.
    assert found['kappa'] == pytest.approx((0.6 - 0.52) / 0.48)
    ten = np.arange(20.0)
    assert top_overlap(ten, np.concatenate([ten[:18], [19, 18]])) == 1
    assert top_overlap(ten, np.concatenate([[30], ten[1:]])) == 0.5


def test_segment_models_say_what_a_pooled_one_cannot_and_none_stays_with_the_pooled_one():
    train, test = people(4000), people(3000, seed=1)
    y, happened = train['bought'].to_numpy(), test['bought'].to_numpy()
    x, x_test = (side.select('usage', 'noise').to_numpy().astype(np.float32) for side in (train, test))
    cut = cuts('age', train['age'].to_numpy(), y, [45])
    code = tuple(cut.of(side['age'].to_numpy()) for side in (train, test))
    parts = folds(y, None, None, 3)
    base = pooled(TREES, x, y, x_test, parts)
    own = by_segment(TREES, x, y, x_test, parts, code, base)
    mixed, strength = shrunk(y, code, own, base)
    assert auc(happened, base.new) < 0.6 < 0.75 < auc(happened, mixed.new)
    assert strength == 0
    nowhere = tuple(np.full(len(each), -1) for each in code)
    fallen = by_segment(TREES, x, y, x_test, parts, nowhere, base)
    assert (fallen.new == base.new).all() and (fallen.seen == base.seen).all()


def test_segments_that_say_nothing_of_their_own_are_drawn_to_the_pooled_model():
    train = people(3000)
    y, random = train['bought'].to_numpy(), np.random.default_rng(5)
    x = train.select('usage', 'age', 'noise').to_numpy().astype(np.float32)
    code = (random.integers(0, 6, 3000),) * 2
    parts = folds(y, None, None, 3)
    base = pooled(TREES, x, y, x, parts)
    _, strength = shrunk(y, code, by_segment(TREES, x, y, x, parts, code, base), base)
    assert strength >= 200


def noise_stack(parts) -> float:
    """AUC, out of fold as it believes, of a stack of two forests fitted on labels that nothing says anything about."""
    random = np.random.default_rng(0)
    x = random.normal(size=(1500, 8)).astype(np.float32)
    y = (random.random(1500) < 0.3).astype(np.int64)
    forest = MODELS['forest'].having(trees=20, least=5)
    sides = [pooled(forest.having(seed=seed), x, y, x[:5], parts(y)) for seed in (0, 1)]
    return auc(y, ridge_stack(sides, y, parts(y))[0].seen)


def test_a_stack_of_noise_is_worth_nothing_out_of_fold():
    assert abs(noise_stack(lambda y: folds(y, None, None, 4)) - 0.5) < 0.05


def test_a_stack_of_margins_of_rows_already_seen_would_look_good():
    """The control: with the guard off, folds that hold the rows they learn from, noise looks like a model."""
    everyone = np.arange(1500)
    assert noise_stack(lambda y: [(everyone, everyone)]) > 0.8


def test_a_stack_weighs_what_helps():
    random = np.random.default_rng(2)
    truth = random.normal(size=4000)
    y = (random.random(4000) < 1 / (1 + np.exp(-truth))).astype(np.int64)
    good, bad = truth + 0.3 * random.normal(size=4000), random.normal(size=4000)
    stacked, weights = ridge_stack([Sides(good, good), Sides(bad, bad)], y, folds(y, None, None, 4))
    assert weights[0] > 10 * abs(weights[1])
    assert auc(y, stacked.new) == pytest.approx(auc(y, good), abs=0.005)


def test_a_model_against_itself_differs_by_nothing_and_a_worse_one_by_less_than_apart():
    random = np.random.default_rng(3)
    truth = random.normal(size=2000)
    y = (random.random(2000) < 1 / (1 + np.exp(-truth))).astype(np.int64)
    sides = {'a': truth, 'again': truth, 'near': truth + 0.1 * random.normal(size=2000)}
    candidates = [candidate(name, Sides(each, each), y, None) for name, each in sides.items()]
    metrics, against = judged(candidates, y, None, None)
    assert set(against) == {'again', 'near'}
    assert against['again']['auc'] == {'value': 0, 'low': 0, 'high': 0}
    paired = against['near']['auc']['high'] - against['near']['auc']['low']
    assert 0 < paired < 0.5 * (metrics['a']['auc']['high'] - metrics['a']['auc']['low'])


@pytest.fixture
def segments(tmp_path, capsys):
    def command(*args: str, rows: int = 1500):
        people(rows).write_csv(tmp_path / 'table.csv')
        given = ['--table', str(tmp_path / 'table.csv'), '--target', 'bought', '--out', str(tmp_path / 'out')]
        code = main(['segments', *given, '--model', 'lightgbm', '--json', *args])
        out, err = capsys.readouterr()
        return code, json.loads(out.splitlines()[-1]) if code == 0 else None, err

    return command


def test_the_command_judges_segments_and_every_stack_of_them_beside_the_pooled_model(segments):
    by = ['age', 'tenureDays', 'availableGb']
    code, found, _ = segments('--by', ','.join(by), '--segments', '2', '--least', '30', '--edges', 'age=45')
    assert code == 0
    segmented = [f'by {each}{how}' for how in ('', ', shrunk') for each in by]
    stacks = {
        'stack age + tenureDays': by[:2],
        'stack age + availableGb': by[::2],
        'stack tenureDays + availableGb': by[1:],
        'stack age + tenureDays + availableGb': by,
    }
    assert list(found['metrics']) == ['pooled', *segmented, *stacks]
    assert {name: list(weights) for name, weights in found['stacks'].items()} == stacks
    assert [row['name'] for row in found['segments'][0]['rows']] == ['age to 45', 'age over 45']
    assert found['segments'][2]['rows'][-1]['name'] == 'availableGb missing'
    assert sum(row['testRows'] for row in found['segments'][2]['rows']) == found['testRows'] == 300
    assert len(found['agreement'][0]['pairs']) == 6
    assert_whole(Path(found['report']).read_text())
    scores = pl.read_csv(found['scores'])
    assert scores.height == 300 and scores.columns[2:] == list(found['metrics'])


BAD = {
    'one column': (['--by', 'age'], 'wanted two columns or more'),
    'no such column': (['--by', 'age,shoe'], '--by shoe is no column'),
    'the target': (['--by', 'age,bought'], '--by bought: it is the target or dropped'),
    'no such model': (['--by', 'age,tenureDays', '--model', 'oracle'], '--model oracle: wanted some of'),
    'edges of another': (['--by', 'age,tenureDays', '--edges', 'noise=1'], '--edges noise: it is not among'),
    'edges that are none': (['--by', 'age,tenureDays', '--edges', 'age=old'], 'wanted COL=NUMBER,NUMBER'),
    'too small': (['--by', 'age,tenureDays', '--least', '900'], 'age gives no two segments with 900 positives'),
}


@pytest.mark.parametrize('case', BAD)
def test_bad_input_is_one_line_and_nothing_is_written(case, segments, tmp_path):
    args, message = BAD[case]
    code, _, err = segments(*args, rows=800)
    assert code == 1 and message in err.splitlines()[-1] and err.splitlines()[-1].startswith('error: ')
    assert [file.name for file in tmp_path.iterdir()] == ['table.csv']
