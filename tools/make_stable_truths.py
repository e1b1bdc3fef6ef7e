"""Write tests/data/stable.json: tails and densities of stable laws to 25 digits, in mpmath.

None of the routes is the integral that the library sums. Totally skewed laws in their light tail:
Bromwich's integral of the Laplace transform, along the vertical line through its saddle point.
Other laws of alpha not 1: the power series in x or in x^-alpha, whichever converges or is
asymptotic to 25 digits, else the characteristic function along a ray on which it falls. Other laws
of alpha = 1: that along -i times a half line, or along the real axis near the centre.

Run it by hand when a case is added: python tools/make_stable_truths.py
"""

from __future__ import annotations

import itertools
import json
from pathlib import Path
from typing import Any

import mpmath as mp

import otmaps

ALPHAS = [0.5, 0.8, 1.0, 1.2, 1.5, 1.9, 2.0]
BETAS = [0.0, 0.5, -0.5, 1.0, -1.0]
# slow decay, nearly 1, and nearly one-sided
MORE = [
    *((alpha, beta) for alpha in (0.1, 0.95, 0.995, 1.01, 1.05) for beta in (0.0, 0.3, -0.3)),
    *((1.0, beta) for beta in (0.05, -0.05, 0.9, -0.999)),
    *((alpha, beta) for alpha in (0.95, 1.01, 1.05, 1.98) for beta in (-0.9, 0.999999, -0.999999)),
    *((alpha, beta) for alpha in (0.3, 0.95) for beta in (1.0,)),
    *((alpha, beta) for alpha in (1.01, 1.05, 1.98) for beta in (1.0, -1.0)),
]
LEVELS = [0.7, 0.4, 0.1, 1e-2, 1e-4, 1e-8, 1e-16, 1e-30, 1e-60, 1e-120, 1e-200, 1e-300]
DIGITS = 25


def scales(alpha: Any, beta: Any) -> tuple[Any, Any]:
    """cos(alpha theta_0) and pi P(X > 0)."""
    theta = mp.atan(beta * mp.tan(mp.pi * alpha / 2)) / alpha
    return mp.cos(alpha * theta), mp.pi / 2 + theta


def sum_of_terms(term: Any, most: int) -> Any:
    """The sum of term(1), term(2), ... and its error relative to it; stops where terms grow."""
    total, previous, largest = mp.mpf(0), None, mp.mpf(0)
    small = 0
    for n in range(1, most):
        value, size = term(n)
        total += value
        largest = max(largest, size)
        small = small + 1 if size < abs(total) * mp.mpf(10) ** (-DIGITS - 5) else 0
        if small > 5:
            return total, largest * mp.eps / abs(total) if total else mp.inf
        previous = size
    return total, mp.inf if previous is None else previous / abs(total)


def by_powers_of_x(alpha: Any, beta: Any, x: Any) -> tuple[Any, Any, Any]:
    """Tail, density and relative error; converges for alpha > 1."""
    c, angle = scales(alpha, beta)
    X = x * c ** (1 / alpha)

    def term(n: int) -> tuple[Any, Any]:
        size = mp.exp(mp.loggamma(n / alpha + 1) - mp.loggamma(n + 1) + n * mp.log(X)) / mp.pi
        return (-1) ** (n - 1) * size * mp.sin(n * angle) / n, size

    def slope(n: int) -> tuple[Any, Any]:
        value, size = term(n)
        return value * n / x, size / x

    body, gap = sum_of_terms(term, 20000)
    density, other = sum_of_terms(slope, 20000)
    tail = angle / mp.pi - body
    return tail, density, max(gap * abs(body / tail), other)


def by_powers_of_1_over_x(alpha: Any, beta: Any, x: Any) -> tuple[Any, Any, Any]:
    """Tail, density and relative error; converges for alpha < 1 and is asymptotic above."""
    c, angle = scales(alpha, beta)
    most = 4000
    if alpha > 1:  # up to the smallest term
        most = max(
            2,
            int(min(2000, ((x**alpha * c) ** (1 / (alpha - 1)) / alpha ** (alpha / (alpha - 1))))),
        )

    def term(n: int) -> tuple[Any, Any]:
        size = (
            mp.exp(mp.loggamma(n * alpha) - mp.loggamma(n + 1) - n * mp.log(x**alpha * c)) / mp.pi
        )
        return (-1) ** (n - 1) * size * mp.sin(n * alpha * angle), size

    def slope(n: int) -> tuple[Any, Any]:
        value, size = term(n)
        return value * n * alpha / x, size * n * alpha / x

    tail, gap = sum_of_terms(term, most)
    density, other = sum_of_terms(slope, most)
    return tail, density, max(gap, other)


def by_bromwich(alpha: Any, y: Any) -> tuple[Any, Any]:
    """P(Y <= y) and density for beta = 1: log E exp(-uY) is -u^alpha / cos(pi alpha / 2)."""
    if alpha == 1:

        def power(u: Any) -> Any:
            return 2 / mp.pi * u * mp.log(u)

        saddle = mp.exp(-mp.pi * y / 2 - 1)
        width = mp.sqrt(mp.pi / 2 * saddle)
    else:
        factor = -1 / mp.cos(mp.pi * alpha / 2)

        def power(u: Any) -> Any:
            return factor * u**alpha

        saddle = (-y / (alpha * factor)) ** (1 / (alpha - 1))
        width = 1 / mp.sqrt(abs(factor * alpha * (alpha - 1)) * saddle ** (alpha - 2))
    peak = saddle * y + power(saddle)
    width = width / saddle if alpha < 1 else width

    def path(v: Any) -> tuple[Any, Any]:
        """A point and its derivative over i: a parabola to the left where that helps."""
        if alpha < 1:
            return saddle * (1 + 1j * v) ** 2, 2 * saddle * (1 + 1j * v)
        return saddle + 1j * v, 1

    def integrand(v: Any) -> Any:
        u, slope = path(v)
        return slope * mp.exp(u * y + power(u) - peak)

    panels, reach = [mp.mpf(0)], width
    while mp.fabs(integrand(panels[-1])) > mp.mpf(10) ** -35 and len(panels) < 400:
        panels.append(panels[-1] + reach)
        reach *= mp.mpf("1.15")
    tail = mp.quad(lambda v: mp.re(integrand(v) / path(v)[0]), panels)
    density = mp.quad(lambda v: mp.re(integrand(v)), panels)
    return tail * mp.exp(peak) / mp.pi, density * mp.exp(peak) / mp.pi


def by_laplace(beta: Any, x: Any) -> tuple[Any, Any]:
    """Tail and density for alpha = 1, along -i times the half line."""

    def weight(s: Any) -> Any:
        return mp.exp(-x * s - 2 / mp.pi * beta * s * mp.log(s))

    end = 90 / max(x, mp.mpf(1))
    if beta > 0:
        end = max(end if x > 1 else mp.mpf(0), mp.mpf(60) if x < 1 else end)
        while weight(end) > mp.mpf(10) ** -45:
            end *= mp.mpf("1.2")
    panels = [0, *(end * mp.mpf(2) ** -k for k in range(60, 0, -1))]
    panels += [end * (mp.mpf(1) / 2 + mp.mpf(k) / 32) for k in range(1, 17)]
    k = 1 + beta
    # mpmath asks for an absolute accuracy: so the integrals are made about 1.
    size = mp.quad(lambda s: weight(s) / end, panels)
    tail = mp.quad(lambda s: weight(s) * mp.sin(k * s) / s / (size * end), panels)
    density = mp.quad(lambda s: weight(s) * mp.sin(k * s) / (size * end) ** 2, panels)
    return tail * size * end / mp.pi, density * (size * end) ** 2 / mp.pi


def by_fourier(beta: Any, x: Any) -> tuple[Any, Any]:
    """Tail and density for alpha = 1, along the real axis."""

    def phase(s: Any) -> Any:
        return x * s + 2 / mp.pi * beta * s * mp.log(s)

    panels = [0, *(mp.mpf(2) ** -k for k in range(70, 0, -1)), *range(1, 75)]
    tail = mp.quad(lambda s: -mp.exp(-s) * mp.sin(phase(s)) / s, panels)
    density = mp.quad(lambda s: mp.exp(-s) * mp.cos(phase(s)), panels)
    return mp.mpf(1) / 2 + tail / mp.pi, density / mp.pi


def by_ray(alpha: Any, beta: Any, x: Any) -> tuple[Any, Any]:
    """Tail and density for x > 0, along a ray below the real axis where nothing grows."""
    theta = scales(alpha, beta)[1] - mp.pi / 2
    turn = min((mp.mpf("1.35") - alpha * theta) / alpha, mp.mpf("1.5"))
    if turn < mp.mpf("0.02"):
        turn = (mp.pi / 2 - alpha * theta) / alpha / 2
    factor = (1 - 1j * beta * mp.tan(mp.pi * alpha / 2)) * mp.expj(-alpha * turn)
    step = -1j * x * mp.expj(-turn)

    def transform(s: Any) -> Any:
        return mp.exp(step * s - factor * s**alpha)

    end = mp.mpf(1)
    while mp.fabs(transform(end)) > mp.mpf(10) ** -55:
        end *= mp.mpf("1.3")
    panels = [0, *(end * mp.mpf(2) ** -k for k in range(int(200 / alpha), 0, -1))]
    panels += [end * (mp.mpf(1) / 2 + mp.mpf(k) / 64) for k in range(1, 33)]
    with mp.workdps(60):
        tail = mp.quad(lambda s: mp.im(transform(s)) / s, panels)
        density = mp.quad(lambda s: mp.re(mp.expj(-turn) * transform(s)), panels)
        return mp.mpf(1) / 2 - turn / mp.pi + tail / mp.pi, density / mp.pi


def truth(alpha: float, beta: float, x: float) -> tuple[Any, Any, Any]:
    """P(X > x), P(X <= x) and the density at x."""
    a, b, point = mp.mpf(alpha), mp.mpf(beta), mp.mpf(x)
    if alpha != 1.0 and x < 0:
        upper, lower, density = truth(alpha, -beta, -x)
        return lower, upper, density
    if alpha == 2.0:
        density = mp.exp(-point * point / 4) / (2 * mp.sqrt(mp.pi))
        return mp.erfc(point / 2) / 2, mp.erfc(-point / 2) / 2, density
    if beta == -1.0 and alpha >= 1.0 and otmaps.Stable(alpha, beta).sf(x) < 0.5:
        tail, density = by_bromwich(a, -point)
        return tail, 1 - tail, density
    if beta == 1.0 and alpha < 1.0 and otmaps.Stable(alpha, beta).cdf(x) < 0.5:
        tail, density = by_bromwich(a, point)
        return 1 - tail, tail, density
    if alpha == 1.0:
        route = by_laplace if x > 6 or (beta > 0 and x > 0) else by_fourier
        tail, density = route(b, point)
        return tail, 1 - tail, density
    for digits in (60, 200):
        with mp.workdps(digits):
            tail, density, gap = by_powers_of_1_over_x(a, b, point)
            if gap > mp.mpf(10) ** -DIGITS and alpha > 1:
                tail, density, gap = by_powers_of_x(a, b, point)
            if gap < mp.mpf(10) ** -DIGITS:
                return tail, 1 - tail, density
    tail, density = by_ray(a, b, point)
    return tail, 1 - tail, density


def main() -> None:
    """Compute all cases and write the file."""
    mp.mp.dps = 45
    out = []
    for alpha, beta in [*itertools.product(ALPHAS, BETAS), *MORE]:
        law = otmaps.Stable(alpha, beta)
        if alpha < 1.0 and beta == -1.0:  # nothing above 0; the lower tail is that of beta = 1
            continue
        points = sorted({float(f"{x:.6g}") for x in law.isf(LEVELS) if abs(x) < 1e305})
        if alpha < 1.0 and beta == 1.0:
            lower = [x for x in law.ppf(LEVELS[1:]) if x > 0]
            points = sorted({*points, *(float(f"{x:.6g}") for x in lower)})
        for x in points:
            values = [mp.nstr(mp.log(v), DIGITS) for v in truth(alpha, beta, x)]
            row = zip(("logsf", "logcdf", "logpdf"), values, strict=True)
            out.append({"alpha": alpha, "beta": beta, "x": x, **dict(row)})
    path = Path(__file__).parents[1] / "tests" / "data" / "stable.json"
    path.write_text(json.dumps(out, indent=0) + "\n")


if __name__ == "__main__":
    main()
