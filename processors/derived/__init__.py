"""The states that are derived from a row of telemetry alone."""
