"""Follows next-best-offers and handles each offer once, while it stands and is its customer's newest.

pip install kafka-python==2.3.3 fastavro==1.12.1 && python offers_consumer.py
"""
import functools, io, json, os, signal, sys, urllib.request
from datetime import datetime, timezone

from fastavro import parse_schema, schemaless_reader
from kafka import KafkaConsumer

TOPIC = os.environ.get("TOPIC", "next-best-offers")
REGISTRY = os.environ.get("REGISTRY_URL", "http://127.0.0.1:8080/apis/ccompat/v7")
# What was handled, one offer a line. It must outlive the process: yours may be a table with a unique id.
FILE = os.environ.get("HANDLED_FILE", "handled.jsonl")
handled: set[str] = set()
newest: dict[str, int] = {}


def remember(offer: dict) -> None:
    handled.add(offer["id"])
    newest[offer["customer"]] = max(offer["sequence"], newest.get(offer["customer"], 0))


def handle(offer: dict) -> None:
    if offer["id"] in handled:  # delivery is at least once: a repeat
        return
    if offer["sequence"] <= newest.get(offer["customer"], 0):  # a later offer superseded it
        return
    if offer["expiresAt"] <= datetime.now(timezone.utc):
        return
    with open(FILE, "a") as file:  # whatever you do goes here, in one step with remembering it
        file.write(json.dumps(offer, default=datetime.isoformat) + "\n")
    remember(offer)


@functools.cache
def schema_of(schema_id: int) -> dict:
    with urllib.request.urlopen(f"{REGISTRY}/schemas/ids/{schema_id}") as answer:
        return parse_schema(json.loads(json.load(answer)["schema"]))


if os.path.exists(FILE):
    for line in open(FILE):
        remember(json.loads(line))
signal.signal(signal.SIGTERM, lambda *_: sys.exit())
brokers = os.environ.get("KAFKA_BROKERS", "127.0.0.1:9092").split(",")
group = os.environ.get("GROUP", "offers-example")
for message in KafkaConsumer(TOPIC, bootstrap_servers=brokers, group_id=group, auto_offset_reset="earliest"):
    if message.value:  # a zero byte, the id of the schema in four bytes, the record
        handle(schemaless_reader(io.BytesIO(message.value[5:]), schema_of(int.from_bytes(message.value[1:5]))))
