"""A challenger fitted, held against the champion on the month after, and written when the gate lets it through."""

import hashlib
import json
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from datetime import datetime
from pathlib import Path

import numpy as np

from ..abplan import Asked as PlanAsked
from ..abplan import ab_plan, plan_text
from ..choices import Choices
from ..contract import Fitted, check, write_model
from ..output import whole_folder
from ..trouble import Trouble
from .canary import canary_of
from .card import card
from .champion import Graph, Ladder, Scorer, Scores, fresh, served
from .gate import Check, Limits, Moved, gate
from .lock import held
from .moved import moved
from .report import retrain_report
from .value import Compared, compared
from .versions import next_version, sweep, version_of, versions

Fit = Callable[[Choices, list[int]], Fitted]
"""Of a choice table that holds nothing after these months."""

RESULTS = {'decision.json', 'report.html', 'shadow.json', 'canary.json'}
WEEK = 7 * 86_400_000


@dataclass(frozen=True)
class Asked:
    """The command line."""

    models: Path
    name: str
    out: Path
    champion: str | None = None
    """Its version; the newest unless given."""
    reward: str = 'accepted'
    weeks: int = 8
    """That a canary may take."""
    limits: Limits = field(default_factory=Limits)


@dataclass(frozen=True)
class Judged:
    """Everything the gate went by."""

    months: list[int]
    month: int
    champion: Scorer
    challenger: Graph
    compared: Compared
    drift: list[Moved]
    score: Moved
    checks: list[Check]
    choices: Choices
    """Of the month judged on."""
    scores: dict[str, Scores]

    @property
    def promoted(self) -> bool:
        """Whether every check was passed."""
        return all(each.passed for each in self.checks)


def retrain(
    asked: Asked, read: Callable[[], Choices], fit: Fit, now: datetime, progress: Callable[[str], None]
) -> dict:
    """What --json prints. Raises `Trouble`, and `Held` while somebody else retrains this model.

    The decision is there before its model: a run killed between the two leaves the registry folder as it was, and
    `playbook put` refuses a record whose model is not there.
    """
    home = asked.models / asked.name
    with held(asked.models / f'.{asked.name}.retrain.lock', now) as took_over:
        if took_over is not None:
            progress(took_over)
        for left in sweep(home):
            progress(f'{left} was left half written; taken away')
        choices = read()
        judged, fitted, real = _judge(asked, choices, fit, progress)
        decision = _decision(asked, judged, now, took_over)
        version = decision['version']
        with whole_folder(asked.out, RESULTS) as making:
            (making / 'report.html').write_text(retrain_report(asked.name, judged, decision))
            (making / 'decision.json').write_text(json.dumps(decision, indent=2) + '\n')
            for stage, share in decision['proposed'].items():
                record = {'type': 'model', 'name': asked.name, 'version': version, 'stage': stage, 'share': share}
                text = json.dumps(record | {'sha256': decision['sha256']}, indent=2) + '\n'
                (making / f'{stage}.json').write_text(text)
        if judged.promoted:
            about = {'kind': 'plan', 'trainedOn': _trained_on(judged, choices), 'metrics': _metrics(judged.compared)}
            text = card(asked.name, version, judged, decision)
            write_model(asked.models, asked.name, version, fitted, real, about, text)
    return decision


def _judge(asked: Asked, choices: Choices, fit: Fit, progress) -> tuple[Judged, Fitted, np.ndarray]:
    offers = choices.take(choices.first('source') == 'offer')
    months = [int(month) for month in np.unique(offers.first('month'))] if len(offers.x) else []
    if len(months) < 3:
        raise Trouble(f'offers of {len(months)} months, wanted three: to learn, to calibrate and to judge on')
    *before, last = months
    learnt = choices.take(choices.first('month') < last)
    month = offers.take(offers.first('month') == last)
    old = offers.take(offers.first('month') < last)
    progress(
        f'{len(old.start) - 1:,} offers of {len(before)} months to learn from, {len(month.start) - 1:,} to judge on'
    )
    champion = _champion(asked, old)
    fitted = fit(learnt, before)
    challenger = fresh('challenger', fitted)
    scores = {'champion': champion.scores(month), 'challenger': challenger.scores(month)}
    found = compared(month, scores['champion'], scores['challenger'], asked.reward)
    was, now_ = challenger.inputs(old), challenger.inputs(month)
    inputs = [moved(name, was[:, at], now_[:, at]) for at, name in enumerate(challenger.features + challenger.pairs)]
    score = moved('score', challenger.scores(old).probability, scores['challenger'].probability)
    known = version_of(asked.models / asked.name, challenger.graph)
    checks = gate(found, inputs, score, check(fitted, challenger.graph, was), known, asked.limits)
    judged = Judged(before, last, champion, challenger, found, inputs, score, checks, month, scores)
    return judged, fitted, was


def _champion(asked: Asked, old: Choices) -> Scorer:
    version = asked.champion or next(iter(versions(asked.models / asked.name)[::-1]), None)
    if version is not None:
        return served(asked.models, asked.name, version)
    shown = old.shown()
    return Ladder(float(old.column('accepted')[shown].mean()))


def _decision(asked: Asked, judged: Judged, now: datetime, took_over: str | None) -> dict:
    found = judged.compared
    rate, gain = found.value['champion']['value'], found.value['difference']['value']
    at = judged.choices.first('at')
    weekly = found.decisions / max((int(at.max()) - int(at.min())) / WEEK, 1 / 7)
    canary = {'share': 0.5, 'weeks': asked.weeks, 'shows': None, 'says': 'canary: not planned'}
    plan = None
    if asked.reward == 'accepted' and 0 < rate < 1:
        canary = canary_of(rate, gain, weekly, asked.weeks)
        if 0 < gain < 1 - rate:
            plan = ab_plan(PlanAsked(rate, gain, customers=weekly, weeks=asked.weeks))
    return {
        'promoted': judged.promoted,
        'name': asked.name,
        'champion': judged.champion.name,
        'version': next_version(asked.models / asked.name) if judged.promoted else None,
        'sha256': hashlib.sha256(judged.challenger.graph).hexdigest(),
        'proposed': {'shadow': 1.0, 'canary': canary['share']} if judged.promoted else {},
        'at': now.isoformat(),
        'tookOver': took_over,
        'months': {'learnt': judged.months, 'judged': judged.month},
        'reward': asked.reward,
        'limits': asdict(asked.limits),
        'checks': [asdict(each) for each in judged.checks],
        'compared': asdict(found),
        'drift': [asdict(each) for each in [judged.score, *judged.drift]],
        'decisionsAWeek': weekly,
        'plan': plan,
        'canary': canary,
    }


def _trained_on(judged: Judged, choices: Choices) -> dict[str, str | int]:
    learnt = choices.take(choices.first('month') < judged.month)
    return {
        'months': f'{judged.months[0]} to {judged.months[-1]}',
        'judgedOn': judged.month,
        'groups': len(learnt.start) - 1,
        'offers': int((learnt.first('source') == 'offer').sum()),
        'accepted': int(learnt.column('accepted')[learnt.column('offered')].sum()),
        'customers': len(np.unique(learnt.first('customer'))),
    }


def _metrics(found: Compared) -> dict:
    """Those of the manifest, all on the month judged on."""
    return {
        'value': found.value['challenger'],
        'value_over_champion': found.value['difference'],
        'log_loss': found.loss['challenger'],
        'log_loss_less_than_champion': {
            'value': -found.loss['difference']['value'],
            'low': -found.loss['difference']['high'],
            'high': -found.loss['difference']['low'],
        },
        'expected_over_happened': found.expected['challenger'],
    }


def told(decision: dict, out: Path) -> list[str]:
    """The decision in lines."""
    lines = [
        f'{"passed" if each["passed"] else "REFUSED"} {each["name"]}: {each["says"]}' for each in decision['checks']
    ]
    if decision['plan'] is not None:
        lines += ['a test of the gain: ' + line for line in plan_text(decision['plan'])]
    if not decision['promoted']:
        return [*lines, f'{decision["champion"]} stays', f'report {out / "report.html"}']
    named = f'{decision["name"]}/{decision["version"]}'
    return [
        *lines,
        decision['canary']['says'],
        f'{named} is written; to let it score beside the champion:',
        f'  pnpm offerstream playbook put {out / "shadow.json"}',
        f'then, for its canary: pnpm offerstream playbook put {out / "canary.json"}',
        f'report {out / "report.html"}',
    ]
