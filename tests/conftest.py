"""What every test gets: a store of its own, figures without a screen, repeatable hypothesis."""

import os

# Before anything imports matplotlib, here and in the subprocesses of tests.
os.environ["MPLBACKEND"] = "Agg"

from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

JIT_DISABLED = os.environ.get("NUMBA_DISABLE_JIT", "0") not in {"", "0"}

# No deadline: the first example of a test pays for the compilation of kernels.
settings.register_profile(
    "ci", derandomize=True, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.register_profile("explore", settings.get_profile("ci"), derandomize=False)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "ci"))


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the tests of the kernels, and skip those that interpreted kernels cannot finish."""
    without_jit = pytest.mark.skip(reason="needs compiled kernels (NUMBA_DISABLE_JIT is set)")
    for item in items:
        if item.path.name.startswith("test_kernels"):
            item.add_marker("kernels")
        if JIT_DISABLED and item.get_closest_marker("needs_jit"):
            item.add_marker(without_jit)


@pytest.fixture(autouse=True)
def store_dir(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give the test an empty default store, also seen by its subprocesses; not made yet."""
    path = tmp_path / "store"
    monkeypatch.setenv("OTMAPS_STORE", str(path))
    monkeypatch.setenv("OTMAPS_SHARED_STORE", "")
    return path


@pytest.fixture(scope="session")
def jit_disabled() -> bool:
    """Whether the kernels are interpreted: then choose small sizes."""
    return JIT_DISABLED
