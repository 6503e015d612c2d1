"""Records as an export's `record` column has them: Avro without its container, by the schema they were written with."""

import json
from collections.abc import Callable
from io import BytesIO

from fastavro import parse_schema, schemaless_reader

from .trouble import Trouble


def record_reader(schema: str, last: str | None = None) -> Callable[[bytes], dict]:
    """A function from a record's bytes to its fields by name, those after the field `last` unread.

    Moments stay numbers. It raises `Trouble` for bytes that are no such record, and `ValueError` at once for a schema
    without that field.

    >>> fields = '[{"name": "n", "type": "int"}, {"name": "s", "type": "string"}]'
    >>> record_reader('{"type": "record", "name": "R", "fields": ' + fields + '}')(bytes([3, 4]) + b'hi')
    {'n': -2, 's': 'hi'}
    """
    # Fields stand one behind the other: a schema that ends after some of them reads no further.
    written = json.loads(schema, object_hook=_bare)
    names = [field['name'] for field in written['fields']]
    if last is not None:
        written['fields'] = written['fields'][: names.index(last) + 1]
    parsed = parse_schema(written)

    def whole(data: bytes) -> dict:
        try:
            return schemaless_reader(BytesIO(data), parsed, None)
        except (EOFError, ValueError, LookupError, OverflowError) as error:
            raise Trouble(f'{len(data)} bytes are no whole {written["name"]}: {error or "they end early"}') from None

    return whole


def _bare(schema: dict) -> dict:
    """Without what says that a number is a moment."""
    return {key: value for key, value in schema.items() if key != 'logicalType'}
