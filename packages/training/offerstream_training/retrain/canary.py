"""To how many customers a canary goes, and for how long: enough to show the gain, or at least to notice harm."""

import math

from ..abplan import power_of_proportions

SHARES = (0.01, 0.02, 0.05, 0.1, 0.2, 0.5)
HARM = 0.5
"""The fall that must not go unnoticed: half of the champion's acceptances."""


def canary_of(rate: float, gain: float, weekly: float, weeks: int, alpha: float = 0.05, power: float = 0.8) -> dict:
    """The smallest share that shows the gain within the weeks, else the smallest that shows harm, else half.

    rate: the champion's acceptances a decision; gain: what the gate estimates on top; weekly: decisions a week.
    """
    for shows, effect in (('gain', gain), ('harm', -HARM * rate)):
        if effect == 0 or (shows == 'gain' and effect < 0) or not 0 < rate + effect < 1:
            continue
        for share in SHARES:
            needed = _weeks(rate, effect, weekly, share, weeks, alpha, power)
            if needed is not None:
                return {'share': share, 'weeks': needed, 'shows': shows, 'says': _says(share, needed, shows)}
    return {'share': SHARES[-1], 'weeks': weeks, 'shows': None, 'says': _says(SHARES[-1], weeks, None)}


def _weeks(
    rate: float, effect: float, weekly: float, share: float, weeks: int, alpha: float, power: float
) -> int | None:
    for count in range(1, weeks + 1):
        n, m = weekly * count * (1 - share), weekly * count * share
        if m >= 1 and power_of_proportions(rate, rate + effect, n, m, alpha) >= power:
            return count
    return None


def _says(share: float, weeks: int, shows: str | None) -> str:
    long = f'{weeks} week{"" if weeks == 1 else "s"}'
    if shows == 'gain':
        return f'canary: {share:.0%} of customers for {long} show the gain'
    if shows == 'harm':
        return f'canary: {share:.0%} of customers for {long} show whether acceptances halve; the gain they cannot show'
    return f'canary: not even half of the customers for {math.ceil(weeks)} weeks show whether acceptances halve'
