"""What keeps a twin from starting, or is in its way: said in one line, and nothing is harmed."""

from __future__ import annotations

import os
import socket
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from orbitwin.settings_groups import DOOR_PORT
from tests.twin import orbitwin, twin


@contextmanager
def taken_port(port: int = 0) -> Iterator[int]:
    """A loopback port that something listens on, ours or another's."""
    with socket.socket() as holder:
        holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            holder.bind(("127.0.0.1", port))
            holder.listen()
        except OSError:  # another program has it already: as good
            yield port
        else:
            yield int(holder.getsockname()[1])


@pytest.mark.slow
def test_taken_ports_are_passed_over_and_the_others_shown(tmp_path: Path) -> None:
    """With the broker's and the door's port taken, a twin runs on others, and says which."""
    data = tmp_path / "twin"
    with taken_port() as kafka, taken_port(DOOR_PORT) as sql:
        ports = {"ORBITWIN_BROKER__PORT": str(kafka), "ORBITWIN_DOOR__PORT": str(sql)}
        with twin(data, env=ports) as up:
            up.wait_for_news()
            assert f"Port {kafka} is taken" in up.log()
            status = up.status()
            bootstrap, url = status["bootstrap"], status["doors"][0]["url"]
            assert not bootstrap.endswith(f":{kafka}")
            assert f":{sql}/" not in url
            shown = orbitwin("status", data=data).stdout
            assert bootstrap in shown and url in shown
            assert bootstrap in up.log() and url in up.log()
            up.stop()


@pytest.mark.slow
def test_a_data_directory_that_cannot_be_written(tmp_path: Path) -> None:
    """`up` ends with exit code 2 and one line before anything is started."""
    (tmp_path / "file").write_text("a file, and no directory")
    done = orbitwin("up", data=tmp_path / "file" / "twin")
    assert done.returncode == 2
    assert "cannot write to the data directory" in done.stderr
    assert "hint: choose another with --data DIR" in done.stderr
    assert "Traceback" not in done.stderr
    if os.geteuid():  # root may write anywhere
        locked = tmp_path / "locked"
        locked.mkdir(mode=0o500)
        done = orbitwin("up", data=locked / "twin")
        assert (done.returncode, "Permission denied" in done.stderr) == (2, True)


@pytest.mark.slow
@pytest.mark.parametrize("of", ["sqlite", "no database"])
def test_a_file_of_another_program(of: str, tmp_path: Path) -> None:
    """`up` on another program's file ends by itself, with exit code 2, and leaves it as it was."""
    data = tmp_path / "twin"
    data.mkdir()
    file = data / "twin.duckdb"
    if of == "sqlite":
        other = sqlite3.connect(file)
        other.execute("create table invoice (number integer)")
        other.commit()
        other.close()
    else:
        file.write_text("a letter to nobody\n" * 1000)
    before = file.read_bytes()
    done = orbitwin("up", "--json", data=data)
    assert done.returncode == 2, done.stderr
    assert done.stdout == ""
    *_, said, hint = done.stderr.strip().splitlines()
    assert said.startswith(f"orbitwin: historian cannot run: {file} is ")
    assert hint.startswith("  hint: its log is ")
    assert "Traceback" not in done.stderr
    assert file.read_bytes() == before
    assert not list((data / "run").glob("*.json"))
    asked = orbitwin("sql", "select 1", data=data)
    assert asked.returncode == 2 and str(file) in asked.stderr


@pytest.mark.slow
def test_history_of_another_log_is_refused(tmp_path: Path) -> None:
    """History without the Kafka that it came from: `up` says so and ends, it does not go round."""
    data = tmp_path / "twin"
    with twin(data) as up:
        up.wait_for_news()
        up.stop()
    (data / "kafka").rename(tmp_path / "kafka-elsewhere")
    done = orbitwin("up", data=data)
    assert done.returncode == 2, done.stderr
    assert "is another one than history was stored from so far" in done.stderr.splitlines()[-2]
    assert "Traceback" not in done.stderr
