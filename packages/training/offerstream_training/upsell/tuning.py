"""Optuna over a model's settings and how its rows are prepared, the F1 threshold searched inside the folds."""

import json
import time
from dataclasses import dataclass

import numpy as np
import optuna

from ..calibration import platt
from ..learners import best_f1
from ..metrics import Judged, Money
from ..splits import Part
from .models import Maker, Settings, out_of_fold

OBJECTIVES = ('logLoss', 'averagePrecision')


@dataclass(frozen=True)
class Tried:
    """One trial: what it set, how it did over the folds, and what it took."""

    model: str
    trial: int
    """0 is the baseline, the model with its defaults."""
    settings: Settings
    log_loss: float
    average_precision: float
    f1_positive: float
    threshold: float
    seconds: float

    def row(self) -> dict:
        """As it stands in trials.csv."""
        return {
            'model': self.model,
            'trial': self.trial,
            'logLoss': self.log_loss,
            'averagePrecision': self.average_precision,
            'f1Positive': self.f1_positive,
            'threshold': self.threshold,
            'seconds': round(self.seconds, 3),
            'settings': json.dumps(self.settings),
        }

    def better_than(self, other: 'Tried', objective: str) -> bool:
        """By what is tuned for."""
        if objective == 'logLoss':
            return self.log_loss < other.log_loss
        return self.average_precision > other.average_precision


def tune(
    maker: Maker,
    x: np.ndarray,
    y: np.ndarray,
    parts: list[Part],
    trials: int,
    objective: str = 'logLoss',
    seconds: float | None = None,
    seed: int = 0,
) -> list[Tried]:
    """The baseline, then `trials` trials of TPE (Bergstra et al. 2011), fewer where `seconds` are over before.

    x: (n, inputs) float32 with NaN, y: (n,) of 0 and 1. The same seed draws the same settings where time cuts none off.
    """
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    tried = [attempt(maker, {}, 0, x, y, parts)]

    def run(trial: optuna.Trial) -> float:
        tried.append(attempt(maker, maker.draw(trial), trial.number + 1, x, y, parts))
        return tried[-1].log_loss if objective == 'logLoss' else tried[-1].average_precision

    study = optuna.create_study(
        direction='minimize' if objective == 'logLoss' else 'maximize', sampler=optuna.samplers.TPESampler(seed=seed)
    )
    if trials > 0:
        study.optimize(run, n_trials=trials, timeout=seconds)
    return tried


def best_of(tried: list[Tried], objective: str) -> Tried:
    """The best trial, the baseline where none beats it."""
    best = tried[0]
    for each in tried[1:]:
        best = each if each.better_than(best, objective) else best
    return best


def attempt(maker: Maker, settings: Settings, trial: int, x: np.ndarray, y: np.ndarray, parts: list[Part]) -> Tried:
    """One setting over the folds."""
    began = time.perf_counter()
    margins = out_of_fold(maker.having(**settings), x, y, parts)
    seconds = time.perf_counter() - began
    return Tried(maker.name, trial, settings, *judged(margins, y, parts), seconds)


def judged(margins: np.ndarray, y: np.ndarray, parts: list[Part]) -> tuple[float, float, float, float]:
    """Log-loss and average precision out of fold, mean F1 of the positives over the folds, and the threshold.

    Each fold is calibrated and gets its threshold from the other folds alone, where there are others. The threshold
    returned is that of all folds together. margins: (n,), NaN where no fold holds the row.
    """
    seen = ~np.isnan(margins)
    said = np.full(len(y), np.nan)
    f1 = []
    for _, held in parts:
        rest = seen.copy()
        rest[held] = False
        if not rest.any() or y[rest].min() == y[rest].max():
            rest = seen
        calibration = platt(margins[rest], y[rest])
        said[held] = calibration.probability(margins[held])
        threshold = best_f1(y[rest], calibration.probability(margins[rest]))
        contacted = said[held] >= threshold
        f1.append(2 * (contacted & (y[held] == 1)).sum() / max(contacted.sum() + y[held].sum(), 1))
    threshold = best_f1(y[seen], platt(margins[seen], y[seen]).probability(margins[seen]))
    metrics = Judged(y[seen], said[seen], threshold, Money(1, 1)).metrics()
    return metrics['logLoss'], metrics['averagePrecision'], float(np.mean(f1)), threshold
