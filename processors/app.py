"""The processor as a process: Faust brings the records, aiokafka takes what follows from them.

The only file of this folder that knows Faust and Kafka. Workers share the telemetry topic's
partitions as members of one consumer group. See worker.py for why nothing is lost or doubled
when Faust is not exact about what it delivers.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections import deque
from collections.abc import AsyncGenerator
from typing import Any

import structlog
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.errors import KafkaError

from orbitwin import topics
from orbitwin.connection import Connection
from orbitwin.health import Health
from orbitwin.kafka import describe_topics, wait_for_broker
from orbitwin.settings import Settings
from processors.record import Output, Record, Rules
from processors.status import Status
from processors.worker import Worker

GROUP = "orbitwin-processor"

# Faust and its consumer
SESSION_TIMEOUT_S = 10.0  # a member that is silent for this long loses its partitions
HEARTBEAT_S = 0.5  # how soon a member learns that another has joined
REBALANCE_TIMEOUT_S = 5.0
BUFFERED_RECORDS = 256  # counted in records of up to 1 MB: not more, and not fewer than 64

# our own producer and readers
BATCH_BYTES = 1024 * 1024
READ_RECORDS = 64
READ_WAIT_MS = 500

TICK_S = 1.0
FOLLOW_S = 1.0
SNAPSHOT_CHECK_S = 0.5
ANSWER_S = 3.0  # brokers that do not answer for this long are away
STOP_S = 8.0  # a stop that takes longer is cut short: the log has what is needed to resume

_log = structlog.get_logger()


def run(settings: Settings, health: Health, stop: threading.Event) -> int:
    """Process telemetry until `stop` is set; gives the exit code.

    Waits for a broker and for the topics. Anything but 0 means that this process can do no more
    and one that is started again can: state is in the log.
    """
    connection = Connection.from_settings(settings.kafka)
    health.not_ready(f"waiting for Kafka at {connection.bootstrap}")
    if not wait_for_broker(connection, stop, _log):
        return 0
    partitions = _wait_for_topics(connection, health, stop)
    if not partitions:
        return 0
    health.not_ready("waiting for its partitions")
    return asyncio.run(_Process(settings, connection, health, partitions).run(stop))


def _wait_for_topics(connection: Connection, health: Health, stop: threading.Event) -> int:
    """Partitions of the telemetry topic, once all topics exist; 0 if stopped before."""
    wanted = [t.name for t in topics.TOPICS]
    looks = 0
    while not stop.is_set():
        found = {t.name: t.partitions for t in describe_topics(connection, wanted)}
        missing = [name for name in wanted if name not in found]
        if not missing:
            return found[topics.TELEMETRY.name]
        reason = f"no topic {', '.join(missing)}: create them with `orbitwin topics create`"
        health.not_ready(reason)
        looks += 1
        if looks == 2:  # at the first they may just be being made
            _log.warning(reason)
        stop.wait(1.0)
    return 0


class _Process:
    def __init__(
        self, settings: Settings, connection: Connection, health: Health, partitions: int
    ) -> None:
        self.settings = settings
        self.health = health
        self.connection = connection
        rules = Rules.of(settings)
        self.log = KafkaLog(connection)
        self.worker = Worker(self.log, rules, partitions, settings.processor.snapshot_interval_s)
        self.status = Status(self.worker, health)

    async def run(self, stop: threading.Event) -> int:
        faust_app = self._faust()
        code = 0
        tasks: list[asyncio.Task[Any]] = []
        try:
            await self.log.start()
            await self.worker.follow()
            tasks = [
                asyncio.create_task(c)
                for c in (
                    self._every(TICK_S, self._tick),
                    self._every(FOLLOW_S, self.worker.follow),
                    self._every(SNAPSHOT_CHECK_S, self.worker.snapshots),
                    self._every(TICK_S, self._look),
                )
            ]
            starting = asyncio.create_task(faust_app.start())
            tasks.append(starting)
            while not stop.is_set() and not (failure := self._failure(tasks, starting, faust_app)):
                await asyncio.sleep(0.05)
            if not stop.is_set():
                _log.error("the processor cannot go on", reason=str(failure))
                code = 1
        finally:
            self.health.stopping()
            try:
                await asyncio.wait_for(self._stop(faust_app, tasks, clean=not code), STOP_S)
            except TimeoutError:
                _log.warning("the stop took too long and was cut short")
        return code

    async def _stop(self, faust_app: Any, tasks: list[asyncio.Task[Any]], clean: bool) -> None:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        if clean:
            await self.worker.release(list(self.worker.held))
            await self.log.settle()
            with contextlib.suppress(Exception):
                await faust_app.consumer.commit()
        with contextlib.suppress(Exception):
            await faust_app.stop()
        await self.log.stop()

    def _failure(
        self, tasks: list[asyncio.Task[Any]], starting: asyncio.Task[Any], faust_app: Any
    ) -> BaseException | str | None:
        """Why this process cannot go on, if so."""
        for task in tasks:
            if task.done() and not task.cancelled() and task.exception():
                return task.exception()
        if self.log.failure:
            return self.log.failure
        if faust_app.crashed or (starting.done() and faust_app.should_stop):
            return f"Faust ended: {faust_app.crash_reason!r}"
        if self.status.stalled():
            return "no record was processed although there are some"
        return None

    async def _every(self, seconds: float, what: Any) -> None:
        """Do something again and again; while Kafka is away, say so and keep trying."""
        while True:
            try:
                await what()
            except (KafkaError, TimeoutError) as error:
                self.status.unreachable(type(error).__name__)
            await asyncio.sleep(seconds)

    async def _tick(self) -> None:
        if not self.status.away:
            self.worker.tick()

    async def _look(self) -> None:
        held = list(self.worker.held)
        async with asyncio.timeout(ANSWER_S):  # aiokafka itself would ask for ever
            ends = await self.log.ends(topics.TELEMETRY.name, held)
        self.status.reachable()
        self.status.look(ends)

    def _faust(self) -> Any:
        """The Faust app: one agent, which hands every record of its partitions to the worker."""
        import faust
        from faust.tables import TableManager
        from mode import CrashingSupervisor

        class NoTables(TableManager):
            """State is in our snapshots: no second to wait for tables before the first record."""

            async def sleep(self, n: Any, **kwargs: Any) -> None:
                await super().sleep(0)

        NoTables.logger = TableManager.logger

        number = self.settings.processor.worker
        app = faust.App(
            GROUP,
            **self.connection.faust_config(),
            datadir=str(self.settings.data / "faust"),
            key_serializer="raw",
            value_serializer="raw",
            # A member that comes back under its own name is given its partitions at once;
            # a new name would wait for the old one's session to end.
            consumer_group_instance_id=f"processor-{number}",
            consumer_auto_offset_reset="earliest",
            consumer_max_fetch_size=topics.MAX_MESSAGE_BYTES,
            broker_session_timeout=SESSION_TIMEOUT_S,
            broker_heartbeat_interval=HEARTBEAT_S,
            broker_rebalance_timeout=REBALANCE_TIMEOUT_S,
            broker_commit_interval=1.0,
            stream_buffer_maxsize=BUFFERED_RECORDS,
            stream_wait_empty=False,
            topic_allow_declare=False,
            topic_disable_leader=True,
            web_enabled=False,
            TableManager=NoTables,
            worker_redirect_stdouts=False,
        )
        telemetry = app.topic(
            topics.TELEMETRY.name,
            key_type=bytes,
            value_type=bytes,
            key_serializer="raw",
            value_serializer="raw",
            allow_empty=True,
        )

        @app.agent(telemetry, supervisor_strategy=CrashingSupervisor)
        async def take(stream: Any) -> None:
            async for event in stream.noack().events():
                if await self.worker.take(_record(event.message)):
                    self.status.progress()
                event.ack()

        async def on_assigned(_: Any, assigned: Any = (), *args: Any, **kwargs: Any) -> None:
            await self.worker.assign(p.partition for p in assigned)
            self.status.assigned()

        async def on_revoked(_: Any, revoked: Any = (), *args: Any, **kwargs: Any) -> None:
            await self.worker.release([p.partition for p in revoked])

        app.on_partitions_assigned.connect(on_assigned)  # type: ignore[arg-type]
        app.on_partitions_revoked.connect(on_revoked)  # type: ignore[arg-type]
        self._hold = (take, on_assigned, on_revoked)  # Faust itself holds them weakly
        return app


def _record(message: Any) -> Record:
    """A record as Faust or aiokafka hands it over; Faust's time is in s, aiokafka's in ms."""
    stamp = message.timestamp
    in_us = round(stamp * 1e6) if isinstance(stamp, float) else (stamp or 0) * 1000
    headers = message.headers
    if headers and not isinstance(headers, dict):
        headers = dict(headers)
    return Record(
        message.partition,
        message.offset,
        in_us,
        message.key or b"",
        message.value or b"",
        headers or {},
    )


class KafkaLog:
    """The topics for a worker (worker.Log), with an idempotent producer and a reader a topic."""

    def __init__(self, connection: Connection) -> None:
        self._config = connection.client_config()
        self._producer: AIOKafkaProducer | None = None
        self._readers: dict[str, tuple[AIOKafkaConsumer, asyncio.Lock]] = {}
        self._unsent: deque[tuple[int, Output]] = deque()
        self._sent: deque[asyncio.Future[Any]] = deque()
        self._wake = asyncio.Event()
        self._sender: asyncio.Task[None] | None = None
        self.failure: BaseException | None = None

    async def start(self) -> None:
        self._producer = AIOKafkaProducer(
            **self._config,
            client_id="orbitwin-processor",
            acks="all",
            enable_idempotence=True,  # else a retry may overtake what was sent after it
            max_batch_size=BATCH_BYTES,
            max_request_size=topics.MAX_SNAPSHOT_BYTES,
        )
        await self._producer.start()
        for topic in (topics.TELEMETRY, topics.SNAPSHOT, topics.FLEET):
            reader = AIOKafkaConsumer(
                **self._config,
                client_id="orbitwin-processor-reader",
                group_id=None,
                enable_auto_commit=False,
                auto_offset_reset="earliest",
                max_partition_fetch_bytes=topics.MAX_SNAPSHOT_BYTES,
                fetch_max_wait_ms=100,
            )
            await reader.start()
            self._readers[topic.name] = (reader, asyncio.Lock())
        self._sender = asyncio.create_task(self._send_all())

    async def stop(self) -> None:
        if self._sender is not None:
            self._sender.cancel()
        if self._producer is not None:
            await self._producer.stop()
        for reader, _ in self._readers.values():
            await reader.stop()

    async def bounds(self, topic: str, partition: int) -> tuple[int, int]:
        reader, _ = self._readers[topic]
        place = TopicPartition(topic, partition)
        begin = await reader.beginning_offsets([place])
        end = await reader.end_offsets([place])
        return begin[place], end[place]

    async def ends(self, topic: str, partitions: list[int]) -> dict[int, int]:
        """The offset that the next record of each partition will get."""
        if not partitions:
            return {}
        reader, _ = self._readers[topic]
        found = await reader.end_offsets([TopicPartition(topic, p) for p in partitions])
        return {place.partition: offset for place, offset in found.items()}

    async def records(
        self, topic: str, partition: int, first: int, last: int
    ) -> AsyncGenerator[Record, None]:
        if first > last:
            return
        reader, lock = self._readers[topic]
        place = TopicPartition(topic, partition)
        async with lock:
            reader.assign([place])
            reader.seek(place, first)
            try:
                while await reader.position(place) <= last:
                    found = await reader.getmany(
                        place, timeout_ms=READ_WAIT_MS, max_records=READ_RECORDS
                    )
                    for message in found.get(place, ()):
                        if message.offset > last:
                            return
                        yield _record(message)
            finally:
                reader.unsubscribe()

    def send(self, partition: int, output: Output) -> None:
        self._unsent.append((partition, output))
        self._wake.set()

    async def settle(self, most_unsent: int = 0) -> None:
        while len(self._unsent) + len(self._sent) > most_unsent:
            if self.failure:
                raise self.failure
            if self._sent:
                await asyncio.wait([self._sent[0]], timeout=0.5)
                self._reap()
            else:
                await asyncio.sleep(0.002)

    async def _send_all(self) -> None:
        """One sender for all partitions: what was sent first is the first to be in the log."""
        assert self._producer is not None
        try:
            while True:
                await self._wake.wait()
                while self._unsent:
                    partition, output = self._unsent[0]
                    sent = await self._producer.send(
                        output.topic,
                        value=output.value,
                        key=output.key,
                        partition=partition,
                        headers=output.headers,
                    )
                    self._sent.append(sent)
                    self._unsent.popleft()
                    self._reap()
                self._wake.clear()
        except asyncio.CancelledError:
            raise
        except Exception as error:
            self.failure = error

    def _reap(self) -> None:
        while self._sent and self._sent[0].done():
            sent = self._sent.popleft()
            if not sent.cancelled() and sent.exception():
                self.failure = sent.exception()
