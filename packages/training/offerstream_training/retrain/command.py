"""`pnpm train retrain plans`, off the command line."""

import argparse
import json
import sys
from datetime import UTC, datetime
from pathlib import Path

from ..choices import read_choices
from ..output import refuse_foreign
from .fit import fit
from .gate import Limits
from .lock import Held
from .run import RESULTS, Asked, retrain, told

CODES = (
    'exit codes: 0 a version is proposed; 3 the gate refused it, the champion stays; 4 another run holds the lock; '
    '1 trouble'
)


def add_command(commands, models: Path, results: Path) -> None:
    """`retrain plans` among the subparsers. models: the registry folder unless given; results: where folders go."""
    limits = Limits()
    what = commands.add_parser('retrain', help='a challenger against the champion, unattended', epilog=CODES)
    plans = what.add_subparsers(dest='what', required=True).add_parser('plans', help='the plan ranker', epilog=CODES)
    plans.add_argument('--table', type=Path, required=True, metavar='DIR', help='a choice table')
    plans.add_argument('--models', type=Path, default=models, metavar='FOLDER', help='the registry folder')
    plans.add_argument('--name', default='plan-ranker', help='of the model (plan-ranker)')
    plans.add_argument('--champion', metavar='VERSION', help='the newest unless given; the ladder rule where none is')
    plans.add_argument('--reward', choices=('accepted', 'margin'), default='accepted', help='what a policy is worth')
    plans.add_argument(
        '--loss-margin', type=float, default=limits.loss, metavar='X', help='share of the log-loss (%(default)s)'
    )
    plans.add_argument(
        '--value-margin', type=float, default=limits.value, metavar='X', help='share of the value (%(default)s)'
    )
    plans.add_argument('--weeks', type=int, default=8, metavar='N', help='that a canary may take (8)')
    plans.add_argument('--out', type=Path, metavar='DIR', help='where decision and report go')
    plans.add_argument('--json', action='store_true', help='one object on the last line')
    plans.set_defaults(run=lambda options: _run(options, results))


def _run(options: argparse.Namespace, results: Path) -> int:
    now = datetime.now(UTC).replace(microsecond=0)
    out = (options.out or results / f'{options.name}-{now:%Y%m%dT%H%M%S}').resolve()
    refuse_foreign(out, RESULTS)
    limits = Limits(loss=options.loss_margin, value=options.value_margin)
    asked = Asked(options.models, options.name, out, options.champion, options.reward, options.weeks, limits)
    try:
        decision = retrain(asked, lambda: read_choices(options.table), fit, now, _progress)
    except Held as held:
        print(f'locked: {held}', file=sys.stderr)
        return 4
    print('\n'.join(told(decision, out)))
    if options.json:
        print(json.dumps(decision))
    return 0 if decision['promoted'] else 3


def _progress(line: str) -> None:
    print(line, file=sys.stderr, flush=True)
