"""The way into Kafka: frames, fleets and dead letters. The only file here that touches Kafka.

kafka-python buffers without bound, so the bound is kept here: `send` blocks while more than
`BUFFER_BYTES` wait for their acknowledgement. A producer that is faster than the brokers gets
late, and says so; nothing is dropped. A record whose delivery failed for good is sent again
until the producer stops, except one that no repetition would help.
"""

from __future__ import annotations

import contextlib
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from orbitwin import fleet as fleets
from orbitwin import log as logs
from orbitwin.column import Column
from orbitwin.connection import Connection
from orbitwin.contract import Frame, encode, headers
from orbitwin.errors import OrbitwinError, UsageError
from orbitwin.fleet import Fleet, partition_of
from orbitwin.health import Health
from orbitwin.kafka import assert_fast_crc, describe_topics, wait_for_broker
from orbitwin.topics import DEAD_LETTERS, FLEET, MAX_MESSAGE_BYTES, TELEMETRY
from producers.ledger import Ledger, line

if TYPE_CHECKING:
    from kafka import KafkaProducer

BUFFER_BYTES = 64 * 1024 * 1024  # most that may wait for an acknowledgement
BATCH_BYTES = 256 * 1024  # small frames of one partition travel together
LINGER_MS = 5
MAX_BLOCK_MS = 2_000
REQUEST_TIMEOUT_MS = 10_000  # a broker that answers nothing for so long is asked again
RECONNECT_MAX_MS = 1_000
RECORD_OVERHEAD_BYTES = 512  # key, headers and framing of a record
FOR_EVER_MS = 2**31 - 1
TOPICS = (FLEET, TELEMETRY, DEAD_LETTERS)  # that a producer writes to
WAIT_S = 0.25  # a blocked send looks this often whether to stop
STALLED_S = 3.0  # no acknowledgement for so long: say that the brokers do not answer

_log = logs.get("publisher")


@dataclass(frozen=True)
class _Record:
    topic: str
    partition: int
    key: bytes
    value: bytes
    headers: list[tuple[str, bytes]]
    frame: Frame | None  # for the ledger; None for what is no frame

    @property
    def size(self) -> int:
        return len(self.value) + RECORD_OVERHEAD_BYTES


class Publisher:
    """A connection that publishes. Made by `connect`; call from one thread, `close` at the end."""

    def __init__(
        self,
        connection: Connection,
        partitions: dict[str, int],
        ledger: Ledger,
        health: Health,
        stop: threading.Event,
        buffer_bytes: int = BUFFER_BYTES,
    ) -> None:
        self._producer = _open(connection)  # first: where it fails, nothing is registered yet
        self.partitions = partitions
        self.rows_sent = 0
        self.frames_sent = 0
        self.letters_sent = 0
        self._connection = connection
        self._ledger = ledger
        self._health = health
        self._stop = stop
        self._buffer_bytes = buffer_bytes
        self._changed = threading.Condition()
        self._bytes = 0
        self._records = 0
        self._acked_s = time.monotonic()
        self._failed: deque[_Record] = deque()
        self._fatal: OrbitwinError | None = None
        self._stalled = False
        self._closed = False
        self._rows_total = health.counter("rows_sent", "Rows that the brokers acknowledged")
        self._frames_total = health.counter("frames_sent", "Frames that the brokers acknowledged")
        self._letters_total = health.counter("letters_sent", "Rows sent to the dead letters")
        self._failures_total = health.counter("delivery_failures", "Deliveries that failed")
        health.gauge("bytes_in_flight", "Bytes without acknowledgement").set_function(
            lambda: self._bytes
        )

    # --- sending -----------------------------------------------------------------------------

    def announce(self, fleet: Fleet) -> bool:
        """Publish who flies and wait until it is acknowledged; False when stopped before."""
        for chunk in fleet.chunks():
            record = _Record(FLEET.name, 0, chunk.key, fleets.encode(chunk), [], None)
            if not self._put(record):
                return False
        while not self.idle:
            if self._stop.is_set():
                return False
            self._wait()
        return True

    def send(self, frame: Frame, columns: Sequence[Column]) -> bool:
        """Hand over a frame; blocks while the buffer is full. False when stopped before."""
        return self._put(
            _Record(
                TELEMETRY.name,
                partition_of(frame.fleet, frame.chunk, self.partitions[TELEMETRY.name]),
                frame.key,
                encode(frame, columns),
                headers(frame),
                frame,
            )
        )

    def dead_letter(self, key: bytes, value: bytes, why: list[tuple[str, bytes]]) -> bool:
        """Hand over a row that cannot be sent as telemetry, with the reason in its headers."""
        partition = sum(key) % self.partitions[DEAD_LETTERS.name]
        return self._put(_Record(DEAD_LETTERS.name, partition, key, value, why, None))

    def _put(self, record: _Record) -> bool:
        self._send_again()
        while self._bytes and self._bytes + record.size > self._buffer_bytes:
            if self._stop.is_set():
                return False
            self._wait()
        self._hand_over(record)
        return True

    def _hand_over(self, record: _Record) -> None:
        from kafka.errors import KafkaTimeoutError, MessageSizeTooLargeError

        with self._changed:
            if not self._records:
                self._acked_s = time.monotonic()
            self._bytes += record.size
            self._records += 1
        while True:
            try:
                future = self._producer.send(
                    record.topic,
                    value=record.value,
                    key=record.key,
                    headers=record.headers,
                    partition=record.partition,
                )
                break
            except MessageSizeTooLargeError:
                self._done(record)
                raise self._too_large(record) from None
            except KafkaTimeoutError:  # metadata only: the record has not been taken
                if self._stop.is_set():
                    self._failed.append(record)
                    self._done(record)
                    return
        future.add_callback(self._acknowledged, record)
        future.add_errback(self._refused, record)

    def _send_again(self) -> None:
        if self._fatal is not None:
            raise self._fatal
        for _ in range(len(self._failed)):
            self._hand_over(self._failed.popleft())

    # --- acknowledgements, on the client's own thread ----------------------------------------

    def _acknowledged(self, record: _Record, metadata: Any) -> None:
        if record.frame is not None:
            self._ledger.append(line(record.frame))
            self.rows_sent += record.frame.rows
            self.frames_sent += 1
            self._rows_total.inc(record.frame.rows)
            self._frames_total.inc()
        elif record.topic == DEAD_LETTERS.name:
            self.letters_sent += 1
            self._letters_total.inc()
        self._acked_s = time.monotonic()
        self._health.progress()
        self._done(record)

    def _refused(self, record: _Record, error: Exception) -> None:
        from kafka.errors import AuthorizationError, MessageSizeTooLargeError

        if self._closed:  # given up, and said so
            return
        self._failures_total.inc()
        if isinstance(error, MessageSizeTooLargeError):
            self._fatal = self._too_large(record)
        elif isinstance(error, AuthorizationError):
            self._fatal = UsageError(
                f"Kafka at {self._connection.bootstrap} does not let us write to {record.topic}",
                "grant this user the right to write, and to produce idempotently",
            )
        else:
            _log.warning(f"a record for {record.topic} was not delivered ({error}); sending again")
            self._failed.append(record)
        self._done(record)

    def _done(self, record: _Record) -> None:
        with self._changed:
            self._bytes -= record.size
            self._records -= 1
            self._changed.notify_all()

    def _too_large(self, record: _Record) -> OrbitwinError:
        return UsageError(
            f"a record of {record.size:,} bytes is more than {record.topic} takes",
            "send fewer satellites in a frame with producer.chunk_rows, or raise the topic's "
            f"max.message.bytes (at most {MAX_MESSAGE_BYTES:,})",
        )

    # --- waiting -----------------------------------------------------------------------------

    @property
    def bytes_in_flight(self) -> int:
        """Bytes that wait for their acknowledgement."""
        return self._bytes

    @property
    def idle(self) -> bool:
        """Whether everything that was handed over has been acknowledged."""
        return self._records == 0 and not self._failed

    def report(self) -> bool:
        """Whether the brokers take what is sent, told to health; raises what cannot be mended."""
        if self._fatal is not None:
            raise self._fatal
        silent_s = time.monotonic() - self._acked_s
        if self._records and silent_s > STALLED_S:
            if not self._stalled:
                _log.warning(
                    f"Kafka at {self._connection.bootstrap} has acknowledged nothing for "
                    f"{silent_s:.0f} s; {self._records} records wait"
                )
            self._stalled = True
            self._health.not_ready(f"Kafka has acknowledged nothing for {silent_s:.0f} s")
            return False
        if self._stalled:
            _log.info("Kafka acknowledges again")
            self._health.ready()
        self._stalled = False
        return True

    def _wait(self) -> None:
        self.report()
        self._send_again()
        with self._changed:
            if self._records:
                self._changed.wait(WAIT_S)

    def flush(self, timeout_s: float, stop: threading.Event | None = None) -> bool:
        """Wait until all is acknowledged, at most `timeout_s`; True when it is."""
        deadline = time.monotonic() + timeout_s
        while not self.idle and time.monotonic() < deadline:
            if stop is not None and stop.is_set():
                break
            self._wait()
        return self.idle

    def close(self, timeout_s: float = 0.0) -> int:
        """Flush for at most `timeout_s`, then close. The number of records left behind."""
        from kafka.errors import KafkaError

        try:
            self.flush(timeout_s)
        except OrbitwinError as error:
            _log.error(str(error))
        left = self._records + len(self._failed)
        if left:
            _log.error(f"{left} records were not acknowledged before the end and are not sent")
        self._closed = True
        with contextlib.suppress(KafkaError):  # it could not flush: said above
            self._producer.close(timeout=0.0 if left else 1.0)
        self._ledger.close()
        return left


def connect(
    connection: Connection, ledger: Callable[[], Ledger], health: Health, stop: threading.Event
) -> Publisher | None:
    """A publisher once the cluster answers; None when stopped before.

    Raises UsageError when a topic is missing: nothing is created by accident.
    """
    assert_fast_crc()
    health.not_ready(f"waiting for Kafka at {connection.bootstrap}")
    partitions: dict[str, int] = {}
    names = [topic.name for topic in TOPICS]

    def attempt() -> Publisher:
        partitions.update({t.name: t.partitions for t in describe_topics(connection, names)})
        missing = [name for name in names if name not in partitions]
        if missing:
            raise UsageError(
                f"Kafka at {connection.bootstrap} has no topic {', '.join(missing)}",
                f"create it: orbitwin topics create --bootstrap {connection.bootstrap}",
            )
        return Publisher(connection, partitions, ledger(), health, stop)

    from kafka.errors import KafkaError

    while wait_for_broker(connection, stop, _log):
        try:
            return attempt()
        except (KafkaError, OSError) as error:  # it went away again
            _log.warning(f"Kafka at {connection.bootstrap}: {type(error).__name__}; trying again")
            stop.wait(1.0)
    return None


def _open(connection: Connection) -> KafkaProducer:
    from kafka import KafkaProducer

    producer = KafkaProducer(
        **connection.client_config(),
        client_id="orbitwin-producer",
        acks="all",
        enable_idempotence=True,
        delivery_timeout_ms=FOR_EVER_MS,
        request_timeout_ms=REQUEST_TIMEOUT_MS,
        max_block_ms=MAX_BLOCK_MS,
        linger_ms=LINGER_MS,
        batch_size=BATCH_BYTES,
        max_request_size=MAX_MESSAGE_BYTES,
        reconnect_backoff_max_ms=RECONNECT_MAX_MS,
        allow_auto_create_topics=False,
        metrics_enabled=False,
    )
    for topic in TOPICS:
        # A send to a topic whose partitions are not known yet spins while no broker answers.
        producer.partitions_for(topic.name)
    return producer
