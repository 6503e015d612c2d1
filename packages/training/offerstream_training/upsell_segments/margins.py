"""Margins by the model of each row's segment, shrunk to the pooled model, out of fold and for new rows."""

from dataclasses import dataclass

import numpy as np

from ..learners import log_loss
from ..splits import Part
from ..upsell.models import Maker

STRENGTHS = (0.0, 50.0, 200.0, 800.0, np.inf)
"""Positives at which a segment's own model weighs as much as the pooled one; infinite: the pooled model alone."""


@dataclass(frozen=True)
class Sides:
    """Margins out of fold of training rows, (n,), NaN where no fold held them, and of new rows, (m,)."""

    seen: np.ndarray
    new: np.ndarray


def pooled(maker: Maker, x: np.ndarray, y: np.ndarray, x_new: np.ndarray, parts: list[Part]) -> Sides:
    """By one model for everybody. x: (n, inputs), y: (n,) of 0 and 1, x_new: (m, inputs)."""
    seen = np.full(len(y), np.nan)
    for train, held in parts:
        seen[held] = maker.fit(x[train], y[train])(x[held])
    return Sides(seen, maker.fit(x, y)(x_new))


def by_segment(
    maker: Maker,
    x: np.ndarray,
    y: np.ndarray,
    x_new: np.ndarray,
    parts: list[Part],
    code: tuple[np.ndarray, np.ndarray],
    fallback: Sides,
) -> Sides:
    """By a model for each segment; by the fallback where a row has none or its segment holds one class.

    code: the segments of training rows (n,) and of new rows (m,), from 0, −1 for none.
    """
    own, new = code
    seen = fallback.seen.copy()
    for train, held in parts:
        seen[held] = own_margins(maker, x[train], y[train], own[train], x[held], own[held], fallback.seen[held])
    return Sides(seen, own_margins(maker, x, y, own, x_new, new, fallback.new))


def own_margins(
    maker: Maker,
    x: np.ndarray,
    y: np.ndarray,
    code: np.ndarray,
    x_new: np.ndarray,
    code_new: np.ndarray,
    otherwise: np.ndarray,
) -> np.ndarray:
    """Margins of new rows (m,) by the model of their segment, fitted on the rows of that segment."""
    out = otherwise.copy()
    for segment in np.unique(code[code >= 0]):
        here, there = code == segment, code_new == segment
        if there.any() and y[here].min() < y[here].max():
            out[there] = maker.fit(x[here], y[here])(x_new[there])
    return out


def shrunk(y: np.ndarray, code: tuple[np.ndarray, np.ndarray], own: Sides, base: Sides) -> tuple[Sides, float]:
    """Each segment's margins drawn to the pooled ones, w · own + (1 − w) · pooled, w = positives / (positives + k).

    One k for all segments, the one of `STRENGTHS` with the least log-loss out of fold, is returned too.
    """
    positives = np.bincount(code[0][code[0] >= 0], y[code[0] >= 0])
    tried = [(log_loss(_mixed(own.seen, base.seen, code[0], positives, k), y), k) for k in STRENGTHS]
    k = min(tried)[1]
    return Sides(*(_mixed(a, b, c, positives, k) for a, b, c in _both(own, base, code))), k


def weight(positives: np.ndarray, k: float) -> np.ndarray:
    """Of a segment's own model.

    >>> weight(np.array([50.0, 150.0]), 50.0).tolist()
    [0.5, 0.75]
    """
    return np.zeros(len(positives)) if np.isinf(k) else positives / (positives + k)


def _both(own: Sides, base: Sides, code: tuple[np.ndarray, np.ndarray]):
    return ((own.seen, base.seen, code[0]), (own.new, base.new, code[1]))


def _mixed(own: np.ndarray, base: np.ndarray, code: np.ndarray, positives: np.ndarray, k: float) -> np.ndarray:
    share = np.append(weight(positives, k), 0.0)[code]
    return share * own + (1 - share) * base
