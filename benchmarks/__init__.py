"""The measurements behind every claim of speed and memory."""
