"""Writes the choice table of the chapter on retraining: write_choices.py FOLDER."""

import sys
from pathlib import Path

import numpy as np
import polars as pl
from choice_world import choice_world, write_table

if __name__ == '__main__':
    frame, _ = choice_world(6000, seed=1)
    looked = pl.Series(np.random.default_rng(0).random(frame.height) < 0.5)
    write_table(Path(sys.argv[1]), frame.with_columns(opened=pl.col('accepted') | (pl.col('offered') & looked)))
