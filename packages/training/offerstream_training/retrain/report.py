"""Champion and challenger side by side, in one HTML file."""

import numpy as np

from ..report import (
    Section,
    calibration_plot,
    document,
    drift_plot,
    gain_plot,
    metrics_table,
    rank_plot,
    score_plot,
    table,
)


def retrain_report(name: str, judged, decision: dict) -> str:
    """The file's text. judged: `run.Judged`."""
    found, month = judged.compared, judged.choices
    title = f'{name}: {"version " + decision["version"] + " is proposed" if judged.promoted else "the champion stays"}'
    lead = (
        f'{judged.champion.name} against a challenger of months {judged.months[0]} to {judged.months[-1]}, on month '
        f'{judged.month}: {found.decisions:,} offers to {found.customers:,} customers, {found.accepted:,} accepted.'
    )
    checks = table(
        ['check', '', 'says'],
        [[each.name, 'passed' if each.passed else 'refused', each.says] for each in judged.checks],
    )
    side = metrics_table(
        {
            who: {
                'value a decision': found.value[who],
                'by SNIPS': found.snips[who],
                'log-loss': found.loss[who],
                'expected over happened': found.expected[who],
            }
            for who in ('champion', 'challenger', 'difference')
        }
    )
    shown = month.shown()
    happened = month.column('accepted')[shown].astype(np.float64)
    sections = [
        Section('The gate', 'Proposed when every check is passed.', [checks, side]),
        *[Section(who.capitalize(), '', _plots(judged, who, shown, happened)) for who in ('challenger', 'champion')],
        Section(
            'Drift',
            'Inputs of the challenger between the months learnt from and the month judged on.',
            [drift_plot([(each.name, each.psi, each.limit) for each in judged.drift])],
        ),
    ]
    warnings = [f'{each.name}: {each.says}' for each in judged.checks if not each.passed]
    return document(title, lead, sections, warnings)


def _plots(judged, who: str, shown: np.ndarray, happened: np.ndarray) -> list[str]:
    scores = judged.scores[who]
    said = scores.probability[shown]
    place = places(scores.preference, judged.choices.start)[shown]
    known = ~np.isnan(place)
    groups = [('accepted', place[known & (happened > 0)]), ('not', place[known & (happened <= 0)])]
    return [
        calibration_plot(happened, said),
        gain_plot(happened, said),
        rank_plot(groups, title='Place of what was offered'),
        score_plot(happened, said),
    ]


def places(score: np.ndarray, start: np.ndarray) -> np.ndarray:
    """u = (rank − 1) / (eligible − 1) of each row, equals sharing their mean; NaN where only one was eligible. (rows,)

    >>> places(np.array([0.1, 0.3, 0.3, 0.2]), np.array([0, 3, 4])).tolist()
    [1.0, 0.25, 0.25, nan]
    """
    out = np.full(len(score), np.nan)
    sizes = np.diff(start)
    for size in np.unique(sizes[sizes > 1]):
        rows = start[:-1][sizes == size][:, None] + np.arange(size)
        each = score[rows]
        above = (each[:, None, :] > each[:, :, None]).sum(axis=2)
        equal = (each[:, None, :] == each[:, :, None]).sum(axis=2) - 1
        out[rows] = (above + equal / 2) / (size - 1)
    return out
