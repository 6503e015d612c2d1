"""`pnpm train upsell` and `pnpm train judge-upsell`, off the command line."""

import argparse
import json
import math
import sys
from pathlib import Path

from ..metrics import Money
from ..output import model_name, refuse_foreign
from .fit import OWN_RESULTS, Asked, upsell
from .judge import Asked as JudgeAsked
from .judge import judge
from .models import MODELS
from .tuning import OBJECTIVES


def add_commands(commands, results: Path) -> None:
    """Both among the subparsers. results: where folders go unless named."""
    own = commands.add_parser('upsell', help='six models of a table with a column a month, tuned, and one to serve')
    own.add_argument('--table', type=Path, required=True, metavar='FILE', help='CSV or Parquet')
    own.add_argument('--target', required=True, metavar='COL')
    own.add_argument('--positive', metavar='V', help='the value of the target that counts')
    own.add_argument('--test', type=Path, metavar='FILE', help='judge on these rows')
    own.add_argument('--group', metavar='COL', help='its rows stay on one side of every split')
    own.add_argument('--time', metavar='COL', help='learn from the earlier, judge on the later')
    own.add_argument('--drop', nargs='+', default=[], metavar='COL')
    own.add_argument('--keep', nargs='+', default=[], metavar='COL', help='though it gives the answer away')
    own.add_argument('--schema', type=Path, metavar='FILE', help='JSON: which column means what')
    own.add_argument('--models', default=','.join(MODELS), metavar='A,B', help='(%(default)s)')
    own.add_argument('--trials', type=int, default=150, metavar='N', help='of Optuna for each model (150)')
    own.add_argument('--minutes', type=float, metavar='M', help='for the trials of all models together')
    own.add_argument('--tune-on', choices=OBJECTIVES, default=OBJECTIVES[0], help='(%(default)s)')
    own.add_argument('--seed', type=int, default=0, metavar='N', help='of the trials (0)')
    own.add_argument('--cost', type=float, help='of contacting somebody')
    own.add_argument('--value', type=float, help='of a positive who is contacted')
    own.add_argument('--out', type=Path, metavar='FOLDER', help='where results go')
    own.add_argument('--json', action='store_true', help='one object on the last line')
    own.set_defaults(run=lambda options: _upsell(options, results))

    ceiling = commands.add_parser('judge-upsell', help='models of a simulated table beside what Bayes would say')
    ceiling.add_argument('--table', type=Path, required=True, metavar='FILE', help='or a folder of Parquet files')
    ceiling.add_argument('--oracle', type=Path, required=True, metavar='FILE', help='or a folder: row and bayes')
    ceiling.add_argument('--preset', required=True, choices=('A', 'B', 'C', 'null'))
    ceiling.add_argument('--target', default='bought', metavar='COL', help='(%(default)s)')
    ceiling.add_argument('--models', default=','.join(MODELS), metavar='A,B', help='(%(default)s)')
    ceiling.add_argument('--held-out', type=int, default=200_000, metavar='N', help='rows, the last (200000)')
    ceiling.add_argument('--cost', type=float, default=1.0, help='of contacting somebody (1)')
    ceiling.add_argument('--value', type=float, default=10.0, help='of a positive who is contacted (10)')
    ceiling.add_argument('--json', action='store_true', help='one object on the last line')
    ceiling.set_defaults(run=_judge)


def _upsell(options: argparse.Namespace, results: Path) -> None:
    """Prints the models' metrics on the hold-out."""
    out = (options.out or results / model_name(options.table, options.target)).resolve()
    refuse_foreign(out, OWN_RESULTS)
    names = ('table', 'target', 'test', 'group', 'time', 'positive', 'cost', 'value', 'trials', 'minutes', 'schema')
    given = {name: getattr(options, name) for name in names}
    asked = Asked(
        **given,
        out=out,
        drop=_names(options.drop),
        keep=_names(options.keep),
        models=_names([options.models]),
        objective=options.tune_on,
        seed=options.seed,
    )
    result = upsell(asked, _progress)
    for warning in result['warnings']:
        print(f'warning: {warning}', file=sys.stderr)
    for who, metrics in result['models'].items():
        print(f'{who}:', ', '.join(f'{name} {each["value"]:.4g}' for name, each in metrics.items()))
    print(f'chosen {result["chosen"]}\nmodel {result["model"]}\ntrials {result["trials"]}\nreport {result["report"]}')
    if options.json:
        print(json.dumps(result))


def _judge(options: argparse.Namespace) -> None:
    """Prints what was reached beside the ceiling."""
    asked = JudgeAsked(
        options.table,
        options.oracle,
        options.preset,
        options.target,
        options.held_out,
        _names([options.models]),
        Money(options.cost, options.value),
    )
    result = judge(asked, _progress)
    for name, value in result['metrics'].items():
        print(f'{name} {value:.5g}')
    for note in result['notes']:
        print(f'note: {note}', file=sys.stderr)
    if options.json:
        known = {name: value if math.isfinite(value) else None for name, value in result['metrics'].items()}
        print(json.dumps(result | {'metrics': known}))


def _names(given: list[str]) -> tuple[str, ...]:
    """Apart by blanks or by commas."""
    return tuple(name for each in given for name in each.split(',') if name)


def _progress(line: str) -> None:
    print(line, file=sys.stderr, flush=True)
