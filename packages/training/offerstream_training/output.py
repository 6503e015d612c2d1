"""A folder of results that is there whole or not at all."""

import os
import re
import shlex
import shutil
from collections.abc import Iterator, Set
from contextlib import contextmanager
from pathlib import Path

from .trouble import Trouble


def model_name(table: Path, what: str) -> str:
    """Of letters, digits and dashes.

    >>> model_name(Path('Base 2025.csv.gz'), 'said/yes')
    'base-2025-said-yes'
    """
    return re.sub(r'[^a-z0-9]+', '-', f'{table.name.split(".")[0]}-{what}'.lower()).strip('-')


def command(name: str, **options: object) -> str:
    """What was asked, to be asked again; paths by their names, what was not given left out.

    >>> command('rank', table=Path('/tmp/t.csv'), test=None, drop=('a', 'b c'), cost=2.0)
    "pnpm train rank --table t.csv --drop a 'b c' --cost 2"
    """
    words = ['pnpm', 'train', name]
    for option, value in options.items():
        given = value if isinstance(value, tuple) else () if value is None else (value,)
        texts = [
            each.name if isinstance(each, Path) else f'{each:g}' if isinstance(each, float) else str(each)
            for each in given
        ]
        words += [f'--{option}', *texts] if texts else []
    return shlex.join(words)


RESULTS = {'models', 'scores.csv', 'report.html'}


@contextmanager
def whole_folder(folder: Path, results: Set[str] = RESULTS) -> Iterator[Path]:
    """Gives a folder to write into, which takes the place of `folder` at the end, or goes when something fails."""
    refuse_foreign(folder, results)
    making = folder.with_name(f'.{folder.name}.{os.getpid()}')
    shutil.rmtree(making, ignore_errors=True)
    making.mkdir(parents=True)
    try:
        yield making
        shutil.rmtree(folder, ignore_errors=True)
        making.rename(folder)
    finally:
        shutil.rmtree(making, ignore_errors=True)


def refuse_foreign(folder: Path, results: Set[str] = RESULTS) -> None:
    """Raises `Trouble` rather than let a folder be replaced that holds something else than results, or fit in vain."""
    if folder.exists() and (not folder.is_dir() or {each.name for each in folder.iterdir()} - results):
        raise Trouble(f'--out {folder} holds something else; name a new folder')
    above = next(each for each in folder.absolute().parents if each.exists())
    if not above.is_dir() or not os.access(above, os.W_OK):
        raise Trouble(f'--out {folder}: {above} is no folder that can be written to')
