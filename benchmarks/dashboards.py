"""Every query of the dashboards and alert rules at 1,218,000 satellites, through the SQL door.

    python -m benchmarks.dashboards [--satellites 1218000] [--profile three_tier] [--days 1]

A store is made by the historian's own writer: the fleet registered, `latest` published from its
arrays, rows written to its rings as its rollups cut them (a row a chunk, shell and block of planes
and second): an hour of seconds, `--days` of minutes, a million events of a day, and what the model
says of a fleet of 10,000.  A PostgreSQL client then asks each panel, annotation, variable and alert
rule as Grafana does, its macros expanded, over ranges from 15 minutes up to the days there are.
Told is the time on the wall until the last row is read, the median over the rounds, and the CPU
time of this process, where client, door and DuckDB all run; one over the limit fails.  Answers are
checked: satellites are counted against the fleet, groups against its shells and blocks, bins
against both, a mean against the arrays; and every query must have columns, those of panels about
fleets rows.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import psycopg
import pyarrow as pa

from benchmarks import harness
from benchmarks.harness import Report, expect
from dashboards import all_dashboards
from dashboards.alerts import all_alerts
from dashboards.macros import ALL, Scope, Variable, expand
from dashboards.sql import ALL_NAMES
from orbitwin import catalogue, fleet, profile
from orbitwin.catalogue import DERIVED, SEVERITIES
from orbitwin.fleet import Clock, Fleet
from orbitwin.layout import scaled
from orbitwin.settings import Settings
from orbitwin.trajectory import Planned
from producers.schedule import SECOND_US, Schedule
from producers.synthetic import Flight, fleet_of
from storage import database, tables
from storage.door import open_door
from storage.rollup import Groups
from storage.writer import Writer

LIMIT_MS = 400.0
MODELLED = 10_000  # processor.forecast_max_satellites, historian.raw_max_satellites
SECONDS, DAY_MINUTES = 3600, 1440
EVENTS = 1_000_000
LETTERS, FRAME_MINUTES, SAT_MINUTES, MODEL_MINUTES = 10_000, 60, 3, 4
RANGES = {
    "15m": (900, 1_000),
    "1h": (3600, 5_000),
    "6h": (21_600, 20_000),
    "1d": (86_400, 120_000),
    "7d": (7 * 86_400, 900_000),
    "30d": (30 * 86_400, 3_600_000),
}
"""Seconds of each range, and the interval (ms) that Grafana gives a panel of some 900 points."""

PASSWORD = "benchmark"
SLOWEST = 12
_VALUES = {"1": (0.6, 0.25), "W": (800.0, 400.0), "K": (20.0, 10.0), "dB": (4.0, 2.0),
           "TOPS": (700.0, 200.0)}  # fmt: skip
"""By unit of a derived state: mean and spread of what is made up."""


class Store:
    """A historian's database with a large fleet in it, and the door on it."""

    def __init__(self, given: argparse.Namespace, folder: Path) -> None:
        self.now = datetime.now(UTC).replace(microsecond=0)
        self.fleet = _fleet(given, int(self.now.timestamp()) * SECOND_US)
        self.rng = np.random.default_rng(given.seed)
        self.minutes = DAY_MINUTES * given.days
        settings = Settings(
            data=folder,
            door={"port": 0, "password": PASSWORD},  # type: ignore[arg-type]
        )
        historian = settings.historian
        self._opened = database.open_writer(
            folder, memory_limit_mb=historian.memory_limit_mb, threads=historian.threads
        )
        self.writer = Writer(
            self._opened,
            folder,
            retention_s={t.name: 1e9 for t in tables.RINGS},
            raw_max_satellites=MODELLED,
        )
        self.writer.register([fleet.encode(chunk) for chunk in self.fleet.chunks()])
        self.writer.recover()
        self._latest()
        self._history()
        self.door = open_door(settings, self._opened.connection, self.writer.view)
        self.client = psycopg.connect(
            host=self.door.host, port=self.door.port, user=self.door.user, password=PASSWORD,
            dbname=self.door.database, autocommit=True, prepare_threshold=None,
        )  # fmt: skip

    def close(self) -> None:
        self.client.close()
        self.door.stop()
        self.writer.release()
        self._opened.close()

    def ask(self, sql: str) -> tuple[list[str], list[tuple[Any, ...]]]:
        cursor = self.client.execute(sql)
        return [c.name for c in cursor.description or ()], cursor.fetchall()

    def _latest(self) -> None:
        """The newest tick: every hundredth satellite is stale, some are beyond their limits."""
        now_us = int(self.now.timestamp()) * SECOND_US
        self.totals: dict[str, float] = dict.fromkeys(DERIVED, 0.0)
        self.satellites = self.stale = 0
        for state in self.writer.latest.states.values():
            rows = state.chunk.rows
            state.t_event_us[:] = now_us
            state.t_received_us[:] = now_us + 60_000
            state.seq[:] = 1
            state.severity[:] = self.rng.choice(len(SEVERITIES), rows, p=_shares())
            state.flags[:] = np.where(self.rng.random(rows) < 0.01, 1, 4)
            fresh = state.flags == 4
            for at, column in enumerate(state.chunk.vehicle.derived):
                mean, spread = _VALUES[column.unit]
                state.derived[at] = self.rng.normal(mean, spread, rows) / column.resolution
                self.totals[column.name] += state.derived[at, fresh].sum() * column.resolution
            self.satellites += rows
            self.stale += int((~fresh).sum())
        self.writer.latest.version += 1
        self.writer.publish()

    def _history(self) -> None:
        groups = []
        for chunk in self.writer.registry.ordered():
            of = Groups.of(chunk.shell, np.asarray(chunk.plane))
            sizes = np.diff([*of.starts, chunk.rows])
            groups += [
                (chunk.fleet, chunk.number, shell, int(block), int(size))
                for shell, block, size in zip(of.shell, of.block, sizes, strict=True)
            ]
        self.groups = {(shell, block) for _, _, shell, block, _ in groups}
        names = ("fleet", "chunk", "shell", "plane_block", "size")
        self._sql = self._opened.connection.cursor()
        self._sql.register(
            "groups", pa.table(dict(zip(names, map(list, zip(*groups, strict=True)), strict=True)))
        )
        counts = {
            **dict.fromkeys(("satellites", "reporting"), "size"),
            "sunlit": "size // 2",
            "stale": "size // 100",
            "normal": "size - size // 10",
            "watch": "size // 10",
            **dict.fromkeys(SEVERITIES[2:], "0"),
        }
        rings = ((tables.FLEET_1S, SECONDS, 1), (tables.FLEET_1M, self.minutes, 60))
        for table, number, step in rings:
            known = {n: n for n in ("ts", *names[:4])} | {"seconds": str(step)} | counts
            for state, (unit, *_) in DERIVED.items():
                mean, spread = _VALUES[unit]
                value = f"{mean} + {spread} * sin(epoch(ts) / 900 + plane_block)"
                known |= {
                    f"{state}_n": f"size * {step}",
                    f"{state}_sum": f"size * {step} * ({value})",
                    f"{state}_min": f"{value} - {spread}",
                    f"{state}_max": f"{value} + {spread}",
                }
            self._fill(table, f"groups, {self._times(number, step)}", known)
        self._events()
        self._model()
        satellite = "(SELECT * FROM satellite)"
        minutes = self._times(SAT_MINUTES, 60)
        self._fill(tables.SAT_1M, f"{satellite}, {minutes}", {"sat_id": "sat_id", "ts": "ts"})
        chunks = "(SELECT DISTINCT fleet, chunk FROM groups)"
        known = {"fleet": "fleet", "chunk": "chunk", "packet": "'fast'", "rows": "12500"}
        known |= dict.fromkeys(("t_event", "t_due", "t_append"), "ts")
        self._fill(tables.FRAME, f"{chunks}, {self._times(FRAME_MINUTES * 60, 1)}", known)
        known = {"ts": "ts", "reason": "'wrong_version'", "topic": "'twin.telemetry.v1'"}
        self._fill(tables.DEAD_LETTER, self._times(LETTERS, 1), known)
        self._fill(tables.PIPELINE_1M, self._times(self.minutes, 60), {"ts": "ts", "seconds": "60"})
        topic = {"topic": "'twin.state.v1'"}
        self._fill(tables.INGEST_OFFSET, self._times(8, 1), topic)
        self._sql.execute("CHECKPOINT")
        self._sql.close()

    def _events(self) -> None:
        """A million of the last day: half the alarms have been cleared, faults are among them."""
        source = f"""(SELECT *, TIMESTAMPTZ '{self.now.isoformat()}'
          - INTERVAL (86400 - i * 86400 // {EVENTS}) SECOND AS ts
          FROM (SELECT i, 1 + (i // 2 * 7919) % {self.satellites} AS nth FROM range({EVENTS}) r(i))
          JOIN (SELECT row_number() OVER () AS nth, * FROM satellite) USING (nth))"""
        vehicle = self.fleet.vehicle
        names = [*(on.of for on in vehicle.limits), *(s.fault for s in vehicle.signatures)]
        listed = ", ".join(f"'{n}'" for n in names)
        number = f"(i // 2 % {len(names)}) + 1"
        self._fill(
            tables.EVENT,
            source,
            {
                **{n: n for n in ("ts", "sat_id", "name", "fleet")},
                "kind": f"CASE WHEN {number} > {len(vehicle.limits)} THEN 'fault' ELSE 'limit' END",
                "state": "CASE WHEN i % 2 = 1 AND i % 4 = 1 THEN 'cleared' ELSE 'raised' END",
                "parameter": f"([{listed}])[{number}]",
                "severity": "CASE WHEN i % 8 = 0 THEN 'critical' ELSE 'warning' END",
                "message": "'made up'",
            },
        )

    def _model(self) -> None:
        few = f"(SELECT sat_id FROM satellite ORDER BY sat_id LIMIT {MODELLED})"
        minutes = self._times(MODEL_MINUTES, 60)
        channels = self.fleet.vehicle.channels
        for table, column, names in (
            (tables.RESIDUAL_1M, "parameter", [c.name for c in channels]),
            (tables.ESTIMATE_1M, "name", sorted({c.learns for c in channels if c.learns})),
        ):
            listed = ", ".join(f"('{n}')" for n in names)
            source = f"{few}, {minutes}, (VALUES {listed}) AS listed(of)"
            known = {"ts": "ts", "sat_id": "sat_id", column: "of", "windows": "6"}
            self._fill(table, source, known)
        ahead = "ts + INTERVAL 10 MINUTE"
        times = {f.name: ahead for f in tables.FORECAST.fields if f.type == "TIMESTAMPTZ"}
        known = times | {"ts": "ts", "sat_id": "sat_id", "coasting": "false"}
        self._fill(tables.FORECAST_LATEST, f"{few}, {self._times(1, 60)}", known)

    def _times(self, number: int, step_s: int) -> str:
        """SQL of times `ts`, the newest of them now, on whole steps."""
        end = self.now - timedelta(seconds=int(self.now.timestamp()) % step_s)
        first = end - timedelta(seconds=(number - 1) * step_s)
        return (
            f"(SELECT unnest(generate_series(TIMESTAMPTZ '{first.isoformat()}', "
            f"TIMESTAMPTZ '{end.isoformat()}', INTERVAL {step_s} SECOND)) AS ts)"
        )

    def _fill(self, table: tables.Table, source: str, known: dict[str, str]) -> None:
        """Rows for the columns of a table: as `known` says, else a wave (reals), 0 or NULL."""
        ring = self.writer.rings.get(table.name)
        wave = "0.5 + 0.4 * sin(epoch(ts) / 60)"
        values = [
            known.get(f.name, wave if f.type in ("FLOAT", "DOUBLE")
                      else "0" if f.type in ("INTEGER", "BIGINT") else "NULL")
            for f in table.columns
        ]  # fmt: skip
        target = ring.target if ring is not None else table.name
        self._sql.execute(
            f"INSERT INTO {target} SELECT {', '.join(values)} FROM {source} ORDER BY ts"
        )


def _shares() -> list[float]:
    made = [0.9, 0.05, 0.03, 0.01, 0.008, 0.002]
    return made[: len(SEVERITIES)]


def _fleet(given: argparse.Namespace, t0_us: int) -> Fleet:
    found = profile.load(given.profile)
    rows, orbit = scaled(found, given.satellites)
    schedule = Schedule.of(
        catalogue.load(found.vehicle), Clock("live", t0_us, t0_us, 1.0), SECOND_US, {}
    )

    def no_truth(*_: Any) -> Any:
        raise AssertionError("nothing flies here")

    flight = Flight("synthetic", "bench", found, rows, Planned(orbit.elements), no_truth)
    vehicle = catalogue.load(found.vehicle)
    return fleet_of(flight, schedule, vehicle, fleet.chunk_rows_for(given.satellites, 8))


# --- the queries ---------------------------------------------------------------------------------


def queries(store: Store) -> Iterator[tuple[str, str, bool]]:
    """(name, SQL as Grafana sends it, whether it must have rows)."""
    vehicle = store.fleet.vehicle
    for stem, made in all_dashboards([vehicle]).items():
        for label, (back_s, interval_ms) in RANGES.items():
            if back_s > store.minutes * 60:
                continue
            scope = _scope(store, back_s, interval_ms)
            for panel in made["panels"]:
                if panel["type"] == "row":
                    continue
                least_ms = 60_000 if panel.get("interval") == "1m" else 0
                points_ms = back_s * 1000 // panel.get("maxDataPoints", back_s)
                own = _scope(store, back_s, max(interval_ms, least_ms, points_ms))
                sql = panel["targets"][0]["rawSql"]
                told = f"{stem} / {panel['title']} / {label}"
                yield told, expand(sql, own), not stem.startswith("satellite")
            for mark in made["annotations"]["list"]:
                told = f"{stem} / annotation {mark['name']} / {label}"
                yield told, expand(mark["target"]["rawSql"], scope), False
        for variable in made["templating"]["list"]:
            yield f"{stem} / variable {variable['name']}", expand(variable["query"], scope), True
    for alert in all_alerts([vehicle]):
        yield f"alert / {alert.title}", expand(alert.sql, _scope(store, 600, 1000)), False


def _scope(store: Store, back_s: int, interval_ms: int) -> Scope:
    now_us = int(store.now.timestamp()) * SECOND_US
    several = {"multi": True, "include_all": True}
    return Scope(
        now_us - back_s * SECOND_US,
        now_us + SECOND_US // 2,
        interval_ms,
        {
            "profile": Variable(ALL, all_value=ALL_NAMES, **several),  # type: ignore[arg-type]
            "shell": Variable(ALL, all_value=ALL_NAMES, **several),  # type: ignore[arg-type]
            "plane": Variable(ALL, all_value="-1", **several),  # type: ignore[arg-type]
            "satellite": Variable(str(next(iter(store.fleet.chunks())).sat_id[0])),
        },
    )


def check(store: Store, answers: dict[str, tuple[list[str], list[tuple[Any, ...]]]]) -> list[str]:
    """Answers against what was put in; the statements that hold."""
    expect(answers["fleet / Satellites / 15m"][1] == [(store.satellites,)], "satellites miscounted")
    stale = answers["fleet / Stale / 15m"][1]
    expect(stale == [(store.stale,)], f"{stale} stale, not {store.stale}")
    names, rows = answers["fleet / State by shell and plane block / 15m"]
    shell, block, at = (names.index(name) for name in ("shell", "block", "satellites"))
    found = {(row[shell], row[block]) for row in rows}
    expect(found == store.groups, "shells and blocks are not those of the fleet")
    expect(sum(row[at] for row in rows) == store.satellites, "groups do not add up to the fleet")
    ((mean,),) = answers["power / Power margin, mean / 15m"][1]
    wanted = store.totals["power_margin_w"] / (store.satellites - store.stale)
    expect(abs(mean - wanted) < 1e-3 * abs(wanted), f"mean power margin {mean}, not {wanted}")
    spread = answers["power / Power margin: how it is spread now / 15m"][1]
    expect(sum(n for _, n in spread) == store.satellites - store.stale, "bins do not add up")
    shells = {row[1] for row in answers["fleet / Power margin by shell, mean / 15m"][1]}
    expect(shells == {shell for shell, _ in store.groups}, "shells are missing over time")
    return [
        f"{store.satellites:,} satellites, {store.stale:,} stale, {len(store.groups)} shells x "
        "blocks are counted; bins and groups add up; mean power margin as in the arrays",
    ]


def main(argv: list[str] | None = None) -> int:
    parser = harness.parser(__doc__, 1_218_000)
    parser.add_argument("--profile", default="three_tier")
    parser.add_argument("--days", type=int, default=1, help="of minutes in the store, up to 30")
    parser.add_argument("--limit-ms", type=float, default=LIMIT_MS, help="slowest answer")
    given = parser.parse_args(argv)

    def body() -> Report:
        with tempfile.TemporaryDirectory() as folder:
            store = Store(given, Path(folder))
            try:
                return measure(store, given)
            finally:
                store.close()

    return harness.run("dashboards", given, body)


def measure(store: Store, given: argparse.Namespace) -> Report:
    asked = list(queries(store))
    took: dict[str, list[float]] = {}
    cores: dict[str, list[float]] = {}
    answers: dict[str, tuple[list[str], list[tuple[Any, ...]]]] = {}

    def one() -> dict[str, float]:
        def all_of_them() -> None:
            for name, sql, must in asked:
                begin_s, begin_ns = time.perf_counter(), time.process_time_ns()
                answers[name] = store.ask(sql)
                took.setdefault(name, []).append((time.perf_counter() - begin_s) * 1e3)
                cores.setdefault(name, []).append((time.process_time_ns() - begin_ns) / 1e6)
                expect(bool(answers[name][0]), f"{name} has no columns")
                expect(bool(answers[name][1]) or not must, f"{name} has no rows")

        return {f"all {len(asked)} queries once": harness.core_ms(all_of_them)}

    figures = harness.rounds(given.repeat, one)
    proven = check(store, answers)
    slow = sorted(((median(v), name) for name, v in took.items()), reverse=True)
    facts = {
        f"{name} (wall)": f"{ms:,.0f} ms, {median(cores[name]):,.0f} core-ms"
        for ms, name in slow[:SLOWEST]
    }
    facts["wall of all, p50 and p95"] = "{:,.0f} and {:,.0f} ms".format(
        *np.quantile([ms for ms, _ in slow], [0.5, 0.95])
    )
    over = [f"{name}: {ms:,.0f} ms" for ms, name in slow if ms > given.limit_ms]
    expect(not over, f"{len(over)} slower than {given.limit_ms:g} ms: {'; '.join(over)}")
    proven.append(f"each of {len(asked)} queries answered within {given.limit_ms:g} ms")
    return Report(figures, facts, proven)


if __name__ == "__main__":
    sys.exit(main())
