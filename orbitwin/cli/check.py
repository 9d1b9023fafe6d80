"""orbitwin check: are settings, vehicle, profile, broker and topics right?"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from orbitwin.cli import options
from orbitwin.cli.findings import Finding, report
from orbitwin.cli.topics import kafka_errors
from orbitwin.errors import OrbitwinError

if TYPE_CHECKING:
    from orbitwin.connection import Connection
    from orbitwin.settings import Settings

EXAMPLES = """
orbitwin check
orbitwin check --bootstrap localhost:9092 --vehicle mine.toml --json
"""


def check(
    profile: options.Profile = None,
    vehicle: options.Vehicle = None,
    bootstrap: options.Bootstrap = None,
    data: options.Data = None,
    config: options.Config = None,
    json: options.Json = False,
) -> None:
    """Check settings, vehicle type, profile, broker and topics; print the command that mends."""

    def findings() -> Iterator[Finding]:
        try:
            settings = options.load_settings(
                data,
                config,
                producer__profile=profile,
                vehicle=vehicle,
                kafka__bootstrap=bootstrap,
            )
        except OrbitwinError as error:
            yield Finding("settings", "fail", error.message, error.hint)
            return
        yield Finding("settings", "ok", f"data in {settings.data}")
        yield _vehicle(settings.vehicle)
        yield _profile(settings.producer.profile)
        yield from _kafka(settings)

    report(findings(), json)


def _vehicle(name: str) -> Finding:
    from orbitwin import catalogue

    try:
        found = catalogue.load(name)
    except OrbitwinError as error:
        return Finding("vehicle", "fail", error.message, error.hint)
    counts = f"{len(found.packets)} packets, {len(found.parameters)} parameters"
    return Finding("vehicle", "ok", f"{name}: {counts}")


def _profile(name: str) -> Finding:
    from orbitwin import profile

    try:
        found = profile.load(name)
    except OrbitwinError as error:
        return Finding("profile", "fail", error.message, error.hint)
    return Finding("profile", "ok", f"{name}: {found.satellites} satellites")


def _kafka(settings: Settings) -> Iterator[Finding]:
    from orbitwin.connection import Connection
    from orbitwin.kafka import why_not

    if settings.kafka.bootstrap is None:
        from orbitwin.parts import read_twin

        if not read_twin(settings.data).get("bootstrap"):
            found = "none is given and no twin runs: `orbitwin up` will start its own"
            yield Finding("broker", "ok", found)
            return
    connection = Connection.from_settings(options.with_broker(settings).kafka)
    try:
        reason = why_not(connection)
    except OrbitwinError as error:
        yield Finding("broker", "fail", error.message, error.hint)
        return
    if reason:
        found = f"Kafka at {connection.bootstrap} does not answer: {reason}"
        yield Finding("broker", "fail", found, "start it, or give another with --bootstrap")
        return
    yield Finding("broker", "ok", f"Kafka at {connection.bootstrap} answers")
    try:
        with kafka_errors():
            yield from list(_topics(connection))
    except OrbitwinError as error:
        yield Finding("topics", "fail", error.message, "see the broker's log")


def _topics(connection: Connection) -> Iterator[Finding]:
    from orbitwin.kafka import describe_topics
    from orbitwin.topics import TOPICS

    there = {info.name: info for info in describe_topics(connection, [t.name for t in TOPICS])}
    create = f"orbitwin topics create --bootstrap {connection.bootstrap}"
    for topic in TOPICS:
        info = there.get(topic.name)
        if info is None:
            yield Finding("topic", "fail", f"{topic.name} is missing", create)
        elif info.partitions < topic.partitions:
            yield Finding(
                "topic",
                "fail",
                f"{topic.name} has {info.partitions} partitions, needs {topic.partitions}",
                f"kafka-topics.sh --bootstrap-server {connection.bootstrap} --alter "
                f"--topic {topic.name} --partitions {topic.partitions}",
            )
        else:
            wrong = [
                f"{key}={value}"
                for key, value in topic.config.items()
                if info.config.get(key) != value
            ]
            if not wrong:
                yield Finding("topic", "ok", f"{topic.name}, {info.partitions} partitions")
                continue
            yield Finding(
                "topic",
                "warn",
                f"{topic.name} differs in {', '.join(w.partition('=')[0] for w in wrong)}",
                f"kafka-configs.sh --bootstrap-server {connection.bootstrap} --alter "
                f"--entity-type topics --entity-name {topic.name} --add-config {','.join(wrong)}",
            )
