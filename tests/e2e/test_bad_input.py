"""Bad input into a live twin: the dead letters have it, and everything else goes on."""

from __future__ import annotations

import json
import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from kafka import KafkaConsumer, KafkaProducer

from orbitwin import catalogue, contract, fleet, topics
from orbitwin.connection import Connection
from tests.twin import orbitwin, rows_in_latest, twin, until

if TYPE_CHECKING:
    from compose.broker import LocalBroker

BIRDS = catalogue.load("birds3")
COLUMNS = BIRDS.columns_of("eps")
KNOWN = np.array([701, 702, 703, 704])
STRANGER = 999
HOUR_US = 3_600_000_000


def visitors(now_us: int) -> fleet.Chunk:
    """A fleet of four satellites of another vehicle type, beside the twin's own."""
    four = np.arange(4, dtype=np.int32)
    names = [f"visitor-{n}" for n in KNOWN]
    clock = fleet.Clock("live", now_us, now_us, 1.0)
    whole = fleet.Fleet("visitors", BIRDS, KNOWN, names, ["a"] * 4, four, four, 1_024, clock)
    return next(whole.chunks())


def frame(now_us: int, seq: int, **values: float) -> contract.Frame:
    """Four plausible rows; `values` are given to all of them."""
    plain = {"battery_v": 4.1, "battery_t_degc": 5.0} | {
        c.name: 4_600.0 for c in COLUMNS if c.name.endswith("_mv")
    }
    codes = {
        c.name: c.encode(np.full(4, values.get(c.name, plain.get(c.name, 10.0)))) for c in COLUMNS
    }
    return contract.Frame(
        "visitors", "birds3", "eps", 0, 0, 4, now_us + seq * 1_000, seq, now_us, codes
    )


def ask(data: Path, sql: str) -> list[dict[str, Any]]:
    done = orbitwin("sql", "--json", sql, data=data)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.mark.slow
def test_bad_input_goes_to_the_dead_letters_and_the_rest_goes_on(
    own_broker: LocalBroker, tmp_path: Path
) -> None:
    """Damaged, absurd, unknown and future rows into a live twin: letters with reason and origin."""
    data = tmp_path / "twin"
    connection = Connection(own_broker.bootstrap)
    with twin(data, "--bootstrap", own_broker.bootstrap) as up:
        until(lambda: rows_in_latest(data) == 81)
        now_us = time.time_ns() // 1_000
        chunk = visitors(now_us)
        place = fleet.partition_of("visitors", 0, topics.PARTITIONS)
        producer = KafkaProducer(
            **connection.client_config(), acks="all", max_request_size=topics.MAX_MESSAGE_BYTES
        )
        producer.send(topics.FLEET.name, key=chunk.key, value=fleet.encode(chunk)).get(10)

        def send(value: bytes) -> None:
            producer.send(
                topics.TELEMETRY.name, key=chunk.key, value=value, partition=place,
                headers=[("packet", b"eps")],
            ).get(10)  # fmt: skip

        good = contract.encode(frame(now_us, 0), COLUMNS)
        everyone = np.append(KNOWN[:3], STRANGER)
        late_row = np.array([0, 1_000, 2_000, HOUR_US]) + now_us
        bad: dict[str, bytes] = {
            "malformed": good[: len(good) // 2],
            "wrong_version": good.replace(b'"v":1', b'"v":9'),
            "unknown_vehicle": contract.encode(
                replace(frame(now_us, 1), vehicle="submarine"), COLUMNS
            ),
            "unknown_satellite": contract.encode(
                frame(now_us, 2).take(np.arange(4), everyone), COLUMNS
            ),
            "future": contract.encode(replace(frame(now_us, 3), row_t_event_us=late_row), COLUMNS),
            "invalid": contract.encode(frame(now_us, 4, battery_t_degc=320.0), COLUMNS),
        }
        send(good)
        for value in bad.values():
            send(value)
        send(b"\xff" * 7_000_000)
        send(contract.encode(frame(now_us, 5, battery_v=float("nan")), COLUMNS))
        send(contract.encode(frame(now_us, 6), COLUMNS))
        producer.close()

        rows = "select sat_id, seq, battery_v, battery_t_degc from sat_raw where sat_id < 800 "
        until(lambda: ask(data, rows + "and sat_id > 700 and seq = 6"))
        stored = {
            (r["sat_id"], r["seq"]): r for r in ask(data, rows + "and sat_id > 700 order by seq")
        }
        # 0, 5 and 6 are whole, 4 lost one value, of 2 and 3 one row had to go.
        assert {key for key in stored if key[1] in (0, 4, 5, 6)} == {
            (int(s), q) for s in KNOWN for q in (0, 4, 5, 6)
        }
        assert {s for s, q in stored if q == 2} == {701, 702, 703}
        assert {s for s, q in stored if q == 3} == {701, 702, 703}
        assert stored[701, 4]["battery_t_degc"] is None and stored[701, 4]["battery_v"] == 4.1
        assert stored[701, 5]["battery_v"] is None
        (far,) = ask(data, "select count(*) as n from latest where battery_v > 1000")
        assert far["n"] == 0
        until(lambda: len(ask(data, "select * from dead_letter")) >= len(bad) + 1)
        told = ask(data, "select reason, topic, rows, kept from dead_letter")
        assert {t["reason"] for t in told} == set(bad)
        assert len(told) == len(bad) + 1  # the 7 MB of nothing are malformed too
        assert {t["topic"] for t in told} == {topics.TELEMETRY.name}
        assert [t["rows"] for t in told if t["reason"] in ("future", "unknown_satellite")] == [1, 1]
        consumer = KafkaConsumer(
            topics.DEAD_LETTERS.name, **connection.client_config(), group_id=None,
            auto_offset_reset="earliest", consumer_timeout_ms=5_000,
        )  # fmt: skip
        letters = {}
        for record in consumer:
            headers = {name: value.decode() for name, value in record.headers}
            letters.setdefault(headers["reason"], (record.value, headers))
            if len(letters) == len(bad):
                break
        consumer.close()
        assert letters["malformed"][0] == bad["malformed"]
        assert letters["wrong_version"][0] == bad["wrong_version"]
        assert letters["future"][1]["partition"] == str(place)
        (flagged,) = ask(data, "select * from event where kind = 'clock' and state = 'raised'")
        assert flagged["sat_id"] == 704
        # The twin's own satellites did not notice.
        assert rows_in_latest(data) >= 81
        assert up.process.poll() is None
        document = json.loads(orbitwin("status", "--json", data=data).stdout)
        assert {p["name"]: p.get("restarts", 0) for p in document["parts"]}["processor"] == 0
