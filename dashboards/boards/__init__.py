"""One module a dashboard: from the fleet down to one device, then from one side each."""
