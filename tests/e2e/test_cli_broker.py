"""The verbs that talk to Kafka, on a real one: check, topics, produce, up without a broker."""

from __future__ import annotations

import json
import os
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from orbitwin.connection import Connection
from orbitwin.kafka import admin
from orbitwin.parts import ask
from orbitwin.topics import STATE, TOPICS

if TYPE_CHECKING:
    from compose.broker import LocalBroker

ROOT = Path(__file__).resolve().parents[2]
NOBODY = "127.0.0.1:1"


def orbitwin(*words: str, data: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "orbitwin", *words, "--data", str(data)],
        capture_output=True,
        text=True,
        timeout=60,
        cwd=ROOT,
    )


@contextmanager
def running(*words: str, data: Path) -> Iterator[subprocess.Popen[str]]:
    """The command in the background, killed at the end whatever happens."""
    child = subprocess.Popen(
        [sys.executable, "-m", "orbitwin", *words, "--data", str(data)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=ROOT,
        env=os.environ | {"ORBITWIN_LOG__FORMAT": "json"},
    )
    try:
        yield child
    finally:
        if child.poll() is None:
            child.kill()
        child.wait()


@pytest.mark.slow
def test_f04_check_finds_a_missing_topic_and_its_command_mends(
    own_broker: LocalBroker, tmp_path: Path
) -> None:
    """`check` names the missing topic, and the command it prints creates it."""
    bootstrap = own_broker.bootstrap
    with admin(Connection(bootstrap)) as client:
        client.delete_topics([STATE.name])
    deadline = time.monotonic() + 10
    while True:
        done = orbitwin("check", "--json", "--bootstrap", bootstrap, data=tmp_path)
        wrong = [f for f in json.loads(done.stdout)["findings"] if f["state"] == "fail"]
        if wrong or time.monotonic() > deadline:
            break
    assert done.returncode == 1
    (finding,) = wrong
    assert finding["found"] == f"{STATE.name} is missing"
    words = shlex.split(finding["mend"])
    assert words[0] == "orbitwin"
    mended = orbitwin(*words[1:], data=tmp_path)
    assert (mended.returncode, mended.stdout) == (0, f"{STATE.name}\n")
    after = orbitwin("check", "--json", "--bootstrap", bootstrap, data=tmp_path)
    assert after.returncode == 0, after.stdout
    assert {f["state"] for f in json.loads(after.stdout)["findings"]} == {"ok"}
    listed = orbitwin("topics", "list", "--json", "--bootstrap", bootstrap, data=tmp_path)
    topics = json.loads(listed.stdout)["topics"]
    assert [t["name"] for t in topics] == [t.name for t in TOPICS]
    assert all(t["present"] and t["partitions"] == t["partitions_wanted"] for t in topics)


@pytest.mark.slow
@pytest.mark.parametrize("verb", ["up", "produce synthetic"])
def test_f01_a_verb_waits_for_an_absent_broker_and_ends_at_once_on_sigterm(
    verb: str, tmp_path: Path
) -> None:
    """Without a broker a verb says so once, lives, is not ready, and exits 0 on SIGTERM."""
    with running(*verb.split(), "--bootstrap", NOBODY, data=tmp_path) as child:
        assert child.stderr is not None
        line = json.loads(child.stderr.readline())
        assert line["level"] == "warning"
        assert f"Kafka at {NOBODY} does not answer" in line["event"]
        if verb != "up":
            run = json.loads((tmp_path / "run" / "producer.json").read_text())
            assert ask(run["health_port"], "/healthz") == {"alive": True}
            ready = ask(run["health_port"], "/readyz")
            assert ready["ready"] is False
            assert NOBODY in ready["reason"]
        began = time.monotonic()
        child.send_signal(signal.SIGTERM)
        _, said = child.communicate(timeout=10)
        assert child.returncode == 0, said
        assert time.monotonic() - began < 10
        assert "Traceback" not in said


@pytest.mark.slow
def test_a_second_twin_in_the_same_directory_is_told_who_has_it(tmp_path: Path) -> None:
    """The lock on the data directory keeps a second twin out, with the first one's pid."""
    with running("up", "--bootstrap", NOBODY, data=tmp_path) as child:
        assert child.stderr is not None
        child.stderr.readline()
        second = orbitwin("up", "--bootstrap", NOBODY, data=tmp_path)
        assert second.returncode == 3
        assert f"a twin already runs in {tmp_path} (pid {child.pid})" in second.stderr
