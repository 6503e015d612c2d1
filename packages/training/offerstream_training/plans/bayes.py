"""`pnpm train bayes-plans`: the best that can be done with what is observed, as near as a large model comes.

It learns from the truth's own means of worlds that nobody is judged on; no other model ever does.
"""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import lightgbm as lgb
import numpy as np

from ..choices import Choices
from ..learners import REPRODUCIBLE
from ..trouble import Trouble
from .judging import read_truth
from .log import read_log


@dataclass(frozen=True)
class Bayes:
    """The mean probability of accepting a plan once attended to, given all that is observed."""

    names: list[str]
    booster: lgb.Booster

    def score(self, choices: Choices) -> np.ndarray:
        """(rows,). Raises `Trouble` where the table has other columns."""
        absent = [name for name in self.names if name not in choices.names]
        if absent:
            raise Trouble(f'the observable-Bayes model needs {", ".join(absent[:5])}, which the table does not have')
        place = {name: at for at, name in enumerate(choices.names)}
        return self.booster.predict(choices.x[:, [place[name] for name in self.names]], raw_score=True)

    def write(self, file: Path) -> None:
        """As JSON."""
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps({'names': self.names, 'model': self.booster.model_to_string()}))

    @staticmethod
    def read(file: Path) -> 'Bayes':
        """Raises `Trouble`."""
        try:
            found = json.loads(file.read_text())
            return Bayes(found['names'], lgb.Booster(model_str=found['model']))
        except (OSError, ValueError, KeyError) as error:
            raise Trouble(f'{file} holds no observable-Bayes model ({error!r})') from None


def fit_bayes(
    worlds: Sequence[Path],
    most: int,
    rounds: int,
    progress: Callable[[str], None] = lambda line: None,
) -> Bayes:
    """Rows of offers weighted by attending, labelled with accepting: the plan with the highest mean of attending ×
    accepting given the observables is the one with the highest score. most: offers a month and world.

    One world in two or more is kept to say how many trees; with one world, its last month is.
    """
    x, accept, attending, held = [], [], [], []
    names: list[str] = []
    for at, world in enumerate(worlds):
        log = read_log([world], most)
        offers = log.part(log.offer)
        truth = read_truth(world, offers)
        names = offers.choices.names
        x.append(offers.x)
        accept.append(truth.accept)
        attending.append(truth.attending * np.repeat(offers.weight, np.diff(offers.start)))
        last = np.repeat(offers.month == offers.month.max(), np.diff(offers.start))
        held.append(last if len(worlds) == 1 else np.full(len(last), at == len(worlds) - 1))
        progress(f'{world.name}: {len(offers.offer)} offers')
    rows, label, weight, out = (np.concatenate(each) for each in (x, accept, attending, held))
    x.clear()
    settings = REPRODUCIBLE | {
        'objective': 'cross_entropy',
        'num_leaves': 127,
        'learning_rate': 0.08,
        'min_data_in_leaf': 200,
        'feature_fraction': 0.6,
        'lambda_l2': 1.0,
    }
    train = lgb.Dataset(rows[~out], label[~out], weight=weight[~out] / weight.mean())
    valid = train.create_valid(rows[out], label[out], weight=weight[out] / weight.mean())
    booster = lgb.train(settings, train, rounds, valid_sets=[valid], callbacks=[lgb.early_stopping(30, verbose=False)])
    progress(f'{booster.best_iteration} trees on {int((~out).sum())} rows')
    return Bayes(names, booster)
