"""Reads the table, looks at it from every side, and writes one page."""

import argparse
import json
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl

from ..leaks import leaks
from ..output import model_name, refuse_foreign, whole_folder
from ..table import column, group_codes, read_table
from ..target import labels
from ..trouble import Trouble
from .association import components, missing, spearman
from .columns import cleaned, numbers, overview
from .page import Found, explored_page
from .slices import CHANCE, Slices, Target, slices
from .trend import trend

HOME = Path(__file__).resolve().parents[4] / '.local' / 'training'


@dataclass(frozen=True)
class Asked:
    """The command line."""

    table: Path
    out: Path
    target: str | None = None
    positive: str | None = None
    group: str | None = None
    time: str | None = None
    drop: tuple[str, ...] = ()


def add_command(commands) -> None:
    """`explore` among the commands of `pnpm train`."""
    command = commands.add_parser('explore', help='what a table holds, before anything is learnt from it')
    command.add_argument('--table', type=Path, required=True, metavar='FILE', help='CSV, Parquet or svmlight')
    command.add_argument('--target', metavar='COL', help='what is to be foretold: a yes and no, or a number')
    command.add_argument('--positive', metavar='V', help='the value of the target that counts')
    command.add_argument('--group', metavar='COL', help='its rows go together, which widens intervals')
    command.add_argument('--time', metavar='COL', help='show the target over it')
    command.add_argument('--drop', nargs='+', default=[], metavar='COL')
    command.add_argument('--out', type=Path, metavar='FOLDER', help='where the report goes')
    command.add_argument('--json', action='store_true', help='one object on the last line')
    command.set_defaults(run=_run)


def explore(asked: Asked, progress=lambda line: None) -> dict:
    """Looks and writes report.html; returns the object that --json prints. Raises `Trouble`."""
    warnings: list[str] = []
    raw = read_table(asked.table, warnings, infinite=True)
    for name in asked.drop:
        column(raw, name, '--drop')
    raw = raw.drop([name for name in asked.drop if name != asked.target])
    raw, target = _target(asked, raw, warnings)
    frame = cleaned(raw)
    named = {name for name in (asked.target, asked.group, asked.time) if name}
    columns = overview(raw)
    progress(f'{asked.table.name}: {frame.height:,} rows, {frame.width} columns')
    tried = [each.name for each in columns if each.name not in named and each.kind != 'empty' and not each.same_as]
    sliced = [] if target is None else slices(frame, target, tried)
    progress('correlations and missing values')
    names, related = spearman(frame.drop([each.name for each in columns if each.same_as is not None]))
    found = Found(
        asked.table.name,
        columns,
        frame,
        target,
        sliced,
        missing(frame.drop([asked.target] if asked.target else []), target),
        names,
        related,
        components(names, related),
        _suspects(frame, target, asked.time, tried, sliced),
        trend(frame[asked.time], target) if asked.time and target else None,
    )
    with whole_folder(asked.out) as making:
        (making / 'report.html').write_text(explored_page(found, warnings))
    return found.told() | {'report': str(asked.out / 'report.html'), 'warnings': warnings}


def _target(asked: Asked, raw: pl.DataFrame, warnings: list[str]) -> tuple[pl.DataFrame, Target | None]:
    """The rows that have a target, and it."""
    if asked.time is not None:
        column(raw, asked.time, '--time')
    if asked.group is not None:
        column(raw, asked.group, '--group')
    if asked.target is None:
        if asked.positive is not None or asked.time is not None:
            raise Trouble('--positive and --time want a --target')
        return raw, None
    told = cleaned(raw.select(column(raw, asked.target, 'the target')))[asked.target]
    there = told.is_not_null()
    if not there.any():
        raise Trouble(f'{asked.table}: no row has a {asked.target}')
    if not there.all():
        warnings.append(f'{int((~there).sum())} rows without {asked.target} left out')
        raw, told = raw.filter(there), told.filter(there)
    group = None if asked.group is None else np.unique(group_codes(raw[asked.group]), return_inverse=True)[1]
    many = told.dtype.is_numeric() and told.n_unique() > 2 and asked.positive is None
    y = numbers(told) if many else labels(told, asked.positive).astype(np.float64)
    return raw, Target(asked.target, y, group)


def _suspects(
    frame: pl.DataFrame, target: Target | None, time: str | None, tried: list[str], sliced: list[Slices]
) -> list[str]:
    """Columns that may come from the outcome."""
    if target is None:
        return []
    if target.binary:
        told, _ = leaks(frame, target.y, time, tried, set(tried))
        return told
    return [
        f'{each.column} may give the answer away: its slices alone explain {each.explains:.0%} of {target.name}'
        for each in sliced
        if each.explains > 0.95
    ]


def _run(options: argparse.Namespace) -> None:
    out = (options.out or HOME / model_name(options.table, 'explore')).resolve()
    refuse_foreign(out)
    drop = tuple(name for each in options.drop for name in each.split(',') if name)
    given = {name: getattr(options, name) for name in ('table', 'target', 'positive', 'group', 'time')}
    result = explore(Asked(out=out, drop=drop, **given), lambda line: print(line, file=sys.stderr, flush=True))
    for warning in result['warnings']:
        print(f'warning: {warning}', file=sys.stderr)
    print('\n'.join(summary(result)))
    if options.json:
        print(json.dumps(result))


def summary(result: dict) -> list[str]:
    """For the terminal, a line for each thing worth knowing."""
    kinds = [each['kind'] for each in result['columns']]
    counted = ', '.join(f'{kinds.count(kind)} {kind}' for kind in dict.fromkeys(kinds))
    lines = [f'{result["rows"]:,} rows, {len(kinds)} columns ({counted})']
    for what, told in (
        ('always the same', [each['name'] for each in result['columns'] if each['constant']]),
        ('the same as another', [f'{each["name"]} ({each["sameAs"]})' for each in result['columns'] if each['sameAs']]),
        ('say what others say', [' = '.join(each) for each in result['components']]),
    ):
        if told:
            lines.append(f'{what}: {_few(told)}')
    lines += [f'{each["name"]}: {remark}' for each in result['columns'] for remark in each['remarks']]
    target = result['target']
    if target is not None:
        mean = _value(target['mean'], target['binary'])
        ends = ' – '.join(_value(target[end], target['binary']) for end in ('low', 'high'))
        lines.append(
            f'{target["name"]}: {mean} ({ends})' + (f', {target["positives"]:,} positives' if target['binary'] else '')
        )
    for row in result['missing'][:8]:
        against = ''
        if 'tells' in row:
            absent, there = (_value(row[side][0], target['binary']) for side in ('missing', 'known'))
            against = f'; {absent} where missing, {there} where known'
            against += '' if row['tells'] else ', no more than chance'
        lines.append(f'missing {row["share"]:.1%}: {row["column"]}{against}')
    if target is not None:
        sure = [each for each in result['slices'] if each['chance'] < CHANCE]
        lines.append(f'{len(sure)} of {len(result["slices"])} columns go with {target["name"]} beyond chance')
        for each in sure[:10]:
            ordered = sorted(each['slices'], key=lambda row: row['mean'])
            ends = [f'{_value(row["mean"], target["binary"])} ({row["slice"]})' for row in (ordered[0], ordered[-1])]
            lines.append(f'  {each["column"]}: from {ends[0]} to {ends[1]}, explains {each["explains"]:.2%}')
    if result['trend'] is not None:
        over = result['trend']
        said = (
            'no trend beyond chance'
            if over['chance'] > CHANCE
            else f'changes by {_value(over["change"], target["binary"])}'
        )
        lines.append(f'over {len(over["periods"])} periods: {said}')
    lines += [f'leak? {told}' for told in result['leaks']]
    return [*lines, f'report {result["report"]}']


def _few(told: list[str], most: int = 8) -> str:
    return ', '.join(told[:most]) + (f' and {len(told) - most} more' if len(told) > most else '')


def _value(value: float, share: bool) -> str:
    return f'{value:.2%}' if share else f'{value:.4g}'
