"""One retraining at a time: a file that says who, held by a lock of the kernel, given back however they end."""

import fcntl
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path


class Held(Exception):
    """Somebody else is at it; the message says who, and since when."""


@contextmanager
def held(path: Path, now: datetime) -> Iterator[str | None]:
    """Holds the lock file for the time being; gives what to say of a run before that ended without giving it back.

    Raises `Held`.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    file = _taken(path)
    try:
        before = _holder(path)
        os.ftruncate(file, 0)
        os.write(file, json.dumps({'pid': os.getpid(), 'start': now.isoformat()}).encode())
        yield (
            None if before is None else f'process {before["pid"]} of {before["start"]} is gone; its lock is taken over'
        )
    finally:
        # While it is held still: whoever opened it meanwhile finds that it is no longer the file of that name.
        path.unlink(missing_ok=True)
        os.close(file)


def _taken(path: Path) -> int:
    while True:
        file = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(file)
            holder = _holder(path)
            who = 'a process that has just begun' if holder is None else f'process {holder["pid"]} of {holder["start"]}'
            raise Held(f'{who} is retraining here ({path})') from None
        if _is_still(path, file):
            return file
        os.close(file)


def _is_still(path: Path, file: int) -> bool:
    try:
        return os.path.samestat(path.stat(), os.fstat(file))
    except FileNotFoundError:
        return False


def _holder(path: Path) -> dict | None:
    try:
        found = json.loads(path.read_text())
        return {'pid': found['pid'], 'start': found['start']}
    except (OSError, ValueError, KeyError, TypeError):
        return None
