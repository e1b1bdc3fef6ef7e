"""The command line `otmaps`: a thin face of the public namespace.

Heavy packages, otmaps itself among them, are imported inside the commands that need them.
"""

from __future__ import annotations

from otmaps.cli._application import main
from otmaps.cli._catalogue import ops
from otmaps.cli._completion import completion
from otmaps.cli._demonstration import demo
from otmaps.cli._diagnosis import diagnose
from otmaps.cli._doctor import doctor
from otmaps.cli._exploration import explore
from otmaps.cli._help import show_help
from otmaps.cli._inspection import inspect
from otmaps.cli._latents import check, match
from otmaps.cli._precomputation import precompute
from otmaps.cli._store import store

__all__ = ["main"]

_COMMANDS = (
    ops,
    inspect,
    match,
    check,
    diagnose,
    precompute,
    store,
    demo,
    explore,
    doctor,
    completion,
    show_help,
)
for _command in _COMMANDS:
    main.add_command(_command)
