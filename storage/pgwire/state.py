"""Where one client's session stands: transaction, settings, prepared statements, open portals."""

from __future__ import annotations

import duckdb

from storage.lexer import Piece
from storage.pgwire import messages
from storage.pgwire.engine import Engine
from storage.pgwire.errors import SqlError
from storage.pgwire.execution import Planner
from storage.pgwire.portals import Portals
from storage.pgwire.rewrite import Context
from storage.pgwire.service import Service
from storage.pgwire.settings import SERVER_VERSION, Settings
from storage.pgwire.statements import Statements
from storage.pgwire.wire import Wire

_AFTER_ERROR = frozenset({"commit", "end", "rollback", "abort"})  # what a failed one takes


class State:
    """What the messages and commands of one session read and change."""

    def __init__(self, service: Service, wire: Wire, user: str, database: str, pid: int) -> None:
        self.service, self.wire, self.user = service, wire, user
        self.status = "I"  # or T, in a transaction; E, in a failed one
        self.savepoints: list[str] = []
        self.implicit = False  # one of several statements of a simple query: a transaction's part
        self.settings = Settings(user)
        self.engine = Engine(service, self.settings)
        context = Context(
            user=user,
            database=database,
            pid=pid,
            version=f"PostgreSQL {SERVER_VERSION} (orbitwin SQL door, DuckDB {duckdb.__version__})",
            setting=self.settings.get,
            set_config=lambda name, value, local: self.settings.set(name, value, local=local),
            settings=self.settings.rows,
        )
        self.planner = Planner(self.engine.planner, context, self.engine.watched)
        self.statements = Statements(self.engine, self.planner, service.limits.max_statements)
        self.portals = Portals(
            service, wire, self.settings, self.engine, self.planner, self.statements
        )

    def warn(self, sqlstate: str, text: str) -> None:
        """Send a warning with the answer."""
        self.wire.put(messages.notice(sqlstate, text))

    def refuse_after_error(self, piece: Piece | None) -> None:
        """Raise SqlError 25P02 in a failed transaction, unless the statement ends it."""
        if self.status == "E" and piece is not None and piece.word(0) not in _AFTER_ERROR:
            raise SqlError("25P02", "current transaction is aborted, commands ignored until end "
                           "of transaction block")  # fmt: skip

    def close(self) -> None:
        """Give everything back; the connection itself is the server's."""
        self.portals.close_all(held=True)
        self.engine.close()
