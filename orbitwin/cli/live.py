"""What `up` shows while a twin runs: a live table on a terminal, log lines elsewhere."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from orbitwin.cli.output import cell
from orbitwin.cli.status import connecting, door_document
from orbitwin.errors import OrbitwinError

if TYPE_CHECKING:
    from rich.console import RenderableType

    from compose.twin import Twin
    from orbitwin.log import Log

ASK_DOOR_EVERY_S = 2.0
SAY_EVERY_S = 10.0  # a line, where there is no terminal
WORST = 5
MAX_REASON = 80  # characters; the part's log has the rest

WORST_QUERY = f"""
select name, cast(severity as varchar) as severity, round(power_margin_w, 1) as power_margin_w,
  round(state_of_charge_ratio, 3) as state_of_charge, round(thermal_headroom_k, 1) as headroom_k,
  round(link_margin_db, 1) as link_margin_db, round(goodput_ratio, 3) as goodput
from latest where not stale order by power_margin_w nulls last limit {WORST}
"""
ALARM_QUERY = """
select cast(severity as varchar), count(*) from latest
where severity <> 'normal' and not stale group by severity order by severity desc
"""
STALE_QUERY = "select count(*) from latest where stale"


@dataclass
class Insight:
    """What the door says of the fleet, asked in a thread of its own: a slow query stops nobody."""

    columns: Sequence[str] = ()
    worst: Sequence[Sequence[Any]] = ()
    alarms: Sequence[Sequence[Any]] = ()
    stale: int = 0
    _end: threading.Event = field(default_factory=threading.Event)

    @contextlib.contextmanager
    def asking(self, twin: Twin) -> Iterator[Insight]:
        """Ask every now and then until the end of the block."""
        thread = threading.Thread(target=self._run, args=(twin,), name="insight", daemon=True)
        thread.start()
        try:
            yield self
        finally:
            self._end.set()
            thread.join(timeout=1.0)

    def _run(self, twin: Twin) -> None:
        session = None
        while not self._end.wait(ASK_DOOR_EVERY_S):
            try:
                session = session or twin.door()
                worst = session.run(WORST_QUERY)
                self.columns, self.worst = worst.columns, worst.rows
                self.alarms = session.run(ALARM_QUERY).rows
                self.stale = int(session.run(STALE_QUERY).rows[0][0])
            except OrbitwinError:  # not open yet, or being started again: keep what was seen
                session = None
        if session is not None:
            session.close()

    def alarm_text(self) -> str:
        """Open alarms in one line."""
        found = [f"{count} {severity}" for severity, count in self.alarms]
        return ", ".join([*found, *([f"{self.stale} stale"] if self.stale else [])]) or "none"


def rows_of_parts(twin: Twin) -> Iterator[tuple[str, str, str, str, str, str]]:
    """name, state, rows/s, lag, memory, restarts of every part."""
    status = {part.file_name: part.status for part in twin.watch.parts}
    usage = twin.supervisor.usage()
    for part in twin.supervisor.parts():
        name = part["name"]
        said = status.get(name, {})
        rate, lag = said.get("rate"), said.get("lag")
        reason = " ".join(str(part["reason"]).split())[:MAX_REASON]
        state = part["state"] + (f": {reason}" if reason else "")
        yield (
            name,
            state,
            "" if rate is None else f"{rate:,.0f}",
            "" if lag is None else f"{lag:,.0f}",
            f"{usage[name].rss_bytes / 1e6:,.0f}" if name in usage else "",
            str(part["restarts"] or ""),
        )


def latency_text(twin: Twin) -> str:
    """Latency from due time to readable by SQL, in one line."""
    latency = twin.watch.newest("historian").get("latency_s") or {}
    found = [f"{key} {latency[key]:.2f} s" for key in ("p50", "p95", "p99") if latency.get(key)]
    return ", ".join(found) or "not yet known"


def addresses(twin: Twin) -> Iterator[tuple[str, str]]:
    """Where Kafka and the doors are, ready to use."""
    if twin.bootstrap:
        yield "kafka", twin.bootstrap
    for door in map(door_document, twin.doors()):
        yield door["name"], connecting(door)


def picture(twin: Twin, insight: Insight) -> RenderableType:
    """The live display."""
    from rich import box
    from rich.console import Group
    from rich.table import Table
    from rich.text import Text

    def table(columns: Sequence[str], rows: Sequence[Sequence[Any]], left: int) -> Table:
        made = Table(box=box.SIMPLE_HEAD, pad_edge=False)
        for index, name in enumerate(columns):
            made.add_column(Text(name), justify="left" if index < left else "right")
        for row in rows:
            made.add_row(*(Text(cell(value)) for value in row))
        return made

    summary = twin.watch.newest("producer")
    up_s = int(time.time() - twin.started_us / 1e6)
    size = f"{summary['satellites']:,} satellites" if summary.get("satellites") else "starting"
    late = twin.watch.total("producer", "ticks_late")
    sent = twin.watch.total("producer", "rows_sent")
    lines: list[RenderableType] = [
        Text(
            f"{twin.name}, {size}, up {up_s // 3600}:{up_s // 60 % 60:02}:{up_s % 60:02}, "
            f"{sent:,} rows sent, {late:,} ticks late"
        ),
        table(
            ("part", "state", "rows/s", "lag", "MB", "restarts"), list(rows_of_parts(twin)), left=2
        ),
        Text(f"latency      {latency_text(twin)}"),
        Text(f"open alarms  {insight.alarm_text()}"),
    ]
    if insight.worst:
        lines.append(table(insight.columns, insight.worst, left=2))
    lines += [Text(f"{name:<12} {address}") for name, address in addresses(twin)]
    lines.append(Text("Ctrl-C stops all, nothing is lost", style="dim"))
    return Group(*lines)


class Lines:
    """The same in a line every SAY_EVERY_S, for a log."""

    def __init__(self, log: Log) -> None:
        self._log = log
        self._next_s = 0.0
        self._told: set[str] = set()

    def say(self, twin: Twin, insight: Insight) -> None:
        for name, address in addresses(twin):
            if name not in self._told:
                self._told.add(name)
                self._log.info(f"{name}: {address}")
        if time.monotonic() < self._next_s:
            return
        self._next_s = time.monotonic() + SAY_EVERY_S
        rates = ", ".join(
            f"{name} {state}" + (f" {rate} rows/s" if rate else "") + (f" lag {lag}" if lag else "")
            for name, state, rate, lag, *_ in rows_of_parts(twin)
        )
        self._log.info(f"{rates}; latency {latency_text(twin)}; alarms {insight.alarm_text()}")
