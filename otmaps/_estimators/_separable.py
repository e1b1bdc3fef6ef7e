"""Whether a function falls into parts that share no input."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np

from otmaps._distribution import Distribution
from otmaps._estimators._quadratic_forms import quadratic
from otmaps._estimators._ranges import range_of
from otmaps._estimators._ranks import extremes_of, lattice_of
from otmaps._estimators._splitting import factors, groups, linear_terms, parts, regrouped, rewritten
from otmaps._estimators._steps import serves_step
from otmaps._expressions import Expression, Node


def splits(expression: Expression, inputs: Sequence[Distribution]) -> bool:
    """Whether some rule takes the root apart, or a root that is only scaled."""
    root = expression.root
    if quadratic(expression, inputs) is not None or range_of(root) is not None:
        return True
    terms = linear_terms(root).terms
    if terms.keys() == {root}:
        return (
            len(groups(factors(root)[0])) > 1
            or is_gate(root)
            or len(extremes_of(root)) > 1
            or lattice_of(root) is not None
            or serves_step(root)
            or rewritten(expression) is not None
            or bool(parts(regrouped(expression)))
        )
    if len(groups(terms)) > 1:
        return True
    if len(terms) > 1:
        return bool(parts(regrouped(expression)))
    only = next(iter(terms))
    return only.function is None or splits(dataclasses.replace(expression, root=only), inputs)


def is_gate(root: Node) -> bool:
    """Whether the root is a choice between values that share no input with the condition."""
    if root.function is not np.where:
        return False
    mask, *choices = root.arguments
    return not mask.latents & choices[0].latents.union(choices[1].latents)
