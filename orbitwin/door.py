"""A client of the SQL door: PostgreSQL's wire protocol, one statement at a time."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from orbitwin.errors import OrbitwinError, UsageError

if TYPE_CHECKING:
    from pg8000.native import Connection

    from orbitwin.settings import Settings

CONNECT_TIMEOUT_S = 5.0


class SqlError(OrbitwinError):
    """A statement failed; `sqlstate` is PostgreSQL's code."""

    def __init__(self, sqlstate: str, message: str, hint: str = "") -> None:
        super().__init__(f"{sqlstate}: {message}" if sqlstate else message, hint)
        self.sqlstate = sqlstate


@dataclass(frozen=True)
class Answer:
    """What one statement gave: columns are empty for a statement that returns no rows."""

    columns: list[str] = field(default_factory=list)
    rows: Sequence[Sequence[Any]] = ()


class DoorSession:
    """Over PostgreSQL's wire protocol, to a running twin."""

    def __init__(self, host: str, port: int, user: str, database: str, password: str) -> None:
        self.where = f"{host}:{port}/{database}"
        self._options = {
            "user": user,
            "host": host,
            "port": port,
            "database": database,
            "password": password,
            "timeout": CONNECT_TIMEOUT_S,
            "application_name": "orbitwin sql",
        }
        self._connection: Connection | None = None
        self._connect()

    @classmethod
    def of(cls, settings: Settings, door: Mapping[str, Any]) -> DoorSession:
        """Connect to a door as the historian lists it in its /status."""
        password = password_of(settings, door)
        return cls(door["host"], int(door["port"]), door["user"], door["database"], password)

    def _connect(self) -> Connection:
        from pg8000.exceptions import DatabaseError, InterfaceError
        from pg8000.native import Connection

        if self._connection is not None:
            return self._connection
        try:
            connection = Connection(**self._options)
        except DatabaseError as error:
            raise _sql_error(error) from None
        except (InterfaceError, OSError) as error:
            raise OrbitwinError(
                f"the SQL door at {self.where} does not answer: {error}",
                "`orbitwin status` says how the historian is",
            ) from None
        connection._usock.settimeout(None)  # a query may take as long as the door lets it
        self._connection = connection
        return connection

    def run(self, statement: str) -> Answer:
        """Run one statement; SqlError where it fails, OrbitwinError where the door has gone."""
        from pg8000.exceptions import DatabaseError, InterfaceError

        connection = self._connect()
        try:
            # The simple protocol: no :name in the text is taken for a parameter.
            context = connection.execute_simple(statement)
        except DatabaseError as error:
            raise _sql_error(error) from None
        except (InterfaceError, OSError) as error:
            self.close()
            raise OrbitwinError(
                f"the SQL door at {self.where} closed the connection: {error}",
                "`orbitwin status` says how the historian is",
            ) from None
        except KeyboardInterrupt:
            self.close()  # the door ends the query of a client that has gone
            raise
        columns = [column["name"] for column in context.columns or ()]
        return Answer(columns, context.rows or ())

    def close(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            with contextlib.suppress(Exception):  # it may be half gone already
                connection.close()


def password_of(settings: Settings, door: Mapping[str, Any]) -> str:
    """The password of a door: the setting, else what stands in the door's file."""
    if settings.door.password is not None:
        return settings.door.password.get_secret_value()
    path = Path(door.get("password_file") or settings.door_password_file)
    try:
        return path.read_text(encoding="utf-8").strip()
    except OSError as error:
        raise UsageError(
            f"the door's password cannot be read from {path}: {error.strerror}",
            "set ORBITWIN_DOOR__PASSWORD, or run as the user who started the twin",
        ) from None


def _sql_error(error: Exception) -> SqlError:
    fields = error.args[0] if error.args and isinstance(error.args[0], dict) else {}
    message = " ".join(str(fields.get("M", error)).split())
    return SqlError(str(fields.get("C", "")), message, str(fields.get("H", "")))
