"""Fit `traffic.json` from the public traces: `python -m demo.incidents.fit FOLDER`.

FOLDER holds the Azure 2023 CSV files (TIMESTAMP, ContextTokens, GeneratedTokens) and Mooncake's
NDJSON. Only the moments below are kept. Arrivals are a Poisson process whose rate is the product
of a fast and a slow log-normal process; what a window of w seconds counts has variance over mean
1 + mean * cv², whence cv² of the rate. The slow process has what is left at a minute.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

TRAFFIC = Path(__file__).with_name("traffic.json")
AZURE = {
    "conversation": "AzureLLMInferenceTrace_conv.csv",
    "code": "AzureLLMInferenceTrace_code.csv",
}
MOONCAKE = "mooncake_synthetic.jsonl"


def fit(folder: Path) -> dict[str, Any]:
    """Everything that `arrivals.py` and `lengths.py` draw from."""
    return {
        "source": {
            "arrivals, lengths": "Azure LLM inference traces 2023 (CC-BY-4.0, Microsoft)",
            "prefix": "Mooncake synthetic trace (Apache-2.0)",
            "note": "only these fitted numbers are taken from them",
        },
        "workloads": {name: _azure(folder / file) for name, file in AZURE.items()},
        "prefix": _prefix(folder / MOONCAKE),
    }


def _azure(path: Path) -> dict[str, Any]:
    trace = pl.read_csv(path)
    at = trace["TIMESTAMP"].str.to_datetime("%Y-%m-%d %H:%M:%S%.f").dt.timestamp("us").to_numpy()
    seconds = np.sort(at) / 1e6
    slow, fast = _rate_cv2(seconds, 60.0), _rate_cv2(seconds, 1.0)
    return {
        "requests": len(trace),
        "rate": round(len(trace) / float(seconds[-1] - seconds[0]), 3),
        "slow_cv2": round(slow, 3),
        "slow_seconds": round(_memory(seconds), 0),
        "fast_cv2": round(max(0.0, (1 + fast) / (1 + slow) - 1), 3),
        "prompt": _log_normal(trace["ContextTokens"]),
        "output": _log_normal(trace["GeneratedTokens"]),
    }


def _rate_cv2(seconds: np.ndarray, window: float) -> float:
    counts = np.histogram(seconds, np.arange(seconds[0], seconds[-1], window))[0]
    mean = float(counts.mean())
    return max(0.0, (float(counts.var()) / mean - 1) / mean)


def _memory(seconds: np.ndarray) -> float:
    """Time constant of the slow process, from the correlation of one minute with the next."""
    counts = np.histogram(seconds, np.arange(seconds[0], seconds[-1], 60.0))[0]
    noise = float(counts.mean() / counts.var())
    lag = float(np.corrcoef(counts[1:], counts[:-1])[0, 1]) / (1.0 - noise)
    return -60.0 / float(np.log(min(0.95, max(0.05, lag))))


def _log_normal(lengths: pl.Series) -> dict[str, float]:
    values = np.maximum(lengths.to_numpy(), 1)
    logarithms = np.log(values)
    return {
        "mu": round(float(logarithms.mean()), 3),
        "sigma": round(float(logarithms.std()), 3),
        "limit": int(values.max()),
    }


def _prefix(path: Path) -> dict[str, float]:
    """Who finds the front of a prompt in the cache, and how much of it."""
    seen: set[int] = set()
    shares = []
    for line in path.read_text(encoding="utf-8").splitlines():
        blocks = json.loads(line)["hash_ids"]
        known = next((i for i, block in enumerate(blocks) if block not in seen), len(blocks))
        shares.append(known / len(blocks))
        seen.update(blocks)
    found = [share for share in shares if share > 0]
    return {
        "requests": len(shares),
        "hit_share": round(len(found) / len(shares), 3),
        "cached_mean": round(float(np.mean(found)), 3),
    }


def main() -> None:
    """Renew `traffic.json` from the folder named on the command line."""
    TRAFFIC.write_text(json.dumps(fit(Path(sys.argv[1])), indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
