"""The historian: Kafka in, DuckDB on disk, SQL out. One process, one thread that writes.

The database and the door are open before Kafka is there: history can be read at any time. What
DuckDB cannot get over (a full disk invalidates the whole database object) ends a session; the
next one opens the file again and goes on from what is stored, as after a kill.
"""

from __future__ import annotations

import contextlib
import threading
import time
from collections import deque
from typing import Any

import duckdb
from kafka.errors import KafkaError

from orbitwin.connection import Connection
from orbitwin.health import Health
from orbitwin.kafka import wait_for_broker
from orbitwin.log import get
from orbitwin.settings import Settings
from storage import database
from storage.consumer import LOOK_AGAIN_S, Consumer
from storage.door import Doors, open_doors
from storage.latency import Latency
from storage.pipeline import Minutes
from storage.retention import Disk, retention_s
from storage.writer import Writer

SNAPSHOT_S = 10.0
GATHER_S = 0.03  # from the first record of a commit
FLEET_S = 2.0  # between two looks for satellites that have been added
STATUS_S = 0.5
RATE_S = 5.0  # the rate is over so long
FIRST_PAUSE_S = 0.5
LONGEST_PAUSE_S = 30.0
STEADY_S = 60.0  # a session that held for so long starts the back-off anew

log = get(__name__)


def run(settings: Settings, health: Health, stop: threading.Event) -> int:
    """Store until `stop` is set; returns the exit code.

    Raises OrbitwinError for what only the user can mend: a file that is locked, not ours, newer
    or damaged, a directory that cannot be written, a port that is taken.
    """
    connection = Connection.from_settings(settings.kafka)
    pause_s = FIRST_PAUSE_S
    while True:
        began_s = time.monotonic()
        try:
            with _Session(settings, health, stop, connection) as session:
                session.run()
            return 0
        except duckdb.Error as error:
            fatal = "must be opened again" if database.is_fatal(error) else "failed"
            why = f"the database {fatal}: {str(error).strip().splitlines()[0]}"
        except database.FullError as error:
            why = str(error)
        if time.monotonic() - began_s > STEADY_S:
            pause_s = FIRST_PAUSE_S
        health.not_ready(why)
        log.error(f"{why}; opening it again in {pause_s:g} s")
        if stop.wait(pause_s):
            return 1
        pause_s = min(2 * pause_s, LONGEST_PAUSE_S)


class _Session:
    """From opening the database to closing it."""

    def __init__(
        self, settings: Settings, health: Health, stop: threading.Event, connection: Connection
    ) -> None:
        self._settings = settings.historian
        self._health = health
        self._stop = stop
        self._connection = connection
        self._exit = contextlib.ExitStack()
        self._rate: deque[tuple[float, int]] = deque()
        self._told_s = float("-inf")
        self._saved_s = time.monotonic()
        self._committed_s = float("-inf")
        self._began_s = 0.0  # when the first record of the next commit came
        self._fleet_s = time.monotonic()
        self._consumer: Consumer | None = None
        self._minutes = Minutes()
        opened = database.open_writer(
            settings.data,
            memory_limit_mb=self._settings.memory_limit_mb,
            threads=self._settings.threads,
        )
        self._exit.callback(opened.close)
        try:
            self.writer = Writer(
                opened,
                settings.data,
                retention_s=retention_s(self._settings),
                raw_max_satellites=self._settings.raw_max_satellites,
                learn=self._learn,
            )
            self._exit.callback(self.writer.release)
            self._disk = Disk(self.writer, self._settings)
            self._open: Doors | None = None
            self._doors: list[dict[str, Any]] = []
            if settings.door.enabled:
                self._open = open_doors(settings, opened.connection, self.writer.view)
                self._exit.callback(self._open.stop)
                self._doors = self._open.describe(settings)
            self._tell()
        except BaseException:
            self._exit.close()
            raise

    def __enter__(self) -> _Session:
        return self

    def __exit__(self, *error: object) -> None:
        self._exit.close()

    def run(self) -> None:
        """Wait for Kafka, then store until the stop."""
        self._health.not_ready(f"waiting for Kafka at {self._connection.bootstrap}")
        if not wait_for_broker(self._connection, self._stop, log):
            return
        with contextlib.closing(Consumer(self._connection)) as self._consumer:
            if not self._start(self._consumer):
                return
            self._health.ready()
            while not self._stop.is_set():
                self._turn(self._consumer)
            self._health.stopping()
        self._consumer = None
        self.writer.commit()
        self._tell()
        if self._open is not None:
            self._open.stop()  # a query that reads would hold up the checkpoint
        self.writer.close()

    def _start(self, consumer: Consumer) -> bool:
        """Learn who flies, load the newest state, seek. False where the stop came first."""
        looks = 0
        while not self._stop.is_set():
            try:
                missing = consumer.missing_topics()
                if not missing:
                    self.writer.recognise(consumer.topic_ids())
                    self.writer.register(consumer.fleet(self._stop))
                    self.writer.recover()
                    break
                reason = f"no topic {missing[0]}: `orbitwin topics create` makes the topics"
            except KafkaError as error:
                reason = f"Kafka does not answer: {error}"
            self._health.not_ready(reason)
            looks += 1
            if looks == 2:  # at the first, topics may just be being made
                log.warning(reason)
            self._stop.wait(LOOK_AGAIN_S)
        while not self._stop.is_set():
            try:
                gone = consumer.start(self.writer.intake.start_offsets())
            except KafkaError as error:
                log.warning(f"Kafka does not answer: {error}")
                self._stop.wait(LOOK_AGAIN_S)
                continue
            for at, offset in gone.items():
                lost = self.writer.intake.skip_to(at, offset, time.time_ns() // 1000)
                if lost:
                    log.error(f"{at[0]}/{at[1]}: {lost} records were deleted before being stored")
            return True
        return False

    def _turn(self, consumer: Consumer) -> None:
        """One turn: read for at most a commit interval, store, tell."""
        intake = self.writer.intake
        full = self._disk.why_full()
        if full:
            self._health.not_ready(full)
            self._tell()
            self._stop.wait(LOOK_AGAIN_S)
            return
        interval_s = self._settings.commit_interval_s
        waiting = intake.pending.records > 0
        for record in consumer.poll(GATHER_S if waiting else interval_s):
            intake.take(record)
        now_s = time.monotonic()
        if not waiting:
            self._began_s = now_s
        # What belongs together comes within moments: one commit then, not a second one later.
        if intake.pending.records and (
            now_s - self._began_s >= GATHER_S and now_s - self._committed_s >= interval_s
        ):
            self.writer.commit()
            self._committed_s = time.monotonic()
        if now_s - self._fleet_s >= FLEET_S and not intake.pending.records:
            self._fleet_s = now_s
            self._learn()
        if now_s - self._saved_s >= SNAPSHOT_S and not intake.pending.records:
            self._saved_s = now_s
            self.writer.save_snapshot()
        self._disk.trim()
        if self._health.why_not_ready():
            self._health.ready()
        if now_s - self._told_s >= STATUS_S:
            self._note()
            self._tell()

    def _learn(self) -> None:
        if self._consumer is not None:
            self.writer.register(self._consumer.fleet(self._stop))

    def _tell(self) -> None:
        """/status; progress is claimed as well, since looking for records in vain is some."""
        now_s = self._told_s = time.monotonic()
        counts = self.writer.intake.counts
        self._rate.append((now_s, counts["rows_stored"]))
        while now_s - self._rate[0][0] > RATE_S:
            self._rate.popleft()
        (since_s, before), (_, stored) = self._rate[0], self._rate[-1]
        rate = (stored - before) / (now_s - since_s) if now_s > since_s else 0.0
        lag = self._lag()
        self._health.progress(
            rate=round(rate, 1),
            lag=lag,
            rows_stored=stored,
            rows_duplicated=counts["rows_duplicated"],
            records_repeated=counts["records_repeated"],
            records_refused=counts["records_refused"],
            records_lost=counts["records_lost"],
            events_stored=counts["events_stored"],
            dead_letters=counts["dead_letters"],
            satellites=sum(c.rows for c in self.writer.registry.chunks.values()),
            latency_s=self.writer.latency.status(),
            database_bytes=self._database_bytes(),
            doors=self._doors,
        )

    def _note(self) -> None:
        """A row of `pipeline_1m` when a minute of the wall clock is over."""
        minute = self._minutes.take(
            time.time(),
            self.writer.intake.counts,
            self._lag(),
            self.writer.recent,
            self._database_bytes,
        )
        if minute is not None:
            self.writer.note(minute)
            self.writer.recent = Latency()

    def _lag(self) -> int | None:
        lag = self._consumer.lag() if self._consumer is not None else None
        return None if lag is None else lag + self.writer.intake.pending.records

    def _database_bytes(self) -> int:
        path = self.writer.database.path
        total = 0
        for file in (path, path.with_name(path.name + ".wal")):
            with contextlib.suppress(OSError):
                total += file.stat().st_size
        return total
