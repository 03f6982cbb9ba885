"""Reads metrics, spans and logs, says what is unusual, and names the cause."""
