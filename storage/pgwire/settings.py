"""A session's settings: what SET, SHOW and RESET remember. None of them reaches DuckDB as SQL.

Names and defaults are PostgreSQL 15's; those that drivers and tools set at connect are known,
others are 42704 as in PostgreSQL. Only TimeZone and statement_timeout change what is done.
"""

from __future__ import annotations

import re
import zoneinfo
from collections.abc import Callable
from functools import cache

from storage.pgwire.errors import SqlError
from storage.pgwire.settings_known import FIXED, KEPT

SERVER_VERSION = "15.8"
SERVER_VERSION_NUM = "150008"

# name: default. Spelling as PostgreSQL reports it; looked up without regard to case.
_DEFAULTS = {
    "application_name": "",
    "backslash_quote": "safe_encoding",
    "bytea_output": "hex",
    "check_function_bodies": "on",
    "client_encoding": "UTF8",
    "client_min_messages": "notice",
    "DateStyle": "ISO, MDY",
    "default_table_access_method": "heap",
    "default_tablespace": "",
    "default_text_search_config": "pg_catalog.english",
    "default_transaction_deferrable": "off",
    "default_transaction_isolation": "read committed",
    "default_transaction_read_only": "on",
    "enable_bitmapscan": "on",
    "enable_hashagg": "on",
    "enable_hashjoin": "on",
    "enable_indexscan": "on",
    "enable_mergejoin": "on",
    "enable_nestloop": "on",
    "enable_seqscan": "on",
    "enable_sort": "on",
    "escape_string_warning": "on",
    "extra_float_digits": "1",
    "idle_in_transaction_session_timeout": "0",
    "idle_session_timeout": "0",
    "IntervalStyle": "postgres",
    "jit": "off",
    "lc_collate": "C.UTF-8",
    "lc_ctype": "C.UTF-8",
    "lc_messages": "C.UTF-8",
    "lc_monetary": "C.UTF-8",
    "lc_numeric": "C.UTF-8",
    "lc_time": "C.UTF-8",
    "lock_timeout": "0",
    "plan_cache_mode": "auto",
    "quote_all_identifiers": "off",
    "role": "none",
    "row_security": "on",
    "search_path": '"$user", public',
    "seed": "unavailable",
    "ssl_renegotiation_limit": "0",
    "statement_timeout": "0",
    "synchronize_seqscans": "on",
    "synchronous_commit": "on",
    "temp_tablespaces": "",
    "TimeZone": "UTC",
    "transaction_deferrable": "off",
    "transaction_isolation": "read committed",
    "transaction_read_only": "on",
    "work_mem": "4MB",
    "xmloption": "content",
} | KEPT
_FIXED = FIXED | {
    "block_size": "8192",
    "in_hot_standby": "off",
    "integer_datetimes": "on",
    "is_superuser": "off",
    "max_connections": "100",
    "max_identifier_length": "63",
    "max_index_keys": "32",
    "server_encoding": "UTF8",
    "server_version": SERVER_VERSION,
    "server_version_num": SERVER_VERSION_NUM,
    "ssl": "off",
    "standard_conforming_strings": "on",
    "wal_level": "replica",
}
_REPORTED = (
    "application_name", "client_encoding", "DateStyle", "default_transaction_read_only",
    "in_hot_standby", "integer_datetimes", "IntervalStyle", "is_superuser", "server_encoding",
    "server_version", "session_authorization", "standard_conforming_strings", "TimeZone",
)  # fmt: skip
_ALIASES = {"timezone": "TimeZone", "time zone": "TimeZone", "names": "client_encoding"}
# On or off, or something else.
_MORE_THAN_SWITCHES = frozenset({"synchronous_commit", "force_parallel_mode", "wal_compression"})
_UNIT_MS = {"": 1.0, "us": 0.001, "ms": 1.0, "s": 1e3, "min": 60e3, "h": 3.6e6, "d": 86.4e6}


@cache
def _zones() -> dict[str, str]:
    return {name.lower(): name for name in zoneinfo.available_timezones()} | {"utc": "UTC"}


class Settings:
    """The settings of one session; `changed` is told of each value to report to the client."""

    def __init__(self, user: str, changed: Callable[[str, str], None] = lambda _n, _v: None):
        self._fixed = _FIXED | {"session_authorization": user}
        self._start = dict(_DEFAULTS)
        self._values = dict(_DEFAULTS)
        self._local: dict[str, str] = {}  # what SET LOCAL covered, until the transaction ends
        self._custom: dict[str, str] = {}
        self._begun: dict[str, str] | None = None  # as they were at BEGIN, for ROLLBACK
        self._names = {name.lower(): name for name in (*_DEFAULTS, *self._fixed)}
        self.changed = changed

    def start(self, name: str, value: str) -> None:
        """Set from the startup message: also what RESET goes back to."""
        self.set(name, value)
        known = self._names.get(name.lower())
        if known in self._start:
            self._start[known] = self._values[known]

    def get(self, name: str) -> str | None:
        """The value, or None if there is no such setting."""
        name = _ALIASES.get(name.lower(), name)
        known = self._names.get(name.lower())
        if known is None:
            return self._custom.get(name.lower())
        return self._fixed[known] if known in self._fixed else self._values[known]

    @property
    def zone(self) -> str:
        """The session's TimeZone."""
        return self.get("TimeZone") or "UTC"

    def show(self, name: str) -> tuple[str, str]:
        """The setting's own spelling and its value. Raises SqlError 42704."""
        value = self.get(name)
        if value is None:
            raise SqlError("42704", f'unrecognized configuration parameter "{name}"')
        name = _ALIASES.get(name.lower(), name)
        return self._names.get(name.lower(), name), value

    def set(self, name: str, value: str, *, local: bool = False) -> str:
        """Set; returns the value as kept. Raises SqlError 42704, 55P02 or 22023."""
        name = _ALIASES.get(name.lower(), name)
        known = self._names.get(name.lower())
        if known is None:
            if "." in name:  # a setting of an extension: PostgreSQL keeps any
                self._custom[name.lower()] = value
                return value
            raise SqlError("42704", f'unrecognized configuration parameter "{name}"')
        if known in self._fixed:
            raise SqlError("55P02", f'parameter "{known}" cannot be changed')
        kept = self._checked(known, value)
        if local:
            self._local.setdefault(known, self._values[known])
        self._put(known, kept)
        return kept

    def reset(self, name: str) -> None:
        known, _ = self.show(name)
        if known in self._fixed:
            raise SqlError("55P02", f'parameter "{known}" cannot be changed')
        if known in self._start:
            self._put(known, self._start[known])
        else:
            self._custom.pop(known.lower(), None)

    def reset_all(self) -> None:
        for name, value in self._start.items():
            self._put(name, value)
        self._custom.clear()

    def begin_transaction(self) -> None:
        """Remember the values: a ROLLBACK takes back what SET changes from here on."""
        self._begun = dict(self._values)

    def end_transaction(self, rolled_back: bool = False) -> None:
        """What SET LOCAL changed goes back, and after a ROLLBACK all that was set."""
        if rolled_back and self._begun is not None:
            for name, value in self._begun.items():
                self._put(name, value)
            self._local.clear()
        self._begun = None
        for name, value in self._local.items():
            self._put(name, value)
        self._local.clear()

    def reported(self) -> list[tuple[str, str]]:
        """Name and value of each ParameterStatus of the start."""
        return [(name, self.get(name) or "") for name in _REPORTED]

    def rows(self) -> list[tuple[str, str]]:
        """Every setting, for SHOW ALL and pg_settings."""
        return sorted((self._values | self._fixed).items(), key=lambda row: row[0].lower())

    def statement_timeout_s(self, most_s: float) -> float:
        """The session's timeout, never more than the door's; 0 is none."""
        own_s = _milliseconds(self._values["statement_timeout"]) / 1000
        return min(own_s or most_s, most_s or own_s)

    def _put(self, name: str, value: str) -> None:
        if self._values[name] != value:
            self._values[name] = value
            if name in _REPORTED:
                self.changed(name, value)

    def _checked(self, name: str, value: str) -> str:
        def invalid() -> SqlError:
            return SqlError("22023", f'invalid value for parameter "{name}": "{value}"')

        if value.lower() == "default":
            return self._start[name]
        if name == "TimeZone":
            if value.lower() == "local":
                return self._start[name]
            found = _zones().get(value.lower()) or _zones().get(_hours_from_utc(value))
            if found is None:
                raise invalid()
            return found
        if name == "client_encoding":
            if value.lower().replace("-", "").replace("'", "") not in ("utf8", "unicode"):
                raise SqlError(
                    "22023",
                    f'invalid value for parameter "client_encoding": "{value}": '
                    "the door speaks UTF8 alone",
                )
            return "UTF8"
        if name == "DateStyle":
            order = [one.strip().upper() for one in value.split(",")]
            if any(one not in ("ISO", "MDY", "DMY", "YMD") for one in order):
                raise SqlError("22023", f'invalid value for parameter "DateStyle": "{value}": '
                               "the door writes ISO dates")  # fmt: skip
            days = [one for one in order if one != "ISO"]
            return f"ISO, {days[0]}" if days else self._values[name]
        if name == "IntervalStyle":
            if value.lower() != "postgres":
                raise SqlError("0A000", 'only IntervalStyle "postgres" is supported')
            return "postgres"
        if name.endswith("_timeout"):
            milliseconds = _milliseconds(value)
            if milliseconds is None:
                raise invalid()
            return _time_text(int(milliseconds))
        if name in ("transaction_read_only", "default_transaction_read_only"):
            return "on"  # a client may ask to write, as pools do of every connection; it cannot
        if self._start[name] in ("on", "off") and name not in _MORE_THAN_SWITCHES:
            switch = {"on": "on", "true": "on", "yes": "on", "1": "on", "off": "off",
                      "false": "off", "no": "off", "0": "off"}.get(value.lower())  # fmt: skip
            if switch is None:
                raise SqlError("22023", f'parameter "{name}" requires a Boolean value')
            return switch
        if name in ("transaction_isolation", "default_transaction_isolation"):
            return "read committed"
        return value


def _hours_from_utc(value: str) -> str:
    """The zone of a number of hours to the east, or of POSIX's name and hours to the west.

    '' where it is none. Zones of tzdata's `Etc` have POSIX's sign.
    """
    found = re.fullmatch(
        r"\s*(?P<name>[A-Za-z]{3,}|<[-+\w]+>)?(?P<sign>[+-]?)(?P<hours>\d{1,2})(?P<zeros>(:00){0,2})\s*",
        value,
    )
    if not found:
        return ""
    posix = bool(found["name"] or found["zeros"])
    west = int(found["sign"] + found["hours"]) * (1 if posix else -1)
    return f"etc/gmt{west:+d}" if west else "utc"


def _milliseconds(value: str) -> float:
    found = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*(us|ms|s|min|h|d)?\s*", value)
    if not found:
        raise SqlError("22023", f'invalid value for a timeout: "{value}"')
    return float(found[1]) * _UNIT_MS[found[2] or ""]


def _time_text(milliseconds: int) -> str:
    """As SHOW prints a time: the largest unit that divides it."""
    for unit, size in (("d", 86_400_000), ("h", 3_600_000), ("min", 60_000), ("s", 1_000)):
        if milliseconds and milliseconds % size == 0:
            return f"{milliseconds // size}{unit}"
    return f"{milliseconds}ms" if milliseconds else "0"
