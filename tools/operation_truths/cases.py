"""All cases, by the number of inputs."""

from __future__ import annotations

from .case import Case
from .one import CASES as ONE

CASES: list[Case] = [*ONE]
