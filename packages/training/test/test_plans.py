import json
from pathlib import Path

import lightgbm as lgb
import numpy as np
import polars as pl
import pytest

from offerstream_training.choices import KEYS, Choices, write_columns
from offerstream_training.contract import check
from offerstream_training.main import main
from offerstream_training.plans.fit import fit, served
from offerstream_training.plans.harness import chosen, walk_forward
from offerstream_training.plans.judge import judge
from offerstream_training.plans.judging import ece
from offerstream_training.plans.log import Log, best, log_of, read_log
from offerstream_training.plans.logit import softmax_loss, softmax_objective
from offerstream_training.plans.models import MODELS, by_name, single_plan
from offerstream_training.trouble import Trouble

FEATURES = ['tenure_days', 'open_rate_12m']
PAIRS = [
    'price_to_current',
    'quota_to_need',
    'quota_to_current',
    'current_percentile',
    'streaming',
    'data_within_to_current',
]
PLANS = 6


def world(folder: Path, customers: int = 1500, months: int = 5, taste: float = 1.0, seed: int = 1) -> Path:
    """A choice table and its oracle: people want enough data, not too dear, and streaming; nobody wants the next rung.

    taste 0 is a world where every plan is as good as any other.
    """
    random = np.random.default_rng(seed)
    rows, truth = [], []
    prices = 1000 * 1.4 ** np.arange(PLANS + 1)
    for month in range(months):
        for customer in range(customers):
            own, need = int(random.integers(0, 3)), float(random.normal(2.2, 1.2))
            attending = 0.15
            for source in ('offer', 'organic'):
                if source == 'organic' and random.random() > 0.15:
                    continue
                plans = np.arange(own + 1, PLANS + 1)
                quota = 0.7 * plans
                gain = taste * (
                    1.5 * np.minimum(quota - need, 0.3) - 0.6 * (plans - own) + 0.4 * (plans % 3 == 0) + 0.5
                )
                accept = 1 / (1 + np.exp(-(2 * gain - 1))) if taste else np.full(len(plans), 0.25)
                if source == 'offer':
                    taken = int(random.integers(len(plans))) if random.random() < 0.4 else 0
                    opened = random.random() < attending
                    yes = opened and random.random() < accept[taken]
                else:
                    power = np.exp(gain)
                    taken, opened, yes = int(random.choice(len(plans), p=power / power.sum())), False, True
                at = (month * 30 * 86_400 + customer) * 1000
                for place, plan in enumerate(plans):
                    mine = place == taken
                    propensity = 0.4 / len(plans) + 0.6 * (place == 0) if source == 'offer' else float('nan')
                    price = int(prices[plan])
                    keys = [f'{source}-{customer}-{month}', f'c{customer}', at + (source == 'offer'), month, source]
                    keys += [f'plan-{plan}', f'plan-{own}', price, price // 3, mine and source == 'offer', propensity]
                    keys += [bool(mine and opened), bool(mine and yes), False, False]
                    seen = need + 0.3 * np.sin(customer)
                    x = [customer % 100, attending, np.log(price / prices[own]), quota[place] - seen]
                    rows.append(
                        [
                            *keys,
                            *x,
                            0.7 * (plan - own),
                            own / PLANS,
                            float(plan % 3 == 0),
                            min(quota[place] - seen, 0.3),
                        ]
                    )
                    truth.append([keys[0], keys[5], attending, accept[place]])
    schema = KEYS | dict.fromkeys(FEATURES + PAIRS, pl.Float32)
    (folder / 'oracle').mkdir(parents=True)
    pl.DataFrame(rows, schema=schema, orient='row').write_parquet(folder / 'part-000.parquet')
    schema = {'decision': pl.String, 'item': pl.String, 'attending': pl.Float64, 'accept': pl.Float64}
    pl.DataFrame(truth, schema=schema, orient='row').write_parquet(folder / 'oracle' / 'part-000.parquet')
    write_columns(folder, FEATURES, PAIRS)
    return folder


@pytest.fixture(scope='module')
def liked(tmp_path_factory) -> Path:
    return world(tmp_path_factory.mktemp('plans') / 'liked')


def test_the_gradient_of_the_grouped_softmax_is_that_of_finite_differences():
    random = np.random.default_rng(0)
    start = np.array([0, 2, 7, 12])
    score, chosen_rows, weight = random.normal(size=12), np.zeros(12), np.array([1.0, 0.3, 2.0])
    chosen_rows[[1, 4, 7]] = 1
    _, slope = softmax_loss(score, chosen_rows, start, weight)
    for at in range(12):
        step = np.zeros(12)
        step[at] = 1e-6
        low, high = (softmax_loss(score + sign * step, chosen_rows, start, weight)[0] for sign in (-1, 1))
        assert slope[at] == pytest.approx((high - low) / 2e-6, abs=1e-7)
    given = softmax_objective(start, weight)(score, lgb.Dataset(np.zeros((12, 1)), chosen_rows).construct())[0]
    assert given == pytest.approx(slope)


def test_models_beat_the_ladder_where_there_is_taste(liked):
    metrics = judge(liked)['metrics']
    assert metrics['chosenOverLadderLow'] > 1.05
    assert metrics['chosenOverSinglePlanLow'] > 1
    assert metrics['fullInformationOverLadder'] >= metrics['chosenOverLadder']
    for each in ('pointwise', 'lambdarank', 'rankXendcg', 'logit', 'logitTrees', 'twoStages'):
        assert metrics[f'{each}OverLadder'] > 1
        assert metrics[f'{each}Ece'] < 0.02


def test_no_gain_survives_where_every_plan_is_as_good(tmp_path):
    metrics = judge(world(tmp_path / 'null', customers=600, taste=0.0))['metrics']
    for name, value in metrics.items():
        if name.endswith(('OverLadder', 'OverSinglePlan')):
            assert value == pytest.approx(1)


def test_shuffled_answers_teach_nothing(liked):
    log = read_log([liked])
    random = np.random.default_rng(0)
    frame = log.choices.frame
    # Unasked purchases: any plan of the group; offers: anybody's answer.
    bought = np.zeros(len(log.x), dtype=bool)
    offers = np.flatnonzero(log.offer & log.opened)
    bought[log.row[offers]] = random.permutation(log.accepted[offers]) > 0
    size = np.diff(log.start)
    bought[(log.start[:-1] + (random.random(len(size)) * size).astype(int))[~log.offer]] = True
    log.choices.frame = frame.with_columns(pl.Series('accepted', bought))
    learnt = {each.name: each for each in walk_forward(log_of(log.choices), 3)}
    truth = read_truth_of(liked, log)
    uniform = np.mean([truth[low:high].mean() for low, high in zip(log.start[:-1], log.start[1:], strict=True)])
    found = truth[best(learnt['two stages'].scorer.score(log.choices), log.start)].mean()
    honest = {each.name: each for each in walk_forward(read_log([liked]), 3)}
    gain = truth[best(honest['two stages'].scorer.score(log.choices), log.start)].mean() - uniform
    assert gain > 0.05
    assert found - uniform < 0.4 * gain


def read_truth_of(folder: Path, log: Log) -> np.ndarray:
    known = pl.read_parquet(folder / 'oracle' / '*.parquet').unique(['decision', 'item'])
    keys = log.choices.frame.select('decision', 'item')
    return keys.join(known, on=['decision', 'item'], how='left', maintain_order='left')['accept'].to_numpy()


def test_what_is_chosen_is_served_as_it_was_fitted(liked):
    log = read_log([liked])
    for candidate in walk_forward(log, 4, by_name(['two stages', 'logit trees', 'lambdarank'])):
        if candidate.scorer.fitted is None:
            continue
        fitted = served(candidate)
        assert fitted.pairs == PAIRS
        found = check(fitted, fitted.graph(), log.x[:, len(FEATURES) :])
        assert found.holds, f'{candidate.name}: {found}'


def test_the_best_single_plan_weighs_by_propensity(liked):
    log = read_log([liked])
    known = {}
    truth = read_truth_of(liked, log)
    offers = log.part(log.offer)
    worth = truth[log.offer[log.choices.of_row]]
    scorer = single_plan(log)
    items = offers.choices.frame['item'].to_numpy()
    for item in sorted(set(items)):
        score = np.where(items == item, 1.0, -1.0 - (np.arange(len(items)) - offers.start[:-1][offers.choices.of_row]))
        known[item] = worth[best(score, offers.start)].mean()
    assert worth[best(scorer.score(offers.choices), offers.start)].mean() > 0.9 * max(known.values())


def indifferent(groups: int = 1200) -> Log:
    """Two plans, shown three times in four the first, and accepted whichever it is."""
    random = np.random.default_rng(6)
    shown = (random.random(groups) < 0.25).astype(int)
    place = np.tile([0, 1], groups)
    taken = place == np.repeat(shown, 2)
    names = np.repeat(np.arange(groups), 2).astype(str)
    propensity = np.where(place == 0, 0.75, 0.25)
    keys = {'decision': names, 'customer': names, 'at': 0, 'month': 0, 'source': 'offer', 'item': place.astype(str)}
    keys |= {'current': 's', 'price_minor': 1000 + place, 'margin_minor': 0, 'offered': taken, 'propensity': propensity}
    keys |= {'opened': taken, 'accepted': taken, 'rejected': False, 'control': False}
    x = np.column_stack([place, random.normal(size=len(place))]).astype(np.float32)
    return log_of(Choices(pl.DataFrame(keys), x, [], ['dearer', 'noise'], np.arange(0, 2 * groups + 1, 2), None))


@pytest.mark.parametrize('name', ['lambdarank', 'rank_xendcg', 'logit', 'logit trees'])
def test_what_was_shown_more_often_is_not_taken_for_liked(name, monkeypatch):
    log = indifferent()

    def lean() -> float:
        model = next(each for each in MODELS if each.name == name)
        score = model.fit(log).score(log.choices)
        return float((score[::2] - score[1::2]).mean())

    weighed = lean()
    monkeypatch.setattr('offerstream_training.plans.models._choice_weight', lambda chosen: np.ones(len(chosen.row)))
    assert abs(weighed) < 0.3 * lean(), 'the control: without weights the first plan seems to be liked'


def test_the_judged_months_have_no_say(liked):
    log = read_log([liked])
    before = walk_forward(log, 3, by_name(['two stages']))
    alone = walk_forward(log.part(log.month < 3), 3, by_name(['two stages']))
    assert chosen(before).name == chosen(alone).name
    assert np.array_equal(before[-1].scorer.score(log.choices), alone[-1].scorer.score(log.choices))


def test_the_command_writes_model_and_report(liked, tmp_path, capsys):
    out = tmp_path / 'out'
    args = ['plans', '--table', str(liked), '--out', str(out), '--model', 'two stages', 'logit', '--json']
    assert main(args) == 0
    result = json.loads(capsys.readouterr().out.splitlines()[-1])
    manifest = json.loads((out / 'models' / 'plan-ranker' / '1' / 'manifest.json').read_text())
    assert manifest['kind'] == 'plan'
    assert manifest['pairs'] == PAIRS
    assert set(result['models']) == {'ladder', 'single plan', 'segment popularity', 'logit', 'two stages'}
    report = (out / 'report.html').read_text()
    assert 'src=' not in report
    assert 'two stages' in report
    assert main(['parity', '--models', str(out / 'models')]) == 0


def test_the_bayes_model_is_not_beaten_by_who_learns_from_answers(liked, tmp_path, capsys):
    other, file = world(tmp_path / 'other', seed=2), tmp_path / 'bayes.json'
    assert main(['bayes-plans', '--worlds', str(other), '--out', str(file), '--trees', '60']) == 0
    assert main(['judge-plans', '--world', str(liked), '--bayes', str(file), '--model', 'logit', '--json']) == 0
    metrics = json.loads(capsys.readouterr().out.splitlines()[-1])['metrics']
    assert 0.8 < metrics['logitOfBayes'] < 1.02
    assert metrics['bayesOfFullInformation'] <= 1


def test_too_little_to_learn_from_is_said(tmp_path):
    log = read_log([world(tmp_path / 'one', customers=30, months=1)])
    with pytest.raises(Trouble, match='1 months before month 1, wanted two at least'):
        walk_forward(log, 1)


def test_a_month_without_an_acceptance_is_said(liked):
    log = read_log([liked])
    with pytest.raises(Trouble, match='0 accepted: too few'):
        walk_forward(log.part((log.month < 3) | ~log.offer | (log.accepted == 0)), 4)


def test_the_retraining_fit_is_a_ranker_with_a_probability(liked):
    choices = read_log([liked]).choices
    fitted = fit(choices, [0, 1, 2])
    offers = log_of(choices)
    later = offers.part((offers.month == 3) & offers.offer)
    said = fitted.probability(later.x[later.row][:, len(FEATURES) :])
    assert said.mean() == pytest.approx(later.accepted.mean(), rel=0.3)
    assert ece(said, later.accepted, later.weight) < 0.01


def test_every_model_is_in_the_list_once():
    assert len({each.name for each in MODELS}) == len(MODELS)
