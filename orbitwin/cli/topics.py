"""orbitwin topics: list the Kafka topics, create those that are missing."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from orbitwin.cli import options
from orbitwin.errors import OrbitwinError

if TYPE_CHECKING:
    from orbitwin.connection import Connection
    from orbitwin.settings import Settings

EXAMPLES = """
orbitwin topics list
orbitwin topics create --bootstrap localhost:9092
"""
LIST_EXAMPLES = """
orbitwin topics list
orbitwin topics list --bootstrap localhost:9092 --json
"""
CREATE_EXAMPLES = """
orbitwin topics create --bootstrap localhost:9092
"""


def list_(
    bootstrap: options.Bootstrap = None,
    data: options.Data = None,
    config: options.Config = None,
    json: options.Json = False,
) -> None:
    """List every topic: wanted or present, partitions, records, retention."""
    from orbitwin.cli.output import print_json, print_table
    from orbitwin.kafka import describe_topics
    from orbitwin.topics import TOPICS

    with kafka_errors(), _connection(bootstrap, data, config) as (_, connection):
        there = {info.name: info for info in describe_topics(connection, [t.name for t in TOPICS])}
    documents: list[dict[str, Any]] = []
    for topic in TOPICS:
        info = there.get(topic.name)
        documents.append(
            {
                "name": topic.name,
                "present": info is not None,
                "partitions": info.partitions if info else None,
                "partitions_wanted": topic.partitions,
                "records": info.records if info else None,
                "retention_bytes": int(info.config.get("retention.bytes", -1)) if info else None,
                "retention_ms": int(info.config.get("retention.ms", -1)) if info else None,
                "cleanup_policy": info.config.get("cleanup.policy") if info else None,
                "purpose": topic.purpose,
            }
        )
    if json:
        print_json({"topics": documents})
        return
    columns = ("topic", "present", "partitions", "records", "purpose")
    print_table(
        columns,
        [(d["name"], d["present"], d["partitions"], d["records"], d["purpose"]) for d in documents],
    )


def create(
    bootstrap: options.Bootstrap = None,
    data: options.Data = None,
    config: options.Config = None,
    json: options.Json = False,
) -> None:
    """Create the topics that are missing, with bounded retention. Those that stand stay."""
    import sys

    from orbitwin.cli.output import print_json
    from orbitwin.kafka import ensure_topics
    from orbitwin.topics import TOPICS

    with kafka_errors(), _connection(bootstrap, data, config) as (settings, connection):
        created = ensure_topics(connection, TOPICS, settings.kafka.replication_factor)
    if json:
        print_json({"created": created})
        return
    for name in created:
        print(name)
    print(f"{len(created)} created, {len(TOPICS) - len(created)} stood already", file=sys.stderr)


@contextmanager
def kafka_errors() -> Iterator[None]:
    """Kafka's own errors as one line."""
    try:
        yield
    except OrbitwinError:
        raise
    except Exception as error:
        if not type(error).__module__.startswith("kafka."):
            raise
        raise OrbitwinError(
            f"Kafka refused: {type(error).__name__}: {' '.join(str(error).split())}",
            "`orbitwin check` looks at broker and topics",
        ) from None


@contextmanager
def _connection(
    bootstrap: str | None, data: Path | None, config: Path | None
) -> Iterator[tuple[Settings, Connection]]:
    """Settings and a connection to a cluster that answers."""
    from orbitwin.connection import Connection
    from orbitwin.kafka import why_not

    settings = options.with_broker(options.load_settings(data, config, kafka__bootstrap=bootstrap))
    connection = Connection.from_settings(settings.kafka)
    reason = why_not(connection)
    if reason:
        raise OrbitwinError(
            f"Kafka at {connection.bootstrap} does not answer: {reason}",
            "start the broker, or give another with --bootstrap HOST:PORT",
        )
    yield settings, connection
