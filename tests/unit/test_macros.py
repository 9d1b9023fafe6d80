"""Variables and macros against the examples of Grafana's documentation (13.1).

"Variable syntax" (dashboards/variables/variable-syntax) and "PostgreSQL query editor"
(datasources/postgres/query-editor); the macro texts are what its PostgreSQL source puts in with
TimescaleDB support on and off.
"""

from datetime import UTC, datetime

import pytest

from dashboards.macros import (
    ALL,
    MacroError,
    Scope,
    Variable,
    expand,
    format_interval,
    parse_interval_s,
)


def us(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp() * 1_000_000)


# The range of the documentation's examples.
SCOPE = Scope(us("2017-04-21T05:01:17"), us("2017-04-21T05:06:17"), 10_000)


@pytest.mark.parametrize(
    ("sql", "expected"),
    [
        ("$__time(dateColumn)", 'dateColumn AS "time"'),
        ("$__timeEpoch(dateColumn)", 'extract(epoch from dateColumn) as "time"'),
        (
            "$__timeFilter(dateColumn)",
            "dateColumn BETWEEN '2017-04-21T05:01:17Z' AND '2017-04-21T05:06:17Z'",
        ),
        ("$__timeFrom()", "'2017-04-21T05:01:17Z'"),
        ("$__timeTo()", "'2017-04-21T05:06:17Z'"),
        ("$__timeGroup(dateColumn,'5m')", "time_bucket('300.000s',dateColumn)"),
        ("$__timeGroup(dateColumn, '5m', 0)", "time_bucket('300.000s',dateColumn)"),
        ("$__timeGroup(dateColumn,'5m', NULL)", "time_bucket('300.000s',dateColumn)"),
        ("$__timeGroup(dateColumn,'5m', previous)", "time_bucket('300.000s',dateColumn)"),
        ("$__timeGroupAlias(dateColumn,'5m')", "time_bucket('300.000s',dateColumn) AS \"time\""),
        ("$__timeGroup(ts, $__interval)", "time_bucket('10.000s',ts)"),
        (
            "$__unixEpochFilter(dateColumn)",
            "dateColumn >= 1492750877 AND dateColumn <= 1492751177",
        ),
        ("$__unixEpochFrom()", "1492750877"),
        ("$__unixEpochTo()", "1492751177"),
        (
            "$__unixEpochNanoFilter(dateColumn)",
            "dateColumn >= 1492750877000000000 AND dateColumn <= 1492751177000000000",
        ),
        ("$__unixEpochNanoFrom()", "1492750877000000000"),
        ("$__unixEpochNanoTo()", "1492751177000000000"),
        ("$__unixEpochGroup(dateColumn,'5m')", "floor((dateColumn)/300)*300"),
        ("$__unixEpochGroupAlias(dateColumn,'5m')", 'floor((dateColumn)/300)*300 AS "time"'),
        ("$__interval, $__interval_ms, ${__interval}", "10s, 10000, 10s"),
        ("$__from ${__to} ${__from:date:seconds}", "1492750877000 1492751177000 1492750877"),
        ("${__from:date} ${__from:date:iso}", "2017-04-21T05:01:17.000Z 2017-04-21T05:01:17.000Z"),
    ],
)
def test_against_grafanas_documented_macros(sql: str, expected: str) -> None:
    assert expand(sql, SCOPE) == expected


def test_without_timescaledb() -> None:
    scope = Scope(0, 1, timescaledb=False)
    assert expand("$__timeGroup(t,'5m')", scope) == "floor(extract(epoch from t)/300)*300"


def test_fractions_of_a_second_keep_no_trailing_zeros() -> None:
    scope = Scope(1_500_000, 2_123_456)
    assert expand("$__timeFrom() $__timeTo()", scope) == (
        "'1970-01-01T00:00:01.5Z' '1970-01-01T00:00:02.123456Z'"
    )


def test_a_comma_behind_the_first_time_group_makes_it_an_alias_everywhere() -> None:
    sql = "SELECT $__timeGroup(ts,'1s'), v GROUP BY $__timeGroup(ts,'1s')"
    bucket = "time_bucket('1.000s',ts) AS \"time\""
    assert expand(sql, SCOPE) == f"SELECT {bucket}, v GROUP BY {bucket}"
    named = "SELECT $__timeGroup(ts,'1s') AS time, v GROUP BY $__timeGroup(ts,'1s')"
    assert expand(named, SCOPE).count("AS") == 1


@pytest.mark.parametrize(
    "sql",
    ["$__timeGroup(ts)", "$__timeGroup(ts, soon)", "$__timeFilter()", "$__nothing(ts)",
     "$__timeGroup(ts, '1s', fill)", "${__from:date:YYYY}"],
)  # fmt: skip
def test_what_grafana_refuses_is_refused(sql: str) -> None:
    with pytest.raises(MacroError):
        expand(sql, SCOPE)


SERVERS = Variable(("test1", "test2"), multi=True)


@pytest.mark.parametrize(
    ("form", "values", "expected"),
    [
        ("csv", ("test1", "test2"), "test1,test2"),
        ("distributed", ("test1", "test2"), "test1,servers=test2"),
        ("doublequote", ("test1", "test2"), '"test1","test2"'),
        ("glob", ("test1", "test2"), "{test1,test2}"),
        ("json", ("test1", "test2"), '["test1","test2"]'),
        ("pipe", ("test1.", "test2"), "test1.|test2"),
        ("raw", ("test1.", "test2"), "test1.,test2"),
        ("regex", ("test1.", "test2"), r"(test1\.|test2)"),
        ("singlequote", ("test1", "test2"), "'test1','test2'"),
        ("sqlstring", ("test'1", "test2"), "'test''1','test2'"),
        ("text", ("test1", "test2"), "test1 + test2"),
        ("no_such_format", ("test1", "test2"), "{test1,test2}"),
    ],
)
def test_against_grafanas_documented_formats(
    form: str, values: tuple[str, ...], expected: str
) -> None:
    scope = Scope(0, 1, variables={"servers": Variable(values, multi=True)})
    assert expand(f"${{servers:{form}}}", scope) == expected
    if form != "no_such_format":
        assert expand(f"[[servers:{form}]]", scope) == expected


def test_the_sql_sources_own_quoting() -> None:
    scope = Scope(
        0,
        1,
        variables={
            "servers": SERVERS,
            "one": Variable("it's"),
            "one_of_many": Variable("it's", multi=True),
        },
    )
    assert expand("IN ($servers) [[servers]]", scope) == "IN ('test1','test2') 'test1','test2'"
    assert expand("'$one' ${one}", scope) == "'it''s' it''s"
    assert expand("$one_of_many", scope) == "'it''s'"
    assert expand("$unknown ${unknown:csv}", scope) == "$unknown ${unknown:csv}"


def test_all_is_every_option_or_its_own_text() -> None:
    every = Variable(ALL, multi=True, include_all=True, options=("a", "b"))
    own = Variable((ALL,), multi=True, include_all=True, all_value="shell")
    scope = Scope(0, 1, variables={"every": every, "own": own})
    assert expand("$every | ${every:pipe}", scope) == "'a','b' | a|b"
    assert expand("shell IN (${own:sqlstring}) $own", scope) == "shell IN (shell) shell"


def test_search_is_a_prefix_and_quoted() -> None:
    sql = "name LIKE '$__searchFilter'"
    assert expand(sql, Scope(0, 1)) == "name LIKE '%'"
    assert expand(sql, Scope(0, 1, search="o'n")) == "name LIKE 'o''n%'"


def test_intervals() -> None:
    cases = ((1, "1ms"), (999, "999ms"), (1500, "1s"), (90_000, "1m"), (7_200_000, "2h"))
    for ms, text in (*cases, (172_800_000, "2d")):
        assert format_interval(ms) == text
    assert parse_interval_s("1h30m") == 5400
    assert parse_interval_s("1.5s") == 1.5
    assert parse_interval_s("1d") == 86_400
