"""What every producer's run has in common: a connection, a ledger, a report of how it goes."""

from __future__ import annotations

import math
import os
import threading
import time
from dataclasses import dataclass
from datetime import UTC, datetime

from orbitwin import log as logs
from orbitwin.fleet import Fleet, chunk_rows_for
from orbitwin.health import Health
from orbitwin.kafka import Connection
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


class Session:
    """One run of one producer, from waiting for the brokers to the last acknowledgement."""

    def __init__(self, source: str, settings: Settings, health: Health, stop: threading.Event):
        self.source = source
        self.settings = settings
        self.health = health
        self.stop = stop
        self.run = run_id(time.time_ns() // 1000, os.getpid())
        self.publisher: Publisher | None = None
        self.fleet: Fleet | None = None
        self.pace: Pace | None = None
        self.finished = False
        self._rate = Rate()

    def connect(self) -> Publisher | None:
        """The publisher once the brokers answer; None when stopped before."""
        ledger_dir = self.settings.ledger_dir
        self.publisher = connect(
            Connection.from_settings(self.settings.kafka),
            lambda: Ledger(ledger_dir, self.run),
            self.health,
            self.stop,
        )
        return self.publisher

    def chunk_rows(self, satellites: int) -> int:
        """Satellites in a chunk: the setting, or what suits the partitions there are."""
        assert self.publisher is not None
        partitions = self.publisher.partitions[TELEMETRY.name]
        return self.settings.producer.chunk_rows or chunk_rows_for(satellites, partitions)

    def announce(self, fleet: Fleet, pace: Pace | None = None) -> bool:
        """Publish who flies, and be ready; False when stopped before."""
        assert self.publisher is not None
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
        assert self.publisher is not None
        if self.publisher.report():
            self.health.progress(**self._status())
        else:
            self.health.update(**self._status())

    def close(self) -> Summary:
        """Flush, close, and sum up."""
        left = 0
        if self.publisher is not None:
            left = self.publisher.close(self.settings.producer.flush_timeout_s)
        self.health.update(**self._status())
        return self._summary(left)

    def _status(self) -> dict[str, object]:
        sent = self._summary(0)
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

    def _summary(self, left: int) -> Summary:
        publisher, fleet, pace = self.publisher, self.fleet, self.pace
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
            unacknowledged=left,
            finished=self.finished,
        )


def epoch_us(moment: datetime | None) -> int | None:
    """A setting's time as UTC us; without a zone it is UTC."""
    if moment is None:
        return None
    aware = moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)
    whole = int(aware.replace(microsecond=0).timestamp())
    return whole * 1_000_000 + aware.microsecond
