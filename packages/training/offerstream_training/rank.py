"""`pnpm train rank`: an order within groups, learnt from graded labels of the user's own table."""

from dataclasses import dataclass, replace
from pathlib import Path

import lightgbm as lgb
import numpy as np
import polars as pl

from .contract import write_model
from .leaks import SURE, repeated
from .learners import REPRODUCIBLE
from .metrics import ndcg, ndcg_intervals
from .models import lightgbm_bag
from .output import command, model_name, whole_folder
from .report import rank_report
from .splits import folds, hold_out
from .table import Design, column, design_of, group_codes, read_table
from .trouble import Trouble

LEAVES = (7, 15)
ROUNDS = 300
SEEDS = 3
LEAST_TOLD = 20
"""Groups from which on a column that orders them all is no chance."""
MOST_ROWS = 10_000
"""Of a group, for LightGBM."""
DEEPEST = 30
"""LightGBM's gain 2^label − 1 has a place for labels up to this."""


@dataclass(frozen=True)
class Asked:
    """The command line."""

    table: Path
    group: str
    label: str
    out: Path
    test: Path | None = None
    drop: tuple[str, ...] = ()
    keep: tuple[str, ...] = ()


@dataclass
class Groups:
    """Rows with those of a group on end. `start`: (groups + 1,) where each begins; `place`: their rows in the file."""

    frame: pl.DataFrame
    label: np.ndarray
    start: np.ndarray
    place: np.ndarray

    @property
    def of_row(self) -> np.ndarray:
        """The group of each row, from 0."""
        return np.repeat(np.arange(len(self.start) - 1), np.diff(self.start))


def rank(asked: Asked, progress) -> dict:
    """Fits, judges and writes; returns the object that --json prints. Raises `Trouble`."""
    warnings: list[str] = []
    frame = read_table(asked.table, warnings, dropped=asked.drop)
    train = _groups(asked, frame, asked.table)
    if asked.test is not None:
        beside = _same_columns(read_table(asked.test, warnings, dropped=asked.drop), train.frame)
        test = _groups(asked, beside, asked.test)
        rows = np.arange(1, len(test.label) + 1)
    else:
        parts = [np.sort(train.place[part]) for part in hold_out(train.label, train.of_row, None)]
        train, test = (_groups(asked, frame[part], asked.table) for part in parts)
        rows = parts[1] + 1
    if len(train.start) < 6:
        raise Trouble(f'{len(train.start) - 1} groups to learn from, wanted five at least')
    if train.label.min() == train.label.max():
        raise Trouble(f'{asked.label} is {train.label[0]:g} in every row: nothing to learn')
    if not _choices(train).any():
        raise Trouble(f'no {asked.group} holds rows of different {asked.label}: nothing to learn')
    if test.label.max() == 0:
        raise Trouble(f'{asked.label} is 0 in every test row: nothing to judge by')
    warnings += repeated(train.frame, test.frame)
    named = {asked.group, asked.label, *asked.drop}
    design = design_of(train.frame, named, warnings)
    if sure := _leaks(train, design, asked.keep, warnings):
        design = design_of(train.frame, named | sure, [])
    x, x_test = design.rows(train.frame), design.rows(test.frame)
    progress(f'{len(train.start) - 1} groups to learn from, {len(test.start) - 1} to test, {len(design.names)} inputs')

    settings, rounds = _settings(x, train, design, progress)
    boosters = [_train(settings | {'seed': seed}, x, train, rounds) for seed in range(SEEDS)]
    fitted = lightgbm_bag(boosters, design.names)
    score = fitted.margin(x_test)
    metrics = _judged(score, test)
    pointwise = _train(_of('regression', settings['num_leaves']), x, train, rounds).predict(x_test)
    baselines = {
        'order of the file': _judged(np.zeros(len(x_test)), test),
        'pointwise regression': _judged(pointwise, test),
        **_best_single(x, x_test, train, test, design),
    }
    gain = np.sum([each.feature_importance('gain') for each in boosters], axis=0)
    weights = sorted(zip(design.names, (gain / max(gain.sum(), 1e-12)).tolist(), strict=True), key=lambda at: -at[1])
    groups = len(test.start) - 1
    lead = f'lambdarank, {SEEDS} seeds, {rounds} trees of {settings["num_leaves"]} leaves; judged on {groups} groups.'
    with whole_folder(asked.out) as making:
        name = model_name(asked.table, 'rank')
        trained = {'rows': len(train.label), 'groups': len(train.start) - 1, 'testGroups': groups}
        about = {'kind': 'table', 'trainedOn': {'table': asked.table.name, **trained}, 'metrics': metrics}
        write_model(making / 'models', name, '1', fitted, x, about, _card(name, asked, lead, metrics))
        in_file = np.empty(len(score))
        in_file[test.place] = score
        pl.DataFrame({'row': rows, 'score': in_file}).write_csv(making / 'scores.csv')
        (making / 'report.html').write_text(rank_report(name, metrics, baselines, weights, warnings, lead))
    return {
        'groups': groups,
        'trainingGroups': len(train.start) - 1,
        'metrics': metrics,
        'baselines': baselines,
        'model': str(asked.out / 'models' / name / '1'),
        'scores': str(asked.out / 'scores.csv'),
        'report': str(asked.out / 'report.html'),
        'warnings': warnings,
    }


def _settings(x: np.ndarray, train: Groups, design: Design, progress) -> tuple[dict, int]:
    """The size of tree and how many, by NDCG over the folds of the training groups."""
    count = min(3, len(train.start) - 1)
    parts = folds(train.label, train.of_row, None, count)
    best: tuple[float, dict, int] | None = None
    for leaves in LEAVES:
        settings = _of('lambdarank', leaves)
        curves = np.zeros(ROUNDS // 10)
        for rows, held in parts:
            some, other = _some(train, rows), _some(train, held)
            booster = _train(settings, x[rows], some, ROUNDS)
            for at in range(len(curves)):
                score = booster.predict(x[held], num_iteration=10 * (at + 1))
                curves[at] += ndcg(score, other.label, other.start).mean() / len(parts)
        # A running mean: the best single point of a ragged curve is luck.
        smooth = np.convolve(np.pad(curves, 2, mode='edge'), np.ones(5) / 5, mode='valid')
        found = int(np.argmax(smooth))
        progress(f'{leaves} leaves: NDCG {smooth[found]:.4f} over {count} folds with {10 * (found + 1)} trees')
        if best is None or smooth[found] > best[0]:
            best = (float(smooth[found]), settings, 10 * (found + 1))
    assert best is not None
    return best[1], best[2]


def _of(objective: str, leaves: int) -> dict:
    return REPRODUCIBLE | {
        'objective': objective,
        'num_leaves': leaves,
        'learning_rate': 0.06,
        'min_data_in_leaf': 20,
        'bagging_fraction': 0.7,
        'bagging_freq': 1,
        'feature_fraction': 0.5,
    }


def _train(settings: dict, x: np.ndarray, groups: Groups, rounds: int) -> lgb.Booster:
    return lgb.train(settings, lgb.Dataset(x, groups.label, group=np.diff(groups.start)), rounds)


def _some(groups: Groups, rows: np.ndarray) -> Groups:
    """Whole groups of them; rows in order."""
    of_row = groups.of_row[rows]
    start = np.append(np.flatnonzero(np.append(True, np.diff(of_row) != 0)), len(rows))
    return replace(groups, label=groups.label[rows], start=start)


def _judged(score: np.ndarray, test: Groups) -> dict:
    return ndcg_intervals(ndcg(score, test.label, test.start))


def _best_single(x: np.ndarray, x_test: np.ndarray, train: Groups, test: Groups, design: Design) -> dict:
    """The input that orders the training groups best on its own, upwards or downwards."""
    _, at, sign = max(_alone(x, train))
    return {f'{design.names[at]} alone': _judged(sign * _known(x_test[:, at]), test)}


def _leaks(train: Groups, design: Design, keep: tuple[str, ...], warnings: list[str]) -> set[str]:
    """Columns that order the training groups all by themselves, unless there are too few groups to say so."""
    rows = np.flatnonzero(np.repeat(_choices(train), np.diff(train.start)))
    some = _some(train, rows)
    if len(some.start) <= LEAST_TOLD:
        return set()
    sure = set()
    for found, at, _ in _alone(design.rows(train.frame)[rows], some):
        name = design.names[at].split('=')[0]
        if found >= SURE and name not in sure:
            sure.add(name)
            kept = '' if name in keep else '; left out'
            warnings.append(f'{name} gives the answer away: it orders the groups alone (NDCG {found:.3f}){kept}')
    return sure - set(keep)


def _choices(groups: Groups) -> np.ndarray:
    """(groups,) whether rows of it have different labels."""
    ends = groups.start[:-1]
    return np.maximum.reduceat(groups.label, ends) > np.minimum.reduceat(groups.label, ends)


def _alone(x: np.ndarray, groups: Groups) -> list[tuple[float, int, int]]:
    """Mean NDCG of every input on its own, upwards and downwards: NDCG, input, sign."""
    return [
        (float(ndcg(sign * _known(column), groups.label, groups.start).mean()), at, sign)
        for at, column in enumerate(x.T)
        for sign in (1, -1)
    ]


def _known(column: np.ndarray) -> np.ndarray:
    return np.where(np.isnan(column), np.float32(-3e38), column)


def _same_columns(frame: pl.DataFrame, wanted: pl.DataFrame) -> pl.DataFrame:
    """A sparse file has no column for what none of its rows has: there it is 0."""
    absent = [name for name in wanted.columns if name not in frame.columns]
    if all(name[:1] == 'f' and name[1:].isdigit() for name in absent):
        return frame.with_columns([pl.lit(0.0).alias(name) for name in absent])
    raise Trouble(f'the test file has no column {", ".join(absent)}')


def _groups(asked: Asked, frame: pl.DataFrame, path: Path) -> Groups:
    if asked.group == asked.label:
        raise Trouble(f'--group {asked.group}: it is the label')
    for option, names in (('--drop', asked.drop), ('--keep', asked.keep)):
        for name in names:
            column(frame, name, option)
    group = column(frame, asked.group, f'{path.name}: the group')
    label = column(frame, asked.label, f'{path.name}: the label')
    if label.null_count() > 0:
        raise Trouble(f'{path}: {label.name} is missing in row {int(label.is_null().arg_max()) + 1}')
    if not label.dtype.is_numeric() and label.dtype != pl.Boolean:
        raise Trouble(f'{path}: {asked.label} is not a number: {label[0]!r}')
    grade = label.cast(pl.Float64).to_numpy()
    wrong = np.flatnonzero((grade < 0) | (grade > DEEPEST) | (grade != np.floor(grade)))
    if len(wrong) > 0:
        raise Trouble(
            f'{path}: {asked.label} is {grade[wrong[0]]:g} in row {wrong[0] + 1}, wanted whole grades 0 to {DEEPEST}'
        )
    names, codes = np.unique(group_codes(group), return_inverse=True)
    sizes = np.bincount(codes)
    if sizes.max() > MOST_ROWS:
        raise Trouble(
            f'{path}: {asked.group} {names[sizes.argmax()]} has {sizes.max()} rows, wanted {MOST_ROWS} at most'
        )
    place = np.argsort(codes, kind='stable')
    start = np.append(0, np.cumsum(sizes))
    return Groups(frame[place], grade[place], start, place)


def _card(name: str, asked: Asked, lead: str, metrics: dict) -> str:
    rows = '\n'.join(
        f'| {key} | {at["value"]:.4f} | {at["low"]:.4f} | {at["high"]:.4f} |' for key, at in metrics.items()
    )
    options = {each: getattr(asked, each) for each in ('table', 'group', 'label', 'test', 'drop', 'keep')}
    again = command('rank', **options)
    return f"""# {name}/1

An order within {asked.group}: {lead} `preference` ranks; `probability` is its sigmoid, no probability of anything.

## Data

{asked.table.name}, graded by {asked.label}.

## Metrics

With 95 % bootstrap intervals over groups; a group without anything relevant counts 1.

| metric | value | low | high |
|---|---|---|---|
{rows}

## Limits

- Its inputs are columns of one table, which the stream does not compute: the scorer refuses them by name.

## Reproduce

`{again}`.
sha256 of model.onnx: `{{sha256}}`.
"""
