"""A whole twin on one machine: broker, historian, processors, producer, from start to account.

What the command line shows and when it ends is its own; the order of things is here. A twin ends
from the front: the producer stops and has its last frames acknowledged, processors and historian
work off what is left, then they stop, then the broker. What is not worked off in time is not
lost: it stands in Kafka's log, and the next start goes on with it.
"""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from compose import grafana
from compose.accounts import (
    Balance,
    balance,
    frames_query,
    ledger_bytes,
    read_ledger,
    stored_frames,
)
from compose.broker import LocalBroker
from compose.part import Part, Stage
from compose.supervisor import Supervisor
from compose.usage import Meter
from compose.watch import Watch
from orbitwin import catalogue
from orbitwin.connection import Connection
from orbitwin.door import DoorSession, password_of
from orbitwin.errors import EXIT_FAILURE, EXIT_USAGE, BusyError, OrbitwinError
from orbitwin.kafka import ensure_topics, wait_for_broker
from orbitwin.log import Log
from orbitwin.parts import doors, last_statuses, living_parts, part_name
from orbitwin.topics import TOPICS

if TYPE_CHECKING:
    from orbitwin.settings import Settings

LOOK_EVERY_S = 0.5
LOOK_AT_START_S = 0.1
STOP_TOTAL_S = 9.0  # a stop that was asked for: all of it
DRAIN_TIMEOUT_S = 60.0  # a twin that ends by itself waits on while rows are stored, and so long
GRACE_S = 0.5
TAIL_BYTES = 32 * 1024  # of a ledger: some 200 frames
COUNT_AT_ONCE_BYTES = 4 * 1024 * 1024  # a longer ledger is not counted while someone waits
STAGE_S = 1.5  # kept for each stage that is still to stop
PART_STOP_S = 3.5

EXIT_STATES = ("failed",)  # of a part that cannot be helped by starting it again


class Twin:
    """Use it as a context manager, from the thread that lives as long as the twin.

    `stop` is set by a signal; every wait here ends soon after. Raises BusyError where another
    twin has the data directory, OrbitwinError where a part cannot run.
    """

    def __init__(self, settings: Settings, log: Log, stop: threading.Event) -> None:
        self.settings = settings
        self.log = log
        self.stop = stop
        self.watch = Watch()
        self.meter = Meter()
        self.supervisor = Supervisor(settings.data, log, self._about())
        self.started_us = time.time_ns() // 1000
        self.counting = False
        self.bootstrap = ""  # of the cluster in use, once it answers
        self._grafana: list[dict[str, Any]] = []
        self._grafana_asked = not settings.grafana.enabled
        self._satellites: int | None = None

    def __enter__(self) -> Twin:
        self.supervisor.__enter__()
        return self

    def __exit__(self, *error: Any) -> None:
        self.supervisor.stop()

    # --- start -------------------------------------------------------------------------------

    def start(self, show: Callable[[], None]) -> bool:
        """Start all parts, with a `show` now and then; False where `stop` was set meanwhile."""
        connection = self._broker()
        if connection is None:
            return False
        settings = self.settings.with_values({"kafka.bootstrap": connection.bootstrap})
        # They start while our own broker does, and wait for it: half of the start is imports.
        self.supervisor.start(self._part("historian", settings, ["store"], Stage.HISTORIAN))
        for worker in range(1, settings.processor.workers + 1):
            own = settings.with_values({"processor.worker": worker})
            name = part_name("processor", worker)
            self.supervisor.start(self._part(name, own, ["process"], Stage.PROCESSOR))
        if self.settings.kafka.bootstrap is None and not self._wait_for_own_broker(show):
            return False
        copies = self.settings.kafka.replication_factor if self.settings.kafka.bootstrap else 1
        ensure_topics(connection, TOPICS, copies)
        self.bootstrap = connection.bootstrap
        self.supervisor.update(bootstrap=self.bootstrap)
        # What it sends before the others are ready stands in Kafka's log.
        source = settings.producer.source
        files = [str(path) for path in settings.producer.sources]
        words = ["produce", source, *(files if source != "synthetic" else [])]
        self.supervisor.start(self._part("producer", settings, words, Stage.PRODUCER))
        return True

    @property
    def name(self) -> str:
        """The profile, or the source where there is none."""
        return str(self._about()["profile"])

    def _about(self) -> dict[str, Any]:
        producer = self.settings.producer
        if producer.source != "synthetic":
            return {"profile": producer.source}
        return {"profile": producer.profile, "satellites": producer.satellites}

    def _broker(self) -> Connection | None:
        """A cluster that answers, or our own that starts; None where `stop` was set first."""
        if self.settings.kafka.bootstrap is not None:
            connection = Connection.from_settings(self.settings.kafka)
            return connection if wait_for_broker(connection, self.stop, self.log) else None
        wanted = self.settings.broker
        broker = LocalBroker(self.settings.data, wanted.port, wanted.heap_mb, self.log)
        broker.prepare()
        self.supervisor.start(broker.part())
        return Connection.from_settings(self.settings.kafka, broker.bootstrap)

    def _wait_for_own_broker(self, show: Callable[[], None]) -> bool:
        """Until it serves; False where `stop` was set first."""
        limit_s = self.settings.broker.start_timeout_s
        deadline = time.monotonic() + limit_s
        while self.supervisor.state("broker") != "running":
            self.look()
            show()
            if time.monotonic() > deadline:
                log_path = self.settings.log_dir / "broker.log"
                raise OrbitwinError(
                    f"Kafka did not start within {limit_s:.0f} s", f"see {log_path}"
                )
            if self.stop.wait(LOOK_AT_START_S):
                return False
        return True

    def _part(self, name: str, settings: Settings, words: list[str], stage: Stage) -> Part:
        # Settings, secrets among them, go by the environment: arguments can be listed by all.
        return Part(
            name,
            [sys.executable, "-m", "orbitwin", *words],
            settings.log_dir / f"{name}.log",
            stage,
            env=settings.to_env(),
            stop_timeout_s=PART_STOP_S,
        )

    # --- run ---------------------------------------------------------------------------------

    def look(self) -> None:
        """One look at all parts. Raises OrbitwinError where one of them has failed for good."""
        self.watch.observe(living_parts(self.settings.run_dir))
        self.meter.sample(self.supervisor.usage())
        if not self.counting and self.watch.total("producer", "ticks_due") > 0:
            self.counting = True
            self.meter.start_counting()
        self._raise_if_failed()
        satellites = self.watch.newest("producer").get("satellites") or None
        if satellites != self._satellites:
            self._satellites = satellites
            self.supervisor.update(satellites=satellites)
        door = next((door for door in self.doors() if door["name"] == "sql"), None)
        if not self._grafana_asked and door is not None:
            self._grafana_asked = True
            self._start_grafana(door)

    def _start_grafana(self, door: dict[str, Any]) -> None:
        """Start an installed Grafana once the door is open; a twin without one is whole too."""
        found = grafana.find(self.settings.grafana.home)
        if found is None:
            if self.settings.grafana.home is not None:
                self.log.warning(f"no Grafana in {self.settings.grafana.home}")
            return
        try:
            local = grafana.LocalGrafana(*found, self.settings.data, self.settings.grafana.port)
            vehicles = [catalogue.load(self.settings.vehicle)]
            self.supervisor.start(local.part(door, password_of(self.settings, door), vehicles))
            self._grafana = [{"name": "grafana", "url": local.url}]
            self.supervisor.update(doors=self._grafana)
            self.log.info(f"Grafana starts at {local.url}")
        except (OSError, OrbitwinError) as error:
            self.log.warning(f"Grafana cannot be started: {error}")

    def run(self, duration_s: float | None, show: Callable[[], None]) -> None:
        """Go on until `stop`, until the producer has finished, or `duration_s` after its first
        frame; call `show` after each look."""
        began_s: float | None = None
        while not self.stop.wait(LOOK_EVERY_S):
            self.look()
            show()
            if began_s is None and self.watch.total("producer", "rows_sent") > 0:
                began_s = time.monotonic() - LOOK_EVERY_S
            over = duration_s is not None and began_s is not None
            if over and time.monotonic() - (began_s or 0.0) >= (duration_s or 0.0):
                return
            if self.watch.finished() or self.supervisor.state("producer") == "finished":
                return

    def _raise_if_failed(self) -> None:
        for part in self.supervisor.parts():
            if part["state"] in EXIT_STATES and part["name"] != "grafana":
                reason = " ".join(str(part["reason"]).split()).removeprefix("orbitwin: ")
                raise OrbitwinError(
                    f"{part['name']} cannot run: {reason}",
                    f"its log is {part['log']}",
                    EXIT_USAGE if part["exit_code"] == EXIT_USAGE else EXIT_FAILURE,
                )

    # --- end ---------------------------------------------------------------------------------

    def wind_down(self, show: Callable[[], None]) -> Balance | None:
        """Stop in order. The count by identity of what was sent and stored, where there is one.

        A stop that was asked for takes at most STOP_TOTAL_S, all in all; so does one that is
        asked for while a twin that ends by itself still drains.
        """
        asked_s = time.monotonic() if self.stop.is_set() else None
        self.supervisor.stop_stage(Stage.DASHBOARDS, STAGE_S)
        self.supervisor.stop_stage(Stage.PRODUCER)
        self.watch.restart_settling()
        moved_s, stored = time.monotonic(), -1
        while not self._drained():
            now_s = time.monotonic()
            if asked_s is None and self.stop.is_set():
                asked_s = now_s
            if self.watch.total("historian", "rows_stored") != stored:
                moved_s, stored = now_s, self.watch.total("historian", "rows_stored")
            late_s = asked_s and asked_s + STOP_TOTAL_S - 3 * STAGE_S
            if now_s > (late_s or moved_s + DRAIN_TIMEOUT_S):
                self.log.warning(
                    "not all that was sent is stored yet: it stands in Kafka's log, and the next "
                    "start stores it"
                )
                break
            self.look()
            show()
            time.sleep(0.1)
        account = None
        size = ledger_bytes(self.settings.ledger_dir, self.started_us / 1e6)
        if asked_s is None or size < COUNT_AT_ONCE_BYTES:
            time.sleep(GRACE_S)  # events of the last rows come by another topic
            account = self._account()
        self.meter.sample(self.supervisor.usage())
        for stage in (Stage.PROCESSOR, Stage.HISTORIAN, Stage.BROKER):
            limit_s = None
            if asked_s is not None:  # what is left, but for the stages after this one
                end_s = asked_s + STOP_TOTAL_S - STAGE_S * stage
                limit_s = max(STAGE_S, min(PART_STOP_S, end_s - time.monotonic()))
            self.supervisor.stop_stage(stage, limit_s)
        self.watch.conclude(last_statuses(self.settings.run_dir, self.started_us))
        return account

    def _drained(self) -> bool:
        """Whether what was sent last is stored; without a door: whether nothing lags."""
        tail = self._account(TAIL_BYTES)
        return tail.rows_lost == 0 if tail is not None else self.watch.settled()

    def _account(self, tail_bytes: int | None = None) -> Balance | None:
        """What was sent against what is stored, now; None where no door is open to ask."""
        since_s = self.started_us / 1e6
        sent = list(read_ledger(self.settings.ledger_dir, since_s, tail_bytes))
        if not sent:
            return Balance()
        try:
            session = self.door()
            try:
                return balance(sent, stored_frames(session.run(frames_query(sent)).rows))
            finally:
                session.close()
        except OrbitwinError as error:
            if tail_bytes is None:
                self.log.warning(f"stored rows cannot be counted: {error}")
            return None

    def doors(self) -> list[dict[str, Any]]:
        """The doors that are open now: the historian's, as it lists them, then Grafana."""
        return [*doors(self.watch.parts), *self._grafana]

    def door(self) -> DoorSession:
        """A connection to the twin's SQL door; BusyError while it is not open."""
        for door in self.doors():
            if door["name"] == "sql":
                return DoorSession.of(self.settings, door)
        raise BusyError("the SQL door is not open")

    def summary(self, account: Balance | None) -> dict[str, Any]:
        """What `up --json` prints."""
        watch, settings = self.watch, self.settings
        ticks = watch.total("producer", "ticks_due")
        producer, historian = watch.newest("producer"), watch.newest("historian")
        latency = historian.get("latency_s") or {}
        return {
            "profile": self.name,
            "satellites": producer.get("satellites") or settings.producer.satellites,
            "ticks_due": ticks,
            "ticks_late": watch.total("producer", "ticks_late"),
            "rows_sent": account.rows_sent if account else watch.total("producer", "rows_sent"),
            "rows_stored": (
                account.rows_stored if account else watch.total("historian", "rows_stored")
            ),
            "rows_lost": account.rows_lost if account else None,
            "rows_duplicated": account.rows_duplicated if account else None,
            "dead_letters": sum(watch.total(p, "dead_letters") for p in ("producer", "processor")),
            "latency_s": {key: latency.get(key) for key in ("p50", "p95", "p99", "max")},
            "cpu_core_ms_per_tick": self.meter.per_tick_ms(ticks),
            "rss_mb": self.meter.peak(),
            "restarts": {p["name"]: p["restarts"] for p in self.supervisor.parts()},
            "grafana": next((door["url"] for door in self._grafana), None),
        }
