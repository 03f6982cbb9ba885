"""Bucket bounds, chosen once so that every service level lies on a bound."""

REQUEST_SECONDS = (
    0.005, 0.01, 0.025, 0.05, 0.1, 0.2, 0.3, 0.5, 0.75, 1.0, 1.5, 2.5, 5.0, 10.0, 20.0, 40.0,
    80.0, 160.0, 320.0, 600.0,
)  # fmt: skip
"""Whole requests and first tokens: 5 ms to 10 min, with 0.2 s and 0.5 s as service levels."""

TOKEN_SECONDS = (
    0.001, 0.0025, 0.005, 0.01, 0.015, 0.025, 0.04, 0.06, 0.1, 0.16, 0.25, 0.4, 0.65, 1.0, 2.5,
    5.0, 10.0,
)  # fmt: skip
"""Gaps between tokens and single engine phases: 1 ms to 10 s."""

TOKENS = (
    16.0, 32.0, 64.0, 128.0, 256.0, 512.0, 1024.0, 2048.0, 4096.0, 8192.0, 16384.0, 32768.0,
    65536.0, 131072.0,
)  # fmt: skip
"""Prompt and completion lengths; 2,048 is where a long prompt starts to cost 5-8 times more."""
