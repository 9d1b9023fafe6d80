"""What the evidence is worth: detection, isolation, false alarms, consistency, forecasts.

Pure functions of `Evidence`. A fault counts as detected by the first verdict or alarm on its
satellite between its onset and `GRACE_S` after its end, and as named by the last verdict.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl

from compose.evaluation.evidence import Evidence

GRACE_S = 120.0
MONTH_S = 30 * 86_400.0
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
    """One row a fault of a satellite: fault, sat_id, severity, detected, delay_s, named.

    `named` is the last verdict (null: none), `delay_s` from onset to the first alarm or verdict.
    """
    raised = evidence.events.filter(pl.col("state") == "raised")
    labels = evidence.labels.with_row_index("label").with_columns(
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
