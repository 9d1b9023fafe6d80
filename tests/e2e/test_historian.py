"""The historian as a process on a real Kafka: exactly once, readable by SQL, quick to stop."""

from __future__ import annotations

import math
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
import pytest
from kafka import KafkaProducer

from compose.broker import LocalBroker
from orbitwin import parts
from orbitwin.topics import FLEET
from tests import history

ROOT = Path(__file__).resolve().parents[2]
WAIT_S = 40.0


@contextmanager
def historian(data_dir: Path, bootstrap: str) -> Iterator[subprocess.Popen[bytes]]:
    env = os.environ | {"ORBITWIN_DOOR__PORT": "0", "ORBITWIN_HISTORIAN__DISK_RESERVE_GB": "0"}
    process = subprocess.Popen(
        [sys.executable, "-m", "orbitwin", "store", "--bootstrap", bootstrap, "--data", data_dir],
        cwd=ROOT,
        env=env,
        stderr=(data_dir / "historian.log").open("ab"),
    )
    try:
        yield process
    finally:
        if process.poll() is None:
            process.kill()
        process.wait()


def status(data_dir: Path) -> dict[str, Any]:
    found = [p for p in parts.living_parts(data_dir / "run") if p.name == "historian" and p.alive]
    return found[0].status if found else {}


def until(data_dir: Path, what: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
    end = time.monotonic() + WAIT_S
    while time.monotonic() < end:
        told = status(data_dir)
        if told and what(told):
            return told
        time.sleep(0.1)
    raise AssertionError(
        f"the historian did not come to it: {told}\n{(data_dir / 'historian.log').read_text()}"
    )


def publish(bootstrap: str, records: list[history.Record]) -> None:
    producer = KafkaProducer(bootstrap_servers=bootstrap, acks="all", linger_ms=20)
    for record in records:
        producer.send(
            record.topic,
            record.value,
            partition=record.partition,
            headers=list(record.headers),
        )
    producer.flush(timeout=30)
    producer.close()


def publish_fleet(bootstrap: str) -> None:
    producer = KafkaProducer(bootstrap_servers=bootstrap, acks="all")
    for number, value in enumerate(history.fleet_records()):
        producer.send(FLEET.name, value, key=str(number).encode(), partition=0)
    producer.flush(timeout=30)
    producer.close()


def query(told: dict[str, Any], sql: str) -> list[tuple]:
    door = told["doors"][0]
    password = Path(door["password_file"]).read_text().strip()
    with psycopg.connect(
        host=door["host"],
        port=door["port"],
        user=door["user"],
        dbname=door["database"],
        password=password,
        autocommit=True,
    ) as connection:
        return connection.execute(sql).fetchall()


def in_order(rows: list[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
    return sorted(rows, key=lambda row: (str([v for v in row if type(v) is not float]), str(row)))


def assert_alike(table: str, wanted: list[tuple[Any, ...]], found: list[tuple[Any, ...]]) -> None:
    """The same rows; a mean may differ in its last bits, by the order in which DuckDB adds up."""
    assert len(wanted) == len(found), table
    for ours, theirs in zip(in_order(wanted), in_order(found), strict=True):
        for a, b in zip(ours, theirs, strict=True):
            near = type(a) is type(b) is float and math.isclose(a, b, rel_tol=1e-6)
            assert near or str(a) == str(b), (table, ours, theirs)


@pytest.mark.slow
def test_kafka_to_sql_over_kill_9(own_broker: LocalBroker, tmp_path: Path) -> None:
    """What Kafka holds is in the tables once, over two kill -9 and a stop, and SQL reads it."""
    bootstrap = own_broker.bootstrap
    log = history.make_log()
    parts_of = [log[:200], log[200:330], log[330:]]
    publish_fleet(bootstrap)
    for part in parts_of:
        with historian(tmp_path, bootstrap) as process:
            until(tmp_path, lambda told: told["state"] == "running")
            publish(bootstrap, part)
            if part is not parts_of[-1]:
                time.sleep(0.4)
                process.kill()
                continue
            time.sleep(1.5)  # /status may be older than what was published
            told = until(tmp_path, lambda told: told.get("lag") == 0 and told["rows_stored"])
            assert told["records_repeated"] > 0
            assert (tmp_path / "door.password").stat().st_mode & 0o777 == 0o600
            ((rows,),) = query(told, "select count(*) from latest where t_event is not null")
            assert rows == 42
            ((frames,),) = query(told, "select count(*) from frame")
            assert query(told, "select max(severity)::text from latest") == [("warning",)]
            shown = query(told, "select table_name from information_schema.tables")
            assert {("residual_1m",), ("estimate_1m",), ("forecast",)} <= set(shown)
            ((forecasts,),) = query(told, "select count(*) from forecast_latest")
            assert forecasts == 39  # of 42: history.computed leaves out the first of each chunk
            process.send_signal(signal.SIGTERM)
            assert process.wait(10) == 0
    whole = tmp_path / "whole"
    writer = history.open_writer(whole)
    for record in history.rest(writer, log):
        writer.intake.take(record)
    history.shut(writer)
    wanted, found = history.contents(whole), history.contents(tmp_path)
    assert len(wanted["frame"]) == frames
    for tables in (wanted, found):  # the broker stamped these letters on arrival
        tables["dead_letter"] = [row[1:] for row in tables["dead_letter"]]
    # pipeline_1m tells of the historian's own process, by its clock
    for table in wanted.keys() - {"pipeline_1m"}:
        assert_alike(table, wanted[table], found[table])


@pytest.mark.slow
def test_no_broker_at_the_start(tmp_path: Path) -> None:
    """Without a broker the historian says so, answers SQL, and stops on SIGTERM."""
    with historian(tmp_path, "127.0.0.1:9") as process:
        told = until(tmp_path, lambda told: told["state"] == "waiting" and told.get("doors"))
        assert "127.0.0.1:9" in told["reason"]
        assert query(told, "select count(*) from latest") == [(0,)]
        process.send_signal(signal.SIGTERM)
        assert process.wait(10) == 0
