"""The PostgreSQL-wire door: psql, Grafana, psycopg and the like read the twin through it."""

from storage.pgwire.catalogue import install_catalogue
from storage.pgwire.server import Door
from storage.pgwire.service import DoorLimits

__all__ = ["Door", "DoorLimits", "install_catalogue"]
