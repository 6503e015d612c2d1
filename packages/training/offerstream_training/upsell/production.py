"""The Random Forest that is served: few leaves, calibrated, exported through the model contract."""

from dataclasses import dataclass, replace

import numpy as np

from ..calibration import Calibration, isotonic, platt
from ..contract import Fitted
from ..learners import best_f1
from ..metrics import auc
from ..models import forest_model
from ..splits import Part
from .models import MODELS, Settings, forest_of

STANDARD: Settings = {'trees': 100, 'leaves': 64, 'least': 50, 'columns': 0.3, 'share': 0.5}
"""Where the forest was not tuned."""

ENOUGH = 1000
"""Positives from which on calibration is a rising step function; with fewer it is Platt's."""


@dataclass(frozen=True)
class Production:
    """The forest, the threshold of its best F1 of the positives out of fold, and its importances, the largest first."""

    fitted: Fitted
    threshold: float
    weights: list[tuple[str, float]]
    """Share of the impurity that splits on an input take away (Breiman 2001)."""


def production_forest(
    x: np.ndarray, y: np.ndarray, names: list[str], parts: list[Part], settings: Settings
) -> Production:
    """The forest of all rows given, calibrated by margins out of fold.

    What is missing goes where the trees learnt to send it, and every input stays: the graph takes rows as they are.
    x: (n, inputs) float32 with NaN; y: (n,) of 0 and 1.
    """
    settings = MODELS['forest'].defaults | STANDARD | {key: settings[key] for key in STANDARD if key in settings}
    margins = np.full(len(y), np.nan)
    for train, held in parts:
        margins[held] = forest_model(forest_of(settings).fit(x[train], y[train]), names).margin(x[held])
    seen = ~np.isnan(margins)
    calibrate = isotonic if y[seen].sum() >= ENOUGH else platt
    calibration: Calibration = calibrate(margins[seen], y[seen])
    grown = forest_of(settings).fit(x, y)
    weights = sorted(zip(names, grown.feature_importances_.tolist(), strict=True), key=lambda each: -each[1])
    fitted = replace(forest_model(grown, names), calibration=calibration)
    return Production(fitted, best_f1(y[seen], calibration.probability(margins[seen])), weights)


def shuffled(
    fitted: Fitted, x: np.ndarray, y: np.ndarray, names: list[str], most: int = 4000
) -> list[tuple[str, float]]:
    """AUC lost when one of these inputs is shuffled among rows that were not learnt from, the largest first."""
    random = np.random.default_rng(0)
    rows = np.sort(random.permutation(len(y))[:most])
    x, y = x[rows].copy(), y[rows]
    whole = auc(y, fitted.margin(x))
    lost = []
    for name in names:
        index = fitted.features.index(name)
        column = x[:, index].copy()
        x[:, index] = random.permutation(column)
        lost.append((name, whole - auc(y, fitted.margin(x))))
        x[:, index] = column
    return sorted(lost, key=lambda each: -each[1])
