"""Rules, service levels, routes and runbooks, rendered from code."""
