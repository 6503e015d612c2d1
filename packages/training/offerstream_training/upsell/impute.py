"""What is missing, filled in by the training rows of a fold: their mean, or a Lasso on the other inputs."""

import warnings
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import lasso_path

MOST_ROWS = 40_000
"""Of the training rows a Lasso is fitted on; its coefficients are as sharp as they need be then."""

PENALTIES = np.geomspace(0.3, 0.001, 12)
"""Shares of the standard deviation of what is predicted, tried from the strongest."""

Filled = Callable[[np.ndarray], np.ndarray]


def by_mean(x: np.ndarray) -> Filled:
    """x: (n, inputs) training rows. The answer takes rows (m, inputs) and returns them without a NaN."""
    means = _means(x)
    return lambda rows: np.where(np.isnan(rows), means, rows)


def by_lasso(x: np.ndarray) -> Filled:
    """Each input that lacks values is predicted linearly from those that lack none (Tibshirani 1996).

    The penalty is the one with the least squared error on a fifth of the known rows; predictions stay between the
    smallest and the largest value known. x: (n, inputs) training rows.
    """
    means = _means(x)
    lacking = np.flatnonzero(np.isnan(x).any(axis=0))
    whole = np.setdiff1d(np.arange(x.shape[1]), lacking)
    fits = {int(column): fit for column in lacking if (fit := _fit(x, int(column), whole, means)) is not None}

    def fill(rows: np.ndarray) -> np.ndarray:
        out = np.where(np.isnan(rows), means, rows)
        for column, fit in fits.items():
            missing = np.isnan(rows[:, column])
            if missing.any():
                out[missing, column] = fit.predict(out[np.ix_(missing, whole)])
        return out

    return fill


@dataclass(frozen=True)
class _Line:
    weights: np.ndarray
    centre: np.ndarray
    level: float
    low: float
    high: float

    def predict(self, rows: np.ndarray) -> np.ndarray:
        return np.clip((rows - self.centre) @ self.weights + self.level, self.low, self.high)


def _fit(x: np.ndarray, column: int, whole: np.ndarray, means: np.ndarray) -> _Line | None:
    """None where too little is known to predict from."""
    known = np.flatnonzero(~np.isnan(x[:, column]))
    if len(known) < 20 or len(whole) == 0:
        return None
    random = np.random.default_rng(column)
    rows = np.sort(random.permutation(known)[:MOST_ROWS])
    told = x[np.ix_(rows, whole)].astype(np.float64)
    wanted = x[rows, column].astype(np.float64)
    centre, scale = told.mean(axis=0), told.std(axis=0)
    scale[scale < 1e-12] = 1
    told = (told - centre) / scale
    level, spread = wanted.mean(), wanted.std() or 1.0
    held = random.random(len(rows)) < 0.2
    if held.all() or not held.any():
        return None

    def path(on: np.ndarray) -> np.ndarray:
        some, answer = told[on], (wanted[on] - level) / spread
        gram, seen = some.T @ some, some.T @ answer
        with warnings.catch_warnings():
            # Inputs that follow from one another do not converge to the last digit, on which nothing hangs here.
            warnings.simplefilter('ignore', ConvergenceWarning)
            return lasso_path(some, answer, alphas=PENALTIES, precompute=gram, Xy=seen, max_iter=300, tol=1e-3)[1]

    errors = ((told[held] @ path(~held) - (wanted[held] - level)[:, None] / spread) ** 2).mean(axis=0)
    weights = path(np.ones(len(rows), dtype=bool))[:, int(np.argmin(errors))]
    return _Line(weights * spread / scale, centre, float(level), float(wanted.min()), float(wanted.max()))


def _means(x: np.ndarray) -> np.ndarray:
    known = ~np.isnan(x)
    return (np.where(known, x, 0).sum(axis=0, dtype=np.float64) / np.maximum(known.sum(axis=0), 1)).astype(x.dtype)
