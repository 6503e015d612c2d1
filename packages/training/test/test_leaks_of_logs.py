"""Vectors of a table know nothing of outcomes: honest logs pass the same tests that one which cheats fails."""

from pathlib import Path

import lightgbm as lgb
import numpy as np
from conftest import SETTINGS
from export_world import decision, engagement, purchase, write_export

from offerstream_training.choices import Choices, read_choices
from offerstream_training.main import MODELS
from offerstream_training.metrics import Judged, Money
from offerstream_training.splits import folds
from offerstream_training.tables import Asked, tables

CUSTOMERS = 600
DECIDED = 200.0


def outcomes_of(random: np.random.Generator) -> list[dict]:
    """Two in five buy what was shown, a day later; nothing about them says who."""
    return [purchase(f'p{each}', f'c{each}', DECIDED + 1) for each in range(CUSTOMERS) if random.random() < 0.4]


def log_of(folder: Path, outcomes: list[dict], taken: float) -> tuple[dict, Choices]:
    """The table of a log in which each customer was decided for once, and the vector taken so many days later."""
    random = np.random.default_rng(7)
    before = [
        purchase(f'b{each}-{index}', f'c{each}', float(random.uniform(DECIDED - 80, DECIDED - 1)), 'pack')
        for each in range(CUSTOMERS)
        for index in range(random.integers(0, 4))
    ]
    displays = [engagement('displayed', f'd{each}', f'c{each}', DECIDED) for each in range(CUSTOMERS)]
    at = decision('d0', 'c0', DECIDED + taken)['at']
    bought = [event['customer'] for event in before + outcomes if at - 90 * 86_400_000 <= event['at'] < at]
    made = [
        decision(
            f'd{each}',
            f'c{each}',
            DECIDED,
            features=[float(bought.count(f'c{each}')), float(random.normal()), 0.0],
            pairs=random.normal(size=16).tolist(),
        )
        for each in range(CUSTOMERS)
    ]
    export = write_export(folder / 'export', made, before + displays + outcomes, end=260)
    result = tables(Asked(export, folder / 'table', MODELS), lambda _: None)
    return result, read_choices(folder / 'table')


def auc_out_of_fold(choices: Choices, y: np.ndarray) -> dict[str, float]:
    """Of a small model of who accepts, with its interval."""
    x = choices.x[choices.shown()]
    margin = np.empty(len(y))
    settings = SETTINGS | {'objective': 'binary', 'num_leaves': 4}
    for train, held in folds(y, choices.first('customer'), None, 5):
        margin[held] = lgb.train(settings, lgb.Dataset(x[train], y[train]), 30).predict(x[held], raw_score=True)
    return Judged(y, 1 / (1 + np.exp(-margin)), 0.5, Money(1, 2)).with_intervals()['auc']


def accepted(choices: Choices) -> np.ndarray:
    return choices.column('accepted')[choices.shown()].astype(np.int64)


HONEST, CHEATING = 0.0, 14.0


def moves(folder: Path, taken: float) -> bool:
    """Whether vectors change when all outcomes are shifted into the past, out of every window."""
    outcomes = outcomes_of(np.random.default_rng(1))
    shifted = [event | {'at': event['at'] - 150 * 86_400_000} for event in outcomes]
    (_, before), (_, after) = log_of(folder / 'as-is', outcomes, taken), log_of(folder / 'shifted', shifted, taken)
    assert accepted(before).sum() == len(outcomes)
    assert accepted(after).sum() == 0
    return not np.array_equal(before.x, after.x, equal_nan=True)


def test_outcomes_shifted_into_the_past_move_nothing_in_the_vectors(tmp_path: Path):
    assert not moves(tmp_path / 'honest', HONEST)
    assert moves(tmp_path / 'cheating', CHEATING)


def test_where_nothing_says_who_accepts_a_model_finds_nothing_and_one_of_later_vectors_is_found_out(tmp_path: Path):
    outcomes = outcomes_of(np.random.default_rng(2))
    told, honest = log_of(tmp_path / 'honest', outcomes, HONEST)
    found = auc_out_of_fold(honest, accepted(honest))
    assert found['low'] < 0.5 < found['high']
    assert not [warning for warning in told['warnings'] if 'answer' in warning]
    told, cheating = log_of(tmp_path / 'cheating', outcomes, CHEATING)
    assert auc_out_of_fold(cheating, accepted(cheating))['low'] > 0.6


def test_shuffled_labels_give_a_half_within_its_interval(tmp_path: Path):
    _, cheating = log_of(tmp_path, outcomes_of(np.random.default_rng(3)), CHEATING)
    y = accepted(cheating)
    assert auc_out_of_fold(cheating, y)['low'] > 0.6
    found = auc_out_of_fold(cheating, np.random.default_rng(4).permutation(y))
    assert found['low'] < 0.5 < found['high']


def test_a_column_that_tells_alone_what_became_of_an_offer_is_named(tmp_path: Path):
    outcomes = outcomes_of(np.random.default_rng(5))
    # Nobody bought anything before: what was bought within 14 days is the answer.
    made = [
        decision(f'd{each}', f'c{each}', DECIDED, features=[float(f'p{each}' in names), 0.0, 0.0])
        for names in [{event['id'] for event in outcomes}]
        for each in range(CUSTOMERS)
    ]
    displays = [engagement('displayed', f'd{each}', f'c{each}', DECIDED) for each in range(CUSTOMERS)]
    export = write_export(tmp_path / 'export', made, displays + outcomes, end=260)
    told = tables(Asked(export, tmp_path / 'table', MODELS), lambda _: None)
    assert any(warning.startswith('purchases_90d may give the answer away') for warning in told['warnings'])
