"""What is fitted on the user's own table: our candidates and the simple baselines they have to beat."""

from collections.abc import Callable
from dataclasses import dataclass

import lightgbm as lgb
import numpy as np
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression

from .calibration import platt
from .contract import Fitted
from .metrics import auc
from .models import forest_model, lightgbm_model, logistic_model
from .splits import Part

REPRODUCIBLE = {'verbosity': -1, 'deterministic': True, 'force_col_wise': True, 'seed': 0}


@dataclass(frozen=True)
class Learner:
    """`fit(x, y)` gives a model still uncalibrated; `out_of_fold` its margins of rows it did not see, (n,)."""

    name: str
    fit: Callable[[np.ndarray, np.ndarray], Fitted]
    out_of_fold: np.ndarray


def trees(
    name: str, leaves: int, rate: float, x: np.ndarray, y: np.ndarray, parts: list[Part], names: list[str]
) -> Learner:
    """LightGBM; how many trees is chosen by log-loss over the folds together."""
    least = max(20, min(200, int(5 / y.mean())))
    settings = REPRODUCIBLE | {
        'objective': 'binary',
        'num_leaves': leaves,
        'learning_rate': rate,
        'min_data_in_leaf': least,
        'bagging_fraction': 0.8,
        'bagging_freq': 1,
        'feature_fraction': 0.7,
        'lambda_l2': 5.0,
    }
    found = lgb.cv(
        settings,
        lgb.Dataset(x, y, free_raw_data=False),
        600,
        folds=parts,
        callbacks=[lgb.early_stopping(40, verbose=False)],
        return_cvbooster=True,
    )
    boosters = found['cvbooster'].boosters
    rounds = len(found['valid binary_logloss-mean'])
    margins = np.full(len(y), np.nan)
    for (_, held), booster in zip(parts, boosters, strict=True):
        margins[held] = booster.predict(x[held], raw_score=True, num_iteration=rounds)

    def fit(x: np.ndarray, y: np.ndarray) -> Fitted:
        return lightgbm_model(lgb.train(settings, lgb.Dataset(x, y), rounds), names)

    return Learner(name, fit, margins)


def logistic(x: np.ndarray, y: np.ndarray, parts: list[Part], names: list[str]) -> Learner:
    """L2 logistic regression on standardised inputs, missing as the mean."""

    def fit(x: np.ndarray, y: np.ndarray) -> Fitted:
        known = ~np.isnan(x)
        count = np.maximum(known.sum(axis=0), 1)
        mean = np.where(known, x, 0).sum(axis=0, dtype=np.float64) / count
        centred = np.where(known, x - mean, 0)
        scale = np.sqrt((centred**2).sum(axis=0) / count)
        scale[scale == 0] = 1
        return logistic_model(LogisticRegression(C=0.1, max_iter=500).fit(centred / scale, y), mean, scale, names)

    return Learner('logistic regression', fit, _margins(fit, x, y, parts))


def forest(x: np.ndarray, y: np.ndarray, parts: list[Part], names: list[str]) -> Learner:
    """100 trees of at most 64 leaves; its margin is the share of positives in their leaves."""

    def fit(x: np.ndarray, y: np.ndarray) -> Fitted:
        grown = RandomForestClassifier(100, max_leaf_nodes=64, min_samples_leaf=20, random_state=0, n_jobs=2)
        return forest_model(grown.fit(x, y), names)

    return Learner('random forest', fit, _margins(fit, x, y, parts))


def best_column(x: np.ndarray, y: np.ndarray, names: list[str]) -> tuple[str, Callable[[np.ndarray], np.ndarray]]:
    """The input that orders the training rows best on its own, and its probability of rows."""
    middle = np.array([np.median(column[~np.isnan(column)]) if (~np.isnan(column)).any() else 0 for column in x.T])
    filled = np.where(np.isnan(x), middle, x)
    index = int(np.argmax([abs(auc(y, column) - 0.5) for column in filled.T]))
    fitted = platt(filled[:, index], y)
    return names[index], lambda rows: fitted.probability(
        np.where(np.isnan(rows[:, index]), middle[index], rows[:, index])
    )


def log_loss(margins: np.ndarray, y: np.ndarray) -> float:
    """Of calibrated margins out of fold, (n,), NaN where no fold held the row."""
    seen = ~np.isnan(margins)
    fitted = platt(margins[seen], y[seen])
    logit = fitted.slope * margins[seen] + fitted.intercept
    return float((np.logaddexp(0, logit) - y[seen] * logit).mean())


def importances(fitted: Fitted, x: np.ndarray, y: np.ndarray, most: int = 4000) -> list[tuple[str, float]]:
    """How much AUC is lost when one input is shuffled among test rows, (inputs,), the largest first."""
    random = np.random.default_rng(0)
    rows = np.sort(random.permutation(len(y))[:most])
    x, y = x[rows].copy(), y[rows]
    if y.min() == y.max():
        return []
    whole = auc(y, fitted.margin(x))
    lost = []
    for index, name in enumerate(fitted.features):
        column = x[:, index].copy()
        x[:, index] = random.permutation(column)
        lost.append((name, whole - auc(y, fitted.margin(x))))
        x[:, index] = column
    return sorted(lost, key=lambda each: -each[1])


def best_f1(y: np.ndarray, probability: np.ndarray) -> float:
    """The threshold with the largest F1 of the positives. Both (n,).

    >>> best_f1(np.array([0, 0, 1, 1]), np.array([0.1, 0.2, 0.6, 0.9]))
    0.6
    """
    order = np.argsort(-probability, kind='stable')
    found = np.cumsum(y[order])
    f1 = 2 * found / (np.arange(1, len(y) + 1) + y.sum())
    f1[np.append(np.diff(probability[order]) == 0, False)] = 0
    return float(probability[order][np.argmax(f1)])


def _margins(fit: Callable, x: np.ndarray, y: np.ndarray, parts: list[Part]) -> np.ndarray:
    margins = np.full(len(y), np.nan)
    for train, held in parts:
        margins[held] = fit(x[train], y[train]).margin(x[held])
    return margins
