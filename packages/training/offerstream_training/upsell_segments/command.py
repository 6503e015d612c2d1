"""Fits one model for everybody, one for each segment of each column, and stacks of them; judges all on a hold-out."""

import argparse
import json
import sys
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path

import numpy as np
import polars as pl

from ..classify import Asked as Classified
from ..classify import enough, money_of, parts_of, split_rows
from ..leaks import leaks
from ..metrics import auc
from ..output import model_name, refuse_foreign, whole_folder
from ..splits import Part
from ..table import column
from ..trouble import Trouble
from ..upsell.features import features
from ..upsell.models import MODELS, Maker, Settings, installed
from ..upsell.schema import schema_of
from .agreement import agreement
from .cuts import LEAST, Cuts, cuts
from .judging import Candidate, candidate, judged
from .margins import Sides, by_segment, own_margins, pooled, shrunk, weight
from .page import segments_page
from .stack import ridge_stack

HOME = Path(__file__).resolve().parents[4] / '.local' / 'training'
FOLDS = 5
SETTINGS: dict[str, Settings] = {
    'lightgbm': {'rounds': 120, 'rate': 0.06, 'leaves': 6, 'least': 60, 'l2': 10.0, 'columns': 0.5, 'rows': 0.8},
    'hist': {'rounds': 120, 'rate': 0.06, 'leaves': 6, 'least': 60, 'l2': 10.0, 'columns': 0.5},
    'forest': {'trees': 100, 'leaves': 64, 'least': 20, 'columns': 0.2},
}
"""Small models: a segment has a fraction of the rows."""


@dataclass(frozen=True)
class Asked:
    """The command line: what `classify` is asked for, and the columns that segments are of."""

    rows: Classified
    by: tuple[str, ...]
    models: tuple[str, ...] = ('lightgbm', 'forest')
    """The first is judged; the others stand beside it where agreement is measured."""
    edges: dict[str, list[float]] | None = None
    count: int = 4
    least: int = LEAST


def add_command(commands) -> None:
    """`segments` among the commands of `pnpm train`."""
    command = commands.add_parser('segments', help='a model for each segment beside one for everybody, and stacks')
    command.add_argument('--table', type=Path, required=True, metavar='FILE', help='CSV, Parquet or svmlight')
    command.add_argument('--target', required=True, metavar='COL')
    command.add_argument('--by', required=True, metavar='COL,COL', help='two columns or more, a number each')
    command.add_argument('--model', default='lightgbm,forest', metavar='NAMES', help=f'of {", ".join(MODELS)}')
    command.add_argument('--segments', type=int, default=4, metavar='N', help='of equally many rows a column')
    command.add_argument('--edges', nargs='+', default=[], metavar='COL=A,B', help='cut a column there instead')
    command.add_argument('--least', type=int, default=LEAST, metavar='N', help='positives that a segment has at least')
    command.add_argument('--group', metavar='COL', help='its rows stay on one side of every split')
    command.add_argument('--time', metavar='COL', help='learn from the earlier, judge on the later')
    command.add_argument('--positive', metavar='V', help='the value of the target that counts')
    command.add_argument('--test', type=Path, metavar='FILE', help='judge on these rows')
    command.add_argument('--drop', nargs='+', default=[], metavar='COL')
    command.add_argument('--cost', type=float, help='of contacting somebody')
    command.add_argument('--value', type=float, help='of a positive who is contacted')
    command.add_argument('--out', type=Path, metavar='FOLDER', help='where results go')
    command.add_argument('--json', action='store_true', help='one object on the last line')
    command.set_defaults(run=_run)


def segments(asked: Asked, progress=lambda line: None) -> dict:
    """Fits, judges and writes; returns the object that --json prints. Raises `Trouble`."""
    warnings: list[str] = []
    main, *beside = _makers(asked.models)
    train, test = split_rows(asked.rows, warnings)
    enough(asked.rows, train, test)
    money = money_of(asked.rows)
    cut = _cut(asked, train.frame, train.y)
    named = {asked.rows.target, *asked.rows.drop} | {each for each in (asked.rows.group, asked.rows.time) if each}
    tried = [name for name in train.frame.columns if name not in named]
    told, sure = leaks(train.frame, train.y, asked.rows.time, tried, set())
    warnings += told
    schema = schema_of(train.frame, named | sure, warnings)
    x, x_test = features(train.frame, schema)[0], features(test.frame, schema)[0]
    progress(f'{len(train.y)} training rows, {len(test.y)} test rows, {x.shape[1]} inputs')

    parts = parts_of(train, min(FOLDS, int(min(train.y.sum(), (1 - train.y).sum())) // 3))
    base = pooled(main, x, train.y, x_test, parts)
    progress(f'{main.name} for everybody')
    own: dict[str, Sides] = {}
    drawn: dict[str, Sides] = {}
    found: list[dict] = []
    others: dict[str, dict[str, np.ndarray]] = {}
    for each in cut:
        code = (each.of(_values(train.frame, each.column)), each.of(_values(test.frame, each.column)))
        own[each.column] = by_segment(main, x, train.y, x_test, parts, code, base)
        drawn[each.column], strength = shrunk(train.y, code, own[each.column], base)
        progress(f'{main.name} by {each.column}: {len(each.names)} segments, shrunk with strength {strength:g}')
        others[each.column] = {
            f'{maker.name} by {each.column}': own_margins(maker, x, train.y, code[0], x_test, code[1], base.new)
            for maker in beside
        }
        found.append(_told(each, code, train.y, test.y, own[each.column], base, strength))

    candidates = [candidate('pooled', base, train.y, money)]
    candidates += [candidate(f'by {name}', each, train.y, money) for name, each in own.items()]
    candidates += [candidate(f'by {name}, shrunk', each, train.y, money) for name, each in drawn.items()]
    stacked, weights = _stacks(own, train.y, parts)
    candidates += [candidate(name, each, train.y, money) for name, each in stacked.items()]
    progress(f'judging {len(candidates)} candidates')
    metrics, against = judged(candidates, test.y, test.group, money)
    agreements = _agreements(cut, test.frame, candidates[: len(cut) + 1], others)
    result = {
        'rows': len(train.y) + len(test.y),
        'testRows': len(test.y),
        'positives': int(train.y.sum() + test.y.sum()),
        'model': main.name,
        'metrics': metrics,
        'againstPooled': against,
        'thresholds': {each.name: each.threshold for each in candidates},
        'segments': found,
        'stacks': weights,
        'agreement': agreements,
    }
    with whole_folder(asked.rows.out) as making:
        scores = {'row': test.place, 'label': test.y} | {each.name: each.probability for each in candidates}
        pl.DataFrame(scores).write_csv(making / 'scores.csv')
        name = model_name(asked.rows.table, f'{asked.rows.target}-segments')
        (making / 'report.html').write_text(segments_page(name, result, candidates, test.y, warnings))
    where = {'scores': str(asked.rows.out / 'scores.csv'), 'report': str(asked.rows.out / 'report.html')}
    return _without_nan(result) | where | {'warnings': warnings}


def _stacks(
    own: dict[str, Sides], y: np.ndarray, parts: list[Part]
) -> tuple[dict[str, Sides], dict[str, dict[str, float]]]:
    """A Ridge stack of every two or more segmentations, and its weights by column."""
    stacked: dict[str, Sides] = {}
    weights: dict[str, dict[str, float]] = {}
    for size in range(2, len(own) + 1):
        for some in combinations(own, size):
            name = f'stack {" + ".join(some)}'
            stacked[name], fitted = ridge_stack([own[each] for each in some], y, parts)
            weights[name] = dict(zip(some, fitted.tolist(), strict=True))
    return stacked, weights


def _without_nan(told):
    """JSON has no word for what is not a number: null."""
    if isinstance(told, dict):
        return {key: _without_nan(each) for key, each in told.items()}
    if isinstance(told, list):
        return [_without_nan(each) for each in told]
    return None if isinstance(told, float) and np.isnan(told) else told


def _makers(names: tuple[str, ...]) -> list[Maker]:
    for name in names:
        if name not in installed():
            raise Trouble(f'--model {name}: wanted some of {", ".join(installed())}')
    return [MODELS[name].having(**SETTINGS.get(name, {})) for name in names]


def _cut(asked: Asked, frame: pl.DataFrame, y: np.ndarray) -> list[Cuts]:
    edges = asked.edges or {}
    if len(set(asked.by)) < 2:
        raise Trouble(f'--by {",".join(asked.by)}: wanted two columns or more')
    for name in edges:
        if name not in asked.by:
            raise Trouble(f'--edges {name}: it is not among --by {",".join(asked.by)}')
    if asked.count < 2:
        raise Trouble(f'--segments {asked.count}: wanted two or more')
    out = []
    for name in asked.by:
        if name in (asked.rows.target, *asked.rows.drop):
            raise Trouble(f'--by {name}: it is the target or dropped')
        column(frame, name, '--by')
        out.append(cuts(name, _values(frame, name), y, edges.get(name), asked.count, asked.least))
    return out


def _values(frame: pl.DataFrame, name: str) -> np.ndarray:
    series = frame[name]
    if not series.dtype.is_numeric():
        raise Trouble(f'--by {name}: it holds no numbers but {series.drop_nulls()[0]!r}')
    return series.cast(pl.Float64).to_numpy()


def _told(
    each: Cuts,
    code: tuple[np.ndarray, np.ndarray],
    y: np.ndarray,
    y_test: np.ndarray,
    own: Sides,
    base: Sides,
    strength: float,
) -> dict:
    """What each segment holds, and how its own model and the pooled one order its rows of the hold-out."""
    rows = []
    for at, name in enumerate(each.names):
        here, there = code[0] == at, code[1] == at
        both = there.any() and y_test[there].min() < y_test[there].max()
        positives = int(y[here].sum())
        rows.append(
            {
                'name': name,
                'rows': int(here.sum()),
                'positives': positives,
                'testRows': int(there.sum()),
                'testPositives': int(y_test[there].sum()),
                'weight': float(weight(np.array([positives]), strength)[0]),
                'aucOwn': auc(y_test[there], own.new[there]) if both else None,
                'aucPooled': auc(y_test[there], base.new[there]) if both else None,
            }
        )
    return {
        'column': each.column,
        'strength': None if np.isinf(strength) else strength,
        'rows': rows,
        'withoutSegment': int((code[1] < 0).sum()),
    }


def _agreements(
    cut: list[Cuts], frame: pl.DataFrame, candidates: list[Candidate], others: dict[str, dict[str, np.ndarray]]
) -> list[dict]:
    """Inside each segment of each column: the pooled model, the segmentations, and other kinds of model by it.

    Another kind of model decides as many as the segmentation by the same column does.
    """
    out = []
    for each in cut:
        code = each.of(_values(frame, each.column))
        mine = next(one for one in candidates if one.name == f'by {each.column}')
        margins = {one.name: one.margin for one in candidates} | others[each.column]
        chosen = {one.name: one.chosen for one in candidates}
        for name, margin in others[each.column].items():
            taken = int(mine.chosen.sum())
            chosen[name] = np.isin(np.arange(len(margin)), np.argsort(-margin, kind='stable')[:taken])
        for at, name in enumerate(each.names):
            rows = code == at
            if rows.sum() > 1:
                inside = [{who: values[rows] for who, values in side.items()} for side in (margins, chosen)]
                out.append({'segment': name, 'rows': int(rows.sum()), 'pairs': agreement(*inside)})
    return out


def _run(options: argparse.Namespace) -> None:
    out = (options.out or HOME / model_name(options.table, f'{options.target}-segments')).resolve()
    refuse_foreign(out)
    names = ('table', 'target', 'test', 'group', 'time', 'positive', 'cost', 'value')
    given = {name: getattr(options, name) for name in names}
    rows = Classified(**given, out=out, drop=_listed(options.drop))
    asked = Asked(
        rows, _listed([options.by]), _listed([options.model]), _edges(options.edges), options.segments, options.least
    )
    result = segments(asked, lambda line: print(line, file=sys.stderr, flush=True))
    for warning in result['warnings']:
        print(f'warning: {warning}', file=sys.stderr)
    for name, metrics in result['metrics'].items():
        told = (
            f'{name}: AUC {metrics["auc"]["value"]:.4f}, average precision {metrics["averagePrecision"]["value"]:.4f}'
        )
        gap = result['againstPooled'].get(name)
        if gap is not None:
            told += ', to pooled {value:+.4f} ({low:+.4f} – {high:+.4f})'.format(**gap['averagePrecision'])
        print(told)
    print(f'scores {result["scores"]}\nreport {result["report"]}')
    if options.json:
        print(json.dumps(result))


def _listed(given: list[str]) -> tuple[str, ...]:
    return tuple(name for each in given for name in each.split(',') if name)


def _edges(given: list[str]) -> dict[str, list[float]]:
    out = {}
    for each in given:
        name, _, numbers = each.partition('=')
        try:
            out[name] = [float(number) for number in numbers.split(',')]
        except ValueError:
            raise Trouble(f'--edges {each}: wanted COL=NUMBER,NUMBER') from None
    return out
