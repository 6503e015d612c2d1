"""The report of a comparison: models side by side, the chosen one's curves, trials, importances."""

import numpy as np

from ..report import (
    Metrics,
    Section,
    calibration_plot,
    confusion,
    document,
    gain_plot,
    importance_plot,
    metrics_table,
    precision_recall_plot,
)
from ..svg import Axis, Curve, interval_plot, plot
from .tuning import Tried

MOST_CURVES = 6


def page(
    name: str,
    happened: np.ndarray,
    said: dict[str, np.ndarray],
    metrics: dict[str, Metrics],
    chosen: str,
    thresholds: dict[str, float],
    contact: float,
    tried: list[Tried],
    weights: list[tuple[str, float]],
    lost: list[tuple[str, float]],
    warnings: list[str],
) -> str:
    """The file's text. happened: (n,) of the hold-out; said: probabilities (n,) by model, the served forest's too."""
    compared = [
        interval_plot(
            title,
            Axis(title, None),
            [(who, each[key]['value'], each[key]['low'], each[key]['high']) for who, each in metrics.items()],
            'On the hold-out, with 95 % bootstrap intervals.',
        )
        for key, title in (('averagePrecision', 'Average precision'), ('f1Positive', 'F1 of the positives'))
    ]
    rest = {who: p for who, p in said.items() if who != chosen and (who.endswith('tuned') or who.startswith('prod'))}
    others = dict(list(rest.items())[: MOST_CURVES - 1])
    matrices = [
        block
        for who in (chosen, *(each for each in others if each in thresholds))
        for block in (f'<h3>{who}</h3>', confusion(happened, said[who] >= thresholds[who]))
    ]
    sections = [
        Section(
            'Models',
            'f1Positive and f1Macro at the threshold of the best F1, found inside the folds; profit at that of the '
            f'costs, {contact:.4g}.',
            [metrics_table(metrics), *compared],
        ),
        Section(
            f'Curves of {chosen}',
            'The model of the least log-loss over the folds, on the hold-out, beside the other tuned ones.',
            [
                precision_recall_plot(happened, said[chosen], others),
                calibration_plot(happened, said[chosen]),
                gain_plot(happened, said[chosen]),
            ],
        ),
        Section('Decisions', 'Confusion matrices at the threshold of the best F1 of the positives.', matrices),
        Section('Trials', 'Every setting tried; all of them are in trials.csv.', [_trials(tried), _threshold(tried)]),
        Section(
            'The forest that is served',
            'Its importances; shuffled inputs are judged on the hold-out by the same forest fitted without it.',
            [
                importance_plot(weights, 'Share of the impurity taken away'),
                importance_plot(lost, 'AUC lost when one input is shuffled'),
                calibration_plot(happened, said['production forest']),
            ],
        ),
    ]
    lead = f'{len(happened)} rows held out, {happened.mean():.2%} positive. Chosen: {chosen}.'
    return document(name, lead, sections, warnings)


def _trials(tried: list[Tried]) -> str:
    """The best so far over the seconds that its model took."""
    curves = []
    for model in dict.fromkeys(each.model for each in tried):
        own = [each for each in tried if each.model == model]
        curves.append(
            Curve(
                model,
                np.cumsum([each.seconds for each in own]),
                np.minimum.accumulate([each.log_loss for each in own]),
            )
        )
    return plot(
        'Best log-loss so far',
        Axis('seconds of trials'),
        Axis('log-loss over the folds', None),
        curves,
        'The first point of each line is the model with its defaults.',
    )


def _threshold(tried: list[Tried]) -> str:
    curves = [
        Curve(
            model,
            np.array([each.threshold for each in tried if each.model == model]),
            np.array([each.f1_positive for each in tried if each.model == model]),
            look='dots',
        )
        for model in dict.fromkeys(each.model for each in tried)
    ]
    return plot(
        'Threshold and F1 of each trial',
        Axis('threshold of the best F1', None),
        Axis('F1 of the positives over the folds', None),
        curves,
    )
