"""The local Kafka: it keeps what it took, and minds ports and processes that are not its own."""

from __future__ import annotations

import logging
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from compose.broker import LocalBroker
from compose.supervisor import Supervisor
from orbitwin.connection import Connection
from orbitwin.errors import OrbitwinError, UsageError
from orbitwin.kafka import (
    admin,
    committed_offsets,
    describe_topics,
    end_offsets,
    ensure_topics,
    lag,
)
from orbitwin.topics import TOPICS, Topic

ROOT = Path(__file__).resolve().parents[2]
LOG = logging.getLogger("broker")
TOPIC = Topic("box", "for a test", partitions=2, config={"cleanup.policy": "delete"})


def produce(conn: Connection, *values: bytes) -> None:
    from kafka import KafkaProducer

    producer = KafkaProducer(**conn.client_config(), acks="all", max_block_ms=5000)
    for value in values:
        producer.send(TOPIC.name, value, partition=0)
    producer.close(10)


def consume(conn: Connection, count: int, group: str | None = None) -> list[bytes]:
    from kafka import KafkaConsumer

    consumer = KafkaConsumer(
        TOPIC.name,
        **conn.client_config(),
        group_id=group,
        auto_offset_reset="earliest",
        enable_auto_commit=False,
    )
    found: list[bytes] = []
    deadline = time.monotonic() + 20
    while len(found) < count and time.monotonic() < deadline:
        for records in consumer.poll(500).values():
            found += [record.value for record in records]
    if group:
        consumer.commit()
    consumer.close()
    return found


@pytest.mark.slow
def test_it_keeps_what_it_took_over_a_stop_and_another_port(tmp_path: Path) -> None:
    """The local Kafka serves, stops cleanly, and starts again on another port with its records."""
    data = tmp_path / "däta with space"
    first = LocalBroker(data, port=0)
    try:
        conn = first.start()
        assert ensure_topics(conn, [TOPIC]) == ["box"]
        produce(conn, b"one", b"two")
        assert consume(conn, 2, group="readers") == [b"one", b"two"]
        assert first.stop(10.0)
    finally:
        first.stop()
    second = LocalBroker(data, port=0)
    try:
        conn = second.start()
        assert ensure_topics(conn, [TOPIC]) == []
        produce(conn, b"three")
        assert consume(conn, 3) == [b"one", b"two", b"three"]
        assert committed_offsets(conn, "readers")["box", 0] == 2
        assert lag(conn, {("box", 0): 2}) == {("box", 0): 1}
    finally:
        second.stop()


@pytest.mark.slow
def test_topics_are_bounded_and_a_wrong_one_is_told(own_broker: LocalBroker) -> None:
    """Every topic of ours has a bound; unknown ones are not made; a wrong one is an error."""
    conn = Connection(own_broker.bootstrap)
    infos = describe_topics(conn, [topic.name for topic in TOPICS])
    assert [i.partitions for i in infos] == [t.partitions for t in TOPICS]
    for topic, info in zip(TOPICS, infos, strict=True):
        assert {key: info.config[key] for key in topic.config} == dict(topic.config)
        bounded = int(info.config["retention.bytes"]) > 0
        assert bounded or info.config["cleanup.policy"] == "compact"
    assert end_offsets(conn, ["twin.fleet.v1"]) == {("twin.fleet.v1", 0): 0}

    ensure_topics(conn, [Topic("wrong", "", partitions=1, config={"cleanup.policy": "compact"})])
    with pytest.raises(OrbitwinError, match="wrong has 1 partitions and should have 2") as caught:
        ensure_topics(conn, [Topic("wrong", "", 2, {"cleanup.policy": "delete"})])
    assert "cleanup.policy=compact, should be delete" in caught.value.message
    assert "orbitwin topics create" in caught.value.hint

    for limit in ("1000", "2000"):  # our records grew since the topic was made
        grown = Topic("grown", "", 1, {"max.message.bytes": limit})
        ensure_topics(conn, [grown])
        assert describe_topics(conn, ["grown"])[0].config["max.message.bytes"] == limit
    with admin(conn) as client:
        client.describe_topics(["never.made"])
        assert "never.made" not in client.list_topics()


@pytest.mark.slow
def test_a_taken_port_is_left_alone(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Where another program has the port, the broker says so and takes a free one."""
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        taken = other.getsockname()[1]
        broker = LocalBroker(tmp_path, port=taken, log=LOG)
        try:
            broker.start()
            assert broker.port != taken
            assert f"Port {taken} is taken by another program" in caplog.text
        finally:
            broker.stop()


@pytest.mark.slow
def test_a_broker_left_behind_on_our_files_is_stopped(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """A broker that still runs on our data is recognised and stopped; its records stay."""
    left = LocalBroker(tmp_path, port=0)
    try:
        conn = left.start()
        ensure_topics(conn, [TOPIC])
        produce(conn, b"before")
        new = LocalBroker(tmp_path, port=0, log=LOG)
        assert [process.pid for process in new.stale()] == [left.pid]
        try:
            assert consume(new.start(), 1) == [b"before"]
            assert f"left behind, pid {left.pid}" in caplog.text
        finally:
            new.stop()
    finally:
        left.stop()


@pytest.mark.slow
def test_the_supervisor_starts_a_killed_broker_again(tmp_path: Path) -> None:
    """kill -9 of the broker under the supervisor: it comes back on its port with its records."""
    broker = LocalBroker(tmp_path, port=0)
    broker.prepare()
    with Supervisor(tmp_path, LOG) as supervisor:
        supervisor.start(broker.part())

        def running() -> bool:
            return supervisor.state("broker") not in ("failed", "finished")

        conn = broker.wait_until_serving(running)
        ensure_topics(conn, [TOPIC])
        produce(conn, b"kept")
        pid = supervisor.parts()[0]["pid"]
        os.kill(pid, signal.SIGKILL)
        deadline = time.monotonic() + 10
        while supervisor.parts()[0]["pid"] in (pid, None):
            assert time.monotonic() < deadline
            time.sleep(0.05)
        broker.wait_until_serving(running)
        assert consume(conn, 1) == [b"kept"]
        assert supervisor.parts()[0]["restarts"] == 1
        assert supervisor.stop(), "a clean shutdown"


@pytest.mark.slow
def test_the_broker_ends_with_a_program_that_is_killed(tmp_path: Path) -> None:
    """kill -9 of the program that started it: the broker closes its log and is gone."""
    program = f"""
import pathlib, time
from compose.broker import LocalBroker
broker = LocalBroker(pathlib.Path({str(tmp_path)!r}), port=0)
broker.start()
print(broker.pid, flush=True)
time.sleep(60)
"""
    command = [sys.executable, "-W", "ignore", "-c", program]
    up = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT)
    try:
        assert up.stdout is not None
        broker = psutil.Process(int(up.stdout.readline()))
    finally:
        up.kill()
        up.wait()
    broker.wait(15)
    assert (tmp_path / "kafka" / "log" / ".kafka_cleanshutdown").exists()


def test_a_directory_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(UsageError, match="cannot write"):
        LocalBroker(tmp_path / "file").prepare()
    with pytest.raises(UsageError, match="splits paths at commas"):
        LocalBroker(tmp_path / "a,b").prepare()


@pytest.mark.slow
def test_a_broker_that_cannot_start_says_why(tmp_path: Path) -> None:
    """Kafka files that are no Kafka files: the error has the end of the broker's log."""
    (tmp_path / "kafka" / "log").mkdir(parents=True)
    (tmp_path / "kafka" / "log" / "meta.properties").write_text("version=1\nnode.id=77\n")
    broker = LocalBroker(tmp_path, port=0)
    try:
        with pytest.raises(OrbitwinError, match="Kafka ended while it started") as caught:
            broker.start()
        assert "meta.properties" in caught.value.message
    finally:
        broker.stop()
