"""`pnpm train judge-plans`: every model on a simulated world, held against what is known of it."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter

import numpy as np

from .bayes import Bayes
from .harness import Candidate, chosen, walk_forward
from .judging import Resampled, Truth, out_of_time, read_truth
from .log import Log, places, read_log
from .models import MODELS, Model


@dataclass(frozen=True)
class Judged:
    """Candidates by name, and the values of their picks, (groups,) each, on the judged offers."""

    log: Log
    """The judged offers."""
    after: Log
    """All that happened in the judged months."""
    truth: Truth
    candidates: dict[str, Candidate]
    chosen: str
    values: dict[str, np.ndarray]


def judge(
    world: Path,
    bayes: Path | None = None,
    models: Sequence[Model] = MODELS,
    most: int = 15_000,
    progress: Callable[[str], None] = lambda line: None,
) -> dict:
    """The object that --json prints: flat metrics, seconds and notes. Fits on three quarters of the months."""
    began = perf_counter()
    judged = judged_world(world, models, most, progress)
    log, values = judged.log, judged.values
    metrics: dict[str, float] = {}
    ours = values[judged.chosen]
    values = values | {'chosen': ours}
    if bayes is not None:
        values['bayes'] = judged.truth.values(Bayes.read(bayes).score(log.choices), log)
    resampled = Resampled(log)
    for name, value in values.items():
        short = key(name)
        metrics[f'{short}Value'] = float(np.average(value, weights=log.weight))
        for other, base in (
            ('OverLadder', 'ladder'),
            ('OverSinglePlan', 'single plan'),
            ('OfBayes', 'bayes'),
            ('OverTruestPlan', 'truest plan'),
            ('OfFullInformation', 'full information'),
        ):
            if base in values:
                metrics |= _flat(f'{short}{other}', resampled.ratio(value, values[base]))
    for name, candidate in judged.candidates.items():
        found = out_of_time(candidate, judged.after)
        metrics |= {f'{key(name)}{what[0].upper()}{what[1:]}': value for what, value in found.items()}
    metrics |= {
        f'chosen{what[0].upper()}{what[1:]}': value
        for what, value in out_of_time(judged.candidates[judged.chosen], judged.after).items()
    }
    notes = [
        f'chosen: {judged.chosen}, by the order of preference and the answers of the last month before the judged ones',
        f'{len(log.offer)} groups judged, months from {int(log.month.min())} on',
    ]
    return {'metrics': metrics, 'seconds': round(perf_counter() - began, 1), 'notes': notes, 'chosen': judged.chosen}


def judged_world(
    world: Path, models: Sequence[Model], most: int, progress: Callable[[str], None] = lambda line: None
) -> Judged:
    """Fits walk-forward and values the picks of the judged months, those with the truth's own beside them."""
    log = read_log([world], most)
    months = np.unique(log.month)
    until = int(months[max(len(months) * 3 // 4, min(2, len(months) - 1))])
    candidates = {each.name: each for each in walk_forward(log, until, models, progress)}
    after = log.part(log.month >= until)
    test = after.part(after.offer)
    truth = read_truth(world, test)
    values = {name: truth.values(each.scorer.score(test.choices), test) for name, each in candidates.items()}
    values['truest plan'] = _truest_plan(truth, test)
    values['full information'] = truth.values(truth.accept, test)
    return Judged(test, after, truth, candidates, chosen(list(candidates.values())).name, values)


def _truest_plan(truth: Truth, test: Log) -> np.ndarray:
    """(groups,) of the single plan that was in truth worth most in these very months: nobody could have known it."""
    items = test.choices.frame['item'].to_numpy()
    tried = [truth.values(np.where(items == item, 1.0, -1.0 - places(test.choices)), test) for item in np.unique(items)]
    return max(tried, key=lambda each: float(np.average(each, weights=test.weight)))


def key(name: str) -> str:
    """`single plan` as `singlePlan`."""
    head, *rest = re.split(r'[ _]', name)
    return head + ''.join(each.capitalize() for each in rest)


def _flat(name: str, found: dict[str, float]) -> dict[str, float]:
    return {name: found['value'], f'{name}Low': found['low'], f'{name}High': found['high']}
