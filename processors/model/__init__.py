"""The model beside the telemetry: windows, what surrounds them, residuals, alarms, verdicts."""
