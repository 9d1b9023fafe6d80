"""psql, the real one, against the live door: its queries, its backslash commands, its copy."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from storage import tables
from tests.clients.conftest import Served, tool
from tests.door import PASSWORD, Twin, twin

PSQL = shutil.which("psql")
pytestmark = pytest.mark.skipif(PSQL is None, reason="psql is not installed")


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Twin]:
    with twin(tmp_path_factory.mktemp("psql")) as opened:
        yield opened


def psql(served: Twin, *commands: str, flags: str = "-X", script: str = "") -> str:
    done = subprocess.run(
        [str(PSQL), flags, served.url, *(part for one in commands for part in ("-c", one))],
        env=os.environ | {"PGPASSWORD": PASSWORD},
        input=script,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert not done.stderr or done.stderr.startswith("Did not find any"), done.stderr
    return done.stdout


def test_lists_tables(served: Twin) -> None:
    out = psql(served, r"\dt", flags="-XAt")
    assert out.splitlines() == [
        "public|latest|table|orbitwin",
        "public|satellite|table|orbitwin",
    ]
    assert "Satellites of the fleet" in psql(served, r"\dt+")


def test_describes_with_comments_and_units(served: Twin) -> None:
    out = psql(served, r"\d+ latest")
    assert "margin_w | double precision" in out and "Power margin [W]" in out
    out = psql(served, r"\d+ satellite")
    assert "numeric(10,2)" in out and "timestamp with time zone" in out
    assert "not null" in out and "PRIMARY KEY, btree (sat_id)" in out and "[kg]" in out


@pytest.mark.parametrize(
    "command",
    [r"\d", r"\d+", r"\l", r"\dn", r"\dn+", r"\du", r"\conninfo", r"\dx", r"\df", r"\dv", r"\di",
     r"\dT int4", r"\dS", r"\dp", r"\db", r"\encoding", r"\dd", r"\ds", r"\dm", r"\dE", r"\drds",
     r"\dL", r"\dO", r"\dy", r"\dew", r"\des", r"\det", r"\d lat*", r"\df+", r"\dA+", r"\db+",
     r"\deu", r"\dF", r"\dFd", r"\dFp", r"\dFt", r"\dl", r"\do", r"\dX", r"\dconfig",
     r"\dconfig+ *", r"\dAc", r"\dAf", r"\dAo", r"\dAp", r"\l+", r"\dT+", r"\dS+", r"\dRp", r"\dRs",
     r"\dc", r"\dC", r"\dD", r"\ddp", r"\da", r"\dP", r"\z", r"\d+ pg_class", r"\sv pg_tables"],
)  # fmt: skip
def test_backslash_commands_answer(served: Twin, command: str) -> None:
    psql(served, command)


def test_answers_as_postgresql_prints_them(served: Twin) -> None:
    out = psql(
        served,
        "SELECT true, 1.50, 1e20::float8, '2026-01-02 03:04:05.60+00'::timestamptz,"
        " interval '1 year 2 days 3 hours', ARRAY['a b', NULL], NULL, 7 / 2",
        flags="-XAt",
    )
    assert out == 't|1.50|1e+20|2026-01-02 03:04:05.6+00|1 year 2 days 03:00:00|{"a b",NULL}||3\n'


def test_several_statements_answer_in_turn(served: Twin) -> None:
    out = psql(served, "SELECT 1; -- nothing\n SELECT 2; SET work_mem = '1MB'; SHOW work_mem",
               flags="-XAt")  # fmt: skip
    assert out.split() == ["1", "2", "SET", "1MB"]
    assert psql(served, "-- only a comment") == ""


def test_gdesc_copy_and_fetch_count(served: Twin, tmp_path: Path) -> None:
    assert "count|bigint" in psql(
        served, script="SELECT count(*) FROM latest \\gdesc\n", flags="-XAt"
    )
    target = tmp_path / "out.csv"
    psql(served, rf"\copy (SELECT sat_id, name FROM latest ORDER BY 1) TO '{target}' CSV HEADER")
    assert target.read_text().splitlines()[:2] == ["sat_id,name", "0,S-0"]
    out = psql(served, r"\set FETCH_COUNT 100", "SELECT i FROM range(1000) t(i)", flags="-XAt")
    assert out.split() == [str(at) for at in range(1000)]


def test_interrupt_cancels_the_query(served: Twin) -> None:
    running = subprocess.Popen(
        [str(PSQL), "-X", served.url, "-c", "SELECT pg_sleep(60)"],
        env=os.environ | {"PGPASSWORD": PASSWORD},
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        time.sleep(1.0)
        running.send_signal(signal.SIGINT)
        _, said = running.communicate(timeout=10)
        assert "canceling statement due to user request" in said
    finally:
        running.kill()


def test_errors_point_at_the_place(served: Twin) -> None:
    done = subprocess.run(
        [str(PSQL), "-X", served.url, "-c", "SELECT sat_id, nope FROM latest"],
        env=os.environ | {"PGPASSWORD": PASSWORD}, capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    assert 'ERROR:  column "nope" does not exist' in done.stderr
    assert done.stderr.splitlines()[1:] == [
        "LINE 1: SELECT sat_id, nope FROM latest", " " * 23 + "^",
    ] or "^" in done.stderr  # fmt: skip


def of_history(door: Served, *commands: str, script: str = "") -> list[str]:
    """psql's unaligned lines about the product's own tables."""
    done = subprocess.run(
        [str(PSQL), "-XAt", door.dsn, *(part for one in commands for part in ("-c", one))],
        env=os.environ | {"PGPASSWORD": door.password},
        input=script,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert not done.stderr or done.stderr.startswith("Did not find any"), done.stderr
    return done.stdout.splitlines()


def test_describes_the_tables_of_history(history_door: Served) -> None:
    latest = of_history(history_door, r"\d latest")
    assert latest[0] == "sat_id|bigint|||" and "stale|boolean|||" in latest
    described = of_history(history_door, r"\d+ event")
    for field in tables.EVENT.fields:
        assert any(
            line.startswith(f"{field.name}|") and line.endswith(f"|{field.comment}")
            for line in described
        ), field
    listed = of_history(history_door, r"\dt+")
    assert any(
        line.startswith("public|satellite|table|orbitwin|") and line.endswith(tables.SATELLITE.text)
        for line in listed
    )


def test_lists_databases_schemas_roles_and_extensions(history_door: Served) -> None:
    assert of_history(history_door, r"\l")[0].startswith("twin|orbitwin|UTF8|C.UTF-8|")
    assert of_history(history_door, r"\dn") == ["public|orbitwin"]
    assert of_history(history_door, r"\du")[0].startswith("orbitwin|")
    assert of_history(history_door, r"\dx") == []
    told = of_history(history_door, script="SELECT sat_id, t_event FROM latest \\gdesc\n")
    assert told == ["sat_id|bigint", "t_event|timestamp with time zone"]


def test_pg_dump_writes_a_table_as_its_own_sql(history_door: Served) -> None:
    """The schema with its comments, and the rows: what `psql` reads into a PostgreSQL."""
    tool("pg_dump")
    done = subprocess.run(
        ["pg_dump", "--table=satellite", history_door.dsn],
        env=os.environ | {"PGPASSWORD": history_door.password},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert "CREATE TABLE public.satellite (" in lines and "    sat_id bigint," in lines
    assert f"COMMENT ON TABLE public.satellite IS '{tables.SATELLITE.text}';" in lines
    start = next(at for at, line in enumerate(lines) if line.startswith("COPY public.satellite"))
    assert lines.index("\\.", start) - start - 1 == 42


def test_tab_completes_names_of_tables_and_columns(history_door: Served) -> None:
    """The interactive psql asks pg_class, pg_table_is_visible and pg_attribute at each Tab."""
    import pty

    main, other = pty.openpty()
    running = subprocess.Popen(
        [str(PSQL), "-XAtq", "--no-psqlrc", history_door.dsn],
        env=os.environ | {"PGPASSWORD": history_door.password, "TERM": "dumb", "PAGER": "cat"},
        stdin=other, stdout=other, stderr=other, start_new_session=True,
    )  # fmt: skip
    os.close(other)
    try:
        os.write(main, b"SELECT count(*) FROM satel\t;\n\\q\n")
        said = b""
        until = time.monotonic() + 20
        while time.monotonic() < until:
            try:
                part = os.read(main, 4096)
            except OSError:
                break
            if not part:
                break
            said += part
        assert b"satellite" in said and b"\r\n42\r\n" in said, said
        assert running.wait(timeout=10) == 0
    finally:
        running.kill()
        running.wait()
        os.close(main)
