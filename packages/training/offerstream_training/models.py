"""Models fitted by a library, as the contract wants them."""

import lightgbm as lgb
import numpy as np
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression

from .calibration import UNCALIBRATED, Calibration
from .contract import Fitted
from .ensemble import mean_of, of_forest, of_lightgbm


def lightgbm_model(booster: lgb.Booster, features: list[str], calibration: Calibration = UNCALIBRATED) -> Fitted:
    """Its margin is `predict(raw_score=True)`."""
    return Fitted(
        features,
        lambda rows: booster.predict(rows, raw_score=True),
        calibration,
        of_lightgbm(booster),
        lambda rows: booster.predict(rows, pred_leaf=True),
    )


def lightgbm_bag(boosters: list[lgb.Booster], features: list[str]) -> Fitted:
    """Several boosters as one: its margin is the mean of theirs."""
    parts = [of_lightgbm(booster) for booster in boosters]

    def margin(rows: np.ndarray) -> np.ndarray:
        return np.mean([booster.predict(rows, raw_score=True) for booster in boosters], axis=0)

    def leaves(rows: np.ndarray) -> np.ndarray:
        return np.column_stack([booster.predict(rows, pred_leaf=True) for booster in boosters])

    return Fitted(features, margin, UNCALIBRATED, mean_of(parts), leaves)


def forest_model(
    forest: RandomForestClassifier, features: list[str], calibration: Calibration = UNCALIBRATED
) -> Fitted:
    """Its margin is the share of positives in the leaves, `predict_proba(…)[:, 1]`."""
    ensemble = of_forest(forest)

    def leaves(rows: np.ndarray) -> np.ndarray:
        return np.column_stack([each.tree_.apply(rows) for each in forest.estimators_])

    def margin(rows: np.ndarray) -> np.ndarray:
        # Not predict_proba: it refuses rows that lack what no row lacked in training.
        votes = [each.tree_.value[each.tree_.apply(rows), 0] for each in forest.estimators_]
        return np.mean([vote[:, 1] / vote.sum(axis=1) for vote in votes], axis=0)

    return Fitted(features, margin, calibration, ensemble, leaves)


def logistic_model(
    logistic: LogisticRegression,
    mean: np.ndarray,
    scale: np.ndarray,
    features: list[str],
    calibration: Calibration = UNCALIBRATED,
) -> Fitted:
    """A logistic regression fitted on (x − mean) / scale with missing as mean. mean, scale: (width,)."""
    weights = logistic.coef_[0] / scale
    intercept = float(logistic.intercept_[0])

    def margin(rows: np.ndarray) -> np.ndarray:
        centred = np.asarray(rows, dtype=np.float64) - mean
        return np.where(np.isnan(centred), 0, centred) @ weights + intercept

    return Fitted(features, margin, calibration, linear=(mean, weights, intercept))
