"""`pnpm train upsell`: features, six models at their defaults and tuned, judged on a hold-out, a forest to serve."""

import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl

from ..calibration import Platt, platt
from ..classify import Asked as Table
from ..classify import Rows, enough, money_of, parts_of, range_of, split_rows
from ..contract import write_model
from ..leaks import leaks
from ..learners import best_f1
from ..metrics import Judged, Money
from ..output import RESULTS, model_name, whole_folder
from ..splits import Part
from ..trouble import Trouble
from .card import card
from .features import features
from .models import MODELS, Maker, Margin, installed, out_of_fold
from .page import page
from .production import production_forest, shuffled
from .schema import Schema, read_schema, schema_of
from .tuning import Tried, best_of, tune

OWN_RESULTS = RESULTS | {'trials.csv', 'schema.json'}
FOLDS = 3
TUNING_ROWS = 60_000
"""Of the training rows that trials are fitted and judged on."""


@dataclass(frozen=True)
class Asked(Table):
    """The command line."""

    trials: int = 150
    models: tuple[str, ...] = tuple(MODELS)
    minutes: float | None = None
    schema: Path | None = None
    objective: str = 'logLoss'
    seed: int = 0

    def options(self) -> dict:
        """By name, but for where results go."""
        own = {'schema': self.schema, 'models': ','.join(self.models), 'trials': self.trials, 'minutes': self.minutes}
        return super().options() | own | {'tune-on': self.objective, 'seed': self.seed}


@dataclass(frozen=True)
class Candidate:
    """A model with settings, fitted on all training rows."""

    name: str
    kind: str
    """'baseline' or 'tuned'."""
    tried: Tried
    margin: Margin
    calibration: Platt
    threshold: float
    """Of the best F1 of the positives, out of fold."""

    @property
    def label(self) -> str:
        """As reports call it."""
        return f'{self.name} {self.kind}'

    def probability(self, x: np.ndarray) -> np.ndarray:
        """(n,)"""
        return self.calibration.probability(self.margin(x))


def upsell(asked: Asked, progress) -> dict:
    """Fits, judges and writes; returns the object that --json prints. Raises `Trouble`."""
    began = time.perf_counter()
    warnings: list[str] = []
    _known(asked.models)
    money = money_of(asked)
    train, test = split_rows(asked, warnings)
    enough(asked, train, test)
    schema = _schema(asked, train, warnings)
    x, names = features(train.frame, schema)
    x_test, _ = features(test.frame, schema)
    progress(f'{len(train.y)} training rows, {len(test.y)} test rows, {len(names)} inputs')
    if money is None:
        money = Money(float(train.y.mean()), 1.0)
        warnings.append('no --cost and --value: profit counts 1 for a positive and costs the base rate for a contact')

    parts = _folds(train)
    candidates, tried = _candidates(asked, x, train, parts, began, progress)
    chosen = min(candidates, key=lambda each: each.tried.log_loss)
    contact = money.cost / money.value
    said = {each.label: each.probability(x_test) for each in candidates}
    metrics = {each.label: _metrics(test, said[each.label], each.threshold, contact, money) for each in candidates}
    progress(f'least log-loss over the folds: {chosen.label}')

    progress('the forest for production, on all rows')
    best_forest = next((each.tried.settings for each in candidates if each.label == 'forest tuned'), {})
    held_out = production_forest(x, train.y, names, parts, best_forest)
    p_forest = held_out.fitted.probability(x_test)
    forest_metrics = _metrics(test, p_forest, held_out.threshold, contact, money)
    everything = _together(train, test)
    x_all = np.concatenate([x, x_test])
    served = production_forest(x_all, everything.y, names, _folds(everything), best_forest)
    lost = shuffled(held_out.fitted, x_test, test.y, [name for name, _ in served.weights[:15]])

    name = model_name(asked.table, asked.target)
    about = {
        'kind': 'table',
        'trainedOn': {
            'table': asked.table.name,
            'target': asked.target,
            'learner': 'random forest',
            'rows': len(everything.y),
            'positives': int(everything.y.sum()),
            'usualPrice': schema.index,
            **range_of(asked, train.frame, test.frame),
        },
        'metrics': forest_metrics,
        'thresholds': {'contact': contact, 'f1Positive': served.threshold},
    }
    with whole_folder(asked.out, OWN_RESULTS) as making:
        text = card(name, asked, about, served.weights, warnings)
        write_model(making / 'models', name, '1', served.fitted, x_all, about, text)
        pl.DataFrame({'row': test.place, 'label': test.y, 'score': said[chosen.label]}).write_csv(making / 'scores.csv')
        pl.DataFrame([each.row() for each in tried]).write_csv(making / 'trials.csv')
        (making / 'schema.json').write_text(schema.to_json())
        rows = metrics | {'production forest': forest_metrics}
        scores = said | {'production forest': p_forest}
        thresholds = {each.label: each.threshold for each in candidates}
        (making / 'report.html').write_text(
            page(name, test.y, scores, rows, chosen.label, thresholds, contact, tried, served.weights, lost, warnings)
        )
    return {
        'rows': len(everything.y),
        'positives': int(everything.y.sum()),
        'testRows': len(test.y),
        'chosen': chosen.label,
        'metrics': metrics[chosen.label],
        'models': metrics | {'production forest': forest_metrics},
        'thresholds': {'f1Positive': chosen.threshold, 'contact': contact},
        'trials': str(asked.out / 'trials.csv'),
        'model': str(asked.out / 'models' / name / '1'),
        'scores': str(asked.out / 'scores.csv'),
        'report': str(asked.out / 'report.html'),
        'seconds': round(time.perf_counter() - began, 1),
        'warnings': warnings,
    }


def _known(models: tuple[str, ...]) -> None:
    here = installed()
    for name in models:
        if name not in MODELS:
            raise Trouble(f'--models {name} is none of {", ".join(MODELS)}')
        if name not in here:
            raise Trouble(f'{name} is not installed in this Python; it is in requirements-benchmark.txt')
    if not models:
        raise Trouble('--models names none')


def _schema(asked: Asked, train: Rows, warnings: list[str]) -> Schema:
    named = {asked.target, *asked.drop} | {each for each in (asked.group, asked.time) if each}
    tried = [name for name in train.frame.columns if name not in named]
    told, sure = leaks(train.frame, train.y, asked.time, tried, set(asked.keep))
    warnings += told
    given = read_schema(asked.schema) if asked.schema else None
    return schema_of(train.frame, named | sure, warnings, given)


def _folds(rows: Rows) -> list[Part]:
    return parts_of(rows, FOLDS)


def _candidates(
    asked: Asked, x: np.ndarray, train: Rows, parts: list[Part], began: float, progress
) -> tuple[list[Candidate], list[Tried]]:
    """Each model at its defaults and at its best trial, and all trials."""
    some, x_some, parts_some = train, x, parts
    if len(train.y) > TUNING_ROWS:
        drawn = np.sort(np.random.default_rng(asked.seed).permutation(len(train.y))[:TUNING_ROWS])
        some, x_some = train.take(drawn), x[drawn]
        parts_some = _folds(some)
        progress(f'trials are fitted on {TUNING_ROWS} of the training rows')
    found, tried = [], []
    for place, name in enumerate(asked.models):
        maker = MODELS[name]
        left = None
        if asked.minutes is not None:
            left = max(1.0, (asked.minutes * 60 - (time.perf_counter() - began)) / (len(asked.models) - place))
        trials = tune(maker, x_some, some.y, parts_some, asked.trials, asked.objective, left, asked.seed)
        tried += trials
        best = best_of(trials, asked.objective)
        progress(
            f'{name}: {len(trials) - 1} trials, log-loss {trials[0].log_loss:.5f} → {best.log_loss:.5f}, '
            f'average precision {trials[0].average_precision:.4f} → {best.average_precision:.4f}'
        )
        found += [
            _fitted(maker, 'baseline', trials[0], x, train.y, parts),
            _fitted(maker, 'tuned', best, x, train.y, parts),
        ]
    return found, tried


def _fitted(maker: Maker, kind: str, tried: Tried, x: np.ndarray, y: np.ndarray, parts: list[Part]) -> Candidate:
    """On all rows, calibrated by margins out of fold."""
    having = maker.having(**tried.settings)
    margins = out_of_fold(having, x, y, parts)
    seen = ~np.isnan(margins)
    calibration = platt(margins[seen], y[seen])
    threshold = best_f1(y[seen], calibration.probability(margins[seen]))
    return Candidate(maker.name, kind, tried, having.fit(x, y), calibration, threshold)


def _metrics(test: Rows, p: np.ndarray, threshold: float, contact: float, money: Money) -> dict:
    """F1 at its own threshold, profit at that of the costs."""
    at_f1 = Judged(test.y, p, threshold, money).with_intervals(test.group)
    return at_f1 | {'profit': Judged(test.y, p, contact, money).with_intervals(test.group)['profit']}


def _together(train: Rows, test: Rows) -> Rows:
    """Labels, groups and times of all rows, without their columns; what was left out for its group stays out."""

    def both(name: str) -> np.ndarray | None:
        one, other = getattr(train, name), getattr(test, name)
        return None if one is None or other is None else np.concatenate([one, other])

    places = np.concatenate([train.place, test.place])
    return Rows(pl.DataFrame(), np.concatenate([train.y, test.y]), both('group'), both('time'), places)
