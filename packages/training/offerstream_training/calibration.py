"""From a margin to a probability that means what it says, fitted on margins of rows the model did not see."""

from dataclasses import dataclass

import numpy as np
from scipy.optimize import minimize
from scipy.special import expit
from sklearn.isotonic import IsotonicRegression

from .ensemble import Ensemble


@dataclass(frozen=True)
class Platt:
    """p = sigmoid(slope · margin + intercept)."""

    slope: float
    intercept: float
    method: str = 'platt'

    def probability(self, margin: np.ndarray) -> np.ndarray:
        """Of margins (n,), as (n,)."""
        return expit(self.slope * np.asarray(margin, dtype=np.float64) + self.intercept)


@dataclass(frozen=True)
class Isotonic:
    """A rising step function: value i from threshold i−1 (exclusive) up to threshold i."""

    thresholds: np.ndarray
    values: np.ndarray
    method: str = 'isotonic'

    def probability(self, margin: np.ndarray) -> np.ndarray:
        """Of margins (n,), as (n,)."""
        return self.values[np.searchsorted(self.thresholds, np.asarray(margin, dtype=np.float32), side='left')]

    def as_tree(self) -> Ensemble:
        """The balanced tree with the same values."""
        tree = Ensemble(1)

        def grow(low: int, high: int) -> int:
            if low == high:
                return tree.add(0, -1, 0.0, False, float(self.values[low]), low)
            middle = (low + high) // 2
            place = tree.add(0, 0, float(self.thresholds[middle]), False, 0.0, -1)
            tree.yes[place] = tree.node[grow(low, middle)]
            tree.no[place] = tree.node[grow(middle + 1, high)]
            return place

        grow(0, len(self.values) - 1)
        return tree


Calibration = Platt | Isotonic

UNCALIBRATED = Platt(1.0, 0.0, 'none')
"""The sigmoid alone, for a margin that is no log-odds: a rank, not a probability."""


def platt(margin: np.ndarray, happened: np.ndarray, weight: np.ndarray | None = None) -> Platt:
    """Platt scaling with his smoothed targets (Platt 1999, section 2.2). margin, happened: (n,), happened 0 or 1.

    weight: (n,), how many rows each stands for.

    >>> fitted = platt(np.array([-1.0, 1.0] * 50), np.array([0, 1] * 50))
    >>> bool(fitted.probability(np.array([1.0]))[0] > 0.9)
    True
    """
    each = np.ones(len(happened)) if weight is None else weight
    yes = float((each * happened).sum())
    no = float(each.sum()) - yes
    each = each / each.mean()
    target = np.where(happened > 0, (yes + 1) / (yes + 2), 1 / (no + 2))
    spread = float(margin.std()) or 1.0
    centre = float(margin.mean())
    scaled = (np.asarray(margin, dtype=np.float64) - centre) / spread

    def loss(at: np.ndarray) -> tuple[float, np.ndarray]:
        logit = at[0] * scaled + at[1]
        error = expit(logit) - target
        return float((each * (np.logaddexp(0, logit) - target * logit)).mean()), np.array(
            [(each * error * scaled).mean(), (each * error).mean()]
        )

    slope, intercept = minimize(loss, np.zeros(2), jac=True, method='L-BFGS-B').x
    return Platt(float(slope / spread), float(intercept - slope * centre / spread))


def isotonic(margin: np.ndarray, happened: np.ndarray) -> Isotonic:
    """Isotonic regression, pool adjacent violators, kept as its steps. margin, happened: (n,), happened 0 or 1.

    >>> isotonic(np.array([0.0, 1.0, 2.0, 3.0]), np.array([0, 1, 0, 1])).values.tolist()
    [0.0, 0.5, 1.0]
    """
    x = np.asarray(margin, dtype=np.float32)
    fitted = IsotonicRegression(out_of_bounds='clip').fit_transform(x.astype(np.float64), happened)
    order = np.argsort(x, kind='stable')
    x, fitted = x[order].astype(np.float64), fitted[order]
    step = np.flatnonzero(np.diff(fitted) > 0)
    return Isotonic((x[step] + x[step + 1]) / 2, fitted[np.append(step, len(fitted) - 1)])
