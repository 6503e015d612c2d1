import re
from xml.etree import ElementTree

import numpy as np

from offerstream_training.report import (
    Section,
    calibration_plot,
    classify_report,
    confusion,
    document,
    drift_plot,
    rank_plot,
    rank_report,
    trend_plot,
)
from offerstream_training.svg import Axis, Curve, bar_plot, heat_map, histogram, interval_plot, plot

METRICS = {'auc': {'value': 0.6, 'low': 0.5, 'high': 0.7}}
NAME = 'a <b> & "c" \' d'


def rows(count: int = 400) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(0)
    p = random.beta(2, 20, count)
    return (random.random(count) < p).astype(np.int64), p


def figures(html: str) -> list[ElementTree.Element]:
    """Every figure, which must be well-formed."""
    return [ElementTree.fromstring(each) for each in re.findall(r'<figure.*?</figure>', html, re.S)]


def assert_whole(html: str) -> None:
    """One file, which loads nothing."""
    assert not re.search(r'https?:|src=|href=|url\(|@import|<script|<link', html)
    assert re.search(r'\b(nan|inf)\b', html) is None
    for figure in figures(html):
        title = figure.find('svg/title')
        assert title is not None and title.text == figure.find('svg').get('aria-label')


def every_block() -> list[str]:
    happened, p = rows()
    at = np.arange(5.0)
    gap = np.array([1.0, np.nan, np.inf, 2.0, 3.0])
    return [
        rank_plot([(NAME, p), ('other', 1 - p)]),
        drift_plot([(NAME, 0.3, 0.1), ('still', 0.0, 0.1)]),
        trend_plot('trend', NAME, [f'2025-0{month}' for month in range(1, 6)], [('us', at, at - 1, at + 1)]),
        bar_plot(NAME, [(NAME, 0.2), ('less', -0.1), ('nothing known', np.nan)]),
        bar_plot('no bars', []),
        heat_map('few', ['a', NAME], ['x', 'y'], np.array([[1, np.nan], [-0.5, 0]])),
        heat_map('many', ['a'], [f'column {at}' for at in range(20)], np.zeros((1, 20))),
        interval_plot('slices', Axis('rate', percent=True), [(NAME, 0.1, 0.0, 0.2), ('empty', np.nan, 0, 1)]),
        histogram('counts', Axis('x'), [('none', np.zeros(3)), ('some', np.ones(3))], np.arange(4.0)),
        plot('gap', Axis('x', None), Axis('y', None), [Curve(NAME, at, gap, gap - 1, gap + 1), Curve('2', at, at)]),
        plot('constant', Axis('x', None), Axis('y', None), [Curve('one', np.ones(1), np.ones(1))]),
        confusion(happened, p > 0.1),
    ]


def test_a_report_of_any_fit_is_one_file_that_loads_nothing():
    happened, p = rows()
    weights = [(NAME, 0.1), ('worse than nothing', -0.01)]
    told = classify_report(NAME, happened, p, 0.1, METRICS, {'base rate': METRICS}, weights, [NAME], {'rows': 400})
    ndcg = {f'ndcg{depth}': METRICS['auc'] for depth in (1, 3)}
    ranked = rank_report(NAME, ndcg, {'by chance': ndcg}, weights, [], NAME)
    blocks = document(NAME, NAME, [Section(NAME, NAME, every_block())], [NAME])
    for html, plots in ((told, 6), (ranked, 2), (blocks, 11)):
        assert_whole(html)
        assert len(figures(html)) == plots
        assert '<b>' not in html.replace('<br>', '')
        assert html.count('<div') == html.count('</div>')


def test_a_constant_score_can_be_drawn():
    happened, _ = rows(30)
    assert_whole(classify_report('m', happened, np.full(30, 0.07), 0.1, METRICS, {}, [], [], {}))


def test_calibration_shows_how_often_it_happened():
    p = np.repeat([0.1, 0.9], 50)
    happened = np.tile([1] + [0] * 4, 20)
    dots = [each for each in figures(calibration_plot(happened, p, 2))[0].iter('circle')]
    assert len(dots) == 2
    assert dots[0].get('cy') == dots[1].get('cy'), 'both happened in a fifth of the rows'
    assert float(dots[0].get('cx')) < float(dots[1].get('cx'))


def test_a_confusion_counts_who_was_contacted():
    text = confusion(np.array([1, 1, 1, 0, 0]), np.array([True, True, False, True, False]))
    cells = re.findall(r'<td>(.*?)</td>', text)
    assert cells[:8] == ['contacted', '2', '1', '66.67%', 'left alone', '1', '1', '50.00%']
