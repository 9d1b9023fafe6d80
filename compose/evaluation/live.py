"""Fly a scenario through a whole twin: Kafka, Faust, DuckDB; what it stored is the evidence."""

from __future__ import annotations

import datetime
import threading
from collections.abc import Callable

import polars as pl

from compose.evaluation import offline
from compose.evaluation.evidence import EVENTS, RESIDUALS, Evidence
from compose.evaluation.offline import KEPT_KINDS, Plan
from compose.twin import Twin
from orbitwin.errors import OrbitwinError
from orbitwin.log import Log
from orbitwin.records import FORECAST_COLUMNS
from orbitwin.settings import Settings
from storage import stopped
from storage.tables import FORECAST_TIMES

_KINDS = ", ".join(f"'{kind}'" for kind in KEPT_KINDS)
EVENT_SQL = f"""
SELECT e.sat_id, epoch_us(coalesce(f.t_event, e.ts)) AS t_us, e.kind, e.state, e.parameter,
  e.value, e.message
FROM event e LEFT JOIN frame f
  ON f.source_partition = e.source_partition AND f.source_offset = e.source_offset
WHERE e.kind IN ({_KINDS}) ORDER BY t_us
"""
RESIDUAL_SQL = """
SELECT sat_id, epoch_us(ts) AS t_us, parameter AS channel, nis, inside, windows FROM residual_1m
"""
LETTER_SQL = (
    "SELECT reason || ': ' || message AS reason, sum(rows) AS rows FROM dead_letter GROUP BY 1"
)


def _forecast_sql() -> str:
    """Times as seconds after the forecast was made, as they travelled."""
    parts = [
        f"epoch(f.{FORECAST_TIMES[c.name]} - f.ts) AS {c.name}"
        if c.name in FORECAST_TIMES
        else f"CAST(f.{c.name} AS FLOAT) AS {c.name}"
        for c in FORECAST_COLUMNS
    ]
    return f"SELECT sat_id, epoch_us(ts) AS t_us, {', '.join(parts)} FROM forecast f"


def fly(
    plan: Plan,
    settings: Settings,
    speed: float,
    log: Log,
    stop: threading.Event,
    show: Callable[[Twin], None] = lambda _: None,
) -> Evidence:
    """The whole course of a plan, `speed` times as fast as the clock.

    `settings` name profile and scenario, and an empty data directory. Raises OrbitwinError where
    the twin did not get to its end.
    """
    start = datetime.datetime.fromtimestamp(plan.start_us / 1e6, datetime.UTC)
    chosen = settings.with_values(
        {
            "producer.source": "synthetic",
            "producer.satellites": plan.satellites,
            "producer.seed": plan.seed,
            "producer.start_epoch": start,
            "producer.speed": speed,
            "producer.rate_hz": 1.0,
            "producer.duration_s": None,
            "grafana.enabled": False,
        }
    )
    with Twin(chosen, log, stop) as twin:

        def through() -> None:
            show(twin)

        if twin.start(through):
            twin.run(plan.duration_s / speed, through)
        twin.wind_down(through)
    if stop.is_set():
        raise OrbitwinError("the evaluation was stopped before its end", "run it again")
    events, residuals, forecasts, letters = (
        pl.DataFrame(pl.from_arrow(table))
        for table in stopped.ask(chosen, (EVENT_SQL, RESIDUAL_SQL, _forecast_sql(), LETTER_SQL))
    )
    made = offline.fleet_and_truth(plan)
    return Evidence(
        start_us=plan.start_us,
        end_us=plan.start_us + plan.duration_s * 1_000_000,
        sat_id=made.layout.sat_id,
        labels=offline.labels_of(made),
        events=events.cast(EVENTS),  # type: ignore[arg-type]
        residuals=residuals.cast(RESIDUALS),  # type: ignore[arg-type]
        forecasts=forecasts,
        letters={reason: int(rows) for reason, rows in letters.iter_rows()},
        course=offline.course_of(made),
    )
