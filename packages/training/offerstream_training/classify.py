"""`pnpm train classify`: a calibrated classifier of the user's own table, judged on rows it never saw."""

import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl

from .calibration import Platt, platt
from .contract import Fitted, write_model
from .leaks import leaks, repeated
from .learners import Learner, best_column, best_f1, forest, importances, log_loss, logistic, trees
from .metrics import Judged, Money
from .output import command, model_name, whole_folder
from .report import classify_report
from .splits import Part, folds, hold_out, without_shared
from .table import Design, column, design_of, group_codes, moments, read_table
from .target import labels
from .trouble import Trouble

LEAST = 10
"""Fewer positives or negatives than this in the training rows, or half as many in the test rows, prove nothing."""


@dataclass(frozen=True)
class Asked:
    """The command line."""

    table: Path
    target: str
    out: Path
    test: Path | None = None
    group: str | None = None
    time: str | None = None
    positive: str | None = None
    drop: tuple[str, ...] = ()
    keep: tuple[str, ...] = ()
    cost: float | None = None
    value: float | None = None

    def options(self) -> dict:
        """By name, but for where results go."""
        names = ('table', 'target', 'test', 'group', 'time', 'positive', 'drop', 'keep', 'cost', 'value')
        return {name: getattr(self, name) for name in names}


@dataclass
class Rows:
    """One side of the split."""

    frame: pl.DataFrame
    y: np.ndarray
    group: np.ndarray | None
    time: np.ndarray | None
    place: np.ndarray
    """Their rows in the file, the first is 1."""

    def take(self, rows: np.ndarray) -> 'Rows':
        """Some of them, by index."""
        some = [None if each is None else each[rows] for each in (self.group, self.time)]
        return Rows(self.frame[rows], self.y[rows], *some, self.place[rows])


def classify(asked: Asked, progress) -> dict:
    """Fits, judges and writes; returns the object that --json prints. Raises `Trouble`."""
    warnings: list[str] = []
    train, test = split_rows(asked, warnings)
    enough(asked, train, test)
    named = {asked.target, *asked.drop} | {each for each in (asked.group, asked.time) if each}
    tried = [name for name in train.frame.columns if name not in named]
    told, sure = leaks(train.frame, train.y, asked.time, tried, set(asked.keep))
    warnings += told
    design = design_of(train.frame, named | sure, warnings)
    x, x_test = design.rows(train.frame), design.rows(test.frame)
    progress(f'{len(train.y)} training rows, {len(test.y)} test rows, {len(design.names)} inputs')

    learner, parts_seen = _chosen(x, train, design, progress)
    calibration = platt(learner.out_of_fold[parts_seen], train.y[parts_seen])
    threshold, money = _threshold(asked, calibration, learner.out_of_fold[parts_seen], train.y[parts_seen], warnings)
    progress(f'fitting {learner.name} on all training rows')
    bare = learner.fit(x, train.y)
    fitted = Fitted(bare.features, bare.margin, calibration, bare.ensemble, bare.leaves, bare.linear)
    p = fitted.probability(x_test)
    metrics = Judged(test.y, p, threshold, money).with_intervals(test.group)
    baselines = _baselines(x, x_test, train, test, design, threshold, money, progress)

    with whole_folder(asked.out) as making:
        name = model_name(asked.table, asked.target)
        trained_on = {'rows': len(train.y), 'positives': int(train.y.sum()), 'testRows': len(test.y)}
        trained_on |= range_of(asked, train.frame)
        about = {
            'kind': 'table',
            'trainedOn': {'table': asked.table.name, 'target': asked.target, 'learner': learner.name, **trained_on},
            'metrics': metrics,
            'thresholds': {'contact': threshold},
        }
        write_model(making / 'models', name, '1', fitted, x, about, _card(name, asked, learner, about, warnings))
        scores = {'row': test.place, 'label': test.y, 'score': p}
        pl.DataFrame(scores).write_csv(making / 'scores.csv')
        weights = importances(fitted, x_test, test.y)
        page = classify_report(name, test.y, p, threshold, metrics, baselines, weights, warnings, trained_on)
        (making / 'report.html').write_text(page)
    return {
        'rows': len(train.y) + len(test.y),
        'positives': int(train.y.sum() + test.y.sum()),
        'testRows': len(test.y),
        'learner': learner.name,
        'metrics': metrics,
        'baselines': baselines,
        'threshold': threshold,
        'contactedShare': float((p >= threshold).mean()),
        'model': str(asked.out / 'models' / name / '1'),
        'scores': str(asked.out / 'scores.csv'),
        'report': str(asked.out / 'report.html'),
        'warnings': warnings,
    }


def _chosen(x: np.ndarray, train: Rows, design: Design, progress) -> tuple[Learner, np.ndarray]:
    """The learner with the smallest log-loss over the folds, and which rows some fold held."""
    rare = int(min(train.y.sum(), (1 - train.y).sum()))
    parts = parts_of(train, min(3 if len(train.y) > 50_000 else 5, rare // 3))
    seen = np.isin(np.arange(len(train.y)), np.concatenate([held for _, held in parts]))
    learners = [logistic(x, train.y, parts, design.names)]
    for name, leaves, rate in (('boosted stumps', 2, 0.1), ('boosted trees', 15, 0.04)):
        learners.append(trees(name, leaves, rate, x, train.y, parts, design.names))
    losses = [log_loss(each.out_of_fold, train.y) for each in learners]
    for each, loss in zip(learners, losses, strict=True):
        progress(f'{each.name}: log-loss {loss:.5f} over {len(parts)} folds')
    return learners[int(np.argmin(losses))], seen


def enough(asked: Asked, train: Rows, test: Rows) -> None:
    """Raises `Trouble` where a side has too few of one class to prove anything."""
    for side, rows, least in (('training', train, LEAST), ('test', test, LEAST // 2)):
        for label, count in (('positives', int(rows.y.sum())), ('negatives', int((1 - rows.y).sum()))):
            if count < least:
                raise Trouble(
                    f'{asked.target}: {count} {label} among {len(rows.y)} {side} rows, wanted {least} at least'
                )


def parts_of(train: Rows, count: int) -> list[Part]:
    """Folds with positives and negatives on both sides."""
    if train.group is not None:
        count = min(count, len(np.unique(train.group)))
    if count < 2:
        raise Trouble('the training rows are of one group, wanted two at least')
    parts = folds(train.y, train.group, train.time, count)
    parts = [each for each in parts if all(_has_both(train.y[side]) for side in each)]
    if not parts:
        raise Trouble('no fold has positives and negatives on both sides')
    return parts


def _has_both(y: np.ndarray) -> bool:
    return len(y) > 0 and y.min() < y.max()


def _threshold(
    asked: Asked, calibration: Platt, margins: np.ndarray, y: np.ndarray, warnings: list[str]
) -> tuple[float, Money]:
    """Contact where probability · value exceeds cost; without them, where F1 out of fold is largest."""
    money = money_of(asked)
    if money is not None:
        return money.cost / money.value, money
    warnings.append(
        'no --cost and --value: the threshold is that of the best F1, profit counts 1 and costs the base rate'
    )
    return best_f1(y, calibration.probability(margins)), Money(float(y.mean()), 1.0)


def money_of(asked: Asked) -> Money | None:
    """What was said of money, if anything. Raises `Trouble` where it cannot be."""
    if asked.cost is None and asked.value is None:
        return None
    if asked.cost is None or asked.value is None:
        raise Trouble('--cost and --value go together')
    if not 0 < asked.cost < asked.value < math.inf:
        raise Trouble(f'--cost {asked.cost:g} and --value {asked.value:g}: wanted 0 < cost < value')
    return Money(asked.cost, asked.value)


def _baselines(
    x: np.ndarray,
    x_test: np.ndarray,
    train: Rows,
    test: Rows,
    design: Design,
    threshold: float,
    money: Money,
    progress,
) -> dict[str, dict]:
    """Simple ones beside it, on the same test rows."""
    progress('fitting the baselines')
    rate = train.y.mean()
    name, single = best_column(x, train.y, design.names)
    guesses = {'base rate': np.full(len(test.y), rate), f'{name} alone': single(x_test)}
    if len(train.y) > 60_000:
        some = np.sort(np.random.default_rng(0).permutation(len(train.y))[:60_000])
        x, train = x[some], train.take(some)
    parts = parts_of(train, 2)
    for fit in (logistic, forest):
        learner = fit(x, train.y, parts, design.names)
        seen = ~np.isnan(learner.out_of_fold)
        calibration = platt(learner.out_of_fold[seen], train.y[seen])
        guesses[learner.name] = calibration.probability(learner.fit(x, train.y).margin(x_test))
    return {each: Judged(test.y, p, threshold, money).with_intervals(test.group) for each, p in guesses.items()}


def split_rows(asked: Asked, warnings: list[str]) -> tuple[Rows, Rows]:
    """Both sides, of the table alone or of two files."""
    whole = _rows(asked, asked.table, warnings)
    if asked.test is None:
        train, test = hold_out(whole.y, whole.group, whole.time) if _has_both(whole.y) else _one_class(asked, whole)
        if len(train) + len(test) < len(whole.y):
            warnings.append(
                f'{len(whole.y) - len(train) - len(test)} training rows left out: their {asked.group} is tested'
            )
        sides = whole.take(train), whole.take(test)
        warnings += repeated(sides[0].frame, sides[1].frame)
        return sides
    test = _rows(asked, asked.test, warnings)
    lacking = [name for name in whole.frame.columns if name not in test.frame.columns and name not in asked.drop]
    if lacking:
        raise Trouble(f'{asked.test} has no column {", ".join(lacking)}')
    warnings += repeated(whole.frame, test.frame)
    if whole.time is not None and test.time is not None and (early := test.time <= whole.time.max()).any():
        warnings.append(f'{early.sum()} of {len(early)} test rows are not later than all training rows')
    if whole.group is None or test.group is None:
        return whole, test
    both = np.concatenate([whole.group, test.group])
    rows = np.arange(len(both))
    kept = without_shared(rows[: len(whole.y)], rows[len(whole.y) :], both)
    if len(kept) < len(whole.y):
        warnings.append(f'{len(whole.y) - len(kept)} training rows left out: their {asked.group} is in the test file')
    return whole.take(kept), test


def _one_class(asked: Asked, rows: Rows) -> tuple:
    raise Trouble(f'{asked.target} has one class only: {int(rows.y.sum())} positives among {len(rows.y)} rows')


def _rows(asked: Asked, path: Path, warnings: list[str]) -> Rows:
    frame = read_table(path, warnings, dropped=asked.drop)
    target = column(frame, asked.target, 'the target')
    for option, name in (('--group', asked.group), ('--time', asked.time)):
        if name == asked.target:
            raise Trouble(f'{option} {name}: it is the target')
    place = np.flatnonzero(target.is_not_null().to_numpy()) + 1
    if target.null_count() > 0:
        warnings.append(f'{path.name}: {target.null_count()} rows without {asked.target} left out')
        frame = frame.filter(target.is_not_null())
        target = frame[asked.target]
    if frame.height == 0:
        raise Trouble(f'{path}: no row has a {asked.target}')
    for option, names in (('--drop', asked.drop), ('--keep', asked.keep)):
        for name in names:
            column(frame, name, option)
    group = None if asked.group is None else group_codes(column(frame, asked.group, '--group'))
    time = None if asked.time is None else moments(column(frame, asked.time, '--time'))
    try:
        return Rows(frame, labels(target, asked.positive), group, time, place)
    except Trouble as trouble:
        raise Trouble(f'{path.name}: {trouble}') from None


def range_of(asked: Asked, *frames: pl.DataFrame) -> dict[str, str]:
    """The first and the last time that was learnt from, where there is one."""
    if asked.time is None:
        return {}
    times = pl.concat([frame[asked.time] for frame in frames])
    return {'from': str(times.min()), 'to': str(times.max())}


def _card(name: str, asked: Asked, learner: Learner, about: dict, warnings: list[str]) -> str:
    trained = ', '.join(f'{key} {value}' for key, value in about['trainedOn'].items())
    split = (
        f'the file {asked.test.name}' if asked.test else 'the latest fifth' if asked.time else 'a fifth drawn by chance'
    )
    rows = '\n'.join(
        f'| {key} | {each["value"]:.5g} | {each["low"]:.5g} | {each["high"]:.5g} |'
        for key, each in about['metrics'].items()
    )
    limits = '\n'.join(f'- {warning}' for warning in warnings)
    return f"""# {name}/1

The probability that {asked.target} is positive: {learner.name}, calibrated by Platt's method out of fold.

## Data

{trained}.

## Metrics

On {split}, with 95 % bootstrap intervals.

| metric | value | low | high |
|---|---|---|---|
{rows}

## Limits

- Its inputs are columns of one table, which the stream does not compute: the scorer refuses them by name.
{limits}

## Reproduce

`{command('classify', **asked.options())}`. sha256 of model.onnx: `{{sha256}}`.
"""
