"""Which subsystem a measured parameter belongs to, for the sections of a dashboard.

The catalogue does not say so itself; what a parameter feeds does, and else its unit.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from orbitwin.catalogue import Packet, Vehicle
from orbitwin.column import Column
from orbitwin.vehicle import Channel

SUBSYSTEMS = ("power", "thermal", "links", "compute", "navigation", "health")

_BY_UNIT = {
    **dict.fromkeys(("W", "mW", "Wh", "J", "V", "mV", "A", "mA", "Ah", "mAh"), "power"),
    **dict.fromkeys(("degC", "K", "kg/s"), "thermal"),
    **dict.fromkeys(("dBm", "dB", "Gbps", "Mbps", "urad"), "links"),
    **dict.fromkeys(("TOPS", "TFLOPS"), "compute"),
    **dict.fromkeys(("m", "km", "m/s", "km/s", "deg", "deg/s"), "navigation"),
}
_BY_QUANTITY = {
    "available_w": "power",
    "demand_w": "power",
    "battery_cell_v": "power",
    "battery_cell_a": "power",
    "headroom_k": "thermal",
    "link_margin_db": "links",
    "links_up_ratio": "links",
    "fec_ratio": "links",
    "work_tops": "compute",
    "redone_ratio": "compute",
    "rated_tops": "compute",
}


@dataclass(frozen=True)
class Group:
    """Parameters of one packet that share a subsystem and an axis."""

    subsystem: str
    packet: Packet
    unit: str
    columns: tuple[Column, ...]


def subsystem_of(vehicle: Vehicle, column: Column) -> str:
    """One of SUBSYSTEMS: by the unit, else by the quantity that the parameter gives."""
    if column.unit in _BY_UNIT:
        return _BY_UNIT[column.unit]
    for quantity, expression in vehicle.quantities.items():
        if column.name in expression.names and quantity in _BY_QUANTITY:
            return _BY_QUANTITY[quantity]
    return "health"


def channel_subsystem(vehicle: Vehicle, channel: Channel) -> str:
    """The subsystem of a relation: that of the parameter it is about, else of its unit."""
    if channel.name.startswith("nav_"):
        return "navigation"
    names = (channel.name, *channel.measured.names)
    column = next((vehicle.parameters[n] for n in names if n in vehicle.parameters), None)
    return subsystem_of(vehicle, column) if column else _BY_UNIT.get(channel.unit, "health")


def fault_subsystem(vehicle: Vehicle, fault: str) -> str:
    """The subsystem of a fault: that of the relation in which it shows most."""
    directions = [s.channels for s in vehicle.signatures if s.fault == fault]
    largest = max(directions[0], key=lambda name: abs(directions[0][name]))
    return next(channel_subsystem(vehicle, c) for c in vehicle.channels if c.name == largest)


def groups(vehicle: Vehicle) -> Iterator[Group]:
    """Groups of parameters in the order of SUBSYSTEMS, then of the catalogue.

    A count stands alone: counts differ by orders of magnitude and share no axis.
    """
    found: dict[tuple[str, str, str], list[Column]] = {}
    for packet in vehicle.packets.values():
        for column in packet.columns:
            if column.values:
                continue  # a state, not a quantity
            axis = "ratio" if column.unit == "1" and column.name.endswith("_ratio") else column.unit
            axis = f"1 {column.name}" if axis == "1" else axis
            found.setdefault((subsystem_of(vehicle, column), packet.name, axis), []).append(column)
    for (subsystem, packet_name, _), columns in sorted(
        found.items(), key=lambda item: SUBSYSTEMS.index(item[0][0])
    ):
        yield Group(subsystem, vehicle.packets[packet_name], columns[0].unit, tuple(columns))
