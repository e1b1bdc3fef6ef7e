"""The cases: a name, the terms as they go into the file, and the method."""

from __future__ import annotations

from typing import Any, NamedTuple


class Case(NamedTuple):
    """One law: entries [law, params, weight or weights, count of copies], and how it is known."""

    name: str
    terms: list[list[Any]]
    method: str
    deep: bool = True


U: tuple[str, dict[str, float]] = ("Uniform", {})
TWO_PEAKS = [["Normal", {"loc": -10.0, "scale": 0.1}], ["Normal", {"loc": 10.0, "scale": 0.1}]]
SPLIT = {"laws": TWO_PEAKS, "weights": [0.3, 0.7]}
HUNDRED = [round(0.5 + 0.01 * k, 2) for k in range(100)]
THOUSAND = [round(0.001 * (k + 1), 3) for k in range(1000)]

RATIONAL = [
    Case("uniform n=10 equal", [[*U, 0.0625, 10]], "rational"),
    Case("uniform n=4 mean", [[*U, 0.25, 4]], "rational"),
    Case("uniform n=4 distinct", [[*U, [0.1, 0.2, 0.3, 0.4]]], "rational"),
    Case("uniform vicinity", [[*U, [1.0, 0.5]]], "rational"),
    Case("uniform analogy", [[*U, [1.0, 1.0, -1.0]]], "rational"),
    Case("uniform (1, 1e-9)", [[*U, [1.0, 1e-9]]], "rational"),
    Case("uniform n=30 equal", [[*U, 0.1, 30]], "rational"),
    Case("uniform n=1000 equal", [[*U, 0.03, 1000]], "rational"),
    Case("uniform n=1", [["Uniform", {"low": -0.3, "high": 0.7}, 1.1]], "rational"),
    Case("exponential (.3, .7)", [["Exponential", {}, [0.3, 0.7]]], "rational"),
    Case("exponential (1, 1e-9)", [["Exponential", {}, [1.0, 1e-9]]], "rational"),
    Case("exponential difference", [["Exponential", {}, [0.8, -0.3]]], "rational"),
    Case("exponential analogy", [["Exponential", {}, [1.0, 1.0, -1.0]]], "rational"),
    Case("exponential n=100 distinct", [["Exponential", {}, HUNDRED]], "rational"),
    Case("exponential n=1", [["Exponential", {"loc": 0.1, "scale": 0.3}, -2.0]], "rational"),
    Case("laplace n=1", [["Laplace", {"loc": 0.3, "scale": 2.0}, 1.0]], "rational"),
    Case("laplace equal", [["Laplace", {}, 0.7, 2]], "rational"),
    Case("laplace nearly equal", [["Laplace", {}, [1.0, 1.0 + 1e-12]]], "rational"),
    Case("laplace vicinity", [["Laplace", {}, [1.0, 0.5]]], "rational"),
    Case("laplace analogy", [["Laplace", {}, [1.0, 1.0, -1.0]]], "rational"),
    Case("laplace n=4 distinct", [["Laplace", {}, [0.1, 0.2, 0.3, 0.4]]], "rational"),
    Case("laplace n=50 equal", [["Laplace", {}, 0.1, 50]], "rational"),
    Case("laplace n=1000 equal", [["Laplace", {}, 0.03, 1000]], "rational"),
    Case("gamma whole shapes", [["Gamma", {"shape": 2.0}, 0.6], ["Gamma", {"shape": 3.0}, 0.4]],
         "rational"),
    Case("uniform + exponential + laplace",
         [[*U, 1.0], ["Exponential", {}, 0.5], ["Laplace", {}, 0.25]], "rational"),
]  # fmt: skip

HEAVY = [
    Case("cauchy weights sum to 3", [["Cauchy", {}, [1.0, 1.5, 0.5]]], "heavy"),
    Case("cauchy n=1000", [["Cauchy", {}, 0.001, 1000]], "heavy"),
    Case("student3 (.894, .447)", [["StudentT", {"df": 3.0}, [0.894, 0.447]]], "heavy"),
    Case("student3 difference", [["StudentT", {"df": 3.0}, [0.5, -0.5]]], "heavy"),
    Case("student3 (1, 1e-9)", [["StudentT", {"df": 3.0}, [1.0, 1e-9]]], "heavy"),
    Case("student3 n=10 equal", [["StudentT", {"df": 3.0}, 0.3, 10]], "heavy"),
    Case("student3 n=100 equal", [["StudentT", {"df": 3.0}, 0.1, 100]], "heavy"),
    Case("student3 n=1000 equal", [["StudentT", {"df": 3.0}, 0.03, 1000]], "heavy"),
    Case("student5 mean of three", [["StudentT", {"df": 5.0}, 1 / 3, 3]], "heavy"),
    Case("student5 + cauchy", [["StudentT", {"df": 5.0}, 1.0], ["Cauchy", {}, 0.01]], "heavy"),
]  # fmt: skip

SMOOTHED = [
    Case("normal n=1", [["Normal", {"loc": 1.0, "scale": 0.5}, 1.0]], "normal"),
    Case("normal (.6, .8)", [["Normal", {}, [0.6, 0.8]]], "normal"),
    Case("normal n=1000 distinct", [["Normal", {}, THOUSAND]], "normal"),
    Case("normal (1e150, 1e-150)", [["Normal", {}, [1e150, 1e-150]]], "normal"),
    Case("normal + laplace", [["Normal", {}, 0.75], ["Laplace", {}, 0.25]], "smoothed"),
    Case("normal + 1e-9 laplace", [["Normal", {}, 1.0], ["Laplace", {}, 1e-9]], "smoothed"),
    Case("laplace + 1e-9 normal", [["Laplace", {}, 1.0], ["Normal", {}, 1e-9]], "smoothed"),
    Case("normal + exponential", [["Normal", {}, 0.5], ["Exponential", {}, 1.0]], "smoothed"),
    Case("normal + uniform", [["Normal", {}, 0.125], [*U, 1.0]], "smoothed"),
    Case("uniform + 1e-9 normal", [[*U, 1.0], ["Normal", {}, 1e-9]], "smoothed"),
    Case("mixture + uniform", [["Mixture", SPLIT, 1.0], [*U, 1.0]], "smoothed"),
    Case("two mixtures", [["Mixture", SPLIT, [1.0, 0.4]]], "smoothed"),
    Case("discrete + normal",
         [["Discrete", {"points": [-1.0, 0.0, 2.5], "probabilities": [0.25, 0.5, 0.25]}, 1.0],
          ["Normal", {}, 0.1]], "smoothed"),
]  # fmt: skip

STABLE = [
    Case("levy pair", [["Levy", {}, [0.3, 0.7]]], "levy"),
    Case("levy n=1000", [["Levy", {}, 0.001, 1000]], "levy"),
    Case("levy difference", [["Levy", {}, [0.3, -0.7]]], "stable", deep=False),
    Case("stable 1.5 skew pair",
         [["Stable", {"alpha": 1.5, "beta": 0.5}, [1.0, -0.3]]], "stable", deep=False),
    Case("stable 1.5 one-sided tail",
         [["Stable", {"alpha": 1.5, "beta": 1.0}, [0.5, 0.5]]], "stable", deep=False),
]  # fmt: skip

SINGLE = [
    Case("logistic n=1", [["Logistic", {"loc": 1.0, "scale": 0.5}, 1.0]], "single"),
    Case("student2.5 n=1", [["StudentT", {"df": 2.5}, 1.3]], "single"),
    Case("gumbel n=1", [["Gumbel", {}, -0.7]], "single"),
    Case("gamma.5 n=1", [["Gamma", {"shape": 0.5}, 1.5]], "single"),
    Case("beta(.3, 2) n=1", [["Beta", {"a": 0.3, "b": 2.0}, 3.0]], "single"),
    Case("arcsine n=1", [["Arcsine", {"low": -0.4, "high": 1.0}, 1.0]], "single"),
    Case("lognormal n=1", [["LogNormal", {"s": 0.8}, 1.0]], "single"),
    Case("pareto1.5 n=1", [["Pareto", {"b": 1.5}, 2.0]], "single"),
]  # fmt: skip

G: tuple[str, dict[str, float]] = ("Gumbel", {})
L: tuple[str, dict[str, float]] = ("Logistic", {})
HALF: tuple[str, dict[str, float]] = ("Gamma", {"shape": 0.5})

CONTOUR = [
    Case("logistic equal", [[*L, 0.5, 2]], "contour"),
    Case("logistic vicinity", [[*L, [1.0, 0.5]]], "contour"),
    Case("logistic analogy", [[*L, [1.0, 1.0, -1.0]]], "contour"),
    Case("logistic (1, 1e-9)", [[*L, [1.0, 1e-9]]], "contour"),
    Case("logistic n=4 mean", [[*L, 0.25, 4]], "contour"),
    Case("logistic n=100 equal", [[*L, 0.1, 100]], "contour"),
    Case("gumbel equal", [[*G, 0.5, 2]], "contour"),
    Case("gumbel vicinity", [[*G, [1.0, 0.5]]], "contour"),
    Case("gumbel difference", [[*G, [0.6, -0.4]]], "contour"),
    Case("gumbel n=30 equal", [[*G, 0.2, 30]], "contour"),
    Case("gamma.5 pair", [[*HALF, [0.5, 1.5]]], "contour"),
    Case("gamma.5 difference", [[*HALF, [0.5, -1.5]]], "contour"),
    Case("gamma.1 + gamma.3",
         [["Gamma", {"shape": 0.1}, 1.0], ["Gamma", {"shape": 0.3}, 0.4]], "contour"),
    Case("gamma.7 n=1000 equal", [["Gamma", {"shape": 0.7}, 0.03, 1000]], "contour"),
    Case("uniform n=100 distinct", [[*U, HUNDRED]], "contour"),
    Case("beta(2, 3) n=30 equal", [["Beta", {"a": 2.0, "b": 3.0}, 0.2, 30]], "contour"),
    Case("normal + logistic", [["Normal", {}, 0.8], [*L, 0.6]], "contour"),
    Case("normal + gumbel", [["Normal", {}, 0.5], [*G, 1.0]], "contour"),
    Case("normal + gamma.5", [["Normal", {}, 0.5], [*HALF, 1.0]], "contour"),
    Case("normal + arcsine", [["Normal", {}, 0.25], ["Arcsine", {}, 1.0]], "contour"),
    Case("laplace + logistic", [["Laplace", {}, 0.5], [*L, 0.5]], "contour"),
    Case("exponential + normal + uniform",
         [["Exponential", {}, 0.5], ["Normal", {}, 0.25], [*U, 1.0]], "contour"),
]  # fmt: skip

N: tuple[str, dict[str, float]] = ("Normal", {})
A: tuple[str, dict[str, float]] = ("Arcsine", {})
T3: tuple[str, dict[str, float]] = ("StudentT", {"df": 3.0})

PAIRS = [
    Case("arcsine equal", [[*A, 0.5, 2]], "pair"),
    Case("arcsine (.6, .4)", [[*A, [0.6, 0.4]]], "pair"),
    Case("arcsine vicinity", [[*A, [1.0, 0.5]]], "pair"),
    Case("arcsine + uniform", [[*U, 0.3], [*A, 0.7]], "pair"),
    Case("beta(.5, .5) pair", [["Beta", {"a": 0.5, "b": 0.5}, [0.6, 0.4]]], "pair"),
    Case("beta(2, 3) pair", [["Beta", {"a": 2.0, "b": 3.0}, [0.6, 0.4]]], "pair"),
    Case("beta(.3, 2) pair", [["Beta", {"a": 0.3, "b": 2.0}, [0.6, 0.4]]], "pair"),
    Case("pareto1.5 equal", [["Pareto", {"b": 1.5}, 0.5, 2]], "pair"),
    Case("pareto1.5 (.6, .4)", [["Pareto", {"b": 1.5}, [0.6, 0.4]]], "pair"),
    Case("lognormal equal", [["LogNormal", {}, 0.5, 2]], "pair"),
    Case("lognormal (.6, .4)", [["LogNormal", {}, [0.6, 0.4]]], "pair"),
    Case("uniform + cauchy", [[*U, 1.0], ["Cauchy", {}, 0.1]], "pair"),
    Case("exponential + student3", [["Exponential", {}, 0.5], [*T3, 0.25]], "pair"),
    Case("laplace + cauchy", [["Laplace", {}, 0.5], ["Cauchy", {}, 0.25]], "pair"),
    Case("uniform + exponential + cauchy",
         [[*U, 1.0], ["Exponential", {}, 0.5], ["Cauchy", {}, 0.25]], "triple"),
    Case("normal + cauchy", [[*N, 0.5], ["Cauchy", {}, 0.5]], "pair"),
    Case("normal + student3", [[*N, 0.5], [*T3, 0.5]], "pair"),
    Case("normal + student2.5", [[*N, 1.0], ["StudentT", {"df": 2.5}, 0.1]], "pair"),
    Case("normal + lognormal", [[*N, 0.5], ["LogNormal", {}, 1.0]], "pair"),
    Case("normal + pareto1.5", [[*N, 0.5], ["Pareto", {"b": 1.5}, 1.0]], "pair"),
    Case("normal + levy", [[*N, 0.5], ["Levy", {}, 0.5]], "pair"),
]  # fmt: skip

CASES = RATIONAL + HEAVY + SMOOTHED + STABLE + SINGLE + CONTOUR + PAIRS
