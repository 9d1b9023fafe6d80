"""pgjdbc, the Java driver behind DBeaver and Metabase, by the program java/Reader.java.

Skipped where `java` is not on PATH. The driver is a jar of Maven Central, pinned in
java/pgjdbc.lock and fetched once as Kafka's jars are; where it cannot be had the test fails and
says so.
"""

from __future__ import annotations

import os
from pathlib import Path

from compose.jars import kafka_jars
from tests.clients.conftest import Served, run_program, tool

JAVA = Path(__file__).with_name("java")


def test_pgjdbc_reads_history(history_door: Served) -> None:
    java = tool("java")
    (jar,) = kafka_jars(JAVA / "pgjdbc.lock", say=lambda _line: None)
    said = run_program(
        [java, "-cp", str(jar), "Reader.java"],
        os.environ
        | {
            "DOOR_JDBC": f"jdbc:postgresql://127.0.0.1:{history_door.port}/{history_door.database}",
            "DOOR_USER": history_door.user,
            "DOOR_PASSWORD": history_door.password,
        },
        JAVA,
    )
    assert said.splitlines() == [
        "ok metadata", "ok fetch size", "ok prepared", "ok types", "ok cancel", "ok copy",
    ]  # fmt: skip
