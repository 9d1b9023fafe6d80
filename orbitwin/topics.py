"""The Kafka topics, as data: names, partitions and bounded retention.

Every topic is created explicitly (`orbitwin topics create`, or by `orbitwin up`); the broker's
automatic creation stays off, because a topic made by accident has no bound on its disk.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

PARTITIONS = 8
"""Partitions of every topic that carries chunks: the most workers that can share a fleet."""

MAX_MESSAGE_BYTES = 8 * 1024 * 1024
"""The largest record: a frame of 16,384 satellites takes about 1 MB."""

MAX_SNAPSHOT_BYTES = 64 * 1024 * 1024
"""The largest snapshot: a chunk of 16,384 satellites with their models takes some 11 MB, and 45 MB
if nothing of it could be compressed."""

SEGMENT_BYTES = 64 * 1024 * 1024
RETENTION_BYTES = 512 * 1024 * 1024
"""Retention of a partition; a segment more may stand until the broker's next check."""

_DAY_MS = 24 * 3600 * 1000


@dataclass(frozen=True)
class Topic:
    """One topic: its name, number of partitions and configuration."""

    name: str
    purpose: str
    partitions: int = PARTITIONS
    config: Mapping[str, str] = field(default_factory=dict)


def _log(retention_bytes: int = RETENTION_BYTES, retention_ms: int = _DAY_MS) -> dict[str, str]:
    return {
        "cleanup.policy": "delete",
        "retention.bytes": str(retention_bytes),
        "retention.ms": str(retention_ms),
        "segment.bytes": str(SEGMENT_BYTES),
        "max.message.bytes": str(MAX_MESSAGE_BYTES),
        # The broker's clock stamps every record on arrival: receive time is then part of the
        # log, and processing the log again gives the same staleness.
        "message.timestamp.type": "LogAppendTime",
    }


def _newest_by_key(max_bytes: int = MAX_MESSAGE_BYTES) -> dict[str, str]:
    return {
        "cleanup.policy": "compact",
        "segment.bytes": str(SEGMENT_BYTES),
        "segment.ms": "600000",
        "min.cleanable.dirty.ratio": "0.2",
        "max.message.bytes": str(max_bytes),
    }


FLEET = Topic(
    "twin.fleet.v1",
    "who flies: the satellites of each chunk and the vehicle type they are of",
    partitions=1,
    config=_newest_by_key(),
)
TELEMETRY = Topic(
    "twin.telemetry.v1", "frames from producers, and the processors' clock ticks", config=_log()
)
STATE = Topic("twin.state.v1", "derived state of each frame", config=_log())
EVENTS = Topic(
    "twin.events.v1", "limit crossings, staleness, gaps", config=_log(64 * 1024 * 1024, 7 * _DAY_MS)
)
ADVISORIES = Topic("twin.advisories.v1", "advice to producers", config=_log(64 * 1024 * 1024))
DEAD_LETTERS = Topic(
    "twin.dlq.v1",
    "what could not be taken, with reason and origin",
    config=_log(64 * 1024 * 1024, 7 * _DAY_MS),
)
SNAPSHOT = Topic(
    "twin.snapshot.v1",
    "the processors' state of each chunk",
    config=_newest_by_key(MAX_SNAPSHOT_BYTES),
)

TOPICS: tuple[Topic, ...] = (
    FLEET,
    TELEMETRY,
    STATE,
    EVENTS,
    ADVISORIES,
    DEAD_LETTERS,
    SNAPSHOT,
)
