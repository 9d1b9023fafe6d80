"""What the evidence is worth: detection, isolation, false alarms, consistency, forecasts.

Pure functions of `Evidence`. A fault counts as detected by the first verdict or alarm on its
satellite between its onset and `GRACE_S` after its end, and as named by the last verdict.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl

from compose.evaluation.evidence import Evidence

GRACE_S = 120.0
MONTH_S = 30 * 86_400.0
LAST_S = 60.0  # of a horizon, in which an edge of the shadow may as well lie beyond it
SETTLING_S = 600.0  # of the filters after a start, which consistency is not judged by


@dataclass(frozen=True)
class Target:
    """A bound that a figure should keep; `least` and `most` where there are."""

    least: float | None = None
    most: float | None = None

    def met(self, value: float | None) -> bool | None:
        if value is None or not np.isfinite(value):
            return None
        return (self.least is None or value >= self.least) and (
            self.most is None or value <= self.most
        )

    def __str__(self) -> str:
        if self.least is not None and self.most is not None:
            return f"{self.least:g} to {self.most:g}"
        return f">= {self.least:g}" if self.least is not None else f"<= {self.most:g}"


TARGETS = {
    "false_alarms_per_satellite_month": Target(most=1.0),
    "detected_ratio": Target(least=0.95),
    "named_ratio": Target(least=0.80),
    "nis_inside_ratio": Target(least=0.93, most=0.97),
    "interval_coverage_ratio": Target(least=0.85, most=0.95),
    "eclipse_error_s": Target(most=10.0),
    "charge_error_ratio": Target(most=0.02),
    "temperature_error_k": Target(most=2.0),
}


def faults(evidence: Evidence) -> pl.DataFrame:
    """One row a fault of a satellite that began within the run: fault, sat_id, severity, detected,
    delay_s, named.

    `named` is the last verdict (null: none), `delay_s` from onset to the first alarm or verdict.
    """
    raised = evidence.events.filter(pl.col("state") == "raised")
    begun = evidence.labels.filter(pl.col("onset_us") < evidence.end_us)
    labels = begun.with_row_index("label").with_columns(
        until_us=pl.min_horizontal(
            pl.col("end_us").cast(pl.Float64) + GRACE_S * 1e6, pl.lit(float(evidence.end_us))
        ).cast(pl.Int64)
    )
    hits = labels.join(raised, on="sat_id", how="left").filter(
        pl.col("t_us").is_between(pl.col("onset_us"), pl.col("until_us"))
    )
    first = hits.group_by("label").agg(pl.col("t_us").min().alias("first_us"))
    verdict = (
        hits.filter(pl.col("kind") == "fault")
        .sort("t_us")
        .group_by("label", maintain_order=True)
        .agg(named=pl.col("parameter").last(), confidence=pl.col("value").last())
    )
    return (
        labels.join(first, on="label", how="left")
        .join(verdict, on="label", how="left")
        .with_columns(
            detected=pl.col("first_us").is_not_null(),
            delay_s=(pl.col("first_us") - pl.col("onset_us")) / 1e6,
        )
        .sort("label")
        .select("fault", "sat_id", "severity", "detected", "delay_s", "named", "confidence")
    )


def by_fault(found: pl.DataFrame) -> pl.DataFrame:
    """The same by fault: how many, share detected, median delay, share named rightly."""
    right = (pl.col("named") == pl.col("fault")).fill_null(value=False)
    return found.group_by("fault", maintain_order=True).agg(
        injected=pl.len(),
        detected_ratio=pl.col("detected").mean(),
        median_delay_s=pl.col("delay_s").median(),
        named_ratio=right.mean(),
        taken_for=pl.col("named").filter(~right).drop_nulls().unique().sort(),
    )


def false_alarms(evidence: Evidence) -> tuple[int, float]:
    """Verdicts on satellites that have nothing, and the satellite-months that were watched."""
    onset = evidence.labels.group_by("sat_id").agg(pl.col("onset_us").min())
    verdicts = evidence.events.filter(
        (pl.col("kind") == "fault") & (pl.col("state") == "raised")
    ).join(onset, on="sat_id", how="left")
    false = verdicts.filter(pl.col("onset_us").is_null() | (pl.col("t_us") < pl.col("onset_us")))
    healthy_s = len(evidence.sat_id) * (evidence.end_us - evidence.start_us) / 1e6
    ill_s = float((evidence.end_us - onset["onset_us"]).clip(0).sum()) / 1e6
    return len(false), (healthy_s - ill_s) / MONTH_S


def consistency(evidence: Evidence) -> pl.DataFrame:
    """By channel, of healthy satellites: share of the windows whose NIS is inside its 95 % band,
    and its mean.

    The normalised innovation squared, z^2, is chi-square with one degree of freedom where the
    model is consistent (Bar-Shalom, Estimation with Applications to Tracking and Navigation, sec.
    5.4): 95 % of it lies below 3.84, its mean is 1.
    """
    ill = evidence.labels["sat_id"].unique()
    weight = pl.col("windows")
    return (
        evidence.residuals.filter(
            ~pl.col("sat_id").is_in(ill.implode())
            & (pl.col("t_us") > evidence.start_us + SETTLING_S * 1e6)
        )
        .group_by("channel", maintain_order=True)
        .agg(
            windows=weight.sum(),
            inside_ratio=(pl.col("inside") * weight).sum() / weight.sum(),
            nis=(pl.col("nis") * weight).sum() / weight.sum(),
        )
    )


# --- forecasts ---------------------------------------------------------------------------------

JUDGED = {
    "sat_id": pl.Int64,
    "t_us": pl.Int64,
    "entry_error_s": pl.Float64,
    "exit_error_s": pl.Float64,
    "charge_error_ratio": pl.Float64,
    "charge_inside": pl.Boolean,
    "temperature_error_k": pl.Float64,
    "temperature_inside": pl.Boolean,
    "link_error_db": pl.Float64,
    "link_inside": pl.Boolean,
}
"""Columns of what became of forecasts; null where there was nothing to compare."""


def forecasts(evidence: Evidence) -> pl.DataFrame:
    """One row a forecast of a healthy satellite whose horizon lies within the run.

    `*_error` are forecast less truth, `*_inside` whether the truth lay within the 90 % interval.
    Eclipse times are the truth's edges (half of the Sun), to `COURSE_STEP_S`. An edge that was not
    forecast, or was and did not come, is an error of the whole horizon. An interval of the charge
    that ends at a full or an empty battery is not judged: it was cut there, so it holds more than
    90 % (a battery that stays full lies on the bound itself, and any interval holds that).
    """
    made = evidence.forecasts
    if made.is_empty():
        return pl.DataFrame(schema=JUDGED)
    course = evidence.course
    ill = evidence.labels["sat_id"].unique()
    until_us = int(course.t_us[-1])
    made = made.filter(
        ~pl.col("sat_id").is_in(ill.implode())
        & (pl.col("coasting") < 0.5)
        & (pl.col("t_us") > evidence.start_us + SETTLING_S * 1e6)
        & (pl.col("t_us") + pl.col("horizon_s").cast(pl.Float64) * 1e6 <= until_us)
    )
    column = {int(s): n for n, s in enumerate(course.sat_id)}
    rows = []
    for one in made.iter_rows(named=True):
        n = column[one["sat_id"]]
        low, high = np.searchsorted(
            course.t_us, [one["t_us"], one["t_us"] + round(one["horizon_s"] * 1e6)]
        )
        entry_s, exit_s = _eclipse(course.t_us, course.lit[:, n], int(low), one["t_us"])
        charge = float(course.charge_ratio[low:high, n].min())
        hot = float(course.chip_max_degc[low:high, n].max())
        margin = float(course.link_margin_db[low:high, n].min())
        rows.append(
            {
                "sat_id": one["sat_id"],
                "t_us": one["t_us"],
                "entry_error_s": _less(one["eclipse_entry_s"], entry_s, one["horizon_s"]),
                "exit_error_s": _less(one["eclipse_exit_s"], exit_s, one["horizon_s"]),
                "charge_error_ratio": _difference(one["charge_min_ratio"], charge),
                "charge_inside": _within(
                    one["charge_min_ratio_low"], charge, one["charge_min_ratio_high"], (0.0, 1.0)
                ),
                "temperature_error_k": _difference(one["chip_max_t_degc"], hot),
                "temperature_inside": _within(
                    one["chip_max_t_degc_low"], hot, one["chip_max_t_degc_high"]
                ),
                "link_error_db": _difference(one["link_margin_min_db"], margin),
                "link_inside": _within(
                    one["link_margin_min_db_low"], margin, one["link_margin_min_db_high"]
                ),
            }
        )
    return pl.DataFrame(rows, schema=JUDGED)


def _eclipse(
    t_us: np.ndarray, lit: np.ndarray, low: int, from_us: int
) -> tuple[float | None, float | None]:
    """Seconds from `from_us` to the next entry into and the next exit from shadow; None: none."""
    change = np.flatnonzero(lit[low + 1 :] != lit[low:-1]) + low
    middle_s = (t_us[change] + t_us[np.minimum(change + 1, len(t_us) - 1)]) / 2e6 - from_us / 1e6
    entries = middle_s[lit[change]]
    exits = middle_s[~lit[change]]
    return (
        float(entries[0]) if len(entries) else None,
        float(exits[0]) if len(exits) else None,
    )


def _less(forecast_s: float | None, true_s: float | None, horizon_s: float) -> float | None:
    """Forecast less truth; the horizon, with that sign, where only one has an edge within it; None
    where neither has."""
    told = forecast_s is not None and np.isfinite(forecast_s)
    if true_s is not None and true_s <= horizon_s and told:
        return _difference(forecast_s, true_s)
    sure_s = horizon_s - LAST_S
    if true_s is not None and true_s <= sure_s:
        return -horizon_s
    if told and (true_s is None or true_s > horizon_s) and float(forecast_s or 0.0) <= sure_s:
        return horizon_s
    return None


def _difference(forecast: float | None, true: float) -> float | None:
    return None if forecast is None or not np.isfinite(forecast) else forecast - true


def _within(
    low: float | None,
    true: float,
    high: float | None,
    bounds: tuple[float, float] = (-np.inf, np.inf),
) -> bool | None:
    """None for an interval that is not known, or ends on one of the `bounds`."""
    if low is None or high is None or not np.isfinite([low, high]).all():
        return None
    if low <= bounds[0] or high >= bounds[1]:
        return None
    return low <= true <= high


# --- all together ------------------------------------------------------------------------------


@dataclass(frozen=True)
class Figure:
    """One figure, its target if it has one, and whether that is met (None: nothing to judge)."""

    name: str
    value: float | None
    target: Target | None
    met: bool | None


def figures(evidence: Evidence, discrete: Collection[str] = ()) -> list[Figure]:
    """The figures that have targets, and a few beside; `discrete` channels have no NIS."""
    found = faults(evidence)
    named = (found["named"] == found["fault"]).fill_null(value=False)
    false, months = false_alarms(evidence)
    consistent = consistency(evidence).filter(~pl.col("channel").is_in(list(discrete)))
    ahead = forecasts(evidence)
    values: dict[str, float | None] = {
        "faults_injected": float(len(found)),
        "detected_ratio": _mean(found["detected"]),
        "named_ratio": _mean(named),
        "median_delay_s": _number(found["delay_s"].median()),
        "satellite_months": months,
        "false_alarms": float(false),
        "false_alarms_per_satellite_month": false / months if months else None,
        "nis_inside_ratio": _number(
            np.average(consistent["inside_ratio"], weights=consistent["windows"])
        )
        if len(consistent)
        else None,
        "forecasts": float(len(ahead)),
    }
    if len(ahead):
        inside = pl.concat(
            [ahead["charge_inside"], ahead["temperature_inside"], ahead["link_inside"]]
        ).drop_nulls()
        edges = pl.concat([ahead["entry_error_s"], ahead["exit_error_s"]]).drop_nulls()
        values |= {
            "interval_coverage_ratio": _mean(inside),
            "charge_coverage_ratio": _mean(ahead["charge_inside"].drop_nulls()),
            "temperature_coverage_ratio": _mean(ahead["temperature_inside"].drop_nulls()),
            "link_coverage_ratio": _mean(ahead["link_inside"].drop_nulls()),
            "eclipse_error_s": _number(edges.abs().quantile(0.95)) if len(edges) else None,
            "charge_error_ratio": _number(ahead["charge_error_ratio"].abs().quantile(0.95)),
            "temperature_error_k": _number(ahead["temperature_error_k"].abs().quantile(0.95)),
            "link_error_db": _number(ahead["link_error_db"].abs().quantile(0.95)),
        }
    return [
        Figure(
            name,
            value,
            TARGETS.get(name),
            None if name not in TARGETS else TARGETS[name].met(value),
        )
        for name, value in values.items()
    ]


def _mean(of: pl.Series) -> float | None:
    return _number(of.cast(pl.Float64).mean()) if len(of) else None


def _number(value: Any) -> float | None:
    return None if value is None or not np.isfinite(value) else float(value)
