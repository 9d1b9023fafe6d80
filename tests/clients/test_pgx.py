"""pgx v5, the Go driver of Grafana's PostgreSQL data source, by the program in go/.

Skipped where `go` is not on PATH; where its modules (pinned in go.sum) cannot be had, the build
fails and says so. What is built is kept in Go's own cache, so that a second run takes a second.
Grafana's dashboards by pgx are in test_pgx_dashboards.py.
"""

from __future__ import annotations

import os
from pathlib import Path

from tests.clients.conftest import Served, run_program, tool

GO = Path(__file__).with_name("go")


def test_pgx_reads_history(history_door: Served, tmp_path: Path) -> None:
    program = tmp_path / "reader"
    plain = os.environ | {"GOFLAGS": "-mod=readonly", "CGO_ENABLED": "0", "GOTOOLCHAIN": "local"}
    run_program([tool("go"), "build", "-o", str(program), "."], plain, GO)
    said = run_program(
        [str(program)], os.environ | {"DOOR_URL": f"{history_door.uri}?sslmode=disable"}, GO
    )
    assert sorted(said.splitlines()) == [
        "ok cache_describe", "ok cache_statement", "ok describe_exec", "ok exec",
        "ok simple_protocol", "ok types copy batch cancel",
    ]  # fmt: skip
