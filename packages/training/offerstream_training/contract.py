"""A model as the scorer takes it: `<folder>/<name>/<version>/` with model.onnx, manifest.json, golden.json and card.md.

packages/ranker/src/manifest.ts and models.ts are the other side.
"""

import hashlib
import json
import os
import platform
import shutil
from collections.abc import Callable
from dataclasses import dataclass, field
from importlib.metadata import version as library_version
from pathlib import Path

import numpy as np

from .boundary import at_boundary
from .calibration import Calibration, Platt
from .edges import edge_rows, odd_rows
from .ensemble import Ensemble
from .graph import linear_model, tree_model
from .parity import Parity, parity
from .trouble import Trouble

GOLDEN_ROWS = 1000


@dataclass(frozen=True)
class Fitted:
    """A model in its library, and what the exporter needs of it. Rows are (n, width) float32 past the boundary."""

    features: list[str]
    """Of the customer, by name, in the order of the input's first columns."""
    margin: Callable[[np.ndarray], np.ndarray]
    """The library's own margin of rows, (n,) in double."""
    calibration: Calibration
    ensemble: Ensemble | None = None
    leaves: Callable[[np.ndarray], np.ndarray] | None = None
    """The library's own leaf of each tree, (n, trees)."""
    linear: tuple[np.ndarray, np.ndarray, float] | None = None
    """Mean, weights and intercept, where there are no trees."""
    pairs: list[str] = field(default_factory=list)
    """Of customer and item, by name, the columns after the features."""

    def probability(self, rows: np.ndarray) -> np.ndarray:
        """(n,) in double."""
        return self.calibration.probability(self.margin(rows))

    def graph(self) -> bytes:
        """As ONNX."""
        if self.ensemble is not None:
            return tree_model(self.ensemble, self.calibration)
        assert self.linear is not None, 'a model is made of trees or linear'
        return linear_model(*self.linear, self.calibration)


def write_model(folder: Path, name: str, version: str, fitted: Fitted, real: np.ndarray, about: dict, card: str) -> str:
    """Checks parity, then writes the four files at once; returns the sha256 of the graph.

    real: rows (m, width) float32 from data, for golden and edge rows. `about` has the manifest's kind, trainedOn and
    metrics, and may have thresholds. The card's `{sha256}` is filled in. Raises `Trouble` where the graph and the
    library differ; nothing is written then.
    """
    graph = fitted.graph()
    found = check(fitted, graph, real)
    if not found.holds:
        raise Trouble(f'model {name}/{version}: its graph is not its library, {found}; nothing was written')
    sha256 = hashlib.sha256(graph).hexdigest()
    home = folder / name / version
    making = home.with_name(f'.{version}.{os.getpid()}')
    shutil.rmtree(making, ignore_errors=True)
    making.mkdir(parents=True)
    try:
        (making / 'model.onnx').write_bytes(graph)
        manifest = manifest_of(name, version, fitted, about, sha256)
        (making / 'manifest.json').write_text(json.dumps(manifest, indent=2) + '\n')
        (making / 'golden.json').write_text(golden(fitted, real))
        (making / 'card.md').write_text(card.replace('{sha256}', sha256))
        shutil.rmtree(home, ignore_errors=True)
        making.rename(home)
    finally:
        shutil.rmtree(making, ignore_errors=True)
    return sha256


def check(fitted: Fitted, graph: bytes, real: np.ndarray, probe: bytes | None = None) -> Parity:
    """Parity on real rows, odd ones (missing, zero, extreme), and both sides of every threshold."""
    rows = [real[:20_000], odd_rows(real, 5000)]
    if fitted.ensemble is not None:
        rows.append(edge_rows(fitted.ensemble, real, most=60_000))
    tried = np.concatenate(rows)
    margin = fitted.margin(tried)
    return parity(graph, tried, margin, fitted.calibration.probability(margin), fitted.ensemble, fitted.leaves, probe)


def manifest_of(name: str, version: str, fitted: Fitted, about: dict, sha256: str) -> dict:
    """What a model says of itself."""
    calibration = fitted.calibration
    slope, intercept = (calibration.slope, calibration.intercept) if isinstance(calibration, Platt) else (1.0, 0.0)
    return {
        'name': name,
        'version': version,
        'kind': about['kind'],
        'features': fitted.features,
        'pairs': fitted.pairs,
        'outputs': {'probability': 'probability', 'preference': 'preference'},
        'missing': 'NaN; the graph sends it where the fit did',
        'baseMargin': 0,
        'calibration': {'method': calibration.method, 'slope': slope, 'intercept': intercept},
        'thresholds': about.get('thresholds', {}),
        'trainedOn': about['trainedOn'],
        'metrics': about['metrics'],
        'libraries': {'python': platform.python_version()}
        | {each: library_version(each) for each in ('numpy', 'scikit-learn', 'lightgbm', 'onnx', 'onnxruntime')},
        'sha256': sha256,
    }


def golden(fitted: Fitted, real: np.ndarray) -> str:
    """A thousand rows with the library's own outputs: real ones, odd ones, and neighbours of thresholds."""
    parts = [odd_rows(real, 200)]
    if fitted.ensemble is not None:
        parts.append(edge_rows(fitted.ensemble, real, most=300))
    missing = GOLDEN_ROWS - sum(len(part) for part in parts)
    rows = at_boundary(np.concatenate([real[np.arange(missing) % len(real)], *parts]))
    margin = fitted.margin(rows)
    lines = ',\n'.join(json.dumps([None if np.isnan(x) else short(x) for x in row]) for row in rows)
    outputs = {'probability': fitted.calibration.probability(margin), 'preference': margin}
    listed = ',\n'.join(f'"{name}":{json.dumps([short(x) for x in values])}' for name, values in outputs.items())
    return f'{{"rows":[{lines}],\n{listed}}}\n'


def short(x: float) -> float:
    """Nine digits name a float32 exactly."""
    return float(f'{x:.9g}')
