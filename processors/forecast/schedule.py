"""Forecasts on the clock of the log: when a chunk is due one, from what, and as which record.

A tick of the log's clock makes a chunk's forecast due once an interval; chunks take turns by a
hash of their keys. What it begins from is the state at that tick, so that it is a function of the
log like the rest.
"""

from __future__ import annotations

import zlib
from collections.abc import Mapping

import numpy as np

from orbitwin import contract, topics
from orbitwin.contract import Frame
from orbitwin.fleet import Chunk
from orbitwin.records import FORECAST, FORECAST_COLUMNS, Flag, Source, extra_of
from processors.forecast.forecast import PRIOR, Columns, Estimates, forecast
from processors.forecast.forward import STEP_S, Now, Numbers, horizon
from processors.model import residuals
from processors.model.surroundings import UNKNOWN
from processors.model.windows import CLOSED
from processors.packet import NEVER, PacketState
from processors.record import Output, Rules
from processors.state import ChunkState

NEEDED = ("altitude_m", "array_area_m2", "capacity_wh", "chips", "radiator_area_m2", "job")
"""Nominal numbers without which there is no forward model; a profile gives all or none."""

HORIZON_STEPS = 10
"""Orbits that differ by less than so many steps are forecast over the longest of them."""

SAFE, IDLE = 4, 1  # codes of the `mode` column

CHARGE_SIGMA = 0.02
"""Of a state of charge by the voltage alone."""

LONGEST_LAG_S = 120.0
"""What was told or counted longer ago than this before the newest row is not carried on to it."""

OCV_POINTS = 101


def tick(
    state: ChunkState, key: bytes, t_append_us: int, source: Source, rules: Rules
) -> list[Output]:
    """The forecast of a chunk that is due one at `t_append_us`, or nothing; changes its slot."""
    chunk = state.chunk
    if chunk.trajectory is None or chunk.size > rules.forecast_max_satellites:
        return []
    heard = state.primary.seq != NEVER
    if not heard.any():
        return []
    now_us = event_now_us(state, t_append_us)
    slot = slot_of(key, now_us, rules.forecast_interval_s)
    if slot == state.forecast_slot:
        return []
    state.forecast_slot = slot
    parts = []
    for rows in _alike(chunk, heard):
        constants = {name: _shared(v) for name, v in chunk.constants_of(rows).items()}
        parts.append((rows, _one(state, rows, now_us, constants)))
    if not parts:
        return []
    rows = np.concatenate([rows for rows, _ in parts])
    columns = {
        c.name: np.concatenate([found[c.name] for _, found in parts]) for c in FORECAST_COLUMNS
    }
    return [_record(chunk, key, rows, columns, now_us, slot, source, t_append_us)]


def slot_of(key: bytes, now_us: int, interval_s: float) -> int:
    """Number of the interval that a chunk is in at an event time."""
    interval_us = int(interval_s * 1e6)
    return (now_us + zlib.crc32(key) % interval_us) // interval_us


def event_now_us(state: ChunkState, t_append_us: int) -> int:
    """Event time at a time of the log: that of the newest row, and what has passed since."""
    primary = state.primary
    newest = int(np.argmax(np.where(primary.seq == NEVER, -1, primary.t_event_us)))
    since_us = max(0, t_append_us - int(primary.t_received_us[newest]))
    return int(primary.t_event_us[newest]) + int(since_us * state.chunk.clock.rate)


def _alike(chunk: Chunk, heard: np.ndarray) -> list[np.ndarray]:
    """Rows to forecast, in groups that can share a run: as many links, about as long an orbit.

    A real catalogue has dozens of shells a chunk, and a run costs the same for few rows as for a
    thousand. Shells without what the forward model needs are left out.
    """
    shells: dict[tuple[float, int], list[str]] = {}
    for name in dict.fromkeys(chunk.shell):
        constants = {**chunk.common, **chunk.shell_constants.get(name, {})}
        if all(needed in constants for needed in NEEDED):
            steps, step_s = horizon(constants)
            orbit = int(-(-steps * step_s // (HORIZON_STEPS * STEP_S)))
            shells.setdefault((constants.get("links", 0), orbit), []).append(name)
    of = np.array(chunk.shell)
    found = (np.flatnonzero(heard & np.isin(of, names)) for names in shells.values())
    return [rows for rows in found if len(rows)]


def _shared(value: Numbers) -> Numbers:
    """A number in place of an array of equal ones."""
    same = isinstance(value, np.ndarray) and (value == value[0]).all()
    return float(value[0]) if same else value  # type: ignore[index]


def _one(
    state: ChunkState, rows: np.ndarray, now_us: int, constants: Mapping[str, Numbers]
) -> Columns:
    chunk = state.chunk
    assert chunk.trajectory is not None
    found = forecast(
        chunk.trajectory,
        rows,
        now_us,
        constants,
        _ocv_v(chunk),
        _now(state, rows, now_us, constants),
        _estimates(state, rows),
        chunk.spread,
    )
    found["coasting"] = ((state.flags[rows] & Flag.STALE) != 0).astype(np.float32)
    return found


def _ocv_v(chunk: Chunk) -> np.ndarray:
    """Voltage of a rested cell on an even grid of the state of charge."""
    if len(chunk.ocv_v) > 1:
        return np.array(chunk.ocv_v, dtype=np.float32)
    own = chunk.vehicle.battery
    if own is None:
        return np.full(2, 3.7, dtype=np.float32)
    grid = np.linspace(0, 1, OCV_POINTS)
    return np.interp(grid, own.soc_ratio, own.ocv_v).astype(np.float32)


def _now(state: ChunkState, rows: np.ndarray, now_us: int, constants: Mapping[str, Numbers]) -> Now:
    """The newest state of some rows."""
    age_s = ((now_us - state.primary.t_event_us[rows]) * 1e-6).astype(np.float32)
    mode = _newest(state, rows, "mode")
    charge_ratio, charge_sigma = _charge(state, rows, constants)
    return Now(
        np.maximum(age_s, 0),
        charge_ratio,
        charge_sigma,
        _newest(state, rows, "payload_w"),
        _newest(state, rows, "chip_mean_t_degc"),
        _running(state, rows, "radiator_t_degc"),
        _newest(state, rows, "battery_t_degc"),
        _kept(state, rows, "panel_degc"),
        _newest(state, rows, "battery_soh_ratio"),
        _melt_ratio(state, rows, constants),
        mode == SAFE,
        mode == IDLE,
    )


def _newest(state: ChunkState, rows: np.ndarray, name: str) -> np.ndarray:
    packet = _packet_of(state, name)
    if packet is None:
        return np.full(len(rows), np.nan, dtype=np.float32)
    found: np.ndarray = packet.packet.by_name[name].decode(packet.codes[name][rows])
    return found.astype(np.float32, copy=False)


def _running(state: ChunkState, rows: np.ndarray, name: str) -> np.ndarray:
    """Mean of the last seconds where the model has it, for what changes in minutes: else an orbit
    begins from one reading's noise, and the highest of its course may be that."""
    newest = _newest(state, rows, name)
    if state.model is None or name not in state.model.windows.sums:
        return newest
    mean = state.model.windows.running_mean(name, rows)
    return np.where(np.isnan(mean), newest, mean)


def _packet_of(state: ChunkState, name: str) -> PacketState | None:
    """The packet that tells a parameter, if any does."""
    return next((p for p in state.packets.values() if name in p.codes), None)


def _melt_ratio(
    state: ChunkState, rows: np.ndarray, constants: Mapping[str, Numbers]
) -> np.ndarray:
    """Molten share of the heat store: as it was last told, and what has gone into it since.

    It is told once a minute, in which full work melts a tenth of it.
    """
    told = _newest(state, rows, "pcm_melt_ratio")
    packet = _packet_of(state, "pcm_melt_ratio")
    if packet is None:
        return told
    store_j = constants["pcm_mass_kg"] * constants["pcm_latent_j_kg"]
    warmed_k = _newest(state, rows, "coolant_out_t_degc") - _newest(
        state, rows, "coolant_in_t_degc"
    )
    flow_w_k = _newest(state, rows, "coolant_flow_kg_s") * constants["coolant_j_kg_k"]
    into_w = _newest(state, rows, "payload_w") - flow_w_k * warmed_k
    lag_s = (state.primary.t_event_us[rows] - packet.t_event_us[rows]) * 1e-6
    with np.errstate(divide="ignore", invalid="ignore"):
        since = np.nan_to_num(into_w * lag_s / store_j, posinf=0.0, neginf=0.0)
    melting = (told > 0) & (told < 1) & (lag_s < LONGEST_LAG_S)
    return np.where(melting, np.clip(told + since, 0, 1), told).astype(np.float32)


def _kept(state: ChunkState, rows: np.ndarray, name: str) -> np.ndarray:
    """What the model keeps of a quantity of the environment."""
    kept = None if state.model is None else state.model.surroundings.kept.get(name)
    if kept is None:
        return np.full(len(rows), np.nan, dtype=np.float32)
    return np.where(kept[rows] == UNKNOWN, np.float32(np.nan), kept[rows])


def _charge(
    state: ChunkState, rows: np.ndarray, constants: Mapping[str, Numbers]
) -> tuple[np.ndarray, np.ndarray]:
    """State of charge and its sigma: as counted by the model, else by the voltage."""
    column = next(c for c in state.vehicle.derived if c.name == "state_of_charge_ratio")
    by_volts = column.decode(state.derived[column.name][rows]).astype(np.float32)
    counted = _kept(state, rows, "charge_ratio") + _since_counted(state, rows, constants)
    sigma = np.sqrt(_kept(state, rows, "charge_variance"))
    unknown = np.isnan(counted) | np.isnan(sigma)
    return (
        np.where(unknown, by_volts, np.clip(counted, 0, 1)),
        np.where(unknown, np.float32(CHARGE_SIGMA), sigma),
    )


def _since_counted(
    state: ChunkState, rows: np.ndarray, constants: Mapping[str, Numbers]
) -> np.ndarray:
    """What has flowed since the middle of the window that was counted last, of the charge."""
    if state.model is None:
        return np.full(len(rows), np.nan, dtype=np.float32)
    windows = state.model.windows
    mid_us = windows.number[CLOSED, rows] * windows.width_us + windows.width_us // 2
    lag_s = (state.primary.t_event_us[rows] - mid_us) * 1e-6
    power_w = _newest(state, rows, "battery_v") * _newest(state, rows, "battery_a")
    ratio = np.where(
        power_w > 0,
        constants["charge_efficiency_ratio"],
        1 / constants["discharge_efficiency_ratio"],
    )
    full_wh = constants["capacity_wh"] * constants["health_ratio"]
    moved = power_w * ratio * lag_s / 3600 / full_wh
    return np.where(lag_s < LONGEST_LAG_S, moved, np.nan).astype(np.float32)


def _estimates(state: ChunkState, rows: np.ndarray) -> Estimates:
    """What the model has learnt of the satellites, by name."""
    model = state.model
    if model is None:
        return {}
    own = model.plan.relations
    return {
        name: residuals.estimate(model.memory, row, c, rows)
        for c, row in own.learnt.items()
        for name in (own.channels[c].learns,)
        if name in PRIOR
    }


def _record(
    chunk: Chunk,
    key: bytes,
    rows: np.ndarray,
    columns: Columns,
    now_us: int,
    slot: int,
    source: Source,
    t_append_us: int,
) -> Output:
    frame = Frame(
        chunk.fleet,
        chunk.vehicle.name,
        FORECAST,
        chunk.number,
        0,
        len(rows),
        now_us,
        slot,
        now_us,
        columns,
        chunk.sat_id[rows],
        extra=extra_of(source, t_append_us),
    )
    value = contract.encode(frame, FORECAST_COLUMNS)
    return Output(topics.STATE.name, key, value, contract.headers(frame))
