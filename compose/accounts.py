"""What was sent against what is stored, frame by frame: lost and doubled rows by identity.

The producer appends every frame that Kafka acknowledged to a ledger (`ledger/RUN.jsonl`); the
historian keeps every frame that it stored, in the same transaction as its rows, in the table
`frame`. Totals alone would hide a loss behind a duplicate of the same size, so the two are
compared under the frame's identity: fleet, packet, chunk, sequence number, first row.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson

from orbitwin.errors import OrbitwinError

SHOWN = 5  # identities of lost frames that are named

Identity = tuple[str, str, int, int, int]
"""fleet, packet, chunk, sequence number, first row."""


@dataclass(frozen=True)
class Sent:
    """A frame that Kafka acknowledged; `t_event_us` is UTC us."""

    identity: Identity
    rows: int
    t_event_us: int


@dataclass(frozen=True)
class Stored:
    """A frame in history: `rows` are stored, the others were dead letters or known before."""

    identity: Identity
    rows: int
    rows_dead: int = 0
    rows_duplicate: int = 0


@dataclass(frozen=True)
class Balance:
    """Rows by what became of them. `lost` names the first few frames that lack rows."""

    rows_sent: int = 0
    rows_stored: int = 0
    rows_lost: int = 0
    rows_duplicated: int = 0
    dead_letters: int = 0
    frames_sent: int = 0
    lost: tuple[Identity, ...] = ()


def balance(sent: Iterable[Sent], stored: Iterable[Stored]) -> Balance:
    """Compare the ledger with history.

    A frame acknowledged twice (its producer was killed and began again) is one frame. Rows are
    lost where fewer of a frame were stored, refused as dead letters or recognised as known than
    were sent, and duplicated where more are stored than were sent. Stored frames that the ledger
    does not list are other runs', or were acknowledged at the moment of a kill: they are passed
    over.
    """
    wanted: dict[Identity, int] = {}
    for frame in sent:
        wanted[frame.identity] = max(frame.rows, wanted.get(frame.identity, 0))
    kept = dict.fromkeys(wanted, 0)
    dead = dict.fromkeys(wanted, 0)
    known = dict.fromkeys(wanted, 0)
    for record in stored:
        if record.identity in wanted:
            kept[record.identity] += record.rows
            dead[record.identity] += record.rows_dead
            known[record.identity] += record.rows_duplicate
    short = {key: rows - kept[key] - dead[key] - known[key] for key, rows in wanted.items()}
    lost = [key for key, missing in short.items() if missing > 0]
    return Balance(
        rows_sent=sum(wanted.values()),
        rows_stored=sum(kept.values()),
        rows_lost=sum(short[key] for key in lost),
        rows_duplicated=sum(max(0, kept[key] - rows) for key, rows in wanted.items()),
        dead_letters=sum(dead.values()),
        frames_sent=len(wanted),
        lost=tuple(sorted(lost)[:SHOWN]),
    )


def read_ledger(
    directory: Path, since_s: float = 0.0, tail_bytes: int | None = None
) -> Iterator[Sent]:
    """Every acknowledged frame of the ledgers written to after `since_s` (Unix time).

    With `tail_bytes` only the end of each ledger is read. Half a line at the end of a file, where
    a kill -9 hit, is passed over; one elsewhere is an OrbitwinError.
    """
    for file in sorted(directory.glob("*.jsonl")):
        if file.stat().st_mtime < since_s:
            continue
        skipped = max(0, file.stat().st_size - tail_bytes) if tail_bytes is not None else 0
        with file.open("rb") as stream:
            stream.seek(skipped)
            lines = stream.read().split(b"\n")
        for number, line in enumerate(lines, 1):
            if not line or (skipped and number == 1):
                continue
            try:
                entry = orjson.loads(line)
                identity = _identity(entry)
                yield Sent(identity, int(entry["rows"]), int(entry["t_event_us"]))
            except (ValueError, KeyError, TypeError) as error:
                if number == len(lines):
                    break
                raise OrbitwinError(
                    f"{file}:{number}: not a line of a ledger: {error}",
                    "the count of lost rows needs it whole; was it edited?",
                ) from None


def ledger_bytes(directory: Path, since_s: float = 0.0) -> int:
    """Size of the ledgers that read_ledger would read."""
    stats = [file.stat() for file in directory.glob("*.jsonl")]
    return sum(stat.st_size for stat in stats if stat.st_mtime >= since_s)


def frames_query(sent: Sequence[Sent]) -> str:
    """SQL for the stored frames of the times that `sent` covers (at least one frame)."""
    low = _timestamp(min(frame.t_event_us for frame in sent))
    high = _timestamp(max(frame.t_event_us for frame in sent))
    return (
        "select fleet, packet, chunk, seq, row0, rows, rows_dead, rows_duplicate from frame "
        f"where t_event between '{low}' and '{high}'"
    )


def stored_frames(rows: Iterable[Sequence[Any]]) -> Iterator[Stored]:
    """The rows of `frames_query`."""
    for fleet, packet, chunk, seq, row0, *counts in rows:
        identity = (str(fleet), str(packet), int(chunk), int(seq), int(row0))
        yield Stored(identity, *(int(count or 0) for count in counts))


def _identity(entry: dict[str, Any]) -> Identity:
    return (
        str(entry["fleet"]),
        str(entry["packet"]),
        int(entry["chunk"]),
        int(entry["seq"]),
        int(entry["row0"]),
    )


def _timestamp(t_us: int) -> str:
    whole_s, rest_us = divmod(t_us, 1_000_000)
    return datetime.fromtimestamp(whole_s, UTC).replace(microsecond=rest_us).isoformat()
