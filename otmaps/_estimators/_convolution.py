"""The law of a weighted sum of independent inputs, by quadrature of positive terms."""

from __future__ import annotations

import dataclasses
import heapq
import itertools
from fractions import Fraction
from typing import NamedTuple, final

from otmaps._closed_forms import combined
from otmaps._distribution import Distribution
from otmaps._errors import AccuracyError
from otmaps._estimators._atoms import MOST_ATOMS, parts_of, sum_with_atoms
from otmaps._estimators._base import Estimator, Inputs
from otmaps._estimators._sums import sum_of
from otmaps._estimators._terms import Term, moments_of, term_of
from otmaps._operations import Operation

_WORST = 1e-3  # a larger error than this is no law
_FINEST = 1e-13  # rounding: no table is asked for more
_MOST_PARTS = 32  # of a mixture that is tabulated
_SHARE = 0.1  # of the tolerance, for the measured gap of one table


@final
@dataclasses.dataclass(frozen=True)
class Convolution(Estimator):
    """Numerical convolution: linear operations of any continuous laws.

    F_Y(y) = integral of F_1((y - w_2 z) / w_1) f_2(z) dz is summed from positive terms by
    Gauss-Legendre rules between breakpoints, which keeps the relative accuracy of both tails, and
    tabulated on pieces; more than two inputs are added two by two, the narrowest first, and sums
    that are multiples of one another are computed once. Errors are measured against a finer
    quadrature with the roles of both inputs exchanged, at points off the nodes, doubled, and added
    up. They hold for tails down to 1e-300; the logarithms hold to the same relative error down to
    about exp(-10,000), and go on as the table ends beyond.

    Examples
    --------
    >>> import otmaps
    >>> law = otmaps.pushforward(otmaps.lerp(0.3), "laplace", method=otmaps.Convolution())
    >>> law.method, law.error < 1e-12
    ('convolution', True)
    """

    @property
    def name(self) -> str:
        """The name that `method=` takes."""
        return "convolution"

    def refuses(self, op: Operation, inputs: Inputs) -> str | None:
        """Why the estimator does not serve this case; None where it does."""
        if op.linear is None:
            return "it is not linear in its latents"
        used = [law for law, w in zip(inputs, op.linear.weights, strict=True) if w != 0.0]
        if not used:
            return "all its weights are 0, so the result is a constant"
        count = 1
        for law in used:
            parts = parts_of(law)
            if parts is None:
                where, mass = max(law.atoms, key=lambda atom: atom[1])
                return (
                    f"an input has an atom at {where} of probability {mass:.6g}, and is neither "
                    "a Discrete law nor a Mixture"
                )
            count *= len(parts)
            if not law.error < _WORST:
                return f"an input is known to {law.error:.2g} only, and sampling adds less"
        if count > MOST_ATOMS:
            return f"its inputs have {count} combinations of atoms, more than {MOST_ATOMS}"
        return None

    def law(self, op: Operation, inputs: Inputs, tol: float) -> Distribution:
        """The law of the result.

        Parameters
        ----------
        op : Operation
        inputs : tuple of Distribution
            One law for each latent.
        tol : float
            The bound on ``|cdf error|`` to aim at; `error`, `tail_error` and `density_error` of the
            law are what was reached, the last two down to 1e-300.

        Raises
        ------
        AccuracyError
            Where the error that was reached is above 1e-3.
        """
        linear = op.linear
        if linear is None:
            raise ValueError(f"{op.name} is not linear in its latents; use another method.")
        terms = [(w, law) for law, w in zip(inputs, linear.weights, strict=True) if w != 0.0]
        if len(terms) == 1:
            return terms[0][1].affine(terms[0][0], linear.offset)
        joined = combined(linear, inputs)
        # A closed form for all of it is another estimator, which this one is a second opinion on.
        left = joined if len(joined) > 1 else terms
        adder = _Adder(max(_SHARE * tol, _FINEST))
        if not any(law.atoms for _, law in left):
            total = adder.total(left)
        else:
            mixture = sum_with_atoms(left, lambda part: adder.total(part).law(0.0, self.name))
            if mixture.atoms or len(mixture.laws) > _MOST_PARTS:
                return mixture.affine(1.0, linear.offset)
            total = term_of(mixture, adder.tol)
            if not total.errors[0] <= max(tol, 2.0 * mixture.error):
                return mixture.affine(1.0, linear.offset)  # exact, and slower to evaluate
        if not total.errors[0] < _WORST:
            raise AccuracyError(
                f"The convolution for {op.name} reached an error of {total.errors[0]:.2g} only; "
                'use method="Monte Carlo".'
            )
        return dataclasses.replace(total, moments=moments_of(terms)).law(linear.offset, self.name)


class _Scaled(NamedTuple):
    """A multiple of a term known by its number."""

    number: int
    scale: float


class _Adder:
    """Sums of laws two by two; multiples of one sum are computed once."""

    def __init__(self, tol: float) -> None:
        self.tol = tol
        self.known: list[Term] = []
        self.inputs: list[tuple[Distribution, int]] = []
        self.sums: dict[tuple[_Scaled, _Scaled], int] = {}

    def total(self, terms: list[tuple[float, Distribution]]) -> Term:
        """The term of the sum, the narrowest inputs first, so that equal ones are squared."""
        parts = []
        for weight, law in terms:
            size = abs(weight) if law.symmetry == 0.0 else weight
            parts.append(_Scaled(self._number(law), size))
        ticket = itertools.count()
        heap = [(self._width(part), next(ticket), part) for part in parts]
        heapq.heapify(heap)
        while len(heap) > 1:
            part = self._sum(heapq.heappop(heap)[2], heapq.heappop(heap)[2])
            heapq.heappush(heap, (self._width(part), next(ticket), part))
        return self._term(heap[0][2])

    def _number(self, law: Distribution) -> int:
        """Where the term of an input is known; equal inputs are tabulated once."""
        for other, number in self.inputs:
            if other == law:
                return number
        self.known.append(term_of(law, self.tol))
        self.inputs.append((law, len(self.known) - 1))
        return len(self.known) - 1

    def _width(self, part: _Scaled) -> float:
        return abs(part.scale) * self.known[part.number].scale

    def _term(self, part: _Scaled) -> Term:
        return self.known[part.number].scaled(part.scale)

    def _sum(self, a: _Scaled, b: _Scaled) -> _Scaled:
        """Both in units of the first one's scale, so that equal ratios are found again."""
        first, second = sorted((a, b))
        ratio = second.scale / first.scale
        # Rounded ratios would move the ends of the support.
        exact = Fraction(ratio) * Fraction(first.scale) == Fraction(second.scale)
        unit = first.scale if exact else 1.0
        pair = first._replace(scale=first.scale / unit), second._replace(scale=second.scale / unit)
        if pair not in self.sums:
            self.known.append(sum_of(self._term(pair[0]), self._term(pair[1]), self.tol))
            self.sums[pair] = len(self.known) - 1
        return _Scaled(self.sums[pair], unit)
