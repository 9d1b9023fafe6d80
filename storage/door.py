"""The SQL door as the historian opens it: password, port, limits, and what `/status` says of it."""

from __future__ import annotations

import contextlib
import errno
import os
import secrets
import ssl
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb

from orbitwin.errors import BusyError, UsageError
from orbitwin.log import get
from orbitwin.settings import DOOR_DATABASE, DOOR_PORT, DoorSettings, Settings
from storage import admission
from storage.latest_view import LatestView
from storage.pgwire import Door, DoorLimits, install_catalogue

PASSWORD_BYTES = 18
PORTS_TRIED = 20  # above the default one, before any free port is taken

log = get(__name__)


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

    return _on_a_port(asked, made)


def describe(door: Door, settings: Settings) -> dict[str, Any]:
    """The door's entry in `/status`."""
    address = f"[{door.host}]" if ":" in door.host else door.host
    own = settings.door.password is None
    return {
        "name": "sql",
        "host": door.host,
        "port": door.port,
        "user": door.user,
        "database": door.database,
        "url": f"postgresql://{door.user}@{address}:{door.port}/{door.database}",
        "password_file": str(settings.door_password_file) if own else None,
    }


def _on_a_port(asked: DoorSettings, made: Callable[[int], Door]) -> Door:
    """The port that was asked for; where that is the default one and taken, the next free one."""
    ports = [asked.port]
    if asked.port == DOOR_PORT:
        ports += [*range(DOOR_PORT + 1, DOOR_PORT + PORTS_TRIED), 0]
    for port in ports:
        try:
            door = made(port)
        except OSError as error:
            if error.errno != errno.EADDRINUSE:
                raise UsageError(
                    f"the SQL door cannot listen on {asked.host}:{port}: {error.strerror or error}",
                    "set door.host and door.port",
                ) from None
            continue
        if port != asked.port:
            log.warning(f"port {asked.port} is taken: the SQL door is on {door.port}")
        return door
    raise BusyError(
        f"the SQL door's port {asked.host}:{asked.port} is taken",
        "set door.port to another one, or to 0 for a free one",
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


def _limits(asked: DoorSettings) -> DoorLimits:
    return DoorLimits(
        max_clients=asked.max_clients,
        max_portals=asked.max_cursors,
        max_rows=asked.max_rows,
        idle_timeout_s=asked.idle_timeout_s,
        statement_timeout_s=asked.statement_timeout_s,
        operator_memory=f"{asked.query_memory_mb}MB",
    )
