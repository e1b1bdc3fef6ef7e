"""The tables of cases that several test modules share."""

from __future__ import annotations

import otmaps

PRIORS = {
    "normal": otmaps.Normal(),
    "shifted normal": otmaps.Normal(1.0, 2.0),
    "uniform": otmaps.Uniform(-1.0, 1.0),
    "unit uniform": otmaps.Uniform(0.0, 1.0),
    "cauchy": otmaps.Cauchy(),
    "laplace": otmaps.Laplace(),
    "logistic": otmaps.Logistic(),
    "exponential": otmaps.Exponential(),
    "student 3": otmaps.StudentT(3.0),
    "gamma 2": otmaps.Gamma(2.0),
    "arcsine": otmaps.Arcsine(),
    "gumbel": otmaps.Gumbel(),
}

OPERATIONS = {
    "lerp .3": otmaps.lerp(0.3),
    "lerp .5": otmaps.lerp(0.5),
    "lerp 1.2": otmaps.lerp(1.2),
    "barycenter 4": otmaps.barycenter([0.25] * 4),
    "barycenter uneven": otmaps.barycenter([0.1, 0.2, 0.7]),
    "vicinity": otmaps.vicinity(0.5),
    "analogy": otmaps.analogy(),
    "linear": otmaps.linear([2.0, -1.0]),
}
