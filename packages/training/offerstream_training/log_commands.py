"""The commands of `pnpm train` that read an exported log, or the choice table made of it."""

import argparse
import json
import math
import sys
from pathlib import Path

import numpy as np
import polars as pl

from .choices import Choices, read_choices
from .distribution import distribution_sections, rank_distribution
from .drift import drift, drift_sections
from .output import whole_folder
from .report import document
from .table import column, read_table
from .tables import Asked, tables, told
from .trouble import Trouble


def add_commands(commands: argparse._SubParsersAction, models: Path) -> None:
    """Adds them to the parser."""
    table = commands.add_parser('tables', help='an exported log as a table of who could choose what, and what they did')
    table.add_argument('--export', type=Path, required=True, metavar='DIR', help='what offerstream export wrote')
    table.add_argument('--models', type=Path, default=models, metavar='DIR', help='with the models that served')
    table.add_argument('--kind', default='plan', help='of the items to choose from')
    table.add_argument('--fingerprint', help='of the vectors to take, where the log carries two lists of features')
    table.set_defaults(run=run_tables)

    ranks = commands.add_parser('distribution', help='where accepted offers stood in a ranking, against rejected ones')
    ranks.add_argument('--table', type=Path, required=True, metavar='DIR', help='a choice table')
    ranks.add_argument('--scores', type=Path, metavar='FILE', help='decision, item, score; else the ladder rule alone')
    ranks.set_defaults(run=run_distribution)

    moves = commands.add_parser('drift', help='what moved between two choice tables; exit code 3 when something did')
    moves.add_argument('--reference', type=Path, required=True, metavar='DIR', help='a choice table')
    moves.add_argument('--current', type=Path, required=True, metavar='DIR', help='a later one')
    moves.add_argument('--model', type=Path, metavar='DIR', help="a model's version: its score and its calibration too")
    moves.set_defaults(run=run_drift)
    for command in (table, ranks, moves):
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


def run_distribution(options: argparse.Namespace) -> None:
    """Prints how accepted offers stood in the ranking, beside the ladder rule."""
    choices = read_choices(options.table)
    ladder = -choices.column('price_minor').astype(np.float64)
    ranked = {'ladder rule': rank_distribution(choices, ladder)}
    if options.scores is not None:
        ranked = {'these scores': rank_distribution(choices, read_scores(options.scores, choices)), **ranked}
    out = options.out.resolve()
    with whole_folder(out, {'report.html'}) as making:
        lead = f'Table {options.table}' + ('' if options.scores is None else f', scores {options.scores}')
        page = document('Ranking distribution', lead, distribution_sections(ranked))
        (making / 'report.html').write_text(page)
    for name, each in ranked.items():
        for kind, metrics in (('', each.metrics), (' weighted', each.weighted)):
            print(f'{name}{kind}:', ', '.join(f'{key} {_interval(value)}' for key, value in metrics.items()))
    report = str(out / 'report.html')
    print(f'report {report}')
    if options.json:
        print(json.dumps(plain({'ranked': {name: each.summary() for name, each in ranked.items()}, 'report': report})))


def run_drift(options: argparse.Namespace) -> int:
    """Prints what moved, the worst first; 3 when a limit was passed."""
    found = drift(read_choices(options.reference), read_choices(options.current), options.model)
    out = options.out.resolve()
    over = found.over
    with whole_folder(out, {'report.html'}) as making:
        warnings = [f'over its limit: {name}' for name in over]
        lead = f'From {options.reference} to {options.current}'
        (making / 'report.html').write_text(document('Drift', lead, drift_sections(found), warnings))
    for name, index, limit in found.inputs[:10]:
        print(f'{name}: {index:.4f} of {limit:.4f}{" OVER" if index > limit else ""}')
    for name, rate in found.rates.items():
        print(f'{name}: {_interval(rate)} times{" OVER" if rate["over"] else ""}')
    print(f'{len(over)} over their limit\nreport {out / "report.html"}')
    if options.json:
        print(json.dumps(plain(found.summary() | {'report': str(out / 'report.html')})))
    return 3 if over else 0


def read_scores(path: Path, choices: Choices) -> np.ndarray:
    """(rows,) the `score` of each row of a table, from a file. Raises `Trouble`.

    The file has `decision`, `item` and `score`, or `score` alone in the order of the rows.
    """
    frame = read_table(path, [])
    column(frame, 'score', '--scores')
    if {'decision', 'item'} <= set(frame.columns):
        keys = frame.select(pl.col('decision', 'item').cast(pl.String), pl.col('score').cast(pl.Float64))
        if keys.select(pl.struct('decision', 'item').is_duplicated().any()).item():
            raise Trouble(f'{path} scores an item of a decision twice')
        found = choices.frame.select('decision', 'item').join(
            keys, on=['decision', 'item'], how='left', maintain_order='left'
        )['score']
    else:
        found = frame['score'].cast(pl.Float64)
        if len(found) != choices.frame.height:
            raise Trouble(f'{path} has {len(found)} scores, the table {choices.frame.height} rows')
    if found.null_count() > 0:
        raise Trouble(f'{path} has no score for {found.null_count()} of {len(found)} rows of the table')
    return found.to_numpy()


def plain(found):
    """For JSON: what is not a number is null."""
    if isinstance(found, dict):
        return {name: plain(each) for name, each in found.items()}
    if isinstance(found, list):
        return [plain(each) for each in found]
    return None if isinstance(found, float) and not math.isfinite(found) else found


def _interval(found: dict[str, float]) -> str:
    return f'{found["value"]:.4g} ({found["low"]:.4g} – {found["high"]:.4g})'
