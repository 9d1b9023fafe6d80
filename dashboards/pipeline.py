"""The "Pipeline" dashboard: does data flow, how late, what is refused, and how much is kept."""

from __future__ import annotations

from collections.abc import Sequence

from dashboards.dashboard import Section, dashboard, group_variables
from dashboards.fleet import data_age
from dashboards.panels import Json, bar_gauge, coloured_cell, override, stat, table, time_series
from dashboards.sql import BRIDGED_MS, BUCKET, CLOSED, OF_FLEET, OF_SATELLITES
from dashboards.units import COLOURS, age_steps, ages_s
from orbitwin.catalogue import Vehicle

UID = "orbitwin-pipeline"
LETTER_ROWS = 100
LATE_S = 1.0
"""Rows are to be readable within a second of their due time: the product's promise at 1 Hz."""

LATENCY_STEPS: Json = {
    "mode": "absolute",
    "steps": [
        {"color": COLOURS["normal"], "value": None},
        {"color": COLOURS["warning"], "value": LATE_S},
        {"color": COLOURS["critical"], "value": 5 * LATE_S},
    ],
}


def pipeline_dashboard(vehicles: Sequence[Vehicle]) -> Json:
    """The whole dashboard. Of `pipeline_1m` the time is the historian's own clock."""
    return dashboard(
        UID,
        "Pipeline",
        "From the spacecraft's clock to readable history: rates, lag, latency, refusals, storage.",
        [
            Section("Now", _now(vehicles)),
            Section("Flow", _flow()),
            Section("Refused and repeated", [_refused(), _causes(), _letters()]),
            Section("Clocks", [_clocks(vehicles), _ledger()]),
            Section("Storage", [_size(), _tiers(), _offsets()]),
        ],
        variables=group_variables(),
        since="now-1h",
    )


def _newest(column: str, name: str) -> str:
    """A figure of the newest minute; none when that is older than three minutes."""
    return (
        f"SELECT CASE WHEN max(ts) > now() - INTERVAL 3 MINUTE THEN arg_max({column}, ts) END "
        f"AS {name} FROM pipeline_1m WHERE ts > now() - INTERVAL 1 HOUR"
    )


def _now(vehicles: Sequence[Vehicle]) -> list[Json]:
    late_s, missing_s = ages_s(vehicles)
    late, missing = (f"now() - INTERVAL '{s:g} seconds'" for s in (late_s, missing_s))
    minute = "In the newest minute; withheld where that is more than three minutes ago."
    return [
        data_age(vehicles),
        stat(
            "Rows stored",
            f"Telemetry rows stored a second. {minute}",
            _newest("rows / seconds", "rows"),
            "suffix: rows/s",
            no_value="stale",
        ),
        stat(
            "Latency, 95 %",
            "From a frame's due time to readable history, the time that 95 % of frames kept. "
            f"Those that waited for the historian to start are left out. {minute}",
            _newest("latency_p95_s", "latency"),
            "s",
            thresholds=LATENCY_STEPS,
            no_value="stale",
        ),
        stat(
            "Lag",
            f"Records in the logs that are not yet stored. {minute}",
            _newest("lag_records", "lag"),
            "none",
            no_value="stale",
        ),
        stat(
            "Historian's data age",
            "Now less the end of the newest minute that the historian has written of. More than "
            "two minutes: it does not store.",
            "SELECT epoch(now() - max(ts)) - 60 AS age FROM pipeline_1m",
            "s",
            thresholds={
                "mode": "absolute",
                "steps": [
                    {"color": COLOURS["normal"], "value": None},
                    {"color": COLOURS["warning"], "value": 75},
                    {"color": COLOURS["critical"], "value": 120},
                ],
            },
            decimals=0,
        ),
        bar_gauge(
            "Newest packet by age",
            "Satellites by the age of their newest packet.",
            f"""
SELECT count(*) FILTER (t_event > {late}) AS "under {late_s:g} s",
  count(*) FILTER (t_event > {missing} AND t_event <= {late}) AS "under {missing_s:g} s",
  count(*) FILTER (t_event <= {missing}) AS "older",
  count(*) FILTER (t_event IS NULL) AS "never heard"
FROM latest WHERE {OF_SATELLITES}""",
            {
                f"under {late_s:g} s": COLOURS["normal"],
                f"under {missing_s:g} s": COLOURS["warning"],
                "older": COLOURS["critical"],
                "never heard": COLOURS["watch"],
            },
            size=(4, 4),
        ),
    ]


def _minutes(
    title: str, description: str, columns: dict[str, str], unit: str, **more: Json
) -> Json:
    """A plot of `pipeline_1m`: each column's name and what it is of a bucket."""
    chosen = ", ".join(f"{how} AS {name}" for name, how in columns.items())
    return time_series(
        title,
        description,
        f"""
WITH tier AS (
  SELECT *, ts + INTERVAL 1 MINUTE AS until FROM pipeline_1m WHERE $__timeFilter(ts)
), newest AS (SELECT max(until) AS ends FROM tier)
SELECT {BUCKET}, {chosen}
FROM tier, newest WHERE {CLOSED}
GROUP BY 1 ORDER BY 1""",
        unit,
        interval="1m",
        bridged_ms=BRIDGED_MS,
        **more,  # type: ignore[arg-type]
    )


def _flow() -> list[Json]:
    return [
        _minutes(
            "Rows stored",
            "Telemetry rows that the historian stored a second, mean of each minute.",
            {"rows": "sum(rows) / sum(seconds)"},
            "suffix: rows/s",
        ),
        _minutes(
            "Latency",
            "From a frame's due time to readable history: median, 95 % and the slowest of each "
            f"minute. Over {LATE_S:g} s the twin is late.",
            {
                "median": "max(latency_p50_s)",
                "most": "max(latency_p95_s)",
                "slowest": "max(latency_max_s)",
            },
            "s",
            thresholds=LATENCY_STEPS,
        ),
        _minutes(
            "Lag",
            "Records in the logs that are not yet stored: at the end of each minute, and most in "
            "it. A lag that grows means that the historian does not keep up.",
            {"at_the_end": "max(lag_records)", "most": "max(lag_records_max)"},
            "none",
        ),
        _minutes(
            "Commits and events",
            "Transactions and events of the twin (limits, alarms, verdicts) a second.",
            {
                "commits": "sum(commits) / sum(seconds)",
                "events": "sum(events) / sum(seconds)",
            },
            "suffix: 1/s",
        ),
    ]


def _refused() -> Json:
    return _minutes(
        "Refused, repeated, lost",
        "In each bucket: dead letters stored, rows and records that came again (harmless: they "
        "are stored once), records that could not be read, records that a log lost before they "
        "were stored.",
        {
            name: f"CAST(sum({name}) AS DOUBLE)"
            for name in (
                "dead_letters",
                "rows_duplicated",
                "records_repeated",
                "records_refused",
                "records_lost",
            )
        },
        "none",
    )


def _causes() -> Json:
    return table(
        "Dead letters by cause",
        "What could not be taken in the time range, by reason and topic: how many letters, how "
        "many rows, and of those how many went on without the values that failed.",
        """
SELECT reason, topic, count(*) AS letters, sum(rows) AS rows,
  sum(rows) FILTER (WHERE kept) AS kept, max(ts) AS newest
FROM dead_letter WHERE $__timeFilter(ts)
GROUP BY reason, topic ORDER BY letters DESC""",
        size=(12, 8),
        overrides=[override("newest", ("unit", "dateTimeAsIso"))],
        no_value="none",
    )


def _letters() -> Json:
    return table(
        "Newest dead letters",
        f"The newest {LETTER_ROWS} in the time range; their bytes are in the topic twin.dlq.v1, "
        "at the original's place that stands here.",
        f"""
SELECT ts, reason, message, topic, "partition", "offset", rows, kept, length
FROM dead_letter WHERE $__timeFilter(ts)
ORDER BY ts DESC LIMIT {LETTER_ROWS}""",
        overrides=[
            override("ts", ("unit", "dateTimeAsIso")),
            override("length", ("unit", "bytes")),
        ],
        no_value="none",
    )


def _clocks(vehicles: Sequence[Vehicle]) -> Json:
    ages = (("unit", "s"), *coloured_cell(age_steps(vehicles)))
    return table(
        "Clocks by fleet",
        "Where each fleet's three times stand: newest event time (the spacecraft's clock), newest "
        "receive time (the log's), and how far they are behind now; transit is receive less event "
        "time, the greatest of any satellite. Negative: a clock is ahead.",
        f"""
SELECT fleet, max(t_event) AS newest_event, epoch(now() - max(t_event)) AS event_age,
  max(t_received) AS newest_received, epoch(now() - max(t_received)) AS received_age,
  max(epoch(t_received) - epoch(t_event)) FILTER (NOT stale) AS transit
FROM latest WHERE {OF_SATELLITES}
GROUP BY fleet ORDER BY fleet""",
        size=(12, 8),
        overrides=[
            override("newest_event", ("unit", "dateTimeAsIso")),
            override("newest_received", ("unit", "dateTimeAsIso")),
            override("event_age", *ages),
            override("received_age", *ages),
            override("transit", ("unit", "s")),
        ],
    )


def _ledger() -> Json:
    return table(
        "Frames of the newest minute",
        "The ledger of frames over the last minute of the time range, by fleet and packet: "
        "frames, rows sent, and of these dead, duplicate, late and invalid ones.",
        f"""
SELECT fleet, packet, count(*) AS frames, sum(rows) AS rows, sum(rows_dead) AS dead,
  sum(rows_duplicate) AS duplicate, sum(rows_late) AS late, sum(rows_invalid) AS invalid,
  avg(epoch(t_append) - epoch(t_due)) AS to_the_log
FROM frame
WHERE t_event > CAST($__timeTo() AS TIMESTAMPTZ) - INTERVAL 1 MINUTE
  AND t_event <= CAST($__timeTo() AS TIMESTAMPTZ) AND {OF_FLEET}
GROUP BY fleet, packet ORDER BY fleet, packet""",
        size=(12, 8),
        overrides=[override("to_the_log", ("unit", "s"))],
    )


def _size() -> Json:
    return _minutes(
        "Database on disk",
        "Size of the history's file and its write-ahead log. It levels out where the budget "
        "(historian.disk_budget_gb) or the retention is reached.",
        {"database": "max(database_bytes)"},
        "bytes",
    )


def _tiers() -> Json:
    return table(
        "Tables of history",
        "Every table that is bounded in time: its segments, rows by DuckDB's own estimate, and "
        "when its oldest and newest segments were opened. The oldest tells how far history goes "
        "back.",
        """
SELECT left(table_name, length(table_name) - length(opened) - 1) AS name, count(*) AS segments,
  sum(estimated_size) AS rows, to_timestamp(min(CAST(opened AS BIGINT))) AS oldest,
  to_timestamp(max(CAST(opened AS BIGINT))) AS newest
FROM (
  SELECT table_name, split_part(table_name, '_', -1) AS opened, estimated_size
  FROM duckdb_tables WHERE schema_name = 'segment'
)
GROUP BY 1 ORDER BY rows DESC""",
        size=(12, 9),
        overrides=[
            override("rows", ("unit", "short")),
            override("oldest", ("unit", "dateTimeAsIso")),
            override("newest", ("unit", "dateTimeAsIso")),
        ],
    )


def _offsets() -> Json:
    return table(
        "How far each partition is stored",
        "The first offset of each partition that is not stored; and how many records behind it "
        "are still needed by open seconds and minutes, and would be read again after a start.",
        """
SELECT topic, "partition", next_offset, next_offset - window_offset AS read_again
FROM ingest_offset ORDER BY topic, "partition" """,
        size=(24, 8),
    )
