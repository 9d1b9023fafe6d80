"""The tables of history: every column once, with its type, unit and meaning.

Columns that tables share are in fields.py, the fleet's rollups in fleet_tables.py, and what a
vehicle type measures comes from the catalogue (measured.py). DDL and SQL comments (ddl.py) and
docs/tables.md derive from here. Bounded tables are rings of segments (storage/segments.py):
readers see one view a ring.

`ts` is event time, TIMESTAMPTZ in UTC. A value is stored rounded to its column's resolution; one
that is missing or invalid is NULL.
"""

from __future__ import annotations

from orbitwin.catalogue import DERIVED
from orbitwin.column import Column
from orbitwin.records import EVENT_KINDS, FORECAST_COLUMNS
from storage.fields import (
    DERIVED_STATES,
    FLEET,
    MINUTE,
    NAME,
    PLACE,
    SAT_ID,
    SEVERITY,
    SEVERITY_TYPE,
    SOURCE,
    spread,
)
from storage.fleet_tables import FLEET_1M, FLEET_1S
from storage.table import Field, Table

SCHEMA_VERSION = 1

SATELLITE = Table(
    "satellite",
    "who flies, as the producers told",
    (
        *PLACE,
        Field("chunk", "INTEGER", "chunk of the fleet that carries the satellite"),
        Field("row", "INTEGER", "row within the chunk"),
    ),
)

PARAMETER = Table(
    "parameter",
    "what each vehicle type measures, and the derived states (packet `state`)",
    (
        Field("vehicle", "VARCHAR", "vehicle type"),
        Field("packet", "VARCHAR", "packet that carries it; `state` for a derived state"),
        Field("name", "VARCHAR", "name of the parameter"),
        Field("column_name", "VARCHAR", "its column in `sat_raw`"),
        Field("unit", "VARCHAR", "unit of the value"),
        Field("resolution", "DOUBLE", "the step of the value, in its unit"),
        Field("low", "DOUBLE", "least valid value, in its unit"),
        Field("high", "DOUBLE", "greatest valid value, in its unit"),
        Field("period_s", "DOUBLE", "time between two packets", "s"),
        Field("description", "VARCHAR", "what it is"),
        Field("limits", "JSON", "its limits: severity, below, above, context, persistence"),
        Field("values", "JSON", "names of its values, where they have names"),
    ),
)

LATEST = Table(
    "latest",
    "the newest state of every satellite; it never goes back in event time",
    (
        *PLACE,
        Field("t_event", "TIMESTAMPTZ", "event time of the newest packet that gave the state"),
        Field("t_received", "TIMESTAMPTZ", "when that packet reached the log"),
        Field("seq", "BIGINT", "sequence number of that packet"),
        SEVERITY,
        Field("stale", "BOOLEAN", "no packet for several periods"),
        Field("sunlit", "BOOLEAN", "the Sun lights the satellite"),
        Field("invalid", "BOOLEAN", "a value of the newest packet was missing or impossible"),
        *DERIVED_STATES,
        Field("x_km", "DOUBLE", "position along the inertial x axis (GCRS)", "km"),
        Field("y_km", "DOUBLE", "position along the inertial y axis (GCRS)", "km"),
        Field("z_km", "DOUBLE", "position along the inertial z axis (GCRS)", "km"),
    ),
)

SAT_RAW = Table(
    "sat_raw",
    "every packet at full rate, of fleets up to historian.raw_max_satellites; the columns of "
    "other packets than the row's are NULL",
    (
        Field("ts", "TIMESTAMPTZ", "event time"),
        SAT_ID,
        Field("packet", "VARCHAR", "kind of packet"),
        Field("seq", "BIGINT", "sequence number within the kind"),
        Field("late", "BOOLEAN", "arrived after a newer packet of the satellite"),
        SEVERITY,
        Field("flags", "UTINYINT", "bits: 1 stale, 2 late, 4 sunlit, 8 invalid, 16 clock suspect"),
        *DERIVED_STATES,
    ),
    ring=True,
)

SAT_1M = Table(
    "sat_1m",
    "each satellite's derived states over each minute",
    (
        MINUTE,
        SAT_ID,
        Field("samples", "INTEGER", "packets in the minute", "1"),
        Field("severity", SEVERITY_TYPE, "worst severity in the minute"),
        *(field for state in DERIVED for field in spread(state, "mean")),
    ),
    ring=True,
)

RESIDUAL_1M = Table(
    "residual_1m",
    "what each satellite measured against what its model expected, over each minute",
    (
        MINUTE,
        SAT_ID,
        Field("parameter", "VARCHAR", "what is compared: a relation of the vehicle type's model"),
        Field("unit", "VARCHAR", "unit of the values"),
        Field("measured", "FLOAT", "as measured, mean over the minute, in `unit`"),
        Field("predicted", "FLOAT", "as the satellite's model expects it, in `unit`"),
        Field("residual", "FLOAT", "measured less predicted, in `unit`"),
        Field("sigma", "FLOAT", "one standard deviation of what is expected, in `unit`"),
        Field("z", "FLOAT", "residual in sigmas, mean over the minute", "1"),
        Field("nis", "FLOAT", "mean square of z: 1 for a healthy satellite", "1"),
        Field(
            "inside",
            "FLOAT",
            "share of the comparisons within 1.96 sigmas: 0.95 where the model is consistent",
            "1",
        ),
        Field("windows", "SMALLINT", "comparisons in the minute", "1"),
    ),
    ring=True,
)

ESTIMATE_1M = Table(
    "estimate_1m",
    "what each satellite's model has learnt of it, at the end of each minute",
    (
        MINUTE,
        SAT_ID,
        Field("name", "VARCHAR", "what was learnt, as the vehicle type's model names it"),
        Field("value", "FLOAT", "the estimate; a ratio is 1 for the nominal satellite"),
        Field("sigma", "FLOAT", "one standard deviation of the estimate"),
    ),
    ring=True,
)

FORECAST_TIMES = {
    "eclipse_entry_s": "eclipse_entry",
    "eclipse_exit_s": "eclipse_exit",
    "charge_min_s": "charge_min_ts",
    "throttle_s": "throttle_ts",
    "link_outage_s": "link_outage_ts",
    "saa_entry_s": "saa_entry",
    "saa_exit_s": "saa_exit",
}
"""Columns of a forecast record that are stored as times, and their names then."""


def _forecast_field(column: Column) -> Field:
    if column.name in FORECAST_TIMES:
        text = f"{column.description}; NULL: not within the horizon"
        return Field(FORECAST_TIMES[column.name], "TIMESTAMPTZ", text)
    if column.name == "coasting":
        return Field("coasting", "BOOLEAN", "begun from the state of a satellite that was stale")
    return Field(column.name, "FLOAT", column.description, column.unit)


FORECAST = Table(
    "forecast",
    "what the next orbit brings each satellite, once a minute; bounds (5 and 95 %) hold 90 %",
    (
        Field("ts", "TIMESTAMPTZ", "when it was made, event time"),
        SAT_ID,
        *(_forecast_field(column) for column in FORECAST_COLUMNS),
    ),
    ring=True,
)

FORECAST_LATEST = Table(
    "forecast_latest", "the newest row of `forecast` of each satellite", FORECAST.fields
)


EVENT = Table(
    "event",
    "limit crossings, staleness, gaps: what happened to whom, and when",
    (
        Field("event_id", "VARCHAR", "partition-offset-part-index of its source: unique"),
        Field("ts", "TIMESTAMPTZ", "event time"),
        SAT_ID,
        NAME,
        FLEET,
        Field("kind", "VARCHAR", f"{', '.join(EVENT_KINDS[:-1])} or {EVENT_KINDS[-1]}"),
        Field("state", "VARCHAR", "raised, eased, cleared or noted"),
        Field("parameter", "VARCHAR", "parameter it is about"),
        Field("severity", SEVERITY_TYPE, "severity now"),
        Field("severity_before", SEVERITY_TYPE, "severity before"),
        Field("value", "DOUBLE", "the parameter's value, in `unit`"),
        Field("limit_value", "DOUBLE", "the limit that was crossed, in `unit`"),
        Field("unit", "VARCHAR", "unit of the value"),
        Field("context", "VARCHAR", "sunlit or eclipse, where the limit depends on it"),
        Field("message", "VARCHAR", "one line for people"),
        Field("t_store", "TIMESTAMPTZ", "when it was stored"),
        *SOURCE,
    ),
    ring=True,
)

FRAME = Table(
    "frame",
    "the ledger of what was stored, by identity: fleet, packet, chunk, seq, row0",
    (
        FLEET,
        Field("packet", "VARCHAR", "kind of packet"),
        Field("chunk", "INTEGER", "chunk of the fleet"),
        Field("seq", "BIGINT", "sequence number"),
        Field("row0", "INTEGER", "first row within the chunk"),
        Field("rows", "INTEGER", "rows it was sent with", "1"),
        Field("rows_dead", "INTEGER", "rows that went to the dead letters instead", "1"),
        Field("rows_duplicate", "INTEGER", "rows that had been taken before", "1"),
        Field("rows_late", "INTEGER", "rows older than the newest of their satellite", "1"),
        Field("rows_invalid", "INTEGER", "rows with a missing or impossible value", "1"),
        Field("t_event", "TIMESTAMPTZ", "event time"),
        Field("t_due", "TIMESTAMPTZ", "when it was due to be sent"),
        Field("t_append", "TIMESTAMPTZ", "when it reached the telemetry log"),
        *SOURCE,
    ),
    ring=True,
)

DEAD_LETTER = Table(
    "dead_letter",
    "what could not be taken; the bytes are in the topic twin.dlq.v1",
    (
        Field("ts", "TIMESTAMPTZ", "when the letter reached the log"),
        Field("reason", "VARCHAR", "short code"),
        Field("message", "VARCHAR", "one line for people"),
        Field("topic", "VARCHAR", "topic it came from"),
        Field("partition", "INTEGER", "partition it came from"),
        Field("offset", "BIGINT", "offset it came from"),
        Field("part", "INTEGER", "number among the letters of that offset"),
        Field("rows", "INTEGER", "rows concerned", "1"),
        Field("kept", "BOOLEAN", "the rows went on without the values that failed"),
        Field("length", "BIGINT", "size of the original", "byte"),
        Field("sha256", "VARCHAR", "hash of the original"),
    ),
    ring=True,
)

PIPELINE_1M = Table(
    "pipeline_1m",
    "what the historian stored in each minute of its own clock, how late, and how far behind",
    (
        Field("ts", "TIMESTAMPTZ", "start of the minute, store time"),
        Field("seconds", "FLOAT", "how much of the minute the historian saw", "s"),
        Field("rows", "BIGINT", "telemetry rows stored", "1"),
        Field("frames", "BIGINT", "frames that the latencies are of", "1"),
        Field("events", "BIGINT", "events stored", "1"),
        Field("dead_letters", "BIGINT", "dead letters stored", "1"),
        Field("rows_duplicated", "BIGINT", "rows that had been taken before", "1"),
        Field("records_repeated", "BIGINT", "records that the processors sent again", "1"),
        Field("records_refused", "BIGINT", "records that could not be read", "1"),
        Field("records_lost", "BIGINT", "records deleted from a log before being stored", "1"),
        Field("commits", "BIGINT", "transactions", "1"),
        Field("lag_records", "BIGINT", "records not yet stored, at the end of the minute", "1"),
        Field("lag_records_max", "BIGINT", "records not yet stored, most in the minute", "1"),
        Field("latency_p50_s", "FLOAT", "from due time to readable, median of frames", "s"),
        Field("latency_p95_s", "FLOAT", "from due time to readable, 95 % of frames", "s"),
        Field("latency_max_s", "FLOAT", "from due time to readable, slowest frame", "s"),
        Field("database_bytes", "BIGINT", "size of the database on disk", "byte"),
    ),
    ring=True,
)

INGEST_OFFSET = Table(
    "ingest_offset",
    "how far each partition is stored; written in the same transaction as the rows",
    (
        Field("topic", "VARCHAR", "Kafka topic"),
        Field("partition", "INTEGER", "its partition"),
        Field("next_offset", "BIGINT", "first offset that is not stored"),
        Field("window_offset", "BIGINT", "oldest offset that an open second or minute needs"),
        *SOURCE,
    ),
)

SOURCE_TOPIC = Table(
    "source_topic",
    "which Kafka topics history is of: a topic that was made anew has another id",
    (
        Field("topic", "VARCHAR", "Kafka topic"),
        Field("topic_id", "VARCHAR", "id that its cluster gave it"),
    ),
)

TABLE_VERSION = Table(
    "schema_version",
    "which layout this database has, and which database it is",
    (
        Field("version", "INTEGER", "version of the layout"),
        Field("application", "VARCHAR", "program that made the database"),
        Field("database_id", "VARCHAR", "made with the database; snapshots name it"),
        Field("t_created", "TIMESTAMPTZ", "when this version of the layout was made"),
    ),
)

PLAIN = (SATELLITE, PARAMETER, FORECAST_LATEST, INGEST_OFFSET, SOURCE_TOPIC, TABLE_VERSION)
RINGS = (
    SAT_RAW,
    FLEET_1S,
    FLEET_1M,
    SAT_1M,
    RESIDUAL_1M,
    ESTIMATE_1M,
    FORECAST,
    EVENT,
    FRAME,
    DEAD_LETTER,
    PIPELINE_1M,
)
