import json
from pathlib import Path

import lightgbm as lgb
import numpy as np
import polars as pl
import pytest
from choice_world import FEATURES, PAIRS, choice_world, write_table
from conftest import SETTINGS

from offerstream_training.boundary import at_boundary
from offerstream_training.calibration import platt
from offerstream_training.choices import read_choices
from offerstream_training.contract import write_model
from offerstream_training.drift import drift
from offerstream_training.main import main
from offerstream_training.models import lightgbm_model
from offerstream_training.stability import moved, moved_counts, moved_kinds
from offerstream_training.trouble import Trouble


def draws(shape: tuple[int, int], random: np.random.Generator) -> np.ndarray:
    """Columns of all sorts: normal, skewed, counts, flags, mostly missing."""
    x = random.normal(size=shape)
    x[:, 1::5] = np.exp(2 * x[:, 1::5])
    x[:, 2::5] = random.poisson(1, x[:, 2::5].shape)
    x[:, 3::5] = random.random(x[:, 3::5].shape) < 0.02
    x[:, 4::5] = np.where(random.random(x[:, 4::5].shape) < 0.9, np.nan, x[:, 4::5])
    return x


@pytest.mark.parametrize(('n', 'm'), [(150, 150), (400, 100), (5000, 60)])
def test_of_many_columns_of_small_tables_that_are_alike_about_one_in_a_thousand_passes_its_limit(n: int, m: int):
    random = np.random.default_rng(n)
    found = [
        moved(*columns)
        for _ in range(5)
        for before, after in [(draws((n, 300), random), draws((m, 300), random))]
        for columns in zip(before.T, after.T, strict=True)
    ]
    # 1.5 of 1,500 are expected; more than 8 come once in ten thousand times.
    assert sum(index > limit for index, limit in found) <= 8
    # The guard is the limit of chance: without it, with 0.1 alone, hundreds pass.
    assert sum(index > 0.1 for index, _ in found) > 100


def test_what_moved_is_found_in_values_in_what_is_missing_and_in_kinds():
    random = np.random.default_rng(0)
    x = random.normal(size=2000)
    half = np.where(random.random(2000) < 0.3, np.nan, x)
    for after in (x + 0.5, x * 2, half):
        index, limit = moved(x, after)
        assert index > limit
    assert moved(half, half) == (0.0, 0.1)
    assert moved(np.full(100, np.nan), np.full(100, 1.0))[0] > 1
    plans = np.array(['a', 'b', 'c'] * 300)
    assert moved_kinds(plans, plans) == (0.0, 0.1)
    assert moved_kinds(plans, np.where(plans == 'a', 'new', plans))[0] > 0.5


def test_the_index_is_the_sum_of_its_formula():
    before, after = np.array([600, 400]), np.array([300, 700])
    p, q = (before + 0.5) / 1001, (after + 0.5) / 1001
    assert moved_counts(before, after) == (pytest.approx(float(((q - p) * np.log(q / p)).sum())), 0.1)
    # Bins with a row or two stand together: each alone would weigh as much as it likes.
    rare = moved_counts(np.array([900, 10, 1, 2, 0, 3]), np.array([900, 10, 2, 1, 4, 0]))
    assert rare == moved_counts(np.array([900, 10, 6]), np.array([900, 10, 7]))


@pytest.fixture(scope='module')
def months(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Tables of one law, of moved customers, and of customers who accept half as often; a model of the first."""
    folder = tmp_path_factory.mktemp('drift')
    made = {'before': choice_world(2500, 1), 'alike': choice_world(2500, 2), 'cold': choice_world(2500, 3, base=-2.6)}
    frames = {name: frame for name, (frame, _) in made.items()}
    frames['moved'] = frames['alike'].with_columns(pl.col('data_mb_30d') * 2)
    tables = {name: write_table(folder / name, frame) for name, frame in frames.items()}
    choices = read_choices(tables['before'])
    x, y = at_boundary(choices.x[choices.shown()]), choices.column('accepted')[choices.shown()].astype(np.int64)
    small = SETTINGS | {'objective': 'binary', 'num_leaves': 4, 'learning_rate': 0.05}
    booster = lgb.train(small, lgb.Dataset(x, y), 40)
    fitted = lightgbm_model(booster, [*FEATURES, *PAIRS], platt(booster.predict(x, raw_score=True), y))
    about = {'kind': 'plan', 'trainedOn': {}, 'metrics': {}, 'thresholds': {}}
    write_model(folder / 'models', 'm', '1', fitted, x, about, '{sha256}')
    return tables | {'model': folder / 'models' / 'm' / '1'}


def test_tables_of_one_law_raise_no_alarm_and_a_shift_raises_its_own(months: dict[str, Path]):
    before, alike, shifted, cold = (read_choices(months[name]) for name in ('before', 'alike', 'moved', 'cold'))
    model = months['model']
    assert drift(before, alike, model).over == []
    found = drift(before, shifted, model)
    assert found.over == ['data_mb_30d']
    assert found.inputs[0][0] == 'data_mb_30d'
    found = drift(before, cold, model)
    assert found.over == ['acceptance', 'calibration']
    assert found.rates['calibration']['high'] < 0.8
    assert found.rates['calibration before']['low'] < 1 < found.rates['calibration before']['high']


def test_rates_of_few_answers_raise_no_alarm_however_far_they_are(months: dict[str, Path]):
    before, cold = (read_choices(months[name]) for name in ('before', 'cold'))
    few = drift(before, cold.take(np.arange(25)), months['model'])
    assert few.rates['acceptance']['value'] < 0.7
    assert few.over == []


def test_the_command_ends_with_3_when_a_limit_is_passed(months: dict[str, Path], tmp_path: Path, capsys):
    asked = ['drift', '--reference', str(months['before']), '--out', str(tmp_path / 'out'), '--json']
    assert main([*asked, '--current', str(months['alike']), '--model', str(months['model'])]) == 0
    assert main([*asked, '--current', str(months['moved']), '--model', str(months['model'])]) == 3
    said = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert said['over'] == ['data_mb_30d']
    assert said['inputs'][0]['psi'] > said['inputs'][0]['limit']
    page = (tmp_path / 'out' / 'report.html').read_text()
    assert 'over its limit: data_mb_30d' in page
    assert 'src=' not in page
    with pytest.raises(Trouble, match='takes quota_to_use, which the tables do not have'):
        narrow = [read_choices(months[name]) for name in ('before', 'alike')]
        for each in narrow:
            each.pairs, each.x = ['bill_change'], each.x[:, :3]
        drift(*narrow, months['model'])
