"""The versions of one model in a registry folder."""

import os
import re
import shutil
from pathlib import Path


def versions(home: Path) -> list[str]:
    """Of a model's folder, the oldest first; names that are no number before all others."""
    if not home.is_dir():
        return []
    found = [each.name for each in home.iterdir() if each.name[0] != '.' and (each / 'manifest.json').is_file()]
    return sorted(found, key=lambda name: (int(name) if name.isdigit() else -1, name))


def version_of(home: Path, graph: bytes) -> str | None:
    """The version that has this very graph, if there is one."""
    for version in versions(home):
        file = home / version / 'model.onnx'
        if file.is_file() and file.read_bytes() == graph:
            return version
    return None


def next_version(home: Path) -> str:
    """One above the largest number there ever was a folder for: a decision may still name one that was taken away."""
    taken = [int(each.name) for each in home.iterdir() if each.name.isdigit()] if home.is_dir() else []
    return str(max(taken, default=0) + 1)


def sweep(home: Path) -> list[str]:
    """Takes away what writers that ended half way left behind (`.version.pid`); returns its names."""
    if not home.is_dir():
        return []
    left = [each for each in home.iterdir() if (found := re.fullmatch(r'\..+\.(\d+)', each.name)) and _gone(found[1])]
    for each in left:
        shutil.rmtree(each)
    return [each.name for each in left]


def _gone(pid: str) -> bool:
    try:
        os.kill(int(pid), 0)
    except ProcessLookupError:
        return True
    except (PermissionError, OverflowError):
        return False
    return False
