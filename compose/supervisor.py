"""Keeps the parts of a twin running, and stops them in order.

Plain child processes and one thread. A part that dies is started again, after a pause that
doubles from 0.2 s to 10 s; so is one that says it is stalled, or says nothing any more: a process
that lives and moves nothing is the failure that is seen last. A part that ends with exit code 0
has finished (a replay at its end), one that ends with EXIT_USAGE cannot be helped by starting it
again, nor can one that ends again and again without ever having run. What runs stands in
run.json; a lock on the data directory keeps a second twin out.
"""

from __future__ import annotations

import fcntl
import os
import signal
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import IO, Any

import orjson

from compose.child import Child, log_tail
from compose.part import Part, Stage
from orbitwin.errors import EXIT_USAGE, BusyError, UsageError
from orbitwin.log import Log
from orbitwin.parts import TWIN_FILE, ask, is_alive, write_twin

LOCK_FILE = "run.lock"
TICK_S = 0.2
ASK_STATUS_EVERY_S = 1.0
ASK_ANSWERS_EVERY_S = 5.0  # opens a connection: dearer than a look at /status
ASK_TIMEOUT_S = 1.0
SILENT_S = 15.0  # a part that does not answer for so long is started again
START_S = 60.0  # ... and so long after its start
FIRST_PAUSE_S = 0.2
LONGEST_PAUSE_S = 10.0
FUTILE_STARTS = 6  # in a row, each ended by an error before it ran: some 20 s
GOOD_RUN_S = 60.0  # after a run of this length the pause starts from its least again
STOP_TOTAL_S = 9.5
LAST_STAGE_S = 1.0  # kept for each stage that is still to come

OVER = ("finished", "failed", "stopped")


@dataclass
class _Slot:
    """A part and the process that is it at present."""

    part: Part
    child: Child | None = None
    state: str = "starting"
    reason: str = ""
    restarts: int = 0
    exit_code: int | None = None  # of the process before
    futile_starts: int = 0
    health_port: int | None = None
    started_s: float = 0.0  # monotonic, as all times here
    heard_s: float | None = None  # when it last answered; None before it ever did
    ask_at_s: float = 0.0
    start_at_s: float = 0.0
    pause_s: float = FIRST_PAUSE_S
    past_cpu_s: float = 0.0  # of processes before this one
    asked: bool = field(default=False, repr=False)  # to stop, by us


@dataclass(frozen=True)
class Usage:
    """What a part used, summed over its restarts, and holds now."""

    cpu_s: float
    rss_bytes: int


class Supervisor:
    """Runs parts in `data_dir`. A context manager: takes the lock, and stops all at the end.

    `about` (profile, satellites, bootstrap, ...) is written into run.json beside the parts.
    Raises BusyError where another twin runs in the directory, UsageError where it cannot be
    written. `start()` must be called from a thread that outlives the twin (see Child).
    """

    def __init__(
        self,
        data_dir: Path,
        log: Log,
        about: Mapping[str, Any] | None = None,
        silent_s: float = SILENT_S,
        start_s: float = START_S,
    ) -> None:
        self.data_dir = data_dir
        self.run_dir = data_dir / "run"
        self._log = log
        self._about: dict[str, Any] = dict(about or {})
        self._silent_s = silent_s
        self._start_s = start_s
        self._slots: dict[str, _Slot] = {}
        self._lock = threading.RLock()
        self._end = threading.Event()
        self._clean = True
        self._written: Any = None
        self._lock_file: IO[str] | None = None
        self._thread = threading.Thread(target=self._run, name="supervisor")

    # --- what `up` asks of it ----------------------------------------------------------------

    def __enter__(self) -> Supervisor:
        self._lock_file = lock_data_dir(self.data_dir)
        _forget_the_dead(self.run_dir)
        self._about["started_us"] = time.time_ns() // 1000
        self._write()
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    def start(self, part: Part) -> None:
        """Start a part and keep it running."""
        with self._lock:
            if self._end.is_set():
                return
            if part.name in self._slots and self._slots[part.name].state not in OVER:
                raise ValueError(f"part {part.name} runs already")
            slot = self._slots[part.name] = _Slot(part)
            self._spawn(slot)
        self._write()

    def update(self, **about: Any) -> None:
        """Add to what run.json says of the twin."""
        with self._lock:
            self._about.update(about)
        self._write()

    def parts(self) -> list[dict[str, Any]]:
        """Every part: name, pid, state, reason, restarts, exit_code, health_port, log."""
        with self._lock:
            return [
                {
                    "name": slot.part.name,
                    "pid": slot.child.pid if slot.child else None,
                    "state": slot.state,
                    "reason": slot.reason,
                    "restarts": slot.restarts,
                    "exit_code": slot.exit_code,
                    "health_port": slot.health_port,
                    "log": str(slot.part.log_path),
                }
                for slot in self._slots.values()
            ]

    def state(self, name: str) -> str:
        """starting, running, waiting, silent, restarting, stopping, stopped, finished, failed."""
        with self._lock:
            return self._slots[name].state

    def usage(self) -> dict[str, Usage]:
        """CPU time and memory of every part."""
        with self._lock:
            return {
                name: Usage(
                    slot.past_cpu_s + (slot.child.cpu_s if slot.child else 0.0),
                    slot.child.rss_bytes if slot.child else 0,
                )
                for name, slot in self._slots.items()
            }

    def stop_stage(self, stage: Stage, timeout_s: float | None = None) -> bool:
        """Stop the parts of one stage, all at once; whether all ended on SIGTERM."""
        with self._lock:
            slots = [s for s in self._slots.values() if s.part.stage == stage]
            for slot in slots:
                slot.asked = True
                if slot.child is not None:
                    slot.state, slot.reason = "stopping", ""
                    slot.child.terminate()
                elif slot.state not in OVER:
                    slot.state = "stopped"
        self._write()
        # Without the lock: the thread may look meanwhile, and sees that they were asked.
        began = time.monotonic()
        clean = True
        for slot in slots:
            child = slot.child
            if child is None:
                continue
            limit_s = slot.part.stop_timeout_s if timeout_s is None else timeout_s
            if not child.wait(began + limit_s):
                self._log.warning(f"{slot.part.name} did not stop within {limit_s:.1f} s: killed")
                child.kill()
                clean = False
            with self._lock:
                if slot.child is child:
                    self._bury(slot, child)
                    slot.state = "stopped"
        self._write()
        return clean

    def stop(self) -> bool:
        """Stop all parts in order, within 10 s; whether all ended on SIGTERM. Idempotent."""
        self._end.set()
        if self._thread.ident is not None:
            # Its end is also the end of the tether of what it started again: it stops them.
            self._thread.join()
        if self._lock_file is not None:
            (self.data_dir / TWIN_FILE).unlink(missing_ok=True)
            self._lock_file.close()
            self._lock_file = None
        return self._clean

    # --- its thread --------------------------------------------------------------------------

    def _run(self) -> None:
        while not self._end.wait(TICK_S):
            with self._lock:
                for slot in self._slots.values():
                    if not slot.asked and slot.state not in OVER:
                        self._look(slot, time.monotonic())
            self._write()
        deadline = time.monotonic() + STOP_TOTAL_S
        for stage in sorted(Stage, reverse=True):
            left_s = deadline - time.monotonic() - LAST_STAGE_S * stage
            longest = [s.part.stop_timeout_s for s in self._slots.values() if s.part.stage == stage]
            if longest:
                self._clean &= self.stop_stage(stage, max(LAST_STAGE_S, min(left_s, max(longest))))

    def _look(self, slot: _Slot, now_s: float) -> None:
        child = slot.child
        if child is None:
            if now_s >= slot.start_at_s:
                slot.restarts += 1
                self._spawn(slot)
            return
        code = child.exit_code()
        if code is not None:
            self._bury(slot, child)
            self._ended(slot, code, now_s)
        elif now_s >= slot.ask_at_s and (slot.part.has_status or slot.part.answers):
            fault = self._fault(slot, child, now_s)
            if fault:
                child.kill()
                self._bury(slot, child)
                self._again(slot, fault, now_s)

    def _spawn(self, slot: _Slot) -> None:
        part = slot.part
        slot.child = Child(part.argv, part.log_path, part.env, part.orphan_signal)
        slot.child.start()
        slot.state, slot.reason = "starting", ""
        if not part.has_status and part.answers is None:
            slot.state = "running"
        slot.started_s, slot.heard_s, slot.health_port = time.monotonic(), None, None
        slot.ask_at_s = 0.0

    def _bury(self, slot: _Slot, child: Child) -> None:
        slot.past_cpu_s += child.cpu_s
        slot.child = None

    def _ended(self, slot: _Slot, code: int, now_s: float) -> None:
        name, slot.exit_code = slot.part.name, code
        said = log_tail(slot.part.log_path)
        if code == 0:
            slot.state, slot.reason = "finished", ""
            self._log.info(f"{name} has finished")
        elif code == EXIT_USAGE or (code > 0 and slot.futile_starts + 1 >= FUTILE_STARTS):
            slot.state, slot.reason = "failed", said
            self._log.warning(f"{name} cannot run: {said}")
        else:
            how = _signal_name(-code) if code < 0 else f"exit code {code}"
            if code > 0:
                slot.futile_starts += 1
                how += f": {said}" if said else ""
            self._again(slot, f"ended with {how}", now_s)

    def _again(self, slot: _Slot, reason: str, now_s: float) -> None:
        if now_s - slot.started_s > GOOD_RUN_S:
            slot.pause_s = FIRST_PAUSE_S
        slot.state, slot.reason = "restarting", reason
        slot.start_at_s = now_s + slot.pause_s
        self._log.warning(
            f"{slot.part.name} {reason}; starting it again in {slot.pause_s:.1f} s "
            f"(restart {slot.restarts + 1}, log {slot.part.log_path})"
        )
        slot.pause_s = min(2 * slot.pause_s, LONGEST_PAUSE_S)

    def _fault(self, slot: _Slot, child: Child, now_s: float) -> str | None:
        """What is wrong with a living process, None while nothing is (or not for long)."""
        state: str | None = None
        if slot.part.answers is not None:
            # Often while it starts; then seldom, since this opens a connection each time.
            slot.ask_at_s = now_s + (TICK_S if slot.heard_s is None else ASK_ANSWERS_EVERY_S)
            state = "running" if slot.part.answers() else None
        else:
            slot.ask_at_s = now_s + (TICK_S if slot.heard_s is None else ASK_STATUS_EVERY_S)
            status = self._status(slot, child.pid)
            state = str(status["state"]) if status else None
            slot.reason = str(status.get("reason", "")) if status else slot.reason
        if state is None:
            since_s = slot.started_s if slot.heard_s is None else slot.heard_s
            limit_s = self._start_s if slot.heard_s is None else self._silent_s
            if now_s - since_s > limit_s:
                return f"does not answer for {now_s - since_s:.0f} s"
            if slot.heard_s is not None:
                slot.state = "silent"
            return None
        slot.heard_s, slot.state = now_s, state
        if state == "running":
            slot.futile_starts = 0
        return f"is stalled ({slot.reason})" if state == "stalled" else None

    def _status(self, slot: _Slot, pid: int | None) -> dict[str, Any] | None:
        """The part's own /status; None before its run file is there or when it is silent."""
        try:
            run = orjson.loads((self.run_dir / f"{slot.part.name}.json").read_bytes())
            if run["pid"] != pid:
                return None  # the file of the process before
            slot.health_port = int(run["health_port"])
            status = ask(slot.health_port, timeout_s=ASK_TIMEOUT_S)
            return status if "state" in status else None
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def _write(self) -> None:
        with self._lock:
            parts = self.parts()
            pids = {f"{p['name']}_pid": p["pid"] for p in parts if p["name"] == "broker"}
            document = {**self._about, **pids, "parts": parts}
            if document == self._written:
                return
            try:
                write_twin(self.data_dir, document)
                self._written = document
            except OSError as error:  # a full disk must not end the supervision
                self._log.warning(f"cannot write {self.data_dir / TWIN_FILE}: {error.strerror}")


def lock_data_dir(data_dir: Path) -> IO[str]:
    """Take the data directory for this process: the lock lasts until the file is closed.

    BusyError where another process has it, UsageError where the directory cannot be written.
    """
    path = data_dir / LOCK_FILE
    try:
        data_dir.mkdir(parents=True, exist_ok=True)
        file = path.open("a+")
    except OSError as error:
        raise UsageError(
            f"cannot write to the data directory {data_dir}: {error.strerror}",
            "choose another with --data DIR, or mend its permissions",
        ) from None
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        file.seek(0)
        owner = file.read().strip() or "unknown"
        file.close()
        raise BusyError(
            f"a twin already runs in {data_dir} (pid {owner})",
            f"stop it (Ctrl-C there, or kill {owner}), or choose another --data DIR",
        ) from None
    file.truncate(0)
    file.write(f"{os.getpid()}\n")
    file.flush()
    return file


def _forget_the_dead(run_dir: Path) -> None:
    """Remove run files of parts that were killed and could not do it themselves."""
    for path in run_dir.glob("*.json"):
        try:
            dead = not is_alive(int(orjson.loads(path.read_bytes())["pid"]))
        except (OSError, ValueError, KeyError, TypeError):
            dead = True
        if dead:
            path.unlink(missing_ok=True)


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
