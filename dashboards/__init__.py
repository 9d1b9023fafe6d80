"""Grafana dashboards, alerts and provisioning files, made by code from the catalogue.

`write(DIR, vehicles)` writes all files; `all_dashboards(vehicles)` gives them as plain data.
"""

from dashboards.files import all_dashboards, write

__all__ = ["all_dashboards", "write"]
