"""The rows of one frame merged into the state of their chunk, and what follows from them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from orbitwin import contract, topics
from orbitwin.contract import Frame
from orbitwin.records import FLAGS, SEVERITY, Flag, Source, state_columns
from processors.admission import Admission, Deriver
from processors.batch import Batch, distinct
from processors.derived.columns import SUNLIT
from processors.events import NORMAL, SEVERITY_OF, Events, limit_events
from processors.letters import Letters
from processors.limits import HISTORY, severities, violated
from processors.model import minutes, model
from processors.packet import Placement, merge, place
from processors.record import Counts, Output, Record, Rules
from processors.selection import Rows, indices
from processors.state import ChunkState


def take(
    state: ChunkState,
    frame: Frame,
    record: Record,
    rules: Rules,
    counts: Counts,
    derive: Deriver,
) -> list[Output]:
    """Apply a frame to the state of its chunk; adds to `counts`, gives what to publish."""
    outputs: list[Output] = []
    columns = state.packets[frame.packet].packet.columns
    letters = Letters(state.chunk, columns, frame, record, outputs)
    admission = Admission(state, frame, record, rules, letters, Events())
    batch = admission.admit(derive)
    work = _Work(admission, counts, outputs)
    part = 0
    for one in distinct(batch):
        work.merge(one, part)
        part += 1
    for told in work.told:
        source = Source(record.partition, record.offset, part)
        outputs.append(minutes.output(state.chunk, record.key, told, source, record.t_append_us))
        part += 1
    counts.rows_dead += admission.dead
    return outputs


class _Work:
    """One frame's way into the state, and what follows from it."""

    def __init__(self, admitted: Admission, counts: Counts, outputs: list[Output]) -> None:
        self.admitted = admitted
        self.state, self.chunk, self.packet = admitted.state, admitted.chunk, admitted.packet
        self.frame, self.record, self.rules = admitted.frame, admitted.record, admitted.rules
        self.events = admitted.events
        self.counts = counts
        self.outputs = outputs
        self.primary = self.packet is self.state.primary
        self.told: list[minutes.Told] = []

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
        self.events.add_flag(
            kind, self.chunk.sat_id[rows], self.packet.t_event_us[rows], event, message
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
            self.admitted.letters.add(batch.origin, "poison", message, kept=True)

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
            "rows_dead": self.admitted.dead if part == 0 else 0,
            "rows_duplicate": duplicates,
            "rows_late": int(placed.late.sum()),
            "rows_invalid": self.admitted.bad_values if part == 0 else 0,
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
            self.counts.rows_invalid += self.admitted.bad_values
