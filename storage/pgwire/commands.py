"""Statements that the session answers itself: settings, transactions, cursors, housekeeping.

Nothing here reaches DuckDB. A reader's transactions are no-ops with PostgreSQL's tags and
status bytes: each SELECT reads one snapshot of its own, as PostgreSQL's READ COMMITTED does.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from storage.lexer import Piece, split
from storage.pgwire.errors import SqlError
from storage.pgwire.execution import Result, Table

if TYPE_CHECKING:
    from storage.pgwire.session import Session


@dataclass(frozen=True, slots=True)
class Answer:
    """What a command answers: its tag, and rows if it has any; a portal fetches by itself."""

    tag: str
    rows: Result | None = None
    portal: tuple[str, int] | None = None  # FETCH: the cursor's name and how many rows


_AFTER_ERROR = frozenset({"commit", "end", "rollback", "abort"})  # what a failed one takes


def is_command(piece: Piece) -> bool:
    """Whether the session answers this statement."""
    return piece.word(0) in _COMMANDS


def allowed_after_error(piece: Piece) -> bool:
    return piece.word(0) in _AFTER_ERROR


def columns(session: Session, piece: Piece) -> Result | None:
    """The columns that Describe shows for a command, without running it."""
    if piece.word(0) == "show":
        names = ["name", "setting", "description"] if piece.word(1) == "all" else [
            session.settings.show(_setting_name(piece, 1))[0]
        ]
        return Table(names, [])
    return None


def run(session: Session, piece: Piece) -> Answer:
    """Run a command. Raises SqlError."""
    return _COMMANDS[piece.word(0)](session, piece)


# -- transactions -------------------------------------------------------------------------------


def _begin(session: Session, piece: Piece) -> Answer:
    if session.status != "I":
        session.warn("25001", "there is already a transaction in progress")
    else:
        session.settings.begin_transaction()
    session.status = "T"
    return Answer("START TRANSACTION" if piece.word(0) == "start" else "BEGIN")


def _commit(session: Session, piece: Piece) -> Answer:
    if piece.word(1) == "prepared":
        raise SqlError("42704", "there are no prepared transactions")
    return _end(session, piece, "ROLLBACK" if session.status == "E" else "COMMIT")


def _rollback(session: Session, piece: Piece) -> Answer:
    if piece.word(1) == "prepared":
        raise SqlError("42704", "there are no prepared transactions")
    if "to" in (piece.word(1), piece.word(2)):
        name = piece.tokens[-1].folded
        if name not in session.savepoints:
            raise _no_savepoint(session, name)
        del session.savepoints[session.savepoints.index(name) + 1 :]
        session.status = "T"
        return Answer("ROLLBACK")
    return _end(session, piece, "ROLLBACK")


def _end(session: Session, piece: Piece, tag: str) -> Answer:
    words = [token.folded for token in piece.tokens]
    chain = words[-1] == "chain" and "no" not in words
    if session.status == "I":
        if chain:
            raise SqlError("25P01", f"{tag} AND CHAIN can only be used in transaction blocks")
        session.warn("25P01", "there is no transaction in progress")
    session.status = "I"
    session.savepoints.clear()
    session.settings.end_transaction(rolled_back=tag == "ROLLBACK")
    session.portals.close_all()
    if chain:
        session.settings.begin_transaction()
        session.status = "T"
    return Answer(tag)


def _savepoint(session: Session, piece: Piece) -> Answer:
    if session.status == "I":
        raise SqlError("25P01", "SAVEPOINT can only be used in transaction blocks")
    session.savepoints.append(piece.word(1))
    return Answer("SAVEPOINT")


def _release(session: Session, piece: Piece) -> Answer:
    name = piece.tokens[-1].folded
    if session.status == "I":
        raise SqlError("25P01", "RELEASE SAVEPOINT can only be used in transaction blocks")
    if name not in session.savepoints:
        raise _no_savepoint(session, name)
    del session.savepoints[session.savepoints.index(name) :]
    return Answer("RELEASE")


def _no_savepoint(session: Session, name: str) -> SqlError:
    if session.status == "I":
        return SqlError("25P01", "ROLLBACK TO SAVEPOINT can only be used in transaction blocks")
    return SqlError("3B001", f'savepoint "{name}" does not exist')


# -- settings -----------------------------------------------------------------------------------


def _setting_name(piece: Piece, at: int) -> str:
    """The name after SET, SHOW or RESET, with the ones of several words."""
    words = [piece.word(n) for n in range(at, at + 3)]
    if words[:2] == ["time", "zone"]:
        return "TimeZone"
    if words == ["transaction", "isolation", "level"]:
        return "transaction_isolation"
    if words[:2] == ["session", "authorization"]:
        return "session_authorization"
    name = words[0]
    while piece.word(at + 1) == ".":
        name, at = f"{name}.{piece.word(at + 2)}", at + 2
    if not name:
        raise SqlError("42601", "syntax error at end of input")
    return name


def _set(session: Session, piece: Piece) -> Answer:
    at = 1
    local = piece.word(at) == "local"
    if piece.word(at) in ("local", "session") and piece.word(at + 1) != "authorization":
        at += 1
    word = piece.word(at)
    if word == "transaction" or (word == "characteristics" and piece.word(at + 1) == "as"):
        if word == "transaction" and session.status == "I":
            session.warn("25P01", "SET TRANSACTION can only be used in transaction blocks")
        return Answer("SET")
    if word == "constraints":
        return Answer("SET CONSTRAINTS")
    if word == "role" or (word == "session" and piece.word(at + 1) == "authorization"):
        name = piece.tokens[-1].value
        if name.lower() not in ("none", "default", session.user.lower()):
            raise SqlError("42501", f'permission denied to set role "{name}"')
        return Answer("SET")
    name = _setting_name(piece, at)
    at += {"TimeZone": 2}.get(name, 1) if word == "time" else 1 + 2 * name.count(".")
    if piece.word(at) in ("to", "="):
        at += 1
    elif word not in ("time", "names"):
        raise SqlError("42601", f'syntax error at or near "{piece.word(at) or name}"')
    values = [token for token in piece.tokens[at:] if token.text != ","]
    if not values:
        raise SqlError("42601", "syntax error at end of input")
    if word == "time" and values[0].folded == "interval" and len(values) > 1:
        # INTERVAL '+02:00' HOUR TO MINUTE: hours to the east, where a text's sign is POSIX's
        values = [values[1]]
        if found := re.fullmatch(r"\s*([+-]?\d+)(?::?00)*\s*", values[0].value):
            session.settings.set(name, found[1], local=local)
            return Answer("SET")
    sign = "-" if values[0].text == "-" else ""
    value = ", ".join(token.value for token in values if token.text != "-")
    if local and session.status == "I" and not session.implicit:
        session.warn("25P01", "SET LOCAL can only be used in transaction blocks")
    else:
        session.settings.set(name, sign + value, local=local)
    return Answer("SET")


def _show(session: Session, piece: Piece) -> Answer:
    if piece.word(1) == "all":
        if len(piece.tokens) > 2:
            raise SqlError("42601", f'syntax error at or near "{piece.tokens[2].text}"',
                           position=piece.start + piece.tokens[2].start + 1)  # fmt: skip
        rows = [[name, value, ""] for name, value in session.settings.rows()]
        return Answer("SHOW", Table(["name", "setting", "description"], rows))
    name, value = session.settings.show(_setting_name(piece, 1))
    return Answer("SHOW", Table([name], [[value]]))


def _reset(session: Session, piece: Piece) -> Answer:
    if piece.word(1) == "all":
        session.settings.reset_all()
    elif piece.word(1) not in ("role", "session"):
        session.settings.reset(_setting_name(piece, 1))
    return Answer("RESET")


def _discard(session: Session, piece: Piece) -> Answer:
    what = piece.word(1)
    if what not in ("all", "plans", "temp", "temporary", "sequences"):
        raise SqlError("42601", f'syntax error at or near "{what}"')
    if what == "all":
        if session.status != "I":
            raise SqlError("25001", "DISCARD ALL cannot run inside a transaction block")
        session.settings.reset_all()
        session.portals.close_all()
    if what in ("all", "plans"):
        session.statements.clear()
    return Answer(f"DISCARD {what.upper()}")


# -- prepared statements and cursors --------------------------------------------------------------


def _prepare(session: Session, piece: Piece) -> Answer:
    """PREPARE name [(types)] AS statement."""
    name, at = piece.word(1), 2
    oids: list[int] = []
    if piece.word(at) == "(":
        end = next((n for n in range(at, len(piece.tokens)) if piece.word(n) == ")"), -1)
        if end < 0:
            raise SqlError("42601", "syntax error at end of input")
        oids = session.type_oids(piece.sql[piece.tokens[at].end : piece.tokens[end].start])
        at = end + 1
    if piece.word(at) != "as" or at + 1 >= len(piece.tokens):
        raise SqlError("42601", f'syntax error at or near "{piece.word(at)}"')
    if name in session.statements:
        raise SqlError("42P05", f'prepared statement "{name}" already exists')
    session.prepare(name, split(piece.sql[piece.tokens[at + 1].start :])[0], oids)
    return Answer("PREPARE")


def _deallocate(session: Session, piece: Piece) -> Answer:
    name = piece.word(2) if piece.word(1) == "prepare" else piece.word(1)
    if name == "all":
        session.statements.clear()
        return Answer("DEALLOCATE ALL")
    if name not in session.statements:
        raise SqlError("26000", f'prepared statement "{name}" does not exist')
    del session.statements[name]
    return Answer("DEALLOCATE")


def _declare(session: Session, piece: Piece) -> Answer:
    """DECLARE name [options] CURSOR [WITH | WITHOUT HOLD] FOR query."""
    at = next((n for n, t in enumerate(piece.tokens) if t.kind == "word" and t.folded == "for"), 0)
    if not at or at + 1 >= len(piece.tokens):
        raise SqlError("42601", "syntax error at end of input: DECLARE name CURSOR FOR query")
    words = [token.folded for token in piece.tokens[:at]]
    hold = "hold" in words and "without" not in words
    if session.status == "I" and not hold and not session.implicit:
        raise SqlError("25P01", "DECLARE CURSOR can only be used in transaction blocks")
    if "scroll" in words and "no" not in words:
        raise SqlError("0A000", "scrollable cursors are not supported: FETCH goes forward")
    query = split(piece.sql[piece.tokens[at + 1].start :])[0]
    session.declare(
        piece.word(1), query, hold, forward_only="scroll" in words, binary="binary" in words
    )
    return Answer("DECLARE CURSOR")


def _fetch(session: Session, piece: Piece) -> Answer:
    """FETCH [NEXT | FORWARD] [n | ALL] [FROM | IN] name, and MOVE."""
    count, at = 1, 1
    while at < len(piece.tokens) - 1:
        word = piece.word(at)
        if word == "all":
            count = 0
        elif word.isdigit():
            count = int(word)
            if count == 0:
                count = -1  # FETCH 0 is the row again
        elif word not in ("next", "forward", "from", "in"):
            raise SqlError("55000", "cursor can only scan forward")
        at += 1
    name = piece.word(len(piece.tokens) - 1)
    session.portals.get(name)
    return Answer(piece.word(0).upper(), portal=(name, count))


def _close(session: Session, piece: Piece) -> Answer:
    name = piece.word(1)
    if name == "all":
        session.portals.close_all(held=True)
        return Answer("CLOSE CURSOR ALL")
    session.portals.get(name)
    session.portals.close(name)
    return Answer("CLOSE CURSOR")


def _listen(session: Session, piece: Piece) -> Answer:
    """LISTEN is taken, since clients that are refused it try for ever: nothing will be heard."""
    if piece.word(0) == "notify":
        raise SqlError("0A000", "NOTIFY is not supported: nobody is told here")
    return Answer(piece.word(0).upper())


def _copy(session: Session, piece: Piece) -> Answer:
    return session.copy(piece)


_COMMANDS: dict[str, Callable[[Session, Piece], Answer]] = {
    "begin": _begin,
    "start": _begin,
    "commit": _commit,
    "end": _commit,
    "rollback": _rollback,
    "abort": _rollback,
    "savepoint": _savepoint,
    "release": _release,
    "set": _set,
    "show": _show,
    "reset": _reset,
    "discard": _discard,
    "prepare": _prepare,
    "deallocate": _deallocate,
    "declare": _declare,
    "fetch": _fetch,
    "move": _fetch,
    "close": _close,
    "listen": _listen,
    "notify": _listen,
    "unlisten": _listen,
    "copy": _copy,
}
