"""Whether a challenger may be proposed: every check with its numbers, its limit and what it says."""

from dataclasses import dataclass

from ..parity import Parity
from .value import Compared, Evidence


@dataclass(frozen=True)
class Limits:
    """What is still no worse. Margins are shares of the champion's own figure."""

    loss: float = 0.01
    value: float = 0.1
    effective: float = 100
    largestShare: float = 0.1
    overlap: float = 0.99
    answers: int = 10
    drifted: float = 0.25
    """Share of what the challenger says that may hang on inputs that drifted."""
    calibration: tuple[float, float] = (0.8, 1.25)
    """What came over what was expected."""


@dataclass(frozen=True)
class Moved:
    """An input, or the challenger's own score, between the months it learnt from and the month it is judged on."""

    name: str
    psi: float
    limit: float
    use: float = 0.0
    """Share of what the challenger says that hangs on it: of splits, or of |weight| · deviation."""

    @property
    def drifted(self) -> bool:
        """Whether it moved too far."""
        return self.psi > self.limit


@dataclass(frozen=True)
class Check:
    """One of the gate's."""

    name: str
    passed: bool
    says: str


def gate(
    found: Compared, drift: list[Moved], score: Moved, parity: Parity, known: str | None, limits: Limits
) -> list[Check]:
    """All checks; a challenger is proposed when every one is passed. known: the version that has its bytes already."""
    return [
        Check('new', known is None, 'no version has its bytes' if known is None else f'its bytes are those of {known}'),
        _loss(found, limits),
        _evidence(found, limits),
        _value(found, limits),
        _calibration(found, limits),
        _drift(drift, score, limits),
        Check('parity', parity.holds, f'{parity.misrouted} misrouted leaves, largest |Δp| {parity.largest:.2g}'),
    ]


def _loss(found: Compared, limits: Limits) -> Check:
    most = limits.loss * found.loss['champion']['value']
    gap = found.loss['difference']
    passed = gap['high'] <= most
    says = (
        f'log-loss {found.loss["challenger"]["value"]:.6f} against {found.loss["champion"]["value"]:.6f}, difference '
        f'{_interval(gap, "+.6f")}; it may be worse by {most:.6f} at most ({limits.loss:.3g} of the champion’s)'
    )
    return Check('log-loss', passed, says)


def _value(found: Compared, limits: Limits) -> Check:
    least = -limits.value * found.value['champion']['value']
    gap = found.value['difference']
    says = (
        f'value {found.value["challenger"]["value"]:.4g} against {found.value["champion"]["value"]:.4g} a decision, '
        f'difference {_interval(gap, "+.3g")}; it may be worse by {-least:.3g} at most '
        f'({limits.value:.3g} of the champion’s)'
    )
    return Check('value', gap['low'] >= least, says)


def _evidence(found: Compared, limits: Limits) -> Check:
    """Who picks what the champion picks needs no evidence: the difference is 0 whatever the log shows."""
    if found.same == 1:
        return Check('evidence', True, 'both pick the same in every decision')
    short = [f'{who}: {lack}' for who, each in found.evidence.items() for lack in _lacks(each, limits)]
    if short:
        return Check('evidence', False, 'the log cannot carry the value; ' + '; '.join(short))
    says = ', '.join(
        f'{who} {each.effective:,.0f} effective decisions with {each.answers} acceptances'
        for who, each in found.evidence.items()
    )
    return Check('evidence', True, f'of {found.decisions:,} decisions: {says}')


def _lacks(evidence: Evidence, limits: Limits) -> list[str]:
    lacks = []
    if evidence.overlap < limits.overlap:
        lacks.append(
            f'{1 - evidence.overlap:.1%} of what it picks was never possible, {1 - limits.overlap:.1%} is carried'
        )
    if evidence.effective < limits.effective:
        lacks.append(
            f'effective sample size {evidence.effective:,.0f} of {evidence.decisions:,} decisions, '
            f'{limits.effective:,.0f} are wanted'
        )
    if evidence.largestShare > limits.largestShare:
        lacks.append(
            f'one decision has {evidence.largestShare:.0%} of all weight, {limits.largestShare:.0%} is carried'
        )
    if evidence.answers < limits.answers:
        lacks.append(f'{evidence.answers} acceptances of what it picks, {limits.answers} are wanted')
    return lacks


def _calibration(found: Compared, limits: Limits) -> Check:
    low, high = limits.calibration
    ratio = found.came['challenger']
    passed = ratio['low'] <= high and ratio['high'] >= low
    says = f'acceptances came to {_interval(ratio, ".3g")} of those expected, wanted to reach into {low:g} to {high:g}'
    return Check('calibration', passed, says)


def _drift(drift: list[Moved], score: Moved, limits: Limits) -> Check:
    far = sorted((each for each in drift if each.drifted), key=lambda each: -each.psi)
    use = sum(each.use for each in far)
    passed = use <= limits.drifted and not score.drifted
    worst = f', furthest {far[0].name} ({far[0].psi:.3g})' if far else ''
    says = (
        f'{len(far)} of {len(drift)} inputs drifted{worst}; {use:.0%} of what it says hangs on them, '
        f'{limits.drifted:.0%} may; its score moved {score.psi:.3g}, limit {score.limit:.3g}'
    )
    return Check('drift', passed, says)


def _interval(estimate: dict[str, float], form: str) -> str:
    return f'{estimate["value"]:{form}} ({estimate["low"]:{form}} to {estimate["high"]:{form}})'
