"""What the processors publish: state records, event batches and dead letters.

Every record names its source, the telemetry record it follows from, as (partition, offset,
part). Processing is a pure function of the log, so a worker that starts again publishes the same
records with the same sources; a reader that keeps the newest source of each partition and passes
over what is not newer has each record exactly once.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import IntFlag
from typing import Any

import pyarrow as pa

from orbitwin.catalogue import SEVERITIES, Vehicle
from orbitwin.column import Column
from orbitwin.ipc import SCHEMA_VERSION, FrameError, pack, unpack

SEVERITY = Column(
    "severity", "1", 1.0, "uint8", 0, 5, "worst severity of any limit", dict(enumerate(SEVERITIES))
)
FLAGS = Column("flags", "1", 1.0, "uint8", 0, 255, "bits of orbitwin.records.Flag")

RESIDUAL = "residual"
"""Packet of the state topic that compares the newest minute with the model, see
`residual_columns`."""

RESIDUAL_PARTS: dict[str, str] = {
    "measured": "as measured, mean over the minute",
    "predicted": "as the model of this satellite expects it",
    "sigma": "one standard deviation of what is expected",
    "z": "measured less expected, in sigmas",
    "nis": "mean square of z, 1 for a healthy satellite: normalised innovation squared",
    "inside": "share of the windows with |z| below 1.96; 0.95 where the model is consistent",
    "n": "windows that were judged",
}
"""What a residual record tells of each channel."""


FORECAST = "forecast"
"""Packet of the state topic that tells what the next orbit brings, see `FORECAST_COLUMNS`."""

COMPUTED = (RESIDUAL, FORECAST)
"""Packets that no spacecraft sent: they are no part of the newest state, nor of the ledger."""


class Flag(IntFlag):
    """Bits of the `flags` column of a state record."""

    STALE = 1
    """No packet for `stale_after` periods."""
    LATE = 2
    """The row is older than the newest one: archive it, leave the newest state alone."""
    SUNLIT = 4
    INVALID = 8
    """At least one value was missing or outside its valid range."""
    CLOCK = 16
    """The satellite's clock is suspect: rows with a time ahead of now were refused."""


@dataclass(frozen=True, order=True)
class Source:
    """The telemetry record that a record follows from; ordered within a partition."""

    partition: int
    offset: int
    part: int = 0


def extra_of(source: Source, t_append_us: int, *, derived: bool = False) -> dict[str, Any]:
    """`extra` of a state record that follows from no frame's rows: see `state_columns`."""
    return {
        "source": [source.partition, source.offset, source.part],
        "t_append_us": t_append_us,
        "derived": derived,
        "measured": False,
        "rows_dead": 0,
        "rows_duplicate": 0,
        "rows_late": 0,
        "rows_invalid": 0,
    }


def state_columns(vehicle: Vehicle, packet: str) -> tuple[Column, ...]:
    """Every column a state record of `packet` may carry: derived, severity, flags, measured.

    A state record is a `contract.Frame` of the same packet name. `extra` holds:
    `source` [partition, offset, part]; `t_append_us` (the source's log time); `derived` and
    `measured` (which groups of columns travel); `rows_dead`, `rows_duplicate`, `rows_late`,
    `rows_invalid` (of the source frame). Packet `tick` (staleness changed) carries the derived
    columns of the satellites concerned, with each row's own time, and is no measurement: it
    updates the newest state only.
    """
    if packet == RESIDUAL:
        return residual_columns(vehicle)
    if packet == FORECAST:
        return FORECAST_COLUMNS
    own = () if packet == "tick" else vehicle.packets[packet].columns
    return (*vehicle.derived, SEVERITY, FLAGS, *own)


def residual_columns(vehicle: Vehicle) -> tuple[Column, ...]:
    """Columns of a residual record: `CHANNEL/PART`, `LEARNT/estimate`, `LEARNT/estimate_sigma`.

    All float32, NaN where nothing was judged. `fault/code` is the verdict on the satellite (its
    `values` name the faults) and `fault/confidence` how sure it is, 0..1. `extra` is that of
    every state record, with neither derived nor measured columns; each row has its own time, the
    middle of the minute's last window.
    """
    units = {"z": "1", "nis": "1", "inside": "1", "n": "1"}
    made = [
        _real(f"{c.name}/{part}", units.get(part, c.unit), f"{c.name}: {text}")
        for c in vehicle.channels
        for part, text in RESIDUAL_PARTS.items()
    ]
    for name in estimates(vehicle):
        made.append(_real(f"{name}/estimate", "1", f"{name}, as learnt for this satellite"))
        made.append(_real(f"{name}/estimate_sigma", "1", f"{name}: standard deviation"))
    made.append(
        Column(FAULT_CODE, "1", 1.0, "uint8", 0, 254, "verdict", dict(enumerate(verdicts(vehicle))))
    )
    made.append(_real(FAULT_CONFIDENCE, "1", "confidence of the verdict, 0..1"))
    return tuple(made)


def estimates(vehicle: Vehicle) -> tuple[str, ...]:
    """What the model learns of a satellite: the channels' thetas, and its charge if counted."""
    names = [c.learns for c in vehicle.channels if c.learns]
    named = {n for c in vehicle.channels for e in (c.measured, c.predicted) for n in e.names}
    if named & {"charge_ratio", "rested_v", "rested_step_v"}:
        names.append(CHARGE)
    return tuple(dict.fromkeys(names))


CHARGE = "charge_ratio"
"""Name of the estimate of a battery's state of charge, 0..1."""

FAULT_CODE, FAULT_CONFIDENCE = "fault/code", "fault/confidence"

SENSOR_VERDICTS = ("sensor_stuck", "sensor_spike", "sensor_drift", "sensor_bias")


def verdicts(vehicle: Vehicle) -> tuple[str, ...]:
    """What `fault/code` stands for: none, the faults of the vehicle type's file, sensors'."""
    return ("none", *dict.fromkeys(s.fault for s in vehicle.signatures), *SENSOR_VERDICTS)


def _real(name: str, unit: str, description: str) -> Column:
    return Column(name, unit, 1.0, "float32", -math.inf, math.inf, description)


FORECAST_COLUMNS = tuple(
    _real(name, unit, text)
    for name, unit, text in (
        ("horizon_s", "s", "how far the forecast looks ahead: one orbit"),
        ("age_s", "s", "how old the state was that it began from"),
        ("coasting", "1", "begun from the state of a satellite that was stale: 1, else 0"),
        ("eclipse_entry_s", "s", "when the Earth's shadow is entered next"),
        ("eclipse_exit_s", "s", "when it is left next"),
        ("eclipse_sigma_s", "s", "one standard deviation of both times"),
        ("charge_min_ratio", "1", "least state of charge"),
        ("charge_min_ratio_low", "1", "least state of charge: 5 %"),
        ("charge_min_ratio_high", "1", "least state of charge: 95 %"),
        ("charge_min_s", "s", "when the state of charge is least"),
        ("chip_max_t_degc", "degC", "highest temperature of the hottest chip"),
        ("chip_max_t_degc_low", "degC", "highest temperature of the hottest chip: 5 %"),
        ("chip_max_t_degc_high", "degC", "highest temperature of the hottest chip: 95 %"),
        ("throttle_s", "s", "when chips begin to slow down for heat"),
        ("link_margin_min_db", "dB", "least margin of the weakest link"),
        ("link_margin_min_db_low", "dB", "least margin of the weakest link: 5 %"),
        ("link_margin_min_db_high", "dB", "least margin of the weakest link: 95 %"),
        ("link_outage_s", "s", "when the first link is lost"),
        ("saa_entry_s", "s", "when the South Atlantic Anomaly is entered next"),
        ("saa_exit_s", "s", "when it is left next"),
        ("dose_rad", "rad", "dose behind the payload's shielding, over the horizon"),
        ("dose_rad_low", "rad", "dose over the horizon: 5 %"),
        ("dose_rad_high", "rad", "dose over the horizon: 95 %"),
    )
)
"""Columns of a forecast record, all float32; times are seconds after the row's event time.

NaN: not within the horizon, or not known. `_low` and `_high` bound 90 %. `extra` is that of every
state record, with neither derived nor measured columns.
"""


def state_columns_of(vehicles: Mapping[str, Vehicle]) -> dict[str, dict[str, Sequence[Column]]]:
    """What `contract.decode` needs to read state records."""
    return {
        name: {p: state_columns(v, p) for p in (*v.packets, "tick", *COMPUTED)}
        for name, v in vehicles.items()
    }


EVENT_KINDS = (
    "limit",
    "invalid",
    "stale",
    "gap",
    "clock",
    "hole",
    "residual",
    "fault",
)
EVENT_STATES = ("raised", "eased", "cleared", "noted")

EVENT_SCHEMA = pa.schema(
    [
        pa.field("sat_id", pa.int64()),  # null for an event of a partition (a hole)
        pa.field("t_event_us", pa.int64()),
        pa.field("kind", pa.string()),  # EVENT_KINDS
        pa.field("state", pa.string()),  # EVENT_STATES
        pa.field("parameter", pa.string()),  # column it is about, or null
        pa.field("severity", pa.uint8()),  # now
        pa.field("severity_before", pa.uint8()),
        pa.field("value", pa.float64()),  # engineering units, or null
        pa.field("limit", pa.float64()),  # the bound that was crossed, or null
        pa.field("unit", pa.string()),
        pa.field("context", pa.string()),  # sunlit, eclipse or null
        pa.field("message", pa.string()),
    ]
)
"""Columns of an event batch; order within the batch is the event's index."""


@dataclass(frozen=True)
class EventBatch:
    """Events that follow from one telemetry record."""

    fleet: str
    vehicle: str
    chunk: int
    source: Source
    t_append_us: int
    events: pa.RecordBatch


def encode_events(batch: EventBatch) -> bytes:
    """An event batch as an Arrow IPC stream (value of a record of the events topic)."""
    meta = {
        "fleet": batch.fleet,
        "vehicle": batch.vehicle,
        "chunk": batch.chunk,
        "source": [batch.source.partition, batch.source.offset, batch.source.part],
        "t_append_us": batch.t_append_us,
    }
    return pack(batch.events.cast(EVENT_SCHEMA), meta)


def decode_events(value: bytes) -> EventBatch:
    """A record of the events topic; raises FrameError."""
    events, meta = unpack(value)
    try:
        return EventBatch(
            meta["fleet"],
            meta["vehicle"],
            meta["chunk"],
            Source(*meta["source"]),
            meta["t_append_us"],
            events.replace_schema_metadata(None).cast(EVENT_SCHEMA),
        )
    except (pa.ArrowException, LookupError, TypeError, ValueError) as error:
        raise FrameError("malformed", f"not a record of the events topic: {error}") from None


MAX_LETTER_BYTES = 1_000_000
"""A longer original travels as its first bytes, with its length and SHA-256 in the headers."""


def letter_headers(
    reason: str,
    message: str,
    topic: str,
    source: Source,
    t_append_us: int,
    *,
    rows: int,
    length: int,
    sha256: str,
    kept: bool,
) -> list[tuple[str, bytes]]:
    """Headers of a dead letter: why, from where, and of how many rows.

    `kept` tells that the rows themselves went on, without the values that failed.
    """
    values = {
        "v": SCHEMA_VERSION,
        "reason": reason,
        "message": message[:500],
        "topic": topic,
        "partition": source.partition,
        "offset": source.offset,
        "t_append_us": t_append_us,
        "rows": rows,
        "length": length,
        "sha256": sha256,
        "kept": int(kept),
    }
    return [(name, str(value).encode()) for name, value in values.items()]
