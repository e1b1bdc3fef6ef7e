"""The law of a function that falls into independent parts, from the laws of the parts."""

from __future__ import annotations

import dataclasses
import functools
import math
import types
from collections.abc import Sequence
from typing import Any, final

import numpy as np

from otmaps._built_in import linear
from otmaps._discrete import Discrete
from otmaps._distribution import Distribution
from otmaps._errors import AccuracyError, UnservedError
from otmaps._estimators._base import Estimator, Inputs
from otmaps._estimators._closed_form import ClosedForm
from otmaps._estimators._conditioning import Conditioning
from otmaps._estimators._contour import Contour
from otmaps._estimators._convolution import Convolution
from otmaps._estimators._gates import chance_of
from otmaps._estimators._inheritance import inherited_errors
from otmaps._estimators._level_law import is_folded
from otmaps._estimators._products import product_law
from otmaps._estimators._quadratic_forms import quadratic, squares_of
from otmaps._estimators._ranges import range_law, range_of
from otmaps._estimators._ranks import EXTREMES, lattice_of
from otmaps._estimators._separable import is_gate, splits
from otmaps._estimators._splitting import (
    Linear,
    Problem,
    chain,
    factors,
    groups,
    linear_node,
    linear_terms,
    one_input_nodes,
    parts,
    problem_of,
    product_node,
    reduced,
    regrouped,
    rewritten,
)
from otmaps._estimators._steps import is_exact, law_of_step, serves_step
from otmaps._estimators._terms import term_of
from otmaps._expressions import Node
from otmaps._extremes import maximum, mixture
from otmaps._lattices import lattice, polynomial_of
from otmaps._mixture import Mixture
from otmaps._operations import Operation
from otmaps._priors import StudentT
from otmaps._restated import restated
from otmaps._stable import Stable
from otmaps._symbols import agrees

_WORST = 1e-3  # a larger error than this is no law
_PROBES = 64
_ROUNDING = 1.1e-15  # of a closed form: a mixture counts as much for its masses
_FEW = 2  # inputs of what is better not taken apart
_FINE = 1e-8  # the error at which it is better
_SHARE = 0.25  # of the tolerance, for each part


@final
@dataclasses.dataclass(frozen=True)
class Composition(Estimator):
    """Operations that fall into parts which share no input: each part has its own law.

    The function is traced into a graph of elementwise steps. Sums, products, extremes, gates and
    functions of one variable are taken apart where their arguments are independent, again and
    again: sums by the estimators for weighted sums, products by the sums of their logarithms,
    extremes, ranks, gates and monotone functions exactly. Equal parts are computed once. What
    cannot be taken apart goes to the first of ``estimators`` that serves it.

    Parameters
    ----------
    estimators : tuple of Estimator
        For weighted sums, and for what does not fall apart, in the order in which they are tried.

    Examples
    --------
    >>> import otmaps
    >>> product = otmaps.operation(lambda a, b: a * b)()
    >>> law = otmaps.pushforward(product, "exponential", method=otmaps.Composition())
    >>> law.method, round(law.cdf(1.0), 9)
    ('composition: sum of 2 parts by convolution, product of 2 parts', 0.720268236)
    """

    estimators: tuple[Estimator, ...] = (ClosedForm(), Contour(), Convolution(), Conditioning())

    @property
    def name(self) -> str:
        """The name that `method=` takes."""
        return "composition"

    def refuses(self, op: Operation, inputs: Inputs) -> str | None:
        """Why the estimator does not serve this case; None where it does."""
        if op.linear is not None:
            return "it is a weighted sum of its latents, which other methods serve"
        expression = op.expression
        if isinstance(expression, str):
            return f"its steps cannot be followed: {expression}"
        if not expression.root.latents:
            return "its result is a constant"
        for law in inputs:
            if not law.error < _WORST:
                return f"an input is known to {law.error:.2g} only, and sampling adds less"
        if not splits(expression, inputs):
            return "it does not fall into parts that share no input"
        rng = np.random.default_rng(0)
        draws = [np.asarray(law.rvs(_PROBES, rng)) for law in inputs]
        function = functools.partial(op.function, **op.parameters)
        if not agrees(expression, function, draws):
            return "it treats symbols and numbers differently"
        return None

    def law(self, op: Operation, inputs: Inputs, tol: float) -> Distribution:
        """The law of the result.

        Parameters
        ----------
        op : Operation
        inputs : tuple of Distribution
            One law for each latent.
        tol : float
            The bound on ``|cdf error|`` to aim at; each part is asked for a quarter of it.

        Raises
        ------
        UnservedError
            Where none of the ``estimators`` serves a part, and where `refuses` gives a reason.
        """
        expression = op.expression
        if isinstance(expression, str):
            raise UnservedError(f"{op.name} cannot be taken apart: {expression}.")
        solver = _Solver(self.estimators, inputs, _SHARE * tol)
        solver.top = expression.root
        law = solver.law(problem_of(expression.root, inputs))
        named = _named(law, f"{self.name}: {', '.join(solver.words)}")
        if max(solver.unstated) > 0.0:  # of laws with atoms, each of which is met once an input
            error, tail = (len(inputs) * each for each in solver.unstated)
            return restated(named, (error, tail), named.method)
        return named

    def recipe(self) -> dict[str, Any]:
        return {"estimator": self.name, "estimators": [e.recipe() for e in self.estimators]}


def _named(law: Distribution, how: str) -> Distribution:
    if law.method == "closed form":
        return law
    if isinstance(law, Mixture) and law.atoms:  # sums take it apart, so it stays a mixture
        return law.over([_named(part, how) for part in law.laws])
    return restated(law, (0.0, 0.0), how)


class _Solver:
    """The laws of problems, equal ones computed once."""

    def __init__(self, estimators: Sequence[Estimator], inputs: Inputs, tol: float) -> None:
        self.estimators = estimators
        self.inputs = inputs
        self.tol = tol
        self.top: Node | None = None
        self.words: dict[str, None] = {}
        self.unstated = (0.0, 0.0)
        self._laws: list[Distribution] = []
        self._known: dict[Any, Distribution] = {}

    def law(self, problem: Problem) -> Distribution:
        """The law of the value of the problem."""
        key = problem.expression.signature, *map(self._number, problem.laws)
        if key not in self._known:
            self._known[key] = self._solved(problem)
        return self._known[key]

    def total(self, weights: Sequence[float], laws: Sequence[Distribution]) -> Distribution:
        """The law of the weighted sum of independent variables."""
        terms = sorted((self._number(law), w) for law, w in zip(laws, weights, strict=True))
        key = ("sum", *terms)
        if key not in self._known:
            op = linear([w for _, w in terms])
            law = self._estimated(op, tuple(self._laws[number] for number, _ in terms))
            self._known[key] = self._seen(law, f"sum of {len(terms)} parts by {law.method}")
        return self._known[key]

    def _number(self, law: Distribution) -> int:
        """Equal laws have one number."""
        for number, other in enumerate(self._laws):
            if other is law or other == law:
                return number
        self._laws.append(law)
        return len(self._laws) - 1

    def _seen(self, law: Distribution, words: str) -> Distribution:
        self.words[words] = None
        return law

    def _worse(self, law: Distribution, errors: tuple[float, float]) -> Distribution:
        """The law with added errors; where it has atoms, which sums take apart, they are kept."""
        if not law.atoms:
            return restated(law, errors, law.method)
        self.unstated = self.unstated[0] + errors[0], self.unstated[1] + errors[1]
        return law

    def _estimated(self, op: Operation, laws: Inputs) -> Distribution:
        reasons = []
        for estimator in self.estimators:
            try:
                found = estimator.attempt(op, laws, self.tol)
            except AccuracyError as error:
                found = str(error)
            if isinstance(found, Distribution):
                return found
            reasons.append(f"{estimator.name}: {found}")
        raise UnservedError(
            f"no estimator serves a part of {len(laws)} inputs, {op.name}: {'; '.join(reasons)}."
        )

    def _solved(self, problem: Problem) -> Distribution:
        root = problem.root
        if root.function is None:
            value = root.constant
            return problem.laws[0] if value is None else Discrete([float(value)], [1.0])
        other = rewritten(problem.expression)
        if other is not None:
            return self.law(problem.part(other))
        whole, rest = [self._form, self._range], [self._gate, self._step, self._product]
        for rule in (*whole, self._sum, self._extreme, *rest, self._parts):
            law = rule(problem)
            if law is not None:
                return law
        return self._whole(problem)

    def _form(self, problem: Problem) -> Distribution | None:
        form = quadratic(problem.expression, problem.laws)
        found = None if form is None else squares_of(form, problem.laws)
        if found is None:
            return None
        alone = len(found.laws) == 1
        law = found.laws[0].affine(found.weights[0]) if alone else None
        law = (law or self.total(found.weights, found.laws)).affine(1.0, found.offset)
        words = f"quadratic form of {len(problem.laws)} normal inputs"
        return self._seen(self._worse(law, found.errors), words)

    def _range(self, problem: Problem) -> Distribution | None:
        if (found := range_of(problem.root)) is None:
            return None
        scale, nodes, shift = found
        laws = [self._quick(self.law(problem.part(node))) for node in nodes]
        try:
            law = range_law(laws, self.tol)
        except AccuracyError:  # other rules may do better
            return None
        return law and self._seen(law.affine(scale, shift), f"range of {len(nodes)} parts")

    def _sum(self, problem: Problem) -> Distribution | None:
        form = linear_terms(problem.root)
        if form.terms.keys() == {problem.root}:
            return None
        terms = form.terms
        found = groups(terms)
        if not found:
            return Discrete([form.offset], [1.0])
        weights, nodes = [], []
        for members in found:
            alone = len(members) == 1
            weights.append(terms[members[0]] if alone else 1.0)
            group = Linear({n: terms[n] for n in members}, 0.0)
            node = members[0] if alone else linear_node(problem.expression.graph, group)
            if node is problem.root:
                return None
            nodes.append(node)
        if len(nodes) > 1:
            whole = self._as_a_whole(problem)
            if whole is not None:
                return whole
        laws = [self.law(problem.part(node)) for node in nodes]
        law = laws[0].affine(weights[0]) if len(laws) == 1 else self.total(weights, laws)
        return law.affine(1.0, form.offset)

    def _extreme(self, problem: Problem) -> Distribution | None:
        function = problem.root.function
        sign = EXTREMES.get(function, 0.0)
        if not isinstance(function, np.ufunc) or not sign:
            return None
        nodes = chain(problem.root, function)
        constants = [sign * float(n.constant) for n in nodes if n.constant is not None]
        found = groups(node for node in nodes if node.latents)
        if len(found) == 1 and not constants:
            return self._ranked(problem)
        laws = []
        for members in found:
            node = functools.reduce(
                functools.partial(problem.expression.graph.step, function), members
            )
            part = self.law(problem.part(node)).affine(sign)
            laws.append(self._quick(part) if constants else part)
        law = maximum(laws, max(constants, default=None))
        if law is None:
            return None
        return self._seen(law.affine(sign), f"{function.__name__} of {len(nodes)} parts")

    def _ranked(self, problem: Problem) -> Distribution | None:
        if (found := lattice_of(problem.root)) is None:
            return None
        laws = [self.law(problem.part(node)) for node in found[1]]
        law = lattice(laws, polynomial_of(found[0]))
        return law and self._seen(law, f"ranks of {len(laws)} parts")

    def _gate(self, problem: Problem) -> Distribution | None:
        if not is_gate(problem.root):
            return None
        mask, *choices = problem.root.arguments
        graph = problem.expression.graph
        chance = chance_of(mask, graph, lambda node: self.law(problem.part(node)))
        if chance is None:
            return None
        laws = [self.law(problem.part(node)) for node in choices]
        if chance.error > _ROUNDING:
            errors = 2.0 * chance.error, chance.tail_error  # of both masses
            laws = [self._worse(law, errors) for law in laws]
        return self._seen(mixture(laws, [chance.holds, chance.fails]), "gate")

    def _quick(self, law: Distribution) -> Distribution:
        """A law that costs an integral, or special functions, at each point, as a table."""
        if not isinstance(law, Stable | StudentT):
            return law
        key = "table", self._number(law)
        if key not in self._known:
            self._known[key] = term_of(law, self.tol).law(0.0, law.method)
        return self._known[key]

    def _step(self, problem: Problem) -> Distribution | None:
        if not serves_step(problem.root):
            return None
        inner = next(node for node in problem.root.arguments if node.latents)
        return law_of_step(problem.root, self._quick(self.law(problem.part(inner))))

    def _product(self, problem: Problem) -> Distribution | None:
        exponents, constant = factors(problem.root)
        if exponents.keys() == {problem.root}:
            return None
        found = groups(exponents)
        graph = problem.expression.graph
        nodes = [
            (members[0], exponents[members[0]])
            if len(members) == 1
            else (product_node(graph, {n: exponents[n] for n in members}), 1.0)
            for members in found
        ]
        if len(nodes) < 2 and nodes[0][0] is problem.root:
            return None
        whole = self._as_a_whole(problem) if len(nodes) > 1 else None
        if whole is not None:
            return whole
        laws = [(self._quick(self.law(problem.part(node))), e) for node, e in nodes]
        law = product_law(laws, self.total)
        if law is None:
            return None
        law = law.affine(constant) if constant else Discrete([0.0], [1.0])
        return self._seen(law, f"product of {len(exponents)} parts")

    def _parts(self, problem: Problem) -> Distribution | None:
        root = regrouped(problem.expression)
        found = parts(root)
        if not found:
            return None
        laws = [self.law(problem.part(node)) for node in found]
        return self.law(reduced(root, problem.laws, found, laws))

    def _whole(self, problem: Problem) -> Distribution:
        """What does not fall apart; the errors of laws that were computed are passed on."""
        names = tuple(f"z{i + 1}" for i in range(len(problem.laws)))
        step = getattr(problem.root.function, "__name__", "step")
        op = Operation(step, names, types.MappingProxyType({}), problem.expression)
        law = self._estimated(op, problem.laws)
        if problem.root is not self.top and is_folded(law):
            # Sums ask a law for thousands of values, and for digits next to its poles.
            raise UnservedError(f"a part, {step}, is not monotone in its input")
        words = f"{step} of {len(names)} parts by {law.method}"
        given = self.inputs
        own = [i for i, z in enumerate(problem.laws) if not any(z is other for other in given)]
        error, tail = inherited_errors(problem.expression, problem.laws, own)
        if math.isinf(tail):
            # Closed forms are as good as inputs, whose tails the estimator takes as they are.
            rough = [i for i in own if problem.laws[i].method != "closed form"]
            tail = inherited_errors(problem.expression, problem.laws, rough)[1]
        if own:
            law = self._worse(law, (error, tail))
        return self._seen(law, words)

    def _as_a_whole(self, problem: Problem) -> Distribution | None:
        """What has two inputs at most, where a part of one input is not simpler than that."""
        if len(problem.laws) > _FEW or all(map(is_exact, one_input_nodes(problem.root))):
            return None
        try:
            law = self._whole(problem)
        except UnservedError:
            return None
        return law if law.error <= _FINE else None
