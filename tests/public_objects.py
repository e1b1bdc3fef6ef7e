"""One instance of every public class, or more where they differ inside."""

from __future__ import annotations

import numpy as np

import otmaps

UNIFORM = otmaps.Uniform(-1.0, 1.0)
NORMALS = otmaps.MultivariateNormal(np.zeros(3), np.diag([1.0, 2.0, 3.0]))


@otmaps.operation(version="1")
def clipped(a, b, *, low=0.0):
    """A sum that is clipped: its law has a point mass."""
    return np.maximum(a + b, low)


def make(folder):
    """Name to instance; stores lie in a folder."""
    store = otmaps.TableStore(folder / "tables")
    sample = np.random.default_rng(0).normal(size=400)
    report = otmaps.precompute(otmaps.grid(otmaps.lerp, "uniform", t=[0.25]), store=store)
    matched = otmaps.match(otmaps.lerp(0.5), UNIFORM, store=None)
    plan = otmaps.match(clipped(), "normal", store=None, randomize=0)
    independent = otmaps.Independent([("normal", 2), ("uniform", 1)])
    check = otmaps.check(matched, n=200)
    diagnosis = otmaps.diagnose(sample.reshape(-1, 4), "normal")
    found = {
        **_laws(sample),
        **_estimators(),
        "Operation": otmaps.lerp(0.3),
        "Operation of a function": clipped(low=0.5),
        "OperationFactory": clipped,
        "MatchedOperation": matched,
        "MatchedOperation, affine": otmaps.match(otmaps.lerp(0.3), "normal", store=None),
        "MatchedOperation, randomised": plan,
        "MatchedIsotropicOperation": otmaps.match(otmaps.slerp(0.5), otmaps.Sphere(4), store=None),
        "MatchedGaussianOperation": otmaps.match(otmaps.lerp(0.3), NORMALS, store=None),
        "MatchedIndependentOperation": otmaps.match(otmaps.lerp(0.3), independent, store=None),
        "Family": otmaps.family(otmaps.lerp, "laplace", t=(0.2, 0.4), tol=1e-3),
        "MonotoneMap": matched.map,
        "ComposedMap": otmaps.compose(matched.map, matched.map),
        "RandomizedPlan": plan.map,
        "RadialMap": otmaps.match(otmaps.lerp(0.5), otmaps.StandardNormal(4), store=None).map,
        "GaussianMap": otmaps.gaussian_map(NORMALS, otmaps.MultivariateNormal(1.0, np.eye(3))),
        "ComponentMaps": otmaps.match(otmaps.lerp(0.3), independent, store=None).map,
        "Mismatch": otmaps.mismatch(otmaps.lerp(0.5), UNIFORM),
        "CheckReport": check,
        "CheckRow": check.rows[0],
        "Diagnosis": diagnosis,
        "DiagnosisRow": diagnosis.rows[0],
        "PrecomputeReport": report,
        "JobResult": report.results[0],
        "Job": report.results[0].job,
        "TableStore": store,
        "MemoryStore": otmaps.MemoryStore(),
        "LayeredStore": otmaps.LayeredStore(store, otmaps.TableStore(folder, read_only=True)),
        "FrontedStore": otmaps.FrontedStore(store),
        "StoreEntry": store.entries()[0],
        "Verification": store.verify(),
        "Transfer": otmaps.export_tables(store, folder / "all.tar"),
    }
    errors = ("AccuracyError", "AtomError", "TableError", "UnservedError")
    warned = ("AccuracyWarning", "StoreWarning")
    return found | {name: getattr(otmaps, name)("reason") for name in (*errors, *warned)}


def _laws(sample):
    scalar = {
        "Arcsine": otmaps.Arcsine(),
        "Beta": otmaps.Beta(2.0, 3.0),
        "Cauchy": otmaps.Cauchy(),
        "Chi": otmaps.Chi(5),
        "Discrete": otmaps.Discrete([0.0, 1.0], [0.25, 0.75]),
        "Empirical": otmaps.as_distribution(sample),
        "Exponential": otmaps.Exponential(),
        "Gamma": otmaps.Gamma(2.0),
        "Gumbel": otmaps.Gumbel(),
        "Laplace": otmaps.Laplace(1.0, 2.0),
        "Levy": otmaps.Levy(),
        "LogNormal": otmaps.LogNormal(0.5),
        "Logistic": otmaps.Logistic(),
        "Mixture": otmaps.Mixture([otmaps.Normal(), otmaps.Uniform()], [0.5, 0.5]),
        "Normal": otmaps.Normal(),
        "Pareto": otmaps.Pareto(3.0),
        "Smoothed": otmaps.smoothed(sample),
        "Stable": otmaps.Stable(1.5),
        "StudentT": otmaps.StudentT(3.0),
        "Uniform": UNIFORM,
        "law of a sum": otmaps.pushforward(otmaps.lerp(0.3), otmaps.Laplace()),
        "law by quadrature": otmaps.pushforward(
            otmaps.lerp(0.3), otmaps.Logistic(), method=otmaps.Convolution()
        ),
        "law of draws": otmaps.pushforward(
            otmaps.lerp(0.3), UNIFORM, method=otmaps.MonteCarlo(n=2**12, seed=0)
        ),
    }
    return scalar | {
        "StandardNormal": otmaps.StandardNormal(4),
        "Sphere": otmaps.Sphere(4),
        "Ball": otmaps.Ball(4),
        "MultivariateT": otmaps.MultivariateT(4, 3.0),
        "Radial": otmaps.Radial(4, otmaps.Gamma(2.0)),
        "Independent": otmaps.Independent([("normal", 2), ("uniform", 1)]),
        "MultivariateNormal": NORMALS,
        "Dense": otmaps.Dense([[2.0, 0.5], [0.5, 1.0]]),
        "Diagonal": otmaps.Diagonal([1.0, 2.0]),
        "LowRank": otmaps.LowRank([[1.0], [2.0], [3.0]], [1.0, 1.0, 1.0]),
        "Circulant": otmaps.Circulant(np.ones((4, 4))),
    }


def _estimators():
    return {
        "Auto": otmaps.Auto(),
        "ClosedForm": otmaps.ClosedForm(),
        "Composition": otmaps.Composition(),
        "ConditionalRQMC": otmaps.ConditionalRQMC(),
        "Conditioning": otmaps.Conditioning(),
        "Contour": otmaps.Contour(),
        "Convolution": otmaps.Convolution(),
        "MonteCarlo": otmaps.MonteCarlo(n=2**12, seed=0),
        "RQMC": otmaps.RQMC(),
        "Agreement": otmaps.Agreement(otmaps.ClosedForm(), otmaps.Convolution()),
    }
