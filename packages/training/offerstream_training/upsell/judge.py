"""`pnpm train judge-upsell`: how near the models come to the best that anybody could know, row by row.

The oracle has Bayes' probability of every row. Models never see it: it is the ceiling, on the same held-out rows.
"""

import json
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl

from ..calibration import isotonic, platt
from ..learners import best_f1, log_loss
from ..metrics import Judged, Money
from ..splits import folds
from ..table import column, read_table
from ..target import labels
from ..trouble import Trouble
from .features import features
from .models import MODELS, Maker, Margin, installed, out_of_fold
from .schema import schema_of

WINNER = 'lightgbm'
STUMPS = 'lightgbm stumps'
"""The same with two leaves a tree, which can only add up what the inputs say one by one."""

CHOOSING_ROWS = 100_000
"""Training rows on which one of the two is chosen, half to fit and half to judge."""

SETTINGS = Path(__file__).with_name('settings.json')
FOLDS = 3
OTHERS_ROWS = 60_000
"""Training rows of the other models, a quarter of them to calibrate on: the winner alone gets all."""

MONEY = Money(1.0, 10.0)
ENOUGH = 5000
"""Positives from which on calibration is a rising step function: log-odds that add up do not fit every law."""

RESAMPLES = 200
METRICS = ('auc', 'averagePrecision', 'f1Positive', 'profit')


@dataclass(frozen=True)
class Asked:
    """The command line."""

    table: Path
    oracle: Path
    preset: str
    target: str = 'bought'
    held_out: int = 200_000
    models: tuple[str, ...] = ()
    money: Money = MONEY


@dataclass(frozen=True)
class Said:
    """What a model says of the held-out rows, and from which probability on it contacts for the best F1."""

    p: np.ndarray
    threshold: float


def judge(asked: Asked, progress) -> dict:
    """The object that --json prints: flat metrics, seconds and notes. Raises `Trouble`.

    The last `held_out` rows are judged on, or half of them where there are fewer than twice as many; the others are
    learnt from.
    """
    began = time.perf_counter()
    notes: list[str] = []
    frame, bayes = _rows(asked, notes)
    y = labels(frame[asked.target])
    train = frame.height - min(asked.held_out, frame.height // 2)
    schema = schema_of(frame[:train], {asked.target, 'row'}, notes)
    x, names = features(frame, schema)
    del frame
    x_train, y_train, x_test, y_test = x[:train], y[:train], x[train:], y[train:]
    progress(f'{train} training rows, {len(y_test)} held out, {len(names)} inputs')
    best, form = _winner(x_train, y_train, x_test)
    said = {WINNER: best}
    progress(f'{form} after {time.perf_counter() - began:.0f} s')
    for name in [each for each in asked.models if each != WINNER]:
        said[name] = _other(name, x_train[:OTHERS_ROWS], y_train[:OTHERS_ROWS], x_test)
        progress(f'{name} after {time.perf_counter() - began:.0f} s')
    metrics = judged(y_test, bayes[train:], said, asked.money)
    notes.append(f'{WINNER} is {form}, learnt from all training rows')
    if len(said) > 1:
        notes.append(f'the other models learnt from {min(train, OTHERS_ROWS)} rows')
    over = [name for name in METRICS if metrics.get(f'{name}OverBayesLow', -1) > 0]
    notes += [f'{name} is above the ceiling beyond noise: look for a leak' for name in over]
    return {
        'preset': asked.preset,
        'metrics': metrics,
        'seconds': round(time.perf_counter() - began, 1),
        'notes': notes,
    }


def judged(y: np.ndarray, bayes: np.ndarray, said: dict[str, Said], money: Money) -> dict[str, float]:
    """Flat numbers of the first model, those of the others with their name in front, all beside Bayes on the same rows.

    `…Share` is model over Bayes (of AUC: what both have above a half); `…OverBayes` is model less Bayes, with the
    bounds of its paired 95 % bootstrap interval. Bayes orders rows of one probability by chance, as a model does: a
    curve that takes them at once would understate its average precision. y: (n,) of 0 and 1; bayes: (n,).
    """
    jitter = 1e-9 * np.random.default_rng([9, len(y)]).random(len(y))
    best = _Scored(y, Said(bayes + jitter, expected_f1_threshold(bayes)), money)
    top = best.metrics()
    out: dict[str, float] = {}
    for place, (name, model) in enumerate(said.items()):
        scored = _Scored(y, model, money)
        found = scored.metrics()
        shares = {} if np.ptp(bayes) == 0 else _shares(found, top)
        if place > 0:
            out |= {f'{name}.{key}': value for key, value in (found | shares).items()}
            continue
        out |= found | {f'bayes{key[0].upper()}{key[1:]}': value for key, value in top.items()} | shares
        out |= _intervals(scored, best)
        out['contactedShare'] = float((model.p >= money.cost / money.value).mean())
        out['everybodyProfit'] = float(money.value * y.mean() - money.cost)
        out['everybodyF1'] = float(2 * y.sum() / (len(y) + y.sum()))
    return out


def _shares(found: dict[str, float], top: dict[str, float]) -> dict[str, float]:
    """NaN where there is nothing to have a share of."""
    of = {'aucShare': ('auc', 0.5), 'f1Share': ('f1Positive', 0), 'apShare': ('averagePrecision', 0)}
    of |= {'profitShare': ('profit', 0)}
    return {
        name: (found[key] - floor) / (top[key] - floor) if top[key] > floor else float('nan')
        for name, (key, floor) in of.items()
    }


def _intervals(scored: '_Scored', best: '_Scored') -> dict[str, float]:
    """Bounds of each metric, and of how far it is over Bayes, by a Poisson bootstrap of the same rows for both."""
    random = np.random.default_rng(1)
    drawn = []
    for _ in range(RESAMPLES):
        weight = random.poisson(1.0, scored.rows).astype(np.float64)
        drawn.append((scored.metrics(weight), best.metrics(weight)))
    out: dict[str, float] = {}
    found, top = scored.metrics(), best.metrics()
    for key in METRICS:
        low, high = np.percentile([mine[key] for mine, _ in drawn], [2.5, 97.5])
        out |= {f'{key}Low': float(low), f'{key}High': float(high)}
        low, high = np.percentile([mine[key] - other[key] for mine, other in drawn], [2.5, 97.5])
        out |= {f'{key}OverBayes': found[key] - top[key]}
        out |= {f'{key}OverBayesLow': float(low), f'{key}OverBayesHigh': float(high)}
    return out


class _Scored:
    """Both thresholds of one model, sorted once."""

    def __init__(self, y: np.ndarray, said: Said, money: Money):
        self.rows = len(y)
        self.at_f1 = Judged(y, said.p, said.threshold, money)
        self.contacted = (said.p >= money.cost / money.value) * (money.value * y - money.cost)

    def metrics(self, weight: np.ndarray | None = None) -> dict[str, float]:
        """Profit is of a row."""
        found = self.at_f1.metrics(weight)
        total = self.rows if weight is None else weight.sum()
        profit = float((self.contacted if weight is None else self.contacted * weight).sum() / total)
        return {key: found[key] for key in ('auc', 'averagePrecision', 'f1Positive', 'f1Macro', 'ece', 'logLoss')} | {
            'profit': profit
        }


def expected_f1_threshold(p: np.ndarray) -> float:
    """The threshold of the largest F1 expected when each row is positive with p, (n,): 2·Σ contacted p / (k + Σ p).

    >>> expected_f1_threshold(np.array([0.9, 0.8, 0.1, 0.1]))
    0.8
    """
    ordered = np.sort(p)[::-1]
    f1 = 2 * np.cumsum(ordered) / (np.arange(1, len(p) + 1) + p.sum())
    f1[np.append(np.diff(ordered) == 0, False)] = 0
    return float(ordered[np.argmax(f1)])


def settings_of(name: str) -> Maker:
    """A model with the settings found on the development seeds."""
    found = json.loads(SETTINGS.read_text())['models'][name]
    return MODELS[name.split(' ')[0]].having(**found)


def _winner(x: np.ndarray, y: np.ndarray, x_test: np.ndarray) -> tuple[Said, str]:
    """Stumps or trees of few leaves, whichever has the smaller log-loss on training rows it was not fitted on; then
    fitted on all of them and calibrated out of fold."""
    half = min(CHOOSING_ROWS, len(y)) // 2
    first, second = slice(0, half), slice(half, 2 * half)
    losses = {
        form: log_loss(settings_of(form).fit(x[first], y[first])(x[second]), y[second]) for form in (WINNER, STUMPS)
    }
    form = min(losses, key=lambda each: losses[each])
    maker = settings_of(form)
    margins = out_of_fold(maker, x, y, folds(y, None, None, FOLDS))
    return _said(margins, y, maker.fit(x, y), x_test), form


def _other(name: str, x: np.ndarray, y: np.ndarray, x_test: np.ndarray) -> Said:
    """Fitted on three quarters, calibrated on the last."""
    cut = len(y) * 3 // 4
    margin = settings_of(name).fit(x[:cut], y[:cut])
    return _said(margin(x[cut:]), y[cut:], margin, x_test)


def _said(margins: np.ndarray, y: np.ndarray, margin: Margin, x_test: np.ndarray) -> Said:
    """Calibrated by margins of rows not learnt from; on a step of equal probability the margin keeps its order."""
    sigmoid = platt(margins, y)
    calibration = isotonic(margins, y) if y.sum() >= ENOUGH else sigmoid

    def probability(margins: np.ndarray) -> np.ndarray:
        return calibration.probability(margins) + 1e-9 * sigmoid.probability(margins)

    return Said(probability(margin(x_test)), best_f1(y, probability(margins)))


def _rows(asked: Asked, notes: list[str]) -> tuple[pl.DataFrame, np.ndarray]:
    """The table and Bayes' probability, row by row."""
    frame, oracle = _read(asked.table, notes), _read(asked.oracle, notes)
    column(frame, asked.target, 'the target')
    bayes = column(oracle, 'bayes', 'the oracle').cast(pl.Float64).to_numpy()
    here = installed()
    if unknown := [name for name in asked.models if name not in here]:
        raise Trouble(f'--models {", ".join(unknown)}: here are {", ".join(here)}')
    same = frame.height == oracle.height
    if same and 'row' in frame.columns and 'row' in oracle.columns:
        same = bool((frame['row'] == oracle['row']).all())
    if not same:
        raise Trouble(f'{asked.oracle} is not of the rows of {asked.table}')
    if frame.height < 1000:
        raise Trouble(f'{asked.table}: {frame.height} rows, wanted 1000 at least')
    return frame, bayes


def _read(path: Path, notes: list[str]) -> pl.DataFrame:
    """A file, or the Parquet files of a folder."""
    if not path.is_dir():
        return read_table(path, notes)
    parts = sorted(path.glob('*.parquet'))
    if not parts:
        raise Trouble(f'{path} holds no Parquet file')
    return pl.concat([read_table(part, notes) for part in parts])
