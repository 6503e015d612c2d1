import numpy as np
import pytest

from offerstream_training.boundary import at_boundary
from offerstream_training.splits import folds
from offerstream_training.upsell.models import MODELS
from offerstream_training.upsell.tuning import best_of, judged, tune


def world(rows: int, seed: int = 0, strength: float = 1.5) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(seed)
    x = random.normal(size=(rows, 6))
    y = (random.random(rows) < 1 / (1 + np.exp(2.2 - strength * x[:, 0]))).astype(np.int64)
    x[random.random(rows) < 0.1, 1] = np.nan
    return at_boundary(x), y


def test_the_threshold_of_a_fold_comes_from_the_other_folds():
    random = np.random.default_rng(0)
    y = np.tile([0, 0, 0, 1], 300)
    margins = random.normal(size=1200) + 2 * y
    parts = folds(y, None, None, 2)
    held = parts[0][1]
    before = judged(margins, y, parts)[2]
    # One fold says more to everybody: by the other's threshold all of them are contacted, and none of the other fold.
    shifted = margins.copy()
    shifted[held] += 100
    everybody = 2 * y[held].sum() / (len(held) + y[held].sum())
    assert judged(shifted, y, parts)[2] == pytest.approx(everybody / 2)
    alone = [(np.arange(len(held)), np.arange(len(held)))]
    assert judged(shifted[held], y[held], alone)[2] == pytest.approx(before, abs=0.1), 'its own would hide it'


def test_trials_keep_their_settings_time_and_threshold_and_a_seed_draws_the_same():
    x, y = world(900)
    parts = folds(y, None, None, 2)
    tried = tune(MODELS['svm'], x, y, parts, trials=4)
    assert [each.trial for each in tried] == [0, 1, 2, 3, 4]
    assert tried[0].settings == {}
    for each in tried[1:]:
        assert set(each.settings) == {'imputation', 'selection', 'C'}
        assert each.seconds > 0 and 0 < each.threshold < 1 and 0 < each.f1_positive < 1
    again = tune(MODELS['svm'], x, y, parts, trials=4)
    assert [each.settings for each in again] == [each.settings for each in tried]
    assert [each.log_loss for each in again] == [each.log_loss for each in tried]
    other = tune(MODELS['svm'], x, y, parts, trials=4, seed=1)
    assert [each.settings for each in other] != [each.settings for each in tried]
    assert best_of(tried, 'logLoss').log_loss == min(each.log_loss for each in tried)
    assert best_of(tried, 'averagePrecision').average_precision == max(each.average_precision for each in tried)


def test_when_the_time_is_over_no_further_trial_begins():
    x, y = world(600)
    assert len(tune(MODELS['svm'], x, y, folds(y, None, None, 2), trials=500, seconds=0.3)) < 400
