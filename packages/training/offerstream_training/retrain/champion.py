"""Who is to be beaten: a version of the registry folder as it is served, or the ladder rule where there is none."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np

from ..boundary import at_boundary
from ..choices import Choices
from ..contract import Fitted
from ..registry import golden_distance
from ..runtime import run
from ..trouble import Trouble


@dataclass(frozen=True)
class Scores:
    """Of the rows of a choice table, (rows,) each: the probability of acceptance if offered, and by what to choose."""

    probability: np.ndarray
    preference: np.ndarray


class Scorer(Protocol):
    """Anything that scores a choice table."""

    name: str

    def scores(self, choices: Choices) -> Scores:
        """Of all its rows."""


@dataclass(frozen=True)
class Graph:
    """An ONNX graph by its inputs' names, run as the scorer runs it."""

    name: str
    features: list[str]
    pairs: list[str]
    graph: bytes

    def inputs(self, choices: Choices) -> np.ndarray:
        """(rows, width) float32 past the boundary. Raises `Trouble` for a name that the table lacks."""
        names = self.features + self.pairs
        absent = [name for name in names if name not in choices.names]
        if absent:
            raise Trouble(f'model {self.name} needs {", ".join(absent)}, which the choice table does not have')
        place = {name: at for at, name in enumerate(choices.names)}
        return at_boundary(choices.x[:, [place[name] for name in names]], names)

    def scores(self, choices: Choices) -> Scores:
        """Its outputs. Raises `Trouble` where one is no number."""
        rows = self.inputs(choices)
        probability, preference = (
            run(self.graph, rows, output).astype(np.float64) for output in ('probability', 'preference')
        )
        if np.isnan(probability).any() or np.isnan(preference).any():
            raise Trouble(f'model {self.name} gives no number for a row')
        return Scores(probability, preference)


@dataclass(frozen=True)
class Ladder:
    """The cheapest plan that is eligible, and the same probability for everybody."""

    rate: float
    name: str = 'ladder rule'

    def scores(self, choices: Choices) -> Scores:
        """Candidates stand by price, so the earlier the better."""
        rows = len(choices.x)
        place = np.arange(rows) - choices.start[:-1][choices.of_row]
        return Scores(np.full(rows, self.rate), -place.astype(np.float64))


def served(models: Path, name: str, version: str) -> Graph:
    """A version as its files say. Raises `Trouble` where it is not there, not whole, or off on its golden rows."""
    home = models / name / version
    try:
        golden_distance(home)
        manifest = json.loads((home / 'manifest.json').read_text())
        graph = (home / 'model.onnx').read_bytes()
    except (OSError, ValueError, KeyError) as error:
        raise Trouble(f'champion {name}/{version} cannot be read: {error}') from None
    return Graph(f'{name}/{version}', manifest['features'], manifest['pairs'], graph)


def fresh(name: str, fitted: Fitted) -> Graph:
    """A model that is not written yet, as it will be served."""
    return Graph(name, fitted.features, fitted.pairs, fitted.graph())
