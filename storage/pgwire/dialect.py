"""PostgreSQL's spellings as DuckDB's, where one token or a few tell them.

Each rule looks at the tokens of a statement and gives edits; what it does not know it leaves to
DuckDB. Edits are remembered, so an error's place is told in the client's own text.
Source of the spellings: PostgreSQL 15, chapters 4, 8 and 9.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from storage.lexer import Token, tokens
from storage.pgwire import dialect_calls as calls
from storage.pgwire import dialect_constants as constants
from storage.pgwire.edits import AFTER_ITEM, QUANTIFIERS, Edit, Rule, Spelled, closing, words
from storage.pgwire.functions import SCHEMA as FN

NO_COLUMNS = "no_columns_"  # the only column of a SELECT that has none


def _public(_sql: str, found: Sequence[Token], at: int) -> Iterator[Edit]:
    """`public.x` is DuckDB's `main.x`."""
    if found[at].kind in ("word", "quoted") and words(found, at + 1, 1) == ["."]:
        yield Edit(found[at].start, found[at].end, "main")


def _explain(_sql: str, found: Sequence[Token], at: int) -> Iterator[Edit]:
    """EXPLAIN (ANALYZE, COSTS OFF) and EXPLAIN VERBOSE: DuckDB knows ANALYZE alone."""
    if at:
        return
    if words(found, 1, 1) == ["("] and (close := closing(found, 1)):
        told = [one.folded for one in found[2:close]]
        known = {"analyze", "analyse", "verbose", "costs", "settings", "timing", "summary",
                 "buffers", "wal", "generic_plan", "on", "off", "true", "false", ",", "format",
                 "text", "json", "1", "0"}  # fmt: skip
        if set(told) <= known:
            analyze = [one for one in ("analyze", "analyse") if one in told]
            off = (["off"], ["false"], ["0"])
            on = analyze and told[told.index(analyze[0]) + 1 :][:1] not in off
            options = ["ANALYZE"] * bool(on) + ["FORMAT JSON"] * ("json" in told)
            brackets = f"({', '.join(options)})" if "json" in told else " ".join(options)
            yield Edit(found[1].start, found[close].end, brackets)
        return
    for word in found[1:3]:
        if word.folded == "verbose":
            yield Edit(word.start, word.end, "")


def _xor(_sql: str, found: Sequence[Token], at: int) -> Iterator[Edit]:
    """`a # b` of single tokens: elsewhere its rank among operators would matter."""
    left, right = found[at - 1 : at], found[at + 1 : at + 2]
    plain = ("word", "number", "quoted")
    if left and right and left[0].kind in plain and right[0].kind in plain:
        before, after = words(found, at - 2, 1)[0], words(found, at + 2, 1)[0]
        if before not in ("select", ",", "(") or after not in (*AFTER_ITEM, "="):
            return
        yield Edit(left[0].start, left[0].start, f"{FN}.xor_(")
        yield Edit(found[at].start, found[at].end, ",")
        yield Edit(right[0].end, right[0].end, ")")


def _root(sql: str, found: Sequence[Token], at: int) -> Iterator[Edit]:
    """`|/ 16.0` of a single token."""
    after = found[at + 1 : at + 3]
    if len(after) == 2 and sql[found[at].start : after[0].end] == "|/" and (
        after[1].kind in ("word", "number") and words(found, at + 3, 1) not in (["("], ["."])
    ):  # fmt: skip
        yield Edit(found[at].start, after[0].end, f"{FN}.root_(")
        yield Edit(after[1].end, after[1].end, ")")


def _halved(_sql: str, found: Sequence[Token], at: int) -> Iterator[Edit]:
    """`interval '1 hour' / 2`: DuckDB's division, as the door sets it, knows no intervals.

    What is divided but shows by no word to be an interval is found by `divided`.
    """
    typed = "interval" in (words(found, at - 2, 1)[0], words(found, at - 1, 1)[0])
    if typed and found[at + 1 : at + 2] and found[at + 1].kind == "number":
        yield Edit(found[at].start, found[at].end, "* (1e0 /")
        yield Edit(found[at + 1].end, found[at + 1].end, ")")


def _no_columns(_sql: str, found: Sequence[Token], at: int) -> Iterator[Edit]:
    """A SELECT of nothing has rows without columns: `EXISTS (SELECT FROM t)`."""
    begins = at == 0 or found[at - 1].text == "("
    if begins and words(found, at + 1, 1)[0] in ("", "from", "where", ")"):
        yield Edit(found[at].end, found[at].end, f" NULL AS {NO_COLUMNS}")


_STRING_RULES: tuple[Rule, ...] = (
    constants.array_or_bytes,
    constants.joined,
    constants.pattern,
    constants.typed_constant,
    constants.of_enum,
    constants.number,
)
_RULES: dict[str, tuple[Rule, ...]] = {
    "string": _STRING_RULES,
    "number": (constants.magnitude,),
    "public": (_public,),
    "u": (constants.unicode_escapes,),
    "extract": (calls.extract,),
    "substring": (calls.substring,),
    **dict.fromkeys(("to_char", "to_date", "to_timestamp"), (calls.formatted,)),
    "generate_series": (calls.series,),
    "unnest": (calls.unnest,),
    "select": (_no_columns,),
    "from": (calls.value_in_from,),
    **dict.fromkeys(constants.NUMERIC, (constants.bare_numeric,)),
    "explain": (_explain,),
    "similar": (constants.computed_pattern,),
    "#": (_xor,),
    "/": (_halved,),
    "|": (_root,),
    **dict.fromkeys(calls.JSON_LISTS, (calls.json_agg,)),
    **dict.fromkeys(QUANTIFIERS, (calls.quantifier,)),
}


def spelled(sql: str) -> Spelled:
    """Apply every rule. Raises SqlError 22P02 where a constant is none of its type."""
    found = list(tokens(sql))
    edits: list[Edit] = []
    for at, token in enumerate(found):
        key = token.kind if token.kind in ("string", "number") else token.folded
        for rule in _RULES.get(key, ()):
            edits += rule(sql, found, at)
    edits.sort(key=lambda edit: (edit.start, edit.end))
    out, at = [], 0
    for edit in edits:
        out += [sql[at : edit.start], edit.text]
        at = edit.end
    return Spelled("".join(out) + sql[at:], tuple(edits))
