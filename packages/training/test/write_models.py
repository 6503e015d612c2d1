"""Writes a small model of every kind, for the TypeScript side of the parity suite: write_models.py FOLDER."""

import sys
from pathlib import Path

from conftest import KINDS, fit, world

from offerstream_training.contract import write_model

if __name__ == '__main__':
    for kind in KINDS:
        about = {'kind': 'plan', 'trainedOn': {'rows': 4000}, 'metrics': {}}
        write_model(Path(sys.argv[1]), kind, '1', fit(kind), world(5000, seed=2)[0], about, '{sha256}')
