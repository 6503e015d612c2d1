"""The commands of `pnpm train` that read an exported log, or the choice table made of it."""

import argparse
import json
import sys
from pathlib import Path

from .tables import Asked, tables, told


def add_commands(commands: argparse._SubParsersAction, models: Path) -> None:
    """Adds them to the parser."""
    table = commands.add_parser('tables', help='an exported log as a table of who could choose what, and what they did')
    table.add_argument('--export', type=Path, required=True, metavar='DIR', help='what offerstream export wrote')
    table.add_argument('--models', type=Path, default=models, metavar='DIR', help='with the models that served')
    table.add_argument('--kind', default='plan', help='of the items to choose from')
    table.add_argument('--fingerprint', help='of the vectors to take, where the log carries two lists of features')
    table.set_defaults(run=run_tables)
    for command in (table,):
        command.add_argument('--out', type=Path, required=True, metavar='DIR')
        command.add_argument('--json', action='store_true', help='one object on the last line')


def run_tables(options: argparse.Namespace) -> None:
    """Prints the counts."""
    asked = Asked(options.export, options.out.resolve(), options.models, options.kind, options.fingerprint)
    result = tables(asked, _progress)
    _warn(result['warnings'])
    print('\n'.join(told(result)))
    if options.json:
        print(json.dumps(result))


def _warn(warnings: list[str]) -> None:
    for warning in warnings:
        print(f'warning: {warning}', file=sys.stderr)


def _progress(line: str) -> None:
    print(line, file=sys.stderr, flush=True)
