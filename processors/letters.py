"""Dead letters: what could not be taken, with its reason and where it came from."""

from __future__ import annotations

import hashlib

from orbitwin import topics
from orbitwin.records import MAX_LETTER_BYTES, Source, letter_headers
from processors.record import Output, Record


def letter(
    record: Record,
    reason: str,
    message: str,
    value: bytes,
    *,
    rows: int,
    kept: bool = False,
    part: int = 0,
) -> Output:
    """A record of the dead-letter topic: `value` is the whole original, or a frame of some rows.

    What is longer than MAX_LETTER_BYTES travels as its beginning; headers give length and hash.
    """
    headers = letter_headers(
        reason,
        message,
        topics.TELEMETRY.name,
        Source(record.partition, record.offset, part),
        record.t_append_us,
        rows=rows,
        length=len(value),
        sha256=hashlib.sha256(value).hexdigest(),
        kept=kept,
    )
    return Output(
        topics.DEAD_LETTERS.name,
        record.key,
        value[:MAX_LETTER_BYTES],
        [*headers, ("part", str(part).encode())],
    )
