"""A progress bar on long runs."""

from __future__ import annotations

import contextlib
import multiprocessing
import sys
import threading
import time
from collections.abc import Callable, Iterator
from typing import TypeAlias

Advance: TypeAlias = Callable[[int], None]

_PATIENCE = 2.0  # seconds that pass without a bar


@contextlib.contextmanager
def progress_bar(text: str, total: int, shown: bool | None) -> Iterator[Advance]:
    """A function that counts what is done, and shows it on stderr.

    Parameters
    ----------
    text : str
        What runs.
    total : int
        The sum of all that the function will be called with; calls may come from any thread.
    shown : bool or None
        None shows a bar after two seconds, on a terminal, in the main thread of a program (the
        workers of a pool would draw over one another).
    """
    if shown is None:
        shown = _at_a_terminal()
        patience = _PATIENCE
    else:
        patience = 0.0
    if not shown:
        yield lambda _: None
        return
    with contextlib.ExitStack() as stack:
        yield _advance(stack, text, total, time.monotonic() + patience)


def _at_a_terminal() -> bool:
    return (
        sys.stderr is not None
        and sys.stderr.isatty()
        and threading.current_thread() is threading.main_thread()
        and multiprocessing.parent_process() is None
    )


def _advance(stack: contextlib.ExitStack, text: str, total: int, begin: float) -> Advance:
    lock = threading.Lock()
    done = 0
    show: Callable[[int], None] | None = None

    def advance(step: int) -> None:
        nonlocal done, show
        with lock:
            done += step
            if show is None and time.monotonic() >= begin:
                show = _bar(stack, text, total)
            if show is not None:
                show(done)

    return advance


def _bar(stack: contextlib.ExitStack, text: str, total: int) -> Callable[[int], None]:
    from rich.console import Console
    from rich.markup import escape
    from rich.progress import Progress

    out = Console(stderr=True)
    bar = stack.enter_context(Progress(console=out, transient=out.is_terminal))
    task = bar.add_task(escape(text), total=total)
    return lambda done: bar.update(task, completed=done)
