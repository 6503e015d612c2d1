import lightgbm as lgb
import numpy as np
import pytest
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression

from offerstream_training.boundary import at_boundary
from offerstream_training.calibration import isotonic, platt
from offerstream_training.contract import Fitted
from offerstream_training.models import forest_model, lightgbm_model, logistic_model

WIDTH = 12


def world(rows: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Ratios, money, counts, flags, columns with large offsets and columns with missing values; a label 0 or 1."""
    random = np.random.default_rng(seed)
    x = random.normal(size=(rows, WIDTH))
    x[:, 1] = np.round(np.exp(x[:, 1]) * 20, 2)
    x[:, 2] = random.poisson(3, rows)
    x[:, 3] = random.random(rows) < 0.3
    x[:, 4] = 1.7e6 + x[:, 4]
    x[:, 5] = 16_384 + x[:, 5] * 0.01
    for column in (6, 7):
        x[random.random(rows) < 0.2, column] = np.nan
    margin = x[:, 0] + 0.02 * x[:, 1] - 0.3 * x[:, 2] + x[:, 3] + np.nan_to_num(x[:, 6], nan=0.5) - 1
    return at_boundary(x), (random.random(rows) < 1 / (1 + np.exp(-margin))).astype(np.int64)


NAMES = [f'column_{index}' for index in range(WIDTH)]
SETTINGS = {
    'verbosity': -1,
    'num_threads': 1,
    'num_leaves': 31,
    'learning_rate': 0.1,
    'deterministic': True,
    'force_col_wise': True,
    'seed': 7,
}


def fit(kind: str) -> Fitted:
    """A small model of each kind that can be exported."""
    x, y = world(4000)
    held, happened = world(3000, seed=1)
    if kind == 'forest':
        forest = RandomForestClassifier(40, max_leaf_nodes=64, min_samples_leaf=5, random_state=0).fit(x, y)
        bare = forest_model(forest, NAMES)
        return forest_model(forest, NAMES, platt(bare.margin(held), happened))
    if kind == 'logistic':
        mean, scale = np.nanmean(x, axis=0, dtype=np.float64), np.nanstd(x, axis=0, dtype=np.float64)
        z = np.nan_to_num((x - mean) / scale)
        logistic = LogisticRegression(C=1.0).fit(z, y)
        bare = logistic_model(logistic, mean, scale, NAMES)
        return logistic_model(logistic, mean, scale, NAMES, platt(bare.margin(held), happened))
    if kind == 'ranker':
        data = lgb.Dataset(x, y + (x[:, 0] > 1), group=[20] * 200)
        return lightgbm_model(lgb.train(SETTINGS | {'objective': 'lambdarank'}, data, 60), NAMES)
    if kind == 'custom':

        def objective(score: np.ndarray, data: lgb.Dataset) -> tuple[np.ndarray, np.ndarray]:
            p = 1 / (1 + np.exp(-score))
            return p - data.get_label(), p * (1 - p)

        return lightgbm_model(lgb.train(SETTINGS | {'objective': objective}, lgb.Dataset(x, y), 60), NAMES)
    booster = lgb.train(SETTINGS | {'objective': 'binary'}, lgb.Dataset(x, y), 60)
    calibrate = isotonic if kind == 'isotonic' else platt
    return lightgbm_model(booster, NAMES, calibrate(booster.predict(held, raw_score=True), happened))


KINDS = ['binary', 'isotonic', 'ranker', 'custom', 'forest', 'logistic']


@pytest.fixture(scope='session')
def fitted() -> dict[str, Fitted]:
    return {kind: fit(kind) for kind in KINDS}


@pytest.fixture(scope='session')
def real() -> np.ndarray:
    return world(5000, seed=2)[0]
