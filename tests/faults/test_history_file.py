"""P01-P05: a file of history that cannot be opened or written is said so in one line."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
from pathlib import Path

import duckdb
import pytest

from orbitwin.door import DoorSession, SqlError
from orbitwin.errors import EXIT_BUSY, EXIT_USAGE, OrbitwinError
from orbitwin.settings import Settings
from storage import database, segments, stopped, tables
from tests import history


def refused(data_dir: Path) -> OrbitwinError:
    with pytest.raises(OrbitwinError) as caught:
        database.open_writer(data_dir)
    assert "\n" not in str(caught.value)
    return caught.value


def fill(data_dir: Path, records: int = 60) -> None:
    writer = history.open_writer(data_dir)
    for record in history.rest(writer, history.make_log(20))[:records]:
        writer.intake.take(record)
    history.shut(writer)


def test_locked_by_another_process_names_it(tmp_path: Path) -> None:
    """P02: exit 3, with the pid of the process that has the file."""
    code = (
        "import sys, duckdb; c = duckdb.connect(sys.argv[1]); print('open', flush=True); "
        "sys.stdin.read()"
    )
    holder = subprocess.Popen(
        [sys.executable, "-c", code, str(database.path_in(tmp_path))],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    try:
        assert holder.stdout is not None and holder.stdout.readline()
        error = refused(tmp_path)
        assert error.exit_code == EXIT_BUSY
        assert str(holder.pid) in error.message
    finally:
        holder.kill()
        holder.communicate()


def test_of_another_program(tmp_path: Path) -> None:
    connection = duckdb.connect(str(database.path_in(tmp_path)))
    connection.execute("CREATE TABLE invoices (a INTEGER)")
    connection.close()
    error = refused(tmp_path)
    assert error.exit_code == EXIT_USAGE
    assert "another program" in error.message and "invoices" in error.message


def test_sqlite(tmp_path: Path) -> None:
    path = database.path_in(tmp_path)
    connection = sqlite3.connect(path)
    connection.execute("CREATE TABLE t (a)")
    connection.commit()
    connection.close()
    before = path.read_bytes()
    error = refused(tmp_path)
    assert error.exit_code == EXIT_USAGE and "SQLite" in error.message
    assert path.read_bytes() == before


def test_newer_layout(tmp_path: Path) -> None:
    """P04: refused, and left as it is."""
    fill(tmp_path)
    connection = duckdb.connect(str(database.path_in(tmp_path)))
    connection.execute(f"UPDATE schema_version SET version = {tables.SCHEMA_VERSION + 1}")
    connection.close()
    error = refused(tmp_path)
    assert error.exit_code == EXIT_USAGE and "newer" in error.message


@pytest.mark.parametrize("damage", ["zero header", "cut", "not a database"])
def test_damaged_header(tmp_path: Path, damage: str) -> None:
    """P03: never silently begun anew."""
    fill(tmp_path)
    path = database.path_in(tmp_path)
    content = path.read_bytes()
    path.write_bytes(
        {
            "zero header": bytes(4096) + content[4096:],
            "cut": content[:2000],
            "not a database": b"hello, this is a text" * 1000,
        }[damage]
    )
    before = path.read_bytes()
    error = refused(tmp_path)
    assert path.name in error.message and error.hint
    assert path.read_bytes() == before


def test_damaged_blocks_are_found_by_a_scan(tmp_path: Path) -> None:
    """P03: DuckDB opens such a file and complains only where it reads."""
    fill(tmp_path, 1000)
    path = database.path_in(tmp_path)
    content = bytearray(path.read_bytes())
    block = 262_144
    for at in range(12_288 + 2000, len(content), block):
        content[at : at + 64] = b"\xff" * 64
    path.write_bytes(content)
    try:
        opened = database.open_writer(tmp_path)
    except OrbitwinError as error:
        assert path.name in error.message
    else:
        assert list(database.scan(opened.connection))
        opened.close()


def test_torn_write_ahead_log(tmp_path: Path) -> None:
    """P03: what was committed before the tear is there; the rest comes from Kafka again."""
    log = history.make_log(20)
    code = (
        "import os, sys; from pathlib import Path; from tests import history\n"
        "w = history.open_writer(Path(sys.argv[1]))\n"
        "for n, r in enumerate(history.rest(w, history.make_log(20))):\n"
        "    w.intake.take(r)\n"
        "    if n % 9 == 8: w.commit()\n"
        "os._exit(9)"
    )
    root = Path(__file__).resolve().parents[2]
    subprocess.run([sys.executable, "-c", code, str(tmp_path)], cwd=root, check=False)
    wal = tmp_path / (database.FILE_NAME + ".wal")
    os.truncate(wal, wal.stat().st_size - 500)
    writer = history.open_writer(tmp_path)
    left = history.rest(writer, log)
    assert left
    for record in left:
        writer.intake.take(record)
    history.shut(writer)
    whole = tmp_path / "whole"
    writer = history.open_writer(whole)
    for record in history.rest(writer, log):
        writer.intake.take(record)
    history.shut(writer)
    wanted, found = history.contents(whole), history.contents(tmp_path)
    assert {t: sorted(map(str, r)) for t, r in wanted.items()} == {
        t: sorted(map(str, r)) for t, r in found.items()
    }


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_directory_that_cannot_be_written(tmp_path: Path) -> None:
    """P05."""
    tmp_path.chmod(0o500)
    try:
        assert refused(tmp_path).exit_code == EXIT_USAGE
    finally:
        tmp_path.chmod(0o700)


def test_directory_that_is_a_file(tmp_path: Path) -> None:
    """P05."""
    path = tmp_path / "data"
    path.write_text("x")
    assert refused(path).exit_code == EXIT_USAGE


def test_a_stopped_twin_is_read_and_not_written(tmp_path: Path) -> None:
    fill(tmp_path)
    with stopped.door_on(Settings(data=tmp_path)) as (door, password):
        session = DoorSession(door.host, door.port, door.user, door.database, password)
        answer = session.run("SELECT count(*) FROM latest")
        assert (answer.columns, list(answer.rows)) == (["count"], [[42]])
        for statement in ("DELETE FROM frame", "SELECT * FROM '/etc/passwd'"):
            with pytest.raises(SqlError):
                session.run(statement)
        session.close()


def test_no_history_in_a_directory(tmp_path: Path) -> None:
    with pytest.raises(OrbitwinError) as caught, stopped.door_on(Settings(data=tmp_path)):
        pass
    assert caught.value.exit_code == EXIT_USAGE
    assert not database.path_in(tmp_path).exists()


def test_segments_go_whole_and_by_store_time(tmp_path: Path) -> None:
    opened = database.open_writer(tmp_path)
    ring = segments.Ring(opened.connection, tables.FRAME, 120.0)
    ring.start(1_000.0)
    for now_s in range(1_000, 1_400, 10):
        if ring.is_due(now_s):
            ring.turn(now_s)
        opened.connection.execute(
            f"INSERT INTO {ring.target} (seq, t_event) VALUES (?, '1999-01-01 00:00:00+00')",
            [now_s],
        )
        ring.written(1)
    ((oldest, newest),) = opened.connection.execute(
        "SELECT min(seq), max(seq) FROM frame"
    ).fetchall()
    assert newest == 1_390
    assert 1_390 - 120 - 20 <= oldest <= 1_390 - 120
    again = segments.Ring(opened.connection, tables.FRAME, 120.0)
    again.start(1_400.0)
    assert again.opened_s == ring.opened_s
    while again.drop_oldest(1_400.0):
        again.turn(1_400.0)
        if len(again.opened_s) == 1:
            break
    assert opened.connection.execute("SELECT count(*) FROM frame").fetchall()[0][0] < 3
    opened.close()
