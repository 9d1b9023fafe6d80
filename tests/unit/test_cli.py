"""The command line: help with examples, one-line errors, exit codes, status and sql's reading."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from orbitwin import parts
from orbitwin.cli import app, reference
from orbitwin.cli.sql import is_complete
from orbitwin.cli.status import psql_line, read_status
from orbitwin.errors import OrbitwinError
from orbitwin.health import Health
from orbitwin.settings_reference import markdown as settings_markdown
from orbitwin.settings_source import setting_fields

ROOT = Path(__file__).resolve().parents[2]
VERBS = dict(reference.verbs())
READ_VERBS = (
    "status", "sql", "check", "doctor", "profiles", "evaluate", "conjunction", "topics list", "up",
)  # fmt: skip


@pytest.fixture(autouse=True)
def _own_data_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ORBITWIN_DATA", str(tmp_path / "data"))


@pytest.fixture
def a_twin(tmp_path: Path) -> Iterator[Path]:
    """A run directory made by real Health servers, as four parts would make it."""
    data = tmp_path / "data"
    run = data / "run"
    with (
        Health("historian", run) as historian,
        Health("processor", run) as processor,
        Health("producer", run) as producer,
    ):
        for health in (historian, processor, producer):
            health.ready()
        producer.progress(rate=81.0, rows_sent=810, finished=False)
        processor.progress(rate=81.0, lag=0)
        historian.progress(
            rate=80.9,
            lag=1,
            doors=[
                {
                    "name": "sql",
                    "host": "127.0.0.1",
                    "port": 5433,
                    "user": "orbitwin",
                    "database": "twin",
                    "password_file": str(data / "door.password"),
                }
            ],
        )
        parts.write_twin(
            data,
            {
                "profile": "suncatcher_81",
                "satellites": 81,
                "bootstrap": f"127.0.0.1:{producer.port}",  # something that takes calls
                "broker_pid": os.getpid(),
            },
        )
        yield data


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_has_examples_that_name_it(verb: str) -> None:
    text = VERBS[verb]
    assert "Examples:" in text
    assert re.search(rf"\n +(echo .* \| )?{verb}\b", text.partition("Examples:")[2])


@pytest.mark.parametrize("verb", READ_VERBS)
def test_every_verb_that_reads_takes_json(verb: str) -> None:
    assert "--json" in VERBS[f"orbitwin {verb}"]


@pytest.mark.parametrize(("page", "text"), [("cli", reference.markdown()),
                                            ("settings", settings_markdown())])  # fmt: skip
def test_the_reference_pages_are_up_to_date(page: str, text: str) -> None:
    command = {"cli": "orbitwin.cli.reference", "settings": "orbitwin.settings_reference"}[page]
    written = (ROOT / "docs" / f"{page}.md").read_text(encoding="utf-8")
    assert written == text, f"python -m {command} > docs/{page}.md"


def test_the_settings_page_lists_every_setting() -> None:
    page = (ROOT / "docs" / "settings.md").read_text(encoding="utf-8")
    assert not [name for name, _ in setting_fields() if f"`{name.split('.')[-1]}`" not in page]


def test_help_imports_none_of_the_heavy_libraries() -> None:
    heavy = "numpy pyarrow polars kafka faust duckdb rich pydantic skyfield psutil"
    code = (
        "import sys; from orbitwin.cli.app import run; run(['--help']); "
        f"print([m for m in '{heavy}'.split() if m in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=True
    )
    assert done.stdout.splitlines()[-1] == "[]"


def test_an_error_is_one_line_and_a_hint(capsys: pytest.CaptureFixture[str]) -> None:
    assert app.run(["produce", "synthetic"]) == 2
    shown = capsys.readouterr()
    assert shown.out == ""
    lines = shown.err.splitlines()
    assert len(lines) == 2
    assert lines[0].startswith("orbitwin: no Kafka cluster is given")
    assert lines[1].startswith("  hint: give --bootstrap")


def test_a_mistake_of_ours_is_no_traceback_either(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(**_: object) -> None:
        raise ZeroDivisionError("one\ntwo")

    monkeypatch.setattr(app, "app", broken)
    assert app.run(["status"]) == 1
    assert "unexpected ZeroDivisionError: one two" in capsys.readouterr().err
    with pytest.raises(ZeroDivisionError):
        app.run(["status", "--debug"])


def test_debug_shows_where_an_error_is_from() -> None:
    with pytest.raises(OrbitwinError):
        app.run(["produce", "synthetic", "--debug"])


def test_an_unknown_setting_ends_with_2(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ORBITWIN_DOOR__PROT", "1")
    assert app.run(["status"]) == 2
    assert "did you mean ORBITWIN_DOOR__PORT?" in capsys.readouterr().err


def test_p05_a_data_directory_that_cannot_be_written(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    (tmp_path / "file").touch()
    words = ["store", "--bootstrap", "127.0.0.1:1", "--data", str(tmp_path / "file")]
    assert app.run(words) == 2
    assert "cannot write to the data directory" in capsys.readouterr().err


def test_status_has_the_shape_that_is_promised(
    a_twin: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert app.run(["status", "--json", "--data", str(a_twin)]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["profile"] == "suncatcher_81"
    assert [p["name"] for p in document["parts"]] == [
        "producer", "broker", "processor", "historian",
    ]  # fmt: skip
    for part in document["parts"]:
        assert list(part)[:5] == ["name", "pid", "state", "rate", "lag"]
        assert (part["pid"], part["state"]) == (os.getpid(), "running")
    assert document["parts"][3]["rate"] == 80.9
    assert document["parts"][3]["lag"] == 1
    (door,) = document["doors"]
    assert door["name"] == "sql"
    assert door["url"] == "postgresql://orbitwin@127.0.0.1:5433/twin"
    assert door["password_file"] == str(a_twin / "door.password")


def test_status_prints_a_ready_psql_line(a_twin: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert app.run(["status", "--data", str(a_twin)]) == 0
    shown = capsys.readouterr().out
    assert f'PGPASSWORD="$(cat {a_twin}/door.password)" psql "postgresql://orbitwin@' in shown
    assert "historian" in shown


def test_the_psql_line_holds_for_a_path_with_a_space(tmp_path: Path) -> None:
    file = tmp_path / "a b's" / "door.password"
    file.parent.mkdir()
    file.write_text("it's s3cret\n")
    line = psql_line({"url": "postgresql://u@127.0.0.1:1/twin", "password_file": file})
    printed = line.replace(' psql "', ' sh -c \'printf %s "$PGPASSWORD"\' "', 1)
    done = subprocess.run(["sh", "-c", printed], capture_output=True, text=True, check=True)
    assert done.stdout == "it's s3cret"


def test_status_of_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert app.run(["status", "--json"]) == 1
    shown = capsys.readouterr()
    assert json.loads(shown.out) == {"parts": [], "doors": []}
    assert "no twin runs in" in shown.err


def test_status_of_a_part_that_was_killed(a_twin: Path) -> None:
    (a_twin / "run" / "processor-2.json").write_text(
        '{"pid": 999999999, "health_port": 9, "started_us": 1}'
    )
    second = read_status(a_twin)["parts"][3]
    assert (second["name"], second["worker"], second["state"]) == ("processor", 2, "dead")


def test_status_of_a_part_that_is_being_started_again(a_twin: Path) -> None:
    twin = parts.read_twin(a_twin)
    (a_twin / "run" / "historian.json").unlink()
    historian = {"name": "historian", "pid": None, "state": "restarting", "restarts": 2}
    producer = {"name": "producer", "pid": 1, "state": "running", "restarts": 1}
    reason = {"reason": "ended with SIGKILL"}
    parts.write_twin(a_twin, {**twin, "parts": [historian | reason, producer | {"reason": ""}]})
    documents = read_status(a_twin)["parts"]
    assert [d["name"] for d in documents] == ["producer", "broker", "processor", "historian"]
    assert documents[0]["restarts"] == 1
    assert documents[0]["pid"] == os.getpid()
    last = documents[3]
    assert (last["state"], last["reason"]) == ("restarting", "ended with SIGKILL")
    assert (last["pid"], last["rate"], last["restarts"]) == (None, None, 2)


def test_profiles_are_listed_and_explained(capsys: pytest.CaptureFixture[str]) -> None:
    assert app.run(["profiles", "--json"]) == 0
    listed = json.loads(capsys.readouterr().out)["profiles"]
    assert ("suncatcher_81", 81) in [(p["name"], p["satellites"]) for p in listed]
    assert app.run(["profiles", "suncatcher_81"]) == 0
    shown = capsys.readouterr().out
    assert "arXiv 2511.19468" in shown
    assert "orbitwin up --profile suncatcher_81" in shown
    assert app.run(["profiles", "suncatcher_18"]) == 2
    assert "suncatcher_81" in capsys.readouterr().err


def test_up_looks_at_its_inputs_before_it_starts_anything(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for words, said in (
        (["--replay", "absent.csv"], "absent.csv: no such file"),
        (["--vehicle", "bird3"], "did you mean birds3?"),
        (["--profile", "suncatcher_18"], "did you mean suncatcher_81?"),
        (["--replay", "a.csv", "--ephemeris", "b.json"], "exclude each other"),
        (["stray.csv"], "--replay FILE or --ephemeris FILE"),
    ):
        assert app.run(["up", *words]) == 2
        assert said in capsys.readouterr().err
    assert not (tmp_path / "data").exists()


def test_sql_waits_for_a_door_that_is_not_open_yet_but_not_for_ever(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("orbitwin.cli.sql_session.OPENS_WITHIN_S", 0.5)
    began = time.monotonic()
    with Health("historian", tmp_path / "data" / "run"):
        assert app.run(["sql", "select 1"]) == 3
    assert time.monotonic() - began > 0.5
    assert "its SQL door is not open" in capsys.readouterr().err


def test_sql_with_two_forms_at_once(capsys: pytest.CaptureFixture[str]) -> None:
    assert app.run(["sql", "select 1", "--json", "--csv"]) == 2
    assert "exclude each other" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("text", "complete"),
    [
        ("select 1;", True),
        ("select 1", False),
        ("select ';", False),
        ("select ';';", True),
        ("select 1; -- done", True),
        ("select 1 -- ;", False),
        ("select $$a;", False),
        ("select 1 /* ;", False),
        ('select ";', False),
        ("", False),
    ],
)
def test_a_statement_ends_at_a_semicolon_outside_quotes(text: str, complete: bool) -> None:
    assert is_complete(text) is complete


def test_f04_f01_check_names_what_is_wrong(capsys: pytest.CaptureFixture[str]) -> None:
    assert app.run(["check", "--json", "--bootstrap", "127.0.0.1:1"]) == 1
    findings = json.loads(capsys.readouterr().out)["findings"]
    broker = next(f for f in findings if f["name"] == "broker")
    assert broker["state"] == "fail"
    assert "127.0.0.1:1 does not answer" in broker["found"]
    assert "--bootstrap" in broker["mend"]


def test_doctor_knows_a_database_of_another_program(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    import duckdb

    data = tmp_path / "data"
    data.mkdir()
    duckdb.connect(data / "good.duckdb").close()
    (data / "other.duckdb").write_bytes(b"SQLite format 3\x00" + bytes(100))
    assert app.run(["doctor", "--json"]) == 1
    findings = json.loads(capsys.readouterr().out)["findings"]
    found = [(f["state"], f["found"]) for f in findings if f["name"] == "database"]
    assert [state for state, _ in found] == ["ok", "fail"]
    assert "is not a DuckDB database" in found[1][1]
    assert (data / "other.duckdb").read_bytes().startswith(b"SQLite")
