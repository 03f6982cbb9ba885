from __future__ import annotations

import subprocess
import sys

import pytest

from exporters import lazy

HEAVY = ("httpx", "opentelemetry", "polars", "numpy", "sklearn", "torch", "yaml", "starlette")


def test_a_name_is_loaded_from_its_module_when_it_is_asked_for():
    script = (
        "import sys, exporters.telemetry as package\n"
        "assert 'exporters.telemetry.wiring' not in sys.modules\n"
        "print(package.setup.__module__)"
    )

    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )

    assert "exporters.telemetry.wiring\n" == done.stdout


def test_a_name_that_is_not_public_is_told_as_by_any_module():
    with pytest.raises(AttributeError) as caught:
        lazy.names("exporters", {"UsageError": "errors"})("UsageErrors")

    assert "module 'exporters' has no attribute 'UsageErrors'" == str(caught.value)


def test_a_name_that_its_module_would_hide_is_refused():
    with pytest.raises(ValueError, match=r"shop: \['setup'\] are modules as well") as caught:
        lazy.names("shop", {"setup": "setup"})

    assert "shop: ['setup'] are modules as well; rename the modules" == str(caught.value)


def test_the_command_reads_its_config_without_what_only_some_of_its_calls_need():
    script = f"import sys, busysignal; print([m for m in {HEAVY} if m in sys.modules])"

    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )

    assert "[]\n" == done.stdout
