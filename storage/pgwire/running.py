"""Running what was bound: a query on DuckDB, or a command of the session."""

from __future__ import annotations

from collections.abc import Sequence

from storage.lexer import split
from storage.pgwire import commands, copy, messages
from storage.pgwire.execution import Column, Query, row_fields
from storage.pgwire.portals import Portal, column_formats
from storage.pgwire.state import State
from storage.pgwire.statements import Prepared, is_command


def open(state: State, portal: Portal) -> None:
    """Begin to run a portal's query, or do what its command says, once."""
    piece = portal.prepared.piece
    assert piece is not None
    if is_command(piece):
        if portal.answer is None:
            at = piece if portal.sql == piece.sql else split(portal.sql)[0]
            portal.answer = commands.run(state, at)
            portal.result = portal.answer.rows
    else:
        state.portals.open_query(portal)


def peek(portal: Portal) -> None:
    """Compute a SELECT without FROM before its columns are told.

    PostgreSQL finds an error among constants (1 / 0) when it plans, so no columns go first.
    """
    result = portal.result
    if isinstance(result, Query) and result.constant and portal.batches is None:
        portal.batches = result.batches()
        portal.rest = next(portal.batches, None)


def columns(state: State, prepared: Prepared) -> Sequence[Column] | None:
    """The columns that a statement will have; None: no rows come of it."""
    piece = prepared.piece
    if piece is None:
        return None
    word = piece.word(0)
    if word == "execute":
        return columns(state, state.statements.executed(piece))
    if word == "fetch":
        name = piece.word(len(piece.tokens) - 1)
        source = state.portals.find(name)
        if source is None:
            return None
        state.portals.open_query(source)
        return source.result.columns if source.result else None
    if is_command(piece):
        shown = commands.columns(state, piece)
        return shown.columns if shown else None
    result = state.portals.query(piece, prepared.unbound())
    result.close()
    return result.columns


def describe(state: State, portal: Portal, otherwise: bytes = b"") -> None:
    """Send the columns of a portal's rows, or `otherwise` where it has none."""
    shown: Sequence[Column] | None = None
    if portal.result is None:
        shown = columns(state, portal.prepared)
    elif not isinstance(portal.result, copy.CopyOut):  # CopyOutResponse describes that
        shown = portal.result.columns
    if shown is None:
        state.wire.put(otherwise)
        return
    formats = portal.formats
    if portal.answer is not None and portal.answer.portal is not None:
        formats = _fetched_as(portal, state.portals.get(portal.answer.portal[0]))
    fields = row_fields(shown, column_formats(formats, shown))
    state.wire.put(messages.row_description(fields))


def run(state: State, portal: Portal, most: int) -> None:
    """Send a portal's rows, at most `most` (0: all), and how it ended."""
    answer = portal.answer
    if answer is not None and answer.portal is not None:
        name, count = answer.portal
        source = state.portals.get(name)
        state.portals.open_query(source)
        formats = None if answer.tag == "MOVE" else _fetched_as(portal, source)
        sent, _ = state.portals.send(source, count, formats)
        state.wire.put(messages.complete(f"{answer.tag} {sent}"))
        return
    if isinstance(portal.result, copy.CopyOut):
        sent = portal.result.send(state.wire, state.settings.zone)
        state.service.count_rows(sent)
        state.wire.put(messages.complete(f"COPY {sent}"))
        return
    if portal.result is None:
        state.wire.put(messages.complete(answer.tag if answer else "SELECT 0"))
        return
    sent, done = state.portals.send(portal, most, portal.formats)
    if not done:
        state.wire.put(messages.SUSPENDED)
        return
    tag = answer.tag if answer else f"SELECT {sent}"
    if isinstance(portal.result, Query) and portal.result.tag == "EXPLAIN":
        tag = "EXPLAIN"
    state.wire.put(messages.complete(tag))


def _fetched_as(portal: Portal, source: Portal) -> list[int]:
    """The formats of a FETCH's rows: as it was bound, or binary of a BINARY cursor."""
    return [1] if source.binary else portal.formats
