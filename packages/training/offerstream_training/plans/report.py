"""The models side by side, and the chosen one in plots, in one HTML file."""

import numpy as np

from ..distribution import positions
from ..report import Section, calibration_plot, document, gain_plot, importance_plot, metrics_table, rank_plot, table
from .harness import Candidate
from .log import Log


def plans_report(
    name: str,
    picked: Candidate,
    candidates: list[Candidate],
    after: Log,
    found: dict[str, dict[str, float]],
    metrics: dict[str, dict[str, float]],
    log: Log,
) -> str:
    """The file's text. after: the month judged on; found: by model, what happened out of time."""
    offers = after.part(after.offer)
    probability = picked.probability(offers)[offers.row]
    heads = ['model', *(next(iter(found.values())))]
    rows = [[who, *(f'{each.get(head, float("nan")):.5g}' for head in heads[1:])] for who, each in found.items()]
    plots = []
    if 0 < offers.accepted.sum() < len(offers.accepted):
        opened = offers.opened
        plots = [
            calibration_plot(offers.accepted, probability),
            gain_plot(offers.accepted, probability),
            gain_plot(offers.accepted[opened], probability[opened]),
        ]
    u = positions(offers.choices, picked.scorer.score(offers.choices))
    accepted, known = offers.accepted > 0, ~np.isnan(u)
    if (accepted & known).any():
        plots.append(
            rank_plot(
                [('accepted', u[accepted & known]), ('opened, not accepted', u[offers.opened & ~accepted & known])]
            )
        )
    lead = (
        f'{picked.name} is chosen: no model that can be served was surely better at the answers of the month before '
        f'the last, which none had seen. {len(log.row):,} groups, {int((log.offer & log.opened).sum()):,} '
        f'opened offers, {int((log.offer & (log.accepted > 0)).sum()):,} accepted, {int((~log.offer).sum()):,} plans '
        'bought unasked.'
    )
    sections = [
        Section('Models', 'On the last month, which none of them had seen.', [table(heads, rows)]),
        Section(
            'The chosen model',
            '',
            [metrics_table({picked.name: metrics}), *plots, importance_plot(*weights(picked, log))],
        ),
    ]
    return document(f'{name}: {len(candidates)} models of plan choice', lead, sections)


def weights(picked: Candidate, log: Log) -> tuple[list[tuple[str, float]], str]:
    """How far the score moves when one input is shuffled among rows, the largest first, as a share of its deviation."""
    fitted = picked.scorer.fitted
    assert fitted is not None
    random = np.random.default_rng(0)
    rows = log.x[random.permutation(len(log.x))[:4000], len(log.choices.features) :]
    before = fitted.margin(rows)
    moved = []
    for at, name in enumerate(fitted.pairs):
        other = rows.copy()
        other[:, at] = random.permutation(rows[:, at])
        moved.append((name, float(np.sqrt(np.mean((fitted.margin(other) - before) ** 2)) / max(before.std(), 1e-12))))
    return sorted(moved, key=lambda each: -each[1]), 'How far the score moves when one input is shuffled'
