"""Writes the choice table of the chapter on retraining: write_choices.py FOLDER."""

import sys
from pathlib import Path

import numpy as np
import polars as pl
from choice_world import choice_world, write_table


def with_looks(frame: pl.DataFrame) -> pl.DataFrame:
    """Half of the offers that were not accepted were opened all the same."""
    looked = pl.Series(np.random.default_rng(0).random(frame.height) < 0.5)
    return frame.with_columns(opened=pl.col('accepted') | (pl.col('offered') & looked))


if __name__ == '__main__':
    write_table(Path(sys.argv[1]), with_looks(choice_world(6000, seed=1)[0]))
