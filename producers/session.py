"""What every producer's run has in common: a connection, a ledger, a report of how it goes."""

from __future__ import annotations

import math
import os
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

from orbitwin import log as logs
from orbitwin.connection import Connection
from orbitwin.fleet import Fleet, chunk_rows_for
from orbitwin.health import Health
from orbitwin.settings import Settings
from orbitwin.topics import TELEMETRY
from producers.ledger import Ledger, run_id
from producers.pace import Pace, Rate
from producers.publisher import Publisher, connect

MOST_RATE = 1e9  # of a clock: stands for "as fast as it can be sent", which JSON cannot say

_log = logs.get("producer")


@dataclass(frozen=True)
class Summary:
    """What a run did. Rows and frames are those that the brokers acknowledged.

    `ticks_late` counts ticks begun more than a period after they were due and those left out
    (`ticks_missed`); `unacknowledged` are records given up at the end.
    """

    source: str
    run: str
    fleet: str
    satellites: int
    rows_sent: int
    frames_sent: int
    ticks_due: int
    ticks_late: int
    ticks_missed: int
    dead_letters: int
    unacknowledged: int
    finished: bool


def run_session(
    source: str,
    settings: Settings,
    health: Health,
    stop: threading.Event,
    body: Callable[[Session], None],
) -> Summary:
    """Call `body` with a session once the brokers answer; flush and close whatever it does."""
    session = Session(source, settings, health, stop)
    try:
        if session.connect():
            body(session)
    finally:
        left = session.close()
    return session.summary(left)


class Session:
    """One run of one producer, from waiting for the brokers to the last acknowledgement."""

    publisher: Publisher

    def __init__(
        self, source: str, settings: Settings, health: Health, stop: threading.Event
    ) -> None:
        self.source = source
        self.settings = settings
        self.health = health
        self.stop = stop
        self.run = run_id(time.time_ns() // 1000, os.getpid())
        self.connected = False
        self.fleet: Fleet | None = None
        self.pace: Pace | None = None
        self.finished = False
        self._rate = Rate()

    def connect(self) -> bool:
        """Wait until the brokers answer; False when stopped before."""
        publisher = connect(
            Connection.from_settings(self.settings.kafka),
            lambda: Ledger(self.settings.ledger_dir, self.run),
            self.health,
            self.stop,
        )
        if publisher is None:
            return False
        self.publisher, self.connected = publisher, True
        return True

    def chunk_rows(self, satellites: int) -> int:
        """Satellites in a chunk: the setting, or what suits the partitions there are."""
        partitions = self.publisher.partitions[TELEMETRY.name]
        return self.settings.producer.chunk_rows or chunk_rows_for(satellites, partitions)

    def announce(self, fleet: Fleet, pace: Pace) -> bool:
        """Publish who flies, and be ready; False when stopped before."""
        self.fleet, self.pace = fleet, pace
        self.health.update(**self._status())
        if not self.publisher.announce(fleet):
            return False
        self.health.ready()
        _log.info(
            f"{self.source}: {fleet.size:,} satellites of {fleet.vehicle.name} fly as "
            f"{fleet.name}, {math.ceil(fleet.size / fleet.chunk_rows)} chunks"
        )
        return True

    def report(self) -> None:
        """Say how it goes; call it while waiting. Raises what no waiting would mend."""
        if self.publisher.report():
            self.health.progress(**self._status())
        else:
            self.health.update(**self._status())

    def close(self) -> int:
        """Flush and close. The number of records that were never acknowledged."""
        if not self.connected:
            return 0
        left = self.publisher.close(self.settings.producer.flush_timeout_s)
        self.health.update(**self._status())
        return left

    def _status(self) -> dict[str, object]:
        sent = self.summary()
        return {
            "source": sent.source,
            "rate": round(self._rate(sent.rows_sent), 1),
            "rows_sent": sent.rows_sent,
            "frames_sent": sent.frames_sent,
            "ticks_due": sent.ticks_due,
            "ticks_late": sent.ticks_late,
            "ticks_missed": sent.ticks_missed,
            "dead_letters": sent.dead_letters,
            "fleet": sent.fleet,
            "satellites": sent.satellites,
            "finished": sent.finished,
        }

    def summary(self, unacknowledged: int = 0) -> Summary:
        """What was done until now."""
        publisher = self.publisher if self.connected else None
        fleet, pace = self.fleet, self.pace
        return Summary(
            source=self.source,
            run=self.run,
            fleet=fleet.name if fleet else "",
            satellites=fleet.size if fleet else 0,
            rows_sent=publisher.rows_sent if publisher else 0,
            frames_sent=publisher.frames_sent if publisher else 0,
            ticks_due=pace.ticks_due if pace else 0,
            ticks_late=pace.ticks_late if pace else 0,
            ticks_missed=pace.ticks_missed if pace else 0,
            dead_letters=publisher.letters_sent if publisher else 0,
            unacknowledged=unacknowledged,
            finished=self.finished,
        )


def epoch_us(moment: datetime | None) -> int | None:
    """A setting's time as UTC us; without a zone it is UTC."""
    if moment is None:
        return None
    aware = moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)
    whole = int(aware.replace(microsecond=0).timestamp())
    return whole * 1_000_000 + aware.microsecond
