"""The page of an exploration."""

from dataclasses import dataclass

import numpy as np
import polars as pl

from ..report import Section, document, table, trend_plot
from ..svg import Axis, bar_plot, heat_map, histogram, interval_plot
from .columns import Overview, numbers
from .slices import CHANCE, LEVELS, Slices, Target, brief
from .trend import Trend

MOST_PLOTS = 60
MOST_MAPPED = 40


@dataclass(frozen=True)
class Found:
    """Everything that was seen."""

    name: str
    columns: list[Overview]
    frame: pl.DataFrame
    target: Target | None
    slices: list[Slices]
    missing: list[dict]
    related_names: list[str]
    related: np.ndarray
    components: list[list[str]]
    suspects: list[str]
    trend: Trend | None

    def told(self) -> dict:
        """As --json says it."""
        target = None
        if self.target is not None:
            mean, low, high = self.target.mean(np.ones(len(self.target.y), dtype=bool))
            target = {'name': self.target.name, 'binary': self.target.binary, 'mean': mean, 'low': low, 'high': high}
            target |= {'positives': int(self.target.y.sum())} if self.target.binary else {}
        return {
            'rows': self.frame.height,
            'columns': [each.told() for each in self.columns],
            'target': target,
            'missing': self.missing,
            'slices': [each.told() for each in self.slices],
            'components': self.components,
            'leaks': self.suspects,
            'trend': None if self.trend is None else self.trend.told(),
        }


def explored_page(found: Found, warnings: list[str]) -> str:
    """As one self-contained HTML file."""
    lead = f'{found.frame.height:,} rows, {len(found.columns)} columns.'
    if found.target is not None:
        mean, low, high = found.target.mean(np.ones(len(found.target.y), dtype=bool))
        form = '.2%' if found.target.binary else '.4g'
        lead += f' {found.target.name}: {mean:{form}} ({low:{form}} – {high:{form}}).'
    parts = [
        _portfolio(found),
        _missing(found),
        _sliced(found),
        _trend(found),
        _correlated(found),
        _distributions(found),
    ]
    return document(found.name, lead, [part for part in parts if part is not None], [*found.suspects, *warnings])


def _portfolio(found: Found) -> Section:
    heads = ['column', 'kind', 'missing', 'distinct', 'least', 'median', 'largest', 'remarks']
    rows = []
    for each in found.columns:
        remarks = ['always the same'] if each.constant else []
        remarks += [f'the same as {each.same_as}'] if each.same_as else []
        cells = [each.name, each.kind, f'{each.missing:.1%}', each.distinct, each.low, each.middle, each.high]
        rows.append([*cells, '; '.join([*remarks, *each.remarks])])
    return Section(
        'Portfolio', 'Of texts the rarest and the most common stand in place of the ends.', [table(heads, rows)]
    )


def _missing(found: Found) -> Section | None:
    if not found.missing:
        return None
    blocks = [
        bar_plot('Share missing', [(row['column'], row['share']) for row in found.missing[:25]], '', '.1%'),
    ]
    told = [row for row in found.missing if 'missing' in row]
    if told and found.target is not None:
        sure = sum(row['tells'] for row in told)
        blocks.append(
            interval_plot(
                f'{found.target.name} where it is missing',
                Axis('mean', 0.0 if found.target.binary else None, percent=found.target.binary),
                [(row['column'], *row['missing']) for row in told[:25]],
                f'For {sure} of {len(told)} columns being missing goes with {found.target.name} beyond chance.',
                ('all rows', float(found.target.y.mean())),
            )
        )
    rows = []
    for row in found.missing:
        goes = row.get('goesWith')
        with_ = f'{goes["column"]} ({goes["correlation"]:.2f})' if goes else ''
        rows.append([row['column'], f'{row["share"]:.2%}', ', '.join(row['together'][:5]), with_])
    blocks.append(table(['column', 'missing', 'missing together with', 'missing goes with the value of'], rows))
    return Section('Missing values', 'How many, and whether being missing says something.', blocks)


def _sliced(found: Found) -> Section | None:
    if found.target is None:
        return None
    target, sure = found.target, sum(each.chance < CHANCE for each in found.slices)
    whole = float(target.y.mean())
    axis = Axis(f'mean of {target.name}', 0.0 if target.binary else None, percent=target.binary)
    plots = [
        interval_plot(
            each.column,
            axis,
            [(f'{name} ({rows:,})', *ends) for name, rows, *ends in each.rows],
            f'Explains {each.explains:.2%} of the variance'
            + ('.' if each.chance < CHANCE else ': no more than chance would.'),
            ('all rows', whole),
        )
        for each in found.slices[:MOST_PLOTS]
    ]
    kind = "Wilson's 95 % intervals" if target.binary else '95 % intervals'
    return Section(
        f'{target.name} by slice',
        f'{sure} of {len(found.slices)} columns go with it beyond chance (a share of {CHANCE:.0%} of those falsely, '
        f'Benjamini and Hochberg), those that explain most first. {kind}; in brackets the number of rows.',
        plots,
    )


def _trend(found: Found) -> Section | None:
    if found.trend is None or found.target is None:
        return None
    names, counts, means, lows, highs = (np.array(each) for each in zip(*found.trend.rows, strict=True))
    sure = found.trend.chance < CHANCE
    form = '.2%' if found.target.binary else '.4g'
    caption = f'Fitted change from first to last {found.trend.slope:{form}}, '
    caption += 'more than chance would.' if sure else 'no more than chance would.'
    labels = [str(name) for name in names]
    nothing = counts.astype(np.float64)
    return Section(
        'Over time',
        '',
        [
            trend_plot(found.target.name, 'mean', labels, [('all', means, lows, highs)], caption, found.target.binary),
            trend_plot('Rows', 'rows', labels, [('all', nothing, nothing, nothing)], '', False),
        ],
    )


def _correlated(found: Found) -> Section | None:
    if len(found.related_names) < 2:
        return None
    names, related = found.related_names, found.related
    told = ''
    if len(names) > MOST_MAPPED:
        strength = np.nan_to_num(np.abs(related - np.eye(len(names)))).max(axis=1)
        keep = np.sort(np.argsort(-strength, kind='stable')[:MOST_MAPPED])
        names, related = [names[at] for at in keep], related[np.ix_(keep, keep)]
        told = f'The {MOST_MAPPED} of {len(found.related_names)} columns with the strongest ones. '
    caption = f"{told}Spearman's rank correlation where both are known; blue goes together, orange against each other."
    blocks = [heat_map('Correlation', names, names, related, caption)]
    if found.components:
        blocks.append(
            table(['columns that say what the others say, above 0.9'], [[', '.join(each)] for each in found.components])
        )
    return Section('Correlation', '', blocks)


def _distributions(found: Found) -> Section:
    plots = []
    for each in found.columns:
        if each.kind in ('empty', 'date') or each.constant or len(plots) == MOST_PLOTS:
            continue
        series = found.frame[each.name]
        if each.kind == 'number' and each.distinct > LEVELS:
            plots.append(_histogram(found, series))
        else:
            plots.append(_levels(series, each.distinct))
    return Section('Distributions', '', plots)


def _levels(series: pl.Series, distinct: int) -> str:
    """The most common values of a text, all of a number in their order."""
    counts = series.drop_nulls().value_counts(sort=True).head(LEVELS)
    more = f'The {LEVELS} most common of {distinct:,}.' if distinct > LEVELS else ''
    if series.dtype.is_numeric():
        counts = counts.sort(series.name)
    values = [brief(value) if series.dtype.is_numeric() else str(value) for value in counts[series.name]]
    return bar_plot(series.name, list(zip(values, counts['count'] / len(series), strict=True)), more, '.1%')


def _histogram(found: Found, series: pl.Series) -> str:
    """Between the 0.5 % and 99.5 % quantiles, apart by class where there are two."""
    values = numbers(series)
    known = ~np.isnan(values)
    low, high = np.quantile(values[known], [0.005, 0.995])
    least, most = values[known].min(), values[known].max()
    cut = least < low - (high - low) or most > high + (high - low)
    low, high = (low, high if high > low else low + 1) if cut else (least, most)
    edges = _edges(values[known], float(low), float(high))
    inside = known & (values >= low) & (values <= high)
    sides = [('rows', inside)]
    if found.target is not None and found.target.binary and series.name != found.target.name:
        yes = found.target.y > 0
        sides = [(f'{found.target.name}', inside & yes), ('not', inside & ~yes)]
    left = known.sum() - inside.sum()
    caption = f'{left:,} rows lie outside, from {brief(least)} to {brief(most)}.' if left else ''
    groups = [(name, np.histogram(values[side], edges)[0]) for name, side in sides]
    return histogram(series.name, Axis('value'), groups, edges, caption)


def _edges(values: np.ndarray, low: float, high: float) -> np.ndarray:
    """Thirty bins, or fewer of whole numbers each, lest some hold more of them than others."""
    if (values != np.floor(values)).any() or high - low > 300:
        return np.linspace(low, high, 31)
    step = np.ceil((high - low + 1) / 30)
    return np.arange(np.floor(low), high + step + 1, step) - 0.5
