from __future__ import annotations

import sys
import warnings

import numpy as np
import pytest

from analysis.forecast.prophet_backend import forecast
from analysis.forecast.series import Series
from exporters.errors import UsageError


def test_without_prophet_the_way_to_it_is_said(monkeypatch):
    monkeypatch.setitem(sys.modules, "prophet", None)

    with pytest.raises(UsageError) as refused:
        forecast(Series(0.0, 60.0, np.ones(10)), 5)

    assert str(refused.value) == (
        "backend 'prophet' is not installed; `pip install 'busysignal[prophet]'`, "
        "or set [forecast] backend = 'fast'"
    )


def test_prophet_answers_the_same_question():
    pytest.importorskip("prophet")
    steps = np.arange(24 * 8)
    series = Series(0.0, 3600.0, 10 + 3 * np.sin(2 * np.pi * steps / 24))

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        said = forecast(series, 24)

    truth = 10 + 3 * np.sin(2 * np.pi * (steps[-1] + 1 + np.arange(24)) / 24)
    assert np.abs(said.expected - truth).mean() < 0.5
    assert np.all(said.lower <= said.upper)
