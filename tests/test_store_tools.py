"""The long checks of `tools/`, shortened: kills, damage; and that each of them can fail."""

import importlib.util
import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from otmaps._kernels import _tables

TOOLS = Path(__file__).parents[1] / "tools"


def tool(name: str):
    spec = importlib.util.spec_from_file_location(name, TOOLS / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def run(script: str, *arguments: str, **environment: str) -> subprocess.CompletedProcess:
    return subprocess.run(
        [sys.executable, str(TOOLS / script), *arguments],
        env={**os.environ, "PYTHONPATH": str(TOOLS.parent), **environment},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


@pytest.mark.skipif(not hasattr(os, "fork"), reason="forks")
class TestTorture:
    def test_writers_killed_at_any_moment_leave_no_torn_table(self) -> None:
        done = run("store_torture.py", "--kills", "60", "--reads", "500")
        assert done.returncode == 0, done.stdout + done.stderr
        told = json.loads(done.stdout)
        assert told["kills"] >= 60
        assert told["hits"] >= 100
        assert told["bad reads"] == told["bad files"] == told["orphans after the sweep"] == 0

    def test_a_writer_in_place_is_found_out(self, tmp_path: Path, monkeypatch) -> None:
        torture = tool("store_torture")

        def in_place(path: Path, data: bytes, *, flush_root: bool) -> None:
            path.parent.mkdir(parents=True, exist_ok=True)
            with path.open("wb", buffering=0) as file:
                for i in range(0, len(data), 512):
                    file.write(data[i : i + 512])
                    time.sleep(1e-4)

        monkeypatch.setattr("otmaps._stores._directory.publish", in_place)
        told = torture.torture(tmp_path / "tables", 10, 2000, 2, 1)
        assert told["bad reads"] > 0


class TestDamage:
    def test_damaged_files_are_refused_or_harmless(self) -> None:
        tally, faults = tool("corrupt_tables").judged(2000, seed=1)
        assert not faults, faults[:3]
        assert tally["refused"] > 800
        assert tally["refused, signed"] > 700
        assert tally["harmless, signed"] > 10

    def test_a_reader_that_checks_no_digest_is_found_out(self, monkeypatch) -> None:
        monkeypatch.setattr("otmaps._format._digest", lambda data: bytes(data[49:113]))
        _, faults = tool("corrupt_tables").judged(300, seed=1)
        assert any("believed" in fault for fault in faults)

    def test_a_reader_that_checks_no_order_is_found_out(self, monkeypatch) -> None:
        real, passed = _tables.check, (_tables.FALLING, _tables.OVERLAP, _tables.INNER_LEAVES)

        def lenient(*arguments) -> int:
            found = real(*arguments)
            return _tables.SOUND if found in passed else found

        monkeypatch.setattr("otmaps._map_table.kernels.check", lenient)
        _, faults = tool("corrupt_tables").judged(1500, seed=1)
        assert any("it falls" in fault or "NaN" in fault for fault in faults)

    def test_a_reader_that_raises_anything_else_is_found_out(self, monkeypatch) -> None:
        corrupt = tool("corrupt_tables")

        def fails(data: bytes, key: str | None = None):
            raise KeyError("mine")

        monkeypatch.setattr(corrupt, "from_bytes", fails)
        assert len(corrupt.judged(10, seed=1)[1]) == 10


@pytest.mark.needs_jit
def test_tables_are_the_same_bits_from_one_and_two_threads() -> None:
    told = [
        run(
            "table_digests.py",
            "--few",
            OPENBLAS_NUM_THREADS=n,
            OMP_NUM_THREADS=n,
            MKL_NUM_THREADS=n,
            NUMBA_NUM_THREADS=n,
        )
        for n in "12"
    ]
    assert [done.returncode for done in told] == [0, 0], told[0].stderr
    assert told[0].stdout == told[1].stdout
    assert told[0].stdout.count("\n") >= 3
