"""The prepared statements of one session, by name, and what their parameters are."""

from __future__ import annotations

from dataclasses import dataclass

from storage.lexer import Piece, split
from storage.pgwire import inference, parameters, types
from storage.pgwire.edits import closing
from storage.pgwire.engine import Engine
from storage.pgwire.errors import SqlError
from storage.pgwire.execution import Planner

# The first words of the statements that `storage.pgwire.commands` answers: DuckDB plans none.
COMMANDS = frozenset(
    {
        "begin", "start", "commit", "end", "rollback", "abort", "savepoint", "release", "set",
        "show", "reset", "discard", "prepare", "deallocate", "declare", "fetch", "move", "close",
        "listen", "notify", "unlisten", "copy", "lock",
    }
)  # fmt: skip


def is_command(piece: Piece) -> bool:
    """Whether the session answers this statement itself."""
    return piece.word(0) in COMMANDS


def has_plan(piece: Piece) -> bool:
    """Whether DuckDB runs this very statement: EXECUTE runs another one."""
    return not is_command(piece) and piece.word(0) != "execute"


@dataclass(slots=True)
class Prepared:
    """A parsed statement: its text, declared and inferred parameter types."""

    piece: Piece | None  # None: an empty statement
    declared: list[int]
    oids: list[int]

    def unbound(self) -> str:
        """Its text with NULLs in the place of values that are not known yet."""
        assert self.piece is not None
        return parameters.bind(self.piece, parameters.unbound(self.oids, self.declared))


class Statements:
    """The prepared statements of one session; the unnamed one is ''."""

    def __init__(self, engine: Engine, planner: Planner, most: int) -> None:
        """`most` is how many there may be."""
        self._engine, self._planner, self._most = engine, planner, most
        self._named: dict[str, Prepared] = {}

    def __contains__(self, name: str) -> bool:
        return name in self._named

    def get(self, name: str) -> Prepared:
        """The prepared statement of this name. Raises SqlError 26000."""
        if name not in self._named:
            shown = f'prepared statement "{name}"' if name else "unnamed prepared statement"
            raise SqlError("26000", f"{shown} does not exist")
        return self._named[name]

    def refuse(self, name: str) -> None:
        """Raise SqlError where no statement of this name can be added: 42P05 or 53400."""
        if name and name in self._named:
            raise SqlError("42P05", f'prepared statement "{name}" already exists')
        if len(self._named) >= self._most:
            raise SqlError("53400", f"too many prepared statements, the most is {self._most}")

    def add(self, name: str, prepared: Prepared) -> None:
        """Keep a statement, after it was planned once, so that what is wrong is told now."""
        if prepared.piece and has_plan(prepared.piece):
            self._planner.plan(prepared.piece, prepared.unbound())
        self._named[name] = prepared

    def remove(self, name: str) -> None:
        """Forget a statement, if there is one."""
        self._named.pop(name, None)

    def clear(self) -> None:
        self._named.clear()

    def parsed(self, piece: Piece | None, declared: list[int]) -> Prepared:
        """A statement with the types of its parameters; no name is kept. Raises SqlError."""
        if piece and (at := _explained_execute(piece)):
            plan = piece.sql[: piece.tokens[at].start]
            (piece,) = split(plan + self.execution(piece, at)[1])
        oids = parameters.infer(piece, declared) if piece else []
        if piece and oids:
            oids = inference.infer(self._engine.planner, piece, declared, oids)
        return Prepared(piece, declared, oids)

    def executed(self, piece: Piece, at: int = 0) -> Prepared:
        """The statement that the EXECUTE at this token names. Raises SqlError 26000 or 0A000."""
        prepared = self.get(piece.word(at + 1))
        if prepared.piece is None or not has_plan(prepared.piece):
            raise SqlError("0A000", "EXECUTE runs a prepared query, no other statement")
        return prepared

    def execution(self, piece: Piece, at: int = 0) -> tuple[Piece, str]:
        """EXECUTE name [(literals)] at this token: its query, and the text of it with values."""
        prepared = self.executed(piece, at)
        assert prepared.piece is not None
        values = []
        if piece.word(at + 2) == "(":
            values = _arguments(piece.sql[piece.tokens[at + 2].end : piece.tokens[-1].start])
        if len(values) != len(prepared.oids):
            raise SqlError("42601", "wrong number of parameters for prepared statement "
                           f'"{piece.word(at + 1)}"', detail=f"Expected {len(prepared.oids)} "
                           f"parameters but got {len(values)}.")  # fmt: skip
        literals = [
            f"CAST({value} AS {types.BY_OID[oid].duckdb})"
            if oid in types.BY_OID and oid != types.TEXT.oid
            else value
            for oid, value in zip(prepared.oids, values, strict=True)
        ]
        return prepared.piece, parameters.bind(prepared.piece, literals)


def _explained_execute(piece: Piece) -> int:
    """Index of the EXECUTE in EXPLAIN [(options)] [ANALYZE] [VERBOSE] EXECUTE name, else 0."""
    if piece.word(0) != "explain":
        return 0
    at = 1
    if piece.word(at) == "(":
        at = closing(piece.tokens, at) + 1
    while piece.word(at) in ("analyze", "analyse", "verbose"):
        at += 1
    return at if piece.word(at) == "execute" else 0


def _arguments(text: str) -> list[str]:
    """The literals of an EXECUTE, cut at commas outside of brackets."""
    pieces = split(text)
    if not pieces:
        return []
    piece, depth, start, out = pieces[0], 0, 0, []
    for token in piece.tokens:
        if token.text in "([{":
            depth += 1
        elif token.text in ")]}":
            depth -= 1
        elif token.text == "," and depth == 0:
            out.append(piece.sql[start : token.start].strip())
            start = token.end
    return [*out, piece.sql[start:].strip()]
