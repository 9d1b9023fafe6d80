"""State from telemetry: power, thermal, links and jobs, their limits and their staleness."""
