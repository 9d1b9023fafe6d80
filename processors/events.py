"""Events: what changed, as columns; a block for each kind, not an object for each satellite."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from orbitwin.catalogue import SEVERITIES
from orbitwin.records import EVENT_SCHEMA, EventBatch, Source, encode_events
from processors.limits import Check

NORMAL = 0
SEVERITY_OF = {
    "stale": SEVERITIES.index("warning"),
    "invalid": SEVERITIES.index("watch"),
    "gap": SEVERITIES.index("watch"),
    "clock": SEVERITIES.index("warning"),
    "hole": SEVERITIES.index("warning"),
    "residual": SEVERITIES.index("watch"),
}
"""Severity of the kinds that have no limit of their own to say it."""


@dataclass
class Events:
    """Events that follow from one record, in the order in which they were added."""

    blocks: list[pa.RecordBatch] = field(default_factory=list)

    def __len__(self) -> int:
        return sum(block.num_rows for block in self.blocks)

    def add(
        self,
        kind: str,
        sat_id: np.ndarray | None,
        t_event_us: np.ndarray,
        *,
        state: np.ndarray | str,
        severity: np.ndarray | int,
        before: np.ndarray | int,
        message: pa.Array | str,
        parameter: str | None = None,
        value: np.ndarray | None = None,
        limit: np.ndarray | None = None,
        unit: str | None = None,
        context: np.ndarray | None = None,
    ) -> None:
        """Events of one kind about N satellites; an array is of shape (N,), a scalar for all."""
        rows = len(t_event_us)
        if not rows:
            return
        given = {
            "sat_id": sat_id,
            "t_event_us": t_event_us,
            "kind": kind,
            "state": state,
            "parameter": parameter,
            "severity": severity,
            "severity_before": before,
            "value": value,
            "limit": limit,
            "unit": unit,
            "context": context,
            "message": message,
        }
        columns = [_column(given[f.name], f.type, rows) for f in EVENT_SCHEMA]
        self.blocks.append(pa.RecordBatch.from_arrays(columns, schema=EVENT_SCHEMA))

    def add_flag(
        self,
        kind: str,
        sat_id: np.ndarray,
        t_event_us: np.ndarray,
        state: str,
        message: np.ndarray | str,
    ) -> None:
        """Events about N satellites (N,) of a kind of SEVERITY_OF, which is cleared or not."""
        level = SEVERITY_OF[kind]
        self.add(
            kind,
            sat_id,
            t_event_us,
            state=state,
            severity=NORMAL if state == "cleared" else level,
            before=level if state == "cleared" else NORMAL,
            message=message,
        )

    def encode(
        self, fleet: str, vehicle: str, chunk: int, source: Source, t_append_us: int
    ) -> bytes:
        """All of them as the value of a record of the events topic."""
        rows = pa.Table.from_batches(self.blocks).combine_chunks().to_batches()[0]
        return encode_events(EventBatch(fleet, vehicle, chunk, source, t_append_us, rows))


def _column(value: object, kind: pa.DataType, rows: int) -> pa.Array:
    if isinstance(value, pa.Array):
        return value.cast(kind)
    if isinstance(value, np.ndarray):
        missing = np.isnan(value) if value.dtype.kind == "f" else None
        return pa.array(value, type=kind, mask=missing)
    return pa.repeat(pa.scalar(value, type=kind), rows)


def limit_events(
    events: Events,
    checks: list[Check],
    sat_id: np.ndarray,
    t_event_us: np.ndarray,
    codes: np.ndarray,
    before: np.ndarray,
    after: np.ndarray,
) -> None:
    """Events of satellites whose severity of one column changed (all of shape (N,)).

    `checks` are the column's limits. The limit that an event names is the one whose severity
    now holds, or for a clearance the one that held.
    """
    column = checks[0].column
    value = np.round(np.float64(column.resolution) * codes, 9)
    value[column.is_missing(codes)] = np.nan
    bound = np.full(len(codes), np.nan)
    context = np.full(len(codes), None, dtype=object)
    about = np.where(after > NORMAL, after, before)
    for check in checks:
        of = about == check.severity
        if not of.any():
            continue
        low = np.nan if check.below is None else check.below
        high = np.nan if check.above is None else check.above
        # The bound that was crossed is the nearer one: beyond a bound, the way to it is < 0.
        nearer_low = ~(high - value[of] < value[of] - low)
        bound[of] = np.where(np.isnan(low), high, np.where(np.isnan(high) | nearer_low, low, high))
        context[of] = {None: None, 0: "eclipse", 1: "sunlit"}[check.context]
    state = np.where(after > before, "raised", np.where(after > NORMAL, "eased", "cleared")).astype(
        object
    )
    unit = "" if column.unit == "1" else f" {column.unit}"
    text = pc.binary_join_element_wise(
        pa.repeat(column.name, len(codes)),
        pc.fill_null(pc.cast(_column(value, pa.float64(), len(codes)), pa.string()), "unknown"),
        pa.repeat(f"{unit}, limit", len(codes)),
        pc.fill_null(pc.cast(_column(bound, pa.float64(), len(codes)), pa.string()), "none"),
        " ",
    )
    events.add(
        "limit",
        sat_id,
        t_event_us,
        state=state,
        severity=after,
        before=before,
        message=pc.replace_substring(text, pattern=f" {unit}, limit", replacement=f"{unit}, limit"),
        parameter=column.name,
        value=value,
        limit=bound,
        unit=column.unit,
        context=context,
    )
