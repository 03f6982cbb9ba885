"""Grafana dashboards, generated through one typed adapter."""
