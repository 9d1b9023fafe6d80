"""The rows of one frame: checked, derived, merged into the state, and what follows from them.

A row that cannot be taken (an unknown satellite, a time ahead of the clock, one that a model
fails on) leaves its frame for the dead letters; a value that cannot be true becomes missing and
its row goes on. The rest of the frame is not the worse for it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace

import numpy as np

from orbitwin import contract, topics
from orbitwin.catalogue import Vehicle
from orbitwin.contract import Frame
from orbitwin.records import FLAGS, SEVERITY, Flag, Source, state_columns
from processors import minutes, model
from processors.derive import SUNLIT, Derived, isolate
from processors.events import NORMAL, SEVERITY_OF, Events, limit_events
from processors.letters import letter
from processors.limits import HISTORY, severities, violated
from processors.record import Counts, Output, Record, Rules
from processors.state import ChunkState, Placement, Rows, indices, merge, place

Constants = Mapping[str, float | np.ndarray]
Deriver = Callable[[Vehicle, Constants, Mapping[str, np.ndarray], int], Derived]

MOST_US = 2**62  # beyond it, differences of times or sequence numbers would overflow


@dataclass
class Batch:
    """Rows of a frame in work: which of the frame's, and which of the chunk's; arrays (N,)."""

    frame: Frame
    origin: np.ndarray
    rows: Rows
    t_event_us: np.ndarray
    seq: np.ndarray
    codes: dict[str, np.ndarray]
    invalid: dict[str, np.ndarray]
    derived: Derived | None = None

    def __len__(self) -> int:
        return len(self.seq)

    def pick(self, index: np.ndarray) -> Batch:
        """Some of the rows, by index."""
        return replace(
            self,
            origin=self.origin[index],
            rows=indices(self.rows)[index],
            t_event_us=self.t_event_us[index],
            seq=self.seq[index],
            codes={n: c[index] for n, c in self.codes.items()},
            invalid={n: w[index] for n, w in self.invalid.items()},
            derived=None
            if self.derived is None
            else Derived(
                {n: c[index] for n, c in self.derived.codes.items()}, self.derived.sunlit[index]
            ),
        )


def take(
    state: ChunkState,
    frame: Frame,
    record: Record,
    rules: Rules,
    counts: Counts,
    derive: Deriver,
) -> list[Output]:
    """Apply a frame to the state of its chunk; adds to `counts`, gives what to publish."""
    work = _Work(state, frame, record, rules, counts, derive)
    batch = work.known(frame)
    batch = work.in_time(batch)
    work.validate(batch)
    batch = work.derived(batch)
    part = 0
    for one in _distinct(batch):
        work.merge(one, part)
        part += 1
    for told in work.told:
        source = Source(record.partition, record.offset, part)
        work.outputs.append(
            minutes.output(state.chunk, record.key, told, source, record.t_append_us)
        )
        part += 1
    work.counts.rows_dead += work.dead
    return work.outputs


def _distinct(batch: Batch) -> Iterator[Batch]:
    """The batch itself, or in turns of which each names a satellite once, oldest rows first."""
    if isinstance(batch.rows, slice) or len(np.unique(batch.rows)) == len(batch):
        yield batch
        return
    order = np.lexsort((batch.seq, batch.t_event_us, batch.rows))
    rows = batch.rows[order]
    starts = np.flatnonzero(np.r_[True, rows[1:] != rows[:-1]])
    turn = np.arange(len(rows)) - np.repeat(starts, np.diff(np.r_[starts, len(rows)]))
    for n in range(int(turn.max()) + 1):
        yield batch.pick(np.sort(order[turn == n]))


class _Work:
    """One frame's way. The state changes in `merge`, and by `in_time`'s clock flag, only."""

    def __init__(
        self,
        state: ChunkState,
        frame: Frame,
        record: Record,
        rules: Rules,
        counts: Counts,
        derive: Deriver,
    ) -> None:
        self.state = state
        self.chunk = state.chunk
        self.packet = state.packets[frame.packet]
        self.frame = frame
        self.record = record
        self.rules = rules
        self.counts = counts
        self.derive = derive
        self.primary = self.packet is state.primary
        self.events = Events()
        self.outputs: list[Output] = []
        self.told: list[minutes.Told] = []
        self.letters = 0
        self.dead = 0
        self.bad_values = 0

    # --- which rows and values can be taken ------------------------------------------------

    def known(self, frame: Frame) -> Batch:
        """The rows of satellites that the chunk holds; the others become a letter."""
        rows: Rows = slice(frame.row0, frame.row0 + frame.rows)
        if frame.sat_id is not None:
            rows = self.chunk.rows_of(frame.sat_id)
        batch = Batch(
            frame,
            np.arange(frame.rows),
            rows,
            frame.t_event(),
            frame.seqs(),
            dict(frame.codes),
            {},
        )
        if isinstance(rows, slice):
            return batch
        return self._without(
            batch, rows < 0, "unknown_satellite", "satellites that are not in the registry"
        )

    def in_time(self, batch: Batch) -> Batch:
        """The rows whose time can be; those ahead of the clock flag their satellite."""
        wrong = (batch.t_event_us < 0) | (batch.seq < 0) | (batch.seq > MOST_US)
        batch = self._without(batch, wrong, "wrong_time", "a negative time or sequence number")
        clock = self.chunk.clock
        tolerance_us = self.rules.future_tolerance_s * 1e6 * max(1.0, clock.rate)
        latest_us = clock.now_us(self.record.t_append_us) + int(tolerance_us)
        ahead = batch.t_event_us > latest_us
        if ahead.any():
            rows = np.unique(indices(batch.rows)[ahead])
            rows = rows[(self.state.flags[rows] & Flag.CLOCK) == 0]
            self.state.flags[rows] |= np.uint8(Flag.CLOCK)
            self._flag_events("clock", rows, "raised", "event time is ahead of the clock")
        return self._without(batch, ahead, "future", "event times ahead of the clock")

    def validate(self, batch: Batch) -> None:
        """Values outside their valid range become missing; the originals go into a letter."""
        for column in self.packet.packet.columns:
            codes = batch.codes[column.name]
            low, high = column.code_range
            if not len(codes) or (codes.min() >= low and codes.max() <= high):
                continue
            wrong = ~((codes >= low) & (codes <= high)) & ~column.is_missing(codes)
            if wrong.any():
                batch.invalid[column.name] = wrong
        if not batch.invalid:
            return
        some = np.flatnonzero(np.logical_or.reduce(list(batch.invalid.values())))
        self.bad_values = len(some)
        names = ", ".join(batch.invalid)
        self._letter(batch, some, "invalid", f"values outside their range: {names}", kept=True)
        for name, wrong in batch.invalid.items():
            column = self.packet.packet.by_name[name]
            batch.codes[name] = np.where(
                wrong, column.dtype.type(column.missing), batch.codes[name]
            )

    def derived(self, batch: Batch) -> Batch:
        """Add the derived states; rows on which a model fails become a letter."""
        if not self.primary:
            sunlit = (self.state.flags[batch.rows] & Flag.SUNLIT) != 0
            batch.derived = Derived({}, sunlit.astype(np.int8))
            return batch

        def work(index: np.ndarray | None) -> Derived:
            codes, of = batch.codes, batch.rows
            if index is not None:
                codes = {name: c[index] for name, c in codes.items()}
                of = indices(of)[index]
            rows = len(batch) if index is None else len(index)
            return self.derive(self.state.vehicle, self.chunk.constants_of(of), codes, rows)

        found, kept, error = isolate(len(batch), work)
        if kept is not None:
            bad = np.ones(len(batch), dtype=bool)
            bad[kept] = False
            batch = self._without(batch, bad, "poison", error)
        batch.derived = found
        return batch

    # --- into the state ----------------------------------------------------------------------

    def merge(self, batch: Batch, part: int) -> None:
        """Put rows of distinct satellites into the state; publish them and their events."""
        assert batch.derived is not None
        state, rows = self.state, batch.rows
        placed = place(self.packet, rows, batch.t_event_us, batch.seq)
        codes = {**batch.codes, **batch.derived.codes}
        violations = {
            c.number: violated(c, codes[c.column.name], batch.derived.sunlit)
            for c in self.packet.checks
        }
        was_invalid = {
            name: wrong[rows].copy()
            for name, wrong in self.packet.invalid.items()
            if name in batch.invalid or wrong[rows].any()
        }
        merge(
            self.packet,
            rows,
            placed,
            batch.t_event_us,
            batch.seq,
            self.record.t_append_us,
            batch.codes,
            batch.invalid,
            violations,
        )
        own_flags = self._flags(batch)
        newer = np.flatnonzero(placed.newer)
        at = indices(rows)[newer]
        self._heard(at, placed, newer)
        if self.primary:
            state.flags[at] = own_flags[newer]
            for name, found in batch.derived.codes.items():
                state.derived[name][at] = found[newer]
        self._invalid_events(batch, placed, was_invalid)
        self._limit_events(batch, placed)
        if self.primary:
            self._model(batch, placed)
        self._publish(batch, placed, own_flags, part)

    def _flags(self, batch: Batch) -> np.ndarray:
        assert batch.derived is not None
        flags = np.where(batch.derived.sunlit == SUNLIT, Flag.SUNLIT, 0).astype(np.uint8)
        for wrong in batch.invalid.values():
            flags[wrong] |= np.uint8(Flag.INVALID)
        return flags

    def _heard(self, at: np.ndarray, placed: Placement, newer: np.ndarray) -> None:
        """Flags that a newer row takes away, and the silence that it ends."""
        flags = self.state.flags
        back = at[(flags[at] & Flag.CLOCK) != 0]
        flags[back] &= np.uint8(~Flag.CLOCK & 0xFF)
        self._flag_events("clock", back, "cleared", "event time agrees with the clock again")
        if self.primary:
            back = at[(flags[at] & Flag.STALE) != 0]
            self._flag_events("stale", back, "cleared", "heard of again")
        period_us = self.chunk.period_s[self.frame.packet] * 1e6
        silence_us = placed.silence_us[newer]
        gap = np.flatnonzero(silence_us > self.rules.stale_after_periods * period_us)
        if len(gap):
            lengths, which = np.unique(silence_us[gap], return_inverse=True)
            texts = [f"no {self.frame.packet} packet for {s / 1e6:g} s" for s in lengths.tolist()]
            message = np.array(texts, dtype=object)[which]
            self._flag_events("gap", at[gap], "noted", message)

    def _flag_events(
        self, kind: str, rows: np.ndarray, event: str, message: np.ndarray | str
    ) -> None:
        level = SEVERITY_OF[kind]
        self.events.add(
            kind,
            self.chunk.sat_id[rows],
            self.packet.t_event_us[rows],
            state=event,
            severity=NORMAL if event == "cleared" else level,
            before=level if event == "cleared" else NORMAL,
            message=message,
        )

    def _invalid_events(
        self, batch: Batch, placed: Placement, was: Mapping[str, np.ndarray]
    ) -> None:
        level, rows = SEVERITY_OF["invalid"], indices(batch.rows)
        for name, before in was.items():
            column = self.packet.packet.by_name[name]
            now = batch.invalid.get(name, np.zeros(len(batch), dtype=bool))
            for change, state, text in (
                (now & ~before, "raised", f"outside {column.low:g}..{column.high:g} {column.unit}"),
                (~now & before, "cleared", "within its range again"),
            ):
                some = np.flatnonzero(change & placed.newer)
                value = np.round(
                    np.float64(column.resolution) * self.frame.codes[name][batch.origin[some]], 9
                )
                self.events.add(
                    "invalid",
                    self.chunk.sat_id[rows[some]],
                    batch.t_event_us[some],
                    state=state,
                    severity=level if state == "raised" else NORMAL,
                    before=NORMAL if state == "raised" else level,
                    message=f"{name} {text}",
                    parameter=name,
                    value=value,
                    unit=column.unit,
                )

    def _limit_events(self, batch: Batch, placed: Placement) -> None:
        """Severities of the rows that changed the history, and events where they changed."""
        touched = placed.newer | (placed.late & (placed.back > 0) & (placed.back < HISTORY))
        rows: Rows = batch.rows
        if not touched.all():
            rows = indices(rows)[touched]
        packet = self.packet
        histories = {n: h[rows] for n, h in packet.history.items()}
        now = severities(packet.checks, packet.known[rows], histories)
        for name, after in now.items():
            before = self.state.severity[name][rows]
            changed = np.flatnonzero(before != after)
            if not len(changed):
                continue
            at = indices(rows)[changed]
            newest = packet.codes[name] if name in packet.codes else self.state.derived[name]
            limit_events(
                self.events,
                [c for c in packet.checks if c.column.name == name],
                self.chunk.sat_id[at],
                packet.t_event_us[at],
                newest[at],
                before[changed],
                after[changed],
            )
            self.state.severity[name][rows] = after

    def _model(self, batch: Batch, placed: Placement) -> None:
        """Compare what is new with the model of a healthy satellite."""
        state = self.state
        state.model = model.prepared(state.model, self.chunk, self.rules)
        if state.model is None:
            return
        if placed.duplicate.any():
            batch = batch.pick(np.flatnonzero(~placed.duplicate))
        try:
            self.told += model.take(
                state.model, state.packets, batch.rows, batch.t_event_us, batch.codes, self.events
            )
        except Exception as error:  # an expression that cannot bear a value, in a file of a user's
            message = f"model: {type(error).__name__}: {error}"
            self._letter(batch, np.arange(len(batch)), "poison", message, kept=True)

    # --- what goes out -----------------------------------------------------------------------

    def _publish(self, batch: Batch, placed: Placement, flags: np.ndarray, part: int) -> None:
        assert batch.derived is not None
        flags[placed.late] |= np.uint8(Flag.LATE)
        keep = ~placed.duplicate
        duplicates = int(placed.duplicate.sum())
        source = Source(self.record.partition, self.record.offset, part)
        measured = not self.primary or self.chunk.size <= self.rules.raw_max_satellites
        extra = {
            "source": [source.partition, source.offset, source.part],
            "t_append_us": self.record.t_append_us,
            "derived": self.primary,
            "measured": measured,
            "rows_dead": self.dead if part == 0 else 0,
            "rows_duplicate": duplicates,
            "rows_late": int(placed.late.sum()),
            "rows_invalid": self.bad_values if part == 0 else 0,
        }
        codes = dict(batch.derived.codes)
        codes[SEVERITY.name] = self.state.worst(batch.rows)
        codes[FLAGS.name] = flags
        if measured:
            codes |= batch.codes
        own = batch.frame
        frame = replace(
            own,
            rows=len(batch),
            codes=codes,
            sat_id=None if isinstance(batch.rows, slice) else self.chunk.sat_id[batch.rows],
            row_t_event_us=None if own.row_t_event_us is None else batch.t_event_us,
            row_seq=None if own.row_seq is None else batch.seq,
            extra=extra,
        )
        if duplicates:
            some = np.flatnonzero(keep)
            frame = frame.take(some, self.chunk.sat_id[indices(batch.rows)[some]])
        columns = [
            c for c in state_columns(self.state.vehicle, own.packet) if c.name in frame.codes
        ]
        key = self.record.key
        self.outputs.append(
            Output(topics.STATE.name, key, contract.encode(frame, columns), contract.headers(frame))
        )
        if len(self.events):
            value = self.events.encode(
                own.fleet, own.vehicle, own.chunk, source, self.record.t_append_us
            )
            self.outputs.append(Output(topics.EVENTS.name, key, value, []))
            self.counts.events += len(self.events)
            self.events = Events()
        self.counts.rows_applied += int(keep.sum())
        self.counts.rows_duplicate += duplicates
        self.counts.rows_late += int(placed.late.sum())
        self.counts.rows_missed += placed.missed
        if part == 0:
            self.counts.rows_invalid += self.bad_values

    # --- dead letters --------------------------------------------------------------------------

    def _without(self, batch: Batch, bad: np.ndarray, reason: str, message: str) -> Batch:
        if not bad.any():
            return batch
        some = np.flatnonzero(bad)
        self.dead += len(some)
        self._letter(batch, some, reason, message, kept=False)
        return batch.pick(np.flatnonzero(~bad))

    def _letter(
        self, batch: Batch, some: np.ndarray, reason: str, message: str, kept: bool
    ) -> None:
        """A letter with some rows of the batch as a frame of their own."""
        rows = batch.origin[some]
        if self.frame.sat_id is None:
            sat_id = self.chunk.sat_id[self.frame.row0 + rows]
        else:
            sat_id = self.frame.sat_id[rows]
        value = contract.encode(self.frame.take(rows, sat_id), self.packet.packet.columns)
        self.outputs.append(
            letter(
                self.record,
                reason,
                message,
                value,
                rows=len(some),
                kept=kept,
                part=self.letters,
            )
        )
        self.letters += 1
