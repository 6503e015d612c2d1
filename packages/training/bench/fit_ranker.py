"""A ranker of the size that serves millions, for `pnpm bench score-base`: fit_ranker.py FOLDER TREES.

FOLDER has rows.f32 (rows × width float32) and columns.json ({"features": [...], "pairs": [...]}); written into it are
model.txt, as LightGBM has it, and models/plan-ranker-bench/1, as the scorer takes it. The labels are drawn from a
plausible law: what counts is the size of the trees, not what they say.
"""

import json
import sys
from dataclasses import replace
from pathlib import Path

import lightgbm as lgb
import numpy as np

from offerstream_training.boundary import at_boundary
from offerstream_training.calibration import Platt
from offerstream_training.contract import write_model
from offerstream_training.models import lightgbm_model


def labels(rows: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """0 or 1 for each of rows (n, width): a smooth law of standardised inputs, pairs of them, and noise."""
    filled = np.where(np.isnan(rows), 0, rows)
    standard = (filled - filled.mean(axis=0)) / (filled.std(axis=0) + 1e-9)
    bent = np.tanh(standard)
    score = bent @ random.normal(size=rows.shape[1])
    for left, right in random.integers(rows.shape[1], size=(20, 2)):
        score += random.normal() * bent[:, left] * bent[:, right]
    return (score + random.logistic(size=len(rows)) > np.quantile(score, 0.8)).astype(np.int8)


def main(folder: Path, trees: int) -> None:
    """Fits on at most 75,000 of the rows."""
    columns = json.loads((folder / 'columns.json').read_text())
    width = len(columns['features']) + len(columns['pairs'])
    rows = at_boundary(np.fromfile(folder / 'rows.f32', dtype=np.float32).reshape(-1, width))[:75_000]
    y = labels(rows, np.random.default_rng(7))
    settings = {
        'objective': 'binary',
        'num_leaves': 31,
        'learning_rate': 0.05,
        'min_data_in_leaf': 20,
        'num_threads': 2,
        'verbosity': -1,
        'seed': 7,
        'deterministic': True,
        'force_col_wise': True,
    }
    booster = lgb.train(settings, lgb.Dataset(rows, y), num_boost_round=trees)
    booster.save_model(folder / 'model.txt')
    fitted = replace(lightgbm_model(booster, columns['features'], Platt(1.0, -3.0)), pairs=columns['pairs'])
    about = {'kind': 'plan', 'trainedOn': {'rows': len(rows), 'trees': booster.num_trees()}, 'metrics': {}}
    sha256 = write_model(folder / 'models', 'plan-ranker-bench', '1', fitted, rows, about, 'For a bench. {sha256}\n')
    leaves = sum(each['num_leaves'] for each in booster.dump_model()['tree_info'])
    print(json.dumps({'trees': booster.num_trees(), 'leaves': leaves, 'width': width, 'sha256': sha256}))


if __name__ == '__main__':
    main(Path(sys.argv[1]), int(sys.argv[2]))
