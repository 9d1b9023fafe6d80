"""Columns that several tables have: who, where, how bad, from which record, derived states."""

from __future__ import annotations

from orbitwin.catalogue import DERIVED
from storage.table import Field

SEVERITY_TYPE = "severity"

SAT_ID = Field("sat_id", "BIGINT", "satellite number, unique over all fleets")
NAME = Field("name", "VARCHAR", "the satellite's name")
FLEET = Field("fleet", "VARCHAR", "fleet the satellite belongs to")
SHELL = Field("shell", "VARCHAR", "orbital shell")
SEVERITY = Field("severity", SEVERITY_TYPE, "worst severity of any limit, worst last")
MINUTE = Field("ts", "TIMESTAMPTZ", "start of the minute, event time")

PLACE = (
    SAT_ID,
    NAME,
    FLEET,
    Field("vehicle", "VARCHAR", "vehicle type, see `parameter`"),
    SHELL,
    Field("plane", "INTEGER", "orbital plane within the shell"),
    Field("slot", "INTEGER", "place within the plane"),
)
"""Who a satellite is, and where it flies."""

SOURCE = (
    Field("source_partition", "INTEGER", "telemetry partition it follows from"),
    Field("source_offset", "BIGINT", "telemetry offset it follows from"),
    Field("source_part", "INTEGER", "number among the records that follow from that one"),
)
"""The record that a row follows from."""


def _derived(state: str, suffix: str = "", text: str = "") -> Field:
    unit, _, dtype, described = DERIVED[state]
    # 32-bit codes do not fit a FLOAT's 24 bits.
    kind = "DOUBLE" if dtype in ("int32", "uint32") else "FLOAT"
    return Field(state + suffix, kind, text + described, unit)


DERIVED_STATES = tuple(_derived(state) for state in DERIVED)
"""The derived states of a satellite."""


def spread(state: str, mean: str) -> tuple[Field, Field, Field]:
    """Mean, least and greatest of a derived state; `mean` says what the mean is over."""
    return (
        _derived(state, "_mean", f"{mean}: "),
        _derived(state, "_min", "least: "),
        _derived(state, "_max", "greatest: "),
    )
