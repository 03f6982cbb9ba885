"""Fit the parameters of `traces.json` from the public trace: `python -m demo.load.fit CSV`.

CSV is `AzureLLMInferenceTrace_conv.csv` (columns TIMESTAMP, ContextTokens, GeneratedTokens).
Gaps between arrivals: Gamma by moments. Lengths: log-normal by the moments of the logarithm, cut
off at the longest that is kept. Prompts are divided by `PROMPT_SCALE` and answers by
`OUTPUT_SCALE`, so that a model of under a million weights meets the same shape of work.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

PROMPT_SCALE = 4
OUTPUT_SCALE = 12
PROMPT_LIMIT = 256
OUTPUT_LIMIT = 20
TRACES = Path(__file__).with_name("traces.json")


def fit(trace: pl.DataFrame) -> dict[str, Any]:
    """The parameters that `traffic.py` draws from."""
    at = trace["TIMESTAMP"].str.to_datetime("%Y-%m-%d %H:%M:%S%.f").dt.timestamp("us").to_numpy()
    gaps = np.diff(np.sort(at)) / 1e6
    return {
        "source": "Azure LLM inference trace 2023, conversation (AzureLLMInferenceTrace_conv.csv)",
        "licence": "CC-BY-4.0, Microsoft; only these fitted numbers are taken from it",
        "requests": len(trace),
        "gap_cv": round(float(gaps.std() / gaps.mean()), 3),
        "prompt": _log_normal(trace["ContextTokens"] / PROMPT_SCALE, PROMPT_LIMIT),
        "output": _log_normal(trace["GeneratedTokens"] / OUTPUT_SCALE, OUTPUT_LIMIT),
        "prompt_scale": PROMPT_SCALE,
        "output_scale": OUTPUT_SCALE,
    }


def _log_normal(lengths: pl.Series, limit: int) -> dict[str, float]:
    logarithms = np.log(np.maximum(lengths.to_numpy(), 1.0))
    mu, sigma = float(logarithms.mean()), float(logarithms.std())
    return {"mu": round(mu, 3), "sigma": round(sigma, 3), "limit": limit}


def main() -> None:
    """Renew `traces.json` from the trace named on the command line."""
    fitted = fit(pl.read_csv(sys.argv[1]))
    TRACES.write_text(json.dumps(fitted, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
