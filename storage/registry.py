"""Who flies: the chunks and vehicle types that the fleet topic told of."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import orjson
import pyarrow as pa

from orbitwin import fleet
from orbitwin.catalogue import STATE_PACKET, Vehicle
from orbitwin.column import Column
from orbitwin.fleet import Chunk
from orbitwin.records import state_columns_of
from storage.measured import Measured
from storage.tables import PARAMETER

Key = tuple[str, int]
"""(fleet, number of the chunk)."""


class Registry:
    """Chunks by key, vehicle types by name. `version` grows with every change."""

    def __init__(self) -> None:
        self.chunks: dict[Key, Chunk] = {}
        self.vehicles: dict[str, Vehicle] = {}
        self.measured = Measured()
        self.columns: Mapping[str, Mapping[str, Sequence[Column]]] = {}
        self.version = 0

    def add(self, value: bytes) -> Chunk | None:
        """Take a record of the fleet topic; the chunk if it is new or changed. FrameError.

        A fleet that changes its size is cut into chunks anew: those of its former size go.
        """
        chunk = fleet.decode(value, self.vehicles)
        key = (chunk.fleet, chunk.number)
        known = self.chunks.get(key)
        if known is not None and _same(known, chunk):
            return None
        self.chunks = {
            k: c for k, c in self.chunks.items() if k[0] != chunk.fleet or c.size == chunk.size
        }
        self.chunks[key] = chunk
        if self.vehicles.get(chunk.vehicle.name) is not chunk.vehicle:
            self.vehicles[chunk.vehicle.name] = chunk.vehicle
            self.measured.add(chunk.vehicle)
            self.columns = state_columns_of(self.vehicles)
        self.version += 1
        return chunk

    def ordered(self) -> list[Chunk]:
        """All chunks by fleet and number: the order of `latest` and `satellite`."""
        return [self.chunks[key] for key in sorted(self.chunks)]

    def places(self) -> dict[str, pa.Array]:
        """The columns that tell who a satellite is, over all chunks in order."""
        chunks = self.ordered()

        def each(values: list[str]) -> pa.Array:
            return _repeated(values, [c.rows for c in chunks])

        return {
            "sat_id": _numbers([c.sat_id for c in chunks], pa.int64()),
            "name": pa.array([n for c in chunks for n in c.name], pa.string()),
            "fleet": each([c.fleet for c in chunks]),
            "vehicle": each([c.vehicle.name for c in chunks]),
            "shell": pa.array([s for c in chunks for s in c.shell], pa.string()),
            "plane": _numbers([c.plane for c in chunks], pa.int32()),
            "slot": _numbers([c.slot for c in chunks], pa.int32()),
        }

    def satellites(self) -> pa.Table:
        """The rows of the table `satellite`."""
        chunks = self.ordered()
        numbers = [np.full(c.rows, c.number) for c in chunks]
        return pa.table(
            self.places()
            | {
                "chunk": _numbers(numbers, pa.int32()),
                "row": _numbers([np.arange(c.rows) for c in chunks], pa.int32()),
            }
        )

    def parameters(self) -> pa.Table:
        """The rows of the table `parameter`."""
        made = []
        for name, vehicle in sorted(self.vehicles.items()):
            for packet in (*vehicle.packets.values(), vehicle.state):
                for column in packet.columns:
                    derived = packet.name == STATE_PACKET
                    made.append(
                        {
                            "vehicle": name,
                            "packet": packet.name,
                            "name": column.name,
                            "column_name": (
                                column.name if derived else self.measured.column(name, column.name)
                            ),
                            "unit": column.unit,
                            "resolution": column.resolution,
                            "low": column.low,
                            "high": column.high,
                            "period_s": packet.period_s,
                            "description": column.description,
                            "limits": _limits(vehicle, column.name),
                            "values": _values(column),
                        }
                    )
        kinds = {"DOUBLE": pa.float64()}
        schema = pa.schema([(f.name, kinds.get(f.type, pa.string())) for f in PARAMETER.fields])
        return pa.Table.from_pylist(made, schema=schema)


def _same(one: Chunk, other: Chunk) -> bool:
    return (
        one.size == other.size
        and one.vehicle.text == other.vehicle.text
        and np.array_equal(one.sat_id, other.sat_id)
        and one.name == other.name
        and one.shell == other.shell
        and np.array_equal(one.plane, other.plane)
        and np.array_equal(one.slot, other.slot)
    )


def _limits(vehicle: Vehicle, parameter: str) -> str:
    found = [on.limit.model_dump(exclude_none=True) for on in vehicle.limits if on.of == parameter]
    return orjson.dumps(found).decode()


def _values(column: Column) -> str | None:
    if not column.values:
        return None
    return orjson.dumps({str(k): v for k, v in column.values.items()}).decode()


def _numbers(parts: list[np.ndarray], kind: pa.DataType) -> pa.Array:
    return pa.array(np.concatenate(parts) if parts else np.empty(0), kind)


def _repeated(values: list[str], counts: list[int]) -> pa.Array:
    """Each value as often as told, as a dictionary: one copy of each text."""
    names = sorted(set(values))
    code = np.repeat([names.index(v) for v in values], counts).astype(np.int32)
    return pa.DictionaryArray.from_arrays(code, pa.array(names, pa.string()))
