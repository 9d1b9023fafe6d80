"""Play recorded telemetry of a vehicle type, at any speed, with its own event times or moved."""

from __future__ import annotations

import hashlib
import threading
import zlib
from dataclasses import replace
from pathlib import Path

import numpy as np
import orjson

from orbitwin import catalogue
from orbitwin import log as logs
from orbitwin.contract import Frame
from orbitwin.errors import UsageError
from orbitwin.fleet import Clock, Fleet
from orbitwin.health import Health
from orbitwin.records import Source, letter_headers
from orbitwin.settings import Settings
from producers import clock_file, recording
from producers.pace import Pace
from producers.play import Batch, batches, plan
from producers.recording import Letter, Recording
from producers.schedule import SECOND_US
from producers.session import MOST_RATE, Session, Summary, epoch_us, run_session
from producers.sources import read_tables

LATE_US = SECOND_US  # rows sent later than this (or a period) after they were due are late
IDLE_S = 0.5
LONGEST_FLEET_NAME = 40  # characters; a recording of many satellites is named by its vehicle

_log = logs.get("replay")


def run_replay(settings: Settings, health: Health, stop: threading.Event) -> Summary:
    """Play the files of `producer.sources`; ends with the last acknowledgement, or stays.

    Raises UsageError for a file or column that is not as it should be.
    """
    chosen = settings.producer
    vehicle = catalogue.load(settings.vehicle)
    if not chosen.sources:
        raise UsageError("a replay needs files", "orbitwin produce replay FILE... --vehicle NAME")
    played = recording.read(chosen.sources, vehicle, read_tables, chosen.time_column, chosen.sat_id)

    def body(session: Session) -> None:
        pace = Pace(health)
        moved = settings.data / "clock" / "replay.json"
        shift_us = _shift_us(played, settings, moved, pace.now_us())
        shown = replace(played, t_us=played.t_us + shift_us)
        chunk_rows = session.chunk_rows(len(shown.sat_id))
        ends_us = _end_us(played, pace.now_us()) + shift_us if shift_us else 0
        fleet = fleet_of(shown, vehicle, chosen.speed, chunk_rows, ends_us)
        if session.announce(fleet, pace) and _letters(session, shown.letters):
            _play(session, shown, fleet, pace)
        moved.unlink(missing_ok=True)  # it came to an end that was meant: the next one moves anew

    return run_session("replay", settings, health, stop, body)


def fleet_of(
    played: Recording, vehicle: catalogue.Vehicle, speed: float, chunk_rows: int, ends_us: int = 0
) -> Fleet:
    """The satellites of a recording, as a fleet by their own names.

    So another recording does not push them out of the registry, and the same one finds itself.
    `ends_us` is the last event time of a recording that was moved (UTC us).
    """
    n = len(played.sat_id)
    names = "+".join(sorted(played.sat_name))
    if len(names) > LONGEST_FLEET_NAME:
        names = f"{vehicle.name}-{zlib.crc32(names.encode()):08x}"
    return Fleet(
        names,
        vehicle,
        played.sat_id,
        played.sat_name,
        ["recorded"] * n,
        np.zeros(n, dtype=np.int32),
        np.arange(n, dtype=np.int32),
        chunk_rows,
        Clock("recorded", ends_us, 0, min(speed, MOST_RATE)),
    )


def frame_of(played: Recording, fleet: Fleet, batch: Batch, t_due_us: int) -> Frame:
    """The rows of a batch as a frame; each row with its satellite, time and number."""
    rows = batch.rows
    columns = fleet.vehicle.columns_of(batch.packet)
    missing = {c.name: np.full(len(rows), c.missing, dtype=c.dtype) for c in columns}
    found = {c.name: played.codes[c.name][rows] for c in columns if c.name in played.codes}
    t_us = played.t_us[rows]
    return Frame(
        fleet.name,
        fleet.vehicle.name,
        batch.packet,
        batch.chunk,
        0,
        len(rows),
        int(t_us[0]),
        batch.number,
        t_due_us,
        missing | found,
        played.sat_id[played.satellite[rows]],
        t_us,
        played.seq[batch.packet][rows],
    )


def _play(session: Session, played: Recording, fleet: Fleet, pace: Pace) -> None:
    chosen, stop, publisher = session.settings.producer, session.stop, session.publisher
    order = plan(played, chosen.speed)
    if order.pauses:
        _log.info(f"{order.pauses} pauses of more than 60 s in the data are not waited for")
    start_us = pace.now_us()
    end_us = start_us + int(chosen.duration_s * SECOND_US) if chosen.duration_s else None
    at_once = chosen.speed > MOST_RATE
    late_us = max(LATE_US, fleet.vehicle.primary.period_s * SECOND_US / chosen.speed)
    for batch in batches(played, order, fleet.chunk_rows):
        due_us = start_us + batch.due_us
        if end_us is not None and due_us > end_us:
            pace.until(end_us, stop, session.report)
            return
        if not pace.until(due_us, stop, session.report):
            return
        now_us = pace.now_us()
        pace.count(1, late=int(not at_once and now_us - due_us > late_us))
        frame = frame_of(played, fleet, batch, now_us if at_once else due_us)
        if not publisher.send(frame, fleet.vehicle.columns_of(batch.packet)):
            return
    while not publisher.flush(IDLE_S, stop) and not stop.is_set():
        session.report()
    session.finished = publisher.idle
    session.report()
    if session.finished:
        _log.info(f"played {publisher.rows_sent:,} rows of {len(fleet.sat_id)} satellites")
    while chosen.stay and not stop.wait(IDLE_S):
        session.report()


def _letters(session: Session, letters: list[Letter]) -> bool:
    """Publish the rows that are no telemetry, with why; False when stopped before."""
    if letters:
        reasons = ", ".join(sorted({letter.reason for letter in letters}))
        _log.warning(f"{len(letters)} rows cannot be played and go to the dead letters: {reasons}")
    for letter in letters:
        value = orjson.dumps(vars(letter), default=str)
        why = letter_headers(
            letter.reason,
            letter.message,
            letter.file,
            Source(0, letter.row),
            0,
            rows=1,
            length=len(value),
            sha256=hashlib.sha256(value).hexdigest(),
            kept=False,
        )
        if not session.publisher.dead_letter(letter.file.encode(), value, why):
            return False
    return True


def _end_us(played: Recording, now_us: int) -> int:
    """The last event time of a recording; times that were in its own future are faults."""
    past = played.t_us[played.t_us <= now_us]
    return int(past.max()) if len(past) else int(played.t_us.max())


def _shift_us(played: Recording, settings: Settings, path: Path, now_us: int) -> int:
    """By how much event times are moved. A replay that was killed is moved as it was before."""
    chosen = settings.producer
    target_us = now_us if chosen.shift_to_now else epoch_us(chosen.start_epoch)
    if target_us is None:
        return 0
    first_us = int(played.t_us[plan(played, 1.0).order[0]])
    wish = {
        "files": [[str(p), p.stat().st_size] for p in chosen.sources],
        "start_epoch_us": None if chosen.shift_to_now else target_us,
    }
    try:
        kept = orjson.loads(path.read_bytes())
        if kept["wish"] == wish:
            return int(kept["shift_us"])
    except (OSError, ValueError, KeyError, TypeError):
        pass  # none, or not ours: it is replaced
    clock_file.keep(path, {"wish": wish, "shift_us": target_us - first_us})
    return target_us - first_us
