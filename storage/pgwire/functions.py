"""PostgreSQL's functions that DuckDB lacks or answers differently, as macros in `pg_door.fn`.

The door's cursors have that schema on their search path, where it comes before DuckDB's own
functions: a name here covers the built-in one, which stays to be had as `system.main.name`.
So a macro must do for DuckDB's own dialect whatever the covered function did; `format` alone is
given up for PostgreSQL's. Only what can be said as one expression is here; what is not understood
is an error, never a guess. Source of the behaviour: PostgreSQL 15, chapter 9, and its server.
"""

from __future__ import annotations

import duckdb

from storage.admission import CATALOGUE
from storage.pgwire import formatting

SCHEMA = f"{CATALOGUE}.fn"

# DuckDB's own functions whose result is wider there than PostgreSQL's integer.
_INTEGERS = (
    "length(s) AS CAST(system.main.length(s) AS INTEGER)",
    "char_length(s) AS CAST(system.main.length(s) AS INTEGER)",
    "character_length(s) AS CAST(system.main.length(s) AS INTEGER)",
    "octet_length(s) AS CAST(CASE WHEN typeof(s) = 'BLOB' THEN system.main.octet_length("
    "CAST(s AS BLOB)) ELSE strlen(CAST(s AS VARCHAR)) END AS INTEGER)",
    'position(s, part) AS CAST(system.main."position"(s, part) AS INTEGER)',
    "strpos(s, part) AS CAST(system.main.strpos(s, part) AS INTEGER)",
    "ascii(s) AS CAST(system.main.ascii(s) AS INTEGER)",
    "json_array_length(j) AS CAST(system.main.json_array_length(j::JSON) AS INTEGER), "
    "(j, path) AS CAST(system.main.json_array_length(j::JSON, path) AS INTEGER)",
    "array_length(a) AS CAST(len(a) AS INTEGER), "
    "(a, n) AS CAST(nullif(system.main.array_length(a, n), 0) AS INTEGER)",
    "cardinality(a) AS CAST(len(a) AS INTEGER)",
    "array_upper(a, n) AS CAST(nullif(len(a), 0) AS INTEGER)",
    "array_lower(a, n) AS CAST(if(len(a) > 0, 1, NULL) AS INTEGER)",
    "array_position(a, one) AS CAST(system.main.array_position(a, one) AS INTEGER)",
    "gcd(a, b) AS cast_to_type(system.main.gcd(a, b), a)",
    "lcm(a, b) AS cast_to_type(system.main.lcm(a, b), a)",
    "width_bucket(x, low, high, n) AS CAST(CASE WHEN x < low THEN 0 WHEN x >= high THEN n + 1 "
    "ELSE floor((x - low) * n / (high - low)) + 1 END AS INTEGER)",
)

_TEXTS = (
    "initcap(s) AS list_reduce(list_prepend('', list_transform(regexp_extract_all(s, "
    "'[[:alnum:]]+|[^[:alnum:]]+'), lambda w: upper(w[1]) || lower(w[2:]))), lambda a, b: a || b)",
    "btrim(s) AS trim(s), (s, chars) AS trim(s, chars)",
    "lpad(s, n) AS system.main.lpad(s, n, ' '), (s, n, filler) AS system.main.lpad(s, n, filler)",
    "rpad(s, n) AS system.main.rpad(s, n, ' '), (s, n, filler) AS system.main.rpad(s, n, filler)",
    "to_hex(n) AS lower(system.main.to_hex(n))",
    "chr(n) AS CASE WHEN n = 0 THEN error('null character not permitted') "
    "ELSE system.main.chr(n) END",
    "quote_literal(s) AS '''' || replace(CAST(s AS VARCHAR), '''', '''''') || ''''",
    "quote_ident(s) AS CASE WHEN regexp_full_match(s, '[a-z_][a-z0-9_]*') THEN s "
    "ELSE '\"' || replace(s, '\"', '\"\"') || '\"' END",
    "quote_nullable(s) AS coalesce({fn}.quote_literal(s), 'NULL')",
    "identifier_(s) AS CASE WHEN regexp_full_match(s, '[a-z_][a-z0-9_$]*') THEN s ELSE "
    "'\"' || replace(s, '\"', '\"\"') || '\"' END",
    "string_to_array(s, sep) AS CASE WHEN sep IS NULL THEN string_split(s, '') "
    "WHEN s = '' THEN []::VARCHAR[] ELSE string_split(s, sep) END",
    "encode(b) AS system.main.encode(b), "
    "(b, how) AS CASE how WHEN 'hex' THEN lower(hex(b)) WHEN 'base64' THEN base64(b) "
    "ELSE error('unrecognized encoding: ' || how) END",
    "decode(s) AS system.main.decode(s), "
    "(s, how) AS CASE how WHEN 'hex' THEN unhex(s) WHEN 'base64' THEN from_base64(s) "
    "ELSE error('unrecognized encoding: ' || how) END",
    # The groups of a pattern, counted without escaped brackets and (?:.
    "groups_(p) AS len(regexp_extract_all(regexp_replace(p, '\\\\.|\\[[^\\]]*\\]', '', 'g'), "
    "'[(]([^?]|$)'))",
    "regexp_match(s, p) AS CASE WHEN NOT regexp_matches(s, p) THEN NULL "
    "WHEN {fn}.groups_(p) = 0 THEN [regexp_extract(s, p)] "
    "ELSE list_transform(range(1, {fn}.groups_(p) + 1), lambda n: "
    "regexp_replace(regexp_extract(s, p), p, '\\' || n)) END",
    # A pattern of SIMILAR TO as a regular expression, see dialect_constants.similar_regex.
    "similar_(p) AS array_to_string(list_transform(regexp_extract_all(p, "
    "'(?s)\\\\.|\\[[^\\]]*\\]|.'), lambda x: CASE WHEN x = '%' THEN '(?s:.*)' WHEN x = '_' "
    "THEN '(?s:.)' WHEN x IN ('.', '^', '$', '\\') THEN '\\' || x ELSE x END), '')",
    "substring_matching(s, p) AS ({fn}.regexp_match(s, p))[1]",
)

_ARRAYS = (
    "array_cat(a, b) AS list_concat(a, b)",
    "array_remove(a, one) AS list_filter(a, lambda x: x IS DISTINCT FROM one)",
    "array_dims(a) AS '[1:' || nullif(len(a), 0) || ']'",
    "array_to_string(a, sep) AS system.main.array_to_string(a, sep), "
    "(a, sep, missing) AS system.main.array_to_string(list_transform(a, "
    "lambda x: coalesce(CAST(x AS VARCHAR), missing)), sep)",
    "json_agg_(l) AS CAST('[' || system.main.array_to_string(list_transform(l, "
    "lambda x: coalesce(CAST(to_json(x) AS VARCHAR), 'null')), ', ') || ']' AS JSON)",
    "series_rows(a, b) AS unnest(cast_to_type(system.main.generate_series(a, b), [a])), "
    "(a, b, step) AS unnest(cast_to_type(system.main.generate_series(a, b, step), "
    "[coalesce(a, a + step)]))",
    "json_build_object(a, b) AS json_object(CAST(a AS VARCHAR), b), "
    "(a, b, c, d) AS json_object(CAST(a AS VARCHAR), b, CAST(c AS VARCHAR), d)",
)

_NUMBERS = (
    "div(a, b) AS CAST(trunc(a / b) AS DECIMAL(38, 0))",
    "sign(n) AS CAST(system.main.sign(n) AS DOUBLE)",
    "sqrt(x) AS CASE WHEN x < 0 THEN error('cannot take square root of a negative number') "
    "ELSE system.main.sqrt(x) END",
    "ln(x) AS CASE WHEN x = 0 THEN error('cannot take logarithm of zero') "
    "WHEN x < 0 THEN error('cannot take logarithm of a negative number') "
    "ELSE system.main.ln(x) END",
    "xor_(a, b) AS xor(a, b)",
    "root_(x) AS {fn}.sqrt(CAST(x AS DOUBLE))",
    "lastval() AS CAST(error('lastval is not yet defined in this session') AS BIGINT)",
    "every(b) AS bool_and(b)",
    "pg_typeof(x) AS coalesce(MAP {'varchar': 'text', 'float': 'real', "
    "'double': 'double precision', 'decimal': 'numeric', 'hugeint': 'numeric', "
    "'ubigint': 'numeric', 'tinyint': 'smallint', 'timestamp': 'timestamp without time zone', "
    "'time': 'time without time zone', 'blob': 'bytea', 'uinteger': 'oid'}[regexp_replace("
    "lower(typeof(x)), '\\(.*\\)|\\[\\]', '', 'g')], "
    "regexp_replace(lower(typeof(x)), '\\(.*\\)|\\[\\]', '', 'g')) "
    "|| if(suffix(typeof(x), '[]'), '[]', '')",
)

_TIMES = (
    # now() is the transaction's; the clock itself stands in a UUID of version 7, to milliseconds.
    "clock_timestamp() AS uuid_extract_timestamp(uuidv7())",
    "statement_timestamp() AS now()",
    "date_bin(width, moment, origin) AS time_bucket(CAST(width AS INTERVAL), moment, origin)",
    "isfinite(x) AS CAST(x AS VARCHAR) NOT IN ('infinity', '-infinity', 'inf', '-inf', 'nan')",
    # DuckDB's seconds are whole, its microseconds hold them too.
    "date_part(what, moment) AS CASE WHEN lower(what) IN ('second', 'seconds', 's', 'sec') "
    "THEN system.main.date_part('microsecond', moment) / 1000000.0 "
    "WHEN lower(what) IN ('millisecond', 'milliseconds', 'ms', 'msec') "
    "THEN system.main.date_part('microsecond', moment) / 1000.0 "
    "ELSE CAST(system.main.date_part(what, moment) AS DOUBLE) END",
    "extract_second(moment) AS CAST(system.main.date_part('microsecond', moment) / 1000000.0 "
    "AS DECIMAL(18, 6))",
    "extract_millisecond(moment) AS CAST(system.main.date_part('microsecond', moment) / 1000.0 "
    "AS DECIMAL(18, 3))",
    "extract_epoch(moment) AS CAST(system.main.date_part('epoch', moment) AS DECIMAL(18, 6))",
    "extract_field(what, moment) AS CAST(system.main.date_part(what, moment) AS DECIMAL(18, 0))",
    "make_interval(years := 0, months := 0, weeks := 0, days := 0, hours := 0, mins := 0, "
    "secs := 0) AS to_months(CAST(years * 12 + months AS INTEGER)) "
    "+ to_days(CAST(weeks * 7 + days AS INTEGER)) "
    "+ to_microseconds(CAST(round((hours * 3600 + mins * 60 + CAST(secs AS DOUBLE)) * 1000000) "
    "AS BIGINT))",
    # An interval's three parts: months, days, microseconds.
    "months_(i) AS datepart('year', i) * 12 + datepart('month', i)",
    "micros_(i) AS datepart('hour', i) * 3600000000 + datepart('minute', i) * 60000000 "
    "+ datepart('microsecond', i)",
    "interval_(months, days, micros) AS to_months(CAST(months AS INTEGER)) "
    "+ to_days(CAST(days AS INTEGER)) + to_microseconds(CAST(micros AS BIGINT))",
    "carried_(more, less, size) AS more + (less - less % size) // size",
    "borrowed_(more, less) AS CASE WHEN more > 0 AND less < 0 THEN -1 "
    "WHEN more < 0 AND less > 0 THEN 1 ELSE 0 END",
    # Days and time of one sign.
    "even_(months, days, micros) AS {fn}.interval_(months, days + {fn}.borrowed_(days, micros), "
    "micros - {fn}.borrowed_(days, micros) * {day_us})",
    "justify_hours(i) AS {fn}.even_({fn}.months_(i), {fn}.carried_(datepart('day', i), "
    "{fn}.micros_(i), {day_us}), {fn}.micros_(i) % {day_us})",
    "monthly_(months, days, micros) AS {fn}.interval_(months + {fn}.borrowed_(months, days), "
    "days - {fn}.borrowed_(months, days) * 30, micros)",
    "justify_days(i) AS {fn}.monthly_({fn}.carried_({fn}.months_(i), datepart('day', i), 30), "
    "datepart('day', i) % 30, {fn}.micros_(i))",
    "all_even_(months, days, micros) AS {fn}.even_("
    "months + {fn}.borrowed_(months, if(days = 0, micros, days)), "
    "days - {fn}.borrowed_(months, if(days = 0, micros, days)) * 30, micros)",
    "all_carried_(months, days, micros) AS {fn}.all_even_({fn}.carried_(months, days, 30), "
    "days % 30, micros)",
    "justify_interval(i) AS {fn}.all_carried_({fn}.months_(i), {fn}.carried_("
    "datepart('day', i), {fn}.micros_(i), {day_us}), {fn}.micros_(i) % {day_us})",
)

# generate_series() in FROM counts in the type of its arguments, see storage.pgwire.dialect.
_SERIES = (
    "series(a) AS TABLE (SELECT generate_series FROM system.main.generate_series(a)), "
    "(a, b) AS TABLE (SELECT cast_to_type(generate_series, coalesce(a, b)) AS generate_series "
    "FROM system.main.generate_series(a, b)), "
    "(a, b, step) AS TABLE (SELECT cast_to_type(generate_series, coalesce(a, a + step, b)) "
    "AS generate_series FROM system.main.generate_series(a, b, step))",
)


def install_functions(connection: duckdb.DuckDBPyConnection) -> None:
    """Make the macros; `pg_door` is attached already. Once for all cursors of the process."""
    connection.execute(f"CREATE SCHEMA IF NOT EXISTS {SCHEMA}")
    fills = {"{fn}": SCHEMA, "{day_us}": "86400000000"}
    for text in (*_TEXTS, *_INTEGERS, *_ARRAYS, *_NUMBERS, *_TIMES, *formatting.MACROS, *_SERIES):
        for key, value in fills.items():
            text = text.replace(key, value)
        connection.execute(f"CREATE OR REPLACE MACRO {SCHEMA}.{text}")
