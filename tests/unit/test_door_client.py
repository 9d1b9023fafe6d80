"""`orbitwin sql` through a real SQL door: forms, errors with SQLSTATE, a door that goes away."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import duckdb
import pytest

from orbitwin.cli import app
from orbitwin.door import DoorSession, SqlError
from orbitwin.errors import OrbitwinError
from orbitwin.health import Health
from storage.pgwire import Door, install_catalogue

PASSWORD = "correct horse"


@dataclass
class Open:
    """A data directory whose historian has its door open."""

    data: Path
    door: Door

    def session(self, password: str = PASSWORD) -> DoorSession:
        return DoorSession(self.door.host, self.door.port, "orbitwin", "twin", password)


@pytest.fixture
def opened(tmp_path: Path) -> Iterator[Open]:
    connection = duckdb.connect()
    connection.execute("create table latest as select 1::bigint as sat_id, 'a;b' as name")
    install_catalogue(connection, user="orbitwin", database="twin")
    door = Door(connection.cursor, password=PASSWORD)
    door.start()
    file = tmp_path / "door.password"
    file.write_text(PASSWORD + "\n")
    try:
        with Health("historian", tmp_path / "run") as health:
            health.ready()
            health.update(
                doors=[
                    {
                        "name": "sql",
                        "host": door.host,
                        "port": door.port,
                        "user": door.user,
                        "database": door.database,
                        "password_file": str(file),
                    }
                ]
            )
            yield Open(tmp_path, door)
    finally:
        door.stop()
        connection.close()


def sql(opened: Open, *words: str) -> int:
    return app.run(["sql", *words, "--data", str(opened.data)])


def test_every_form(opened: Open, capsys: pytest.CaptureFixture[str]) -> None:
    query = "select sat_id, name, true as t, null as nothing, 0.5::float8 as x from latest"
    assert sql(opened, "--json", query) == 0
    (row,) = json.loads(capsys.readouterr().out)
    assert row == {"sat_id": 1, "name": "a;b", "t": True, "nothing": None, "x": 0.5}
    assert sql(opened, "--csv", query) == 0
    table = list(csv.reader(io.StringIO(capsys.readouterr().out)))
    assert table == [["sat_id", "name", "t", "nothing", "x"], ["1", "a;b", "true", "", "0.5"]]
    assert sql(opened, query) == 0
    shown = capsys.readouterr()
    assert "a;b" in shown.out
    assert shown.err == "1 row\n"


def test_several_statements_and_no_parameters(
    opened: Open, capsys: pytest.CaptureFixture[str]
) -> None:
    assert sql(opened, "--json", "select ':a;' as a; -- two\nselect 2::int as b;") == 0
    lines = capsys.readouterr().out.splitlines()
    assert [json.loads(line) for line in lines] == [[{"a": ":a;"}], [{"b": 2}]]


@pytest.mark.parametrize(
    ("statement", "sqlstate"),
    [("select * from nowhere", "42P01"), ("selec 1", "42601"), ("drop table latest", "25006")],
)
def test_errors_are_one_line_with_sqlstate(
    statement: str, sqlstate: str, opened: Open, capsys: pytest.CaptureFixture[str]
) -> None:
    assert sql(opened, statement) == 1
    # the door, which is in this process here, logs what it refuses
    told = [line for line in capsys.readouterr().err.splitlines() if line.startswith("orbitwin: ")]
    assert told[0].startswith(f"orbitwin: {sqlstate}: ")


def test_a_wrong_password_is_said(opened: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(SqlError) as caught:
        opened.session("wrong")
    assert caught.value.sqlstate == "28P01"
    assert "wrong" not in str(caught.value)
    monkeypatch.setenv("ORBITWIN_DOOR__PASSWORD", PASSWORD)
    (opened.data / "door.password").unlink()
    assert sql(opened, "select 1") == 0  # the setting stands in for the file


def test_a_door_that_closes_is_said_and_tried_anew(opened: Open) -> None:
    session = opened.session()
    assert session.run("select 1 as a").columns == ["a"]
    opened.door.stop()
    with pytest.raises(OrbitwinError):
        session.run("select 1")
    with pytest.raises(OrbitwinError, match="does not answer"):
        session.run("select 1")
