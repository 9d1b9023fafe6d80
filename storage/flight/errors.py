"""Errors as Flight tells them: a gRPC status that clients act on, and the SQLSTATE in the text.

Only Flight's own exceptions are raised: of any other pyarrow sends the client a traceback. That
leaves UNKNOWN for what is wrong with a statement itself, which gRPC would call INVALID_ARGUMENT.
"""

from __future__ import annotations

import pyarrow.flight as flight

from storage.pgwire.errors import SqlError

REFUSALS = frozenset({"25006", "42501", "0A000"})  # as the PostgreSQL door counts them


def to_flight(problem: SqlError) -> flight.FlightError:
    """The exception to raise in a handler; its extra_info is the SQLSTATE."""
    text = f"{problem.sqlstate}: {problem.message}"
    if problem.position is not None:
        text += f" (at character {problem.position})"
    if problem.hint:
        text += f". {problem.hint}"
    return _kind(problem)(text, problem.sqlstate.encode())


def _kind(problem: SqlError) -> type[flight.FlightError]:
    state = problem.sqlstate
    if state in ("25006", "42501"):
        return flight.FlightUnauthorizedError
    if state == "57014":
        timeout = "timeout" in problem.message
        return flight.FlightTimedOutError if timeout else flight.FlightCancelledError
    if state.startswith(("53", "57")):
        return flight.FlightUnavailableError
    if state.startswith(("XX", "58")):
        return flight.FlightInternalError
    return flight.FlightServerError
