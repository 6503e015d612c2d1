"""`pnpm train upsell-line`: who takes a dearer plan within ninety days, by features that the stream itself computes.

The rows are those of a choice table (choices.py) where an offer was decided. Purchases that nobody asked for are
outcomes only: that there is such a row at all says that something was bought.
"""

import argparse
import json
import re
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from sklearn.ensemble import RandomForestClassifier

from .boundary import at_boundary
from .calibration import platt
from .choices import read_choices
from .contract import Fitted, write_model
from .learners import best_column, best_f1, importances
from .metrics import Judged, Money
from .models import forest_model
from .report import classify_report
from .splits import folds
from .trouble import Trouble

HORIZON_DAYS = 90
DAY = 86_400_000
TREES, LEAVES = 100, 64
BURN_IN_DAYS = 60
"""Decisions of the first days of a log are left out, and so are features that look further back: how much of such a
window is filled says how old the log is, which on the line means nothing."""
LEAST = 50
"""Fewer positives than this on a side prove nothing."""
MOST_BYTES = 1_000_000


@dataclass(frozen=True)
class Rows:
    """Decisions about customers. x: (n, features) float32; y: (n,) 0 and 1; customer: (n,) codes; at: (n,) ms."""

    features: list[str]
    x: np.ndarray
    y: np.ndarray
    customer: np.ndarray
    at: np.ndarray

    def take(self, rows: np.ndarray) -> 'Rows':
        """Some of them, by mask or index."""
        return Rows(self.features, self.x[rows], self.y[rows], self.customer[rows], self.at[rows])


def add_command(commands) -> None:
    """`upsell-line` among the commands of `pnpm train`."""
    command = commands.add_parser('upsell-line', help='who takes a dearer plan, by features of the stream')
    command.add_argument('--table', type=Path, nargs='+', required=True, metavar='DIR', help='choice tables')
    command.add_argument('--out', type=Path, required=True, metavar='FOLDER', help='of models; upsell/VERSION in it')
    command.add_argument('--version', default='1')
    command.add_argument('--report', type=Path, metavar='FILE', help='where its page goes')
    command.add_argument('--json', action='store_true', help='one object on the last line')
    command.set_defaults(run=_run)


def line_rows(folder: Path) -> Rows:
    """Decisions of a choice table well after the log began and ninety days before it ended, with what followed.

    Raises `Trouble` where there are none, or where the table does not say which plan is dearer.
    """
    choices = read_choices(folder)
    if 'price_to_current' not in choices.pairs:
        raise Trouble(f'{folder}: wanted the pair feature price_to_current, which says whether a plan is dearer')
    dearer = choices.x[:, choices.names.index('price_to_current')] > 0
    group = choices.of_row[choices.column('accepted') & dearer]
    taken = np.zeros(len(choices.start) - 1, dtype=bool)
    taken[group] = True
    at, customers = choices.first('at'), np.unique(choices.first('customer'), return_inverse=True)[1]
    y = followed(customers, at, taken)
    between = (at >= at.min() + BURN_IN_DAYS * DAY) & (at + HORIZON_DAYS * DAY <= at.max())
    rows = (choices.first('source') == 'offer') & between & ~choices.first('control')
    if not rows.any():
        raise Trouble(f'{folder}: no decision has {BURN_IN_DAYS} days of log before it and {HORIZON_DAYS} after it')
    kept = [at for at, name in enumerate(choices.features) if looks_back(name) <= BURN_IN_DAYS]
    features = [choices.features[at] for at in kept]
    x = at_boundary(choices.x[choices.start[:-1][rows]][:, kept], features)
    return Rows(features, x, y[rows], customers[rows], at[rows])


def looks_back(feature: str) -> float:
    """Days of log that a feature needs to mean what it does later, by its name; a trend compares two windows.

    >>> [looks_back(name) for name in ('data_mb_12m', 'data_trend_30d', 'tenure_days', 'days_since_open')]
    [360.0, 60.0, 0.0, inf]
    """
    if feature.startswith('days_since_'):
        return float('inf')
    window = re.search(r'_(\d+)([dm])$', feature)
    days = float(window[1]) * (30 if window[2] == 'm' else 1) if window else 0.0
    return 2 * days if '_trend_' in feature else days


def followed(customer: np.ndarray, at: np.ndarray, taken: np.ndarray) -> np.ndarray:
    """Which decisions a taking followed within ninety days, their own included, (n,) of 0 and 1. All (n,).

    >>> at = np.array([0, 80, 100]) * 86_400_000
    >>> followed(np.zeros(3, dtype=int), at, np.array([False, False, True])).tolist()
    [0, 1, 1]
    """
    order = np.lexsort((at, customer))
    span = np.int64(HORIZON_DAYS * DAY)
    # One number line a customer, further apart than any horizon.
    width = np.int64(at.max() - at.min() + span + 1)
    place = customer.astype(np.int64) * 2 * width + (at - at.min())
    moments = place[order][taken[order]]
    first = np.searchsorted(moments, place, side='left')
    there = first < len(moments)
    follows = np.zeros(len(at), dtype=np.int64)
    follows[there] = moments[first[there]] - place[there] <= span
    return follows


def split(rows: Rows) -> tuple[Rows, Rows]:
    """Learnt from: seven tenths of the customers, before the last third of the time. Judged on: the others, in it."""
    customers = np.random.default_rng(0).permutation(np.unique(rows.customer))
    judged = np.isin(rows.customer, customers[: int(0.3 * len(customers))])
    late = rows.at >= np.quantile(rows.at, 2 / 3)
    return rows.take(~judged & ~late), rows.take(judged & late)


def upsell_line(
    tables: list[Path], out: Path, version: str = '1', report: Path | None = None, progress=lambda line: None
) -> dict:
    """Fits a forest, judges it, writes `out`/upsell/`version`; returns what --json prints.

    Raises `Trouble`, and writes nothing, where the forest does not order customers better than chance on the hold-out.
    """
    sides = [split(line_rows(folder)) for folder in tables]
    if any(side[0].features != sides[0][0].features for side in sides):
        raise Trouble('the tables do not have the same features')
    train, test = (_joined([side[at] for side in sides]) for at in (0, 1))
    for name, side in (('training', train), ('test', test)):
        if side.y.sum() < LEAST:
            raise Trouble(f'{int(side.y.sum())} positives among {len(side.y)} {name} rows, wanted {LEAST} at least')
    progress(f'{len(train.y)} training rows, {int(train.y.sum())} positives; {len(test.y)} test rows')
    margins = np.full(len(train.y), np.nan)
    for rows, held in folds(train.y, train.customer, None, 4):
        margins[held] = _forest(train.features, train.x[rows], train.y[rows]).margin(train.x[held])
    bare = _forest(train.features, train.x, train.y)
    fitted = Fitted(bare.features, bare.margin, platt(margins, train.y), bare.ensemble, bare.leaves)
    threshold = best_f1(train.y, fitted.calibration.probability(margins))
    p = fitted.probability(test.x)
    metrics = _judged(test, p, threshold, train)
    if metrics['auc']['low'] <= 0.5:
        raise Trouble(
            'the forest orders the hold-out no better than chance: AUC {value:.3f} ({low:.3f} – {high:.3f})'.format(
                **metrics['auc']
            )
        )
    progress('baselines')
    name, single = best_column(train.x, train.y, train.features)
    alone = {'base rate': np.full(len(test.y), train.y.mean()), f'{name} alone': single(test.x)}
    baselines = {each: _judged(test, guess, threshold, train) for each, guess in alone.items()}
    warnings = [
        f'{name} has no larger log-loss on the hold-out: this model is not worth serving'
        for name, each in baselines.items()
        if each['logLoss']['value'] <= metrics['logLoss']['value']
    ]
    about = {
        'kind': 'upsell',
        'trainedOn': {
            'tables': [folder.name for folder in tables],
            'rows': len(train.y),
            'positives': int(train.y.sum()),
            'testRows': len(test.y),
            'testPositives': int(test.y.sum()),
            'horizonDays': HORIZON_DAYS,
        },
        'metrics': metrics,
        'thresholds': {'bestF1': threshold},
    }
    if len(bare.graph()) > MOST_BYTES:
        raise Trouble(f'the graph has {len(bare.graph()):,} bytes, allowed are {MOST_BYTES:,}')
    weights = importances(fitted, test.x, test.y, 8000)
    write_model(
        out, 'upsell', version, fitted, test.x, about, _card(version, about, baselines, weights, tables, warnings)
    )
    if report is not None:
        trained = about['trainedOn']
        report.write_text(
            classify_report('upsell', test.y, p, threshold, metrics, baselines, weights, warnings, trained)
        )
    return {
        'rows': len(train.y),
        'testRows': len(test.y),
        'metrics': metrics,
        'baselines': baselines,
        'threshold': threshold,
        'model': str(out / 'upsell' / version),
        'report': None if report is None else str(report),
        'warnings': warnings,
    }


def _forest(features: list[str], x: np.ndarray, y: np.ndarray) -> Fitted:
    grown = RandomForestClassifier(
        TREES, max_leaf_nodes=LEAVES, min_samples_leaf=50, max_features=0.3, random_state=0, n_jobs=2
    )
    return forest_model(grown.fit(x, y), features)


def _judged(test: Rows, p: np.ndarray, threshold: float, train: Rows) -> dict:
    """Whole customers are drawn: one of them has a row in every month. A contact costs the base rate of a success."""
    return Judged(test.y, p, threshold, Money(float(train.y.mean()), 1.0)).with_intervals(test.customer)


def _joined(parts: list[Rows]) -> Rows:
    """Of several tables; their customers are others."""
    shift = np.append(0, np.cumsum([part.customer.max() + 1 for part in parts]))
    customer = np.concatenate([part.customer + shift[at] for at, part in enumerate(parts)])
    x, y, at = (np.concatenate([getattr(part, name) for part in parts]) for name in ('x', 'y', 'at'))
    return Rows(parts[0].features, x, y, customer, at)


def _card(
    version: str,
    about: dict,
    baselines: dict,
    weights: list[tuple[str, float]],
    tables: list[Path],
    warnings: list[str],
) -> str:
    rows = '\n'.join(
        f'| {key} | {each["value"]:.4g} | {each["low"]:.4g} | {each["high"]:.4g} |'
        for key, each in about['metrics'].items()
    )
    named = ('auc', 'averagePrecision', 'logLoss')
    beside = '\n'.join(
        f'| {name} | ' + ' | '.join(f'{each[metric]["value"]:.4f}' for metric in named) + ' |'
        for name, each in baselines.items()
    )
    limits = ''.join(f'- {each}.\n' for each in warnings)
    first = '\n'.join(f'| {name} | {lost:.4f} |' for name, lost in weights[:12])
    trained = ', '.join(f'{key} {value}' for key, value in about['trainedOn'].items() if key != 'tables')
    return f"""# upsell/{version}

The probability that a customer takes a dearer plan within {HORIZON_DAYS} days, offered or not: a random forest of
{TREES} trees with at most {LEAVES} leaves, calibrated by Platt's method out of fold, whole customers to a fold.

## Data

Choice tables: {', '.join(folder.name for folder in tables)}; {trained}.
A row is a decision about a customer with the features as they stood before it. Left out are decisions whose
{HORIZON_DAYS} days had not passed when the log ended, those of its first {BURN_IN_DAYS} days with all features that
look further back, and customers of the standing control arm. Purchases nobody asked for are outcomes only.

## Metrics

On other customers in the last third of the time, with 95 % bootstrap intervals over customers.

| metric | value | low | high |
|---|---|---|---|
{rows}

| baseline | AUC | average precision | log-loss |
|---|---|---|---|
{beside}

## Importances

AUC lost on the hold-out when one input is shuffled.

| input | AUC |
|---|---|
{first}

## Limits

- What it was fitted on stands above; where those are simulated worlds, fit it anew on your own export first.
- It says who moves up, not whom an offer moves: it is no estimate of an effect, and no gate for one.
- The outcome windows of training rows reach into the time of the test rows, of other customers.
- Packages bought are not counted.
{limits}

## Reproduce

`pnpm train upsell-line --table {' '.join(folder.name for folder in tables)} --out models`, on choice tables of worlds
of these names. sha256 of model.onnx: `{{sha256}}`.
"""


def _run(options: argparse.Namespace) -> None:
    result = upsell_line(
        options.table,
        options.out.resolve(),
        options.version,
        options.report,
        lambda line: print(line, file=sys.stderr, flush=True),
    )
    for warning in result['warnings']:
        print(f'warning: {warning}', file=sys.stderr)
    for who, metrics in ({'this model': result['metrics']} | result['baselines']).items():
        print(f'{who}:', ', '.join(f'{name} {each["value"]:.4g}' for name, each in metrics.items()))
    print(f'model {result["model"]}')
    if options.json:
        print(json.dumps(result))
