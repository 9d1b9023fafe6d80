"""Dead letters: what could not be taken, with its reason and where it came from."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from orbitwin import contract, topics
from orbitwin.column import Column
from orbitwin.contract import Frame
from orbitwin.fleet import Chunk
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


@dataclass
class Letters:
    """The dead letters of one frame: each holds some of its rows, as a frame of their own."""

    chunk: Chunk
    columns: Sequence[Column]
    frame: Frame
    record: Record
    outputs: list[Output]  # where they go, among what else follows from the record
    number: int = 0  # of the next letter

    def add(self, rows: np.ndarray, reason: str, message: str, kept: bool) -> None:
        """A letter with `rows` (N,) of the frame; `kept` where they are taken all the same."""
        if self.frame.sat_id is None:
            sat_id = self.chunk.sat_id[self.frame.row0 + rows]
        else:
            sat_id = self.frame.sat_id[rows]
        value = contract.encode(self.frame.take(rows, sat_id), self.columns)
        self.outputs.append(
            letter(
                self.record,
                reason,
                message,
                value,
                rows=len(rows),
                kept=kept,
                part=self.number,
            )
        )
        self.number += 1
