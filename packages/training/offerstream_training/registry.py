"""Models that are there already, held against what their library said when they were made."""

import hashlib
import json
from pathlib import Path

import numpy as np

from .boundary import at_boundary
from .parity import TOLERANCE
from .runtime import run
from .trouble import Trouble


def models_in(folder: Path) -> list[Path]:
    """Every version of every model of a registry folder."""
    # What begins with a dot is being written, or was left by a writer that ended.
    return sorted(each.parent for each in folder.glob('*/*/manifest.json') if each.parent.name[0] != '.')


def golden_distance(home: Path) -> float:
    """The largest |Δp| of a model's golden rows in Python's onnxruntime.

    Raises `Trouble` where its bytes are not those of its manifest, or where it is off by more than 1e-6.
    """
    manifest = json.loads((home / 'manifest.json').read_text())
    graph = (home / 'model.onnx').read_bytes()
    name = f'model {home.parent.name}/{home.name}'
    if hashlib.sha256(graph).hexdigest() != manifest['sha256']:
        raise Trouble(f'{name} has other bytes than its manifest says')
    golden = json.loads((home / 'golden.json').read_text())
    rows = at_boundary(np.array([[np.nan if x is None else x for x in row] for row in golden['rows']]))
    served = run(graph, rows, manifest['outputs']['probability']).astype(np.float64)
    largest = float(np.abs(served - golden['probability']).max())
    if not largest <= TOLERANCE:
        raise Trouble(f'{name} is off by {largest:.2g} on its golden rows, {TOLERANCE:g} is allowed')
    return largest
