"""A challenger that is quickly fitted: one probability of acceptance for each candidate that was shown."""

import lightgbm as lgb
import numpy as np

from offerstream_training.boundary import at_boundary
from offerstream_training.calibration import platt
from offerstream_training.choices import Choices
from offerstream_training.contract import Fitted
from offerstream_training.learners import REPRODUCIBLE
from offerstream_training.models import lightgbm_model
from offerstream_training.trouble import Trouble

SETTINGS = REPRODUCIBLE | {'objective': 'binary', 'num_leaves': 7, 'learning_rate': 0.05, 'min_data_in_leaf': 50}
ROUNDS = 300


def fit(choices: Choices, months: list[int]) -> Fitted:
    """From the offers of these months; the last of them says how many trees, and calibrates. Raises `Trouble`."""
    offers = choices.take((choices.first('source') == 'offer') & np.isin(choices.first('month'), months))
    rows = offers.shown()
    x, y = at_boundary(offers.x[rows], offers.names), offers.column('accepted')[rows].astype(np.float64)
    late = offers.column('month')[rows] == months[-1]
    for part in (late, ~late):
        if len(np.unique(y[part])) < 2:
            raise Trouble(f'{part.sum()} offers of which {int(y[part].sum())} were accepted are too few to learn from')
    train = lgb.Dataset(x[~late], y[~late])
    booster = lgb.train(
        SETTINGS,
        train,
        ROUNDS,
        valid_sets=[train.create_valid(x[late], y[late])],
        callbacks=[lgb.early_stopping(30, verbose=False)],
    )
    calibration = platt(booster.predict(x[late], raw_score=True), y[late])
    bare = lightgbm_model(booster, offers.names, calibration)
    split = len(offers.features)
    return Fitted(
        bare.features[:split], bare.margin, calibration, bare.ensemble, bare.leaves, pairs=bare.features[split:]
    )
