"""A vehicle type's TOML file: its shape, and the checks that turn it into a `Vehicle`."""

from __future__ import annotations

import re
from typing import Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from orbitwin.column import Column, storage_for
from orbitwin.expression import Expression
from orbitwin.spelling import did_you_mean
from orbitwin.toml_source import KeyPath, Lines, SourceError, line_of
from orbitwin.vehicle import (
    BEFORE,
    DERIVED,
    ENVIRONMENT,
    NOMINAL,
    QUANTITIES,
    RATE,
    SEVERITIES,
    SIGMA,
    STATE_PACKET,
    Battery,
    Channel,
    Limit,
    LimitOn,
    Packet,
    Signature,
    Vehicle,
)

_NAME = r"^[a-z][a-z0-9_]*$"
_RESERVED = {
    "sat_id",
    "name",
    "fleet",
    "vehicle",
    "shell",
    "plane",
    "slot",
    "ts",
    "t_event",
    "seq",
    "packet",
    "severity",
    "stale",
    "late",
    "flags",
    "t_event_us",
    "sunlit_flag",
    *DERIVED,
}


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class _Packet(_Strict):
    period_s: float = Field(gt=0)
    staggered: bool = False
    description: str = ""


class _Parameter(_Strict):
    packet: str
    unit: str
    resolution: float = Field(gt=0)
    range: tuple[float, float]
    description: str
    storage: str | None = None
    noise: float = Field(default=0.0, ge=0)
    aliases: tuple[str, ...] = ()
    values: dict[str, str] = Field(default_factory=dict)
    limits: tuple[Limit, ...] = ()


class _Derived(_Strict):
    resolution: float | None = Field(default=None, gt=0)
    limits: tuple[Limit, ...] = ()


class _Battery(_Strict):
    """Open-circuit voltage of one cell over its state of charge, and its resistance."""

    soc_ratio: tuple[float, ...]
    ocv_v: tuple[float, ...]
    resistance_ohm: float = Field(ge=0)


class _Channel(_Strict):
    predicted: str
    measured: str | None = None
    when: str | None = None
    learns: str | None = Field(default=None, pattern=_NAME)
    slope: str = "1"
    nominal: float = 0.0
    spread: float = Field(default=0.0, ge=0)
    drift_per_day: float = Field(default=0.0, ge=0)
    sigma: str = "0"
    slack: float = Field(default=1.0, gt=0)
    discrete: bool = False
    unit: str | None = None
    description: str = ""


class _Fault(_Strict):
    description: str
    severity: Literal["watch", "warning", "distress", "critical", "severe"] = "warning"
    signature: dict[str, float] | list[dict[str, float]] = Field(min_length=1)


class _Head(_Strict):
    name: str = Field(pattern=_NAME)
    title: str
    description: str = ""
    source: str = ""
    time_column: str | None = None
    time_unit: Literal["s", "ms", "us", "iso"] = "iso"


class File(_Strict):
    vehicle: _Head
    packet: dict[str, _Packet]
    parameter: dict[str, _Parameter]
    constant: dict[str, float] = Field(default_factory=dict)
    quantity: dict[str, str] = Field(default_factory=dict)
    battery: _Battery | None = None
    derived: dict[str, _Derived] = Field(default_factory=dict)
    model: dict[str, _Channel] = Field(default_factory=dict)
    fault: dict[str, _Fault] = Field(default_factory=dict)


class Checker:
    """Turns parsed TOML into a Vehicle; every complaint names the line it is about."""

    def __init__(self, file: str, lines: Lines) -> None:
        self.file = file
        self.lines = lines

    def fail(self, where: KeyPath, message: str) -> SourceError:
        return SourceError(self.file, line_of(self.lines, where), message)

    def vehicle(self, raw: File, text: str) -> Vehicle:
        self._names(raw)
        columns = {name: self._column(name, p) for name, p in raw.parameter.items()}
        packets = {
            name: Packet(
                name,
                p.period_s,
                p.staggered,
                p.description,
                tuple(columns[n] for n, q in raw.parameter.items() if q.packet == name),
            )
            for name, p in raw.packet.items()
        }
        for name, packet in packets.items():
            if not packet.columns:
                raise self.fail(("packet", name), f"packet {name!r} has no parameter")
        if not packets:
            raise self.fail(("packet",), "no packet: expected at least one [packet.NAME]")
        primary = min(packets.values(), key=lambda p: p.period_s)
        return Vehicle(
            name=raw.vehicle.name,
            title=raw.vehicle.title,
            description=raw.vehicle.description,
            source=raw.vehicle.source,
            text=text,
            time_column=raw.vehicle.time_column,
            time_unit=raw.vehicle.time_unit,
            packets=packets,
            derived=tuple(self._derived(n, raw.derived.get(n)) for n in DERIVED),
            constants=dict(raw.constant),
            quantities=self._quantities(raw, primary),
            battery=self._battery(raw.battery),
            limits=self._limits(raw, primary.name),
            channels=self._channels(raw, primary),
            signatures=self._signatures(raw),
            noise={n: p.noise for n, p in raw.parameter.items() if p.noise},
            aliases={a: n for n, p in raw.parameter.items() for a in p.aliases},
        )

    def _names(self, raw: File) -> None:
        for name, p in raw.parameter.items():
            where = ("parameter", name)
            if not re.match(_NAME, name):
                raise self.fail(where, f"{name!r}: expected lower case letters, digits and _")
            if name in _RESERVED:
                raise self.fail(where, f"{name!r} is a column of every table: choose another name")
            if p.packet not in raw.packet:
                raise self.fail(
                    (*where, "packet"),
                    f"packet {p.packet!r} is not declared; expected {' or '.join(raw.packet)}",
                )
        for name in raw.packet:
            if not re.match(_NAME, name) or name in (STATE_PACKET, "tick", "residual", "forecast"):
                raise self.fail(("packet", name), f"{name!r} cannot be the name of a packet")
        for name in raw.derived:
            if name not in DERIVED:
                raise self.fail(
                    ("derived", name),
                    f"no derived state {name!r}; expected one of {', '.join(DERIVED)}"
                    + did_you_mean(name, DERIVED),
                )
        seen: dict[str, str] = {}
        for name, p in raw.parameter.items():
            for alias in p.aliases:
                if alias in seen:
                    raise self.fail(
                        ("parameter", name, "aliases"), f"{alias!r} also names {seen[alias]!r}"
                    )
                seen[alias] = name

    def _column(self, name: str, p: _Parameter) -> Column:
        where = ("parameter", name)
        low, high = p.range
        if not low < high:
            raise self.fail((*where, "range"), f"range {low}..{high}: expected low < high")
        try:
            storage = p.storage or storage_for(low, high, p.resolution)
            column = Column(
                name,
                p.unit,
                p.resolution,
                storage,
                low,
                high,
                p.description,
                {int(k): v for k, v in p.values.items()},
            )
        except ValueError as error:
            raise self.fail(where, f"parameter {name!r}: {error}") from None
        if low < column.least or high > column.greatest:
            raise self.fail(
                (*where, "range"),
                f"range {low}..{high} does not fit {storage} at resolution {p.resolution} "
                f"({column.least:g}..{column.greatest:g}): expected a coarser resolution or a "
                "wider storage",
            )
        return column

    def _derived(self, name: str, override: _Derived | None) -> Column:
        unit, resolution, storage, text = DERIVED[name]
        if override is not None and override.resolution is not None:
            resolution = override.resolution
        return Column(name, unit, resolution, storage, -np.inf, np.inf, text, {})

    def _quantities(self, raw: File, primary: Packet) -> dict[str, Expression]:
        names = set(primary.by_name) | set(raw.constant)
        expressions = {}
        for name, text in raw.quantity.items():
            where = ("quantity", name)
            if name not in QUANTITIES:
                raise self.fail(
                    where,
                    f"no quantity {name!r}; expected one of {', '.join(QUANTITIES)}"
                    + did_you_mean(name, QUANTITIES),
                )
            try:
                expressions[name] = Expression(text, names)
            except ValueError as error:
                raise self.fail(where, f"quantity {name!r}: {error}") from None
        return expressions

    def _battery(self, raw: _Battery | None) -> Battery | None:
        if raw is None:
            return None
        soc, ocv = np.array(raw.soc_ratio), np.array(raw.ocv_v)
        if len(soc) != len(ocv) or len(soc) < 2:
            raise self.fail(("battery", "ocv_v"), "expected one ocv_v for each soc_ratio")
        if np.any(np.diff(soc) <= 0) or np.any(np.diff(ocv) <= 0):
            raise self.fail(("battery", "soc_ratio"), "expected soc_ratio and ocv_v to ascend")
        return Battery(soc, ocv, raw.resistance_ohm)

    def _channels(self, raw: File, primary: Packet) -> tuple[Channel, ...]:
        names = {
            *raw.parameter,
            *(f"{name}{BEFORE}" for name in primary.by_name),
            *(f"{name}{RATE}" for name in raw.parameter if name not in primary.by_name),
            *(c.learns for c in raw.model.values() if c.learns),
            *(c.learns + SIGMA for c in raw.model.values() if c.learns),
            *raw.constant,
            *NOMINAL,
            *ENVIRONMENT,
        }
        made = []
        for name, given in raw.model.items():
            where = ("model", name)
            parameter = raw.parameter.get(name)
            if parameter is None and (given.measured is None or given.unit is None):
                raise self.fail(
                    where,
                    f"{name!r} is no parameter: expected `measured` and `unit`"
                    + did_you_mean(name, raw.parameter),
                )

            def read(key: str, text: str, where: KeyPath = where) -> Expression:
                try:
                    return Expression(text, names)
                except ValueError as error:
                    raise self.fail((*where, key), f"{where[1]!r}, {key}: {error}") from None

            made.append(
                Channel(
                    name,
                    given.unit or (parameter.unit if parameter else ""),
                    given.description or (parameter.description if parameter else ""),
                    read("measured", given.measured or name),
                    read("predicted", given.predicted),
                    read("slope", given.slope),
                    read("sigma", given.sigma),
                    None if given.when is None else read("when", given.when),
                    given.learns,
                    given.nominal,
                    given.spread,
                    given.drift_per_day,
                    given.slack,
                    given.discrete,
                )
            )
        return tuple(made)

    def _signatures(self, raw: File) -> tuple[Signature, ...]:
        made = []
        for fault, given in raw.fault.items():
            several = given.signature if isinstance(given.signature, list) else [given.signature]
            for one in several:
                for name in one:
                    if name not in raw.model:
                        raise self.fail(
                            ("fault", fault, "signature"),
                            f"fault {fault!r}: no channel {name!r} in [model]"
                            + did_you_mean(name, raw.model),
                        )
                severity = SEVERITIES.index(given.severity)
                made.append(Signature(fault, given.description, severity, one))
        return tuple(made)

    def _limits(self, raw: File, primary: str) -> tuple[LimitOn, ...]:
        found = [
            (("parameter", n, "limits", i), LimitOn(n, p.packet, limit, False))
            for n, p in raw.parameter.items()
            for i, limit in enumerate(p.limits)
        ] + [
            (("derived", n, "limits", i), LimitOn(n, primary, limit, True))
            for n, d in raw.derived.items()
            for i, limit in enumerate(d.limits)
        ]
        for where, on in found:
            low, high = on.limit.below, on.limit.above
            if low is None and high is None:
                raise self.fail(where, f"a limit of {on.of!r}: expected below, above or both")
            if low is not None and high is not None and low >= high:
                raise self.fail(where, f"a limit of {on.of!r}: expected below < above")
            if on.limit.context != "any" and "sunlit" not in raw.quantity:
                raise self.fail(
                    where,
                    f"a limit of {on.of!r} has context {on.limit.context!r}: "
                    "expected [quantity] sunlit to be defined",
                )
        return tuple(on for _, on in found)
