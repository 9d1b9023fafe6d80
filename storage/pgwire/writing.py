"""Statements that write and that DuckDB cannot even parse: refused as what they are.

Source of the words: PostgreSQL 15, its list of SQL commands.
"""

from __future__ import annotations

from storage.lexer import tokens

_COMMANDS = frozenset(
    {
        "cluster", "do", "grant", "import", "lock", "reassign", "refresh", "reindex", "revoke",
        "security",
    }
)  # fmt: skip
_CHANGING = frozenset({"alter", "create", "drop"})
_PARSED = frozenset(  # what DuckDB has too: an error in these is one of syntax
    {"index", "schema", "sequence", "table", "type", "view", "temp", "temporary", "or"}
)
_LOCKS = frozenset({"update", "share", "no", "key"})


def refused(sql: str, position: int | None) -> str:
    """Why a statement with a syntax error at this 1-based place is none for a reader; else ''."""
    found = list(tokens(sql))
    words = [one.folded for one in found]
    verb, what = (*words, "", "")[:2]
    if verb in _COMMANDS or (verb in _CHANGING and what not in _PARSED):
        name = verb if verb in _COMMANDS else f"{verb} {what}".strip()
        return f"cannot execute {name.upper()} in a read-only transaction"
    for at, one in enumerate(found):
        if position == one.start + 1 and verb in ("select", "with"):
            if words[at] == "into":
                return "cannot execute SELECT INTO in a read-only transaction"
            if words[at] == "for" and (*words, "")[at + 1] in _LOCKS:
                kind = " ".join(words[at:]).upper()
                return f"cannot execute SELECT {kind} in a read-only transaction"
    return ""
