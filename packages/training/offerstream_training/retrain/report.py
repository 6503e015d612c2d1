"""Champion and challenger side by side, in one HTML file."""

import numpy as np

from ..distribution import distribution_sections, rank_distribution
from ..report import (
    Section,
    calibration_plot,
    document,
    drift_plot,
    gain_plot,
    metrics_table,
    score_plot,
    table,
)
from .card import spell


def retrain_report(name: str, judged, decision: dict) -> str:
    """The file's text. judged: `run.Judged`."""
    found, month = judged.compared, judged.choices
    title = f'{name}: {"version " + decision["version"] + " is proposed" if judged.promoted else "the champion stays"}'
    lead = (
        f'{judged.champion.name} against a challenger of {spell(judged.learnt)}, on {spell(judged.months)}: '
        f'{found.decisions:,} offers to {found.customers:,} customers, {found.accepted:,} accepted.'
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
                'came of what was expected': found.came[who],
            }
            for who in ('champion', 'challenger', 'difference')
        }
    )
    shown = month.shown()
    happened = month.column('accepted')[shown].astype(np.float64)
    sections = [
        Section('The gate', 'Proposed when every check is passed.', [checks, side]),
        *[Section(who.capitalize(), '', _plots(judged, who, shown, happened)) for who in ('challenger', 'champion')],
        *distribution_sections(
            {who: rank_distribution(month, judged.scores[who].preference) for who in ('challenger', 'champion')}
        ),
        Section(
            'Drift',
            'Inputs of the challenger between the months learnt from and those judged on.',
            [drift_plot([(each.name, each.psi, each.limit) for each in judged.drift])],
        ),
    ]
    warnings = [f'{each.name}: {each.says}' for each in judged.checks if not each.passed]
    return document(title, lead, sections, warnings)


def _plots(judged, who: str, shown: np.ndarray, happened: np.ndarray) -> list[str]:
    said = judged.scores[who].probability[shown]
    return [calibration_plot(happened, said), gain_plot(happened, said), score_plot(happened, said)]
