"""Maxima and minima in a graph: of independent parts, once or again and again."""

from __future__ import annotations

from typing import Any

import numpy as np

from otmaps._estimators._splitting import chain, groups
from otmaps._expressions import Node

EXTREMES: dict[Any, float] = {np.maximum: 1.0, np.minimum: -1.0}


def extremes_of(root: Node) -> list[Node]:
    """The nodes of which the root is the largest, or the smallest, one of each group; or none."""
    function = root.function
    if not isinstance(function, np.ufunc) or function not in EXTREMES:
        return []
    return [members[0] for members in groups(chain(root, function))]


def lattice_of(root: Node) -> tuple[Any, list[Node]] | None:
    """The tree of maxima and minima of independent parts that the root is, and the parts."""
    leaves: list[Node] = []

    def tree(node: Node) -> Any:
        if isinstance(node.function, np.ufunc) and node.function in EXTREMES:
            return (node.function, *map(tree, node.arguments))
        if node not in leaves:
            leaves.append(node)
        return leaves.index(node)

    found = tree(root)
    independent = len(groups(leaves)) == len(leaves) > 1
    if not independent or any(node.constant is not None for node in leaves):
        return None
    return found, leaves
