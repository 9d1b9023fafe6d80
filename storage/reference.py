"""The reference page of the tables, made from their definitions (Markdown)."""

from __future__ import annotations

from collections.abc import Iterable

from orbitwin import catalogue
from orbitwin.catalogue import Vehicle
from storage import tables
from storage.fleet_tables import FLEET_1M, FLEET_1S
from storage.measured import Measured
from storage.table import Field, Table

_ORDER = (
    tables.SATELLITE,
    tables.PARAMETER,
    tables.LATEST,
    FLEET_1S,
    FLEET_1M,
    tables.SAT_1M,
    tables.SAT_RAW,
    tables.RESIDUAL_1M,
    tables.ESTIMATE_1M,
    tables.FORECAST,
    tables.FORECAST_LATEST,
    tables.EVENT,
    tables.FRAME,
    tables.DEAD_LETTER,
    tables.PIPELINE_1M,
    tables.INGEST_OFFSET,
    tables.SOURCE_TOPIC,
    tables.TABLE_VERSION,
)


def page(vehicles: Iterable[Vehicle]) -> str:
    """Every table and column with type, unit and meaning; measured columns of `vehicles`."""
    measured = Measured()
    for vehicle in vehicles:
        measured.add(vehicle)
    parts = [
        "# Tables",
        "",
        "Made from storage/tables.py and the catalogue by `make docs`; do not edit. The same texts",
        "are the tables' comments (`\\d+ latest` in psql).",
        "",
        "Times are TIMESTAMPTZ in UTC; `ts` is event time. A value is rounded to its column's",
        "resolution, and NULL where it was missing or impossible. Tables marked *bounded* keep a",
        "row for a set time (`historian.*_retention_s`, by the time it was stored) and go by",
        "segments, the oldest first, when history is over `historian.disk_budget_gb`.",
    ]
    more = {
        tables.LATEST.name: measured.latest_fields(),
        tables.SAT_RAW.name: list(measured.fields.values()),
    }
    for table in _ORDER:
        parts += _table(table)
        if table.name in more:
            parts += ["", "Columns that the shipped vehicle types measure; a vehicle type of your"]
            parts += ["own adds its own:", "", *_rows(more[table.name])]
    return "\n".join(parts) + "\n"


def _table(table: Table) -> list[str]:
    bounded = " (*bounded*)" if table.ring else ""
    text = table.text[0].upper() + table.text[1:]
    return ["", f"## `{table.name}`{bounded}", "", f"{text}.", "", *_rows(table.fields)]


def _rows(fields: Iterable[Field]) -> list[str]:
    return [
        "| column | type | unit | meaning |",
        "|---|---|---|---|",
        *(
            f"| `{f.name}` | {f.type} | {f.unit} | {f.text.replace('|', chr(92) + '|')} |"
            for f in fields
        ),
    ]


if __name__ == "__main__":
    print(page([catalogue.load(name) for name in catalogue.shipped()]), end="")
