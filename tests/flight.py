"""A thin Flight SQL client for tests: the messages by hand, so that wrong ones can be sent."""

from __future__ import annotations

import contextlib
from typing import Any

import pyarrow as pa
import pyarrow.flight as flight

from storage.flight import messages


class Client:
    """Logged in, unless `user` is ""; every method raises Flight's own errors."""

    def __init__(self, url: str, user: str, password: str, **options: Any) -> None:
        self.flight = flight.FlightClient(url, **options)
        self.options = flight.FlightCallOptions()
        if user:
            token = self.flight.authenticate_basic_token(user, password)
            self.options = flight.FlightCallOptions(headers=[token])

    def info(self, command: str, **fields: Any) -> flight.FlightInfo:
        return self.flight.get_flight_info(descriptor(command, **fields), self.options)

    def ticket(self, sql: str) -> flight.Ticket:
        return self.info("CommandStatementQuery", query=sql).endpoints[0].ticket

    def stream(self, sql: str) -> flight.FlightStreamReader:
        return self.flight.do_get(self.ticket(sql), self.options)

    def query(self, sql: str) -> pa.Table:
        return self.stream(sql).read_all()

    def listing(self, command: str, **fields: Any) -> pa.Table:
        """A listing; checks that its rows come as they were announced."""
        info = self.info(command, **fields)
        found = self.flight.do_get(info.endpoints[0].ticket, self.options).read_all()
        assert found.schema.equals(info.schema)
        asked = self.flight.get_schema(descriptor(command, **fields), self.options)
        assert asked.schema.equals(info.schema)
        return found

    def action(self, name: str, body: bytes = b"") -> list[bytes]:
        results = self.flight.do_action(flight.Action(name, body), self.options)
        return [result.body.to_pybytes() for result in results]

    def put(self, command: str, rows: pa.Table, /, **fields: Any) -> bytes:
        writer, reader = self.flight.do_put(
            descriptor(command, **fields), rows.schema, self.options
        )
        try:
            writer.write_table(rows)
            writer.done_writing()
            answer = reader.read()
        except BaseException:
            with contextlib.suppress(flight.FlightError):
                writer.close()  # says less than what has been raised
            raise
        writer.close()
        return answer.to_pybytes() if answer is not None else b""

    def close(self) -> None:
        self.flight.close()


def descriptor(command: str, **fields: Any) -> flight.FlightDescriptor:
    return flight.FlightDescriptor.for_command(messages.pack(messages.make(command, **fields)))
