"""Plots as SVG text, without a library: they stand in a report, load nothing, and take their colours from its style.

Each function gives a `<figure>`: a title, axes with round ticks, a legend where there is more than one thing to tell
apart, and a caption that says what one sees. Numbers that are missing or infinite are not drawn.

    plot(title, Axis(…), Axis(…), [Curve(name, x, y, low, high, look)], caption)    curves, bands, dots, references
    histogram(title, Axis(…), [(name, counts)], edges, caption)                     shares of several groups in bins
    interval_plot(title, Axis(…), [(name, value, low, high)], caption, reference)   a dot and its interval on each line
    bar_plot(title, [(name, value)], caption, form)                                 a bar on each line
    heat_map(title, rows, columns, values, caption)                                 (rows, columns) from -1 to 1
    line_plot(title, across, up, [(name, x, y)], dots, caption)                     curves without more ado
"""

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from typing import Literal

import numpy as np

WIDTH, HEIGHT, LEFT, RIGHT, BOTTOM = 460, 310, 56, 18, 44
LETTER = 5.9
"""Width of a letter, about, in the font of the plots."""
COLOURS = 6
MOST_POINTS = 300
WIDE_FROM = 14
"""A heat map with more columns takes the whole line."""

Line = tuple[str, np.ndarray, np.ndarray]
Look = Literal['line', 'dots', 'reference']


@dataclass(frozen=True)
class Axis:
    """What runs along it. It begins and ends with its values where `low` and `high` are None."""

    title: str
    low: float | None = 0.0
    high: float | None = None
    percent: bool = False
    labels: Sequence[str] | None = None
    """Of the places 0, 1, 2, … instead of numbers."""


@dataclass(frozen=True)
class Curve:
    """x, y: (n,). low, high: (n,), drawn as a band, or as whiskers of dots."""

    name: str
    x: np.ndarray
    y: np.ndarray
    low: np.ndarray | None = None
    high: np.ndarray | None = None
    look: Look = 'line'


@dataclass(frozen=True)
class _Scale:
    """From a value to a place on the drawing."""

    low: float
    high: float
    start: float
    end: float

    def __call__(self, value: float) -> float:
        return self.start + (value - self.low) / (self.high - self.low) * (self.end - self.start)


def ticks(low: float, high: float, most: int = 6) -> list[float]:
    """Round numbers from low to high, in steps of 1, 2 or 5 times a power of ten.

    >>> ticks(0, 0.23), ticks(-3, 12)
    ([0.0, 0.05, 0.1, 0.15, 0.2], [0.0, 5.0, 10.0])
    """
    rough = (high - low) / most
    power = 10.0 ** np.floor(np.log10(rough))
    step = next(power * each for each in (1, 2, 5, 10) if power * each >= rough * (1 - 1e-9))
    first, last = int(np.ceil(low / step - 1e-9)), int(np.floor(high / step + 1e-9))
    return [float(f'{at * step:.12g}') for at in range(first, last + 1)]


def plot(title: str, across: Axis, up: Axis, curves: Sequence[Curve], caption: str = '') -> str:
    """Curves on common axes, the first in the first colour."""
    legend, top = _legend(curves) if len(curves) > 1 else ('', 34)
    x = _scale(across, [curve.x for curve in curves], LEFT, WIDTH - RIGHT)
    heights = [each for curve in curves for each in (curve.y, curve.low, curve.high) if each is not None]
    y = _scale(up, heights, HEIGHT - BOTTOM, top)
    shapes = [_grid(across, up, x, y, top)]
    colours = _colours(curves)
    for curve, colour in zip(curves, colours, strict=True):
        shapes += _curve(curve, colour, x, y)
    return _figure(title, HEIGHT, [*shapes, legend], caption)


def line_plot(title: str, across: str, up: str, lines: list[Line], dots: bool = False, caption: str = '') -> str:
    """Lines of (name, x, y); the first is ours, the others references. Axes start at 0."""
    curves = [
        Curve(name, x, y, look=('dots' if dots else 'line') if index == 0 else 'reference')
        for index, (name, x, y) in enumerate(lines)
    ]
    return plot(title, Axis(across), Axis(up), curves, caption)


def histogram(title: str, across: Axis, groups: Sequence[tuple[str, np.ndarray]], edges: np.ndarray, caption='') -> str:
    """Each group's share of its own in each bin. groups: (name, counts (bins,)); edges: (bins + 1,)."""
    curves = []
    for name, counts in groups:
        share = np.asarray(counts, dtype=np.float64) / max(float(np.sum(counts)), 1e-300)
        x = np.repeat(edges, 2)
        y = np.concatenate([[0.0], np.repeat(share, 2), [0.0]])
        curves.append(Curve(name, x, y, np.zeros(len(x)), y))
    axis = Axis(across.title, float(edges[0]), float(edges[-1]), across.percent, across.labels)
    return plot(title, axis, Axis('share of the group', percent=True), curves, caption)


def interval_plot(
    title: str,
    across: Axis,
    rows: Sequence[tuple[str, float, float, float]],
    caption: str = '',
    reference: tuple[str, float] | None = None,
) -> str:
    """A dot with its interval on each line, and a reference across all of them, such as the mean."""
    names = [_short(row[0]) for row in rows]
    left = _margin(names)
    height = 56 + 19 * len(rows) + BOTTOM
    values = [np.array([number for row in rows for number in row[1:]] + ([reference[1]] if reference else []))]
    x = _scale(across, values, left, WIDTH - RIGHT)
    bottom = height - BOTTOM
    shapes = [_across(across, x, 40, bottom)]
    if reference is not None:
        at = x(reference[1])
        side = 'end' if at > (left + WIDTH) / 2 else 'start'
        shapes.append(f'<path class="ref" d="M{at:.1f} 40V{bottom}"/>')
        shapes.append(_text(at + (-4 if side == 'end' else 4), 51, reference[0], f'class="soft" text-anchor="{side}"'))
    for index, (row, short) in enumerate(zip(rows, names, strict=True)):
        name, value, low, high = row
        y = 65 + 19 * index
        tip = f'{name}: {_number(value, across.percent)} ({_number(low, across.percent)} – '
        tip += f'{_number(high, across.percent)})'
        marks = f'<title>{escape(tip)}</title>' + _text(left - 8, y + 4, short, 'text-anchor="end"')
        if np.isfinite([value, low, high]).all():
            marks += f'<path class="s0 whisker" d="M{x(low):.1f} {y}H{x(high):.1f}"/>'
            marks += f'<circle class="f0" cx="{x(value):.1f}" cy="{y}" r="3.5"/>'
        shapes.append(f'<g>{marks}</g>')
    return _figure(title, height, shapes, caption)


def bar_plot(title: str, bars: Sequence[tuple[str, float]], caption: str = '', form: str = '.4f') -> str:
    """A bar on each line with its number; what is below 0 goes to the left."""
    known = [(name, float(value)) for name, value in bars if np.isfinite(value)]
    names = [_short(name) for name, _ in known]
    left = _margin(names)
    ends = [value for _, value in known] + [0.0]
    widest = max((len(format(value, form)) for _, value in known), default=0) * LETTER + 8
    room = widest if min(ends) < 0 else 0
    low, high = min(ends), max(ends)
    x = _Scale(low, high if high > low else low + 1, left + room, WIDTH - RIGHT - widest)
    shapes = []
    for index, ((name, value), short) in enumerate(zip(known, names, strict=True)):
        y = 36 + 20 * index
        start, end = sorted((x(0.0), x(value)))
        tip = escape(f'{name}: {format(value, form)}')
        bar = f'<rect class="f0" x="{start:.1f}" y="{y}" width="{max(end - start, 0.5):.1f}" height="14" rx="2"/>'
        place, side = (end + 5, 'start') if value >= 0 else (start - 5, 'end')
        number = _text(place, y + 11, format(value, form), f'text-anchor="{side}"')
        label = _text(left - 8, y + 11, short, 'text-anchor="end"')
        shapes.append(f'<g><title>{tip}</title>{label}{bar}{number}</g>')
    return _figure(title, 44 + 20 * len(known), shapes, caption)


def heat_map(
    title: str, rows: Sequence[str], columns: Sequence[str], values: np.ndarray, caption: str = '', form: str = '.2f'
) -> str:
    """values: (rows, columns) from -1 to 1, missing drawn empty; numbers stand in the cells of a small one."""
    names, heads = [_short(name) for name in rows], [_short(name, 18) for name in columns]
    left = _margin(names)
    slant = max((len(head) for head in heads), default=0) * LETTER * 0.75
    above = 34 + slant
    wide = len(columns) > WIDE_FROM
    cell = min(38.0, ((2 * WIDTH if wide else WIDTH) - left - max(slant, RIGHT)) / max(len(columns), 1))
    high = min(max(cell, 14.0), 24.0)
    shapes = []
    for at, head in enumerate(heads):
        x = left + cell * (at + 0.5) + 3
        shapes.append(_text(x, above - 5, head, f'transform="rotate(-45 {x:.1f} {above - 5:.1f})"'))
    for line, name in enumerate(names):
        y = above + high * line
        shapes.append(_text(left - 6, y + high / 2 + 4, name, 'text-anchor="end"'))
        for at in range(len(columns)):
            value = float(np.round(values[line, at], 3)) + 0.0
            if not np.isfinite(value):
                continue
            tip = escape(f'{rows[line]} and {columns[at]}: {format(value, form)}')
            side = 'f0' if value >= 0 else 'f1'
            shapes.append(
                f'<rect class="{side}" fill-opacity="{min(abs(value), 1) * 0.85:.2f}" x="{left + cell * at:.1f}" '
                f'y="{y:.1f}" width="{cell - 1:.1f}" height="{high - 1:.1f}"><title>{tip}</title></rect>'
            )
            if cell >= 30 and high >= 16:
                shapes.append(
                    _text(left + cell * (at + 0.5), y + high / 2 + 4, format(value, form), 'text-anchor="middle"')
                )
    return _figure(title, above + high * len(rows) + 8, shapes, caption, wide)


def _scale(axis: Axis, values: Sequence[np.ndarray], start: float, end: float) -> _Scale:
    """Over the values, with a little air at the open end."""
    known = np.concatenate([np.asarray(each, dtype=np.float64).ravel() for each in values] or [np.zeros(1)])
    known = known[np.isfinite(known)]
    least, most = (float(known.min()), float(known.max())) if len(known) else (0.0, 1.0)
    low = least if axis.low is None else min(axis.low, least)
    high = most if axis.high is None else max(axis.high, most)
    if high <= low:
        low, high = (low - 0.5, high + 0.5) if axis.low is None else (low, low + 1)
    air = 0.04 * (high - low)
    if axis.high is None and axis.labels is None:
        high += air
    if (axis.low is None or low < axis.low) and axis.labels is None:
        low -= air
    if axis.labels is not None:
        low, high = low - 0.3, high + 0.3
    return _Scale(low, high, start, end)


def _grid(across: Axis, up: Axis, x: _Scale, y: _Scale, top: float) -> str:
    floor = HEIGHT - BOTTOM
    lines = [
        f'<path class="grid" d="M{LEFT} {y(at):.1f}H{WIDTH - RIGHT}"/>'
        + _text(LEFT - 6, y(at) + 4, _tick(at, up.percent, y), 'text-anchor="end"')
        for at in ticks(y.low, y.high)
    ]
    middle = (floor + top) / 2
    lines.append(
        _text(13, middle, up.title, f'class="soft" text-anchor="middle" transform="rotate(-90 13 {middle:.1f})"')
    )
    return ''.join(lines) + _across(across, x, top, floor)


def _across(axis: Axis, x: _Scale, top: float, floor: float) -> str:
    """The axis from left to right, with its ticks and its title."""
    marks = [f'<path class="axis" d="M{x.start:.1f} {floor:.1f}H{x.end:.1f}"/>']
    if axis.labels is None:
        places = [(at, _tick(at, axis.percent, x)) for at in ticks(x.low, x.high)]
    else:
        widest = max((len(label) for label in axis.labels), default=1) * LETTER + 10
        every = max(1, int(np.ceil(len(axis.labels) * widest / (x.end - x.start))))
        places = [(at, label) for at, label in enumerate(axis.labels) if at % every == 0]
    for at, label in places:
        marks.append(f'<path class="grid" d="M{x(at):.1f} {top:.1f}V{floor:.1f}"/>')
        marks.append(_text(x(at), floor + 16, label, 'text-anchor="middle"'))
    middle = (x.start + x.end) / 2
    marks.append(_text(middle, floor + BOTTOM - 8, axis.title, 'class="soft" text-anchor="middle"'))
    return ''.join(marks)


def _curve(curve: Curve, colour: str, x: _Scale, y: _Scale) -> list[str]:
    """Its band or whiskers, its line, its dots; long ones thinned."""
    places = np.asarray(curve.x, dtype=np.float64)
    keep = np.unique(np.linspace(0, len(places) - 1, min(len(places), MOST_POINTS)).astype(int))
    edges = [np.asarray(each, dtype=np.float64) for each in (curve.y, curve.low, curve.high) if each is not None]
    keep = keep[np.isfinite(places[keep]) & np.isfinite([edge[keep] for edge in edges]).all(axis=0)]
    if len(keep) == 0:
        return []
    line = [(x(places[at]), y(edges[0][at])) for at in keep]
    shapes = []
    if len(edges) == 3:
        low = [(x(places[at]), y(edges[1][at])) for at in keep]
        high = [(x(places[at]), y(edges[2][at])) for at in keep]
        if curve.look == 'dots':
            ends = zip(low, high, strict=True)
            whiskers = ''.join(f'M{a:.1f} {b:.1f}V{top:.1f}' for (a, b), (_, top) in ends)
            shapes.append(f'<path class="s{colour} whisker" d="{whiskers}"/>')
        else:
            shapes.append(f'<polygon class="f{colour} band" points="{_points([*low, *reversed(high)])}"/>')
    if curve.look == 'reference':
        shapes.append(f'<polyline class="ref r{colour}" points="{_points(line)}"/>')
    else:
        shapes.append(f'<polyline class="s{colour}" points="{_points(line)}"/>')
    if curve.look == 'dots':
        shapes += [f'<circle class="f{colour}" cx="{a:.1f}" cy="{b:.1f}" r="3"/>' for a, b in line]
    return shapes


def _colours(curves: Sequence[Curve]) -> list[str]:
    """References are grey, the others take turns."""
    out, at = [], 0
    for curve in curves:
        out.append('g' if curve.look == 'reference' else str(at % COLOURS))
        at += curve.look != 'reference'
    references = [index for index, each in enumerate(out) if each == 'g']
    for turn, index in enumerate(references):
        out[index] = f'g{turn % 3}'
    return out


def _legend(curves: Sequence[Curve]) -> tuple[str, float]:
    """In as many lines as it needs, and where the plot may begin."""
    x, y, parts = float(LEFT), 40.0, []
    for curve, colour in zip(curves, _colours(curves), strict=True):
        name = _short(curve.name, 40)
        wide = 24 + len(name) * LETTER + 14
        if x + wide > WIDTH and x > LEFT:
            x, y = float(LEFT), y + 16
        key = f'class="ref r{colour}"' if curve.look == 'reference' else f'class="s{colour}"'
        parts.append(f'<path {key} d="M{x:.1f} {y - 4:.1f}h18"/>' + _text(x + 23, y, name))
        x += wide
    return ''.join(parts), y + 12


def _figure(title: str, height: float, shapes: list[str], caption: str, wide: bool = False) -> str:
    """A wide one takes the whole line of a report."""
    label = escape(title, quote=True)
    width, kind = (2 * WIDTH, ' class="wide"') if wide else (WIDTH, '')
    said = f'<figcaption>{escape(caption)}</figcaption>' if caption else ''
    return (
        f'<figure{kind}><svg viewBox="0 0 {width} {height:.0f}" role="img" aria-label="{label}"><title>{label}</title>'
        f'<text class="head" x="10" y="18">{label}</text>{"".join(shapes)}</svg>{said}</figure>'
    )


def _text(x: float, y: float, text: str, more: str = '') -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" {more}>{escape(text)}</text>'


def _points(places: list[tuple[float, float]]) -> str:
    return ' '.join(f'{a:.1f},{b:.1f}' for a, b in places)


def _margin(names: Sequence[str]) -> float:
    """Room for names on the left."""
    return min(max((len(name) for name in names), default=4) * LETTER + 18, 210)


def _short(name: str, most: int = 32) -> str:
    return name if len(name) <= most else f'{name[: most - 1]}…'


def _tick(value: float, percent: bool, scale: _Scale) -> str:
    """Just as many digits as tell the ticks apart."""
    if percent:
        fine = (scale.high - scale.low) * 100 < 5
        return f'{value * 100:.1f} %' if fine else f'{value * 100:.0f} %'
    if abs(value) >= 1e6:
        return f'{value / 1e6:.4g} M'
    if 0 < abs(value) < 1e-3:
        return f'{value:.2g}'
    return f'{value:,.0f}' if float(value).is_integer() else f'{value:.4g}'


def _number(value: float, percent: bool) -> str:
    if not np.isfinite(value):
        return 'unknown'
    return f'{value:.2%}' if percent else f'{value:.4g}'
