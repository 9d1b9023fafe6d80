"""The Arrow Flight SQL door: ADBC, polars, pandas, Spark and JDBC take columns through it."""

from storage.flight.server import FlightDoor

__all__ = ["FlightDoor"]
