"""What the stack measures and how it leaves the process: metrics, spans and logs."""
