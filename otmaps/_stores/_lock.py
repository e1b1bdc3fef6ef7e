"""The one lock for what this process keeps in memory: held for microseconds, free after a fork."""

from __future__ import annotations

import os
import sys
import threading

LOCK = threading.RLock()
if sys.platform != "win32":  # a child must not wait for a thread that it does not have
    os.register_at_fork(
        before=LOCK.acquire, after_in_parent=LOCK.release, after_in_child=LOCK.release
    )
