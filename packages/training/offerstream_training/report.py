"""One self-contained HTML file a fit: its numbers, its baselines and its plots."""

from html import escape

import numpy as np

from .svg import bar_plot, line_plot

STYLE = """body{font:15px/1.5 system-ui,sans-serif;max-width:900px;margin:2rem auto;padding:0 1rem;color:#222}
table{border-collapse:collapse;margin:1rem 0;font-variant-numeric:tabular-nums}td,th{padding:.2rem .7rem;
text-align:right;border-bottom:1px solid #ddd}td:first-child,th:first-child{text-align:left}
.plots{display:grid;gap:1rem;grid-template-columns:repeat(auto-fit,minmax(380px,1fr))}
svg{width:100%;font:11px system-ui,sans-serif}
.warn{background:#fff4e0;padding:.5rem 1rem;border-left:4px solid #c2571a}small{color:#666}"""

Metrics = dict[str, dict[str, float]]


def classify_report(
    name: str,
    happened: np.ndarray,
    probability: np.ndarray,
    threshold: float,
    metrics: Metrics,
    baselines: dict[str, Metrics],
    weights: list[tuple[str, float]],
    warnings: list[str],
    about: dict,
) -> str:
    """happened, probability: (n,) of the test rows."""
    order = np.argsort(-probability, kind='stable')
    found = np.cumsum(happened[order])
    share = np.arange(1, len(order) + 1) / len(order)
    recall, precision = found / found[-1], found / np.arange(1, len(order) + 1)
    bins = np.array_split(np.argsort(probability, kind='stable'), min(10, len(order)))
    said = np.array([probability[rows].mean() for rows in bins])
    came = np.array([happened[rows].mean() for rows in bins])
    rate = happened.mean()
    whole = np.array([0.0, 1.0])
    far = np.array([0.0, max(said.max(), came.max())])
    plots = [
        line_plot('Calibration', 'said', 'happened', [('ten bins', said, came), ('perfect', far, far)], dots=True),
        line_plot('Gain', 'share contacted', 'share found', [('model', share, recall), ('by chance', whole, whole)]),
        line_plot(
            'Precision and recall',
            'recall',
            'precision',
            [('model', recall, precision), ('base rate', whole, np.array([rate, rate]))],
        ),
        bar_plot('AUC lost when one input is shuffled', weights[:15]),
    ]
    contacted = probability >= threshold
    facts = ', '.join(f'{key} {value}' for key, value in about.items())
    lead = f'{facts}. Contacted from {threshold:.4g} on: {contacted.mean():.1%} of the test rows.'
    return page(name, lead, {'this model': metrics} | baselines, plots, warnings)


def rank_report(
    name: str, metrics: Metrics, baselines: dict[str, Metrics], weights: list, warnings: list[str], lead: str
) -> str:
    """NDCG at its depths beside the baselines, and the importances."""
    depths = np.array([int(key.removeprefix('ndcg')) for key in metrics])
    lines = [
        (each, depths, np.array([cell['value'] for cell in row.values()]))
        for each, row in ({'this model': metrics} | baselines).items()
    ]
    plots = [line_plot('NDCG by depth', 'depth', 'NDCG', lines[:3]), bar_plot('Gain of splits, share', weights[:15])]
    return page(name, lead, {'this model': metrics} | baselines, plots, warnings)


def page(title: str, lead: str, table: dict[str, Metrics], plots: list[str], warnings: list[str]) -> str:
    """The file's text. table: a row for each model, a cell for each metric."""
    heads = ''.join(f'<th>{escape(key)}</th>' for key in next(iter(table.values())))
    rows = ''.join(
        f'<tr><td>{escape(who)}</td>{"".join(map(_cell, metrics.values()))}</tr>' for who, metrics in table.items()
    )
    notes = ''.join(f'<li>{escape(each)}</li>' for each in warnings)
    warned = f'<ul class="warn">{notes}</ul>' if warnings else ''
    return (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{escape(title)}</title><style>{STYLE}</style>'
        f'<h1>{escape(title)}</h1><p>{escape(lead)}</p>{warned}'
        f'<table><tr><th>on test rows</th>{heads}</tr>{rows}</table>'
        f'<p><small>Under each value its 95 % bootstrap interval.</small></p>'
        f'<div class="plots">{"".join(plots)}</div></html>\n'
    )


def _cell(metric: dict[str, float]) -> str:
    return f'<td>{metric["value"]:.4g}<br><small>{metric["low"]:.4g} – {metric["high"]:.4g}</small></td>'
