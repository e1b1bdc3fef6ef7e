"""How large the benchmarks are; tiny where OTMAPS_BENCH_TINY is set, as in the tests."""

from __future__ import annotations

import os

TINY = os.environ.get("OTMAPS_BENCH_TINY", "0") not in {"", "0"}

VALUES = 200 if TINY else 5_000_000
"""Latents that a map is applied to: more than any cache holds."""

QUANTILES = 50 if TINY else 100_000
"""Probabilities that a law is inverted at."""

LINEAR_VALUES = 500 if TINY else 1_000_000
"""Points at which the law of a weighted sum is timed."""

PEER_VALUES = 100 if TINY else 10_000
"""The first of these, for packages that take a thousand times longer."""

DRAWS = 2_000 if TINY else 1_000_000
"""Draws of which the Kolmogorov-Smirnov distance is taken."""

POINTS = 20 if TINY else 1_000
"""Points at which a law or a map is compared with the truth."""

HONESTY_RUNS = 3 if TINY else 2_000
"""Seeded runs of an estimator on each operation with a known law."""

ALARM_RUNS = 3 if TINY else 400
"""Seeded data sets that are diagnosed for each prior."""

DIVERGENCE_DRAWS = 20 if TINY else 2_000
"""Draws of 64 components over which log-ratios of densities are averaged."""

WALK_STEPS = 20 if TINY else 100_000
"""Steps of a long random walk."""

WALK_PATHS = 200 if TINY else 200_000
"""Paths over which correlations and laws of single points are taken."""

COMPARED = 60 if TINY else 16_000
"""Latents of 128 components that ways to combine them are compared on."""

PLAN_POINTS = 25 if TINY else 500
"""Points of the samples between which POT finds optimal plans."""

PLAN_REPLICATES = 4 if TINY else 24
"""Of these plans, for their error."""

ISOTROPIC_DIMS = (64,) if TINY else (2, 3, 16, 128, 512, 4096, 16384)
"""Dimensions in which the norm of matched slerp is held against its prior."""

ISOTROPIC_DRAWS = 500 if TINY else 100_000
"""Pairs of latents for that."""

COST_POINTS = 50 if TINY else 1_000
"""Points of an exact plan."""

SAMPLES = 3_000 if TINY else 100_000_000
"""Draws of a long run of Monte Carlo."""

KNOTS = 2_048
"""Knots of the tables that peers look up."""

SEED = 20_190_506
