import json
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from offerstream_training.main import main
from offerstream_training.metrics import Judged
from offerstream_training.registry import golden_distance
from offerstream_training.upsell.features import features
from offerstream_training.upsell.judge import MONEY, Said, expected_f1_threshold, judged
from offerstream_training.upsell.models import installed
from offerstream_training.upsell.schema import read_schema, schema_of

MONTHS = range(1, 7)


def table(rows: int, seed: int = 0, strength: float = 1.2) -> tuple[pl.DataFrame, np.ndarray]:
    """Six months of usage and prices, a binding and contacts; who is short of GB buys, one in seven or so, and p."""
    random = np.random.default_rng(seed)
    need = random.normal(2, 0.7, rows)
    gb = np.exp(random.normal(2, 0.7, rows)).round()
    questions = random.poisson(0.5, rows)
    used = {f'usedGb{m}': np.exp(need + 0.3 * random.normal(size=rows)) for m in MONTHS}
    level = np.mean([np.log(each) for each in used.values()], axis=0)
    p = 1 / (1 + np.exp(2.0 - strength * (level - np.log1p(gb)) - 0.5 * strength * questions))
    missing = random.random(rows) < 0.2
    p[missing] = p.mean() if strength else p[missing]
    columns = {
        'row': np.arange(rows),
        'age': random.normal(45, 12, rows).round(),
        'tenureDays': random.integers(10, 1800, rows),
        'bindingDays': random.integers(-300, 300, rows),
        'availableGb': pl.Series(np.where(missing, np.nan, gb)),
        'priceMinor': random.integers(1000, 5000, rows),
        'device': random.choice(['ios', 'android'], rows),
        'questions': questions,
    }
    paid = {f'paidMinor{m}': columns['priceMinor'] * 1.02 ** (m - 6.0) for m in MONTHS}
    bought = (random.random(rows) < p).astype(np.int64)
    return pl.DataFrame(columns | used | paid | {'bought': bought}), p


@pytest.fixture
def train(tmp_path, capsys):
    """Writes a table, and its oracle where it has one, and runs a command: exit code, last line, and what it told."""

    def command(name: str, frame: pl.DataFrame, *args: str, bayes: np.ndarray | None = None):
        frame.write_parquet(tmp_path / 'base.parquet')
        given = ['--table', str(tmp_path / 'base.parquet'), '--json', *args]
        if bayes is not None:
            pl.DataFrame({'row': frame['row'], 'bayes': bayes}).write_parquet(tmp_path / 'oracle.parquet')
            given += ['--oracle', str(tmp_path / 'oracle.parquet')]
        code = main([name, *given])
        out, err = capsys.readouterr()
        return code, json.loads(out.splitlines()[-1]) if code == 0 else None, err

    return command


def test_a_table_becomes_tuned_models_their_trials_a_report_and_a_forest_to_serve(train, tmp_path):
    frame, _ = table(1500)
    given = ['--target', 'bought', '--models', 'svm,lightgbm', '--trials', '3', '--cost', '1', '--value', '5']
    code, result, err = train('upsell', frame, *given, '--out', str(tmp_path / 'out'))
    assert code == 0, err
    labels = [f'{model} {kind}' for model in ('svm', 'lightgbm') for kind in ('baseline', 'tuned')]
    assert list(result['models']) == [*labels, 'production forest']
    assert result['metrics'] == result['models'][result['chosen']]
    assert result['metrics']['auc']['low'] > 0.6
    assert result['thresholds']['contact'] == 0.2
    files = ['models', 'report.html', 'schema.json', 'scores.csv', 'trials.csv']
    assert sorted(file.name for file in (tmp_path / 'out').iterdir()) == files

    trials = pl.read_csv(result['trials'])
    assert trials['model'].to_list() == ['svm'] * 4 + ['lightgbm'] * 4
    assert trials['trial'].to_list() == [0, 1, 2, 3] * 2
    assert (trials['seconds'] > 0).all() and trials['threshold'].is_between(0, 1, closed='none').all()
    assert {json.loads(each).get('imputation') for each in trials['settings'][1:4]} <= {'mean', 'lasso'}

    scores = pl.read_csv(result['scores'])
    assert scores.height == result['testRows'] == 300
    assert scores['label'].to_list() == frame[(scores['row'] - 1).to_list()]['bought'].to_list()
    page = Path(result['report']).read_text()
    assert page.count('<svg') >= 10 and 'http' not in page and '<script' not in page

    home = Path(result['model'])
    manifest = json.loads((home / 'manifest.json').read_text())
    assert manifest['trainedOn']['rows'] == 1500, 'on everything'
    assert golden_distance(home) <= 1e-6
    _, names = features(frame, schema_of(frame, {'bought'}, [], read_schema(tmp_path / 'out' / 'schema.json')))
    assert manifest['features'] == names
    assert not any(name.startswith('row') or 'bought' in name for name in names)
    card = (home / 'card.md').read_text()
    assert '| usage_over_available_' in card
    again = '--cost 1 --value 5 --models svm,lightgbm --trials 3 --tune-on logLoss --seed 0'
    assert f'`pnpm train upsell --table base.parquet --target bought {again}`' in card


def test_bad_options_are_one_line_and_nothing_is_written(train, tmp_path):
    frame, _ = table(400)
    for args, message in (
        (
            ['--models', 'svm,xgbost'],
            'error: --models xgbost is none of svm, forest, hist, xgboost, lightgbm, catboost',
        ),
        (['--models', 'svm', '--schema', str(tmp_path / 'none.json')], 'none.json cannot be read as JSON'),
        (['--models', 'svm', '--cost', '3'], 'error: --cost and --value go together'),
        (['--models', 'svm', '--drop', 'ages'], 'error: --drop ages is no column'),
    ):
        code, _, err = train('upsell', frame, '--target', 'bought', '--out', str(tmp_path / 'out'), *args)
        assert code == 1 and message in err.splitlines()[-1]
        assert not (tmp_path / 'out').exists()


def test_models_whose_library_is_not_here_are_named(train, tmp_path):
    frame, _ = table(400)
    absent = {'xgboost', 'catboost'} - set(installed())
    print('not run, for want of their library:', ', '.join(sorted(absent)) or 'none')
    for name in absent:
        code, _, err = train('upsell', frame, '--target', 'bought', '--models', name, '--out', str(tmp_path / 'out'))
        assert (
            code == 1 and err == f'error: {name} is not installed in this Python; it is in requirements-benchmark.txt\n'
        )


def test_a_model_is_judged_beside_the_best_there_is_on_the_same_rows(train):
    frame, p = table(6000)
    code, result, err = train('judge-upsell', frame, '--preset', 'B', '--models', 'lightgbm,svm', bayes=p)
    assert code == 0, err
    found = result['metrics']
    assert 0.7 < found['aucShare'] <= 1.02 and 0.7 < found['apShare'] < 1.05
    assert found['aucOverBayesLow'] <= found['aucOverBayes'] <= found['aucOverBayesHigh']
    assert found['aucOverBayesLow'] < 0, 'not beyond the ceiling'
    assert found['svm.aucShare'] > 0.7
    assert not any('ceiling' in note for note in result['notes'])


def test_where_nothing_says_anything_nothing_is_gained(train):
    frame, p = table(8000, strength=0.0)
    assert np.ptp(p) == 0
    _, result, _ = train('judge-upsell', frame, '--preset', 'null', '--models', 'lightgbm', bayes=p)
    found = result['metrics']
    assert found['aucLow'] <= 0.5 <= found['aucHigh']
    assert found['f1Positive'] <= found['everybodyF1'] + 0.02
    assert found['profitLow'] <= max(found['everybodyProfit'], 0) + 1e-9
    assert 'aucShare' not in found, 'there is nothing to have a share of'
    # The same judge does see a gain where there is one.
    frame, p = table(8000)
    _, result, _ = train('judge-upsell', frame, '--preset', 'B', '--models', 'lightgbm', bayes=p)
    assert result['metrics']['aucLow'] > 0.5


def test_a_model_that_saw_the_answer_is_above_the_ceiling_beyond_noise():
    frame, p = table(5000)
    y = frame['bought'].to_numpy()
    honest = judged(y, p, {'model': Said(p, expected_f1_threshold(p))}, MONEY)
    assert all(honest[f'{key}OverBayesLow'] <= 0 for key in ('auc', 'averagePrecision', 'f1Positive', 'profit'))
    leaky = judged(y, p, {'model': Said(0.8 * p + 0.2 * y, expected_f1_threshold(p))}, MONEY)
    assert leaky['aucOverBayesLow'] > 0 and leaky['averagePrecisionOverBayesLow'] > 0


def test_bayes_with_few_levels_is_not_understated_by_its_ties():
    p = np.repeat([0.02, 0.1, 0.2], 20_000)
    random = np.random.default_rng(5)
    y = (random.random(60_000) < p).astype(np.int64)
    broken = Said(p + 1e-6 * random.random(60_000), 0.1)
    at_once = Judged(y, p, 0.1, MONEY).metrics()['averagePrecision']
    found = judged(y, p, {'model': broken}, MONEY)
    assert at_once < 0.99 * found['averagePrecision'], 'a curve over levels would make chance look like a leak'
    assert found['averagePrecisionOverBayesLow'] < 0 < found['averagePrecisionOverBayesHigh']


def test_an_oracle_of_other_rows_is_refused(train, tmp_path):
    frame, p = table(1200)
    bad = ['--preset', 'B', '--models', 'none']
    code, _, err = train('judge-upsell', frame, *bad, bayes=p)
    assert code == 1 and err.startswith('error: --models none: here are svm')
    other = tmp_path / 'other.parquet'
    pl.DataFrame({'row': frame['row'] + 1, 'bayes': p}).write_parquet(other)
    code, _, err = train('judge-upsell', frame, '--preset', 'B', '--models', 'svm', '--oracle', str(other))
    assert code == 1 and err == f'error: {other} is not of the rows of {tmp_path / "base.parquet"}\n'
