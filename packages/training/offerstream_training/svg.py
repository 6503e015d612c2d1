"""Plots as SVG text, without a library: they stand inside the report and load nothing."""

from html import escape

import numpy as np

WIDTH, HEIGHT, LEFT, BOTTOM = 420, 300, 48, 40
COLOURS = ('#2563a8', '#9a9a9a', '#c2571a')

Line = tuple[str, np.ndarray, np.ndarray]


def line_plot(title: str, across: str, up: str, lines: list[Line], dots: bool = False) -> str:
    """Lines of (name, x, y); the first is ours, the second the reference. Axes start at 0."""
    right = max(float(np.max(x)) for _, x, _ in lines) or 1.0
    top = max(float(np.max(y)) for _, _, y in lines) or 1.0
    shapes = []
    for index, (name, x, y) in enumerate(lines):
        keep = np.unique(np.linspace(0, len(x) - 1, min(len(x), 300)).astype(int))
        points = [(_x(float(x[at]) / right), _y(float(y[at]) / top)) for at in keep]
        colour = COLOURS[index % len(COLOURS)]
        path = ' '.join(f'{a:.1f},{b:.1f}' for a, b in points)
        dash = '' if index == 0 else ' stroke-dasharray="4 4"'
        shapes.append(f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2"{dash}/>')
        if dots and index == 0:
            shapes += [f'<circle cx="{a:.1f}" cy="{b:.1f}" r="3" fill="{colour}"/>' for a, b in points]
        shapes.append(_text(LEFT + 10 + 130 * index, 34, escape(name), f'fill="{colour}"'))
    ticks = [
        _text(_x(share), HEIGHT - BOTTOM + 16, f'{right * share:.3g}', 'text-anchor="middle"')
        + _text(LEFT - 6, _y(share) + 4, f'{top * share:.3g}', 'text-anchor="end"')
        for share in (0, 0.5, 1)
    ]
    return _frame(title, across, up, [*ticks, *shapes])


def bar_plot(title: str, bars: list[tuple[str, float]]) -> str:
    """Bars from the left, one a line."""
    most = max((value for _, value in bars), default=0) or 1.0
    height = 44 + 20 * len(bars)
    rows = [
        _text(170, 52 + 20 * index, escape(name[:26]), 'text-anchor="end"')
        + f'<rect x="176" y="{41 + 20 * index}" width="{length:.1f}" height="13" fill="{COLOURS[0]}"/>'
        + _text(180 + length, 52 + 20 * index, f'{value:.4f}')
        for index, (name, value) in enumerate(bars)
        for length in [max(value, 0) / most * 190]
    ]
    head = _text(10, 20, escape(title), 'font-weight="600"')
    return f'<svg viewBox="0 0 {WIDTH} {height}" role="img" aria-label="{escape(title)}">{head}{"".join(rows)}</svg>'


def _frame(title: str, across: str, up: str, inside: list[str]) -> str:
    axes = f'<path d="M{LEFT} 44V{HEIGHT - BOTTOM}H{WIDTH - 14}" fill="none" stroke="#888"/>'
    words = (
        _text(10, 20, f'{escape(title)}', 'font-weight="600"')
        + _text((WIDTH + LEFT) / 2, HEIGHT - 6, escape(across), 'text-anchor="middle"')
        + _text(12, HEIGHT / 2, escape(up), f'text-anchor="middle" transform="rotate(-90 12 {HEIGHT / 2})"')
    )
    label = escape(title)
    return f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{label}">{axes}{words}{"".join(inside)}</svg>'


def _text(x: float, y: float, text: str, more: str = '') -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" {more}>{text}</text>'


def _x(share: float) -> float:
    return LEFT + share * (WIDTH - LEFT - 20)


def _y(share: float) -> float:
    return HEIGHT - BOTTOM - share * (HEIGHT - BOTTOM - 48)
