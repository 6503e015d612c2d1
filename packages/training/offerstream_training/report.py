"""One self-contained HTML file a fit: its numbers, its baselines and its plots, in light and dark.

A report is made of blocks, each a piece of HTML, put together by `document`:

    document(title, lead, [Section(title, lead, [block, …]), …], warnings)    the whole file
    page(title, lead, {model: {metric: {value, low, high}}}, plots, warnings)  a file with one table and its plots
    metrics_table({model: {metric: {value, low, high}}})      values with their intervals
    table(heads, rows)                                        texts and numbers
    confusion(happened, contacted)                            who was contacted, who said yes
    calibration_plot(happened, probability, bins=10, title)   said against happened, Wilson intervals
    gain_plot(happened, probability, others={}, name='model') share found by share contacted
    lift_plot(happened, probability, others={}, name)         how many times the base rate, by share contacted
    precision_recall_plot(happened, probability, others={}, name)
    score_plot(happened, probability)                         what was said to those who did and did not
    rank_plot([(name, u)], bins=10)                           where in the ranking offers stood, u from 0 (top) to 1
    drift_plot([(feature, index, limit)])                     population stability, the largest first
    importance_plot([(input, value)], what)
    trend_plot(title, up, labels, [(name, value, low, high)])  by month or week

Other plots are in svg.py. happened: (n,) of 0 and 1; probability: (n,); others: name to probability (n,) of the same
rows.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape

import numpy as np

from .svg import Axis, Curve, bar_plot, histogram, interval_plot, plot

STYLE = """:root{color-scheme:light dark;--paper:#fff;--ink:#1d2430;--soft:#667080;--grid:#e6e9ee;--axis:#a8b0bc;
--card:#f8f9fb;--warn:#fff4e0;--c0:#2563a8;--c1:#c2571a;--c2:#23856b;--c3:#8253a8;--c4:#a67c00;--c5:#b0376b}
@media(prefers-color-scheme:dark){:root{--paper:#14181f;--ink:#e4e8ee;--soft:#98a2b0;--grid:#2a313c;--axis:#566070;
--card:#1b212a;--warn:#382a12;--c0:#6aa9ea;--c1:#f0935a;--c2:#58c2a2;--c3:#bf95e2;--c4:#dcb64a;--c5:#ec7fae}}
*{box-sizing:border-box}body{font:15px/1.55 system-ui,sans-serif;max-width:1020px;margin:2rem auto;padding:0 1.2rem;
color:var(--ink);background:var(--paper)}h1{font-size:1.6rem;margin-bottom:.3rem}
h2{font-size:1.15rem;margin:2.2rem 0 .3rem}h3{font-size:.95rem;margin:1.2rem 0 0}
.scroll{overflow-x:auto}table{border-collapse:collapse;margin:.8rem 0;font-variant-numeric:tabular-nums;font-size:.9em}
td,th{padding:.28rem .65rem;text-align:right;border-bottom:1px solid var(--grid);vertical-align:top}
th{color:var(--soft);font-weight:600}td:first-child,th:first-child{text-align:left}
tbody tr:hover{background:var(--card)}td:first-child,td small{white-space:nowrap}
.plots{display:grid;gap:1rem;grid-template-columns:repeat(auto-fill,minmax(min(100%,430px),1fr));align-items:start}
figure{margin:0;padding:.8rem;background:var(--card);border:1px solid var(--grid);border-radius:8px}
figure.wide{grid-column:1/-1}figcaption{color:var(--soft);font-size:.85em;line-height:1.4;margin-top:.3rem}
svg{display:block;width:100%;font:11px system-ui,sans-serif;overflow:visible}svg text{fill:var(--ink)}
svg .head{font-size:13px;font-weight:600}svg .soft{fill:var(--soft)}
svg path,svg polyline{fill:none;stroke-width:2;stroke-linejoin:round}svg .grid{stroke:var(--grid);stroke-width:1}
svg .axis{stroke:var(--axis);stroke-width:1}svg .ref{stroke:var(--soft);stroke-width:1.5;stroke-dasharray:5 4}
svg .rg1{stroke-dasharray:2 3}svg .rg2{stroke-dasharray:9 3 2 3}svg .whisker{stroke-width:1.5;stroke-opacity:.65}
svg .band{fill-opacity:.18}.s0{stroke:var(--c0)}.s1{stroke:var(--c1)}.s2{stroke:var(--c2)}.s3{stroke:var(--c3)}
.s4{stroke:var(--c4)}.s5{stroke:var(--c5)}.f0{fill:var(--c0)}.f1{fill:var(--c1)}.f2{fill:var(--c2)}.f3{fill:var(--c3)}
.f4{fill:var(--c4)}.f5{fill:var(--c5)}
.warn{background:var(--warn);padding:.6rem 1rem .6rem 2rem;border-left:4px solid var(--c1);border-radius:4px}
small,.lead{color:var(--soft)}@media print{figure{break-inside:avoid}}"""

Metrics = Mapping[str, Mapping[str, float]]
Scores = Mapping[str, np.ndarray]


@dataclass(frozen=True)
class Section:
    """A heading, a sentence or two, and its blocks; plots that follow each other stand side by side."""

    title: str
    lead: str
    blocks: Sequence[str]


def document(title: str, lead: str, sections: Sequence[Section], warnings: Sequence[str] = ()) -> str:
    """The file's text."""
    notes = ''.join(f'<li>{escape(each)}</li>' for each in warnings)
    warned = f'<ul class="warn">{notes}</ul>' if warnings else ''
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        f'<title>{escape(title)}</title><style>{STYLE}</style></head><body>'
        f'<h1>{escape(title)}</h1><p class="lead">{escape(lead)}</p>{warned}'
        f'{"".join(map(_section, sections))}</body></html>\n'
    )


def page(title: str, lead: str, table: Mapping[str, Metrics], plots: Sequence[str], warnings: Sequence[str]) -> str:
    """A file with one table of metrics and its plots."""
    return document(title, lead, [Section('On test rows', '', [metrics_table(table), *plots])], warnings)


def classify_report(
    name: str,
    happened: np.ndarray,
    probability: np.ndarray,
    threshold: float,
    metrics: Metrics,
    baselines: Mapping[str, Metrics],
    weights: list[tuple[str, float]],
    warnings: list[str],
    about: dict,
) -> str:
    """happened, probability: (n,) of the test rows."""
    contacted = probability >= threshold
    facts = ', '.join(f'{key} {value}' for key, value in about.items())
    lead = f'{facts}. Contacted from {threshold:.4g} on: {contacted.mean():.1%} of the test rows.'
    blocks = [
        metrics_table({'this model': metrics} | baselines),
        calibration_plot(happened, probability),
        gain_plot(happened, probability),
        lift_plot(happened, probability),
        precision_recall_plot(happened, probability),
        score_plot(happened, probability),
        importance_plot(weights, 'AUC lost when one input is shuffled'),
    ]
    decided = Section('Decisions', 'At the threshold, on test rows.', [confusion(happened, contacted)])
    return document(name, lead, [Section('On test rows', '', blocks), decided], warnings)


def rank_report(
    name: str, metrics: Metrics, baselines: Mapping[str, Metrics], weights: list, warnings: list[str], lead: str
) -> str:
    """NDCG at its depths beside the baselines, and the importances."""
    depths = np.array([int(key.removeprefix('ndcg')) for key in metrics])
    curves = []
    for index, (each, row) in enumerate(({'this model': metrics} | baselines).items()):
        value, low, high = (np.array([cell[part] for cell in row.values()]) for part in ('value', 'low', 'high'))
        # A band under each of several curves would hide them all.
        curves.append(Curve(each, depths, value, low, high, 'dots') if index == 0 else Curve(each, depths, value))
    least = min(float(curve.y.min()) for curve in curves)
    plots = [
        plot(
            'NDCG by depth',
            Axis('depth', None),
            Axis('NDCG', max(0.0, least - 0.1)),
            curves,
            'How near the order is to the best one, looked at from the top; whiskers are 95 % intervals.',
        ),
        importance_plot(weights, 'Share of the gain of splits'),
    ]
    return page(name, lead, {'this model': metrics} | baselines, plots, warnings)


def metrics_table(rows: Mapping[str, Metrics], first: str = 'model') -> str:
    """A row for each model, a cell for each metric with its interval under it; turned round where it would be wide."""
    names = list(next(iter(rows.values())))
    if len(names) > 7 and len(names) > len(rows):
        heads = ['', *rows]
        body = [[escape(name), *(_metric(each[name], ' ') for each in rows.values())] for name in names]
    else:
        heads = [first, *names]
        body = [[escape(who), *map(_metric, metrics.values())] for who, metrics in rows.items()]
    return _table(heads, body) + '<p><small>With 95 % bootstrap intervals.</small></p>'


def table(heads: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """Texts as they are, numbers in four digits."""
    return _table(heads, [[escape(_said(cell)) for cell in row] for row in rows])


def confusion(happened: np.ndarray, contacted: np.ndarray) -> str:
    """Counts of contacted and not against what happened, with their shares. Both (n,)."""
    yes, chosen = np.asarray(happened) > 0, np.asarray(contacted, dtype=bool)
    rows = []
    for name, side in (('contacted', chosen), ('left alone', ~chosen)):
        good, bad = int((side & yes).sum()), int((side & ~yes).sum())
        rate = f'{good / (good + bad):.2%}' if good + bad else '–'
        rows.append([name, f'{good:,}', f'{bad:,}', rate])
    found = (chosen & yes).sum() / max(yes.sum(), 1)
    rows.append(['share contacted', f'{found:.1%}', f'{(chosen & ~yes).sum() / max((~yes).sum(), 1):.1%}', ''])
    return table(['', 'happened', 'did not', 'rate'], rows)


def calibration_plot(happened: np.ndarray, probability: np.ndarray, bins: int = 10, title: str = 'Calibration') -> str:
    """Bins of equally many rows: the mean of what was said against how often it happened."""
    parts = np.array_split(np.argsort(probability, kind='stable'), max(1, min(bins, len(probability))))
    said = np.array([probability[rows].mean() for rows in parts])
    hits = np.array([happened[rows].sum() for rows in parts])
    sizes = np.array([len(rows) for rows in parts])
    low, high = wilson(hits, sizes)
    ends = np.array([0.0, max(float(said.max()), float(high.max()))])
    return plot(
        title,
        Axis('probability said', percent=True),
        Axis('happened', percent=True),
        [
            Curve(f'{len(parts)} bins', said, hits / sizes, low, high, 'dots'),
            Curve('perfect', ends, ends, None, None, 'reference'),
        ],
        'On the dashed line what was said came true; whiskers are 95 % intervals of each bin of equally many rows.',
    )


def gain_plot(happened: np.ndarray, probability: np.ndarray, others: Scores | None = None, name: str = 'model') -> str:
    """Who is found when the most probable are contacted first."""
    whole = np.array([0.0, 1.0])
    curves = []
    for each, p in _scores(name, probability, others):
        found = np.cumsum(happened[np.argsort(-p, kind='stable')])
        share = np.arange(len(found) + 1) / len(found)
        curves.append(Curve(each, share, np.append(0, found) / max(found[-1], 1)))
    at = float(np.interp(0.2, curves[0].x, curves[0].y))
    return plot(
        'Gain',
        Axis('share contacted', high=1, percent=True),
        Axis('share of the positives found', high=1, percent=True),
        [*curves, Curve('by chance', whole, whole, look='reference')],
        f'The most probable fifth holds {at:.0%} of the positives.',
    )


def lift_plot(happened: np.ndarray, probability: np.ndarray, others: Scores | None = None, name: str = 'model') -> str:
    """Rate among the contacted over the base rate."""
    curves = []
    for each, p in _scores(name, probability, others):
        found = np.cumsum(happened[np.argsort(-p, kind='stable')])
        count = np.arange(1, len(found) + 1)
        from_ = min(max(len(found) // 100, 20), len(found)) - 1
        lift = found / count / max(happened.mean(), 1e-12)
        curves.append(Curve(each, (count / len(found))[from_:], lift[from_:]))
    return plot(
        'Lift',
        Axis('share contacted', high=1, percent=True),
        Axis('times the base rate'),
        [*curves, Curve('by chance', np.array([0.0, 1.0]), np.ones(2), look='reference')],
        'How many times more positives than among as many drawn by chance; from the first hundredth on.',
    )


def precision_recall_plot(
    happened: np.ndarray, probability: np.ndarray, others: Scores | None = None, name: str = 'model'
) -> str:
    """Both as the threshold falls."""
    rate = float(happened.mean())
    curves = []
    for each, p in _scores(name, probability, others):
        found = np.cumsum(happened[np.argsort(-p, kind='stable')])
        from_ = min(20, len(found)) - 1
        precision = found / np.arange(1, len(found) + 1)
        curves.append(Curve(each, (found / max(found[-1], 1))[from_:], precision[from_:]))
    return plot(
        'Precision and recall',
        Axis('recall', high=1, percent=True),
        Axis('precision', percent=True),
        [*curves, Curve('base rate', np.array([0.0, 1.0]), np.array([rate, rate]), look='reference')],
        'Precision: the share of the contacted who said yes. Recall: the share of those who would, who were contacted.',
    )


def score_plot(happened: np.ndarray, probability: np.ndarray) -> str:
    """The distribution of what was said, apart for those it happened to."""
    ends = np.quantile(probability, [0.001, 0.999])
    edges = np.linspace(float(ends[0]), float(ends[1]) if ends[1] > ends[0] else float(ends[0]) + 1e-6, 31)
    inside = np.clip(probability, edges[0], edges[-1])
    groups = [
        (name, np.histogram(inside[side], edges)[0])
        for name, side in (('happened', happened > 0), ('did not', happened <= 0))
    ]
    return histogram(
        'What was said',
        Axis('probability', percent=True),
        groups,
        edges,
        'The further apart the two, the better the model tells them apart.',
    )


def rank_plot(groups: Sequence[tuple[str, np.ndarray]], bins: int = 10, title: str = 'Place in the ranking') -> str:
    """groups: (name, u (n,)) with u = (rank − 1) / (eligible − 1), the first being what one wants at the top."""
    edges = np.linspace(0, 1, bins + 1)
    counts = [(f'{name} ({len(u):,})', np.histogram(u, edges)[0]) for name, u in groups]
    return histogram(
        title, Axis('place: 0 is the top of the ranking, 1 its end'), counts, edges, 'Each group adds up to 100 %.'
    )


def drift_plot(rows: Sequence[tuple[str, float, float]], most: int = 20) -> str:
    """rows: (feature, population stability index, its limit); drawn as shares of the limit."""
    worst = sorted(rows, key=lambda row: -row[1] / row[2])[:most]
    over = sum(index > limit for _, index, limit in rows)
    drawn = [(name, index / limit, 0.0, index / limit) for name, index, limit in worst]
    return interval_plot(
        'Drift',
        Axis('population stability index, as a share of its limit'),
        drawn,
        f'{over} of {len(rows)} inputs are over their limit' + (f'; the {most} largest.' if len(rows) > most else '.'),
        ('limit', 1.0),
    )


def importance_plot(weights: Sequence[tuple[str, float]], what: str, most: int = 15) -> str:
    """The largest first, as they are given."""
    shown = f'The first {most} of {len(weights)} inputs.' if len(weights) > most else ''
    return bar_plot(what, list(weights)[:most], shown)


def trend_plot(
    title: str,
    up: str,
    labels: Sequence[str],
    groups: Sequence[tuple[str, np.ndarray, np.ndarray, np.ndarray]],
    caption: str = '',
    percent: bool = True,
) -> str:
    """groups: (name, value, low, high), each (labels,)."""
    at = np.arange(len(labels))
    curves = [Curve(name, at, value, low, high, 'dots') for name, value, low, high in groups]
    return plot(title, Axis('', labels=labels), Axis(up, None, percent=percent), curves, caption)


def wilson(hits: np.ndarray, count: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """95 % interval of a share (Wilson 1927), as (low, high); 0 to 1 where there is nothing.

    >>> [round(float(end[0]), 3) for end in wilson(np.array([5]), np.array([50]))]
    [0.043, 0.214]
    """
    n, z = np.maximum(np.asarray(count, dtype=np.float64), 1e-9), 1.959964
    share = np.asarray(hits, dtype=np.float64) / n
    middle = (share + z**2 / (2 * n)) / (1 + z**2 / n)
    reach = z * np.sqrt(share * (1 - share) / n + z**2 / (4 * n**2)) / (1 + z**2 / n)
    return np.clip(middle - reach, 0, 1), np.clip(middle + reach, 0, 1)


def _scores(name: str, probability: np.ndarray, others: Scores | None) -> list[tuple[str, np.ndarray]]:
    return [(name, probability), *(others or {}).items()]


def _section(section: Section) -> str:
    """Figures on end share a grid."""
    parts, plots = [f'<h2>{escape(section.title)}</h2>'], False
    if section.lead:
        parts.append(f'<p class="lead">{escape(section.lead)}</p>')
    for block in section.blocks:
        drawn = block.startswith('<figure')
        if drawn != plots:
            parts.append('<div class="plots">' if drawn else '</div>')
            plots = drawn
        parts.append(block)
    return ''.join(parts) + ('</div>' if plots else '')


def _table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    head = ''.join(f'<th scope="col">{escape(each)}</th>' for each in heads)
    body = ''.join(f'<tr>{"".join(f"<td>{cell}</td>" for cell in row)}</tr>' for row in rows)
    return f'<div class="scroll"><table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>'


def _metric(metric: Mapping[str, float], apart: str = '<br>') -> str:
    return f'{metric["value"]:.4g}{apart}<small>{metric["low"]:.3g} – {metric["high"]:.3g}</small>'


def _said(cell: object) -> str:
    if isinstance(cell, float | np.floating):
        return '–' if np.isnan(cell) else f'{cell:.4g}'
    return f'{cell:,}' if isinstance(cell, int | np.integer) else str(cell)
