"""Kafka, for every part: how to connect, waiting for a broker, topics and lag.

The only file of the core that talks to Kafka. Settings carry the standard property names
(`security.protocol`, `sasl.username`, ...) and become here what each of the three clients wants.
"""

from __future__ import annotations

import random
import socket
import ssl
import threading
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from orbitwin.errors import OrbitwinError, UsageError
from orbitwin.spelling import did_you_mean
from orbitwin.topics import Topic

if TYPE_CHECKING:
    from kafka import KafkaAdminClient

    from orbitwin.settings import KafkaSettings

CONNECT_TIMEOUT_S = 2.0
FIRST_RETRY_S = 0.2
LONGEST_RETRY_S = 30.0
QUIET_S = 2.0  # a broker that is only just starting is no news
SAY_AGAIN_S = 30.0

PROTOCOLS = ("PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL")
MECHANISMS = ("PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512")
PROPERTIES = (
    "security.protocol",
    "sasl.mechanism",
    "sasl.username",
    "sasl.password",
    "ssl.ca.location",
    "ssl.certificate.location",
    "ssl.key.location",
    "ssl.key.password",
    "ssl.endpoint.identification.algorithm",  # "https" (default) or "none"
)
SECRETS = ("sasl.password", "ssl.key.password")

Offsets = dict[tuple[str, int], int]
"""(topic, partition) -> offset."""


class Log(Protocol):
    """What is asked of a logger: structlog's and the standard library's both have it."""

    def info(self, event: str) -> Any: ...
    def warning(self, event: str) -> Any: ...


@dataclass(frozen=True, repr=False)
class Connection:
    """Where a cluster is and how to be let in.

    `bootstrap` is HOST:PORT[,HOST:PORT...]; `security` maps names of PROPERTIES to values.
    Raises UsageError for an unknown property or a combination that cannot work.
    """

    bootstrap: str
    security: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for server in self.servers:
            host, _, port = server.rpartition(":")
            if not host or not port.isdigit() or not 0 < int(port) < 65536:
                raise UsageError(
                    f"{server!r} is not the address of a Kafka broker",
                    "write HOST:PORT, several with commas between",
                )
        for name in self.security:
            if name not in PROPERTIES:
                raise UsageError(f"unknown Kafka property {name}{did_you_mean(name, PROPERTIES)}")
        if self.protocol not in PROTOCOLS:
            raise UsageError(f"security.protocol {self.protocol} is not one of {PROTOCOLS}")
        if self.protocol.startswith("SASL"):
            missing = [n for n in ("sasl.username", "sasl.password") if not self.security.get(n)]
            if missing:
                raise UsageError(f"security.protocol {self.protocol} needs {' and '.join(missing)}")
            if self.mechanism not in MECHANISMS:
                raise UsageError(f"sasl.mechanism {self.mechanism} is not one of {MECHANISMS}")

    @classmethod
    def from_settings(cls, kafka: KafkaSettings, bootstrap: str | None = None) -> Connection:
        """The connection that settings describe; `bootstrap` in place of theirs (local broker)."""
        address = bootstrap or kafka.bootstrap
        if not address:
            raise UsageError("no Kafka broker is known", "give --bootstrap HOST:PORT")
        password, key_password = kafka.sasl_password, kafka.ssl_key_password
        values = {
            "security.protocol": kafka.security_protocol,
            "sasl.mechanism": kafka.sasl_mechanism,
            "sasl.username": kafka.sasl_username,
            "sasl.password": password and password.get_secret_value(),
            "ssl.ca.location": kafka.ssl_cafile and str(kafka.ssl_cafile),
            "ssl.certificate.location": kafka.ssl_certfile and str(kafka.ssl_certfile),
            "ssl.key.location": kafka.ssl_keyfile and str(kafka.ssl_keyfile),
            "ssl.key.password": key_password and key_password.get_secret_value(),
            "ssl.endpoint.identification.algorithm": (
                "https" if kafka.ssl_check_hostname else "none"
            ),
        }
        return cls(address, {name: value for name, value in values.items() if value})

    def __repr__(self) -> str:
        shown = {n: "***" if n in SECRETS else v for n, v in self.security.items()}
        return f"Connection({self.bootstrap!r}, {shown!r})"

    @property
    def servers(self) -> list[str]:
        return [server.strip() for server in self.bootstrap.split(",")]

    @property
    def protocol(self) -> str:
        return self.security.get("security.protocol", "PLAINTEXT")

    @property
    def mechanism(self) -> str:
        return self.security.get("sasl.mechanism", "PLAIN")

    def ssl_context(self) -> ssl.SSLContext | None:
        """TLS as the properties say, None without TLS. UsageError for an unreadable file."""
        if not self.protocol.endswith("SSL"):
            return None
        get = self.security.get
        try:
            context = ssl.create_default_context(cafile=get("ssl.ca.location"))
            certificate = get("ssl.certificate.location")
            if certificate:
                context.load_cert_chain(
                    certificate, get("ssl.key.location"), get("ssl.key.password")
                )
        except OSError as error:  # ssl.SSLError is one
            raise UsageError(
                f"the TLS files cannot be used: {error}",
                "check ssl.ca.location, ssl.certificate.location and ssl.key.location",
            ) from None
        if get("ssl.endpoint.identification.algorithm", "https") in ("none", ""):
            context.check_hostname = False
        return context

    def python_config(self) -> dict[str, Any]:
        """Keyword arguments for kafka-python's producer, consumer and admin client."""
        return {"bootstrap_servers": self.servers} | self._security()

    def aiokafka_config(self) -> dict[str, Any]:
        """Keyword arguments for aiokafka's producer and consumer."""
        return {"bootstrap_servers": self.servers} | self._security()

    def faust_config(self) -> dict[str, Any]:
        """`broker` and `broker_credentials` for faust.App."""
        config: dict[str, Any] = {"broker": [f"aiokafka://{server}" for server in self.servers]}
        context = self.ssl_context()
        if self.protocol.startswith("SASL"):
            import faust

            config["broker_credentials"] = faust.SASLCredentials(
                username=self.security["sasl.username"],
                password=self.security["sasl.password"],
                mechanism=self.mechanism,
                ssl_context=context,
            )
        elif context is not None:
            config["broker_credentials"] = context
        return config

    def _security(self) -> dict[str, Any]:
        # kafka-python and aiokafka share these names; both take a ready TLS context.
        config: dict[str, Any] = {"security_protocol": self.protocol}
        context = self.ssl_context()
        if context is not None:
            config["ssl_context"] = context
        if self.protocol.startswith("SASL"):
            config |= {
                "sasl_mechanism": self.mechanism,
                "sasl_plain_username": self.security["sasl.username"],
                "sasl_plain_password": self.security["sasl.password"],
            }
        return config


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
            **conn.python_config(),
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
