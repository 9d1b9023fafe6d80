"""What enters Kafka: telemetry of synthetic, real and replayed satellites, as frames."""
