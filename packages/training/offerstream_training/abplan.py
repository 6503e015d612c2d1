"""`pnpm train ab-plan`: how many customers an experiment needs, how many weeks they take, and no where that is long."""

import argparse
import json
import math
from dataclasses import asdict, dataclass, fields
from pathlib import Path

import numpy as np
from scipy.stats import nct, norm, skew, t

from .table import column, read_table
from .trouble import Trouble

METRICS = ('proportion', 'mean', 'heavy')
SKEW_RULE = 355
"""Customers an arm for each squared unit of skewness, so that a mean's 95 % interval holds its level: Kohavi et al.,
Seven rules of thumb for web site experimenters, KDD 2014, rule 7."""
LARGEST = 10**9
"""More customers an arm than this nobody has."""


@dataclass(frozen=True)
class Asked:
    """The command line. `effect` is absolute, or with `relative` a share of the baseline."""

    baseline: float | None
    effect: float
    relative: bool = False
    alpha: float = 0.05
    power: float = 0.8
    arms: int = 2
    customers: float | None = None
    """That come in a week."""
    weeks: int = 8
    """It may take at most."""
    metric: str = 'proportion'
    sd: float | None = None
    sample: Path | None = None
    column: str | None = None


@dataclass(frozen=True)
class Plan:
    """What the numbers say. `weeks` and `available` are None without traffic; `feasible` then too."""

    metric: str
    baseline: float
    effect: float
    alpha: float
    perComparison: float
    power: float
    arms: int
    perArm: int
    total: int
    weeks: int | None
    feasible: bool | None
    available: dict[str, float] | None
    says: list[str]


def add_command(commands) -> None:
    """`ab-plan` among the subparsers."""
    parser = commands.add_parser(
        'ab-plan',
        help='how many customers an experiment needs, and how long they take to come',
        epilog='exit codes: 0 it can be done, or no traffic was named; 3 not in that time with that traffic; 1 trouble',
    )
    parser.add_argument('--baseline', type=float, metavar='P', help='the share or mean without the change')
    parser.add_argument('--effect', type=float, required=True, metavar='D', help='the smallest difference that matters')
    parser.add_argument('--relative', action='store_true', help='the effect is a share of the baseline')
    parser.add_argument('--alpha', type=float, default=0.05, help='false alarms over all arms, two-sided (0.05)')
    parser.add_argument('--power', type=float, default=0.8, help='of finding the effect (0.8)')
    parser.add_argument('--arms', type=int, default=2, metavar='N', help='the one without a change included (2)')
    parser.add_argument('--customers', type=float, metavar='N', help='that come in a week')
    parser.add_argument('--weeks', type=int, default=8, metavar='N', help='that it may take (8)')
    parser.add_argument('--metric', choices=METRICS, default='proportion')
    parser.add_argument('--sd', type=float, metavar='S', help='standard deviation of a mean')
    parser.add_argument('--sample', type=Path, metavar='FILE', help='measured values, for a mean or a heavy tail')
    parser.add_argument('--column', metavar='COL', help='of the sample, where it has several')
    parser.add_argument('--json', action='store_true', help='one object on the last line')
    parser.set_defaults(run=_run)


def _run(options: argparse.Namespace) -> int:
    plan = ab_plan(Asked(**{each.name: getattr(options, each.name) for each in fields(Asked)}))
    print('\n'.join(plan_text(plan)))
    if options.json:
        print(json.dumps(plan))
    return 3 if plan['feasible'] is False else 0


def plan_text(plan: dict) -> list[str]:
    """In lines for the reader."""
    many, changed = plan['arms'], plan['baseline'] + plan['effect']
    levels = f'alpha {plan["alpha"]:g}, power {plan["power"]:.0%}'
    head = f'{plan["metric"]}: {plan["baseline"]:.5g} against {changed:.5g}, {levels}'
    return [head, f'{plan["perArm"]:,} customers an arm, {plan["total"]:,} in {many} arms', *plan['says']]


def ab_plan(asked: Asked) -> dict:
    """The plan as --json prints it. Raises `Trouble` for numbers that make no experiment."""
    _check(asked)
    values = None if asked.sample is None else _values(asked.sample, asked.column)
    baseline = asked.baseline if values is None else float(values.mean())
    if baseline is None:
        raise Trouble('--baseline is missing; only a --sample brings its own')
    effect = asked.effect * abs(baseline) if asked.relative else asked.effect
    if effect == 0:
        raise Trouble('an effect of nothing cannot be shown; name the smallest one that matters')
    level = asked.alpha / (asked.arms - 1)
    says = []
    if asked.arms > 2:
        says.append(
            f'Holm over {asked.arms - 1} comparisons: planned for its first step, at {level:.3g} each, so that one arm '
            'with the effect is found whatever the others do'
        )
    if asked.metric == 'proportion':
        _check_share(baseline, effect)

        def power_of(each: int) -> float:
            return power_of_proportions(baseline, baseline + effect, each, each, level)
    elif asked.metric == 'mean':
        spread = asked.sd if asked.sd is not None else None if values is None else float(values.std(ddof=1))
        if spread is None or not spread > 0:
            raise Trouble('--metric mean wants --sd above 0, or a --sample whose values differ')

        def power_of(each: int) -> float:
            return power_of_means(effect / spread, each, level)
    else:
        if values is None:
            raise Trouble('--metric heavy wants --sample FILE: a tail is not guessed')
        simulation = HeavyTail(values, effect)

        def power_of(each: int) -> float:
            return simulation.power(each, level)

        least = simulation.least
        says.append(
            f'skewness {simulation.skewness:.3g} asks for {least:,} an arm (355 · skewness²); '
            f'Welch’s test was tried on {simulation.tries} pairs of samples drawn from the file'
        )
    per_arm = smallest(power_of, asked.power)
    if asked.metric == 'heavy':
        per_arm = max(per_arm, least)
        alarms = simulation.false_alarms(per_arm, level)
        says.append(f'without an effect it calls one in {alarms:.1%} of samples of that size')
    return asdict(_with_traffic(asked, baseline, effect, level, per_arm, power_of, says))


def smallest(power_of, wanted: float) -> int:
    """The fewest customers an arm with that power. `power_of(n)` rises with n; to five digits.

    Raises `Trouble` where not even a billion would do.

    >>> smallest(lambda n: power_of_proportions(0.0005, 0.0008, n, n, 0.05), 0.8)
    113298
    """
    high = 4
    while power_of(high) < wanted:
        high *= 2
        if high > LARGEST:
            raise Trouble('an effect this small cannot be shown to anybody: it wants more than a billion an arm')
    low = high // 2
    while high - low > max(1, high // 100_000):
        middle = (low + high) // 2
        low, high = (low, middle) if power_of(middle) >= wanted else (middle, high)
    return high


def power_of_proportions(p: float, q: float, n: float, m: float, alpha: float) -> float:
    """Of the two-sided z test of a share p among n against a share q among m, variance pooled under equality.

    Both tails are counted. Fleiss, Levin and Paik, Statistical Methods for Rates and Proportions, 3rd ed. 2003,
    section 4.2.

    >>> round(power_of_proportions(0.0005, 0.0008, 10_000, 10_000, 0.05), 2)
    0.13
    """
    pooled = (p * n + q * m) / (n + m)
    equal = math.sqrt(pooled * (1 - pooled) * (1 / n + 1 / m))
    other = math.sqrt(p * (1 - p) / n + q * (1 - q) / m)
    if other == 0:
        return 1.0 if p != q else 0.0
    edge = norm.isf(alpha / 2) * equal
    return float(norm.sf((edge - (q - p)) / other) + norm.cdf((-edge - (q - p)) / other))


def power_of_means(standardised: float, n: int, alpha: float) -> float:
    """Of the two-sided t test with n an arm and a difference of so many standard deviations, by the noncentral t.

    Cohen, Statistical Power Analysis for the Behavioral Sciences, 2nd ed. 1988, section 2.2.

    >>> [round(power_of_means(0.5, n, 0.05), 4) for n in (63, 64)]
    [0.7952, 0.8015]
    """
    free = 2 * n - 2
    shift = abs(standardised) * math.sqrt(n / 2)
    if free > 1e5:  # There the noncentral t is the normal, and its series is slow.
        edge = norm.isf(alpha / 2)
        return float(norm.sf(edge - shift) + norm.cdf(-edge - shift))
    edge = t.isf(alpha / 2, free)
    return float(nct.sf(edge, free, shift) + nct.cdf(-edge, free, shift))


class HeavyTail:
    """Experiments drawn from measured values, (n,); whoever is treated has theirs times 1 + effect / mean."""

    def __init__(self, values: np.ndarray, effect: float, tries: int = 800):
        self.values = np.asarray(values, dtype=np.float64)
        if self.values.mean() == 0:
            raise Trouble('the values of the sample have mean 0: nothing to change by a factor')
        if self.values.std() == 0:
            raise Trouble('the values of the sample are all the same: no tail')
        self.factor = 1 + effect / self.values.mean()
        self.tries = tries
        self.skewness = float(skew(self.values))
        self.least = math.ceil(SKEW_RULE * self.skewness**2)

    def power(self, n: int, alpha: float) -> float:
        """How often Welch's test finds the effect with n an arm; the same for the same n."""
        return self._found(n, alpha, self.factor)

    def false_alarms(self, n: int, alpha: float) -> float:
        """How often it finds one where there is none."""
        return self._found(n, alpha, 1.0)

    def _found(self, n: int, alpha: float, factor: float) -> float:
        random = np.random.default_rng(0)
        control, treated = (self._moments(random, n) for _ in range(2))
        gap = treated[0] * factor - control[0]
        variance = np.maximum((treated[1] * factor**2 + control[1]) / n, 1e-300)
        return float((np.abs(gap) / np.sqrt(variance) > t.isf(alpha / 2, max(n - 1, 1))).mean())

    def _moments(self, random: np.random.Generator, n: int) -> tuple[np.ndarray, np.ndarray]:
        """Mean and variance of samples of n with replacement, (tries,) each."""
        sums = np.empty((self.tries, 2))
        share = np.full(len(self.values), 1 / len(self.values))
        squares = self.values**2
        for at in range(self.tries):
            if n < len(self.values):
                drawn = self.values[random.integers(0, len(self.values), n)]
                sums[at] = drawn.sum(), drawn @ drawn
            else:
                times = random.multinomial(n, share)
                sums[at] = times @ self.values, times @ squares
        mean = sums[:, 0] / n
        return mean, np.maximum(sums[:, 1] / n - mean**2, 0) * n / max(n - 1, 1)


def _with_traffic(
    asked: Asked, baseline: float, effect: float, level: float, per_arm: int, power_of, says: list[str]
) -> Plan:
    total = per_arm * asked.arms
    weeks = feasible = available = None
    if asked.customers is not None:
        weeks = math.ceil(total / asked.customers)
        feasible = weeks <= asked.weeks
        there = asked.customers * asked.weeks
        each = int(there // asked.arms)
        power = power_of(each) if each >= 2 else 0.0
        available = {'customers': there, 'perArm': each, 'power': power}
        if feasible:
            says.append(f'yes: {weeks} week{"" if weeks == 1 else "s"} at {asked.customers:,.0f} customers a week')
        else:
            says.append(
                f'no: {there:,.0f} customers, all that come in {asked.weeks} week{"" if asked.weeks == 1 else "s"}, '
                f'show it with power {power:.0%}; {asked.power:.0%} wants {total:,}, which takes {weeks:,} weeks'
            )
    given = {'metric': asked.metric, 'baseline': baseline, 'effect': effect, 'alpha': asked.alpha}
    sizes = {'power': asked.power, 'arms': asked.arms, 'perArm': per_arm, 'total': total}
    return Plan(**given, perComparison=level, **sizes, weeks=weeks, feasible=feasible, available=available, says=says)


def _check(asked: Asked) -> None:
    if asked.metric not in METRICS:
        raise Trouble(f'--metric is {asked.metric}, wanted one of {", ".join(METRICS)}')
    for name, value in {'alpha': asked.alpha, 'power': asked.power}.items():
        if not 0 < value < 1:
            raise Trouble(f'--{name} is {value:g}, wanted between 0 and 1')
    if asked.power <= asked.alpha:
        raise Trouble(f'--power {asked.power:g} is no more than --alpha {asked.alpha:g}: a coin does it')
    if asked.arms < 2:
        raise Trouble(f'--arms is {asked.arms}, wanted 2 at least: one of them is as it was')
    if asked.weeks < 1:
        raise Trouble(f'--weeks is {asked.weeks}, wanted 1 at least')
    if asked.customers is not None and not asked.customers > 0:
        raise Trouble(f'--customers is {asked.customers:g}, wanted above 0')
    for name in ('baseline', 'effect', 'sd'):
        value = getattr(asked, name)
        if value is not None and not math.isfinite(value):
            raise Trouble(f'--{name} is {value}, wanted a number')


def _check_share(baseline: float, effect: float) -> None:
    for name, share in {'baseline': baseline, 'baseline with the effect': baseline + effect}.items():
        if not 0 < share < 1:
            raise Trouble(f'the {name} is {share:g}; a proportion lies between 0 and 1')


def _values(path: Path, name: str | None) -> np.ndarray:
    frame = read_table(path, [])
    if name is None and frame.width != 1:
        raise Trouble(f'{path} has {frame.width} columns; name one with --column')
    series = column(frame, name or frame.columns[0], f'{path.name}: the metric')
    if not series.dtype.is_numeric():
        raise Trouble(f'{path}: {series.name} is not a number: {series[0]!r}')
    values = series.drop_nulls().cast(float).to_numpy()
    if len(values) < 100 or not np.isfinite(values).all():
        raise Trouble(f'{path}: {series.name} has {len(values)} values, wanted 100 finite ones at least')
    return values
