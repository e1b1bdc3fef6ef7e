"""What `import otmaps` costs, each time in a fresh process."""

from __future__ import annotations


def timeraw_import_otmaps() -> str:
    return "import otmaps"


def timeraw_import_what_it_needs() -> str:
    return "import numba, scipy.special"


def timeraw_import_numpy() -> str:
    return "import numpy"


def timeraw_import_scipy_stats() -> str:
    return "import scipy.stats"
