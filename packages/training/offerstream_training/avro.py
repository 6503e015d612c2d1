"""Avro records without a library, by the schema they were written with.

Binary encoding of Apache Avro 1.12, as in the `record` column of an export. Arrays of floats come as numpy arrays.
"""

import json
import struct
from collections.abc import Callable

import numpy as np

Reader = Callable[[bytes, int], tuple]
"""From the bytes and where to begin: the value, and where it ends."""


def record_reader(schema: str, last: str | None = None) -> Callable[[bytes], dict]:
    """A function from a record's bytes to its fields by name, those after the field `last` unread.

    It raises `ValueError` for bytes that end early, and at once for a schema without that field.

    >>> fields = '[{"name": "n", "type": "int"}, {"name": "s", "type": "string"}]'
    >>> record_reader('{"type": "record", "name": "R", "fields": ' + fields + '}')(bytes([3, 4]) + b'hi')
    {'n': -2, 's': 'hi'}
    """
    parsed = json.loads(schema)
    names = [field['name'] for field in parsed['fields']]
    if last is not None and last not in names:
        raise ValueError(f'{parsed["name"]} has no field {last}')
    steps = _steps(parsed, {}, '')[: None if last is None else names.index(last) + 1]

    def whole(data: bytes) -> dict:
        try:
            return _read(steps, data, 0)[0]
        except (IndexError, struct.error):
            raise ValueError(f'a record of {len(data)} bytes ends early') from None

    return whole


def _steps(schema: dict, named: dict[str, dict], space: str) -> list[tuple[str, Reader]]:
    space = schema.get('namespace', space)
    named[f'{space}.{schema["name"]}'] = schema
    return [(field['name'], _reader(field['type'], named, space)) for field in schema['fields']]


def _read(steps: list[tuple[str, Reader]], data: bytes, at: int) -> tuple[dict, int]:
    out = {}
    for name, step in steps:
        out[name], at = step(data, at)
    return out, at


def _reader(schema: dict | list | str, named: dict[str, dict], space: str) -> Reader:
    if isinstance(schema, list):
        return _union([_reader(each, named, space) for each in schema])
    if isinstance(schema, str):
        return _PRIMITIVES.get(schema) or _later(schema if '.' in schema else f'{space}.{schema}', named, space)
    kind = schema['type']
    if kind == 'record':
        steps = _steps(schema, named, space)
        return lambda data, at: _read(steps, data, at)
    if kind == 'enum':
        named[f'{schema.get("namespace", space)}.{schema["name"]}'] = schema
        return _enum(schema['symbols'])
    if kind == 'array':
        return _floats if schema['items'] == 'float' else _array(_reader(schema['items'], named, space))
    if kind == 'map':
        return _map(_reader(schema['values'], named, space))
    return _reader(kind, named, space)


def _later(name: str, named: dict[str, dict], space: str) -> Reader:
    """Of a type defined before, which may hold itself."""
    made: list[Reader] = []

    def read(data: bytes, at: int) -> tuple:
        if not made:
            made.append(_reader(named[name], named, space))
        return made[0](data, at)

    return read


def _union(members: list[Reader]) -> Reader:
    def read(data: bytes, at: int) -> tuple:
        index, at = _long(data, at)
        return members[index](data, at)

    return read


def _enum(symbols: list[str]) -> Reader:
    def read(data: bytes, at: int) -> tuple:
        index, at = _long(data, at)
        return symbols[index], at

    return read


def _array(item: Reader) -> Reader:
    def read(data: bytes, at: int) -> tuple:
        out: list = []
        count, at = _long(data, at)
        while count != 0:
            if count < 0:
                count, (_, at) = -count, _long(data, at)
            for _ in range(count):
                value, at = item(data, at)
                out.append(value)
            count, at = _long(data, at)
        return out, at

    return read


def _map(item: Reader) -> Reader:
    pairs = _array(lambda data, at: _pair(item, data, at))

    def read(data: bytes, at: int) -> tuple:
        out, at = pairs(data, at)
        return dict(out), at

    return read


def _pair(item: Reader, data: bytes, at: int) -> tuple:
    key, at = _string(data, at)
    value, at = item(data, at)
    return (key, value), at


def _floats(data: bytes, at: int) -> tuple[np.ndarray, int]:
    parts = []
    count, at = _long(data, at)
    while count != 0:
        if count < 0:
            count, (_, at) = -count, _long(data, at)
        end = at + 4 * count
        if end > len(data):
            raise IndexError
        parts.append(np.frombuffer(data, '<f4', count, at))
        count, at = _long(data, end)
    return (parts[0] if len(parts) == 1 else np.concatenate([np.empty(0, np.float32), *parts])), at


def _long(data: bytes, at: int) -> tuple[int, int]:
    """Variable length, zigzag."""
    byte = data[at]
    at += 1
    if byte < 128:
        return (byte >> 1) ^ -(byte & 1), at
    whole, shift = byte & 127, 7
    while byte > 127:
        byte = data[at]
        at += 1
        whole |= (byte & 127) << shift
        shift += 7
    return (whole >> 1) ^ -(whole & 1), at


def _bytes(data: bytes, at: int) -> tuple[bytes, int]:
    length, at = _long(data, at)
    if at + length > len(data):
        raise IndexError
    return data[at : at + length], at + length


def _string(data: bytes, at: int) -> tuple[str, int]:
    text, at = _bytes(data, at)
    return text.decode(), at


_PRIMITIVES: dict[str, Reader] = {
    'null': lambda data, at: (None, at),
    'boolean': lambda data, at: (data[at] == 1, at + 1),
    'int': _long,
    'long': _long,
    'float': lambda data, at: (struct.unpack_from('<f', data, at)[0], at + 4),
    'double': lambda data, at: (struct.unpack_from('<d', data, at)[0], at + 8),
    'bytes': _bytes,
    'string': _string,
}
