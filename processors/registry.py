"""Who flies: the chunks of every fleet, as the fleet topic tells."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from orbitwin import contract, fleet
from orbitwin.catalogue import Vehicle
from orbitwin.column import Column
from orbitwin.fleet import Chunk

ColumnsOf = Mapping[str, Mapping[str, Sequence[Column]]]


@dataclass
class Registry:
    """Chunks by Kafka key. `version` grows with every change."""

    chunks: dict[bytes, Chunk] = field(default_factory=dict)
    version: int = 0
    _columns: dict[bytes, ColumnsOf] = field(default_factory=dict)
    _all: dict[str, Mapping[str, Sequence[Column]]] = field(default_factory=dict)

    def read(self, key: bytes, value: bytes | None) -> None:
        """Take a record of the fleet topic (no value: the chunk is gone); raises FrameError."""
        if not value:
            self.chunks.pop(key, None)
            self._columns.pop(key, None)
        else:
            known = {c.vehicle.name: c.vehicle for c in self.chunks.values()}
            self.add(fleet.decode(value, known))
        self.version += 1

    def add(self, chunk: Chunk) -> None:
        """Take a chunk, in place of the one of the same fleet and number."""
        vehicle: Vehicle = chunk.vehicle
        self.chunks[chunk.key] = chunk
        self._columns[chunk.key] = contract.columns_of({vehicle.name: vehicle})
        self._all |= contract.columns_of({vehicle.name: vehicle})
        self.version += 1

    def columns_of(self, key: bytes) -> ColumnsOf:
        """The columns to expect of frames with this key; of every vehicle if it is not known."""
        return self._columns.get(key, self._all)

    def of_partition(self, partition: int, partitions: int) -> dict[bytes, Chunk]:
        """The chunks that a partition carries, in the order of their keys."""
        return {
            key: chunk
            for key, chunk in sorted(self.chunks.items())
            if fleet.partition_of(chunk.fleet, chunk.number, partitions) == partition
        }
