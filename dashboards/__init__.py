"""Grafana dashboards, alerts and provisioning files, made by code from the catalogue."""
