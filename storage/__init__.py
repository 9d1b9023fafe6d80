"""History: Kafka to DuckDB exactly once, and the SQL door that readers use."""
