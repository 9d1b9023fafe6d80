"""Kafka, for every part: waiting for a broker, topics and lag.

The only file of the core that talks to Kafka.
"""

from __future__ import annotations

import random
import socket
import threading
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from orbitwin.connection import Connection
from orbitwin.errors import OrbitwinError, UsageError
from orbitwin.log import Log
from orbitwin.topics import Topic

if TYPE_CHECKING:
    from kafka import KafkaAdminClient

CONNECT_TIMEOUT_S = 2.0
FIRST_RETRY_S = 0.2
LONGEST_RETRY_S = 30.0
QUIET_S = 2.0  # a broker that is only just starting is no news
SAY_AGAIN_S = 30.0

Offsets = dict[tuple[str, int], int]
"""(topic, partition) -> offset."""


def assert_fast_crc() -> None:
    """Fail where kafka-python would compute checksums in Python: 9 MB/s in place of hundreds."""
    from kafka.record import util

    if util.crc32c_c is None:
        raise OrbitwinError(
            "kafka-python runs without the crc32c package and would be far too slow",
            "pip install 'kafka-python[crc32c]'",
        )


@contextmanager
def admin(conn: Connection, timeout_s: float = 10.0) -> Iterator[KafkaAdminClient]:
    """An admin client, closed at the end. Raises kafka.errors.KafkaError when none answers."""
    from kafka import KafkaAdminClient
    from kafka.net.compat import KafkaNetClient

    # The constructor starts a thread and, where it fails, leaves it behind: keep hold of it.
    made: list[Any] = []

    def make(**config: Any) -> Any:
        made.append(KafkaNetClient(**config))
        return made[0]

    try:
        client = KafkaAdminClient(
            **conn.client_config(),
            kafka_client=make,
            client_id="orbitwin-admin",
            bootstrap_timeout_ms=int(timeout_s * 1000),
            request_timeout_ms=30_000,
        )
    except BaseException:
        for net in made:
            net.close()
        raise
    try:
        yield client
    finally:
        client.close()


def why_not(conn: Connection, timeout_s: float = CONNECT_TIMEOUT_S) -> str | None:
    """None when the cluster answers a metadata request, else the reason in a few words.

    Raises UsageError when it answers and refuses: waiting would not help.
    """
    from kafka.errors import AuthorizationError, KafkaError, SaslAuthenticationFailedError

    reason = "no address"
    for server in conn.servers:
        host, _, port = server.rpartition(":")
        try:
            socket.create_connection((host.strip("[]"), int(port)), timeout_s).close()
            break
        except OSError as error:
            reason = (error.strerror or str(error) or type(error).__name__).lower()
    else:
        return reason
    try:
        with admin(conn, timeout_s) as client:
            brokers = client.describe_cluster()["brokers"]
        return None if brokers else "it knows of no broker yet"
    except (SaslAuthenticationFailedError, AuthorizationError) as error:
        raise UsageError(
            f"Kafka at {conn.bootstrap} refuses us: {error}", "check the user name and password"
        ) from None
    except (KafkaError, OSError) as error:
        # A client that is not let in is disconnected without a word, and so is one that speaks
        # plain text to a TLS port: the client then sees a time-out.
        doubt = (
            "authentication may have failed, check user name, password and TLS files"
            if conn.protocol != "PLAINTEXT"
            else "it may want TLS or a login, see kafka.security_protocol"
        )
        return f"the port is open but no Kafka answers ({type(error).__name__}); {doubt}"


def wait_for_broker(conn: Connection, stop: threading.Event, log: Log) -> bool:
    """Return True once the cluster answers, False when `stop` is set first.

    Retries every 0.2 s for 2 s, then says that it waits, and every 30 s again; pauses double to
    30 s, with jitter. Raises UsageError when the cluster refuses the credentials.
    """
    pause_s, said_at = FIRST_RETRY_S, -SAY_AGAIN_S
    waited_from = time.monotonic()
    while not stop.is_set():
        reason = why_not(conn)
        if reason is None:
            if said_at >= 0:
                log.info(f"Kafka at {conn.bootstrap} answers")
            return True
        now = time.monotonic()
        if now - waited_from < QUIET_S:
            stop.wait(FIRST_RETRY_S)
            continue
        if now - said_at >= SAY_AGAIN_S or said_at < 0:
            log.warning(
                f"Kafka at {conn.bootstrap} does not answer ({reason}); trying again until it "
                f"does, {now - waited_from:.0f} s so far"
            )
            said_at = now
        stop.wait(pause_s * random.uniform(0.7, 1.0))
        pause_s = min(2 * pause_s, LONGEST_RETRY_S)
    return False


def ensure_topics(
    conn: Connection, topics: Iterable[Topic], replication_factor: int = -1
) -> list[str]:
    """Create the topics that are missing and return their names.

    One that stands takes larger records from then on where ours grew since it was made. Raises
    OrbitwinError for a topic that stands with fewer partitions or another clean-up
    policy than it should have. `replication_factor` -1 is the cluster's default.
    """
    from kafka.errors import TopicAlreadyExistsError

    wanted = {topic.name: topic for topic in topics}
    with admin(conn) as client:
        missing = sorted(wanted.keys() - set(client.list_topics()))
        created = []
        for name in missing:
            topic = wanted[name]
            options = {
                "num_partitions": topic.partitions,
                "replication_factor": replication_factor,
                "configs": dict(topic.config),
            }
            try:
                client.create_topics({name: options})
                created.append(name)
            except TopicAlreadyExistsError:
                pass  # another part was quicker
        if created:
            client.wait_for_topics(created)
        standing = _describe(client, sorted(wanted.keys() - set(created)))
        faults = [fault for info in standing for fault in _faults(wanted[info.name], info)]
        _raise_limits(client, wanted, standing)
    if faults:
        raise OrbitwinError(
            "; ".join(faults),
            "delete or rename them, or add partitions, then: orbitwin topics create",
        )
    return created


@dataclass(frozen=True)
class TopicInfo:
    """A topic as the cluster has it. Offsets are by partition number."""

    name: str
    partitions: int
    replicas: int
    config: Mapping[str, str]
    first_offsets: tuple[int, ...]
    end_offsets: tuple[int, ...]

    @property
    def records(self) -> int:
        """Offsets in the log now (of a compacted topic: at most so many records)."""
        return sum(self.end_offsets) - sum(self.first_offsets)


def describe_topics(conn: Connection, names: Iterable[str]) -> list[TopicInfo]:
    """The topics of these names that exist, in the order given."""
    with admin(conn) as client:
        there = set(client.list_topics())
        return _describe(client, [name for name in names if name in there])


def end_offsets(conn: Connection, names: Iterable[str]) -> Offsets:
    """The offset that the next record of each partition will get."""
    with admin(conn) as client:
        return _offsets(client, _partitions(client, list(names)), "latest")


def committed_offsets(conn: Connection, group: str) -> Offsets:
    """What a consumer group has committed: the offset it would read next.

    {} for a group that never committed, and while a young cluster makes its offsets topic.
    """
    from kafka.errors import CoordinatorNotAvailableError, GroupIdNotFoundError

    with admin(conn) as client:
        try:
            found = client.list_group_offsets({group: None}).get(group, {})
        except (CoordinatorNotAvailableError, GroupIdNotFoundError):
            return {}
        return {(p.topic, p.partition): at.offset for p, at in found.items() if at.offset >= 0}


def lag(conn: Connection, read: Offsets) -> Offsets:
    """Records between `read` (the next offset a reader would take) and the end of each log."""
    ends = end_offsets(conn, sorted({topic for topic, _ in read}))
    return {key: max(0, ends[key] - at) for key, at in read.items() if key in ends}


def _partitions(client: KafkaAdminClient, names: list[str]) -> dict[str, int]:
    if not names:
        return {}
    return {t["name"]: len(t["partitions"]) for t in client.describe_topics(names)}


def _offsets(client: KafkaAdminClient, partitions: Mapping[str, int], which: str) -> Offsets:
    from kafka import TopicPartition
    from kafka.admin import OffsetSpec

    spec = OffsetSpec.LATEST if which == "latest" else OffsetSpec.EARLIEST
    specs = {TopicPartition(n, p): spec for n, count in partitions.items() for p in range(count)}
    if not specs:
        return {}
    found = client.list_partition_offsets(specs)
    return {(part.topic, part.partition): at.offset for part, at in found.items()}


def _describe(client: KafkaAdminClient, names: list[str]) -> list[TopicInfo]:
    from kafka.admin import ConfigResource, ConfigResourceType

    if not names:
        return []
    metadata = {t["name"]: t["partitions"] for t in client.describe_topics(names)}
    resources = [ConfigResource(ConfigResourceType.TOPIC, name) for name in names]
    configs = client.describe_configs(resources, config_filter="all")["topic"]
    counts = {name: len(parts) for name, parts in metadata.items()}
    first, end = _offsets(client, counts, "earliest"), _offsets(client, counts, "latest")
    return [
        TopicInfo(
            name=name,
            partitions=counts[name],
            replicas=min(len(p["replica_nodes"]) for p in metadata[name]),
            config={key: str(value["value"]) for key, value in configs[name].items()},
            first_offsets=tuple(first[name, p] for p in range(counts[name])),
            end_offsets=tuple(end[name, p] for p in range(counts[name])),
        )
        for name in names
    ]


def _raise_limits(client: Any, wanted: Mapping[str, Topic], standing: Iterable[TopicInfo]) -> None:
    from kafka.admin import ConfigResource, ConfigResourceType

    limit = "max.message.bytes"
    small = [
        ConfigResource(ConfigResourceType.TOPIC, info.name, {limit: should})
        for info in standing
        if (should := wanted[info.name].config.get(limit))
        and int(info.config.get(limit, should)) < int(should)
    ]
    if small:
        client.alter_configs(small)


def _faults(topic: Topic, info: TopicInfo) -> Iterator[str]:
    if info.partitions < topic.partitions:
        yield (
            f"topic {topic.name} has {info.partitions} partitions and should have "
            f"{topic.partitions}"
        )
    policy = "cleanup.policy"
    should = topic.config.get(policy)
    if should and info.config.get(policy) != should:
        yield f"topic {topic.name} has {policy}={info.config.get(policy)}, should be {should}"
