"""Whether a graph says what the library says: the gate every exported model passes before it is written."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from .ensemble import Ensemble
from .graph import leaf_probe
from .runtime import run

TOLERANCE = 1e-6
"""How far a probability may be off, for trees and linear models."""


@dataclass(frozen=True)
class Parity:
    """Over all rows tried: leaves reached other than the library's, the largest |Δp|, choices with another winner."""

    rows: int
    misrouted: int
    largest: float
    other_choice: int

    @property
    def holds(self) -> bool:
        """Whether the gate is passed."""
        return self.misrouted == 0 and self.largest <= TOLERANCE and self.other_choice == 0


def parity(
    model: bytes,
    rows: np.ndarray,
    margin: np.ndarray,
    probability: np.ndarray,
    ensemble: Ensemble | None = None,
    leaves: Callable[[np.ndarray], np.ndarray] | None = None,
    probe: bytes | None = None,
) -> Parity:
    """A graph against the library's own margin and probability, both (n,), on rows (n, width) float32.

    `leaves(rows)` gives the library's leaf of each tree, (n, trees). Fifteen rows on end count as a choice.
    """
    misrouted = 0
    if ensemble is not None and leaves is not None:
        given = run(probe or leaf_probe(ensemble), rows, 'leaves').reshape(len(rows), -1)
        misrouted = int((given != leaves(rows).reshape(len(rows), -1)).sum())
    served = run(model, rows, 'probability').astype(np.float64)
    largest = float(np.abs(served - probability).max())
    return Parity(len(rows), misrouted, largest, _other_choice(margin, run(model, rows, 'preference')))


def _other_choice(wanted: np.ndarray, given: np.ndarray, choice: int = 15) -> int:
    """How many choices have another winner although the first leads the second by more than 1e-6 of its size."""
    whole = len(wanted) // choice * choice
    groups = np.asarray(wanted[:whole], dtype=np.float64).reshape(-1, choice)
    ordered = np.sort(groups, axis=1)
    clear = ordered[:, -1] - ordered[:, -2] > TOLERANCE * np.maximum(1, np.abs(ordered[:, -1]))
    return int((clear & (groups.argmax(axis=1) != given[:whole].reshape(-1, choice).argmax(axis=1))).sum())
