"""Which column of a table means what: found by its name, or said in a JSON file."""

import json
import re
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path

import polars as pl

from ..table import column, design_of
from ..trouble import Trouble

LEAST_MONTHS = 3

ROLES = {
    'tenure': 'tenureDays',
    'binding': 'bindingDays',
    'available': 'availableGb',
    'price': 'priceMinor',
    'usage': 'usedGb',
    'paid': 'paidMinor',
}
"""What a column is called unless the JSON says otherwise; a role without its column gives no features."""


@dataclass(frozen=True)
class Schema:
    """Fixed on the training rows, so that another table gives the same inputs."""

    numbers: list[str]
    levels: dict[str, list[str]]
    """Texts, and the values that have an input each."""
    months: dict[str, list[str]]
    """Columns of each monthly series by its prefix, the oldest first."""
    flagged: list[str] = field(default_factory=list)
    """Numbers that lack a value somewhere: whether it is there is an input."""
    tenure: str | None = None
    """Days since the customer came."""
    binding: str | None = None
    """Days of the binding that are left, negative since it ended."""
    available: str | None = None
    """What the plan holds a month, in the unit of `usage`."""
    price: str | None = None
    """Of the plan now, in the unit of `paid`."""
    usage: str | None = None
    """The prefix of the months of usage."""
    paid: str | None = None
    """The prefix of the months of prices paid."""
    contacts: list[str] = field(default_factory=list)
    """Counts of contacts."""
    by: list[str] = field(default_factory=list)
    """Texts by which contacts are told apart."""
    index: float = 1.0
    """The usual price: money is an input only as a share of it, so that it can rise with the prices."""

    def to_json(self) -> str:
        """As `--schema` takes it."""
        return json.dumps(asdict(self), indent=2) + '\n'


def schema_of(frame: pl.DataFrame, kept_out: set[str], notes: list[str], given: dict | None = None) -> Schema:
    """The schema of the training rows. `given` are fields that the user says; raises `Trouble` for those it cannot be.

    Columns `<prefix>1`, `<prefix>2`, … from three on are a monthly series, the oldest first. A column that only counts
    the rows is left out.
    """
    given = dict(given or {})
    known = {each.name for each in fields(Schema)}
    if unknown := set(given) - known:
        raise Trouble(f'schema: {", ".join(sorted(unknown))} is no field of it; it has {", ".join(sorted(known))}')
    kept_out = kept_out | row_numbers(frame, notes)
    months = given.get('months') or monthly(frame, kept_out)
    for name in [each for columns in months.values() for each in columns]:
        column(frame, name, 'schema: the month')
    inside = {name for columns in months.values() for name in columns}
    design = design_of(frame, kept_out | inside, notes) if set(frame.columns) - kept_out - inside else None
    numbers, levels = (design.numbers, design.levels) if design else ([], {})
    there = {role: name for role, name in ROLES.items() if name in numbers or name in months}
    contacts = [name for name in ('complaints', 'questions') if name in numbers]
    by = [name for name in ('device', 'channel') if name in levels]
    found = Schema(
        numbers,
        levels,
        months,
        [name for name in numbers if frame[name].null_count() + _nans(frame[name]) > 0],
        **there,
        contacts=contacts,
        by=by,
    )
    found = replace(found, **given)
    _check(found)
    if found.price is not None and 'index' not in given:
        found = replace(found, index=_typical(frame[found.price]))
    return found


def read_schema(path: Path) -> dict:
    """Fields that the user says. Raises `Trouble`."""
    try:
        said = json.loads(path.read_text())
    except (OSError, ValueError) as error:
        raise Trouble(f'{path} cannot be read as JSON: {error}') from error
    if not isinstance(said, dict):
        raise Trouble(f'{path}: wanted an object with fields of the schema')
    return said


def monthly(frame: pl.DataFrame, kept_out: set[str]) -> dict[str, list[str]]:
    """Series of numeric columns `<prefix>1 … <prefix>n` without a gap, n ≥ 3.

    >>> monthly(pl.DataFrame({'used1': [1], 'used2': [2], 'used3': [3], 'age': [40], 'odd7': [1]}), set())
    {'used': ['used1', 'used2', 'used3']}
    """
    found: dict[str, dict[int, str]] = {}
    for name in frame.columns:
        parts = re.fullmatch(r'(.*\D)(\d{1,2})', name)
        if parts and name not in kept_out and frame[name].dtype.is_numeric():
            found.setdefault(parts[1], {})[int(parts[2])] = name
    return {
        prefix.rstrip('_'): [columns[month] for month in sorted(columns)]
        for prefix, columns in found.items()
        if len(columns) >= LEAST_MONTHS and sorted(columns) == list(range(1, len(columns) + 1))
    }


def row_numbers(frame: pl.DataFrame, notes: list[str]) -> set[str]:
    """Columns of whole numbers that rise from each row to the next: the place in a file, of all rows or of some."""
    found = set()
    for name in frame.columns:
        rising = frame.height > 20 and frame[name].dtype.is_integer() and frame[name].null_count() == 0
        if rising and bool((frame[name].diff().drop_nulls() > 0).all()):
            notes.append(f'{name} counts the rows; left out')
            found.add(name)
    return found


def _check(schema: Schema) -> None:
    for role in ('tenure', 'binding', 'available', 'price'):
        name = getattr(schema, role)
        if name is not None and name not in schema.numbers:
            raise Trouble(f'schema: {role} is {name}, which is no number of the table')
    for role in ('usage', 'paid'):
        name = getattr(schema, role)
        if name is not None and name not in schema.months:
            raise Trouble(f'schema: {role} is {name}, which is no monthly series: {", ".join(schema.months) or "none"}')
    for role, names, there in (('contacts', schema.contacts, schema.numbers), ('by', schema.by, schema.levels)):
        if wrong := set(names) - set(there):
            raise Trouble(f'schema: {role} has {", ".join(sorted(wrong))}, which the table does not have so')


def _nans(series: pl.Series) -> int:
    return int(series.is_nan().sum()) if series.dtype.is_float() else 0


def _typical(prices: pl.Series) -> float:
    middle = prices.cast(pl.Float64).fill_nan(None).median()
    return float(middle) if middle is not None and middle > 0 else 1.0
