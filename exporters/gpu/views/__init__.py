"""The same snapshot in other words: dcgm-exporter's names, OpenTelemetry's conventions."""
