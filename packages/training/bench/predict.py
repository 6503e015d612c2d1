"""Rows a second of another engine on the model that fit_ranker.py wrote: predict.py lightgbm|lleaves FOLDER WIDTH ROWS.

Scores the rows of FOLDER/rows.f32 over and over, one thread, until ROWS are done; loading and compiling do not count.
Prints one object with the seconds, and writes the margins of the first 3,000 rows to FOLDER/<engine>.f64.
"""

import json
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np


def engine_of(name: str, folder: Path) -> Callable[[np.ndarray], np.ndarray]:
    """Rows (n, width) float32 to margins (n,)."""
    model = str(folder / 'model.txt')
    if name == 'lleaves':
        import lleaves

        compiled = lleaves.Model(model_file=model)
        compiled.compile(cache=str(folder / 'lleaves.o'), raw_score=True)
        return lambda rows: compiled.predict(rows, n_jobs=1)
    import lightgbm as lgb

    booster = lgb.Booster(model_file=model)
    return lambda rows: booster.predict(rows, raw_score=True, num_threads=1)


def main(name: str, folder: Path, width: int, wanted: int) -> None:
    """In batches of all rows there are, which suits these engines best."""
    rows = np.fromfile(folder / 'rows.f32', dtype=np.float32).reshape(-1, width)
    predict = engine_of(name, folder)
    predict(rows[:3000]).astype(np.float64).tofile(folder / f'{name}.f64')
    done = 0
    began = time.perf_counter()
    while done < wanted:
        batch = rows[: wanted - done]
        predict(batch)
        done += len(batch)
    print(json.dumps({'rows': done, 'seconds': time.perf_counter() - began}))


if __name__ == '__main__':
    main(sys.argv[1], Path(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4]))
