"""`pnpm train tables`: an exported log as a choice table, with the vectors that the log carries.

A vector was written with its decision, so nothing that came later can be in it. Offers go into the table, decisions
that offered nothing into a folder of their own.
"""

import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl

from .choices import KEYS, check_choices, known_columns, write_columns
from .leaks import leaks
from .logs import Catalogue, Export, decision_index, decision_records, open_export
from .outcomes import log_end, outcomes
from .output import whole_folder
from .trouble import Trouble

MONTH = 30 * 86_400_000
PART = 20_000
"""Decisions of a file of the table."""

JUDGED = 100_000
"""Offers that are looked at for columns which give the answer away."""


@dataclass(frozen=True)
class Asked:
    """The command line. fingerprint: of the vectors to take, where the log carries several kinds."""

    export: Path
    out: Path
    models: Path
    kind: str = 'plan'
    fingerprint: str | None = None


def tables(asked: Asked, progress) -> dict:
    """Writes the table and returns the counts that --json prints. Raises `Trouble`."""
    export = open_export(asked.export)
    index, repeats = decision_index(export)
    catalogue = Catalogue(export)
    offers = index.filter(pl.col('chosen').is_not_null()).rename({'chosen': 'item'})
    progress(f'{index.height} decisions, {repeats} repeats dropped, {offers.height} offers')
    became = outcomes(export, offers.select('id', 'customer', 'item', 'at'))
    table = _Table(asked, export, catalogue, index, became)
    mine = {each.name for each in asked.out.glob('part-*.parquet')} | {'columns.json', 'no-offer'}
    with whole_folder(asked.out, mine) as making:
        table.write(making, progress)
        counts = check_choices(making)
        warnings = table.warnings + _leaks(making, table.vector)
    said = became.select('displayed', 'ripe').sum().row(0, named=True)
    return {
        'decisions': index.height,
        'repeats': repeats,
        'offers': offers.height,
        'displayed': said['displayed'],
        'ripe': said['ripe'],
        'noOffer': index.height - offers.height,
        'leftOut': {why: table.left_out[why] for why in sorted(table.left_out)},
        'table': {**counts, 'control': table.control, 'customers': table.customers},
        'features': len(table.features),
        'pairs': len(table.pairs),
        'fingerprint': table.fingerprint,
        'logEnd': log_end(export),
        'folder': str(asked.out),
        'warnings': warnings,
    }


class _Table:
    """Decisions on their way into files, and what is counted meanwhile."""

    def __init__(self, asked: Asked, export: Export, catalogue: Catalogue, index: pl.DataFrame, became: pl.DataFrame):
        self.asked, self.export, self.catalogue = asked, export, catalogue
        self.begin = int(index['at'].min())
        self.index = {row[0]: row[1:] for row in index.select('id', 'chosen', 'reason', 'propensity').iter_rows()}
        self.became = {row[0]: row[1:] for row in became.iter_rows()}
        self.left_out: Counter[str] = Counter()
        self.warnings: list[str] = []
        self.fingerprint = asked.fingerprint
        self.all_pairs = known_columns('pair-features')
        self.carried = set(self.all_pairs)
        self.models: dict[str, np.ndarray] = {}
        self.places: np.ndarray = np.empty(0, dtype=np.int64)
        self.features: list[str] = []
        self.pairs: list[str] = []
        self.control = 0
        self.seen: set[str] = set()
        self.people: set[str] = set()

    @property
    def vector(self) -> list[str]:
        return self.features + self.pairs

    @property
    def customers(self) -> int:
        return len(self.people)

    def write(self, folder: Path, progress) -> None:
        """Part by part: memory holds the decisions of one part, and the bytes of one file of the export."""
        (folder / 'no-offer').mkdir()
        written = part = 0
        groups, silent = _Rows(), _Rows()

        def flush() -> None:
            nonlocal written, part, groups, silent
            for rows, into, pairs in ((groups, folder, self.all_pairs), (silent, folder / 'no-offer', [])):
                if rows.keys:
                    rows.frame(self.features, pairs).write_parquet(into / f'part-{part:05}.parquet')
            written, part = written + len(groups.vectors), part + 1
            groups, silent = _Rows(), _Rows()
            progress(f'{len(self.seen)} of {len(self.index)} decisions read, {written} offers written')

        for decision, version in decision_records(self.export):
            self._add(decision, version, groups, silent)
            if len(groups.vectors) + len(silent.vectors) >= PART:
                flush()
        flush()
        if written == 0:
            why = ', '.join(f'{count} {reason}' for reason, count in self.left_out.items())
            raise Trouble(f'{self.asked.export} gives no ripe offer of a {self.asked.kind}: {why or "none was made"}')
        self.pairs = [name for name in self.all_pairs if name in self.carried]
        write_columns(folder, self.features, self.pairs)

    def _add(self, decision: dict, version: int, groups: '_Rows', silent: '_Rows') -> None:
        name = decision['id']
        if name in self.seen:
            return
        self.seen.add(name)
        chosen, reason, propensity = self.index[name]
        update = decision['update']
        if not self._same_features(update):
            return
        vector = np.array(update['features'], dtype=np.float32)[self.places]
        key = {
            'decision': name,
            'customer': decision['customer'],
            'at': decision['at'],
            'month': (decision['at'] - self.begin) // MONTH,
            'current': update['facts']['plan'],
            'control': self._is_control(decision['arms'], version),
        }
        if chosen is None:
            silent.add([{**key, 'reason': reason, 'propensity': propensity}], vector)
            return
        if self.catalogue.item(chosen, version)['kind'] != self.asked.kind:
            self.left_out[f'not of a {self.asked.kind}'] += 1
            return
        _, opened, accepted, rejected, ripe = self.became[name]
        if not ripe:
            self.left_out['not ripe'] += 1
            return
        candidates = [
            (candidate, item)
            for candidate in decision['candidates']
            if candidate['refused'] is None
            for item in [self.catalogue.item(candidate['item'], version)]
            if item['kind'] == self.asked.kind
        ]
        places = self._pair_places(decision['models'])
        if places is None or any(len(candidate['pairs']) != len(places) for candidate, _ in candidates):
            self.left_out['without pair features'] += 1
            return
        pairs = np.full((len(candidates), len(self.all_pairs)), np.nan, dtype=np.float32)
        rows = []
        for row, (candidate, item) in enumerate(candidates):
            pairs[row, places] = candidate['pairs']
            offered = candidate['item'] == chosen
            rows.append(
                {
                    **key,
                    'source': 'offer',
                    'item': candidate['item'],
                    'price_minor': item['priceMinor'],
                    'margin_minor': item['marginMinor'],
                    'offered': offered,
                    'propensity': candidate['propensity'],
                    'opened': offered and opened,
                    'accepted': offered and accepted,
                    'rejected': offered and rejected,
                }
            )
        groups.add(rows, vector, pairs)
        self.control += key['control']
        self.people.add(decision['customer'])

    def _same_features(self, update: dict) -> bool:
        """Whether a vector is of the list that is taken; the first one decides, unless one was asked for."""
        found = update['fingerprint']
        if self.fingerprint is None or len(self.places) == 0:
            self._take_list(self.fingerprint or found)
        if found == self.fingerprint:
            return True
        if self.asked.fingerprint is None:
            raise Trouble(
                f'the log carries vectors of two lists of features, {self.fingerprint} and {found}: '
                f'take one with --fingerprint'
            )
        self.left_out[f'of features {found}'] += 1
        return False

    def _take_list(self, fingerprint: str) -> None:
        self.fingerprint = fingerprint
        names = self.export.features.get(fingerprint)
        if names is None:
            there = ', '.join(self.export.features) or 'none'
            raise Trouble(
                f'{self.export.folder} does not name the features {fingerprint}, it names {there}: '
                'export again, into this folder or a new one, with the version that made them'
            )
        known = set(known_columns('features'))
        self.places = np.array([place for place, name in enumerate(names) if name in known])
        self.features = [names[place] for place in self.places]
        foreign = [name for name in names if name not in known]
        if foreign:
            self.warnings.append(f'left out, as absolute money or no longer a feature: {", ".join(foreign)}')

    def _pair_places(self, models: list[dict]) -> np.ndarray | None:
        """Where the pair features of the model that served stand among all; None where none served."""
        for model in models:
            if model['stage'] == 'shadow':
                continue
            if model['sha256'] not in self.models:
                self.models[model['sha256']] = self._places_of(model)
            places = self.models[model['sha256']]
            if len(places) > 0:
                return places
        return None

    def _places_of(self, model: dict) -> np.ndarray:
        path = self.asked.models / model['name'] / model['version'] / 'manifest.json'
        try:
            manifest = json.loads(path.read_text())
        except (OSError, ValueError):
            raise Trouble(f'{path} is not there: it names the pair features of a model that served') from None
        if manifest['sha256'] != model['sha256']:
            raise Trouble(f'{path} is of another model than the one that served, {model["sha256"][:12]}')
        if manifest['kind'] != self.asked.kind:
            return np.empty(0, dtype=np.int64)
        foreign = [name for name in manifest['pairs'] if name not in self.all_pairs]
        if foreign:
            raise Trouble(f'{path} names the pair feature {foreign[0]}, which docs/pair-features.md does not')
        self.carried &= set(manifest['pairs'])
        return np.array([self.all_pairs.index(name) for name in manifest['pairs']])

    def _is_control(self, arms: list[dict], version: int) -> bool:
        return any(self.catalogue.policy(arm['experiment'], arm['arm'], version) != 'champion' for arm in arms)


class _Rows:
    """Rows of one file, and their vectors."""

    def __init__(self) -> None:
        self.keys: list[dict] = []
        self.vectors: list[np.ndarray] = []
        self.sizes: list[int] = []
        self.pairs: list[np.ndarray] = []

    def add(self, rows: list[dict], vector: np.ndarray, pairs: np.ndarray | None = None) -> None:
        """Rows that share a vector."""
        self.keys += rows
        self.vectors.append(vector)
        self.sizes.append(len(rows))
        if pairs is not None:
            self.pairs.append(pairs)

    def frame(self, features: list[str], pairs: list[str]) -> pl.DataFrame:
        """Keys, then the customer's features, then the pairs."""
        types = {**KEYS, 'reason': pl.String}
        keys = pl.DataFrame(self.keys, schema={name: types[name] for name in [*types] if name in self.keys[0]})
        x = np.repeat(np.stack(self.vectors), self.sizes, axis=0).astype(np.float32)
        if pairs:
            x = np.concatenate([x, np.concatenate(self.pairs)], axis=1)
        return pl.concat([keys, pl.DataFrame(x, schema=features + pairs)], how='horizontal')


def _leaks(folder: Path, names: list[str]) -> list[str]:
    """Columns that tell alone what became of an offer: none can, where vectors are of the moment of the decision."""
    shown = pl.scan_parquet(folder / '*.parquet').filter(pl.col('offered')).head(JUDGED).collect()
    happened = shown['accepted'].to_numpy().astype(np.int64)
    if min(happened.sum(), len(happened) - happened.sum()) < 10:
        return ['fewer than ten offers were accepted, or not: nothing can be learnt from them']
    return leaks(shown, happened, None, names, set(names))[0]


def told(result: dict) -> Iterator[str]:
    """The counts for people."""
    table = result['table']
    yield f'{result["decisions"]} decisions ({result["repeats"]} repeats dropped), {result["noOffer"]} without an offer'
    yield f'{result["offers"]} offers: {result["displayed"]} displayed, {result["ripe"]} ripe'
    for why, count in result['leftOut'].items():
        yield f'left out: {count} {why}'
    became = ', '.join(f'{table[name]} {name}' for name in ('opened', 'accepted', 'rejected'))
    yield f'{table["offers"]} offers in {table["rows"]} rows of {table["customers"]} customers: {became}'
    yield f'{table["control"]} of them in control arms'
    yield f'{result["features"]} features, {result["pairs"]} pair features, table {result["folder"]}'
