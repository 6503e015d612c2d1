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
from ..stability import moved
from ..trouble import Trouble
from .canary import canary_of
from .card import card
from .champion import Graph, Ladder, Scorer, Scores, fresh, served
from .gate import Check, Limits, Moved, gate
from .lock import held
from .report import retrain_report
from .value import Compared, compared
from .versions import next_version, sweep, version_of, versions

Fit = Callable[[Choices, list[int]], Fitted]
"""Of a choice table that holds nothing after these months."""

RESULTS = {'decision.json', 'report.html', 'shadow.json'}
WEEK = 7 * 86_400_000
SAMPLE = 20_000


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
    judge: int = 1
    """Months to judge on, the last ones."""
    limits: Limits = field(default_factory=Limits)


@dataclass(frozen=True)
class Judged:
    """Everything the gate went by."""

    learnt: list[int]
    months: list[int]
    champion: Scorer
    challenger: Graph
    compared: Compared
    drift: list[Moved]
    score: Moved
    checks: list[Check]
    choices: Choices
    """Offers of the months judged on."""
    trained_on: dict[str, str | int]
    real: np.ndarray
    """Inputs of the challenger from the months learnt, (rows, width), for its golden rows."""
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
        judged, fitted = _judge(asked, read(), fit, progress)
        decision = _decision(asked, judged, now, took_over)
        version = decision['version']
        with whole_folder(asked.out, RESULTS) as making:
            (making / 'report.html').write_text(retrain_report(asked.name, judged, decision))
            (making / 'decision.json').write_text(json.dumps(decision, indent=2) + '\n')
            if judged.promoted:
                (making / 'shadow.json').write_text(json.dumps(decision['proposed'], indent=2) + '\n')
        if judged.promoted:
            about = {'kind': 'plan', 'trainedOn': judged.trained_on, 'metrics': _metrics(judged.compared)}
            text = card(asked.name, version, judged, decision)
            write_model(asked.models, asked.name, version, fitted, judged.real, about, text)
    return decision


def _judge(asked: Asked, choices: Choices, fit: Fit, progress) -> tuple[Judged, Fitted]:
    offer, month = choices.first('source') == 'offer', choices.first('month')
    there = np.unique(month[offer]).tolist()
    if len(there) < asked.judge + 2:
        raise Trouble(
            f'offers of {len(there)} months, wanted {asked.judge + 2}: to learn, to calibrate and to judge on'
        )
    months = there[: -asked.judge]
    late = choices.take(offer & (month > months[-1]))
    choices = choices.take(month <= months[-1])  # From here on nobody can see the others.
    trained_on = _trained_on(choices, months, late)
    shown = choices.column('accepted')[choices.column('offered')]
    progress(f'{len(shown):,} offers of {len(months)} months to learn from, {len(late.start) - 1:,} to judge on')
    champion = _champion(asked, float(shown.mean()))
    fitted = fit(choices, months)
    challenger = fresh('challenger', fitted)
    scores = {'champion': champion.scores(late), 'challenger': challenger.scores(late)}
    found = compared(late, scores['champion'], scores['challenger'], asked.reward)
    early = _some(choices)
    was, are = challenger.inputs(early), challenger.inputs(late)
    use = _use(fitted, was)
    names = challenger.features + challenger.pairs
    inputs = [Moved(name, *moved(was[:, at], are[:, at]), float(use[at])) for at, name in enumerate(names)]
    score = Moved('score', *moved(challenger.scores(early).probability, scores['challenger'].probability))
    known = version_of(asked.models / asked.name, challenger.graph)
    checks = gate(found, inputs, score, check(fitted, challenger.graph, was), known, asked.limits)
    last = np.unique(late.first('month')).tolist()
    return Judged(
        months, last, champion, challenger, found, inputs, score, checks, late, trained_on, was, scores
    ), fitted


def _some(choices: Choices) -> Choices:
    """Offers of at most `SAMPLE` decisions, evenly over time: enough to see where inputs lie."""
    offers = np.flatnonzero(choices.first('source') == 'offer')
    return choices.take(offers[np.unique(np.linspace(0, len(offers) - 1, min(len(offers), SAMPLE)).astype(int))])


def _use(fitted: Fitted, rows: np.ndarray) -> np.ndarray:
    """(inputs,) the share of each in what is said: of all splits, or of |weight| · deviation where it is linear."""
    if fitted.ensemble is not None:
        share = np.bincount([column for column in fitted.ensemble.column if column >= 0], minlength=rows.shape[1])
    else:
        assert fitted.linear is not None, 'a model is made of trees or linear'
        known = ~np.isnan(rows)
        share = np.abs(fitted.linear[1]) * np.nan_to_num(np.std(rows, axis=0, where=known, dtype=np.float64))
    return share / max(share.sum(), 1e-300)


def _champion(asked: Asked, rate: float) -> Scorer:
    """rate: accepted offers of the months learnt, which the ladder rule expects of everybody."""
    version = asked.champion or next(iter(versions(asked.models / asked.name)[::-1]), None)
    return Ladder(rate) if version is None else served(asked.models, asked.name, version)


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
    version = next_version(asked.models / asked.name) if judged.promoted else None
    sha256 = hashlib.sha256(judged.challenger.graph).hexdigest()
    record = {'type': 'model', 'name': asked.name, 'version': version, 'stage': 'shadow', 'sha256': sha256}
    return {
        'promoted': judged.promoted,
        'name': asked.name,
        'champion': judged.champion.name,
        'version': version,
        'sha256': sha256,
        'proposed': record if judged.promoted else None,
        'at': now.isoformat(),
        'tookOver': took_over,
        'months': {'learnt': judged.learnt, 'judged': judged.months},
        'reward': asked.reward,
        'limits': asdict(asked.limits),
        'checks': [asdict(each) for each in judged.checks],
        'compared': asdict(found),
        'drift': [asdict(each) for each in [judged.score, *judged.drift]],
        'decisionsAWeek': weekly,
        'plan': plan,
        'canary': canary,
    }


def _trained_on(choices: Choices, months: list[int], late: Choices) -> dict[str, str | int]:
    judged = np.unique(late.first('month'))
    return {
        'months': f'{months[0]} to {months[-1]}',
        'judgedOn': f'{judged[0]} to {judged[-1]}',
        'groups': len(choices.start) - 1,
        'offers': int(choices.column('offered').sum()),
        'accepted': int(choices.column('accepted')[choices.column('offered')].sum()),
        'customers': len(np.unique(choices.first('customer'))),
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
        'came_of_expected': found.came['challenger'],
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
    named = f'{decision["name"]} {decision["version"]}'
    return [
        *lines,
        f'{decision["name"]}/{decision["version"]} is written; to let it score beside {decision["champion"]}:',
        f'  pnpm offerstream playbook put {out / "shadow.json"}',
        decision['canary']['says'] + ':',
        f'  pnpm offerstream model promote {named} --share {decision["canary"]["share"]:g}',
        f'report {out / "report.html"}',
    ]
