import json

import numpy as np
import polars as pl
import pytest

from offerstream_training.abplan import Asked, HeavyTail, ab_plan, power_of_means, power_of_proportions, smallest
from offerstream_training.main import main
from offerstream_training.trouble import Trouble


def test_twenty_thousand_customers_cannot_show_five_in_ten_thousand_become_eight(capsys):
    assert power_of_proportions(0.0005, 0.0008, 10_000, 10_000, 0.05) == pytest.approx(0.13, abs=0.005)
    assert power_of_proportions(0.0005, 0.0008, 20_000, 20_000, 0.05) == pytest.approx(0.22, abs=0.005)
    given = ['ab-plan', '--baseline', '0.0005', '--effect', '0.0003', '--customers', '20000', '--json']
    assert main([*given, '--weeks', '1']) == 3
    *text, last = capsys.readouterr().out.splitlines()
    plan = json.loads(last)
    assert plan['perArm'] == pytest.approx(113_000, rel=0.005)
    assert (plan['feasible'], plan['available']['perArm'], plan['weeks']) == (False, 10_000, 12)
    assert 'no: 20,000 customers, all that come in 1 week, show it with power 13%' in text[-1]
    assert main([*given, '--weeks', '12']) == 0
    assert 'yes: 12 weeks' in capsys.readouterr().out


@pytest.mark.parametrize(
    ('p', 'q', 'alpha', 'power', 'wanted'),
    [(0.1, 0.2, 0.05, 0.8, 199), (0.5, 0.75, 0.05, 0.9, 77), (0.5, 0.6, 0.05, 0.9, 519)],
)
def test_sizes_for_proportions_are_those_of_r_s_power_prop_test(p, q, alpha, power, wanted):
    found = smallest(lambda n: power_of_proportions(p, q, n, n, alpha), power)
    assert found == pytest.approx(wanted, abs=1)


@pytest.mark.parametrize(('effect', 'wanted'), [(0.2, 394), (0.5, 64), (0.8, 26)])
def test_sizes_for_means_are_cohen_s(effect, wanted):
    assert smallest(lambda n: power_of_means(effect, n, 0.05), 0.8) == wanted
    plan = ab_plan(Asked(baseline=10, effect=effect / 10, relative=True, metric='mean', sd=1))
    assert (plan['perArm'], plan['effect']) == (wanted, pytest.approx(effect))


def test_the_power_promised_is_the_power_measured():
    random = np.random.default_rng(0)
    n, p, q = 40_000, 0.003, 0.004
    a, b = random.binomial(n, p, 20_000) / n, random.binomial(n, q, 20_000) / n
    pooled = (a + b) / 2
    found = np.abs(a - b) / np.sqrt(pooled * (1 - pooled) * 2 / n) > 1.959964
    assert found.mean() == pytest.approx(power_of_proportions(p, q, n, n, 0.05), abs=0.01)


def test_more_arms_share_the_error_and_want_more_customers():
    two, four = (ab_plan(Asked(baseline=0.1, effect=0.02, arms=arms)) for arms in (2, 4))
    assert four['perComparison'] == pytest.approx(0.05 / 3)
    assert two['perArm'] < four['perArm'] == pytest.approx(5_132, rel=0.01)
    assert four['total'] == 4 * four['perArm']
    assert 'Holm over 3 comparisons' in four['says'][0]


def test_a_heavy_tail_is_simulated_and_wants_what_its_skewness_asks(tmp_path):
    random = np.random.default_rng(0)
    spend = np.exp(random.normal(2, 1.2, 4000))
    pl.DataFrame({'spend': spend}).write_csv(tmp_path / 'spend.csv')
    asked = Asked(baseline=None, effect=0.15, relative=True, metric='heavy', sample=tmp_path / 'spend.csv')
    plan = ab_plan(asked)
    tail = HeavyTail(spend, 0.15 * spend.mean())
    assert plan['perArm'] >= tail.least
    by_normal = smallest(lambda n: power_of_means(0.15 * spend.mean() / spend.std(), n, 0.05), 0.8)
    assert tail.least > by_normal, 'a plan by mean and deviation alone would be too short'
    assert tail.power(by_normal, 0.05) == pytest.approx(0.8, abs=0.06)
    assert tail.false_alarms(plan['perArm'], 0.05) == pytest.approx(0.05, abs=0.02)


@pytest.mark.parametrize(
    ('given', 'said'),
    [
        ({'baseline': 0.1, 'effect': 0}, 'effect of nothing'),
        ({'baseline': 0.1, 'effect': 0.95}, 'lies between 0 and 1'),
        ({'baseline': None, 'effect': 0.1}, '--baseline is missing'),
        ({'baseline': 0.1, 'effect': 0.1, 'arms': 1}, 'wanted 2 at least'),
        ({'baseline': 0.1, 'effect': 0.1, 'power': 0.05}, 'a coin does it'),
        ({'baseline': 0.1, 'effect': 0.1, 'customers': -4}, 'wanted above 0'),
        ({'baseline': float('nan'), 'effect': 0.1}, 'wanted a number'),
        ({'baseline': 5, 'effect': 0.1, 'metric': 'mean'}, '--sd above 0'),
        ({'baseline': 5, 'effect': 0.1, 'metric': 'heavy'}, 'a tail is not guessed'),
        ({'baseline': 0.5, 'effect': 1e-7}, 'more than a billion'),
    ],
)
def test_numbers_that_make_no_experiment_are_refused(given, said):
    with pytest.raises(Trouble, match=said):
        ab_plan(Asked(**given))
