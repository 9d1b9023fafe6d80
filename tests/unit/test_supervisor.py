"""The supervisor with real child processes: Python programs of a few lines."""

from __future__ import annotations

import logging
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import orjson
import psutil
import pytest

from compose.child import Child
from compose.part import Part, Stage
from compose.supervisor import Supervisor
from orbitwin.errors import BusyError, UsageError
from orbitwin.parts import read_twin

ROOT = Path(__file__).resolve().parents[2]
LOG = logging.getLogger("supervised")

SLEEPS = "import time; time.sleep(60)"
WRITES_ON_SIGTERM = """
import signal, sys, time
def end(*_):
    with open(sys.argv[1], "a") as file: file.write(sys.argv[2] + "\\n")
    sys.exit(0)
signal.signal(signal.SIGTERM, end)
print("ready", flush=True)
time.sleep(60)
"""
DEAF = "import signal, time; signal.signal(15, signal.SIG_IGN); print('ready', flush=1); " + SLEEPS
# Ready, then without progress: the health of the product itself, with a short patience.
STALLS = """
import sys, time, pathlib
from orbitwin.health import Health
with Health("stuck", pathlib.Path(sys.argv[1]), progress_timeout_s=0.3) as health:
    health.ready()
    time.sleep(60)
"""


def wait_for(condition: Callable[[], object], timeout_s: float = 15.0) -> None:
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.02)


def ended(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


@pytest.fixture
def make(tmp_path: Path) -> Callable[..., Part]:
    def part(
        name: str, code: str, *args: object, stage: Stage = Stage.PRODUCER, **kw: object
    ) -> Part:
        argv = [sys.executable, "-c", code, *map(str, args)]
        options = {"has_status": False, "env": {"PYTHONPATH": str(ROOT)}} | kw
        return Part(name, argv, tmp_path / "logs" / f"{name}.log", stage, **options)  # type: ignore[arg-type]

    return part


@pytest.fixture
def supervisor(tmp_path: Path) -> Iterator[Supervisor]:
    with Supervisor(tmp_path, LOG, {"profile": "tiny"}, silent_s=0.5, start_s=0.5) as running:
        yield running


def part_of(supervisor: Supervisor, name: str) -> dict[str, object]:
    return next(p for p in supervisor.parts() if p["name"] == name)


def test_a_part_that_dies_is_started_again_and_said_so(
    supervisor: Supervisor, make: Callable[..., Part], caplog: pytest.LogCaptureFixture
) -> None:
    supervisor.start(make("one", SLEEPS))
    first = part_of(supervisor, "one")["pid"]
    os.kill(int(str(first)), signal.SIGKILL)
    wait_for(lambda: part_of(supervisor, "one")["restarts"] == 1)
    second = part_of(supervisor, "one")
    assert second["pid"] not in (None, first)
    assert second["state"] == "running"
    assert "one ended with SIGKILL; starting it again in 0.2 s" in caplog.text


def test_the_pause_doubles_and_the_last_words_are_told(
    supervisor: Supervisor, make: Callable[..., Part], caplog: pytest.LogCaptureFixture
) -> None:
    supervisor.start(make("dies", "import sys; print('the disk is full'); sys.exit(7)"))
    wait_for(lambda: int(str(part_of(supervisor, "dies")["restarts"])) >= 2)
    wait_for(lambda: "in 0.8 s" in caplog.text)
    assert "in 0.2 s" in caplog.text and "in 0.4 s" in caplog.text
    assert "dies ended with exit code 7: the disk is full" in caplog.text


def test_a_part_that_never_comes_to_run_is_given_up(
    supervisor: Supervisor, make: Callable[..., Part], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("compose.supervisor.FUTILE_STARTS", 3)
    supervisor.start(make("vain", "import sys; print('of another log'); sys.exit(1)"))
    wait_for(lambda: supervisor.state("vain") == "failed")
    vain = part_of(supervisor, "vain")
    assert (vain["restarts"], vain["reason"], vain["exit_code"]) == (2, "of another log", 1)


def test_exit_0_is_the_end_of_a_part_and_exit_2_cannot_be_helped(
    supervisor: Supervisor, make: Callable[..., Part]
) -> None:
    supervisor.start(make("done", "pass"))
    supervisor.start(make("wrong", "import sys; print('no such profile'); sys.exit(2)"))
    wait_for(lambda: supervisor.state("done") == "finished")
    wait_for(lambda: supervisor.state("wrong") == "failed")
    assert part_of(supervisor, "wrong")["reason"] == "no such profile"
    time.sleep(0.5)
    assert [p["restarts"] for p in supervisor.parts()] == [0, 0]


def test_a_part_without_progress_is_started_again(
    supervisor: Supervisor, make: Callable[..., Part], caplog: pytest.LogCaptureFixture
) -> None:
    supervisor._start_s = 30.0  # the imports of a busy machine
    supervisor.start(make("stuck", STALLS, supervisor.run_dir, has_status=True))
    wait_for(lambda: part_of(supervisor, "stuck")["restarts"] == 1, 30.0)
    assert "stuck is stalled (no progress for" in caplog.text


def test_a_part_that_never_answers_is_started_again(
    supervisor: Supervisor, make: Callable[..., Part], caplog: pytest.LogCaptureFixture
) -> None:
    supervisor.start(make("mute", SLEEPS, has_status=True))
    supervisor.start(make("deaf", SLEEPS, answers=lambda: False))
    wait_for(lambda: all(p["restarts"] == 1 for p in supervisor.parts()))
    assert "mute does not answer" in caplog.text and "deaf does not answer" in caplog.text


def test_parts_stop_from_the_producer_to_the_broker(
    supervisor: Supervisor, make: Callable[..., Part], tmp_path: Path
) -> None:
    order = tmp_path / "order"
    stages = (Stage.BROKER, Stage.HISTORIAN, Stage.PROCESSOR, Stage.PRODUCER)
    for stage in stages:
        part = make(stage.name.lower(), WRITES_ON_SIGTERM, order, stage.name, stage=stage)
        supervisor.start(part)
        wait_for(lambda part=part: part.log_path.read_text())
    assert supervisor.stop()
    assert order.read_text().split() == ["PRODUCER", "PROCESSOR", "HISTORIAN", "BROKER"]


def test_a_part_deaf_to_sigterm_is_killed_after_its_deadline(
    supervisor: Supervisor, make: Callable[..., Part], caplog: pytest.LogCaptureFixture
) -> None:
    part = make("deaf", DEAF, stop_timeout_s=0.3)
    supervisor.start(part)
    wait_for(lambda: part.log_path.read_text())
    pid = int(str(part_of(supervisor, "deaf")["pid"]))
    assert not supervisor.stop()
    assert ended(pid)
    assert "deaf did not stop" in caplog.text


def test_one_stage_can_be_stopped_before_the_rest(
    supervisor: Supervisor, make: Callable[..., Part]
) -> None:
    supervisor.start(make("producer", SLEEPS, stage=Stage.PRODUCER))
    supervisor.start(make("historian", SLEEPS, stage=Stage.HISTORIAN))
    assert supervisor.stop_stage(Stage.PRODUCER)
    time.sleep(0.5)
    assert supervisor.state("producer") == "stopped"
    assert supervisor.state("historian") == "running"


def test_run_json_tells_what_runs_and_is_gone_at_the_end(
    supervisor: Supervisor, make: Callable[..., Part], tmp_path: Path
) -> None:
    supervisor.start(make("broker", SLEEPS, stage=Stage.BROKER))
    supervisor.update(bootstrap="127.0.0.1:9")
    twin = read_twin(tmp_path)
    assert twin["profile"] == "tiny" and twin["bootstrap"] == "127.0.0.1:9"
    assert twin["pid"] == os.getpid()
    assert twin["broker_pid"] == twin["parts"][0]["pid"] == supervisor.parts()[0]["pid"]
    supervisor.stop()
    assert read_twin(tmp_path) == {}


def test_use_of_cpu_is_summed_over_restarts(
    supervisor: Supervisor, make: Callable[..., Part]
) -> None:
    burns = "import time\nwhile time.process_time() < 0.3: pass\nraise SystemExit(1)"
    supervisor.start(make("burns", burns))
    wait_for(lambda: int(str(part_of(supervisor, "burns")["restarts"])) >= 2)
    assert supervisor.usage()["burns"].cpu_s >= 0.55


def test_a_second_twin_is_kept_out_and_told_who_is_in(
    supervisor: Supervisor, tmp_path: Path
) -> None:
    with pytest.raises(BusyError, match=rf"already runs in .* \(pid {os.getpid()}\)"):
        Supervisor(tmp_path, LOG).__enter__()


def test_a_data_directory_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(UsageError, match="cannot write to the data directory"):
        Supervisor(tmp_path / "file" / "data", LOG).__enter__()


def test_run_files_of_the_dead_are_cleared_away(tmp_path: Path) -> None:
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    run = tmp_path / "run"
    run.mkdir()
    (run / "producer.json").write_bytes(orjson.dumps({"pid": gone.pid, "health_port": 1}))
    (run / "historian.json").write_bytes(orjson.dumps({"pid": os.getpid(), "health_port": 1}))
    with Supervisor(tmp_path, LOG):
        assert [path.name for path in run.glob("*.json")] == ["historian.json"]


def test_parts_end_with_a_supervisor_that_is_killed(tmp_path: Path) -> None:
    program = f"""
import logging, pathlib, sys, time
from compose.part import Part, Stage
from compose.supervisor import Supervisor
data = pathlib.Path({str(tmp_path)!r})
with Supervisor(data, logging.getLogger("x")) as supervisor:
    argv = [sys.executable, "-c", {SLEEPS!r}]
    supervisor.start(Part("one", argv, data / "one.log", Stage.PRODUCER, has_status=False))
    print(supervisor.parts()[0]["pid"], flush=True)
    time.sleep(60)
"""
    up = subprocess.Popen(
        [sys.executable, "-c", program], stdout=subprocess.PIPE, text=True, cwd=ROOT
    )
    try:
        assert up.stdout is not None
        pid = int(up.stdout.readline())
        wait_for(lambda: psutil.Process(pid).cmdline()[-1] == SLEEPS)
    finally:
        up.kill()
        up.wait()
    wait_for(lambda: ended(pid))
    with Supervisor(tmp_path, LOG):  # and the lock went with it
        pass


def test_a_long_log_is_put_aside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("compose.child.LOG_KEEP_BYTES", 10)
    log = tmp_path / "part.log"
    log.write_text("from the time before")
    child = Child([sys.executable, "-c", "print('now')"], log)
    child.start()
    assert child.wait(time.monotonic() + 15.0)
    assert log.read_text() == "now\n"
    assert (tmp_path / "part.log.1").read_text() == "from the time before"
