"""A dashboard drawn by Grafana's own components: set up once by npm, bundled, data inlined."""

from demo.grafana_ui.bundling import Bundle, bundle, set_up
from demo.grafana_ui.page import PATIENCE_MS, page

__all__ = ["PATIENCE_MS", "Bundle", "bundle", "page", "set_up"]
