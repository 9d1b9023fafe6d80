"""The catalogue: what a vehicle type measures, and what its measurements mean.

A vehicle type is one TOML file (see `orbitwin/vehicles/`), what Yamcs and XTCE call a mission
database. It lists the packets a spacecraft sends, every parameter once with its unit,
resolution, valid range and limits, and how the parameters give the quantities from which the
four derived states follow. Codecs, tables, SQL comments, reference pages and dashboards all
derive from it; a user adds a spacecraft by writing such a file, with no Python.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import cached_property
from importlib import resources
from pathlib import Path
from typing import Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from orbitwin.column import Column, storage_for
from orbitwin.errors import UsageError
from orbitwin.expression import Expression
from orbitwin.spelling import did_you_mean
from orbitwin.toml_source import KeyPath, Lines, SourceError, line_of, parse, read_text, validate

SEVERITIES = ("normal", "watch", "warning", "distress", "critical", "severe")
"""Severities as in XTCE (OMG formal/18-12-01, AlarmType), worst last; their index is the code."""

MAX_PERSISTENCE = 16
"""Samples of violation history kept for each satellite and limit."""

STATE_PACKET = "state"

QUANTITIES: dict[str, str] = {
    "available_w": "electrical power the arrays give to the bus (W)",
    "demand_w": "electrical power the spacecraft draws (W)",
    "battery_cell_v": "terminal voltage of one battery cell (V)",
    "battery_cell_a": "current into one battery cell, positive when charging (A)",
    "headroom_k": "the least distance of any node from its temperature limit (K)",
    "link_margin_db": "received power above the receiver's sensitivity (dB)",
    "links_up_ratio": "share of the optical terminals that hold a link (0..1)",
    "fec_ratio": "corrected errors as a share of what the code can correct (0..1)",
    "work_tops": "operations done in the last second (TOPS)",
    "redone_ratio": "share of that work which repeats rolled-back steps (0..1)",
    "rated_tops": "operations a second the spacecraft is rated for (TOPS)",
    "sunlit": "whether the Sun lights the spacecraft (true or false)",
}
"""What a vehicle's `[quantity]` table may define; a quantity that it leaves out is unknown."""

DERIVED: dict[str, tuple[str, float, str, str]] = {
    # name: unit, resolution, storage, description
    "power_margin_w": ("W", 0.01, "int32", "power available less power demanded"),
    "state_of_charge_ratio": ("1", 1e-4, "uint16", "charge in the battery, 0 empty to 1 full"),
    "thermal_headroom_k": ("K", 0.01, "int16", "least distance of a node from its limit"),
    "link_health_ratio": ("1", 1e-4, "uint16", "health of the links, 0 none to 1 good"),
    "link_margin_db": ("dB", 0.01, "int16", "received power above sensitivity"),
    "job_throughput_tops": ("TOPS", 0.01, "int32", "useful work after rollback"),
    "goodput_ratio": ("1", 1e-4, "uint16", "useful work as a share of the rated work"),
}
"""The derived states that every vehicle type has: columns of the state packet and of `latest`."""

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


class Limit(_Strict):
    """A limit on a parameter or derived state: violated outside `below`..`above`."""

    severity: Literal["watch", "warning", "distress", "critical", "severe"]
    below: float | None = None
    above: float | None = None
    context: Literal["any", "sunlit", "eclipse"] = "any"
    persistence: int = Field(default=1, ge=1, le=MAX_PERSISTENCE)

    @property
    def severity_code(self) -> int:
        return SEVERITIES.index(self.severity)


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


class _Head(_Strict):
    name: str = Field(pattern=_NAME)
    title: str
    description: str = ""
    source: str = ""
    time_column: str | None = None
    time_unit: Literal["s", "ms", "us", "iso"] = "iso"


class _File(_Strict):
    vehicle: _Head
    packet: dict[str, _Packet]
    parameter: dict[str, _Parameter]
    constant: dict[str, float] = Field(default_factory=dict)
    quantity: dict[str, str] = Field(default_factory=dict)
    battery: _Battery | None = None
    derived: dict[str, _Derived] = Field(default_factory=dict)


@dataclass(frozen=True)
class Packet:
    """A packet: the columns that travel together, and how often."""

    name: str
    period_s: float
    staggered: bool
    description: str
    columns: tuple[Column, ...]

    @cached_property
    def by_name(self) -> dict[str, Column]:
        return {c.name: c for c in self.columns}

    @property
    def bytes_per_row(self) -> int:
        return sum(c.dtype.itemsize for c in self.columns)


@dataclass(frozen=True)
class LimitOn:
    """A limit together with the column that it watches and the packet that brings it."""

    of: str
    packet: str
    limit: Limit
    derived: bool


@dataclass(frozen=True)
class Battery:
    """Cell curve: `ocv_v[k]` at `soc_ratio[k]`, both ascending, and resistance (ohm)."""

    soc_ratio: np.ndarray
    ocv_v: np.ndarray
    resistance_ohm: float


@dataclass(frozen=True)
class Vehicle:
    """A vehicle type, checked. `text` is the file it came from, as published to the fleet topic."""

    name: str
    title: str
    description: str
    source: str
    text: str
    time_column: str | None
    time_unit: str
    packets: dict[str, Packet]
    derived: tuple[Column, ...]
    constants: dict[str, float]
    quantities: dict[str, Expression]
    battery: Battery | None
    limits: tuple[LimitOn, ...]
    aliases: dict[str, str] = field(default_factory=dict)

    @cached_property
    def primary(self) -> Packet:
        """The packet with the shortest period: it drives the derived states and staleness."""
        return min(self.packets.values(), key=lambda p: p.period_s)

    @cached_property
    def parameters(self) -> dict[str, Column]:
        """Every measured column by name, in the file's order."""
        return {c.name: c for p in self.packets.values() for c in p.columns}

    @cached_property
    def state(self) -> Packet:
        """The layout of the state packet: the derived columns."""
        return Packet(STATE_PACKET, self.primary.period_s, False, "derived state", self.derived)

    def columns_of(self, packet: str) -> tuple[Column, ...]:
        """Columns of a packet by name; `state` gives the derived columns."""
        if packet == STATE_PACKET:
            return self.derived
        return self.packets[packet].columns


def shipped() -> dict[str, Path]:
    """Vehicle types that come with the product, by name."""
    folder = Path(str(resources.files("orbitwin"))) / "vehicles"
    return {p.stem: p for p in sorted(folder.glob("*.toml"))}


def load(name_or_path: str | Path) -> Vehicle:
    """Load a vehicle type by the name of a shipped one or the path of a TOML file.

    Raises SourceError (file, line, what was expected) on any mistake.
    """
    known = shipped()
    path = known.get(str(name_or_path), Path(name_or_path))
    if not path.is_file():
        raise UsageError(
            f"{name_or_path}: no such vehicle type or file{did_you_mean(str(name_or_path), known)}",
            f"shipped are {', '.join(known)}; a file of your own works too",
        )
    return loads(read_text(path), str(path))


def loads(text: str, file: str = "<vehicle>") -> Vehicle:
    """Check a vehicle type's TOML text; errors name `file` and the line."""
    values, lines = parse(text, file)
    return _Checker(file, lines).vehicle(validate(_File, values, lines, file), text)


class _Checker:
    """Turns parsed TOML into a Vehicle; every complaint names the line it is about."""

    def __init__(self, file: str, lines: Lines) -> None:
        self.file = file
        self.lines = lines

    def fail(self, where: KeyPath, message: str) -> SourceError:
        return SourceError(self.file, line_of(self.lines, where), message)

    def vehicle(self, raw: _File, text: str) -> Vehicle:
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
            aliases={a: n for n, p in raw.parameter.items() for a in p.aliases},
        )

    def _names(self, raw: _File) -> None:
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
            if not re.match(_NAME, name) or name in (STATE_PACKET, "tick"):
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

    def _quantities(self, raw: _File, primary: Packet) -> dict[str, Expression]:
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

    def _limits(self, raw: _File, primary: str) -> tuple[LimitOn, ...]:
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
