"""The demo on real image generators: `run` measures, draws, and writes one page.

Its weights come with the library; onnxruntime and matplotlib come from ``otmaps[demo]``.
"""

from __future__ import annotations

from otmaps.demo._formats import ModelError
from otmaps.demo._generators import SHIPPED
from otmaps.demo._report import DemoReport, ModelReport, Row
from otmaps.demo._run import run

__all__ = ["SHIPPED", "DemoReport", "ModelError", "ModelReport", "Row", "run"]
