"""The commands of `pnpm train`."""

import argparse
import sys
from pathlib import Path

from .registry import golden_distance, models_in
from .trouble import Trouble

MODELS = Path(__file__).resolve().parents[3] / 'models'


def main(args: list[str]) -> int:
    """Runs one command; returns the exit code. Expected trouble is one line, no traceback."""
    parser = argparse.ArgumentParser(prog='pnpm train', description=__doc__)
    commands = parser.add_subparsers(dest='command', required=True)
    parity = commands.add_parser('parity', help='hold every model of a registry folder against its golden rows')
    parity.add_argument('--models', type=Path, default=MODELS, metavar='FOLDER')
    parity.set_defaults(run=run_parity)
    options = parser.parse_args(args)
    try:
        options.run(options)
    except Trouble as trouble:
        print(f'error: {trouble}', file=sys.stderr)
        return 1
    return 0


def run_parity(options: argparse.Namespace) -> None:
    """Prints a line for each model."""
    for home in models_in(options.models):
        print(f'{home.parent.name}/{home.name}: largest |Δp| {golden_distance(home):.2g}')
