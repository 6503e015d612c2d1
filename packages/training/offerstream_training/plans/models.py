"""Every model of the plan ranker and every baseline, under one harness: `fit(log)` gives a scorer of rows."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import lightgbm as lgb
import numpy as np
from scipy.special import expit

from ..boundary import at_boundary
from ..calibration import UNCALIBRATED
from ..choices import Choices
from ..contract import Fitted
from ..ensemble import of_lightgbm
from ..learners import REPRODUCIBLE
from .log import Log, best, places
from .logit import fit_answers, fit_choices, fit_jointly, softmax_objective

CLIP = 50.0
"""No choice weighs more than this many, once they are normalised."""


@dataclass(frozen=True)
class Scorer:
    """Scores rows; only their order within a group is sure to mean anything."""

    score: Callable[[Choices], np.ndarray]
    """(rows,)"""
    fitted: Fitted | None = None
    """Where it can be served."""
    respond: Callable[[Choices], np.ndarray] | None = None
    """The log-odds that an offer is attended to, (rows,), where answers are taken in two stages."""


@dataclass(frozen=True)
class Model:
    """One entry of the list."""

    name: str
    fit: Callable[[Log], Scorer]
    baseline: bool = False


def ladder(_log: Log) -> Scorer:
    """The next plan up, as most operators offer it."""
    return Scorer(lambda choices: -places(choices).astype(np.float64))


def single_plan(log: Log) -> Scorer:
    """The plan worth most when shown to all who may have it, by self-normalised inverse propensity on the log's offers.

    Swaminathan and Joachims (2015). Where a customer may not have it, the next plan up. A plan that fewer than thirty
    offers speak for is not considered.
    """
    offers = log.part(log.offer)
    choices, propensity = offers.choices, np.maximum(offers.propensity(), 1e-6)
    found: list[tuple[float, str]] = []
    for item in sorted(set(choices.frame['item'])):
        picked = best(_favour(item)(choices), choices.start) == offers.row
        weight = picked * offers.weight / propensity
        if (picked & (choices.frame['item'].gather(offers.row).to_numpy() == item)).sum() >= 30:
            found.append((float((weight * offers.accepted).sum() / weight.sum()), item))
    return Scorer(_favour(max(found)[1])) if found else ladder(log)


def _favour(item: str) -> Callable[[Choices], np.ndarray]:
    return lambda choices: np.where(choices.frame['item'].to_numpy() == item, 1.0, -1.0 - places(choices))


def segment_popularity(log: Log) -> Scorer:
    """How often a plan is chosen where it could be, within thirds of need by thirds of the current plan's price."""
    inputs = ('quota_to_need', 'quota_to_current', 'current_percentile')
    if not set(inputs) <= set(log.choices.names):
        return ladder(log)
    first = {name: log.choices.names.index(name) for name in inputs}

    def position(choices: Choices) -> np.ndarray:
        """(rows, 2) need against the current quota, and price of the current plan."""
        x = choices.x[choices.start[:-1]]
        need = x[:, first['quota_to_current']] - x[:, first['quota_to_need']]
        return np.column_stack([need, x[:, first['current_percentile']]])

    chosen = _with_choice(log)
    at = position(chosen.choices)
    edges = [np.nanquantile(column, [1 / 3, 2 / 3]) for column in at.T]

    def segment(choices: Choices) -> np.ndarray:
        parts = [
            np.searchsorted(edge, np.nan_to_num(column))
            for edge, column in zip(edges, position(choices).T, strict=True)
        ]
        return (3 * parts[0] + parts[1])[choices.of_row]

    items = {item: at for at, item in enumerate(sorted(set(chosen.choices.frame['item'])))}

    def cell(choices: Choices) -> np.ndarray:
        number = choices.frame['item'].replace_strict(items, default=len(items)).to_numpy()
        return segment(choices) * (len(items) + 1) + number

    size = 9 * (len(items) + 1)
    cells = cell(chosen.choices)
    weight = np.repeat(_choice_weight(chosen), np.diff(chosen.start))
    could = np.bincount(cells, weight, size)
    did = np.bincount(cells, weight * chosen.choices.column('accepted'), size)
    rate = did.sum() / could.sum()
    share = (did + 20 * rate) / (could + 20)
    return Scorer(lambda choices: share[cell(choices)])


def pointwise(log: Log) -> Scorer:
    """A binary classifier of the answers to opened offers."""
    opened = log.part(log.offer & log.opened)
    x = _inputs(opened.choices)[opened.row]
    settings = TREES | {'objective': 'binary', 'num_leaves': 7, 'min_data_in_leaf': max(20, len(x) // 100)}
    return _trees(lgb.train(settings, lgb.Dataset(x, opened.accepted), 80), log.choices)


def by_objective(objective: str) -> Callable[[Log], Scorer]:
    """LightGBM's own rankers, on groups that hold a choice."""

    def fit(log: Log) -> Scorer:
        chosen = _with_choice(log)
        data = lgb.Dataset(
            _inputs(chosen.choices),
            chosen.choices.column('accepted').astype(np.float64),
            group=np.diff(chosen.start),
            weight=np.repeat(_choice_weight(chosen), np.diff(chosen.start)),
        )
        return _trees(lgb.train(TREES | {'objective': objective}, data, 60), log.choices)

    return fit


def logit_trees(log: Log) -> Scorer:
    """Trees under a grouped softmax."""
    chosen = _with_choice(log)
    objective = softmax_objective(chosen.start, _choice_weight(chosen))
    data = lgb.Dataset(_inputs(chosen.choices), chosen.choices.column('accepted').astype(np.float64))
    return _trees(lgb.train(TREES | {'objective': objective}, data, 80), log.choices)


def logit(log: Log) -> Scorer:
    """A linear grouped softmax."""
    mean, scale = _moments(log)
    weights = _choice_weights(log, mean, scale)
    return _linear(log.choices, mean, weights / scale, 0.0)


def two_stages(log: Log) -> Scorer:
    """Whether somebody attends, by the customer alone; what they say then, by the plan, leaning on unasked choices.

    Unasked choices are many and tell what people like; opened offers are few and tell what they say yes to.
    """
    mean, scale = _moments(log)
    chosen = _with_choice(log)
    choices = _choices_of(chosen, mean, scale)
    opened = log.part(log.offer & log.opened)
    z = _standard(_inputs(opened.choices)[opened.row], mean, scale)
    leaning, intercept = fit_answers(z, opened.accepted, fit_choices(*choices, ridge=10.0), ridge=1.0)
    # Leaning errs where tastes are strong, one scale for both where prices drive: their mean erred least on seed 2.
    joint = fit_jointly(*choices, z, opened.accepted, ridge=10.0)
    weights = (leaning + joint * (np.std(z @ leaning) / max(np.std(z @ joint), 1e-12))) / 2
    answers = _linear(log.choices, mean, weights / scale, intercept)
    return Scorer(answers.score, answers.fitted, _respond(log))


def _respond(log: Log) -> Callable[[Choices], np.ndarray] | None:
    width = len(log.choices.features)
    offers = log.part(log.offer)
    if width == 0 or offers.opened.min() == offers.opened.max():
        return None
    x = at_boundary(offers.x[offers.start[:-1], :width], log.choices.features)
    settings = TREES | {'objective': 'binary', 'num_leaves': 7, 'min_data_in_leaf': 500}
    booster = lgb.train(settings, lgb.Dataset(x, offers.opened, weight=offers.weight), 60)
    return lambda choices: booster.predict(choices.x[choices.start[:-1], :width], raw_score=True)[choices.of_row]


MODELS = (
    Model('ladder', ladder, baseline=True),
    Model('single plan', single_plan, baseline=True),
    Model('segment popularity', segment_popularity, baseline=True),
    Model('pointwise', pointwise),
    Model('lambdarank', by_objective('lambdarank')),
    Model('rank_xendcg', by_objective('rank_xendcg')),
    Model('logit', logit),
    Model('logit trees', logit_trees),
    Model('two stages', two_stages),
)

TREES = REPRODUCIBLE | {
    'num_threads': 1,
    'num_leaves': 7,
    'learning_rate': 0.05,
    'min_data_in_leaf': 100,
    'lambda_l2': 5.0,
    'feature_fraction': 0.6,
}


def _with_choice(log: Log) -> Log:
    """Groups in which something was taken: unasked, or an offer accepted."""
    return log.part(log.accepted > 0)


def _choice_weight(chosen: Log) -> np.ndarray:
    """(groups,) 1 for what was bought unasked; accepted offers by inverse propensity, its mean 1, clipped."""
    weight = np.ones(len(chosen.row))
    inverse = 1 / np.maximum(chosen.propensity()[chosen.offer], 1e-6)
    if len(inverse) > 0:
        weight[chosen.offer] = np.minimum(inverse / inverse.mean(), CLIP)
    return weight


def _choice_weights(log: Log, mean: np.ndarray, scale: np.ndarray) -> np.ndarray:
    return fit_choices(*_choices_of(_with_choice(log), mean, scale), ridge=10.0)


def _choices_of(chosen: Log, mean: np.ndarray, scale: np.ndarray) -> tuple[np.ndarray, ...]:
    """What `fit_choices` takes: rows, which was chosen, starts of groups, and their weights."""
    z = _standard(_inputs(chosen.choices), mean, scale)
    return z, chosen.choices.column('accepted').astype(np.float64), chosen.start, _choice_weight(chosen)


def _inputs(choices: Choices) -> np.ndarray:
    """(rows, pairs): what says something of the plan; the customer's own features are the same for all plans."""
    return at_boundary(choices.x[:, len(choices.features) :], choices.pairs)


def _moments(log: Log) -> tuple[np.ndarray, np.ndarray]:
    """Mean and deviation of the inputs, (pairs,) each, where something was answered."""
    x = _inputs(log.part(log.opened | (log.accepted > 0)).choices).astype(np.float64)
    known = ~np.isnan(x)
    count = np.maximum(known.sum(axis=0), 1)
    mean = np.where(known, x, 0).sum(axis=0) / count
    scale = np.sqrt(np.where(known, (x - mean) ** 2, 0).sum(axis=0) / count)
    return mean, np.where(scale > 1e-9, scale, 1.0)


def _standard(x: np.ndarray, mean: np.ndarray, scale: np.ndarray) -> np.ndarray:
    z = (x.astype(np.float64) - mean) / scale
    return np.where(np.isnan(z), 0.0, z)


def _linear(choices: Choices, mean: np.ndarray, weights: np.ndarray, intercept: float) -> Scorer:
    def margin(rows: np.ndarray) -> np.ndarray:
        centred = np.asarray(rows, dtype=np.float64) - mean
        return np.where(np.isnan(centred), 0, centred) @ weights + intercept

    fitted = Fitted([], margin, UNCALIBRATED, linear=(mean, weights, intercept), pairs=choices.pairs)
    return Scorer(lambda choices: margin(_inputs(choices)), fitted)


def _trees(booster: lgb.Booster, choices: Choices) -> Scorer:
    fitted = Fitted(
        [],
        lambda rows: booster.predict(rows, raw_score=True),
        UNCALIBRATED,
        of_lightgbm(booster),
        lambda rows: booster.predict(rows, pred_leaf=True),
        pairs=choices.pairs,
    )
    return Scorer(lambda choices: fitted.margin(_inputs(choices)), fitted)


def answer(scorer: Scorer, choices: Choices) -> np.ndarray:
    """(rows,) what calibration starts from: the score, or the log-odds of both stages together."""
    score = scorer.score(choices)
    if scorer.respond is None:
        return score
    both = expit(scorer.respond(choices)) * expit(score)
    return np.log(both) - np.log1p(-both)


def by_name(names: Sequence[str]) -> list[Model]:
    """In the list's order; the baselines are always among them."""
    return [each for each in MODELS if each.baseline or each.name in names]
