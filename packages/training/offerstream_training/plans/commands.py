"""`pnpm train plans`, `judge-plans` and `bayes-plans`, off the command line."""

import argparse
import json
import sys
from pathlib import Path

from ..output import refuse_foreign
from .bayes import fit_bayes
from .fit import RESULTS, fit_plans
from .judge import judge
from .models import MODELS, Model, by_name


def add_commands(commands: argparse._SubParsersAction, results: Path) -> None:
    """Among the subparsers. results: where folders go unless told."""
    plans = commands.add_parser('plans', help='the plan ranker: all models of choice tables, the chosen one written')
    plans.add_argument('--table', type=Path, nargs='+', required=True, metavar='DIR', help='choice tables')
    plans.add_argument('--out', type=Path, default=results / 'plans', metavar='DIR', help='where results go')
    plans.add_argument('--name', default='plan-ranker', help='of the model (plan-ranker)')
    plans.add_argument('--version', default='1', help='of the model (1)')
    plans.set_defaults(run=_plans)

    world = commands.add_parser('judge-plans', help='all plan rankers on a simulated world, against its truth')
    world.add_argument('--world', type=Path, required=True, metavar='DIR', help='a choice table with its oracle')
    world.add_argument('--bayes', type=Path, metavar='FILE', help='what bayes-plans wrote')
    world.set_defaults(run=_judge)
    for command in (plans, world):
        names = [each.name for each in MODELS]
        command.add_argument(
            '--model', nargs='+', choices=names, metavar='NAME', help=f'only these: {", ".join(names)}'
        )

    bayes = commands.add_parser('bayes-plans', help='the best from what is observed, by the truth of other worlds')
    bayes.add_argument('--worlds', type=Path, nargs='+', required=True, metavar='DIR')
    bayes.add_argument('--out', type=Path, required=True, metavar='FILE')
    bayes.add_argument('--most', type=int, default=20_000, metavar='N', help='offers a month and world (20000)')
    bayes.add_argument('--trees', type=int, default=600, metavar='N', help='at most (600)')
    bayes.set_defaults(run=_bayes)
    for command in (plans, world, bayes):
        command.add_argument('--json', action='store_true', help='one object on the last line')


def _plans(options: argparse.Namespace) -> None:
    out = options.out.resolve()
    refuse_foreign(out, RESULTS)
    result = fit_plans(options.table, out, options.name, options.version, _models(options), _progress)
    for who, metrics in result['models'].items():
        print(f'{who}:', ', '.join(f'{name} {value:.4g}' for name, value in metrics.items()))
    print(f'chosen: {result["chosen"]}\nmodel {result["model"]}\nreport {result["report"]}')
    _tell(options, result)


def _judge(options: argparse.Namespace) -> None:
    result = judge(options.world, options.bayes, _models(options), progress=_progress)
    for name, value in result['metrics'].items():
        if name.endswith(('OverLadder', 'OverSinglePlan', 'OverTruestPlan', 'OfBayes', 'OfFullInformation')):
            low, high = result['metrics'][f'{name}Low'], result['metrics'][f'{name}High']
            print(f'{name} {value:.3f} ({low:.3f} to {high:.3f})')
    print('\n'.join(result['notes']))
    _tell(options, result)


def _bayes(options: argparse.Namespace) -> None:
    found = fit_bayes(options.worlds, options.most, options.trees, _progress)
    found.write(options.out)
    _tell(options, {'trees': found.booster.best_iteration, 'inputs': len(found.names), 'out': str(options.out)})


def _models(options: argparse.Namespace) -> list[Model]:
    """Those asked for, and always the baselines."""
    return list(MODELS) if options.model is None else by_name(options.model)


def _tell(options: argparse.Namespace, result: dict) -> None:
    if options.json:
        print(json.dumps(result))


def _progress(line: str) -> None:
    print(line, file=sys.stderr, flush=True)
