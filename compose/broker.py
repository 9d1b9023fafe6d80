"""A Kafka of our own: one node, KRaft, on loopback, its data under the twin's data directory.

`LocalBroker` knows how to lay it out and how to run it; the supervisor keeps it running. Which
of two twins may use a data directory is settled before, by the supervisor's lock: a broker found
running on *our* files is therefore one that was left behind, and is stopped.
"""

from __future__ import annotations

import base64
import os
import signal
import socket
import subprocess
import time
import uuid
from collections.abc import Callable
from pathlib import Path

import psutil

from compose.child import Child, log_tail
from compose.jars import kafka_jars
from compose.jre import find_java
from compose.part import Part, Stage
from orbitwin.connection import Connection
from orbitwin.errors import OrbitwinError, UsageError
from orbitwin.kafka import why_not
from orbitwin.log import Log
from orbitwin.topics import MAX_MESSAGE_BYTES, RETENTION_BYTES, SEGMENT_BYTES

HOST = "127.0.0.1"
PORT = 9092
HEAP_MB = 320
START_TIMEOUT_S = 60.0
STOP_TIMEOUT_S = 5.0
ASK_EVERY_S = 0.05
MAIN_CLASS = "kafka.Kafka"

# Measured in docs/decisions/0002: least memory and quickest start, no more CPU under load.
JVM_FLAGS = (
    "-Xms64m",
    "-Xss256k",
    "-XX:+UseSerialGC",
    "-XX:TieredStopAtLevel=1",
    "-XX:MaxDirectMemorySize=128m",
    "-XX:+ExitOnOutOfMemoryError",  # a broker out of memory must end, to be started again
    "-XX:-UsePerfData",
    "-Djava.awt.headless=true",
    "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn",
    "-Dorg.slf4j.simpleLogger.showDateTime=true",
    "-Dorg.slf4j.simpleLogger.dateTimeFormat=yyyy-MM-dd'T'HH:mm:ss.SSSZ",
)


class LocalBroker:
    """A broker on `data_dir`/kafka.

    `port` is used when it is free, else another; 0 asks for any free one. `heap_mb` is a limit,
    not a reservation. After `prepare()` (which downloads, formats, clears away a stale broker
    and chooses ports) `argv` runs it; `start()` does both and waits until it serves.
    """

    def __init__(
        self, data_dir: Path, port: int = PORT, heap_mb: int = HEAP_MB, log: Log | None = None
    ) -> None:
        self.data_dir = data_dir.absolute()
        self.dir = self.data_dir / "kafka"
        self.log_dir = self.dir / "log"
        self.properties = self.dir / "server.properties"
        self.log_path = self.data_dir / "logs" / "broker.log"
        self.wanted_port = port
        self.port = port
        self.controller_port = 0
        self.heap_mb = heap_mb
        self.argv: list[str] = []
        self._log = log
        self._child: Child | None = None

    @property
    def bootstrap(self) -> str:
        """HOST:PORT for clients; valid after prepare()."""
        return f"{HOST}:{self.port}"

    @property
    def pid(self) -> int | None:
        """Process id of the broker that start() started."""
        return self._child.pid if self._child else None

    def prepare(self) -> None:
        """Make everything ready to run `argv`.

        Raises UsageError for a directory that cannot be written or a missing Java, OrbitwinError
        where the jars cannot be had or the storage cannot be formatted.
        """
        if "," in str(self.log_dir):
            raise UsageError(
                f"Kafka cannot keep its log in {self.log_dir}: it splits paths at commas",
                "choose a --data directory without one",
            )
        try:
            self.dir.mkdir(parents=True, exist_ok=True)
            self.log_path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise UsageError(
                f"cannot write {self.dir}: {error.strerror}", "choose another --data directory"
            ) from None
        java, jars = find_java(), kafka_jars()
        self._stop_stale()
        self.choose_ports()
        command = [str(java), *JVM_FLAGS, f"-Xmx{self.heap_mb}m"]
        command += [f"-XX:ErrorFile={self.data_dir}/logs/broker-crash-%p.log"]
        command += ["-cp", os.pathsep.join(str(jar) for jar in jars)]
        if not (self.log_dir / "meta.properties").exists():
            self._format(command)
        self.argv = [*command, MAIN_CLASS, str(self.properties)]

    def choose_ports(self) -> None:
        """Take the wanted port, or a free one where it is taken, and write the properties."""
        self.port = free_port(self.wanted_port)
        if self.wanted_port and self.port != self.wanted_port and self._log:
            self._log.warning(
                f"Port {self.wanted_port} is taken by another program: the broker uses {self.port}"
            )
        self.controller_port = free_port(0, but_not=self.port)
        text = _properties(self.log_dir, self.port, self.controller_port)
        self.properties.write_text(text, encoding="ascii")

    def serves(self) -> bool:
        """Whether it answers a metadata request."""
        return why_not(Connection(self.bootstrap), timeout_s=1.0) is None

    def start(self, timeout_s: float = START_TIMEOUT_S) -> Connection:
        """Run it and wait until it serves. OrbitwinError, with its log's end, where it does not.

        Call it from a thread that outlives the broker (see Child).
        """
        self.prepare()
        child = Child(self.argv, self.log_path, orphan_signal=signal.SIGTERM)
        child.start()
        self._child = child
        try:
            return self.wait_until_serving(lambda: child.running, timeout_s)
        except BaseException:
            self.stop()
            raise

    def part(self) -> Part:
        """It as a part for the supervisor; prepare() must have been called."""
        return Part(
            name="broker",
            argv=self.argv,
            log_path=self.log_path,
            stage=Stage.BROKER,
            has_status=False,
            answers=self.serves,
            stop_timeout_s=STOP_TIMEOUT_S,
            orphan_signal=signal.SIGTERM,  # so that it still closes its log cleanly
        )

    def wait_until_serving(
        self, running: Callable[[], bool], timeout_s: float = START_TIMEOUT_S
    ) -> Connection:
        """Wait until it serves. OrbitwinError when it stops running before, or takes too long."""
        deadline = time.monotonic() + timeout_s
        while not self.serves():
            if not running():
                raise OrbitwinError(
                    f"Kafka ended while it started: {log_tail(self.log_path)}",
                    f"see {self.log_path}",
                )
            if time.monotonic() > deadline:
                raise OrbitwinError(
                    f"Kafka did not answer within {timeout_s:.0f} s", f"see {self.log_path}"
                )
            time.sleep(ASK_EVERY_S)
        return Connection(self.bootstrap)

    def stop(self, timeout_s: float = STOP_TIMEOUT_S) -> bool:
        """Clean shutdown; SIGKILL after `timeout_s`. Whether it was clean."""
        return self._child.stop(timeout_s) if self._child else True

    def stale(self) -> list[psutil.Process]:
        """Brokers that run on our properties file, whoever started them.

        Found by their command line and not by a pid file, so that nothing can be out of date.
        """
        found = []
        ours = [MAIN_CLASS, str(self.properties)]
        for process in psutil.process_iter(["cmdline"]):
            if (process.info["cmdline"] or [])[-2:] == ours and (
                self._child is None or process.pid != self._child.pid
            ):
                found.append(process)
        return found

    def _stop_stale(self) -> None:
        for process in self.stale():
            if self._log:
                self._log.warning(f"Stopping a broker of this twin left behind, pid {process.pid}")
            try:
                process.terminate()
                process.wait(STOP_TIMEOUT_S)
            except psutil.TimeoutExpired:
                process.kill()
                process.wait(STOP_TIMEOUT_S)
            except psutil.NoSuchProcess:
                pass

    def _format(self, command: list[str]) -> None:
        # The first byte is kept below 0x80: an id that begins with "-" is taken for an option.
        number = uuid.uuid4().bytes
        number = bytes([number[0] & 0x7F]) + number[1:]
        cluster = base64.urlsafe_b64encode(number).decode().rstrip("=")
        tool = ["kafka.tools.StorageTool", "format", "--standalone", "-t", cluster]
        done = subprocess.run(
            [*command, *tool, "-c", str(self.properties)],
            capture_output=True, text=True, timeout=START_TIMEOUT_S,
        )  # fmt: skip
        if done.returncode != 0:
            said = (done.stderr + done.stdout).strip().splitlines()
            raise OrbitwinError(
                f"Kafka cannot use {self.log_dir}: {said[-1] if said else 'no reason given'}",
                "choose another --data directory, or remove this one",
            )


def free_port(wanted: int, but_not: int = 0) -> int:
    """`wanted` if nothing listens there on loopback, else any free port but `but_not`."""
    for port in (wanted, 0, 0):
        with socket.socket() as probe:
            # As the broker will: a port that merely lingers in TIME_WAIT is free.
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((HOST, port))
            except OSError:
                continue
            found = int(probe.getsockname()[1])
        if found != but_not:
            return found
    raise OrbitwinError(f"no free port on {HOST}", "end some other servers first")


def _properties(log_dir: Path, port: int, controller_port: int) -> str:
    listeners = f"PLAINTEXT://{HOST}:{port},CONTROLLER://{HOST}:{controller_port}"
    values: dict[str, str | int] = {
        "process.roles": "broker,controller",
        "node.id": 1,
        "controller.quorum.bootstrap.servers": f"{HOST}:{controller_port}",
        "controller.listener.names": "CONTROLLER",
        "listeners": listeners,
        "advertised.listeners": listeners,
        "inter.broker.listener.name": "PLAINTEXT",
        "listener.security.protocol.map": "CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT",
        "log.dirs": _escaped(str(log_dir)),
        # Topics are made on purpose, each with its bounds; these are the bounds of the rest.
        "auto.create.topics.enable": "false",
        "log.segment.bytes": SEGMENT_BYTES,
        "log.retention.bytes": RETENTION_BYTES,
        "log.retention.check.interval.ms": 10_000,
        "message.max.bytes": MAX_MESSAGE_BYTES,
        "replica.fetch.max.bytes": MAX_MESSAGE_BYTES,
        # One node: one copy of Kafka's own topics, and no waiting for a second.
        "default.replication.factor": 1,
        "offsets.topic.replication.factor": 1,
        "offsets.topic.num.partitions": 4,
        "offsets.topic.segment.bytes": SEGMENT_BYTES,
        "transaction.state.log.replication.factor": 1,
        "transaction.state.log.min.isr": 1,
        "transaction.state.log.num.partitions": 4,
        "share.coordinator.state.topic.replication.factor": 1,
        "share.coordinator.state.topic.min.isr": 1,
        "share.coordinator.state.topic.num.partitions": 1,
        "group.initial.rebalance.delay.ms": 0,
        # After kill -9 the node is let in again only once its old session has timed out:
        # 12.5 s until it serves with the default of 9 s, 4.7 s with these.
        "broker.session.timeout.ms": 2000,
        "broker.heartbeat.interval.ms": 250,
        # Small: a few clients, two cores. The cleaner's buffer alone is 128 MB by default.
        "log.cleaner.dedupe.buffer.size": 16 * 1024 * 1024,
        "num.network.threads": 2,
        "num.io.threads": 4,
        "background.threads": 4,
    }
    return "".join(f"{key}={value}\n" for key, value in values.items())


def _escaped(text: str) -> str:
    """For a Java properties file, which is read as ISO 8859-1."""
    plain = text.replace("\\", "\\\\")
    units = plain.encode("utf-16-be")
    codes = [int.from_bytes(units[i : i + 2], "big") for i in range(0, len(units), 2)]
    return "".join(chr(code) if 32 <= code < 127 else f"\\u{code:04x}" for code in codes)
