"""An export of the log, as `offerstream export` wrote it: Parquet by day, and a manifest that says what is whole."""

import hashlib
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from .avro import record_reader
from .trouble import Trouble

TOPICS = ('playbook', 'customer-events', 'decisions')


@dataclass(frozen=True)
class Export:
    """files, schemas: by topic. features: names of a vector's places, by the fingerprint that the vector carries."""

    folder: Path
    files: dict[str, list[Path]]
    schemas: dict[str, str]
    features: dict[str, list[str]]

    def scan(self, topic: str) -> pl.LazyFrame:
        """The columns of a topic's files, not yet read. There must be one."""
        return pl.scan_parquet(self.files[topic])

    def reader(self, topic: str, last: str | None = None) -> Callable[[bytes], dict]:
        """Of the `record` column, see `record_reader`."""
        return record_reader(self.schemas[topic], last)


def open_export(folder: Path) -> Export:
    """Raises `Trouble` for what is no export, and naming the file that is missing, cut or changed."""
    path = folder / 'manifest.json'
    if not path.is_file():
        raise Trouble(
            f'{folder} holds no export: it has no manifest.json; offerstream export --out {folder} writes one'
        )
    try:
        manifest = json.loads(path.read_text())
        if manifest['format'] != 1:
            raise ValueError(f'its format is {manifest["format"]}, wanted 1')
        files: dict[str, list[Path]] = {topic: [] for topic in TOPICS}
        for each in sorted(manifest['files'], key=lambda file: file['path']):
            files[each['topic']].append(_whole(folder / each['path'], each['bytes'], each['sha256']))
        schemas = {topic: manifest['topics'][topic]['schema'] for topic in TOPICS}
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise Trouble(f'{path} is no manifest of an export: {error!r}') from None
    return Export(folder, files, schemas, manifest.get('features', {}))


def _whole(path: Path, size: int, sha256: str) -> Path:
    if not path.is_file():
        raise Trouble(f'{path} is missing: the manifest names it')
    found = path.stat().st_size
    if found < size:
        raise Trouble(f'{path} is cut: it has {found} of {size} bytes')
    with path.open('rb') as file:
        if hashlib.file_digest(file, 'sha256').hexdigest() != sha256:
            raise Trouble(f'{path} is not the file that was written: its bytes changed')
    return path


class Catalogue:
    """What the playbook said of items and experiments at each of its versions."""

    def __init__(self, export: Export):
        read = export.reader('playbook')
        self._versions: dict[tuple[str, str], list[tuple[int, dict]]] = {}
        for path in export.files['playbook']:
            for offset, record in pl.read_parquet(path, columns=['offset', 'record']).iter_rows():
                body = read(record)['body']
                self._versions.setdefault((body['type'], body['name']), []).append((offset, body))
        for versions in self._versions.values():
            versions.sort(key=lambda each: each[0])

    def item(self, name: str, version: int) -> dict:
        """As it stood at a playbook version, which is an offset."""
        return self._at('item', name, version)

    def policy(self, experiment: str, arm: str, version: int) -> str:
        """What an arm of an experiment is given."""
        arms = self._at('experiment', experiment, version)['arms']
        return next(each['policy'] for each in arms if each['name'] == arm)

    def _at(self, kind: str, name: str, version: int) -> dict:
        found = [body for offset, body in self._versions.get((kind, name), []) if offset <= version]
        if not found:
            raise Trouble(f'playbook version {version} has no {kind} {name}, which a decision names')
        return found[-1]


def decision_index(export: Export) -> tuple[pl.DataFrame, int]:
    """Every decision once: `id`, `customer`, `at`, `chosen`, `reason`, `propensity`; and how many repeats there were.

    `at` in epoch ms. Records of one id that are the same are repeats; raises `Trouble` for those that are not.
    """
    if not export.files['decisions']:
        raise Trouble(f'{export.folder} holds no decision')
    columns = ['id', 'customer', pl.col('at').dt.epoch('ms'), 'chosen', 'reason', 'propensity']
    found = export.scan('decisions').select(*columns, said=pl.col('record').hash()).collect(engine='streaming')
    once = found.unique(['id', 'said'], maintain_order=True)
    twice = once['id'].filter(once['id'].is_duplicated())
    if len(twice) > 0:
        raise Trouble(f'decision {twice[0]} is in the log with two different contents')
    return once.drop('said'), found.height - once.height


def decision_records(export: Export) -> Iterator[tuple[dict, int]]:
    """Every decision up to its candidates, with its playbook version, repeats among them, one at a time."""
    read = export.reader('decisions', last='candidates')
    for path in export.files['decisions']:
        for record, version in pl.read_parquet(path, columns=['record', 'playbook_version']).iter_rows():
            yield read(record), version
