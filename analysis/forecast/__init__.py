"""Expected load an hour to a day ahead, with bounds, and when capacity is crossed.

`model.forecast` forecasts a `series.Series`; `loads.tell` reads the service's from Prometheus.
"""
