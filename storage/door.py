"""The SQL doors as the historian opens them: password, ports, limits, what `/status` says of them.

The PostgreSQL door is the one with the walls; the Flight door is a second entrance to it.
"""

from __future__ import annotations

import contextlib
import errno
import os
import secrets
import ssl
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import duckdb

from orbitwin.errors import BusyError, UsageError
from orbitwin.log import get
from orbitwin.settings import Settings
from orbitwin.settings_groups import DOOR_DATABASE, DOOR_FLIGHT_PORT, DOOR_PORT, DoorSettings
from storage import admission
from storage.flight import FlightDoor
from storage.latest_view import LatestView
from storage.pgwire import Door, DoorLimits, install_catalogue

PASSWORD_BYTES = 18
PORTS_TRIED = 20  # above the default one, before any free port is taken

log = get(__name__)
Opened = TypeVar("Opened", Door, FlightDoor)


@dataclass(frozen=True)
class Doors:
    """The doors that are open on one database."""

    sql: Door
    flight: FlightDoor | None

    def stop(self) -> None:
        """Close them; safe to call twice."""
        if self.flight is not None:
            self.flight.stop()
        self.sql.stop()

    def describe(self, settings: Settings) -> list[dict[str, Any]]:
        """Their entries in `/status`."""
        found = [describe(self.sql, settings)]
        if self.flight is not None:
            scheme = "grpc+tls" if self.flight.encrypted else "grpc"
            address = _address(self.flight.host)
            found.append(
                {
                    **found[0],
                    "name": "flight",
                    "port": self.flight.port,
                    "url": f"{scheme}://{address}:{self.flight.port}",
                }
            )
        return found


def open_doors(
    settings: Settings, connection: duckdb.DuckDBPyConnection, latest: LatestView
) -> Doors:
    """Open what the settings ask for; raises as `open_door` does."""
    sql = open_door(settings, connection, latest)
    if not settings.door.flight:
        return Doors(sql, None)
    asked = settings.door
    password = _password(settings)

    def made(port: int) -> FlightDoor:
        return FlightDoor(sql, password, host=asked.host, port=port, tls=_pem(asked))

    try:
        flight = _on_a_port("Flight", asked.host, asked.flight_port, DOOR_FLIGHT_PORT, made)
    except BaseException:
        sql.stop()
        raise
    return Doors(sql, flight)


def open_door(
    settings: Settings, connection: duckdb.DuckDBPyConnection, latest: LatestView
) -> Door:
    """Open the door on the database of `connection`, which is closed to all but SQL by this.

    Raises BusyError where the port that was asked for is taken, UsageError where TLS files or
    the password file cannot be used.
    """
    install_catalogue(connection, user=settings.door.user, database=DOOR_DATABASE)
    admission.harden(connection, None)
    asked = settings.door
    password = _password(settings)
    tls = _tls(asked)

    def made(port: int) -> Door:
        door = Door(
            connection.cursor,
            host=asked.host,
            port=port,
            user=asked.user,
            password=password,
            database=DOOR_DATABASE,
            limits=_limits(asked),
            refresh=latest.attach,
            tls=tls,
        )
        door.start()
        return door

    return _on_a_port("SQL", asked.host, asked.port, DOOR_PORT, made)


def describe(door: Door, settings: Settings) -> dict[str, Any]:
    """The door's entry in `/status`."""
    own = settings.door.password is None
    return {
        "name": "sql",
        "host": door.host,
        "port": door.port,
        "user": door.user,
        "database": door.database,
        "url": f"postgresql://{door.user}@{_address(door.host)}:{door.port}/{door.database}",
        "password_file": str(settings.door_password_file) if own else None,
    }


def _address(host: str) -> str:
    """A host as it stands in a URL."""
    return f"[{host}]" if ":" in host else host


def _on_a_port(
    name: str, host: str, asked: int, default: int, made: Callable[[int], Opened]
) -> Opened:
    """The port that was asked for; where that is the default one and taken, the next free one."""
    key = "door.port" if default == DOOR_PORT else "door.flight_port"
    ports = [asked]
    if asked == default:
        ports += [*range(default + 1, default + PORTS_TRIED), 0]
    for port in ports:
        try:
            door = made(port)
        except OSError as error:
            if error.errno != errno.EADDRINUSE:
                raise UsageError(
                    f"the {name} door cannot listen on {host}:{port}: {error.strerror or error}",
                    f"set door.host and {key}",
                ) from None
            continue
        if port != asked:
            log.warning(f"port {asked} is taken: the {name} door is on {door.port}")
        return door
    raise BusyError(
        f"the {name} door's port {host}:{asked} is taken",
        f"set {key} to another one, or to 0 for a free one",
    )


def _password(settings: Settings) -> str:
    """The password that is set, else the one in the data directory; made at the first start."""
    if settings.door.password is not None:
        return settings.door.password.get_secret_value()
    path = settings.door_password_file
    try:
        with contextlib.suppress(FileExistsError):
            _write_new(path, secrets.token_urlsafe(PASSWORD_BYTES))
        os.chmod(path, 0o600)
        password = path.read_text(encoding="utf-8").strip()
    except OSError as error:
        raise UsageError(
            f"cannot use {path}: {error.strerror or error}", "mend its permissions"
        ) from None
    if not password:
        raise UsageError(f"{path} is empty", "delete it: a new password is made then")
    return password


def _write_new(path: Path, text: str) -> None:
    """Make the file whole or not at all, never readable by others. FileExistsError."""
    part = path.with_name(f"{path.name}.{os.getpid()}.tmp")
    descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text + "\n")
        os.link(part, path)
    finally:
        part.unlink(missing_ok=True)


def _tls(asked: DoorSettings) -> ssl.SSLContext | None:
    if asked.tls_certfile is None:
        return None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    try:
        context.load_cert_chain(asked.tls_certfile, asked.tls_keyfile)
    except (OSError, ssl.SSLError) as error:
        raise UsageError(
            f"the SQL door's certificate cannot be used: {error}",
            "check door.tls_certfile and door.tls_keyfile",
        ) from None
    return context


def _pem(asked: DoorSettings) -> tuple[bytes, bytes] | None:
    """The same certificate and key as gRPC takes them; `_tls` has told what is wrong with them."""
    if asked.tls_certfile is None or asked.tls_keyfile is None:
        return None
    return asked.tls_certfile.read_bytes(), asked.tls_keyfile.read_bytes()


def _limits(asked: DoorSettings) -> DoorLimits:
    return DoorLimits(
        max_clients=asked.max_clients,
        max_clients_per_address=asked.max_clients_per_address,
        max_portals=asked.max_cursors,
        max_rows=asked.max_rows,
        idle_timeout_s=asked.idle_timeout_s,
        statement_timeout_s=asked.statement_timeout_s,
        operator_memory=f"{asked.query_memory_mb}MB",
    )
