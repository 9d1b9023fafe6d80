"""`orbitwin serve`: a stopped twin's history through both doors, and what it refuses."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
import pytest

from orbitwin.cli import app, serve
from orbitwin.cli.sql_session import open_session
from orbitwin.settings_source import load
from storage import stopped
from tests import history
from tests.flight import Client

FREE = ("--port", "0", "--flight-port", "0")


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The data directory of a twin that has stopped after forty seconds."""
    folder = tmp_path_factory.mktemp("stopped")
    writer = history.open_writer(folder)
    for record in history.rest(writer, history.make_log(40)):
        writer.intake.take(record)
    writer.commit()
    history.shut(writer)
    return folder


def command(data: Path, *words: str) -> list[str]:
    return [sys.executable, "-m", "orbitwin", "serve", "--data", str(data), *words]


@contextmanager
def serving(data: Path, *words: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """The process, and the first line that it printed."""
    process = subprocess.Popen(
        command(data, *words), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    try:
        assert process.stdout is not None
        yield process, process.stdout.readline()
    finally:
        if process.poll() is None:
            process.kill()
        process.communicate()


def test_both_doors_answer_what_was_stored_and_nothing_is_changed(data: Path) -> None:
    before = {p.name: p.stat().st_mtime_ns for p in data.iterdir() if p.suffix != ".password"}
    with serving(data, *FREE, "--json") as (process, line):
        told: dict[str, Any] = json.loads(line)
        sql, flight = told["doors"]
        assert told["data"] == str(data)
        assert (sql["name"], flight["name"]) == ("sql", "flight")
        password = Path(sql["password_file"]).read_text().strip()
        queries = (
            "SELECT count(*) AS n FROM latest",
            "SELECT count(*) AS n FROM event",
            "SELECT count(*) AS n FROM sat_raw",
        )
        client = Client(flight["url"], flight["user"], password)
        with psycopg.connect(sql["url"], password=password, autocommit=True) as session:
            for query in queries:
                (rows,) = session.execute(query).fetchall()
                assert rows[0] > 0
                assert client.query(query)["n"].to_pylist() == [rows[0]]
            assert session.execute(queries[0]).fetchone() == (42,)
            with pytest.raises(psycopg.errors.ReadOnlySqlTransaction):
                session.execute("DELETE FROM event")
            client.close()
            # `orbitwin sql` beside it is no harm.
            with open_session(load({"data": data}, None)) as asked:
                assert [list(row) for row in asked.run(queries[0]).rows] == [[42]]
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=10)
        assert process.returncode == 0 and "Traceback" not in errors
    after = {p.name: p.stat().st_mtime_ns for p in data.iterdir() if p.suffix != ".password"}
    assert {n: t for n, t in after.items() if n in before} == before


def test_people_read_how_to_connect(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    settings = load({"data": data, "door.port": 0, "door.flight_port": 0}, None)
    with stopped.doors_on(settings) as doors:
        serve._print(settings, doors.describe(settings))
    first, sql, flight = capsys.readouterr().out.splitlines()
    assert "read-only" in first
    assert sql.startswith("sql ") and 'psql "postgresql://orbitwin@127.0.0.1:' in sql
    assert flight.startswith("flight ") and "grpc://127.0.0.1:" in flight


def test_what_cannot_be_served_is_said_with_what_to_do(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def refused(folder: Path, *words: str) -> tuple[int, str]:
        code = app.run(["serve", "--data", str(folder), *words])
        shown = capsys.readouterr()
        assert shown.out == "" and "hint:" in shown.err
        return code, shown.err

    code, text = refused(tmp_path / "nowhere")
    assert code == 2 and "no such directory" in text
    code, text = refused(tmp_path)
    assert code == 2 and "no history in" in text and "orbitwin up" in text
    (tmp_path / "run.json").write_text(json.dumps({"pid": os.getpid()}))
    code, text = refused(tmp_path)
    assert code == 3 and "has doors of its own" in text and "orbitwin status" in text
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        code, text = refused(data, "--port", port)
        assert code == 3 and f"SQL door's port 127.0.0.1:{port} is taken" in text
        code, text = refused(data, "--port", "0", "--flight-port", port)
        assert code == 3 and f"Flight door's port 127.0.0.1:{port} is taken" in text
    code, text = refused(data, "--host", "0.0.0.0")
    assert code == 2 and "tls_certfile" in text
