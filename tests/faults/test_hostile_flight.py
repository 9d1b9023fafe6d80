"""Fault rows S01, S02, S03 and G03 at the Flight door: the same corpus, refused alike."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator

import pyarrow as pa
import pyarrow.flight as flight
import pytest

from storage.flight import FlightDoor, messages
from tests.door import PASSWORD, Twin, tick, twin
from tests.flight import Client
from tests.hostile import ENDLESS, EXCESSIVE, HOSTILE, PAYLOADS, REFUSED, UNKNOWN


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Twin, FlightDoor]]:
    with twin(tmp_path_factory.mktemp("hostile"), statement_timeout_s=0.2) as opened:
        door = FlightDoor(opened.door, PASSWORD)
        try:
            yield opened, door
        finally:
            door.stop()


@pytest.fixture(scope="module")
def client(served: tuple[Twin, FlightDoor]) -> Iterator[Client]:
    made = Client(f"grpc://127.0.0.1:{served[1].port}", "orbitwin", PASSWORD)
    yield made
    made.close()


def state_of(error: flight.FlightError) -> str:
    return (error.extra_info or b"").decode()


def ticket(sql: str) -> flight.Ticket:
    """What the door itself would give for a statement, forged."""
    handle = b"12345678" + sql.encode()
    made = messages.make("TicketStatementQuery", statement_handle=handle)
    return flight.Ticket(messages.pack(made))


def prepare(sql: str) -> bytes:
    return messages.pack(messages.make("ActionCreatePreparedStatementRequest", query=sql))


@pytest.mark.parametrize("sql", HOSTILE)
def test_s01_s03_is_refused_counted_and_logged_however_it_comes(
    served: tuple[Twin, FlightDoor], client: Client, sql: str, caplog: pytest.LogCaptureFixture
) -> None:
    door = served[0].door
    for send in (
        lambda: client.info("CommandStatementQuery", query=sql),
        lambda: client.action("CreatePreparedStatement", prepare(sql)),
        lambda: client.flight.do_get(ticket(sql), client.options).read_all(),
        lambda: client.put("CommandStatementUpdate", pa.table({}), query=sql),
    ):
        before = door.stats()
        caplog.clear()
        with caplog.at_level(logging.WARNING), pytest.raises(flight.FlightError) as caught:
            send()
        after, state = door.stats(), state_of(caught.value)
        assert state in REFUSED | UNKNOWN, (state, str(caught.value))
        assert after["errors_total"] == before["errors_total"] + 1
        refused = state in ("25006", "42501", "0A000")
        assert after["refused_total"] == before["refused_total"] + refused
        assert (f"SQL refused ({state})" in caplog.text) == refused
    assert client.query("SELECT count(*) AS n FROM satellite")["n"].to_pylist() == [1000]


@pytest.mark.parametrize("payload", PAYLOADS)
def test_s02_parameters_are_only_ever_data(client: Client, payload: str) -> None:
    sql = "SELECT count(*) AS n, ?::text AS v FROM satellite WHERE name = ?"
    (made,) = client.action("CreatePreparedStatement", prepare(sql))
    handle = messages.unpack(made).prepared_statement_handle
    values = pa.table({"1": [payload], "2": [payload]})
    client.put("CommandPreparedStatementQuery", values, prepared_statement_handle=handle)
    info = client.info("CommandPreparedStatementQuery", prepared_statement_handle=handle)
    found = client.flight.do_get(info.endpoints[0].ticket, client.options).read_all()
    assert found.to_pylist() == [{"n": 0, "v": payload}]


def test_s03_python_frames_cannot_be_read(client: Client) -> None:
    frame = tick(3, 1.0)
    assert frame.num_rows == 3
    for name in ("frame", "client", "served", "_prepared"):
        with pytest.raises(flight.FlightError, match="42P01"):
            client.query(f"SELECT * FROM {name}")


def test_what_one_client_sets_no_other_gets(client: Client) -> None:
    client.query("SELECT set_config('application_name', 'mine', false)")
    found = client.query("SELECT current_setting('application_name') AS name")
    assert found["name"].to_pylist() == [""]


@pytest.mark.parametrize("bomb", ENDLESS)
def test_g03_a_runaway_query_ends_at_its_timeout(client: Client, bomb: str) -> None:
    with pytest.raises(flight.FlightError) as caught:
        client.query(bomb)
    assert state_of(caught.value) in ("57014", "53200")
    assert client.query("SELECT 1 AS a")["a"].to_pylist() == [1]


@pytest.mark.parametrize("sql", EXCESSIVE, ids=lambda sql: sql[:60])
def test_g03_what_no_timeout_ends_is_refused_at_once(client: Client, sql: str) -> None:
    began_s = time.monotonic()
    with pytest.raises(flight.FlightError) as caught:
        client.query(sql)
    assert state_of(caught.value) in ("54000", "54001", "42601")
    assert time.monotonic() - began_s < 5.0
    assert client.query("SELECT 1 AS a")["a"].to_pylist() == [1]
