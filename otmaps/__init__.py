"""Distribution-preserving latent operations: laws, monotone transport maps, certified tables."""

from __future__ import annotations

__version__ = "0.1.0"
