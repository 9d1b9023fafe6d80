"""Every SQL text of dashboards and alert rules by pgx, the driver of Grafana's PostgreSQL source.

Macros and variables are expanded as Grafana expands them (tests/unit/test_macros.py holds that to
its documentation), the text is sent as its source sends it, and pgx reads each value by the type
that its column says: the same columns, types and values as psycopg gets, which is another reading
of the protocol. Skipped where `go` is not on PATH.
"""

from __future__ import annotations

import json
import os
import subprocess
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from dashboards import all_dashboards
from dashboards.alerts import all_alerts
from dashboards.macros import expand
from tests import grafana_store as store
from tests.clients.conftest import run_program, tool

GO = Path(__file__).with_name("go")


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("pgx") / "panels"
    plain = os.environ | {"GOFLAGS": "-mod=readonly", "CGO_ENABLED": "0", "GOTOOLCHAIN": "local"}
    run_program([tool("go"), "build", "-o", str(made), "./panels"], plain, GO)
    return made


def texts() -> list[str]:
    """As Grafana sends them for 15 minutes and for a month; the clock stands at `store.NOW`."""
    found: dict[str, None] = {}
    for back, interval_ms in (
        (timedelta(minutes=15), 1_000),
        (timedelta(days=30), 3_600_000),
    ):
        for stem, made in all_dashboards(store.VEHICLES.values()).items():
            scope = store.scope(stem, back, interval_ms)
            asked = [t["rawSql"] for p in made["panels"] for t in p.get("targets", ())]
            asked += [mark["target"]["rawSql"] for mark in made["annotations"]["list"]]
            asked += [variable["query"] for variable in made["templating"]["list"]]
            found |= dict.fromkeys(expand(sql, scope) for sql in asked)
    found |= dict.fromkeys(alert.sql.strip() for alert in all_alerts([*store.VEHICLES.values()]))
    at = f"TIMESTAMPTZ '{store.NOW.isoformat()}'"
    return [sql.replace("now()", at) for sql in found]


def plain(value: Any) -> Any:
    """A value of psycopg's in the form of the Go program."""
    if isinstance(value, datetime):
        return value.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")
    if isinstance(value, bool):
        return value
    return float(value) if isinstance(value, int | Decimal) else value


def test_pgx_reads_what_psycopg_reads(program: Path) -> None:
    store.begin()
    db = store.new_database()
    store.fill_all(db)
    asked = texts()
    with store.served(db) as reader:
        url = f"postgresql://orbitwin:door@127.0.0.1:{reader.port}/twin?sslmode=disable"
        done = subprocess.run(
            [str(program)], input="".join(json.dumps(sql) + "\n" for sql in asked),
            env=os.environ | {"DOOR_URL": url}, capture_output=True, text=True, timeout=300,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        answers = [json.loads(line) for line in done.stdout.splitlines()]
        assert len(answers) == len(asked) > 400
        for sql, answer in zip(asked, answers, strict=True):
            mine = reader.ask(sql)
            assert answer["columns"] == mine.columns, sql
            assert [store.TYPES.get(t, str(t)) for t in answer["types"]] == mine.types, sql
            assert answer["rows"] == [[plain(v) for v in row] for row in mine.rows], sql
    assert sum(len(answer["rows"]) for answer in answers) > 10_000
