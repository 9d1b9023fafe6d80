"""P01: a full disk under the log does not end the part that writes it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

FULL = Path("/dev/full")

WRITER = """
from orbitwin import log
log.configure("test", "json")
for _ in range(3):
    log.get("x").warning("a line for a disk that is full")
print("still here")
"""


@pytest.mark.skipif(not FULL.exists(), reason="this system has no /dev/full")
def test_a_log_that_cannot_be_written_ends_nothing() -> None:
    with FULL.open("w") as full:
        done = subprocess.run(
            [sys.executable, "-c", WRITER], stdout=subprocess.PIPE, stderr=full, text=True
        )
    assert done.stdout == "still here\n"
