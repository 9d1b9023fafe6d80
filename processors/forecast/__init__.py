"""The next orbit of each satellite: by geometry, by the forward model, on the clock of the log."""
