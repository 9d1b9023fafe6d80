"""to_char(), to_date(), to_timestamp() and format(): constant formats read here, macros behind.

`storage.pgwire.dialect` puts what is read here in place of a constant format. A time goes through
strftime(); what that has not (a month padded to nine letters, the quarter) holds its place with a
character of the private use area, a mark, and is put in afterwards. What is not understood is an
error, never a guess. Source: PostgreSQL 15, 9.4.1 and 9.8, and its server.
"""

from __future__ import annotations

import re

# to_char's letters and strftime's; in any case, as they give digits.
_DIGITS = {
    "HH24": "%H", "HH12": "%I", "YYYY": "%Y", "IYYY": "%G", "FMHH24": "%-H", "FMHH12": "%-I",
    "FMMM": "%-m", "FMDD": "%-d", "FMMI": "%-M", "FMSS": "%-S", "FMHH": "%-I",
    "DDD": "%j", "DD": "%d", "HH": "%I", "ID": "%u", "IW": "%V", "MI": "%M", "MM": "%m",
    "MS": "%g", "SS": "%S", "US": "%f", "YY": "%y",
}  # fmt: skip
_NAMES = {
    "FMMonth": "%B", "FMDay": "%A", "Mon": "%b", "Dy": "%a", "AM": "%p", "PM": "%p", "%": "%%",
}  # fmt: skip
# What strftime lacks, as SQL over the moment m.
_COMPUTED = {
    "Month": "rpad(strftime(m, '%B'), 9, ' ')",
    "MONTH": "rpad(upper(strftime(m, '%B')), 9, ' ')",
    "month": "rpad(lower(strftime(m, '%B')), 9, ' ')",
    "FMMONTH": "upper(strftime(m, '%B'))",
    "FMmonth": "lower(strftime(m, '%B'))",
    "MON": "upper(strftime(m, '%b'))",
    "mon": "lower(strftime(m, '%b'))",
    "Day": "rpad(strftime(m, '%A'), 9, ' ')",
    "DAY": "rpad(upper(strftime(m, '%A')), 9, ' ')",
    "day": "rpad(lower(strftime(m, '%A')), 9, ' ')",
    "FMDAY": "upper(strftime(m, '%A'))",
    "FMday": "lower(strftime(m, '%A'))",
    "DY": "upper(strftime(m, '%a'))",
    "dy": "lower(strftime(m, '%a'))",
    "am": "lower(strftime(m, '%p'))",
    "pm": "lower(strftime(m, '%p'))",
    "SSSS": "CAST(hour(m) * 3600 + minute(m) * 60 + second(m) AS VARCHAR)",
    "WW": "lpad(CAST((dayofyear(m) - 1) // 7 + 1 AS VARCHAR), 2, '0')",
    "W": "CAST((day(m) - 1) // 7 + 1 AS VARCHAR)",
    "CC": "lpad(CAST((year(m) + 99) // 100 AS VARCHAR), 2, '0')",
    "D": "CAST(dayofweek(m) + 1 AS VARCHAR)",
    "Q": "CAST(quarter(m) AS VARCHAR)",
    "J": "CAST(CAST(floor(julian(m)) AS BIGINT) AS VARCHAR)",
}
_UNKNOWN = ("TZH", "TZM", "TZ", "tz", "OF", "RM", "rm", "TH", "th", "SP", "BC", "AD", "B.C.",
            "A.D.", "A.M.", "P.M.", "a.m.", "p.m.", "Y,YYY", "YYY", "Y", "I", "FM", "FX", "TM",
            "FF1", "FF2", "FF3", "FF4", "FF5", "FF6")  # fmt: skip


_KINDS = {**_DIGITS, **{key.lower(): sign for key, sign in _DIGITS.items()}, **_NAMES}
_MARKS = {name: chr(0xE000 + at) for at, name in enumerate(_COMPUTED)}
_TOKEN = re.compile(
    '"[^"]*"|'
    + "|".join(
        re.escape(key)
        for key in sorted({*_KINDS, *_MARKS, *_UNKNOWN}, key=lambda key: (-len(key), key))
    )
    + "|.",
    re.DOTALL,
)
_NUMBER = re.compile(r"(FM)?([90,G]*[90][90,G]*)(?:([.D])([90]{0,10}))?")


def time_format(text: str) -> tuple[str, bool]:
    """to_char's format as strftime's, and whether it has marks. Raises ValueError."""
    out, marked = [], False
    for found in _TOKEN.finditer(text):
        token = found[0]
        if token in _UNKNOWN:
            raise ValueError(f'"{token}" is not supported in a format here')
        if len(token) > 1 and token[0] == '"':
            out.append(token[1:-1].replace("%", "%%"))
            continue
        marked |= token in _MARKS
        out.append(_KINDS.get(token) or _MARKS.get(token) or token)
    return "".join(out), marked


def parse_format(text: str) -> str:
    """to_date's format as strptime's, which knows a name by its whole length."""
    made, _ = time_format(text)
    for name, sign in (("Month", "%B"), ("Day", "%A"), ("MON", "%b"), ("mon", "%b")):
        made = made.replace(_MARKS[name], sign)
    if any(mark in made for mark in _MARKS.values()):
        raise ValueError(f'"{text}" can be written, not read')
    return made


def number_format(text: str) -> str | None:
    """A number's format as arguments of `to_char_number`; None where it is none."""
    found = _NUMBER.fullmatch(text)
    if found is None:
        return None
    whole, fraction = found[2].replace("G", ","), found[4] or ""
    digits = whole.replace(",", "")
    zeros = len(digits) - digits.index("0") if "0" in digits else 0
    cuts, at = [], 1
    for group in whole.split(","):
        cuts.append(f"[{at}, {at + len(group) - 1}]")
        at += len(group)
    kept = len(fraction.rstrip("9")) if found[1] else len(fraction)
    width = 0 if found[1] else len(whole) + 1
    over = re.sub("[90]", "#", whole) + ("." if found[3] else "") + "#" * len(fraction)
    point = "." if found[3] else ""
    return (
        f"{len(fraction)}, {len(digits)}, {zeros}, [{', '.join(cuts)}], {width}, '{point}', "
        f"{kept}, '{over}'"
    )


def _marked() -> str:
    filled = "strftime(m, f)"
    for name, mark in _MARKS.items():
        filled = (
            f"replace({filled}, '{mark}', CASE WHEN contains(f, '{mark}') "
            f"THEN {_COMPUTED[name]} ELSE '' END)"
        )
    return f"filled_(m, f) AS {filled}"


# m is the moment, h a number's digits without its point, d of them behind it, w its whole part.
_TEXTS = (
    "moment_(v) AS CAST(regexp_replace(CAST(v AS VARCHAR), '[+-][0-9:]+$', "
    "if(typeof(v) = 'TIMESTAMP WITH TIME ZONE', '', '\\0')) AS TIMESTAMP)",
    "to_char_time(v, f) AS strftime({fn}.moment_(v), f)",
    _marked(),
    "to_char_marked(v, f) AS {fn}.filled_({fn}.moment_(v), f)",
    "scaled_(v, d) AS CAST(CAST(abs(v) AS DECIMAL(25, 10)) "
    "* CAST('1' || repeat('0', d) AS DECIMAL(11, 0)) AS HUGEINT)",
    "whole_(w, n, zeros, cuts) AS regexp_replace(system.main.array_to_string(list_transform(cuts, "
    "lambda c: system.main.lpad(if(len(w) < zeros, system.main.lpad(w, zeros, '0'), w), n, ' ')"
    "[c[1]:c[2]]), ','), '^[ ,]+', '')",
    "signed_(minus, text, width) AS if(width = 0, if(minus, '-', '') || text, "
    "system.main.lpad(if(minus, '-', ' ') || text, width, ' '))",
    "number_(minus, h, d, n, zeros, cuts, width, point, kept, over) AS CASE "
    "WHEN len(ltrim(h[1:len(h) - d], '0')) > n "
    "THEN if(minus, '-', if(width = 0, '', ' ')) || over "
    "ELSE {fn}.signed_(minus, {fn}.whole_(if(d = 0 AND ltrim(h, '0') = '', '0', "
    "ltrim(h[1:len(h) - d], '0')), n, zeros, cuts), width) || point "
    "|| h[len(h) - d + 1:len(h) - d + kept] "
    "|| regexp_replace(h[len(h) - d + kept + 1:], '0+$', '') END",
    "to_char_number(v, d, n, zeros, cuts, width, point, kept, over) AS {fn}.number_(v < 0, "
    "system.main.lpad(CAST({fn}.scaled_(v, d) AS VARCHAR), "
    "CAST(greatest(len(CAST({fn}.scaled_(v, d) AS VARCHAR)), d + 1) AS INTEGER), '0'), "
    "d, n, zeros, cuts, width, point, kept, over)",
    "to_char(v, f) AS CAST(error('to_char: the format must be a constant') AS VARCHAR)",
    "to_date(s, f) AS CAST(strptime(s, f) AS DATE)",
    "to_timestamp(s) AS system.main.to_timestamp(s), (s, f) AS CAST(strptime(s, f) AS TIMESTAMPTZ)",
)

_PLACE = "%%|%(?:[0-9]+[$])?-?[0-9]*[sIL]"
_FORMAT = (
    f"places_(f) AS regexp_extract_all(f, '{_PLACE}')",
    # The number of the argument that place n takes.
    "argument_(f, n) AS coalesce(CAST(nullif(regexp_extract({fn}.places_(f)[n], "
    "'^%([0-9]+)[$]', 1), '') AS INTEGER), "
    "len(list_filter({fn}.places_(f)[1:n], lambda one: one <> '%%')))",
    "padded_(text, place) AS CASE WHEN regexp_matches(place, '-?[0-9]+[sIL]$') "
    "THEN if(contains(place, '-'), text || repeat(' ', greatest(CAST(regexp_extract(place, "
    "'([0-9]+)[sIL]$', 1) AS INTEGER) - len(text), 0)), repeat(' ', greatest(CAST(regexp_extract("
    "place, '([0-9]+)[sIL]$', 1) AS INTEGER) - len(text), 0)) || text) ELSE text END",
    "put_(given, place) AS CASE right(place, 1) WHEN 's' THEN coalesce(given, '') "
    "WHEN 'I' THEN coalesce({fn}.identifier_(given), "
    "error('null values cannot be formatted as an SQL identifier')) "
    "WHEN 'L' THEN coalesce({fn}.quote_literal(given), 'NULL') END",
    f"format_(f, given) AS CASE WHEN regexp_matches(regexp_replace(f, '{_PLACE}', '', 'g'), '%') "
    "THEN error('format: only %s, %I, %L and %% are understood here') "
    "WHEN contains(regexp_replace(f, '%[0-9]+[$]', '', 'g'), '%') AND "
    "regexp_matches(f, '%[0-9]+[$]') AND regexp_matches(regexp_replace(f, "
    f"'%[0-9]+[$]-?[0-9]*[sIL]|%%', '', 'g'), '%') "
    "THEN error('format: numbered places and plain ones are not mixed here') "
    "WHEN coalesce(list_max(list_transform({fn}.places_(f), lambda one, n: if(one = '%%', 0, "
    "{fn}.argument_(f, n)))), 0) > len(given) THEN error('too few arguments for format()') "
    "ELSE system.main.array_to_string(list_transform(regexp_split_to_array(f, "
    f"'{_PLACE}'), lambda part, n: part || coalesce(if({{fn}}.places_(f)[n] = '%%', '%', "
    "{fn}.padded_({fn}.put_(given[{fn}.argument_(f, n)], {fn}.places_(f)[n]), "
    "{fn}.places_(f)[n])), '')), '') END",
)


def _formats() -> str:
    """format() of up to eight arguments: a macro has no lists of them."""
    overloads = ["(f) AS {fn}.format_(f, []::VARCHAR[])"]
    for count in range(1, 9):
        names = [f"a{at}" for at in range(count)]
        given = ", ".join(f"CAST({one} AS VARCHAR)" for one in names)
        overloads.append(f"(f, {', '.join(names)}) AS {{fn}}.format_(f, [{given}])")
    return "format" + ", ".join(overloads)


# In the order in which they must be made; `{fn}` is the schema.
MACROS = (*_TEXTS, *_FORMAT, _formats())
