"""All cases, by the number of inputs."""

from __future__ import annotations

from .case import Case
from .many import CASES as MANY
from .means import CASES as MEANS
from .one import CASES as ONE
from .two import CASES as TWO

CASES: list[Case] = sorted([*ONE, *TWO, *MEANS, *MANY], key=lambda case: len(case.inputs))
