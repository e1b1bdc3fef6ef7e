"""Maps as bytes, and the key under which a store holds them."""

from __future__ import annotations

import contextlib
import warnings
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from otmaps._distribution import Distribution
from otmaps._errors import StoreWarning, TableError
from otmaps._format import pack, table_key, unpack
from otmaps._map import MonotoneMap
from otmaps._operations import Operation
from otmaps._stores import Opened, Store

if TYPE_CHECKING:
    from otmaps._estimators import Estimator

__all__ = [
    "ALGORITHM",
    "TableError",
    "fetch_map",
    "from_bytes",
    "load_map",
    "map_recipe",
    "table_key",
    "to_bytes",
]

# Raise it with every change that moves a table by more than rounding: laws, estimators, maps.
ALGORITHM = 4


def map_recipe(
    op: Operation,
    inputs: Sequence[Distribution],
    prior: Distribution,
    method: str | Estimator = "auto",
    tol: float = 1e-9,
) -> dict[str, Any] | None:
    """What rebuilds the map of a matched operation, in JSON types.

    Parameters
    ----------
    op : Operation
    inputs : sequence of Distribution
        The law of each latent, in order.
    prior : Distribution
        The target of the map.
    method : "auto" or Estimator
    tol : float

    Returns
    -------
    dict or None
        None where the operation or a law has no recipe, such as a function without a version:
        then the map must not be stored.
    """
    parts = op.recipe(), prior.recipe(), [law.recipe() for law in inputs]
    return joined_recipe(*parts, method=method, tol=tol)


def joined_recipe(
    operation: Mapping[str, Any] | None,
    prior: Mapping[str, Any] | None,
    inputs: Sequence[Mapping[str, Any] | None],
    *,
    method: str | Estimator,
    tol: float,
) -> dict[str, Any] | None:
    """The recipe of a map from those of its parts; None where one of them has none."""
    if operation is None or prior is None or None in inputs:
        return None
    return {
        "algorithm": ALGORITHM,
        "inputs": list(inputs),
        "method": method if isinstance(method, str) else method.recipe(),
        "operation": operation,
        "prior": prior,
        "tol": float(tol).hex(),
    }


def to_bytes(T: MonotoneMap, recipe: dict[str, Any]) -> bytes:
    """The map as the bytes of a table file; equal maps give equal bytes.

    Parameters
    ----------
    T : MonotoneMap
    recipe : dict
        What rebuilds it, from `map_recipe`.
    """
    return pack(T.arrays(), recipe, {"algorithm": ALGORITHM, "certificate": T.metadata()})


def from_bytes(data: bytes, key: str | None = None) -> tuple[MonotoneMap, dict[str, Any]]:
    """The map in the bytes of a table file, and its recipe.

    Parameters
    ----------
    data : bytes
        Anything: all of it is checked before any of it is believed.
    key : str, optional
        The key that the recipe must have.

    Raises
    ------
    TableError
        For everything but an undamaged table of this version of the format and the algorithm.
    """
    arrays, document = unpack(data, key)
    algorithm, certificate = document.get("algorithm"), document.get("certificate")
    if type(algorithm) is not int or algorithm != ALGORITHM:
        raise TableError(f"it was computed by algorithm {algorithm!r}, not by {ALGORITHM}")
    if not isinstance(certificate, dict):
        raise TableError("it has no certificate")
    try:
        with np.errstate(all="ignore"):  # numbers of anyone's; the checks refuse what overflows
            T = MonotoneMap.from_arrays(arrays, certificate)
    except (ValueError, TypeError, KeyError) as error:
        raise TableError(f"it is not a monotone map: {error}") from error
    return T, document["recipe"]


# 32 MiB of files, so about 64 MiB in all.
_OPENED: Opened[MonotoneMap] = Opened(2**25)


def _opened(data: bytes, key: str) -> MonotoneMap:
    """The map of `from_bytes`, made once from equal bytes."""
    T = _OPENED.get(key, data)
    if T is None:
        T = from_bytes(data, key)[0]
        _OPENED.put(key, data, T)
    return T


def load_map(store: Store, recipe: dict[str, Any]) -> MonotoneMap | None:
    """The map of a recipe where the store has it, verified; a bad table is a warning and None."""
    key = table_key(recipe)
    data = store.get(key)
    if data is None:
        return None
    try:
        return _opened(data, key)
    except TableError as error:
        warnings.warn(
            f"the table {key} of {store!r} is not used but built anew: {error}.",
            StoreWarning,
            stacklevel=2,
        )
        return None


def fetch_map(
    store: Store, recipe: dict[str, Any], build: Callable[[], MonotoneMap]
) -> MonotoneMap:
    """The map of a recipe: from the store, or else built by one of those who want it, and kept."""
    found = load_map(store, recipe)
    if found is not None:
        return found
    key = table_key(recipe)
    with store.building(key):
        # Another may have built it while this one waited; a bad table was warned of above.
        data = store.get(key)
        if data is not None:
            with contextlib.suppress(TableError):
                return _opened(data, key)
        T = build()
        store.put(key, to_bytes(T, recipe))
    return T
