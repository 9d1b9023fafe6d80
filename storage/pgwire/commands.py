"""Statements that a session answers itself: settings, transactions, cursors, housekeeping.

Nothing here reaches DuckDB. A reader's transactions are no-ops with PostgreSQL's tags and
status bytes: each SELECT reads one snapshot of its own, as PostgreSQL's READ COMMITTED does.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from storage.lexer import Piece, split
from storage.pgwire import copy, types
from storage.pgwire.errors import SqlError
from storage.pgwire.execution import Result, Table
from storage.pgwire.portals import Answer, bound
from storage.pgwire.state import State


def columns(state: State, piece: Piece) -> Result | None:
    """The columns that Describe shows for a command, without running it."""
    if piece.word(0) == "show":
        names = (
            ["name", "setting", "description"]
            if piece.word(1) == "all"
            else [state.settings.show(_setting_name(piece, 1))[0]]
        )
        return Table(names, [])
    return None


def run(state: State, piece: Piece) -> Answer:
    """Run a command. Raises SqlError."""
    return _COMMANDS[piece.word(0)](state, piece)


# -- transactions -------------------------------------------------------------------------------


def _begin(state: State, piece: Piece) -> Answer:
    if state.status != "I":
        state.warn("25001", "there is already a transaction in progress")
    else:
        state.settings.begin_transaction()
    state.status = "T"
    return Answer("START TRANSACTION" if piece.word(0) == "start" else "BEGIN")


def _commit(state: State, piece: Piece) -> Answer:
    if piece.word(1) == "prepared":
        raise SqlError("42704", "there are no prepared transactions")
    return _end(state, piece, "ROLLBACK" if state.status == "E" else "COMMIT")


def _rollback(state: State, piece: Piece) -> Answer:
    if piece.word(1) == "prepared":
        raise SqlError("42704", "there are no prepared transactions")
    if "to" in (piece.word(1), piece.word(2)):
        name = piece.tokens[-1].folded
        if name not in state.savepoints:
            raise _no_savepoint(state, name)
        del state.savepoints[state.savepoints.index(name) + 1 :]
        state.status = "T"
        return Answer("ROLLBACK")
    return _end(state, piece, "ROLLBACK")


def _end(state: State, piece: Piece, tag: str) -> Answer:
    words = [token.folded for token in piece.tokens]
    chain = words[-1] == "chain" and "no" not in words
    if state.status == "I":
        if chain:
            raise SqlError("25P01", f"{tag} AND CHAIN can only be used in transaction blocks")
        state.warn("25P01", "there is no transaction in progress")
    state.status = "I"
    state.savepoints.clear()
    state.settings.end_transaction(rolled_back=tag == "ROLLBACK")
    state.portals.close_all()
    if chain:
        state.settings.begin_transaction()
        state.status = "T"
    return Answer(tag)


def _savepoint(state: State, piece: Piece) -> Answer:
    if state.status == "I":
        raise SqlError("25P01", "SAVEPOINT can only be used in transaction blocks")
    state.savepoints.append(piece.word(1))
    return Answer("SAVEPOINT")


def _release(state: State, piece: Piece) -> Answer:
    name = piece.tokens[-1].folded
    if state.status == "I":
        raise SqlError("25P01", "RELEASE SAVEPOINT can only be used in transaction blocks")
    if name not in state.savepoints:
        raise _no_savepoint(state, name)
    del state.savepoints[state.savepoints.index(name) :]
    return Answer("RELEASE")


def _no_savepoint(state: State, name: str) -> SqlError:
    if state.status == "I":
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


def _set(state: State, piece: Piece) -> Answer:
    at = 1
    local = piece.word(at) == "local"
    if piece.word(at) in ("local", "session") and piece.word(at + 1) != "authorization":
        at += 1
    word = piece.word(at)
    if word == "transaction" or (word == "characteristics" and piece.word(at + 1) == "as"):
        if word == "transaction" and state.status == "I":
            state.warn("25P01", "SET TRANSACTION can only be used in transaction blocks")
        return Answer("SET")
    if word == "constraints":
        return Answer("SET CONSTRAINTS")
    if word == "role" or (word == "session" and piece.word(at + 1) == "authorization"):
        name = piece.tokens[-1].value
        if name.lower() not in ("none", "default", state.user.lower()):
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
            state.settings.set(name, found[1], local=local)
            return Answer("SET")
    sign = "-" if values[0].text == "-" else ""
    value = ", ".join(token.value for token in values if token.text != "-")
    if local and state.status == "I" and not state.implicit:
        state.warn("25P01", "SET LOCAL can only be used in transaction blocks")
    else:
        state.settings.set(name, sign + value, local=local)
    return Answer("SET")


def _show(state: State, piece: Piece) -> Answer:
    if piece.word(1) == "all":
        if len(piece.tokens) > 2:
            raise SqlError("42601", f'syntax error at or near "{piece.tokens[2].text}"',
                           position=piece.start + piece.tokens[2].start + 1)  # fmt: skip
        rows = [[name, value, ""] for name, value in state.settings.rows()]
        return Answer("SHOW", Table(["name", "setting", "description"], rows))
    name, value = state.settings.show(_setting_name(piece, 1))
    return Answer("SHOW", Table([name], [[value]]))


def _reset(state: State, piece: Piece) -> Answer:
    if piece.word(1) == "all":
        state.settings.reset_all()
    elif piece.word(1) not in ("role", "session"):
        state.settings.reset(_setting_name(piece, 1))
    return Answer("RESET")


def _discard(state: State, piece: Piece) -> Answer:
    what = piece.word(1)
    if what not in ("all", "plans", "temp", "temporary", "sequences"):
        raise SqlError("42601", f'syntax error at or near "{what}"')
    if what == "all":
        if state.status != "I":
            raise SqlError("25001", "DISCARD ALL cannot run inside a transaction block")
        state.settings.reset_all()
        state.portals.close_all()
    if what in ("all", "plans"):
        state.statements.clear()
    return Answer(f"DISCARD {what.upper()}")


# -- prepared statements and cursors --------------------------------------------------------------


def _prepare(state: State, piece: Piece) -> Answer:
    """PREPARE name [(types)] AS statement."""
    name, at = piece.word(1), 2
    oids: list[int] = []
    if piece.word(at) == "(":
        end = next((n for n in range(at, len(piece.tokens)) if piece.word(n) == ")"), -1)
        if end < 0:
            raise SqlError("42601", "syntax error at end of input")
        oids = _type_oids(piece.sql[piece.tokens[at].end : piece.tokens[end].start])
        at = end + 1
    if piece.word(at) != "as" or at + 1 >= len(piece.tokens):
        raise SqlError("42601", f'syntax error at or near "{piece.word(at)}"')
    state.statements.refuse(name)
    statement = split(piece.sql[piece.tokens[at + 1].start :])[0]
    state.statements.add(name, state.statements.parsed(statement, oids))
    return Answer("PREPARE")


def _type_oids(names: str) -> list[int]:
    """OIDs of a list of type names. Raises SqlError 42704."""
    oids = []
    for name in names.split(","):
        kind = types.BY_NAME.get(name.strip().lower().split("(")[0].removesuffix("[]"))
        if kind is None:
            raise SqlError("42704", f'type "{name.strip()}" does not exist')
        oids.append(kind.array_oid if "[]" in name else kind.oid)
    return oids


def _deallocate(state: State, piece: Piece) -> Answer:
    name = piece.word(2) if piece.word(1) == "prepare" else piece.word(1)
    if name == "all":
        state.statements.clear()
        return Answer("DEALLOCATE ALL")
    if name not in state.statements:
        raise SqlError("26000", f'prepared statement "{name}" does not exist')
    state.statements.remove(name)
    return Answer("DEALLOCATE")


def _declare(state: State, piece: Piece) -> Answer:
    """DECLARE name [options] CURSOR [WITH | WITHOUT HOLD] FOR query."""
    at = next((n for n, t in enumerate(piece.tokens) if t.kind == "word" and t.folded == "for"), 0)
    if not at or at + 1 >= len(piece.tokens):
        raise SqlError("42601", "syntax error at end of input: DECLARE name CURSOR FOR query")
    words = [token.folded for token in piece.tokens[:at]]
    hold = "hold" in words and "without" not in words
    if state.status == "I" and not hold and not state.implicit:
        raise SqlError("25P01", "DECLARE CURSOR can only be used in transaction blocks")
    if "scroll" in words and "no" not in words:
        raise SqlError("0A000", "scrollable cursors are not supported: FETCH goes forward")
    name, query = piece.word(1), split(piece.sql[piece.tokens[at + 1].start :])[0]
    if name in state.portals:
        raise SqlError("42P03", f'cursor "{name}" already exists')
    portal = bound(state.statements.parsed(query, []), [], [])
    portal.held, portal.forward_only, portal.binary = hold, "scroll" in words, "binary" in words
    state.portals.open_query(portal)
    state.portals.add(name, portal)
    return Answer("DECLARE CURSOR")


def _fetch(state: State, piece: Piece) -> Answer:
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
    state.portals.get(name)
    return Answer(piece.word(0).upper(), portal=(name, count))


def _close(state: State, piece: Piece) -> Answer:
    name = piece.word(1)
    if name == "all":
        state.portals.close_all(held=True)
        return Answer("CLOSE CURSOR ALL")
    state.portals.get(name)
    state.portals.close(name)
    return Answer("CLOSE CURSOR")


def _listen(state: State, piece: Piece) -> Answer:
    """LISTEN is taken, since clients that are refused it try for ever: nothing will be heard."""
    if piece.word(0) == "notify":
        raise SqlError("0A000", "NOTIFY is not supported: nobody is told here")
    return Answer(piece.word(0).upper())


def _copy(state: State, piece: Piece) -> Answer:
    """COPY (query) | table TO STDOUT."""
    query, options = copy.parse(piece)
    inner = split(query)
    if len(inner) != 1:
        raise SqlError("42601", "COPY takes one query")
    try:
        result = state.portals.query(inner[0], inner[0].sql)
    except SqlError as problem:
        problem.position = None  # it would be one inside of the query
        raise
    return Answer("COPY", copy.CopyOut(result, options))


def _lock(state: State, piece: Piece) -> Answer:
    """LOCK TABLE in the mode of a reader, as pg_dump asks: there is nobody to be kept out."""
    words = [token.folded for token in piece.tokens]
    if words[-4:] != ["in", "access", "share", "mode"]:
        raise SqlError("42501", "permission denied: LOCK TABLE is taken IN ACCESS SHARE MODE only")
    if state.status == "I" and not state.implicit:
        raise SqlError("25P01", "LOCK TABLE can only be used in transaction blocks")
    return Answer("LOCK TABLE")


_COMMANDS: dict[str, Callable[[State, Piece], Answer]] = {
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
    "lock": _lock,
}
