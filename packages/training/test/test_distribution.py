import json
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from choice_world import PLANS, choice_world, write_table

from offerstream_training.choices import Choices, read_choices
from offerstream_training.distribution import rank_distribution
from offerstream_training.main import main
from offerstream_training.trouble import Trouble


def offers(*made: tuple[str, int, str, float], count: int = 3) -> tuple[Choices, np.ndarray]:
    """An offer each of (plan, rank, outcome, propensity) among `count` candidates, and scores that rank so."""
    rows, score = [], []
    for index, (plan, rank, outcome, propensity) in enumerate(made):
        for place in range(count):
            rows.append(
                {
                    'customer': f'c{index}',
                    'source': 'offer',
                    'item': plan if place == 0 else f'other_{place}',
                    'offered': place == 0,
                    'accepted': place == 0 and outcome == 'accepted',
                    'rejected': place == 0 and outcome == 'rejected',
                    'propensity': propensity,
                }
            )
        order = [rank, *[each for each in range(1, count + 1) if each != rank]]
        score += [-float(each) for each in order]
    start = np.arange(len(made) + 1) * count
    return Choices(pl.DataFrame(rows), np.zeros((len(rows), 0), np.float32), [], [], start), np.array(score)


def values(metrics: dict) -> dict[str, float]:
    return {name: each['value'] for name, each in metrics.items()}


def test_a_case_worked_by_hand():
    choices, score = offers(
        ('a', 1, 'accepted', 0.25),
        ('a', 3, 'accepted', 0.5),
        ('a', 2, 'rejected', 0.5),
        ('a', 2, 'rejected', 0.5),
        ('b', 1, 'accepted', 0.5),
        ('b', 1, 'rejected', 0.5),
    )
    found = rank_distribution(choices, score, 20)
    assert found.u.tolist() == [0, 1, 0.5, 0.5, 0, 0]
    # Two of the four pairs of a, the tie of b half; across plans it would have been 5 of 9.
    assert values(found.metrics) == pytest.approx(
        {
            'acceptedBeforeRejected': 2.5 / 5,
            'acceptedBeforeRest': 2.5 / 5,
            'hit1': 2 / 3,
            'mrr': (1 + 1 / 3 + 1) / 3,
            'ndcg3': (1 + 0.5 + 1) / 3,
        }
    )
    # The first counts 4, all others 2.
    assert values(found.weighted) == pytest.approx(
        {
            'acceptedBeforeRejected': (4 * 4 + 2) / (6 * 4 + 4),
            'acceptedBeforeRest': (4 * 4 + 2) / (6 * 4 + 4),
            'hit1': 6 / 8,
            'mrr': (4 + 2 / 3 + 2) / 8,
            'ndcg3': (4 + 1 + 2) / 8,
        }
    )
    assert found.effective == pytest.approx(14**2 / (16 + 5 * 4))
    assert [each['acceptedBeforeRejected'] for each in found.plans] == [0.5, 0.5]
    assert [(each['ranks'], each['offers'], each['accepted']) for each in found.buckets] == [
        ('1', 3, 2),
        ('2', 2, 0),
        ('3', 1, 1),
    ]


def test_equal_scores_share_their_places_and_a_single_candidate_is_left_out():
    choices, score = offers(('a', 1, 'accepted', 1), ('a', 1, 'rejected', 1))
    found = rank_distribution(choices, np.zeros(len(score)), 20)
    assert found.u.tolist() == [0.5, 0.5]
    assert values(found.metrics) == pytest.approx(
        {
            'acceptedBeforeRejected': 0.5,
            'acceptedBeforeRest': 0.5,
            'hit1': 1 / 3,
            'mrr': (1 + 1 / 2 + 1 / 3) / 3,
            'ndcg3': (1 + 1 / np.log2(3) + 0.5) / 3,
        }
    )
    alone, score = offers(('a', 1, 'accepted', 1), count=1)
    with pytest.raises(Trouble, match='nothing to rank'):
        rank_distribution(alone, score)
    with pytest.raises(Trouble, match='1 of 1 scores missing'):
        rank_distribution(alone, np.array([np.nan]))


def test_the_share_of_pairs_is_that_of_counting_them_one_by_one():
    random = np.random.default_rng(3)
    kinds = ['accepted', 'rejected', 'nothing']
    made = [
        (f'p{random.integers(3)}', int(random.integers(1, 6)), kinds[random.integers(3)], random.choice([0.1, 0.5, 1]))
        for _ in range(120)
    ]
    choices, score = offers(*made, count=5)
    found = rank_distribution(choices, score, 5)
    wins = pairs = 0.0
    for plan, rank, outcome, propensity in made:
        for other, below, became, weight in made:
            if plan == other and outcome == 'accepted' and became == 'rejected':
                pairs += 1 / propensity / weight
                wins += ((rank < below) + (rank == below) / 2) / propensity / weight
    assert found.weighted['acceptedBeforeRejected']['value'] == pytest.approx(wins / pairs)


@pytest.fixture(scope='module')
def known(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Choices, np.ndarray]:
    """A table of a known law, and its true probabilities."""
    frame, truth = choice_world(4000)
    refuses = np.random.default_rng(5).random(frame.height) < 0.4
    frame = frame.with_columns(rejected=pl.col('offered') & ~pl.col('accepted') & pl.Series(refuses))
    folder = write_table(tmp_path_factory.mktemp('known'), frame)
    return folder, read_choices(folder), truth


BOTH = ('acceptedBeforeRejected', 'acceptedBeforeRest')


def test_scores_at_random_say_nothing_and_the_truth_says_much(known: tuple):
    _, choices, truth = known
    chance = rank_distribution(choices, np.random.default_rng(1).random(len(truth)))
    true = rank_distribution(choices, truth)
    for kind in ('metrics', 'weighted'):
        for name in BOTH:
            low, high = (getattr(chance, kind)[name][end] for end in ('low', 'high'))
            assert low < 0.5 < high
            assert high - low < 0.2
            assert getattr(true, kind)[name]['low'] > 0.65
    rates = [each['acceptance']['value'] for each in true.buckets]
    assert rates == sorted(rates, reverse=True)
    assert true.metrics['hit1']['low'] > chance.metrics['hit1']['high']


def test_a_ranking_that_knows_only_which_plans_are_liked_says_nothing_within_plans(known: tuple):
    _, choices, _ = known
    liked = np.array([-PLANS.index(item) for item in choices.column('item')], dtype=np.float64)
    found = rank_distribution(choices, liked)
    assert found.weighted['acceptedBeforeRest']['low'] < 0.5 < found.weighted['acceptedBeforeRest']['high']
    # Without the strata, all being one plan, it would seem to know something.
    same = Choices(choices.frame.with_columns(item=pl.lit('one')), choices.x, [], [], choices.start)
    assert rank_distribution(same, liked).weighted['acceptedBeforeRest']['low'] > 0.5


def test_the_command_writes_a_report_that_loads_nothing_and_compares_with_the_ladder_rule(
    known: tuple, tmp_path: Path, capsys
):
    folder, choices, truth = known
    scores = choices.frame.select('decision', 'item').with_columns(score=truth)
    scores.reverse().write_parquet(tmp_path / 'scores.parquet')
    asked = ['distribution', '--table', str(folder), '--out', str(tmp_path / 'out'), '--json']
    assert main([*asked, '--scores', str(tmp_path / 'scores.parquet')]) == 0
    said = json.loads(capsys.readouterr().out.splitlines()[-1])
    direct = rank_distribution(choices, truth)
    assert said['ranked']['these scores']['metrics'] == direct.metrics
    assert said['ranked']['ladder rule']['metrics']['acceptedBeforeRest']['high'] < direct.metrics[BOTH[1]]['low']
    assert sum(said['ranked']['these scores']['distributions']['accepted']) == pytest.approx(1)
    page = (tmp_path / 'out' / 'report.html').read_text()
    assert page.count('<figure') == 2
    assert 'src=' not in page
    assert 'http' not in page.replace('http://www.w3.org/2000/svg', '')
    scores[1:].write_csv(tmp_path / 'fewer.csv')
    assert main([*asked, '--scores', str(tmp_path / 'fewer.csv')]) == 1
    assert 'has no score for 1 of' in capsys.readouterr().err
