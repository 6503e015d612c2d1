"""A Ridge stack: the margins of several segmentations, put together by weights fitted on rows they did not see."""

import numpy as np
from sklearn.linear_model import Ridge

from ..learners import log_loss
from ..splits import Part
from .margins import Sides

PENALTIES = (0.001, 0.01, 0.1, 1.0, 10.0)
"""Shares of the number of rows: an input is standardised, so a penalty of 1 halves its weight."""


def ridge_stack(sides: list[Sides], y: np.ndarray, parts: list[Part]) -> tuple[Sides, np.ndarray]:
    """The stack's margins out of fold and of new rows, and its weights on standardised margins, (sides,).

    Its inputs are margins out of fold; its own margins of a fold come from weights fitted on the other folds. The
    penalty has the least log-loss so. y: (n,) of 0 and 1, regressed on by least squares (Breiman 1996 stacks so).
    """
    seen = np.column_stack([each.seen for each in sides])
    new = np.column_stack([each.new for each in sides])
    known = ~np.isnan(seen).any(axis=1)
    tried = [(log_loss(_out_of_fold(seen, y, parts, known, penalty), y), penalty) for penalty in PENALTIES]
    penalty = min(tried)[1]
    predict, weights = _fit(seen[known], y[known], penalty)
    return Sides(_out_of_fold(seen, y, parts, known, penalty), predict(new)), weights


def _out_of_fold(z: np.ndarray, y: np.ndarray, parts: list[Part], known: np.ndarray, penalty: float) -> np.ndarray:
    out = np.full(len(y), np.nan)
    for _, held in parts:
        rest = known.copy()
        rest[held] = False
        if len(parts) == 1 or not rest.any():
            # One fold alone: there is nothing else to fit its few weights on.
            rest = known
        predict, _ = _fit(z[rest], y[rest], penalty)
        mine = held[known[held]]
        out[mine] = predict(z[mine])
    return out


def _fit(z: np.ndarray, y: np.ndarray, penalty: float):
    mean, scale = z.mean(axis=0), z.std(axis=0)
    scale[scale < 1e-12] = 1
    fitted = Ridge(alpha=penalty * len(y)).fit((z - mean) / scale, y)
    return lambda rows: fitted.predict((rows - mean) / scale), fitted.coef_
