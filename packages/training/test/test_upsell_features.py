import numpy as np
import polars as pl
import pytest

from offerstream_training.boundary import at_boundary
from offerstream_training.splits import folds
from offerstream_training.trouble import Trouble
from offerstream_training.upsell.features import features
from offerstream_training.upsell.impute import by_lasso, by_mean
from offerstream_training.upsell.models import MODELS, Maker, out_of_fold
from offerstream_training.upsell.network import network
from offerstream_training.upsell.schema import schema_of

ROW = {
    'tenureDays': 400,
    'bindingDays': -45,
    'availableGb': 9.0,
    'priceMinor': 3000,
    'device': 'ios',
    'channel': 'app',
    'complaints': 0,
    'questions': 2,
    **{f'usedGb{m}': used for m, used in enumerate([2.0, 4.0, 8.0, 16.0], 1)},
    **{f'paidMinor{m}': paid for m, paid in enumerate([2000, 2000, 2500, 2500], 1)},
}
OTHER = ROW | {
    **{'tenureDays': 30, 'bindingDays': 80, 'availableGb': None, 'priceMinor': 1000, 'usedGb2': None},
    **{'device': 'web-only', 'channel': 'shop', 'complaints': 1, 'questions': 1},
}


def of(frame: pl.DataFrame, schema, row: int) -> dict[str, float]:
    x, names = features(frame, schema)
    return dict(zip(names, x[row].tolist(), strict=True))


def test_a_row_gives_the_inputs_that_a_hand_works_out():
    frame = pl.DataFrame([ROW, OTHER])
    schema = schema_of(frame, set(), [])
    found = of(frame, schema, 0)
    wanted = {
        'price_over_usual': 3000 / 2000,
        'used_gb_level_3m': np.log([4, 8, 16]).mean(),
        'used_gb_slope_3m': np.log(2),
        'used_gb_spread_3m': np.std(np.log([4, 8, 16])),
        'used_gb_mean_3m': np.log(28 / 3),
        'used_gb_last_over_mean_3m': np.log(16 / (28 / 3)),
        'paid_minor_mean_3m': np.log(7000 / 3 / 2000),
        'dearer_3m': np.log(2500 / 2000),
        'months_since_price_move': 1,
        'price_moves_4m': 1,
        'price_over_last_paid': np.log(3000 / 2500),
        'price_over_mean_paid_4m': np.log(3000 / 2250),
        'tenure_log': np.log(401),
        'tenure_to_365d': 0,
        'tenure_to_730d': 1,
        'binding_ended': 1,
        'binding_ends_90d': 0,
        'binding_months_left': 0,
        'binding_months_over': 1.5,
        'binding_share_of_tenure': -45 / 400,
        'usage_over_available_3m': np.log(8) - np.log(10),
        'usage_over_available_ahead': np.log(2) * (2.5 + 1.5 + 3) - np.log(10),
        'months_short': 1 / 4,
        'questions_by_device=ios': 2,
        'questions_by_device=web-only': 0,
        'questions_by_channel=app': 2,
        'contacts': 2,
        'available_gb_missing': 0,
    }
    for name, value in wanted.items():
        assert found[name] == pytest.approx(value, abs=1e-5), name
    assert not any('6m' in name for name in found), 'a window longer than the table'


def test_a_year_is_seen_through_windows_of_three_six_and_twelve_months():
    # Used twice as much every month of the first half, and the same ever since.
    used = [2.0 ** min(month, 6) for month in range(1, 13)]
    year = {f'usedGb{m}': each for m, each in enumerate(used, 1)} | {f'paidMinor{m}': 2000 for m in range(1, 13)}
    frame = pl.DataFrame([ROW | year, OTHER | year])
    found = of(frame, schema_of(frame, set(), []), 0)
    for months in (3, 6, 12):
        seen = np.log(used[-months:])
        assert found[f'used_gb_level_{months}m'] == pytest.approx(seen.mean(), abs=1e-5)
        assert found[f'used_gb_slope_{months}m'] == pytest.approx(np.polyfit(range(months), seen, 1)[0], abs=1e-5)


def test_what_is_missing_stays_missing_and_is_flagged_and_a_row_hangs_on_no_other():
    frame = pl.DataFrame([ROW, OTHER])
    schema = schema_of(frame, set(), [])
    found = of(frame, schema, 1)
    assert found['available_gb_missing'] == 1
    for name in ('available_gb', 'usage_over_available_3m', 'usage_over_available_ahead', 'months_short'):
        assert np.isnan(found[name]), name
    assert found['used_gb_slope_3m'] == pytest.approx(np.log(2), abs=1e-5), 'of the months that are there'
    alone = of(frame[1:], schema, 0)
    assert all(np.array_equal(alone[name], found[name], equal_nan=True) for name in found)


def test_prices_that_all_rise_with_the_usual_price_change_no_input():
    frame = pl.DataFrame([ROW, OTHER])
    money = ['priceMinor', *(f'paidMinor{m}' for m in range(1, 5))]
    dearer = frame.with_columns(pl.col(name).cast(pl.Float64) * 1.03**7 for name in money)
    x, names = features(frame, schema_of(frame, set(), []))
    later, _ = features(dearer, schema_of(dearer, set(), []))
    np.testing.assert_allclose(x, later, rtol=1e-5, atol=1e-6, err_msg=str(names))


def test_another_table_is_described_by_a_few_words():
    frame = pl.DataFrame(
        {'quota': [5.0, 8.0], 'mb_1': [1.0, 2.0], 'mb_2': [2.0, 2.0], 'mb_3': [4.0, 2.0], 'calls': [1, 2]}
    )
    given = {'available': 'quota', 'usage': 'mb', 'contacts': ['calls']}
    schema = schema_of(frame, set(), [], given)
    assert of(frame, schema, 0)['usage_over_available_3m'] == pytest.approx(np.log(2) - np.log(6), abs=1e-5)
    with pytest.raises(Trouble, match='usage is gb, which is no monthly series: mb'):
        schema_of(frame, set(), [], given | {'usage': 'gb'})
    with pytest.raises(Trouble, match='useage is no field of it'):
        schema_of(frame, set(), [], {'useage': 'mb'})
    with pytest.raises(Trouble, match='the input mb_1 is no column'):
        features(frame.drop('mb_1'), schema)


def test_a_column_that_counts_the_rows_is_no_input_though_some_rows_are_left_out():
    frame = pl.DataFrame({'place': np.arange(60), 'age': np.tile([30, 40, 50], 20)})
    notes: list[str] = []
    assert schema_of(frame.filter(frame['place'] % 5 > 0), set(), notes).numbers == ['age']
    assert notes == ['place counts the rows; left out']


def lacking(rows: int) -> np.ndarray:
    """Column 2 is 3·a − b but for noise and lacks a third of its values; column 3 is noise."""
    random = np.random.default_rng(0)
    x = random.normal(size=(rows, 4))
    x[:, 2] = 3 * x[:, 0] - x[:, 1] + 0.1 * x[:, 2]
    x[random.random(rows) < 1 / 3, 2] = np.nan
    return at_boundary(x)


def test_lasso_predicts_what_is_missing_from_the_other_inputs_and_the_mean_does_not():
    x, later = lacking(2000), lacking(3000)[2000:]
    truth = 3 * later[:, 0] - later[:, 1]
    missing = np.isnan(later[:, 2])
    off = {fill: np.std(fill(x)(later)[missing, 2] - truth[missing]) for fill in (by_lasso, by_mean)}
    assert off[by_lasso] < 0.15 < 2 < off[by_mean]
    assert not np.isnan(by_lasso(x)(np.full((2, 4), np.nan, dtype=np.float32))).any()


@pytest.mark.parametrize('imputation', ['mean', 'lasso'])
def test_imputation_and_selection_see_the_training_part_of_a_fold_alone(imputation):
    x = lacking(600)
    y = (x[:, 0] > 1).astype(np.int64)
    parts = folds(y, None, None, 3)
    seen: list[np.ndarray] = []

    def watch(rows: np.ndarray, labels: np.ndarray, settings: dict):
        seen.append(rows)
        return lambda later: later[:, -1]

    maker = Maker('watched', watch, {'imputation': imputation, 'selection': True}, lambda trial: {})
    out_of_fold(maker, x, y, parts)
    spoilt = x.copy()
    spoilt[parts[0][1]] = 1e6
    before = seen[0]
    seen.clear()
    out_of_fold(maker, spoilt, y, parts)
    assert np.array_equal(seen[0], before), 'the held part of the first fold moved its training rows'
    assert not np.array_equal(by_mean(spoilt)(x), by_mean(x)(x)), 'fitted on all rows it would have moved'


def test_of_inputs_connected_by_correlation_the_one_that_tells_most_stays():
    random = np.random.default_rng(1)
    a, c, d = random.normal(size=(3, 4000))
    y = (a + 0.3 * random.normal(size=4000) > 1).astype(int)
    # a — b — e hang together, e and a only through b; c and d are alone, c mirrored is c.
    b = a + 0.45 * random.normal(size=4000)
    e = b + 0.45 * random.normal(size=4000)
    x = np.column_stack([e, b, a, c, d, -2 * c, np.ones(4000)])
    rho = np.corrcoef(x[:, :3].T)
    assert rho[0, 1] > 0.9 and rho[1, 2] > 0.9 > rho[0, 2]
    assert network(x, y).tolist() == [2, 3, 4, 6]
    assert network(x, y, 0.999).tolist() == [0, 1, 2, 3, 4, 6]


def test_every_model_learns_and_takes_rows_with_missing_values():
    x = lacking(1200)
    y = (x[:, 0] + 0.5 * np.random.default_rng(2).normal(size=1200) > 1).astype(np.int64)
    for name in ('svm', 'forest', 'hist', 'lightgbm'):
        maker = MODELS[name].having(**{'trees': 20} if name == 'forest' else {'rounds': 20})
        for imputation in ('native', 'lasso'):
            margins = maker.having(imputation=imputation).fit(x[:800], y[:800])(x[800:])
            assert margins[y[800:] == 1].mean() > margins[y[800:] == 0].mean() + 0.3, name
