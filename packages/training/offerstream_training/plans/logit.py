"""Choices as a grouped softmax, and answers as a logistic that leans on them: McFadden's conditional logit (1974)."""

import numpy as np
from scipy.optimize import minimize
from scipy.special import expit


def softmax(score: np.ndarray, start: np.ndarray) -> np.ndarray:
    """Within each group, (rows,). score: (rows,); start: (groups + 1,)."""
    of_row = np.repeat(np.arange(len(start) - 1), np.diff(start))
    power = np.exp(score - np.maximum.reduceat(score, start[:-1])[of_row])
    return power / np.add.reduceat(power, start[:-1])[of_row]


def softmax_loss(
    score: np.ndarray, chosen: np.ndarray, start: np.ndarray, weight: np.ndarray
) -> tuple[float, np.ndarray]:
    """−Σ weight · log softmax of the chosen row, and its gradient by score (rows,).

    chosen: (rows,) of 0 and 1, one 1 in each group; weight: (groups,).

    >>> softmax_loss(np.zeros(2), np.array([1.0, 0.0]), np.array([0, 2]), np.ones(1))[1].tolist()
    [-0.5, 0.5]
    """
    p = softmax(score, start)
    each = np.repeat(weight, np.diff(start))
    return float(-(each * chosen * np.log(np.maximum(p, 1e-300))).sum()), each * (p - chosen)


def softmax_objective(start: np.ndarray, weight: np.ndarray):
    """The same as an objective of LightGBM. The Hessian is its diagonal, weight · p · (1 − p)."""
    each = np.repeat(weight, np.diff(start))

    def objective(score: np.ndarray, data) -> tuple[np.ndarray, np.ndarray]:
        p = softmax(score, start)
        return each * (p - data.get_label()), np.maximum(each * p * (1 - p), 1e-6)

    return objective


def fit_choices(z: np.ndarray, chosen: np.ndarray, start: np.ndarray, weight: np.ndarray, ridge: float) -> np.ndarray:
    """Weights (inputs,) of the softmax with ‖w‖² · ridge / 2. z: (rows, inputs) standardised."""

    def loss(w: np.ndarray) -> tuple[float, np.ndarray]:
        value, slope = softmax_loss(z @ w, chosen, start, weight)
        return value + ridge * (w @ w) / 2, z.T @ slope + ridge * w

    return minimize(loss, np.zeros(z.shape[1]), jac=True, method='L-BFGS-B', options={'maxiter': 300}).x


def fit_answers(z: np.ndarray, said_yes: np.ndarray, prior: np.ndarray, ridge: float) -> tuple[np.ndarray, float]:
    """Weights (inputs,) and intercept: the mean of the prior and of a logistic drawn towards it with `ridge`.

    z: (n, inputs); said_yes: (n,); prior: (inputs,), of unasked choices. Who reads an offer looks closer than who
    changes by chance, so the prior counts double. The mean of the two beat either alone on worlds of seed 2.
    """
    prior = SHARPER * prior
    weights, _ = _logistic(z, said_yes, prior, ridge)
    mean = (prior + weights) / 2
    scaled = z @ mean
    # The level of the mean is fitted anew; its slope is left to calibration.
    level, intercept = _logistic(scaled[:, None], said_yes, np.ones(1), 1e6)
    return level[0] * mean, intercept


SHARPER = 2.0


def fit_jointly(
    z_choices: np.ndarray,
    chosen: np.ndarray,
    start: np.ndarray,
    weight: np.ndarray,
    z_answers: np.ndarray,
    said_yes: np.ndarray,
    ridge: float,
) -> np.ndarray:
    """Weights (inputs,) of both at once: a softmax of choices, and a logistic of answers by the same weights on a scale
    of its own. Rows and groups as in `fit_choices` and `fit_answers`.
    """
    inputs = z_choices.shape[1]

    def loss(at: np.ndarray) -> tuple[float, np.ndarray]:
        w, intercept, scale = at[:inputs], at[inputs], np.exp(at[inputs + 1])
        value, slope = softmax_loss(z_choices @ w, chosen, start, weight)
        margin = z_answers @ w
        logit = scale * margin + intercept
        error = expit(logit) - said_yes
        value += (np.logaddexp(0, logit) - said_yes * logit).sum() + ridge * (w @ w) / 2
        gradient = z_choices.T @ slope + scale * (z_answers.T @ error) + ridge * w
        return float(value), np.concatenate([gradient, [error.sum(), (error * margin).sum() * scale]])

    first = np.append(np.zeros(inputs), [-2.0, np.log(SHARPER)])
    return minimize(loss, first, jac=True, method='L-BFGS-B', options={'maxiter': 400}).x[:inputs]


def _logistic(
    z: np.ndarray, y: np.ndarray, prior: np.ndarray, ridge: float, intercept: float = -2.0
) -> tuple[np.ndarray, float]:
    def loss(at: np.ndarray) -> tuple[float, np.ndarray]:
        logit = z @ at[:-1] + at[-1]
        away, error = at[:-1] - prior, expit(logit) - y
        value = (np.logaddexp(0, logit) - y * logit).sum() + ridge * (away @ away) / 2
        return float(value), np.append(z.T @ error + ridge * away, error.sum())

    found = minimize(loss, np.append(prior, intercept), jac=True, method='L-BFGS-B', options={'maxiter': 300}).x
    return found[:-1], float(found[-1])
