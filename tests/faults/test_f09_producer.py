"""F01-F04, F09, D10: a producer against a Kafka that is absent, paused, incomplete, or too small,
and a producer that is killed. What counts is counted by identity, from the topic itself."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest

from compose.broker import LocalBroker
from orbitwin import catalogue, contract, fleet
from orbitwin.connection import Connection
from orbitwin.contract import Frame
from orbitwin.errors import UsageError
from orbitwin.fleet import Fleet
from orbitwin.health import Health
from orbitwin.kafka import ensure_topics
from orbitwin.topics import DEAD_LETTERS, FLEET, TELEMETRY, TOPICS
from producers.ledger import Ledger
from producers.publisher import Publisher, connect

ROOT = Path(__file__).parents[2]
BIRDS = catalogue.load("birds3")
ODC = catalogue.load("odc")
COLUMNS = contract.columns_of({"birds3": BIRDS, "odc": ODC})

Identity = tuple[str, str, int, int, int, int, int]
"""fleet, packet, chunk, sequence number, first row, rows, event time."""


def read_back(bootstrap: str, topic: str = TELEMETRY.name) -> list[Any]:
    """Every record of a topic, from its beginning to its end now."""
    from kafka import KafkaConsumer, TopicPartition

    consumer = KafkaConsumer(bootstrap_servers=bootstrap, auto_offset_reset="earliest")
    try:
        parts = [TopicPartition(topic, p) for p in consumer.partitions_for_topic(topic)]
        consumer.assign(parts)
        ends = consumer.end_offsets(parts)
        found: list[Any] = []
        while any(consumer.position(p) < ends[p] for p in parts):
            for records in consumer.poll(timeout_ms=500).values():
                found += records
        return found
    finally:
        consumer.close()


def frames(bootstrap: str, fleet_name: str) -> Counter[Identity]:
    found: Counter[Identity] = Counter()
    for record in read_back(bootstrap):
        frame = contract.decode(record.value, COLUMNS)
        assert record.key == frame.key
        if frame.fleet == fleet_name:
            found[_identity(vars(frame))] += 1
    return found


def ledger(data: Path) -> Counter[Identity]:
    lines = [line for f in (data / "ledger").glob("*.jsonl") for line in f.open()]
    return Counter(_identity(json.loads(line)) for line in lines)


def _identity(entry: dict[str, Any]) -> Identity:
    names = ("fleet", "packet", "chunk", "seq", "row0", "rows", "t_event_us")
    return tuple(entry[name] for name in names)  # type: ignore[return-value]


def produce(data: Path, bootstrap: str, *arguments: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "orbitwin", "produce", *arguments]
    command += ["--bootstrap", bootstrap, "--data", str(data), "--json"]
    return subprocess.Popen(
        command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


@pytest.fixture
def running() -> Iterator[list[subprocess.Popen[str]]]:
    """Processes that a test starts: ended with it, whatever becomes of it."""
    started: list[subprocess.Popen[str]] = []
    yield started
    for process in started:
        if process.poll() is None:
            process.kill()
        process.communicate()


def until(what: Any, timeout_s: float = 30.0) -> None:
    deadline = time.monotonic() + timeout_s
    while not what():
        assert time.monotonic() < deadline, "waited too long"
        time.sleep(0.05)


# --- a synthetic fleet ---------------------------------------------------------------------------


@pytest.mark.slow
def test_everything_acknowledged_is_in_the_topic_once(broker: LocalBroker, tmp_path: Path) -> None:
    """Five seconds of 200 satellites at 10 Hz: topic, ledger and summary agree frame by frame."""
    process = produce(
        tmp_path, broker.bootstrap, "synthetic", "--satellites", "200", "--rate", "10",
        "--duration", "5",
    )  # fmt: skip
    out, err = process.communicate(timeout=60)
    assert process.returncode == 0, err
    summary = json.loads(out)
    sent = ledger(tmp_path)
    assert frames(broker.bootstrap, "suncatcher_81") == sent
    assert set(sent.values()) == {1}
    assert 49 <= summary["ticks_due"] <= 51
    assert summary["ticks_missed"] == summary["unacknowledged"] == 0
    assert summary["frames_sent"] == len(sent)
    assert summary["rows_sent"] == sum(i[5] for i in sent)
    fast = sorted(i for i in sent if i[1] == "fast")
    assert [i[3] for i in fast] == list(range(fast[0][3], fast[0][3] + len(fast)))
    assert all(i[5] == 200 and i[6] == i[3] * 100_000 for i in fast)
    chunks = [fleet.decode(r.value) for r in read_back(broker.bootstrap, FLEET.name) if r.value]
    mine = [c for c in chunks if c.fleet == "suncatcher_81"]
    assert mine[-1].rows == 200
    assert mine[-1].period_s["fast"] == 0.1
    assert mine[-1].constants["rated_tops"] > 0


@pytest.mark.slow
def test_f09_killed_and_started_again(
    own_broker: LocalBroker, tmp_path: Path, running: list[subprocess.Popen[str]]
) -> None:
    """kill -9 twice: what was acknowledged is in the topic, and no number is used twice."""
    command = ("synthetic", "--satellites", "200", "--rate", "10")
    for life in range(3):
        before = sum(ledger(tmp_path).values())
        process = produce(tmp_path, own_broker.bootstrap, *command)
        running.append(process)
        until(lambda: sum(ledger(tmp_path).values()) > before + 20)  # noqa: B023
        process.send_signal(signal.SIGKILL if life < 2 else signal.SIGTERM)
        _, err = process.communicate(timeout=20)
        assert process.returncode == (-signal.SIGKILL if life < 2 else 0), err
    sent, there = ledger(tmp_path), frames(own_broker.bootstrap, "suncatcher_81")
    assert not sent - there
    # A frame may be in the topic whose acknowledgement the killed producer had not written yet.
    assert sum((there - sent).values()) <= 2 * 12
    assert set(there.values()) == {1}
    numbers = Counter(identity[:5] for identity in there)
    assert set(numbers.values()) == {1}


# --- a broker that does not answer ---------------------------------------------------------------


def publisher(
    broker: LocalBroker, data: Path, health: Health, stop: threading.Event, buffer_bytes: int
) -> Publisher:
    counts = {t.name: t.partitions for t in TOPICS}
    at = Ledger(data / "ledger", "run")
    return Publisher(Connection(broker.bootstrap), counts, at, health, stop, buffer_bytes)


def birds(n: int) -> Fleet:
    return Fleet(
        "birds", BIRDS, np.arange(1, n + 1), [f"b{i}" for i in range(n)], ["s"] * n,
        np.zeros(n, dtype=np.int32), np.arange(n, dtype=np.int32), n,
    )  # fmt: skip


def frame(n: int, seq: int) -> Frame:
    columns = BIRDS.columns_of("eps")
    codes = {c.name: c.encode(np.full(n, 1.0)) for c in columns}
    return Frame("birds", "birds3", "eps", 0, 0, n, seq * 1000, seq, seq * 1000, codes)


@pytest.mark.slow
def test_f02_a_paused_broker_makes_the_sender_wait(own_broker: LocalBroker, tmp_path: Path) -> None:
    """SIGSTOP for 14 s, past the request timeout: sends block within the bound, nothing is lost."""
    stop, health = threading.Event(), Health("producer")
    bound, rows = 1_000_000, 1_000
    sender = publisher(own_broker, tmp_path, health, stop, bound)
    columns = BIRDS.columns_of("eps")
    assert sender.announce(birds(rows))
    assert sender.send(frame(rows, 0), columns)
    assert sender.flush(10)
    assert own_broker.pid is not None
    most, sent = 0, 0

    def send_all() -> None:
        nonlocal sent
        for seq in range(1, 200):  # some 8 MB, eight times the bound
            assert sender.send(frame(rows, seq), columns)
            sent += 1

    os.kill(own_broker.pid, signal.SIGSTOP)
    worker = threading.Thread(target=send_all, daemon=True)
    try:
        worker.start()
        rss = psutil.Process().memory_info().rss
        paused_until = time.monotonic() + 14
        while time.monotonic() < paused_until:
            most = max(most, sender.bytes_in_flight)
            time.sleep(0.1)
        assert 0 < sent < 100
        assert most <= bound
        assert psutil.Process().memory_info().rss - rss < 50_000_000
        assert "acknowledged nothing" in health.why_not_ready()
    finally:
        os.kill(own_broker.pid, signal.SIGCONT)
    worker.join(60)
    assert not worker.is_alive()
    assert sender.flush(30)
    assert health.why_not_ready() == ""
    assert sender.close() == 0
    sent_frames = ledger(tmp_path)
    assert len(sent_frames) == 200
    # Idempotence: what was sent again after the time-out is there once.
    assert frames(own_broker.bootstrap, "birds") == sent_frames


@pytest.mark.slow
def test_f03_a_broker_killed_and_started_again(own_broker: LocalBroker, tmp_path: Path) -> None:
    """kill -9 of the broker under load: every acknowledged frame is there when it is back."""
    stop, health = threading.Event(), Health("producer")
    sender = publisher(own_broker, tmp_path, health, stop, 4_000_000)
    columns = BIRDS.columns_of("eps")
    assert sender.announce(birds(100))
    for seq in range(300):
        assert sender.send(frame(100, seq), columns)
        if seq == 100:
            assert own_broker.pid is not None
            os.kill(own_broker.pid, signal.SIGKILL)
        time.sleep(0.002)
    again = LocalBroker(own_broker.data_dir, port=own_broker.port)
    try:
        again.start()
        assert again.port == own_broker.port
        assert sender.flush(60)
        assert sender.close() == 0
        sent = ledger(tmp_path)
        assert len(sent) == 300
        assert not sent - frames(again.bootstrap, "birds")
    finally:
        again.stop()


@pytest.mark.slow
def test_f01_a_stop_while_the_broker_is_silent_takes_less_than_ten_seconds(
    own_broker: LocalBroker, tmp_path: Path, running: list[subprocess.Popen[str]]
) -> None:
    """SIGTERM with frames in flight to a paused broker: it ends in time and says what is left."""
    process = produce(
        tmp_path, own_broker.bootstrap, "synthetic", "--satellites", "50", "--rate", "10"
    )
    running.append(process)
    until(lambda: sum(ledger(tmp_path).values()) > 10)
    assert own_broker.pid is not None
    os.kill(own_broker.pid, signal.SIGSTOP)
    try:
        time.sleep(1.0)
        started = time.monotonic()
        process.terminate()
        out, err = process.communicate(timeout=20)
        assert time.monotonic() - started < 10
    finally:
        os.kill(own_broker.pid, signal.SIGCONT)
    assert process.returncode == 0, err
    assert json.loads(out)["unacknowledged"] > 0
    assert "not acknowledged" in err


def test_f01_no_broker_at_all(tmp_path: Path, running: list[subprocess.Popen[str]]) -> None:
    """A producer without a broker waits, says for what, and ends on SIGTERM with 0."""
    source = str(ROOT / "tests/data/birds_eps/RAAVANA.xlsx")
    process = produce(tmp_path, "127.0.0.1:1", "replay", source, "--vehicle", "birds3")
    running.append(process)
    assert process.stderr is not None
    said = ""
    while "does not answer" not in said:
        said = process.stderr.readline()
        assert said
    assert "127.0.0.1:1 does not answer (connection refused); trying again" in said
    process.terminate()
    out, _ = process.communicate(timeout=10)
    assert process.returncode == 0
    assert json.loads(out)["rows_sent"] == 0


# --- topics that are missing or too small --------------------------------------------------------


@pytest.mark.slow
def test_f04_a_missing_topic_names_the_command(tmp_path_factory: pytest.TempPathFactory) -> None:
    """A cluster without our topics: one line, and the command that creates them."""
    local = LocalBroker(tmp_path_factory.mktemp("bare"), port=0)
    try:
        at = local.start()
        where = tmp_path_factory.mktemp("data")
        with pytest.raises(UsageError, match="has no topic twin") as error:
            connect(at, lambda: Ledger(where, "x"), Health("producer"), threading.Event())
        assert f"orbitwin topics create --bootstrap {local.bootstrap}" in error.value.hint
        ensure_topics(at, [FLEET, DEAD_LETTERS])
        with pytest.raises(UsageError, match=f"has no topic {TELEMETRY.name}"):
            connect(at, lambda: Ledger(where, "x"), Health("producer"), threading.Event())
    finally:
        local.stop()


@pytest.mark.slow
def test_d10_a_frame_that_is_too_large_gives_advice(broker: LocalBroker, tmp_path: Path) -> None:
    """A frame above the limit is refused before it is sent, with what to do about it."""
    sender = publisher(broker, tmp_path, Health("producer"), threading.Event(), 64_000_000)
    try:
        with pytest.raises(UsageError, match="is more than twin") as error:
            sender.send(frame(300_000, 0), BIRDS.columns_of("eps"))
        assert "producer.chunk_rows" in error.value.hint
        assert sender.idle
        assert sender.send(frame(10, 1), BIRDS.columns_of("eps"))
        assert sender.flush(10)
    finally:
        sender.close()
    assert len(ledger(tmp_path)) == 1


# --- a replay ------------------------------------------------------------------------------------


@pytest.mark.slow
def test_a_replay_of_the_real_satellite_is_complete_and_repeatable(
    own_broker: LocalBroker, tmp_path: Path
) -> None:
    """RAAVANA and a row without a time: all rows, one letter, and the same frames once more."""
    source = tmp_path / "13 Feb 2021.csv"
    source.write_text("Time Stamp,Vbat (V)\n0,4.1\n,4.2\n5,4.3\n")
    files = [str(ROOT / "tests/data/birds_eps/RAAVANA.xlsx"), str(source)]
    for _ in range(2):
        process = produce(
            tmp_path, own_broker.bootstrap, "replay", *files, "--vehicle", "birds3",
            "--speed", "max",
        )  # fmt: skip
        out, err = process.communicate(timeout=60)
        assert process.returncode == 0, err
        summary = json.loads(out)
        assert summary["rows_sent"] == 2159 + 2
        assert summary["dead_letters"] == 1
        assert summary["finished"]
    there = frames(own_broker.bootstrap, "13 Feb 2021+RAAVANA")
    assert set(there.values()) == {2}  # the same identities, so that the twin knows them again
    rows: Counter[tuple[int, int, int]] = Counter()
    for record in read_back(own_broker.bootstrap):
        played = contract.decode(record.value, COLUMNS)
        assert played.sat_id is not None
        rows.update(
            zip(
                played.sat_id.tolist(), played.t_event().tolist(), played.seqs().tolist(),
                strict=True,
            )
        )  # fmt: skip
    assert len(rows) == 2161
    assert set(rows.values()) == {2}
    letters = read_back(own_broker.bootstrap, DEAD_LETTERS.name)
    assert len(letters) == 2
    assert dict(letters[0].headers)["reason"] == b"bad_time"
    assert json.loads(letters[0].value)["row"] == 3
    assert json.loads(letters[0].value)["values"] == {"Time Stamp": None, "Vbat (V)": "4.2"}


@pytest.mark.slow
def test_a_catalogue_of_real_satellites_flies(broker: LocalBroker, tmp_path: Path) -> None:
    """All of Starlink for three seconds at 1 Hz: every row, and a position for each satellite."""
    source = str(ROOT / "tests/data/starlink-omm-2025-05-25.json.gz")
    process = produce(
        tmp_path, broker.bootstrap, "ephemeris", source, "--start-epoch", "2025-05-25T00:00:00Z",
        "--duration", "3",
    )  # fmt: skip
    out, err = process.communicate(timeout=60)
    assert process.returncode == 0, err
    summary = json.loads(out)
    assert summary["fleet"] == "starlink_omm"
    assert summary["satellites"] == 7_483
    assert summary["ticks_due"] in (2, 3, 4)
    assert summary["unacknowledged"] == 0
    sent = ledger(tmp_path)
    assert frames(broker.bootstrap, "starlink_omm") == sent
    rows = {p: sum(i[5] for i in sent if i[1] == p) for p in ("fast", "nav")}
    assert rows["fast"] == rows["nav"] == 7_483 * summary["ticks_due"]
    columns = ODC.packets["nav"].by_name
    for record in read_back(broker.bootstrap):
        nav = contract.decode(record.value, COLUMNS)
        if (nav.fleet, nav.packet) == ("starlink_omm", "nav"):
            place = np.array([columns[n].decode(nav.codes[n]) for n in ("x_m", "y_m", "z_m")])
            height_km = np.linalg.norm(place, axis=0) / 1e3 - 6378.137
            assert ((height_km > 0) & (height_km < 650)).all()  # one is about to come down
