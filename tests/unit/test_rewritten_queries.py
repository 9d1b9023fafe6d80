"""Rewritten catalogue queries are kept, but for what a session answers for itself."""

from __future__ import annotations

from storage.pgwire import rewritten as kept
from storage.pgwire.rewrite import Context, rewrite


def context(pid: int, zone: str, database: str = "twin") -> Context:
    return Context(
        user="orbitwin", database=database, pid=pid, version="PostgreSQL 15",
        setting=lambda _name: zone, set_config=lambda _name, value, _local: value,
        settings=lambda: [("timezone", zone)],
    )  # fmt: skip


def test_the_same_is_answered_the_same() -> None:
    sql = "SELECT relname FROM pg_class WHERE relkind = 'r'"
    one = context(1, "UTC")
    assert kept.rewritten(sql, one) == kept.rewritten(sql, one) == rewrite(sql, one)


def test_each_session_has_its_own() -> None:
    for sql in (
        "SELECT current_setting('timezone')",
        "SELECT setting FROM pg_settings",
        "SELECT pg_backend_pid()",
    ):
        told = [kept.rewritten(sql, context(pid, zone)) for pid, zone in ((1, "a"), (2, "b"))]
        assert told[0] != told[1], sql


def test_each_database_has_its_own() -> None:
    told = [kept.rewritten("SELECT current_database()", context(1, "a", db)) for db in ("x", "y")]
    assert told[0] != told[1]


def test_as_many_are_kept_as_may_be() -> None:
    for number in range(kept._MOST + 10):
        kept.rewritten(f"SELECT oid FROM pg_class WHERE oid = {number}", context(1, "a"))
    assert len(kept._kept) == kept._MOST
