"""Drift between two choice tables: of what customers look like, of what they could choose, of how they answer.

Each customer counts once in each table, with the newest decision, so that rows are independent of each other; of its
candidates one is drawn for what belongs to candidates. Rates pass their limit when they are off by more than a quarter
and chance (one in a thousand) does not explain it.
"""

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy.stats import chi2, norm

from .boundary import at_boundary
from .choices import Choices
from .report import Section, drift_plot, table, wilson
from .runtime import run
from .stability import moved, moved_kinds
from .svg import Axis, bar_plot, interval_plot
from .trouble import Trouble

FAR = 1.25
"""Rates off by this factor or less are let pass, however sure."""

SURE = 0.001


@dataclass(frozen=True)
class Drift:
    """inputs: (name, index, limit), the worst first. rates: by name, each with value, low, high (95 %), over.

    mixes: by name, (what, share before, share now).
    """

    inputs: list[tuple[str, float, float]]
    rates: dict[str, dict]
    mixes: dict[str, list[tuple[str, float, float]]]
    customers: tuple[int, int]
    offers: tuple[int, int]

    @property
    def over(self) -> list[str]:
        """What passed its limit."""
        inputs = [name for name, index, limit in self.inputs if index > limit]
        return inputs + [name for name, rate in self.rates.items() if rate['over']]

    def summary(self) -> dict:
        """What --json prints of it."""
        inputs = [{'name': name, 'psi': index, 'limit': limit} for name, index, limit in self.inputs]
        sides = ('reference', 'current')
        return {
            'customers': dict(zip(sides, self.customers, strict=True)),
            'offers': dict(zip(sides, self.offers, strict=True)),
            'over': self.over,
            'inputs': inputs,
            'rates': self.rates,
            'mixes': {
                name: [{'name': each, 'reference': before, 'current': now} for each, before, now in rows]
                for name, rows in self.mixes.items()
            },
        }


def drift(reference: Choices, current: Choices, model: Path | None = None) -> Drift:
    """model: a version's folder; then its score and its calibration are looked at too. Raises `Trouble`."""
    if reference.names != current.names:
        other = sorted(set(reference.names) ^ set(current.names)) or reference.names
        raise Trouble(f'the tables have other columns: {", ".join(other[:5])}')
    sides = [_Side(each) for each in (reference, current)]
    inputs = []
    for index, name in enumerate(reference.names):
        rows = [side.candidate if index >= len(reference.features) else side.first for side in sides]
        inputs.append((name, *moved(reference.x[rows[0], index], current.x[rows[1], index])))
    kinds = {'plan held': 'current', 'plan eligible': 'item'}
    for name, column in kinds.items():
        before, now = (side.choices.frame[column].fill_null('none').to_numpy()[side.candidate] for side in sides)
        inputs.append((name, *moved_kinds(before, now)))
    inputs.append(('plan offered', *moved_kinds(*(side.choices.column('item')[side.shown_once] for side in sides))))
    inputs.append(('price ÷ mean of those eligible', *moved(*(side.relative_price() for side in sides))))
    rates = {'acceptance': _ratio(*(side.answers() for side in sides))}
    if model is not None:
        scores = [_scores(model, side.choices, side.candidate) for side in sides]
        inputs.append(('score', *moved(*scores)))
        for name, side in zip(('calibration before', 'calibration'), sides, strict=True):
            expected = _scores(model, side.choices, side.shown).sum()
            rates[name] = _observed_to_expected(side.answers()[0], float(expected))
        # Of the past there is nothing to be alarmed about now.
        rates['calibration before']['over'] = False
    mixes = {
        'plan eligible': _mix(*(side.choices.column('item')[side.candidate] for side in sides)),
        'plan offered': _mix(*(side.choices.column('item')[side.shown] for side in sides)),
    }
    return Drift(
        sorted(inputs, key=lambda each: -each[1] / each[2]),
        rates,
        mixes,
        tuple(len(side.first) for side in sides),
        tuple(len(side.shown) for side in sides),
    )


def drift_sections(found: Drift) -> list[Section]:
    """Of a report."""
    inputs = [[name, index, limit, 'over' if index > limit else ''] for name, index, limit in found.inputs]
    rates = [
        [name, rate['value'], rate['low'], rate['high'], 'over' if rate['over'] else '']
        for name, rate in found.rates.items()
    ]
    drawn = [(name, rate['value'], rate['low'], rate['high']) for name, rate in found.rates.items()]
    mixes = [
        bar_plot(
            f'{name}: points more than before', [(each, 100 * (now - was)) for each, was, now in rows], form='+.2f'
        )
        for name, rows in found.mixes.items()
    ]
    return [
        Section(
            'Answers',
            'Acceptance now to before; accepted to expected by the model, before and now. One is as it was.',
            [
                table(['rate', 'value', 'low', 'high', ''], rates),
                interval_plot('Rates', Axis('times', None), drawn, 'With 95 % intervals.', ('as it was', 1.0)),
            ],
        ),
        Section('Inputs', 'Population stability, the worst first.', [drift_plot(found.inputs)]),
        Section('What there is to choose', '', mixes),
        Section('All inputs', '', [table(['input', 'index', 'limit', ''], inputs)]),
    ]


class _Side:
    """A table with its rows that count. first, candidate, shown_once: (customers,) rows; shown: (offers,) rows."""

    def __init__(self, choices: Choices):
        self.choices = choices
        offers = np.flatnonzero(choices.first('source') == 'offer')
        if len(offers) == 0:
            raise Trouble('a table without offers has nothing to compare')
        order = offers[np.argsort(choices.first('at')[offers], kind='stable')]
        # The last of each customer.
        people, place = np.unique(choices.first('customer')[order][::-1].astype(str), return_index=True)
        newest = order[::-1][place]
        sizes = np.diff(choices.start)[newest]
        draws = np.array([int.from_bytes(hashlib.blake2b(name.encode(), digest_size=4).digest()) for name in people])
        self.first = choices.start[:-1][newest]
        self.candidate = self.first + draws % sizes
        shown = choices.shown()
        self.shown = shown[offers]
        self.shown_once = shown[newest]

    def answers(self) -> tuple[int, int]:
        """Accepted, and offered."""
        return int(self.choices.column('accepted')[self.shown].sum()), len(self.shown)

    def relative_price(self) -> np.ndarray:
        """(customers,) price of the candidate by the mean price of its decision."""
        price, of_row = self.choices.column('price_minor').astype(np.float64), self.choices.of_row
        mean = np.bincount(of_row, price) / np.diff(self.choices.start)
        return price[self.candidate] / mean[of_row[self.candidate]]


def _ratio(before: tuple[int, int], now: tuple[int, int]) -> dict:
    """Of two rates (Katz 1978, half an event more in each): value, low and high, and whether it is far and sure."""
    counts = np.array([before, now]) + np.array([0.5, 1.0])
    ratio = (counts[1, 0] / counts[1, 1]) / (counts[0, 0] / counts[0, 1])
    spread = np.sqrt(np.sum(1 / counts[:, 0] - 1 / counts[:, 1]))

    def ends(share: float) -> list[float]:
        reach = np.exp(norm.ppf(1 - share / 2) * spread)
        return [float(ratio / reach), float(ratio * reach)]

    low, high = wilson(np.array([before[0], now[0]]), np.array([before[1], now[1]]))
    shares = [
        {'value': hits / count, 'low': float(low[side]), 'high': float(high[side])}
        for side, (hits, count) in enumerate((before, now))
    ]
    return {**_judged(float(ratio), ends(0.05), ends(SURE)), 'reference': shares[0], 'current': shares[1]}


def _observed_to_expected(observed: int, expected: float) -> dict:
    """With the exact interval of a Poisson count (Garwood 1936)."""

    def ends(share: float) -> list[float]:
        low = chi2.ppf(share / 2, 2 * observed) / 2 if observed > 0 else 0.0
        return [float(low / expected), float(chi2.ppf(1 - share / 2, 2 * observed + 2) / 2 / expected)]

    if not expected > 0:
        raise Trouble('the model expects nobody to accept: calibration means nothing')
    return _judged(observed / expected, ends(0.05), ends(SURE)) | {'observed': observed, 'expected': expected}


def _judged(value: float, likely: list[float], sure: list[float]) -> dict:
    over = sure[0] > FAR or sure[1] < 1 / FAR
    return {'value': value, 'low': likely[0], 'high': likely[1], 'over': over}


def _scores(model: Path, choices: Choices, rows: np.ndarray) -> np.ndarray:
    """(rows,) probability by a model's graph."""
    try:
        manifest = json.loads((model / 'manifest.json').read_text())
        graph = (model / 'model.onnx').read_bytes()
        wanted, output = manifest['features'] + manifest['pairs'], manifest['outputs']['probability']
    except (OSError, ValueError, KeyError) as error:
        raise Trouble(f'{model} holds no model that gives probabilities: {error!r}') from None
    if hashlib.sha256(graph).hexdigest() != manifest['sha256']:
        raise Trouble(f'{model} has other bytes than its manifest says')
    lacking = [name for name in wanted if name not in choices.names]
    if lacking:
        raise Trouble(f'{model} takes {lacking[0]}, which the tables do not have')
    x = choices.x[rows][:, [choices.names.index(name) for name in wanted]]
    return run(graph, at_boundary(x), output).astype(np.float64)


def _mix(before: np.ndarray, now: np.ndarray) -> list[tuple[str, float, float]]:
    """Shares of each text, the largest change first."""
    names = np.unique(np.concatenate([before, now]).astype(str))
    rows = [(str(name), float(np.mean(before == name)), float(np.mean(now == name))) for name in names]
    return sorted(rows, key=lambda row: -abs(row[2] - row[1]))
