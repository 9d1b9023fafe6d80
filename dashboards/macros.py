"""Expands a panel's SQL as Grafana's PostgreSQL data source does: variables, then macros.

Grafana replaces variables (`$name`, `${name:format}`, `[[name]]`) in the browser and macros
(`$__timeFilter(ts)`) in its back end, with `timescaledb` on as our data source sets it. The forms
are those of its documentation: "Variable syntax" and "PostgreSQL query editor, Macros"
(grafana.com/docs/grafana/v13.1). Tests run every dashboard's SQL through this; a viewer that
draws the same dashboards needs it too.

Trap that is Grafana's own and is kept: `$__timeGroup(...)` with a comma right behind it means
`$__timeGroupAlias(...)`, and the first place where the very same macro stands decides for all.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

ALL = "$__all"  # the value of a variable whose "All" is chosen

_VARIABLE = re.compile(
    r"\$(?P<bare>\w+)"
    r"|\[\[(?P<old>\w+?)(?::(?P<old_format>\w+))?\]\]"
    r"|\$\{(?P<braced>\w+)(?::(?P<format>[^}]+))?\}"
)
_MACRO = re.compile(r"\$(\w+)\(([^)]*)\)")
_DURATION = re.compile(r"(\d+(?:\.\d+)?)(ns|us|µs|ms|y|w|d|h|m|s)")
_SECONDS = {
    "ns": 1e-9,
    "us": 1e-6,
    "µs": 1e-6,
    "ms": 1e-3,
    "s": 1.0,
    "m": 60.0,
    "h": 3600.0,
    "d": 86_400.0,
    "w": 7 * 86_400.0,
    "y": 365 * 86_400.0,
}
_UNITS_MS = (
    ("y", 31_536_000_000),
    ("d", 86_400_000),
    ("h", 3_600_000),
    ("m", 60_000),
    ("s", 1_000),
)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class MacroError(ValueError):
    """A macro that Grafana would refuse; the text says which and why."""


@dataclass(frozen=True)
class Variable:
    """A dashboard variable as it is set now.

    `value` is one text or, of a variable with `multi`, several; `ALL` stands for "All", which is
    `all_value` as it is (no quoting, as in Grafana) or else every one of `options`.
    """

    value: str | Sequence[str]
    multi: bool = False
    include_all: bool = False
    all_value: str | None = None
    options: Sequence[str] = ()

    @property
    def is_raw_all(self) -> bool:
        return self._is_all and self.all_value is not None

    @property
    def _is_all(self) -> bool:
        return self.value == ALL or list(self.value) == [ALL]

    @property
    def chosen(self) -> str | list[str]:
        """The value or values that stand in for the variable."""
        if self._is_all:
            return self.all_value if self.all_value is not None else list(self.options)
        return self.value if isinstance(self.value, str) else list(self.value)


@dataclass(frozen=True)
class Scope:
    """What the SQL is expanded with: a time range (UTC microseconds), an interval, variables."""

    from_us: int
    to_us: int
    interval_ms: int = 1000
    variables: Mapping[str, Variable] = field(default_factory=dict)
    timescaledb: bool = True
    search: str = ""  # what is typed into a variable's search box


def expand(sql: str, scope: Scope) -> str:
    """SQL with every variable and macro replaced; raises MacroError."""
    return _macros(_variables(sql, scope), scope)


def format_interval(interval_ms: int) -> str:
    """An interval as Grafana writes it: the largest whole unit, cut off (90,000 ms is `1m`)."""
    for unit, size in _UNITS_MS:
        if interval_ms >= size:
            return f"{interval_ms // size}{unit}"
    return f"{max(interval_ms, 1)}ms"


def parse_interval_s(text: str) -> float:
    """Seconds of an interval such as `10s`, `1h30m`, `1d` or `500ms`; raises MacroError."""
    found = _DURATION.findall(text)
    if not found or "".join(n + u for n, u in found) != text:
        raise MacroError(f"error parsing interval {text}")
    return float(sum(float(number) * _SECONDS[unit] for number, unit in found))


# --- variables ------------------------------------------------------------------------------------


def _variables(sql: str, scope: Scope) -> str:
    def one(match: re.Match[str]) -> str:
        name = match["bare"] or match["old"] or match["braced"]
        style = match["old_format"] or match["format"]
        builtin = _builtin(name, style, scope)
        if builtin is not None:
            return builtin
        variable = scope.variables.get(name)
        if variable is None:
            return match[0]  # a macro, or a name nobody knows: stays as it is
        return _formatted(name, variable, style)

    return _VARIABLE.sub(one, sql)


def _builtin(name: str, style: str | None, scope: Scope) -> str | None:
    if name in ("__from", "__to"):
        return _date(scope.from_us if name == "__from" else scope.to_us, style)
    if name == "__interval":
        return format_interval(scope.interval_ms)
    if name == "__interval_ms":
        return str(scope.interval_ms)
    if name == "__searchFilter":
        return scope.search.replace("'", "''") + "%"
    return None


def _date(at_us: int, style: str | None) -> str:
    if style is None:
        return str(at_us // 1000)
    if style in ("date", "date:iso"):
        return f"{_rfc3339(at_us // 1000 * 1000, 3)}"
    if style == "date:seconds":
        return str(at_us // 1_000_000)
    raise MacroError(f"date format {style!r}: expected date, date:iso or date:seconds")


def _formatted(name: str, variable: Variable, style: str | None) -> str:
    value = variable.chosen
    if variable.is_raw_all:
        return str(value)
    if style is None:
        return _quoted(variable, value)
    values = [value] if isinstance(value, str) else value
    form = _FORMATS.get(style.partition(":")[0], _glob)
    return form(name, values)


def _quoted(variable: Variable, value: str | list[str]) -> str:
    """The SQL source's own way: literals for a list, and escaped text for a single value."""
    if isinstance(value, list):
        return ",".join(_literal(v) for v in value)
    if variable.multi or variable.include_all:
        return _literal(value)
    return value.replace("'", "''")


def _literal(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"


def _glob(name: str, values: Sequence[str]) -> str:
    return values[0] if len(values) == 1 else "{" + ",".join(values) + "}"


def _regex(name: str, values: Sequence[str]) -> str:
    escaped = [re.sub(r"[\\^$*+?.()|\[\]{}/]", r"\\\g<0>", v) for v in values]
    return escaped[0] if len(escaped) == 1 else f"({'|'.join(escaped)})"


def _wrapped(mark: str) -> Callable[[str, Sequence[str]], str]:
    return lambda name, values: ",".join(mark + v.replace(mark, "\\" + mark) + mark for v in values)


_FORMATS: dict[str, Callable[[str, Sequence[str]], str]] = {
    "csv": lambda name, values: ",".join(values),
    "raw": lambda name, values: ",".join(values),
    "text": lambda name, values: " + ".join(values),
    "pipe": lambda name, values: "|".join(values),
    "glob": _glob,
    "regex": _regex,
    "json": lambda name, values: json.dumps(list(values), separators=(",", ":")),
    "sqlstring": lambda name, values: ",".join(_literal(v) for v in values),
    "singlequote": _wrapped("'"),
    "doublequote": _wrapped('"'),
    "distributed": lambda name, values: ",".join(
        v if i == 0 else f"{name}={v}" for i, v in enumerate(values)
    ),
}


# --- macros ---------------------------------------------------------------------------------------


def _macros(sql: str, scope: Scope) -> str:
    def one(match: re.Match[str]) -> str:
        name, arguments = match[1], [a.strip() for a in match[2].split(",")]
        if name == "__timeGroup":
            behind = sql.index(match[0]) + len(match[0])
            if sql[behind : behind + 1] == ",":
                name = "__timeGroupAlias"
        return _macro(name, arguments, scope)

    return _MACRO.sub(one, sql)


def _macro(name: str, arguments: list[str], scope: Scope) -> str:
    if name.endswith("Alias") and name[:-5] in _GROUPS:
        return f'{_macro(name[:-5], arguments, scope)} AS "time"'
    if name in _GROUPS:
        if len(arguments) < 2:
            raise MacroError(f"macro {name} needs time column and interval and optional fill value")
        seconds = parse_interval_s(arguments[1].strip("'"))
        if len(arguments) > 2:
            _check_fill(arguments[2])
        return _GROUPS[name](arguments[0], seconds, scope)
    if name in _NEED_COLUMN and not arguments[0]:
        raise MacroError(f"missing time column argument for macro {name}")
    if name not in _SIMPLE:
        raise MacroError(f"unknown macro {name!r}")
    return _SIMPLE[name](arguments[0], scope)


def _time_group(column: str, seconds: float, scope: Scope) -> str:
    if scope.timescaledb:
        return f"time_bucket('{seconds:.3f}s',{column})"
    return f"floor(extract(epoch from {column})/{seconds:g})*{seconds:g}"


def _check_fill(text: str) -> None:
    """The fill value: Grafana fills the answer itself, so it leaves no trace in the SQL."""
    if text in ("NULL", "previous"):
        return
    try:
        float(text)
    except ValueError:
        raise MacroError(f"error parsing fill value {text}") from None


_GROUPS: dict[str, Callable[[str, float, Scope], str]] = {
    "__timeGroup": _time_group,
    "__unixEpochGroup": lambda column, s, scope: f"floor(({column})/{s:g})*{s:g}",
}
_SIMPLE: dict[str, Callable[[str, Scope], str]] = {
    "__time": lambda column, s: f'{column} AS "time"',
    "__timeEpoch": lambda column, s: f'extract(epoch from {column}) as "time"',
    "__timeFilter": lambda column, s: (
        f"{column} BETWEEN '{_rfc3339(s.from_us)}' AND '{_rfc3339(s.to_us)}'"
    ),
    "__timeFrom": lambda column, s: f"'{_rfc3339(s.from_us)}'",
    "__timeTo": lambda column, s: f"'{_rfc3339(s.to_us)}'",
    "__unixEpochFilter": lambda column, s: (
        f"{column} >= {s.from_us // 1_000_000} AND {column} <= {s.to_us // 1_000_000}"
    ),
    "__unixEpochFrom": lambda column, s: str(s.from_us // 1_000_000),
    "__unixEpochTo": lambda column, s: str(s.to_us // 1_000_000),
    "__unixEpochNanoFilter": lambda column, s: (
        f"{column} >= {s.from_us * 1000} AND {column} <= {s.to_us * 1000}"
    ),
    "__unixEpochNanoFrom": lambda column, s: str(s.from_us * 1000),
    "__unixEpochNanoTo": lambda column, s: str(s.to_us * 1000),
}
_NEED_COLUMN = {
    "__time",
    "__timeEpoch",
    "__timeFilter",
    "__unixEpochFilter",
    "__unixEpochNanoFilter",
}


def _rfc3339(at_us: int, digits: int | None = None) -> str:
    """UTC as RFC 3339; the fraction without trailing zeros, or with so many digits."""
    at = _EPOCH + timedelta(microseconds=at_us)
    fraction = f"{at.microsecond:06d}"
    fraction = fraction.rstrip("0") if digits is None else fraction[:digits]
    return at.strftime("%Y-%m-%dT%H:%M:%S") + (f".{fraction}" if fraction else "") + "Z"
