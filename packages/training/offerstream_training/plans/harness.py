"""Fits walk-forward: on months before, calibrated on the last of them, judged on months after."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from ..calibration import Platt, platt
from ..trouble import Trouble
from .log import Log
from .models import MODELS, Model, Scorer, answer


@dataclass(frozen=True)
class Candidate:
    """A model fitted on all months before the judged ones.

    losses: log-loss of each answer to an opened offer in the last month before, (answers,), by the same model fitted
    without it;
    calibration: of its answers to all offers, fitted there too; preference: the same of its bare score.
    """

    name: str
    baseline: bool
    scorer: Scorer
    losses: np.ndarray
    calibration: Platt
    preference: Platt

    @property
    def loss(self) -> float:
        """Their mean."""
        return float(self.losses.mean())

    def probability(self, log: Log) -> np.ndarray:
        """(rows,) of acceptance if offered."""
        return self.calibration.probability(answer(self.scorer, log.choices))


def walk_forward(
    log: Log, until: int, models: Sequence[Model] = MODELS, progress: Callable[[str], None] = lambda line: None
) -> list[Candidate]:
    """log: months from `until` on are left out. Raises `Trouble` where there is nothing to learn from."""
    train = log.part(log.month < until)
    _enough(train, until)
    found = []
    last = int(train.month.max())
    early, late = train.part(train.month < last), train.part((train.month == last) & train.offer)
    opened = late.part(late.opened)
    for model in models:
        before = model.fit(early)
        said = answer(before, late.choices)[late.row]
        calibration = platt(said, late.accepted, late.weight)
        preference = calibration
        if before.respond is not None:
            preference = platt(before.score(late.choices)[late.row], late.accepted, late.weight)
        losses = _answer_losses(before, early, opened)
        found.append(Candidate(model.name, model.baseline, model.fit(train), losses, calibration, preference))
        progress(f'{model.name}: log-loss of answers in month {last}, not learnt from: {losses.mean():.4f}')
    return found


def chosen(candidates: Sequence[Candidate]) -> Candidate:
    """The last of those that can be served, or one whose log-loss of answers is less by two standard errors and more.

    The list's order is that of preference: answers of one month are few, and the least of nine noisy losses is luck.
    The judged months have no say.
    """
    able = [each for each in candidates if each.scorer.fitted is not None]
    preferred = able[-1]

    def lead(each: Candidate) -> float:
        gain = preferred.losses - each.losses
        return float(gain.mean() / max(gain.std(ddof=1) / np.sqrt(len(gain)), 1e-12)) if len(gain) > 1 else 0.0

    least = min(able, key=lambda each: each.loss)
    return least if lead(least) > 2 else preferred


def _answer_losses(scorer: Scorer, early: Log, opened: Log) -> np.ndarray:
    """Of offers opened in the month not learnt from, each score brought to a probability on the months before."""
    known = early.part(early.offer & early.opened)
    scale = platt(scorer.score(known.choices)[known.row], known.accepted)
    p = np.clip(scale.probability(scorer.score(opened.choices)[opened.row]), 1e-9, 1 - 1e-9)
    return -np.where(opened.accepted > 0, np.log(p), np.log1p(-p))


def _enough(train: Log, until: int) -> None:
    months = np.unique(train.month)
    if len(months) < 2:
        raise Trouble(f'{len(months)} months before month {until}, wanted two at least: one to calibrate on')
    for what, some in (
        ('before the last month', train.month < months[-1]),
        ('in the last month', train.month == months[-1]),
    ):
        answers = train.accepted[some & train.offer & train.opened]
        if len(np.unique(answers)) < 2:
            yes = int(answers.sum())
            raise Trouble(f'{len(answers)} offers opened {what}, {yes} accepted: too few to learn from')
