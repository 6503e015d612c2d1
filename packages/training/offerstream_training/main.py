"""The commands of `pnpm train`."""

import argparse
import json
import sys
from pathlib import Path

from . import abplan, classify, explore, rank, upsell_line, upsell_segments
from .log_commands import add_commands as add_log_commands
from .output import model_name, refuse_foreign
from .plans.commands import add_commands as add_plan_commands
from .registry import golden_distance, models_in
from .retrain import command as retrain
from .trouble import Trouble
from .upsell.command import add_commands as add_upsell_commands

ROOT = Path(__file__).resolve().parents[3]
MODELS = ROOT / 'models'


def main(args: list[str]) -> int:
    """Runs one command; returns the exit code. Expected trouble is one line, no traceback."""
    options = _parser().parse_args(args)
    try:
        return options.run(options) or 0
    except Trouble as trouble:
        print(f'error: {trouble}', file=sys.stderr)
        return 1
    except (OSError, MemoryError) as error:
        print(f'error: {error or "not enough memory"}', file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print('interrupted', file=sys.stderr)
        return 130


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog='pnpm train', description=__doc__)
    commands = parser.add_subparsers(dest='command', required=True)

    own = commands.add_parser('classify', help='a calibrated classifier of your own table')
    own.add_argument('--target', required=True, metavar='COL')
    own.add_argument('--group', metavar='COL', help='its rows stay on one side of every split')
    own.add_argument('--time', metavar='COL', help='learn from the earlier, judge on the later')
    own.add_argument('--positive', metavar='V', help='the value of the target that counts')
    own.add_argument('--cost', type=float, help='of contacting somebody')
    own.add_argument('--value', type=float, help='of a positive who is contacted')
    own.set_defaults(run=run_classify)

    ranks = commands.add_parser('rank', help='an order within groups of your own table')
    ranks.add_argument('--group', default='group', metavar='COL')
    ranks.add_argument('--label', default='label', metavar='COL', help='whole grades from 0, the best highest')
    ranks.set_defaults(run=run_rank)

    for command in (own, ranks):
        command.add_argument('--table', type=Path, required=True, metavar='FILE', help='CSV, Parquet or svmlight')
        command.add_argument('--test', type=Path, metavar='FILE', help='judge on these rows')
        command.add_argument('--drop', nargs='+', default=[], metavar='COL')
        command.add_argument('--keep', nargs='+', default=[], metavar='COL', help='though it gives the answer away')
        command.add_argument('--out', type=Path, metavar='FOLDER', help='where results go')
        command.add_argument('--json', action='store_true', help='one object on the last line')

    parity = commands.add_parser('parity', help='hold every model of a registry folder against its golden rows')
    parity.add_argument('--models', type=Path, default=MODELS, metavar='FOLDER')
    parity.set_defaults(run=run_parity)

    abplan.add_command(commands)
    explore.add_command(commands)
    upsell_segments.add_command(commands)
    upsell_line.add_command(commands)
    retrain.add_command(commands, MODELS, ROOT / '.local' / 'training')
    add_plan_commands(commands, ROOT / '.local' / 'training')
    add_log_commands(commands, MODELS)
    add_upsell_commands(commands, ROOT / '.local' / 'training')
    return parser


def run_classify(options: argparse.Namespace) -> None:
    """Prints the metrics beside the baselines."""
    out = _out(options, options.target)
    names = ('table', 'target', 'test', 'group', 'time', 'positive', 'cost', 'value')
    given = {name: getattr(options, name) for name in names}
    asked = classify.Asked(**given, out=out, drop=_columns(options.drop), keep=_columns(options.keep))
    _tell(options, classify.classify(asked, _progress))


def run_rank(options: argparse.Namespace) -> None:
    """Prints NDCG beside the baselines."""
    given = {name: getattr(options, name) for name in ('table', 'group', 'label', 'test')}
    columns = {'drop': _columns(options.drop), 'keep': _columns(options.keep)}
    asked = rank.Asked(**given, out=_out(options, 'rank'), **columns)
    _tell(options, rank.rank(asked, _progress))


def run_parity(options: argparse.Namespace) -> None:
    """Prints a line for each model."""
    for home in models_in(options.models):
        print(f'{home.parent.name}/{home.name}: largest |Δp| {golden_distance(home):.2g}')


def _tell(options: argparse.Namespace, result: dict) -> None:
    for warning in result['warnings']:
        print(f'warning: {warning}', file=sys.stderr)
    for who, metrics in ({'this model': result['metrics']} | result['baselines']).items():
        print(f'{who}:', ', '.join(f'{name} {each["value"]:.4g}' for name, each in metrics.items()))
    print(f'model {result["model"]}\nscores {result["scores"]}\nreport {result["report"]}')
    if options.json:
        print(json.dumps(result))


def _out(options: argparse.Namespace, what: str) -> Path:
    out = (options.out or ROOT / '.local' / 'training' / model_name(options.table, what)).resolve()
    refuse_foreign(out)
    return out


def _columns(given: list[str]) -> tuple[str, ...]:
    """Apart by blanks or by commas."""
    return tuple(name for each in given for name in each.split(',') if name)


def _progress(line: str) -> None:
    print(line, file=sys.stderr, flush=True)
