"""Verdicts on satellites: when one is given, changed and taken back, and the events of it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from processors.events import NORMAL, SEVERITY_OF, Events
from processors.model.isolation import (
    BIAS,
    DRIFT,
    FADED,
    GROWTH_RATIO,
    GROWTH_Z,
    HOLD_WINDOWS,
    LEAST_STRENGTH,
    LONG_WINDOWS,
    NONE,
    RECENT_WINDOWS,
    SETTLE_WINDOWS,
    SPIKE,
    SPIKE_WINDOWS,
    STUCK,
    Faults,
    at_least_sure,
    choose,
    returning,
    scores,
)
from processors.model.relations import Look, Relations
from processors.model.residuals import Judged, Memory
from processors.selection import Rows, indices

STRONGEST = 3  # residuals that a message names
BLOCK = 2_048  # satellites that are isolated at once: the arrays are sensors x channels x rows


@dataclass
class Verdicts:
    """What is held of each satellite, arrays (rows,).

    `waited`: windows since its first alarm; `code` of the verdict (records.verdicts) and its
    `sensor` (index + 1 into Relations.parameters, 0 for none); `next_code`, `next_sensor`, `held`:
    another verdict and for how many windows; `age`: windows since its sensor was found, `first`:
    size of the sensor's error when its residuals had settled; `most`: greatest length of the
    vector.
    """

    waited: np.ndarray
    code: np.ndarray
    sensor: np.ndarray
    next_code: np.ndarray
    next_sensor: np.ndarray
    held: np.ndarray
    age: np.ndarray
    first: np.ndarray
    most: np.ndarray
    confidence: np.ndarray

    @classmethod
    def empty(cls, rows: int) -> Verdicts:
        small = [np.zeros(rows, dtype=np.uint8) for _ in range(7)]
        return cls(*small, *(np.zeros(rows, dtype=np.float32) for _ in range(3)))

    def arrays(self) -> Iterator[tuple[str, np.ndarray]]:
        yield from vars(self).items()


def alarm_events(
    events: Events,
    relations: Relations,
    memory: Memory,
    sat_id: np.ndarray,
    rows: Rows,
    mid_us: np.ndarray,
    judged: Sequence[Judged],
) -> None:
    """Events of channels whose alarm was raised or cleared; `sat_id`, `mid_us` (N,)."""
    level = SEVERITY_OF["residual"]
    for c, (channel, one) in enumerate(zip(relations.channels, judged, strict=True)):
        for change, state in ((one.raised, "raised"), (one.cleared, "cleared")):
            which = np.flatnonzero(change)
            if not len(which):
                continue
            some = which if isinstance(one.some, slice) else one.some[which]
            measured, expected = one.measured[which], one.expected[which]
            mean_z = memory.mean_z[c][indices(rows)[some]]
            unit = "" if channel.unit == "1" else f" {channel.unit}"
            texts = [
                f"{channel.name} {m:.6g}{unit}, expected {e:.6g} ({z:+.1f} sigma)"
                for m, e, z in zip(
                    measured.tolist(), expected.tolist(), mean_z.tolist(), strict=True
                )
            ]
            events.add(
                "residual",
                sat_id[some],
                mid_us[some],
                state=state,
                severity=level if state == "raised" else NORMAL,
                before=NORMAL if state == "raised" else level,
                message=np.array(texts, dtype=object),
                parameter=channel.name,
                value=measured.astype(np.float64),
                limit=expected.astype(np.float64),
                unit=channel.unit,
            )


def update(
    verdicts: Verdicts,
    events: Events,
    faults: Faults,
    relations: Relations,
    memory: Memory,
    sat_id: np.ndarray,
    rows: Rows,
    mid_us: np.ndarray,
    seen: Look,
    stuck: np.ndarray,
    settles: np.ndarray,
) -> None:
    """Verdicts after one more window of satellites `rows`, whose ids are `sat_id` (N,).

    `stuck` (bool, (parameters, N)): sensors that repeat themselves. `settles` (parameters,): in
    how many windows the moving means of a sensor's residuals have all of its error.
    """
    alarmed = stuck.any(axis=0) | memory.alarm[:, rows].any(axis=0)
    at = indices(rows)
    over = np.flatnonzero(~alarmed & (verdicts.waited[at] > 0))
    if len(over):
        named = over[verdicts.code[at[over]] != NONE]
        _tell(events, verdicts, faults, relations, sat_id, at, mid_us, named, "cleared", None)
        for _, array in verdicts.arrays():
            array[at[over]] = 0
    alarms = np.flatnonzero(alarmed)
    if not len(alarms):
        return
    waited = np.minimum(verdicts.waited[at[alarms]], 254) + np.uint8(1)
    verdicts.waited[at[alarms]] = waited
    ready = alarms[waited > SETTLE_WINDOWS]
    for low in range(0, len(ready), BLOCK):
        some = ready[low : low + BLOCK]
        _isolate(
            verdicts,
            events,
            faults,
            relations,
            memory,
            sat_id,
            at,
            mid_us,
            some,
            seen,
            stuck,
            settles,
        )


def _isolate(
    verdicts: Verdicts,
    events: Events,
    faults: Faults,
    relations: Relations,
    memory: Memory,
    sat_id: np.ndarray,
    at: np.ndarray,
    mid_us: np.ndarray,
    some: np.ndarray,
    seen: Look,
    stuck: np.ndarray,
    settles: np.ndarray,
) -> None:
    """Explain the residuals of rows `some` of the batch, and hold or change their verdicts."""
    own = at[some]
    old, old_sensor = verdicts.code[own], verdicts.sensor[own]
    mean_z = at_least_sure(memory.mean_z[:, own], memory.up[:, own], memory.down[:, own])
    counts = memory.unjudged[:, own] <= RECENT_WINDOWS
    lasting, single = sensor_directions(relations, seen, some)
    jumps = (memory.wild[:, own] & np.uint16(2**SPIKE_WINDOWS - 1)) != 0
    found, wild, length, sizes, even = scores(
        mean_z, memory.mean_z2[:, own], counts, jumps, faults, lasting, single
    )
    clear = length >= LEAST_STRENGTH
    first_sensor = len(faults.starts)
    held = np.where(old_sensor > 0, first_sensor + old_sensor.astype(int) - 1, old.astype(int) - 1)
    waited = verdicts.waited[own]
    long = waited > LONG_WINDOWS
    # what was taken for single values at first and turns out to last is judged anew; between two
    # single values what is left of the last one looks like an error that lasts
    calm = (old == faults.sensor_code + SPIKE) & ~wild
    anew = calm & even & ~long
    held = np.where(anew, -1, held)
    best, confidence = choose(found, held)
    between = calm & ~anew & (best == held)
    vector = np.where(counts, memory.mean_z[:, own], np.float32(0))
    of_sensor = best >= first_sensor
    sensor = np.where(of_sensor, best - first_sensor + 1, 0)
    size = np.zeros(len(some), dtype=np.float32)
    named = np.flatnonzero(of_sensor)
    which = sensor[named] - 1
    size[named] = np.abs(sizes[which, named])
    scale = np.zeros(len(some), dtype=np.float32)
    scale[named] = np.linalg.norm(
        lasting[which, :, named] * counts[:, named].T / relations.slack, axis=1
    )
    same_sensor = of_sensor & (sensor == old_sensor)
    age = np.where(same_sensor, np.minimum(verdicts.age[own], 254) + 1, 0).astype(np.uint8)
    settled = same_sensor & (age > settles[sensor - 1])
    first = np.where(settled, verdicts.first[own], size)
    verdicts.age[own], verdicts.first[own] = age, first
    grows = settled & (size > GROWTH_RATIO * first) & (scale * (size - first) > GROWTH_Z)
    grows |= old == faults.sensor_code + DRIFT
    kind = np.where(wild, SPIKE, np.where(grows, DRIFT, BIAS))
    code = np.where(of_sensor, faults.sensor_code + kind, best + 1)
    still = stuck[:, some]
    repeats = np.flatnonzero(still.any(axis=0))
    if len(repeats):
        between[repeats] = False
        code[repeats] = faults.sensor_code + STUCK
        sensor[repeats] = np.argmax(still[:, repeats], axis=0) + 1
        confidence[repeats] = 1
        clear[repeats] = True
    same = (code == old) & (sensor == old_sensor)
    verdicts.confidence[own[same]] = confidence[same]
    # single values are so from the beginning: what jumps when an alarm has long stood with a
    # verdict on the satellite itself is that fault by day and by night, at work and at rest
    of_fault = long & (old != NONE) & (old < faults.sensor_code)
    fades = returning(memory.mean_z[:, own], memory.wild[:, own], counts) & ~wild
    most = np.where(waited > SETTLE_WINDOWS + 1, np.maximum(verdicts.most[own], length), length)
    verdicts.most[own] = most
    fades |= long & (length < FADED * most)
    if len(repeats):
        fades[repeats] = False
    other = (code != NONE) & ~same & clear & ~(wild & of_fault) & ~between & ~fades
    again = other & (code == verdicts.next_code[own]) & (sensor == verdicts.next_sensor[own])
    held = np.where(other, np.where(again, verdicts.held[own].astype(int) + 1, 1), 0)
    verdicts.next_code[own] = np.where(other, code, NONE)
    verdicts.next_sensor[own] = np.where(other, sensor, 0)
    verdicts.held[own] = np.minimum(held, 255)
    change = np.flatnonzero(other & ((old == NONE) | (held >= HOLD_WINDOWS)))
    if not len(change):
        return
    replaced = change[old[change] != NONE]
    _tell(events, verdicts, faults, relations, sat_id, at, mid_us, some[replaced], "cleared", None)
    changed = own[change]
    verdicts.code[changed], verdicts.sensor[changed] = code[change], sensor[change]
    verdicts.confidence[changed] = confidence[change]
    verdicts.held[changed] = verdicts.next_code[changed] = verdicts.next_sensor[changed] = 0
    texts = strongest(relations, vector[:, change])
    _tell(events, verdicts, faults, relations, sat_id, at, mid_us, some[change], "raised", texts)


def sensor_directions(
    relations: Relations, seen: Look, some: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """How an error of each sensor shows, (parameters, channels, M), in sigmas of one unit of it.

    First of a lasting error, which is in the window before as much as in this one, then the
    magnitude of what single wild values do in one window or the other.
    """
    row_of = {name: s for s, name in enumerate(relations.parameters)}
    lasting = np.zeros((len(row_of), len(relations.channels), len(some)), dtype=np.float32)
    single2 = np.zeros_like(lasting)
    for c, derivative in enumerate(seen.derivative):
        if not derivative:
            continue
        sigma = np.sqrt(seen.variance[c][some])
        for name, slope in derivative.items():
            sensor = relations.noise[name]
            own = np.nan_to_num(slope[some] / sigma, nan=0.0, posinf=0.0, neginf=0.0)
            single2[row_of[sensor.parameter], c] += own * own
            if sensor.shows:
                lasting[row_of[sensor.parameter], c] += own
    return lasting, np.sqrt(single2)


def strongest(relations: Relations, vector: np.ndarray) -> list[str]:
    """The strongest residuals of vectors (channels, M) in words."""
    order = np.argsort(-np.abs(vector), axis=0, kind="stable")[:STRONGEST]
    return [
        ", ".join(
            f"{relations.channels[c].name} {vector[c, m]:+.1f} sigma" for c in order[:, m].tolist()
        )
        for m in range(vector.shape[1])
    ]


def _tell(
    events: Events,
    verdicts: Verdicts,
    faults: Faults,
    relations: Relations,
    sat_id: np.ndarray,
    at: np.ndarray,
    mid_us: np.ndarray,
    some: np.ndarray,
    state: str,
    texts: list[str] | None,
) -> None:
    """Events of the verdicts of rows `some` of the batch, a block for each fault."""
    codes = verdicts.code[at[some]]
    for code in np.unique(codes).tolist():
        which = np.flatnonzero(codes == code)
        rows = at[some[which]]
        name, level = faults.names[code], faults.severity[code]
        messages = []
        for w, sensor, sure in zip(
            which.tolist(),
            verdicts.sensor[rows].tolist(),
            verdicts.confidence[rows].tolist(),
            strict=True,
        ):
            what = f"{name} of {relations.parameters[sensor - 1]}" if sensor else name
            more = f": {texts[w]}" if texts is not None else ""
            messages.append(f"{what}, confidence {sure:.2f}{more}")
        events.add(
            "fault",
            sat_id[some[which]],
            mid_us[some[which]],
            state=state,
            severity=level if state == "raised" else NORMAL,
            before=NORMAL if state == "raised" else level,
            message=np.array(messages, dtype=object),
            parameter=name,
            value=verdicts.confidence[rows].astype(np.float64),
        )
