"""A retraining that kills itself on the way: kill_retrain.py TABLE FOLDER WHERE."""

import os
import signal
import sys
from datetime import UTC, datetime
from pathlib import Path

from pointwise import fit

from offerstream_training.choices import read_choices
from offerstream_training.retrain import run


def end() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


if __name__ == '__main__':
    table, folder, where = Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3]
    write_text, rename = Path.write_text, Path.rename

    def written(self, text, *more, **named):
        if where == 'between files of the model' and self.name == 'golden.json':
            end()
        return write_text(self, text, *more, **named)

    def renamed(self, target):
        if where == 'before the decision' and Path(target).name == 'again':
            end()
        return rename(self, target)

    Path.write_text, Path.rename = written, renamed
    asked = run.Asked(folder / 'models', 'plan-ranker', folder / 'again')
    run.retrain(asked, lambda: read_choices(table), fit, datetime(2026, 2, 1, tzinfo=UTC), print)
