"""The columns of what vehicle types measure, which `sat_raw` and `latest` gain at run time."""

from __future__ import annotations

from orbitwin.catalogue import Vehicle
from orbitwin.column import Column
from storage.table import Field
from storage.tables import LATEST, SAT_RAW


def measured_type(column: Column) -> str:
    """SQL type of a measured column: FLOAT, or DOUBLE where 24 bits would lose codes."""
    wide = column.dtype.itemsize >= 4 and column.storage != "float32"
    return "DOUBLE" if wide else "FLOAT"


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
