"""`pnpm train retrain plans`, off the command line."""

import argparse
import json
import sys
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

from ..choices import Choices, read_choices
from ..output import refuse_foreign
from ..plans.fit import fit
from ..tables import Asked as TablesAsked
from ..tables import tables
from ..trouble import Trouble
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
    source = plans.add_mutually_exclusive_group(required=True)
    source.add_argument('--table', type=Path, metavar='DIR', help='a choice table')
    source.add_argument('--export', type=Path, metavar='DIR', help='what offerstream export wrote')
    plans.add_argument('--models', type=Path, default=models, metavar='FOLDER', help='the registry folder')
    plans.add_argument('--name', default='plan-ranker', help='of the model (plan-ranker)')
    who = plans.add_mutually_exclusive_group()
    who.add_argument('--champion', metavar='VERSION', help='the newest unless given; the ladder rule where none is')
    who.add_argument('--playbook', type=Path, metavar='FILE', help='of playbook get --json: its champion')
    plans.add_argument('--judge-months', type=int, default=1, metavar='N', help='the last ones (1)')
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
    for option in ('judge_months', 'weeks', 'loss_margin', 'value_margin'):
        least = 0 if option.endswith('margin') else 1
        if not getattr(options, option) >= least:
            raise Trouble(f'--{option.replace("_", "-")} is {getattr(options, option):g}, wanted {least} at least')
    limits = Limits(loss=options.loss_margin, value=options.value_margin)
    champion = options.champion if options.playbook is None else champion_of(options.playbook, options.name)
    given = (champion, options.reward, options.weeks, options.judge_months)
    asked = Asked(options.models, options.name, out, *given, limits)
    try:
        decision = retrain(asked, lambda: _choices(options), fit, now, _progress)
    except Held as held:
        print(f'locked: {held}', file=sys.stderr)
        return 4
    print('\n'.join(told(decision, out)))
    if options.json:
        print(json.dumps(decision))
    return 0 if decision['promoted'] else 3


def _choices(options: argparse.Namespace) -> Choices:
    if options.table is not None:
        return read_choices(options.table)
    with TemporaryDirectory() as folder:
        tables(TablesAsked(options.export, Path(folder) / 'table', options.models), _progress)
        return read_choices(Path(folder) / 'table')


def champion_of(playbook: Path, name: str) -> str:
    """The version that serves, by what `offerstream playbook get --json` printed. Raises `Trouble`."""
    try:
        records = json.loads(playbook.read_text().strip().splitlines()[-1])['records']
        of_name = [each for each in records if each['type'] == 'model' and each['name'] == name]
        found = [each['version'] for each in of_name if each['stage'] == 'champion']
    except (OSError, ValueError, KeyError, IndexError, TypeError) as error:
        raise Trouble(f'{playbook} is not what playbook get --json prints: {error!r}') from None
    if len(found) != 1:
        raise Trouble(f'{playbook} has {len(found)} champions called {name}, wanted one; name it with --champion')
    return found[0]


def _progress(line: str) -> None:
    print(line, file=sys.stderr, flush=True)
