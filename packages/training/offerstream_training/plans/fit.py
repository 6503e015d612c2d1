"""`pnpm train plans`: every model fitted on choice tables, the one chosen on earlier months written as it is served."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from ..choices import Choices
from ..contract import Fitted, write_model
from ..output import whole_folder
from .harness import Candidate, chosen, walk_forward
from .judging import ece, out_of_time
from .log import Log, best, log_of, read_log
from .models import MODELS, Model, two_stages
from .report import plans_report

RESULTS = {'models', 'report.html'}


def fit(choices: Choices, months: list[int]) -> Fitted:
    """The ranker of these months' choices, calibrated on the last of them by a fit that did not see it.

    Raises `Trouble`.
    """
    log = log_of(choices)
    log = log.part(np.isin(log.month, months))
    (candidate,) = walk_forward(log, max(months) + 1, [Model('two stages', two_stages)])
    return served(candidate)


def served(candidate: Candidate) -> Fitted:
    """The graph's model with its calibration: `preference` ranks, `probability` is of acceptance once shown."""
    assert candidate.scorer.fitted is not None
    return replace(candidate.scorer.fitted, calibration=candidate.preference)


def fit_plans(
    tables: Sequence[Path],
    out: Path,
    name: str,
    version: str,
    models: Sequence[Model] = MODELS,
    progress: Callable[[str], None] = lambda line: None,
    most: int = 10_000,
) -> dict:
    """Chooses on the months before the last, judges on the last by what happened, then fits the chosen one on all.

    Returns the object that --json prints. Raises `Trouble`.
    """
    log = read_log(tables, most)
    last = int(log.month.max())
    candidates = walk_forward(log, last, models, progress)
    after = log.part(log.month == last)
    picked = chosen(candidates)
    found = {each.name: _happened(each, after) for each in candidates}
    (final,) = walk_forward(log, last + 1, [each for each in models if each.name == picked.name])
    fitted = served(final)
    x = log.x[:, len(log.choices.features) :]
    metrics = _intervals(picked, after)
    with whole_folder(out, RESULTS) as making:
        about = {'kind': 'plan', 'trainedOn': _range(log), 'metrics': metrics}
        rows = x[np.random.default_rng(0).permutation(len(x))[:20_000]]
        write_model(making / 'models', name, version, fitted, rows, about, _card(name, version, final, log, metrics))
        (making / 'report.html').write_text(plans_report(name, picked, candidates, after, found, metrics, log))
    return {
        'groups': len(log.row),
        'customers': len(np.unique(log.customer)),
        'chosen': picked.name,
        'models': found,
        'metrics': metrics,
        'model': str(out / 'models' / name / version),
        'report': str(out / 'report.html'),
    }


def _happened(candidate: Candidate, after: Log) -> dict[str, float]:
    """Out of time, with the value by self-normalised inverse propensity and the loss the choice went by."""
    return {'answerLoss': candidate.loss, 'value': _snips(candidate, after), **out_of_time(candidate, after)}


def _snips(candidate: Candidate, after: Log) -> float:
    offers = after.part(after.offer)
    weight = _matched(candidate, offers)
    return float((weight * offers.accepted).sum() / max(weight.sum(), 1e-12))


def _matched(candidate: Candidate, offers: Log) -> np.ndarray:
    """(groups,) inverse propensity where the log offered what the candidate picks, else 0."""
    matched = best(candidate.scorer.score(offers.choices), offers.start) == offers.row
    return matched * offers.weight / offers.propensity()


def _intervals(candidate: Candidate, after: Log, resamples: int = 200) -> dict[str, dict[str, float]]:
    """Out-of-time log-loss, ECE and value with 95 % intervals; customers are drawn."""
    offers = after.part(after.offer)
    customer = np.unique(offers.customer, return_inverse=True)[1]
    said = np.clip(candidate.probability(offers)[offers.row], 1e-9, 1 - 1e-9)
    loss = -np.where(offers.accepted > 0, np.log(said), np.log1p(-said))
    inverse = _matched(candidate, offers)
    random = np.random.default_rng(0)

    def measured(times: np.ndarray) -> dict[str, float]:
        weight = offers.weight * times
        return {
            'log_loss': float((weight * loss).sum() / weight.sum()),
            'ece': ece(said, offers.accepted, weight),
            'value_snips': float((times * inverse * offers.accepted).sum() / max((times * inverse).sum(), 1e-12)),
        }

    value = measured(np.ones(len(offers.row)))
    drawn = [measured(random.poisson(1.0, customer.max() + 1)[customer]) for _ in range(resamples)]
    return {
        name: {
            'value': value[name],
            'low': float(np.percentile([each[name] for each in drawn], 2.5)),
            'high': float(np.percentile([each[name] for each in drawn], 97.5)),
        }
        for name in value
    }


def _range(log: Log) -> dict[str, str | int]:
    at = log.choices.first('at')
    return {
        'fromEpochMs': int(at.min()),
        'toEpochMs': int(at.max()),
        'groups': len(log.row),
        'opened': int((log.offer & log.opened).sum()),
        'accepted': int((log.offer & (log.accepted > 0)).sum()),
        'boughtUnasked': int((~log.offer).sum()),
        **{key: value for key, value in (log.choices.world or {}).items() if isinstance(value, str | int | float)},
    }


def _card(name: str, version: str, final: Candidate, log: Log, metrics: dict) -> str:
    rows = '\n'.join(
        f'| {key} | {at["value"]:.5g} | {at["low"]:.5g} | {at["high"]:.5g} |' for key, at in metrics.items()
    )
    world = log.choices.world
    source = 'Exported decisions.' if world is None else f'A simulated world: {world}.'
    return f"""# {name}/{version}

Which of the plans a customer may have would they accept? {final.name.capitalize()}: `preference` ranks plans for one
customer, `probability` is the calibrated probability of acceptance once the offer is shown.

## Data

{source} {int((log.offer & log.opened).sum()):,} opened offers, {int((log.accepted * log.offer).sum()):,} accepted,
{int((~log.offer).sum()):,} plans bought unasked.

## Metrics

On the last month, fitted without it, with 95 % intervals of a bootstrap over customers. `value_snips` is accepted
offers per offer had this model picked, by self-normalised inverse propensity.

| metric | value | low | high |
|---|---|---|---|
{rows}

## Limits

- Money enters in relation to money only; a price or an allowance outside the range of the log is extrapolated.
- Few offers are opened: the level of `probability` is surer than its differences between plans.

## Reproduce

`pnpm train plans --table DIR`. sha256 of model.onnx: `{{sha256}}`.
"""
