"""Operations with known laws as plain functions of NumPy arrays, by the names in the table.

They know nothing of otmaps, so that the truths can be held against draws without it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

SPIKES = {"spike": 1e-3, "narrow spike": 1e-4}  # half widths
MIDDLE = 0.3  # of the spikes
RIPPLE = 1.5e-3  # times 1000 it is above 1: the wavy function falls on a third of its way
EPSILON = 0.5  # of the vicinity


def sharpen(width: float) -> Callable[[Any], Any]:
    """The identity with a spike of height 2 on it."""
    return lambda z: z + 2.0 / (1.0 + ((z - MIDDLE) / width) ** 2)


def middle(a: Any, b: Any, c: Any) -> Any:
    return np.maximum(np.minimum(a, b), np.minimum(np.maximum(a, b), c))


def largest(*z: Any) -> Any:
    out = z[0]
    for x in z[1:]:
        out = np.maximum(out, x)
    return out


def smallest(*z: Any) -> Any:
    out = z[0]
    for x in z[1:]:
        out = np.minimum(out, x)
    return out


def largest_of_six(a: Any, b: Any, c: Any, d: Any, e: Any, f: Any) -> Any:  # noqa: PLR0917 - latents
    return largest(a, b, c, d, e, f)


def smallest_of_eight(  # noqa: PLR0917 - latents
    a: Any, b: Any, c: Any, d: Any, e: Any, f: Any, g: Any, h: Any
) -> Any:
    return smallest(a, b, c, d, e, f, g, h)


def second_of_four(a: Any, b: Any, c: Any, d: Any) -> Any:
    """The second largest: the loser of the final, or the better one of the other losers."""
    first, second = np.maximum(a, b), np.maximum(c, d)
    losers = np.maximum(np.minimum(a, b), np.minimum(c, d))
    return np.maximum(np.minimum(first, second), losers)


def vicinity_lerp(z: Any, u: Any) -> Any:
    """The midpoint of a latent and its own matched vicinity."""
    return 0.5 * z + 0.5 * (z + EPSILON * u) / np.sqrt(1.0 + EPSILON**2)


ONE: dict[str, Callable[..., Any]] = {
    "identity": lambda z: +z,
    "square": lambda z: z * z,
    "cube": lambda z: z**3,
    "cubic": lambda z: z**3 - 3.0 * z,
    "exp": np.exp,
    "abs": np.abs,
    "sin": np.sin,
    "sin pi": lambda z: np.sin(np.pi * z),
    "arctan": np.arctan,
    "tanh": np.tanh,
    "reciprocal": lambda z: 1.0 / z,
    "softplus": lambda z: np.logaddexp(0.0, z),
    "clip": lambda z: np.clip(z, -1.0, 1.5),
    "floor": np.floor,
    "sign": np.sign,
    "relu": lambda z: np.maximum(z, 0.0),
    "floored at one half": lambda z: np.maximum(z, 0.5),
    "torn": lambda z: np.where(z < 0.0, 0.5 * z, 2.0 * z + 1.0),
    "folded": lambda z: np.where(z < 0.0, -z, z * z),
    "wavy": lambda z: z + RIPPLE * np.sin(1000.0 * z),
    "stairs": lambda z: z + 0.001 * np.sin(1000.0 * z),
    **{name: sharpen(width) for name, width in SPIKES.items()},
}

TWO: dict[str, Callable[..., Any]] = {
    "product": lambda a, b: a * b,
    "ratio": lambda a, b: a / b,
    "max": np.maximum,
    "min": np.minimum,
    "where less": lambda a, b: np.where(a < b, a, b),
    "norm": lambda a, b: np.sqrt(a * a + b * b),
    "sum of squares": lambda a, b: a * a + b * b,
    "arctan of ratio": lambda a, b: np.arctan(a / b),
    "arctan2": np.arctan2,
    "distance": lambda a, b: np.abs(a - b),
    "times exp": lambda a, b: a * np.exp(b),
    "power": lambda a, b: a**b,
    "share": lambda a, b: a / (a + b),
    "gate": lambda a, b: a / (1.0 + np.exp(-b)),
    "leaky gate": lambda a, b: np.where(b > 0.0, a, 2.0 * a),
    "mask": lambda a, b: a * (b > 0.0),
    "product plus": lambda a, b: a * b + a,
    "plus square": lambda a, b: a + b * b,
    "Box-Muller": lambda a, b: np.cos(2.0 * np.pi * a) * np.sqrt(-2.0 * np.log(b)),
    "times cos": lambda a, b: a * np.cos(b),
    "normalised": lambda a, b: a / np.sqrt(a * a + b * b),
    "clipped sum": lambda a, b: np.clip(a + b, -1.0, 1.0),
    "floor of sum": lambda a, b: np.floor(a + b),
    "root times": lambda a, b: np.sqrt(a) * b,
    "over root": lambda a, b: a / np.sqrt(b),
    "vicinity lerp": vicinity_lerp,
    "softmax": lambda a, b: np.exp(a) / (np.exp(a) + np.exp(b)),
}

THREE: dict[str, Callable[..., Any]] = {
    "product of three": lambda a, b, c: a * b * c,
    "product plus other": lambda a, b, c: a * b + c,
    "norm of three": lambda a, b, c: np.sqrt(a * a + b * b + c * c),
    "median": middle,
    "sum times": lambda a, b, c: (a + b) * c,
    "all pairs": lambda a, b, c: a * b + b * c + c * a,
    "max minus": lambda a, b, c: np.maximum(a, b) - c,
    "gate plus": lambda a, b, c: a / (1.0 + np.exp(-b)) + c,
    "chosen": lambda a, b, c: np.where(a > 0.0, b, c),
    "product over": lambda a, b, c: a * b / c,
}

MORE: dict[str, Callable[..., Any]] = {
    "product of four": lambda a, b, c, d: a * b * c * d,
    "product of five": lambda a, b, c, d, e: a * b * c * d * e,
    "product of eight": lambda a, b, c, d, e, f, g, h: a * b * c * d * e * f * g * h,
    "squares of eight": lambda a, b, c, d, e, f, g, h: (
        a * a + b * b + c * c + d * d + e * e + f * f + g * g + h * h
    ),
    "norm of five": lambda a, b, c, d, e: np.sqrt(a * a + b * b + c * c + d * d + e * e),
    "max of six": largest_of_six,
    "min of eight": smallest_of_eight,
    "sum of products": lambda a, b, c, d: a * b + c * d,
    "determinant": lambda a, b, c, d: a * b - c * d,
    "share of sums": lambda a, b, c, d: (a + b) / (a + b + c + d),
    "range of four": lambda a, b, c, d: largest(a, b, c, d) - smallest(a, b, c, d),
    "second of four": second_of_four,
    "max of sums": lambda a, b, c, d: np.maximum(a + b, c + d),
    "min of maxima": lambda a, b, c, d: np.minimum(np.maximum(a, b), np.maximum(c, d)),
    "softmin of four": lambda a, b, c, d: (
        np.exp(-a) / (np.exp(-a) + np.exp(-b) + np.exp(-c) + np.exp(-d))
    ),
    "normalised of four": lambda a, b, c, d: a / np.sqrt(a * a + b * b + c * c + d * d),
    "geometric mean of four": lambda a, b, c, d: (a * b * c * d) ** 0.25,
    "geometric mean of six": lambda a, b, c, d, e, f: (a * b * c * d * e * f) ** (1.0 / 6.0),
    "quadratic form": lambda a, b, c, d: a * a + b * b + 2.0 * (c * c + d * d),
    "hyperbolic form": lambda a, b, c, d: a * a + b * b - c * c - d * d,
    "ratio of squares": lambda a, b, c, d: (a * a + b * b) / (c * c + d * d),
    "t statistic": lambda a, b, c, d: a / np.sqrt((b * b + c * c + d * d) / 3.0),
    "times exp of sum": lambda a, b, c, d: a * np.exp(0.3 * (b + c - d)),
    "clipped sum of four": lambda a, b, c, d: np.clip(a + b + c + d, -1.0, 3.0),
}

FUNCTIONS: dict[str, Callable[..., Any]] = {**ONE, **TWO, **THREE, **MORE}
