"""The broken-on-purpose service and everything that runs it."""
