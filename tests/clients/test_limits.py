"""What one client may take, and that it blocks nobody: seen with a client of the raw protocol."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest

from storage.admission import harden
from storage.pgwire import Door, install_catalogue
from tests.clients import protocol as p
from tests.clients.protocol import Client
from tests.door import PASSWORD, Twin, twin


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Twin]:
    with twin(tmp_path_factory.mktemp("limits")) as opened:
        yield opened


@pytest.fixture(scope="module")
def narrow(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Twin]:
    """A door of small limits."""
    folder = tmp_path_factory.mktemp("narrow")
    with twin(
        folder, max_clients=6, max_clients_per_address=3, max_rows=100, max_portals=2,
        max_statements=3, statement_timeout_s=0.3,
    ) as opened:  # fmt: skip
        yield opened


def connect(to: Twin, **startup: str) -> Client:
    return Client(to.door.port, PASSWORD, **startup)


def codes(events: list[p.Event]) -> list[str]:
    return [event[2] for event in events if event[0] == "E"]


def eventually(to: Twin, sessions: int) -> None:
    until = time.monotonic() + 8  # less than the shortest sleep that is to be interrupted
    while to.door.stats()["sessions"] != sessions:
        assert time.monotonic() < until, to.door.stats()
        time.sleep(0.02)


def test_slow_readers_and_abandoned_queries_block_nobody(served: Twin) -> None:
    """Six clients that stop reading, and eight that leave their queries behind."""
    slow = [connect(served) for _ in range(6)]
    for one in slow:
        one.send(p.query("SELECT i, i::varchar FROM range(20000000) t(i)"))
    for _ in range(8):
        left = connect(served)
        left.send(p.query("SELECT pg_sleep(9)"))
        left.hang_up()
    with connect(served) as quick:
        begun = time.monotonic()
        for _ in range(10):
            assert quick.simple("SELECT 1")[1] == ("D", b"1")
        assert time.monotonic() - begun < 5  # no speed: nothing waits for one of them
        eventually(served, 7)  # the eight are interrupted
        for one in slow:
            one.hang_up()
        eventually(served, 1)


def test_statement_timeout_wherever_it_is_set(served: Twin) -> None:
    for startup in ({"options": "-c statement_timeout=100"}, {"statement_timeout": "100ms"}):
        with connect(served, **startup) as client:
            assert codes(client.simple("SELECT pg_sleep(9)")) == ["57014"]
            client.simple("SET statement_timeout = 0")
            assert not codes(client.simple("SELECT pg_sleep(0.2)"))
            client.simple("RESET statement_timeout")  # to what the start said
            assert codes(client.simple("SELECT pg_sleep(9)")) == ["57014"]


def test_cancel_wants_the_secret(served: Twin) -> None:
    with connect(served) as client:
        pid, secret = client.key
        client.send(p.query("SELECT pg_sleep(0.5)"))
        time.sleep(0.1)
        for wrong in ((pid, secret ^ 1), (pid + 1_000, secret)):
            client.key = wrong
            client.cancel()
        assert not codes(client.events())
        client.key = (pid, secret)
        client.send(p.query("SELECT pg_sleep(9)"))
        time.sleep(0.1)
        client.cancel()
        assert codes(client.events()) == ["57014"]
        assert client.simple("SELECT 1")[1] == ("D", b"1")


def test_idle_in_a_portal(served: Twin) -> None:
    """A portal left open holds up neither its own client nor the writer."""
    with connect(served) as client:
        client.simple("BEGIN")
        said = client.say(p.parse("SELECT i FROM range(1000000) t(i)"), p.bind(portal="a"),
                          p.execute("a", 2), p.SYNC)  # fmt: skip
        assert ("s", b"") in said
        served.connection.execute("INSERT INTO satellite VALUES (5000, 'new', NULL, NULL)")
        counted = client.simple("SELECT count(*) FROM satellite")
        served.connection.execute("DELETE FROM satellite WHERE sat_id = 5000")
        assert counted[1] == ("D", b"1001")
        served.connection.execute("CHECKPOINT")
        assert ("D", b"2") in client.say(p.execute("a", 1), p.SYNC)


def test_most_clients_of_an_address(narrow: Twin) -> None:
    kept = [connect(narrow) for _ in range(3)]
    assert connect(narrow).greeting[-1] == ("E", "FATAL", "53300", None)
    for one in kept:
        one.hang_up()
    eventually(narrow, 0)
    with connect(narrow) as again:
        assert again.simple("SELECT 1")[1] == ("D", b"1")


def test_most_clients(tmp_path: Path) -> None:
    with twin(tmp_path, max_clients=1) as opened, connect(opened):
        assert connect(opened).greeting[-1] == ("E", "FATAL", "53300", None)


def test_rows_and_time(narrow: Twin) -> None:
    with connect(narrow) as client:
        assert not codes(client.simple("SELECT * FROM range(100)"))
        assert codes(client.simple("SELECT * FROM range(101)")) == ["54000"]
        client.simple("SET statement_timeout = '1h'")  # never longer than the door allows
        assert codes(client.simple("SELECT pg_sleep(9)")) == ["57014"]
        assert client.simple("SELECT 1")[1] == ("D", b"1")


def test_memory(tmp_path: Path) -> None:
    """More than the process may take is the statement's error; the connection goes on."""
    connection = duckdb.connect(str(tmp_path / "twin.duckdb"))
    install_catalogue(connection, user="orbitwin", database="twin")
    harden(connection, None, memory_limit="64MB")
    door = Door(connection.cursor, password=PASSWORD)
    door.start()
    try:
        with Client(door.port, PASSWORD) as client:
            said = client.simple("SELECT len(list(i)) FROM range(20000000) t(i)")
            assert codes(said) == ["53200"]
            assert client.simple("SELECT 1")[1] == ("D", b"1")
    finally:
        door.stop()
        connection.close()


def test_portals_and_statements(narrow: Twin) -> None:
    with connect(narrow) as client:
        client.simple("BEGIN")
        for name, expected in (("a", []), ("b", []), ("c", ["53400"])):
            assert codes(client.simple(f"DECLARE {name} CURSOR FOR SELECT 1")) == expected
        client.simple("ROLLBACK")
        said = [codes(client.say(p.parse("SELECT 1", f"s{at}"), p.SYNC)) for at in range(4)]
        assert said == [[], [], [], ["53400"]]
        client.simple("DEALLOCATE ALL")
        assert not codes(client.say(p.parse("SELECT 1", "again"), p.SYNC))


def test_copy_from_is_refused_and_the_connection_goes_on(served: Twin) -> None:
    with connect(served) as client:
        assert codes(client.simple("COPY satellite FROM STDIN")) == ["25006"]
        client.send(p.message(b"d", b"1\tx\n"), p.message(b"c"))  # sent before it was refused
        assert client.simple("SELECT 1")[1] == ("D", b"1")


def test_stopping_says_goodbye(tmp_path: Path) -> None:
    with twin(tmp_path) as opened:
        idle, busy = connect(opened), connect(opened)
        busy.send(p.query("SELECT pg_sleep(9)"))
        time.sleep(0.2)
        opened.door.stop()
        for client in (idle, busy):
            assert ("FATAL", "57P01") in [event[1:3] for event in _rest(client)]


def _rest(client: Client) -> list[p.Event]:
    """Everything up to the end of the connection."""
    said = []
    while True:
        try:
            said.append(p.event(*client.take()))
        except ConnectionError:
            return said
