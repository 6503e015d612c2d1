"""Exports of a small log, written as `offerstream export` writes them, by the schemas of the repository."""

import hashlib
import json
import struct
from pathlib import Path

import polars as pl

ROOT = Path(__file__).resolve().parents[3]
DAY = 86_400_000
START = 1_750_000_000_000
FINGERPRINT = 'f00d'
FEATURES = ['purchases_90d', 'data_mb_30d', 'spend_minor_90d']
SHA = json.loads((ROOT / 'models/plan-ranker/1/manifest.json').read_text())['sha256']
PAIRS = json.loads((ROOT / 'models/plan-ranker/1/manifest.json').read_text())['pairs']
MODEL = {'name': 'plan-ranker', 'version': '1', 'sha256': SHA, 'stage': 'champion'}


def _schemas() -> dict[str, dict]:
    found = [json.loads(path.read_text()) for path in sorted((ROOT / 'schemas').glob('*.avsc'))]
    return {each['name']: each for each in found}


def _inlined(schema, files: dict[str, dict], seen: set[str]):
    """Types of other files in their place, as the registry holds them."""
    if isinstance(schema, str):
        return _inlined(files[schema], files, seen) if schema in files and schema not in seen else schema
    if isinstance(schema, list):
        return [_inlined(each, files, seen) for each in schema]
    if 'name' in schema:
        seen.add(schema['name'])
    out = dict(schema)
    for inside in ('items', 'values'):
        if inside in out:
            out[inside] = _inlined(out[inside], files, seen)
    if 'fields' in out:
        out['fields'] = [{**field, 'type': _inlined(field['type'], files, seen)} for field in out['fields']]
    return out


SCHEMAS = {
    topic: _inlined(_schemas()[name], _schemas(), set())
    for topic, name in (('playbook', 'PlaybookRecord'), ('customer-events', 'CustomerEvent'), ('decisions', 'Decision'))
}


def encode(schema, value, named: dict | None = None) -> bytes:
    """A value in Avro's binary encoding; what it lacks is the field's default, else nothing of its type."""
    named = {} if named is None else named
    if isinstance(schema, list):
        index = 0 if value is None else next(i for i, each in enumerate(schema) if _fits(each, value))
        return _long(index) + encode(schema[index], value, named)
    if isinstance(schema, str) and schema in named:
        schema = named[schema]
    kind = schema if isinstance(schema, str) else schema['type']
    if isinstance(schema, dict) and 'name' in schema:
        named[schema['name']] = schema
    if kind == 'record':
        cells = (value.get(each['name'], each.get('default', _nothing(each['type']))) for each in schema['fields'])
        return b''.join(encode(each['type'], cell, named) for each, cell in zip(schema['fields'], cells, strict=True))
    if kind == 'array':
        body = b''.join(encode(schema['items'], each, named) for each in value)
        return (_long(len(value)) + body if value else b'') + b'\0'
    if kind == 'map':
        body = b''.join(encode('string', key) + encode(schema['values'], each, named) for key, each in value.items())
        return (_long(len(value)) + body if value else b'') + b'\0'
    if kind == 'enum':
        return _long(schema['symbols'].index(value))
    if kind in ('int', 'long'):
        return _long(value)
    if kind == 'string':
        return _long(len(value.encode())) + value.encode()
    if isinstance(kind, dict):
        return encode(kind, value, named)
    return {
        'null': lambda: b'',
        'boolean': lambda: bytes([value]),
        'float': lambda: struct.pack('<f', value),
        'double': lambda: struct.pack('<d', value),
    }[kind]()


def _fits(schema, value) -> bool:
    if isinstance(schema, dict) and schema['type'] == 'record':
        kind = next((field for field in schema['fields'] if field['name'] == 'type'), None)
        return isinstance(value, dict) and (kind is None or value.get('type') in kind['type']['symbols'])
    return schema != 'null'


def _nothing(schema):
    if isinstance(schema, list):
        return None if 'null' in schema else _nothing(schema[0])
    kind = schema if isinstance(schema, str) else schema['type']
    if isinstance(kind, dict):
        return _nothing(kind)
    if kind == 'enum':
        return schema['symbols'][0]
    empty = {'string': '', 'boolean': False, 'array': [], 'map': {}, 'null': None, 'float': 0.0, 'double': 0.0}
    return {} if kind == 'record' or kind[0].isupper() else empty.get(kind, 0)


def _long(n: int) -> bytes:
    n, out = (n << 1) ^ (n >> 63), b''
    while n > 127:
        out, n = out + bytes([n & 127 | 128]), n >> 7
    return out + bytes([n])


PLAYBOOK = [
    {'type': 'item', 'name': name, 'kind': kind, 'priceMinor': price, 'marginMinor': price // 3, 'currency': 'EUR'}
    for name, kind, price in (
        ('small', 'plan', 1000),
        ('large', 'plan', 2000),
        ('max', 'plan', 4000),
        ('pack', 'package', 300),
    )
] + [
    {
        'type': 'experiment',
        'name': 'standing',
        'active': True,
        'arms': [
            {'name': 'most', 'share': 0.9, 'policy': 'champion'},
            {'name': 'chance', 'share': 0.1, 'policy': 'random_eligible'},
        ],
    }
]


def decision(name: str, customer: str, day: float, chosen: str | None = 'large', **more) -> dict:
    """Of the plans `small` (refused), `large` and `max`, and the package `pack`."""
    at = START + int(day * DAY)
    pairs = more.pop('pairs', [0.5] * len(PAIRS))
    plans = [
        {'item': 'small', 'refused': 'downgrade', 'pairs': pairs},
        {'item': 'large', 'pairs': pairs, 'propensity': 0.5},
        {'item': 'max', 'pairs': pairs, 'propensity': 0.2},
        {'item': 'pack', 'pairs': [], 'propensity': 0.2},
    ]
    update = {
        'id': name,
        'customer': customer,
        'at': at,
        'trigger': {'kind': 'campaign'},
        'fingerprint': more.pop('fingerprint', FINGERPRINT),
        'features': more.pop('features', [1.0, float('nan'), 99.0]),
        'facts': {'plan': 'small'},
    }
    return {
        'id': name,
        'customer': customer,
        'at': at,
        'playbookVersion': len(PLAYBOOK) - 1,
        'update': update,
        'arms': [{'experiment': 'standing', 'arm': more.pop('arm', 'most')}],
        'models': [MODEL],
        'candidates': plans,
        'chosen': chosen,
        'propensity': next((each['propensity'] for each in plans if each['item'] == chosen), 0.1),
        'reason': 'best',
        **more,
    }


def engagement(kind: str, offer: str | None, customer: str, day: float, item: str | None = 'large') -> dict:
    at = START + int(day * DAY)
    name = f'{offer}/{kind}/{day}'
    return {
        'type': 'engagement',
        'id': name,
        'customer': customer,
        'at': at,
        'kind': kind,
        'offer': offer,
        'item': item,
    }


def purchase(name: str, customer: str, day: float, item: str = 'large') -> dict:
    at = START + int(day * DAY)
    return {
        'type': 'purchase',
        'id': name,
        'customer': customer,
        'at': at,
        'item': item,
        'priceMinor': 2000,
        'currency': 'EUR',
    }


def retraction(name: str, customer: str, day: float, item: str = 'large') -> dict:
    at = START + int(day * DAY)
    return {
        'type': 'purchase_retracted',
        'id': f'back {name}',
        'customer': customer,
        'at': at,
        'purchase': name,
        'item': item,
    }


def write_export(
    folder: Path,
    decisions: list[dict],
    events: list[dict],
    end: float = 60,
    names: dict | None = None,
    per_file: int = 1000,
) -> Path:
    """end: of the journal, in days; each event is journalled when it happened. names: features by fingerprint."""
    last = START + int(end * DAY)
    ticked = [*events, {'type': 'tick', 'at': last}]
    rows = {
        'playbook': [
            {'offset': offset, 'record': encode(SCHEMAS['playbook'], {'at': START, 'body': body})}
            for offset, body in enumerate(PLAYBOOK)
        ],
        'customer-events': [
            {
                **{name: event.get(name) for name in ('id', 'customer', 'type', 'kind', 'item', 'offer')},
                'at': event['at'],
                'journalled_at': event.get('journalledAt', event['at']),
                'record': encode(SCHEMAS['customer-events'], {'journalledAt': event['at'], 'event': event}),
            }
            for event in ticked
        ],
        'decisions': [
            {
                **{name: each[name] for name in ('id', 'customer', 'at', 'chosen', 'reason', 'propensity')},
                'playbook_version': each['playbookVersion'],
                'record': encode(SCHEMAS['decisions'], each),
            }
            for each in decisions
        ],
    }
    files = []
    for topic, whole in rows.items():
        for number, first in enumerate(range(0, len(whole), per_file)):
            path = Path(topic) / '2025-06-15' / f'{number:03}.parquet'
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            frame = pl.DataFrame(whole[first : first + per_file], infer_schema_length=None)
            moments = [name for name in ('at', 'journalled_at') if name in frame.columns]
            texts = [
                name for name in ('id', 'customer', 'type', 'kind', 'item', 'offer', 'chosen') if name in frame.columns
            ]
            frame = frame.with_columns(pl.from_epoch(name, time_unit='ms') for name in moments)
            frame.with_columns(pl.col(texts).cast(pl.String)).write_parquet(folder / path)
            data = (folder / path).read_bytes()
            sha = hashlib.sha256(data).hexdigest()
            files.append({'path': str(path), 'topic': topic, 'bytes': len(data), 'sha256': sha})
    manifest = {
        'format': 1,
        'topics': {topic: {'schema': json.dumps(schema)} for topic, schema in SCHEMAS.items()},
        'features': {FINGERPRINT: FEATURES} if names is None else names,
        'files': files,
    }
    folder.mkdir(parents=True, exist_ok=True)
    (folder / 'manifest.json').write_text(json.dumps(manifest))
    return folder
