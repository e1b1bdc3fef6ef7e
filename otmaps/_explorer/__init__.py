"""The explorer behind ``otmaps explore``: a local page that moves operations by sliders.

starlette, uvicorn and onnxruntime come from ``otmaps[explore]``; the page needs no network.
"""

from __future__ import annotations

import importlib.util

from otmaps._explorer._settings import Vocabulary

__all__ = ["Vocabulary", "require_extra"]

_NEEDED = ("starlette", "uvicorn", "onnxruntime")


def require_extra() -> None:
    """Raise where a package of the extra is missing.

    Raises
    ------
    ImportError
        With how to install it.
    """
    missing = [name for name in _NEEDED if importlib.util.find_spec(name) is None]
    if missing:
        raise ImportError(
            f"otmaps explore needs {', '.join(missing)}: pip install 'otmaps[explore]'"
        )
