"""The tables of history: every column once, with its type, unit and meaning.

DDL, SQL comments and docs/tables.md derive from here; what a vehicle type measures comes from the
catalogue. Bounded tables are rings of segments (storage/segments.py): readers see one view a ring.

`ts` is event time, TIMESTAMPTZ in UTC. A value is stored rounded to its column's resolution; one
that is missing or invalid is NULL.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from orbitwin.catalogue import DERIVED, SEVERITIES, Vehicle
from orbitwin.column import Column
from orbitwin.records import EVENT_KINDS, FORECAST_COLUMNS

SCHEMA_VERSION = 1

SEVERITY_TYPE = "severity"
PLANES_PER_BLOCK = 16
"""Neighbouring planes that the fleet's rollups keep apart: fewer rows, and still a map."""

SUMMED = ("power_margin_w", "job_throughput_tops")
"""Derived states whose sum over satellites means something."""


@dataclass(frozen=True)
class Field:
    """A column of a table. `unit` is empty where there is none."""

    name: str
    type: str
    text: str
    unit: str = ""

    @property
    def comment(self) -> str:
        return f"{self.text} [{self.unit}]" if self.unit else self.text


@dataclass(frozen=True)
class Table:
    """A table or view. Of a ring, `select` is what the view makes of all segments together."""

    name: str
    text: str
    fields: tuple[Field, ...]
    ring: bool = False
    select: str = "*"
    group_by: str = ""
    stored: tuple[Field, ...] = ()  # columns of the segments where the view's differ

    @property
    def columns(self) -> tuple[Field, ...]:
        """The columns that are written."""
        return self.stored or self.fields

    def with_fields(self, more: Iterable[Field]) -> Table:
        return Table(self.name, self.text, (*self.fields, *more), self.ring, self.select)


def derived_fields(suffix: str = "", text: str = "") -> list[Field]:
    return [
        Field(name + suffix, _derived_type(name), text + described, unit)
        for name, (unit, _, _, described) in DERIVED.items()
    ]


def _derived_type(name: str) -> str:
    # 32-bit codes do not fit a FLOAT's 24 bits.
    return "DOUBLE" if DERIVED[name][2] in ("int32", "uint32") else "FLOAT"


def measured_type(column: Column) -> str:
    """SQL type of a measured column: FLOAT, or DOUBLE where 24 bits would lose codes."""
    wide = column.dtype.itemsize >= 4 and column.storage != "float32"
    return "DOUBLE" if wide else "FLOAT"


_SAT_ID = Field("sat_id", "BIGINT", "satellite number, unique over all fleets")
_FLEET = Field("fleet", "VARCHAR", "fleet the satellite belongs to")
_SHELL = Field("shell", "VARCHAR", "orbital shell")
_SEVERITY = Field("severity", SEVERITY_TYPE, "worst severity of any limit, worst last")

_PLACE = (
    _SAT_ID,
    Field("name", "VARCHAR", "the satellite's name"),
    _FLEET,
    Field("vehicle", "VARCHAR", "vehicle type, see `parameter`"),
    _SHELL,
    Field("plane", "INTEGER", "orbital plane within the shell"),
    Field("slot", "INTEGER", "place within the plane"),
)

SATELLITE = Table(
    "satellite",
    "who flies, as the producers told",
    (
        *_PLACE,
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
        *_PLACE,
        Field("t_event", "TIMESTAMPTZ", "event time of the newest packet that gave the state"),
        Field("t_received", "TIMESTAMPTZ", "when that packet reached the log"),
        Field("seq", "BIGINT", "sequence number of that packet"),
        _SEVERITY,
        Field("stale", "BOOLEAN", "no packet for several periods"),
        Field("sunlit", "BOOLEAN", "the Sun lights the satellite"),
        Field("invalid", "BOOLEAN", "a value of the newest packet was missing or impossible"),
        *derived_fields(),
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
        _SAT_ID,
        Field("packet", "VARCHAR", "kind of packet"),
        Field("seq", "BIGINT", "sequence number within the kind"),
        Field("late", "BOOLEAN", "arrived after a newer packet of the satellite"),
        _SEVERITY,
        Field("flags", "UTINYINT", "bits: 1 stale, 2 late, 4 sunlit, 8 invalid, 16 clock suspect"),
        *derived_fields(),
    ),
    ring=True,
)

SAT_1M = Table(
    "sat_1m",
    "each satellite's derived states over each minute",
    (
        Field("ts", "TIMESTAMPTZ", "start of the minute, event time"),
        _SAT_ID,
        Field("samples", "INTEGER", "packets in the minute", "1"),
        Field("severity", SEVERITY_TYPE, "worst severity in the minute"),
        *(
            field
            for mean, low, high in zip(
                derived_fields("_mean", "mean: "),
                derived_fields("_min", "least: "),
                derived_fields("_max", "greatest: "),
                strict=True,
            )
            for field in (mean, low, high)
        ),
    ),
    ring=True,
)


RESIDUAL_1M = Table(
    "residual_1m",
    "what each satellite measured against what its model expected, over each minute",
    (
        Field("ts", "TIMESTAMPTZ", "start of the minute, event time"),
        _SAT_ID,
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
        Field("ts", "TIMESTAMPTZ", "start of the minute, event time"),
        _SAT_ID,
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
        _SAT_ID,
        *(_forecast_field(column) for column in FORECAST_COLUMNS),
    ),
    ring=True,
)

FORECAST_LATEST = Table(
    "forecast_latest", "the newest row of `forecast` of each satellite", FORECAST.fields
)


def _fleet_table(name: str, what: str, count_type: str, count_text: str) -> Table:
    """A rollup by group. Segments hold a part a chunk, which add up; the view adds them up."""
    keys = (
        Field("ts", "TIMESTAMPTZ", f"start of the {what}, event time"),
        _FLEET,
        _SHELL,
        Field("plane_block", "INTEGER", f"plane divided by {PLANES_PER_BLOCK}"),
    )
    counts = tuple(
        Field(n, count_type, text + count_text, "1")
        for n, text in (
            ("satellites", "satellites of the group"),
            ("reporting", "of these, with a packet in the second"),
            ("stale", "of these, stale"),
            ("sunlit", "of these, lit by the Sun"),
            *((s, f"of these, not stale and of severity {s}") for s in SEVERITIES),
        )
    )
    stored: list[Field] = []
    shown: list[Field] = []
    select = ["ts", "fleet", "shell", "plane_block"]
    select += [f"CAST(sum({f.name}) AS {count_type}) AS {f.name}" for f in counts]
    for d, (unit, _, _, text) in DERIVED.items():
        kind = _derived_type(d)
        stored += [
            Field(f"{d}_n", "INTEGER", "values in the sum"),
            Field(f"{d}_sum", "DOUBLE", f"sum: {text}", unit),
            Field(f"{d}_min", kind, f"least: {text}", unit),
            Field(f"{d}_max", kind, f"greatest: {text}", unit),
        ]
        shown += [
            Field(f"{d}_mean", kind, f"mean over satellites that are not stale: {text}", unit),
            Field(f"{d}_min", kind, f"least: {text}", unit),
            Field(f"{d}_max", kind, f"greatest: {text}", unit),
        ]
        select += [
            f"CAST(sum({d}_sum) / nullif(sum({d}_n), 0) AS {kind}) AS {d}_mean",
            f"min({d}_min) AS {d}_min",
            f"max({d}_max) AS {d}_max",
        ]
        if d in SUMMED:
            shown.append(Field(f"{d}_sum", "DOUBLE", f"sum over satellites: {text}", unit))
            select.append(f"sum({d}_sum / seconds) AS {d}_sum")
    return Table(
        name,
        f"the fleet by shell and block of {PLANES_PER_BLOCK} planes, each {what}",
        (*keys, *counts, *shown),
        ring=True,
        select=", ".join(select),
        group_by="ts, fleet, shell, plane_block",
        stored=(
            *keys[:2],
            Field("chunk", "INTEGER", "chunk of the fleet that gave this part"),
            *keys[2:],
            Field("seconds", "INTEGER", "seconds in the sums"),
            *counts,
            *stored,
        ),
    )


FLEET_1S = _fleet_table("fleet_1s", "second", "INTEGER", "")
FLEET_1M = _fleet_table("fleet_1m", "minute", "FLOAT", ", mean over the minute's seconds")


def minute_of_seconds(source: str, keys: str, low_us: int, high_us: int) -> str:
    """SQL that folds the seconds in `source` to minutes; `keys` holds (minute, fleet, chunk).

    All minutes lie in `low_us`..`high_us` (UTC us): what is older need not be looked at.
    """
    made = ["k.minute AS ts", "s.fleet", "s.chunk", "s.shell", "s.plane_block"]
    made.append("CAST(sum(s.seconds) AS INTEGER) AS seconds")
    names = {f.name for f in FLEET_1M.fields} & {
        "satellites", "reporting", "stale", "sunlit", *SEVERITIES
    }  # fmt: skip
    made += [
        f"CAST(avg(s.{f.name}) AS FLOAT) AS {f.name}" for f in FLEET_1M.fields if f.name in names
    ]
    for d in DERIVED:
        made += [
            f"CAST(sum(s.{d}_n) AS INTEGER) AS {d}_n",
            f"sum(s.{d}_sum) AS {d}_sum",
            f"min(s.{d}_min) AS {d}_min",
            f"max(s.{d}_max) AS {d}_max",
        ]
    return (
        f"SELECT {', '.join(made)} FROM {source} s JOIN {keys} k ON s.fleet = k.fleet "
        "AND s.chunk = k.chunk AND time_bucket(INTERVAL 1 MINUTE, s.ts) = k.minute "
        f"WHERE s.ts >= make_timestamptz({low_us}) AND s.ts < make_timestamptz({high_us}) "
        "GROUP BY k.minute, s.fleet, s.chunk, s.shell, s.plane_block "
        "ORDER BY k.minute, s.fleet, s.chunk, s.shell, s.plane_block"
    )


_SOURCE = (
    Field("source_partition", "INTEGER", "telemetry partition it follows from"),
    Field("source_offset", "BIGINT", "telemetry offset it follows from"),
    Field("source_part", "INTEGER", "number among the records that follow from that one"),
)

EVENT = Table(
    "event",
    "limit crossings, staleness, gaps: what happened to whom, and when",
    (
        Field("event_id", "VARCHAR", "partition-offset-part-index of its source: unique"),
        Field("ts", "TIMESTAMPTZ", "event time"),
        _SAT_ID,
        Field("name", "VARCHAR", "the satellite's name"),
        _FLEET,
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
        *_SOURCE,
    ),
    ring=True,
)

FRAME = Table(
    "frame",
    "the ledger of what was stored, by identity: fleet, packet, chunk, seq, row0",
    (
        _FLEET,
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
        *_SOURCE,
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
        *_SOURCE,
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


class Measured:
    """Columns of what every registered vehicle type measures: same name, unit and type.

    A parameter whose name an earlier vehicle uses with another unit or type gets the vehicle's
    name behind its own; so does one named like a column that the table has anyway.
    """

    def __init__(self) -> None:
        self.fields: dict[str, Field] = {}
        self._names: dict[tuple[str, str], str] = {}

    def add(self, vehicle: Vehicle) -> list[Field]:
        """Register a vehicle type; returns the columns that are new."""
        new = []
        for column in vehicle.parameters.values():
            field = Field(column.name, measured_type(column), column.description, column.unit)
            name = column.name
            if not self._fits(field):
                name = f"{column.name}_{vehicle.name}"
                field = Field(name, field.type, field.text, field.unit)
            self._names[vehicle.name, column.name] = name
            if name not in self.fields:
                self.fields[name] = field
                new.append(field)
        return new

    def column(self, vehicle: str, parameter: str) -> str:
        """The column that holds a parameter of a vehicle type."""
        return self._names[vehicle, parameter]

    def _fits(self, field: Field) -> bool:
        if any(field.name == own.name for own in SAT_RAW.fields):
            return False
        known = self.fields.get(field.name)
        return known is None or (known.unit, known.type) == (field.unit, field.type)

    def latest_fields(self) -> list[Field]:
        """The measured columns of `latest`: all but those it has in a canonical form."""
        own = {f.name for f in LATEST.fields}
        return [f for f in self.fields.values() if f.name not in own]


# --- SQL ---------------------------------------------------------------------


def name(text: str) -> str:
    """An identifier, quoted."""
    return '"' + text.replace('"', '""') + '"'


def literal(text: str) -> str:
    """A string, quoted."""
    return "'" + text.replace("'", "''") + "'"


def create(table: str, fields: Sequence[Field]) -> str:
    columns = ", ".join(f"{name(f.name)} {f.type}" for f in fields)
    return f"CREATE TABLE IF NOT EXISTS {table} ({columns})"


def comments(table: Table, kind: str = "TABLE") -> list[str]:
    """COMMENT ON statements of a table or view (`kind`) and each of its columns."""
    made = [f"COMMENT ON {kind} {name(table.name)} IS {literal(table.text)}"]
    return made + [
        f"COMMENT ON COLUMN {name(table.name)}.{name(f.name)} IS {literal(f.comment)}"
        for f in table.fields
    ]


def latest_view(names: Sequence[str], frame: str) -> str:
    """The view `latest` of the columns `names` on an Arrow table registered as `frame`."""
    columns = ", ".join(
        f"CAST(severity AS {SEVERITY_TYPE}) AS severity" if n == "severity" else name(n)
        for n in names
    )
    return f"CREATE OR REPLACE VIEW {LATEST.name} AS SELECT {columns} FROM {frame}"
