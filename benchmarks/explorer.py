"""How long a move of a slider takes in the explorer: `python -m benchmarks.explorer`.

Starts the explorer and a headless Chromium, presses an arrow key on a slider again and again, and
prints, for each generator and operation, the time from the key to the decoded pictures and drawn
curves in the page, and the processor time of the server. Needs playwright and a Chromium.
"""

from __future__ import annotations

import os
import re
import shutil
import statistics
import subprocess
import sys
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

MOVES = 25
SLIDERS = {"lerp": "t", "slerp": "t", "vicinity": "eps", "barycenter": "w1"}


def main() -> None:
    command = [sys.executable, "-m", "otmaps", "explore", "--no-browser", "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        found = re.search(r"http://\S+", server.stdout.readline())
        assert found is not None
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(
                executable_path=shutil.which("chromium"), args=["--no-sandbox"]
            )
            page = browser.new_page(viewport={"width": 1280, "height": 900})
            page.goto(found[0])
            page.wait_for_selector("#scores tbody tr", timeout=180_000)
            head = ("generator", "operation", "median ms", "worst ms", "CPU ms")
            sys.stdout.write(" ".join(f"{name:>11}" for name in head) + "\n")
            for model in ("digits", "fashion"):
                for operation, slider in SLIDERS.items():
                    measure(page, server.pid, model, operation, slider)
            browser.close()
        server.terminate()


def measure(page: Page, server: int, model: str, operation: str, slider: str) -> None:
    page.get_by_label("Generator").select_option(model)
    page.get_by_label("Operation").select_option(operation)
    page.wait_for_timeout(6_000)  # until strips and scores are done
    control = page.get_by_label(slider, exact=True)
    control.focus()
    times, used = [], []
    for _ in range(MOVES):
        before, spent = page.get_attribute("#panels", "data-answers"), cpu_seconds(server)
        control.press("ArrowRight")
        page.wait_for_selector(f"#panels:not([data-answers='{before}'])")
        times.append(int(page.get_attribute("#panels", "data-milliseconds") or 0))
        used.append(1e3 * (cpu_seconds(server) - spent))
        page.wait_for_timeout(100)
    figures = (statistics.median(times), max(times), statistics.mean(used))
    line = " ".join([f"{model:>11} {operation:>11}", *(f"{value:11.0f}" for value in figures)])
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def cpu_seconds(process: int) -> float:
    """The processor time of a process so far (Linux)."""
    fields = Path(f"/proc/{process}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


if __name__ == "__main__":
    main()
