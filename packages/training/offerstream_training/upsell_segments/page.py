"""The page of segment models."""

from html import escape

import numpy as np

from ..report import Section, calibration_plot, confusion, document, metrics_table, precision_recall_plot, table, wilson
from ..svg import Axis, heat_map, interval_plot
from .judging import Candidate

SHOWN = {'auc': 'AUC', 'averagePrecision': 'Average precision', 'logLoss': 'Log-loss'}


def segments_page(name: str, result: dict, candidates: list[Candidate], y: np.ndarray, warnings: list[str]) -> str:
    """As one self-contained HTML file. y: (m,) of the hold-out."""
    lead = (
        f'{result["model"]}, {result["rows"]:,} rows, {result["positives"]:,} positives, judged on '
        f'{result["testRows"]:,} of them.'
    )
    sections = [_judged(result, candidates, y), _segments(result), _agreement(result), _decisions(candidates, y)]
    return document(name, lead, sections, warnings)


def _judged(result: dict, candidates: list[Candidate], y: np.ndarray) -> Section:
    against = result['againstPooled']
    plots = [
        interval_plot(
            f'{shown}: difference to the pooled model',
            Axis('difference', None),
            [(name, *(each[metric][part] for part in ('value', 'low', 'high'))) for name, each in against.items()],
            'Paired bootstrap: both models on the same resamples. '
            + ('Below' if metric == 'logLoss' else 'Above')
            + ' 0 is better; an interval over 0 shows no difference.',
            ('pooled', 0.0),
        )
        for metric, shown in SHOWN.items()
    ]
    # The shrunk ones and the smaller stacks lie between these.
    drawn = [each for each in candidates[1:] if each.name.startswith('by ') and not each.name.endswith(', shrunk')]
    others = {each.name: each.probability for each in [*drawn, candidates[-1]]}
    plots.append(precision_recall_plot(y, candidates[0].probability, others, 'pooled'))
    stacks = [
        [name, *(f'{part} {value:+.4f}' for part, value in each.items())] for name, each in result['stacks'].items()
    ]
    wide = max((len(row) for row in stacks), default=1)
    heads = ['Ridge stack', *(f'weight {at}' for at in range(1, wide))]
    told = table(heads, [row + [''] * (wide - len(row)) for row in stacks])
    return Section('On the hold-out', '', [metrics_table(result['metrics']), *plots, told])


def _segments(result: dict) -> Section:
    blocks = []
    rows = []
    for each in result['segments']:
        for row in each['rows']:
            own, whole = row['aucOwn'], row['aucPooled']
            areas = [float('nan') if area is None else area for area in (own, whole)]
            rows.append([row['name'], row['rows'], row['positives'], f'{row["weight"]:.2f}', row['testRows'], *areas])
    heads = ['segment', 'training rows', 'positives', 'weight of its own model', 'test rows', 'AUC own', 'AUC pooled']
    for each in result['segments']:
        shares = []
        for row in each['rows']:
            low, high = wilson(np.array([row['positives']]), np.array([row['rows']]))
            shares.append((row['name'], row['positives'] / row['rows'], float(low[0]), float(high[0])))
        caption = "Share of positives among the training rows, Wilson's 95 % intervals."
        blocks.append(interval_plot(f'By {each["column"]}', Axis('positives', percent=True), shares, caption))
    lead = (
        'A segment answers by its own model and by that for everybody: weight = positives / (positives + strength), '
        'the strength chosen out of fold. Weight 0: the pooled model alone was better.'
    )
    return Section('Segments', lead, [table(heads, rows), *blocks])


def _agreement(result: dict) -> Section:
    blocks = []
    rows = []
    for inside in result['agreement']:
        names = list(dict.fromkeys(name for each in inside['pairs'] for name in each['models']))
        values = np.eye(len(names))
        for each in inside['pairs']:
            one, other = (names.index(name) for name in each['models'])
            values[one, other] = values[other, one] = each['kendall']
            counts = [each[key] for key in ('both', 'onlyFirst', 'onlySecond', 'neither')]
            shares = [f'{each["topDecile"]:.0%}', each['kappa']]
            pair = ' | '.join(each['models'])
            rows.append([inside['segment'], pair, each['correlation'], each['kendall'], *shares, *counts])
        blocks.append(heat_map(inside['segment'], names, names, values, f"Kendall's τ-b over {inside['rows']:,} rows."))
    heads = ['inside', 'models', 'correlation', 'Kendall', 'top decile', 'kappa', 'both', 'first', 'second', 'neither']
    lead = (
        'Of the hold-out: do the models order the same customers the same way, are their best tenths the same people, '
        'and whom do both contact, only the first, only the second, neither?'
    )
    return Section('Agreement inside segments', lead, [*blocks, table(heads, rows)])


def _decisions(candidates: list[Candidate], y: np.ndarray) -> Section:
    blocks = [calibration_plot(y, each.probability, title=f'Calibration, {each.name}') for each in candidates[:2]]
    for each in candidates:
        blocks.append(f'<h3>{escape(each.name)}, from {each.threshold:.4g} on</h3>')
        blocks.append(confusion(y, each.chosen))
    return Section('Decisions', 'Calibrated and cut off by rows out of fold; counted on the hold-out.', blocks)
