"""Records from Kafka to the writer; the only file of storage that touches Kafka.

Partitions are assigned by hand and sought to the stored offsets: there is no consumer group and
nothing is committed to Kafka, since the offsets that count are in the database.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator

from kafka import KafkaConsumer, TopicPartition
from kafka.consumer.fetcher import ConsumerRecord
from kafka.errors import KafkaError

from orbitwin.connection import Connection
from orbitwin.errors import UsageError
from orbitwin.kafka import admin, assert_fast_crc
from orbitwin.log import get
from orbitwin.topics import DEAD_LETTERS, EVENTS, FLEET, MAX_MESSAGE_BYTES, STATE, Topic
from storage.intake import Record
from storage.snapshot import Place

TOPICS = (STATE, EVENTS, DEAD_LETTERS)
MAX_POLL_RECORDS = 64  # a record may be 8 MB
FETCH_MAX_BYTES = 32 * 1024 * 1024
FETCH_WAIT_MS = 100
LOOK_AGAIN_S = 1.0  # for topics that are not there yet
NEW_PARTITIONS_S = 30.0
METADATA_AGE_MS = 10_000
ANSWER_MS = 5_000

log = get(__name__)


class Consumer:
    """Reads the historian's topics; `next_offsets` is where each partition stands."""

    def __init__(self, connection: Connection) -> None:
        assert_fast_crc()
        self._connection = connection
        self._config = {
            **connection.client_config(),
            "client_id": "orbitwin-historian",
            "group_id": None,
            "enable_auto_commit": False,
            "auto_offset_reset": "earliest",
            "allow_auto_create_topics": False,
            "metadata_max_age_ms": METADATA_AGE_MS,
            "max_poll_records": MAX_POLL_RECORDS,
            "fetch_max_bytes": FETCH_MAX_BYTES,
            "max_partition_fetch_bytes": MAX_MESSAGE_BYTES,
            "fetch_max_wait_ms": FETCH_WAIT_MS,
            "reconnect_backoff_max_ms": 2_000,
            "metrics_enabled": False,
        }
        self._consumer = KafkaConsumer(**self._config)
        self._fleet = KafkaConsumer(**self._config)
        self._next: dict[Place, int] = {}
        self._looked_s = 0.0

    def close(self) -> None:
        self._consumer.close(autocommit=False)
        self._fleet.close(autocommit=False)

    def missing_topics(self) -> list[str]:
        """Names of the topics that the cluster does not have."""
        there = self._consumer.topics()
        return [t.name for t in (FLEET, *TOPICS) if t.name not in there]

    def topic_ids(self) -> dict[str, str]:
        """The id of each topic that is stored, where the cluster gives ids."""
        with admin(self._connection) as client:
            found = client.describe_topics([t.name for t in TOPICS])
        return {t["name"]: str(t["topic_id"]) for t in found if t.get("topic_id")}

    def start(self, offsets: dict[Place, int]) -> dict[Place, int]:
        """Assign every partition and seek. Returns the places whose records are gone in part,
        with the first offset that is still there.

        Raises UsageError where a log ends before what is stored of it: it is another log.
        """
        places = [TopicPartition(t.name, p) for t in TOPICS for p in self._partitions(t)]
        self._consumer.assign(places)
        first = self._consumer.beginning_offsets(places, timeout_ms=ANSWER_MS)
        end = self._consumer.end_offsets(places, timeout_ms=ANSWER_MS)
        gone: dict[Place, int] = {}
        for place in places:
            at = (place.topic, place.partition)
            wanted = offsets.get(at, 0)
            if wanted > end[place]:
                raise UsageError(
                    f"{place.topic}/{place.partition} ends at offset {end[place]}, and history "
                    f"is stored up to {wanted}: it is another log than the one stored so far",
                    "choose a new directory with --data, or bring back the broker's data",
                )
            if at in offsets and wanted < first[place]:
                gone[at] = first[place]
            self._next[at] = max(wanted, first[place])
            self._consumer.seek(place, self._next[at])
        self._looked_s = time.monotonic()
        return gone

    def poll(self, timeout_s: float) -> Iterator[Record]:
        """Records that have come, in order within each partition."""
        self._follow_partitions()
        batches = self._consumer.poll(timeout_ms=max(0, int(timeout_s * 1000)))
        for place, records in batches.items():
            for record in records:
                self._next[place.topic, place.partition] = record.offset + 1
                yield _record(record)

    def lag(self) -> int | None:
        """Records in the logs that `poll` has not given yet; None before the first answer."""
        total = 0
        for (topic, partition), offset in self._next.items():
            high = self._consumer.highwater(TopicPartition(topic, partition))
            if high is None:
                return None
            total += max(0, high - offset)
        return total

    def fleet(self, stop: threading.Event) -> list[bytes]:
        """Records of the fleet topic since the last call, read to its end as it is now."""
        place = TopicPartition(FLEET.name, 0)
        found: list[bytes] = []
        while not stop.is_set():
            try:
                if place not in self._fleet.assignment():
                    self._fleet.assign([place])
                    self._fleet.seek(place, 0)
                end = self._fleet.end_offsets([place], timeout_ms=ANSWER_MS)[place]
                while self._fleet.position(place) < end and not stop.is_set():
                    for records in self._fleet.poll(timeout_ms=200).values():
                        found += [r.value for r in records if r.value is not None]
                return found
            except KafkaError as error:
                log.warning(f"the fleet topic cannot be read ({error}); trying again")
                stop.wait(LOOK_AGAIN_S)
        return found

    def _partitions(self, topic: Topic) -> list[int]:
        return sorted(self._consumer.partitions_for_topic(topic.name) or ())

    def _follow_partitions(self) -> None:
        """Take up partitions that a topic has been given since."""
        now_s = time.monotonic()
        if now_s - self._looked_s < NEW_PARTITIONS_S:
            return
        self._looked_s = now_s
        new = [
            (t.name, p)
            for t in TOPICS
            for p in self._partitions(t)
            if (t.name, p) not in self._next
        ]
        if not new:
            return
        log.info(f"{len(new)} new partitions")
        for at in new:
            self._next[at] = 0
        self._consumer.assign([TopicPartition(*at) for at in self._next])
        for at, offset in self._next.items():
            self._consumer.seek(TopicPartition(*at), offset)


def _record(record: ConsumerRecord) -> Record:
    return Record(
        record.topic,
        record.partition,
        record.offset,
        record.timestamp * 1000,
        record.value or b"",
        tuple(record.headers),
    )
