"""Times kernels of known cost on the real device."""
