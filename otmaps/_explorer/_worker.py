"""One thread that computes, beside the one that serves."""

from __future__ import annotations

import concurrent.futures
import queue
import threading
from collections.abc import Callable
from typing import Any


class Worker:
    """Runs calls one after the other: a slider's answers come in order, on the cores there are.

    Its thread ends with the process, also in the midst of a call: Ctrl-C waits for no law.
    """

    def __init__(self) -> None:
        self._jobs: queue.SimpleQueue[tuple[concurrent.futures.Future[Any], Callable[[], Any]]] = (
            queue.SimpleQueue()
        )
        threading.Thread(target=self._work, name="otmaps explorer", daemon=True).start()

    def submit(self, call: Callable[[], Any]) -> concurrent.futures.Future[Any]:
        """The future result of a call."""
        future: concurrent.futures.Future[Any] = concurrent.futures.Future()
        self._jobs.put((future, call))
        return future

    def _work(self) -> None:
        while True:
            future, call = self._jobs.get()
            if not future.set_running_or_notify_cancel():
                continue
            try:
                future.set_result(call())
            except Exception as error:  # noqa: BLE001 - whoever waits for the future gets it
                future.set_exception(error)
