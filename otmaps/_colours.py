"""The colours of figures, pages and terminals: one table, the same everywhere."""

from __future__ import annotations

import types
from collections.abc import Mapping

COLOURS: Mapping[str, str] = types.MappingProxyType(
    {
        "prior": "#7d838c",
        "linear": "#e0592a",
        "slerp": "#a05be0",
        "matched": "#1f9d75",
    }
)
"""Name to colour. Each has a contrast of 3 to 1 at least to white and to black paper; linear, slerp
and matched differ for people who confuse red and green, too. The prior is drawn broad or dashed,
not by its colour alone. A raw result of any operation but slerp has the colour of "linear"."""
