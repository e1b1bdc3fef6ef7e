"""The result of `otmaps.mismatch`."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from otmaps._notebook import mismatch_html
from otmaps._one_sided_priors import Gamma

FIGURES = (
    "kl",
    "w1",
    "w2",
    "ks",
    "norm_shift",
    "norm_mean",
    "norm_std",
    "prior_norm_mean",
    "prior_norm_std",
)
COMPONENT, NORM, WORST = "one component", "the norm", "the worst component"
_MAPPINGS = ("error", "reasons")
_TITLES = (
    "KL(law of y || prior), nats",
    "Wasserstein-1 ({cost})",
    "Wasserstein-2",
    "KS distance of {judged}",
    "E|y|^2 / E|z|^2",
    "E|y|^2",
    "sd of |y|^2",
    "E|z|^2",
    "sd of |z|^2",
)


@dataclasses.dataclass(frozen=True)
class Mismatch:
    """How far the law of a raw result y is from the prior, for latents of ``dim`` components.

    Attributes
    ----------
    dim : int
    kl : float
        Kullback-Leibler divergence of the law of y from the prior, in nats: for independent
        components of one law ``dim`` times that of one (Agustsson et al., 2019, Appendix A), for
        isotropic laws that of the norms. Infinite where y leaves the prior's support.
    w1 : float
        Least mean l1 distance moved, ``dim`` times that of one component; in the prior's unit. For
        isotropic priors the least mean Euclidean distance.
    w2 : float
        Root of the least mean squared Euclidean distance moved; grows as the root of ``dim``.
    ks : float
        Largest difference of the cumulative probabilities of what `judged` names.
    norm_shift : float
        ``E|y|^2 / E|z|^2`` for z from the prior, both about the origin.
    norm_mean, norm_std : float
        Mean and standard deviation of ``|y|^2``.
    prior_norm_mean, prior_norm_std : float
        Those of ``|z|^2``.
    error : mapping
        A bound on the error of each figure, by its name; 0 where it is exact or infinite, NaN where
        the figure is.
    reasons : mapping
        Why a figure is NaN or infinite, by its name.
    method : str
        How the law of y was computed.
    judged : str
        What `ks` is of: "one component"; "the norm", for isotropic priors; or, where components
        differ, "the worst component".

    Examples
    --------
    >>> import otmaps
    >>> found = otmaps.mismatch(otmaps.lerp(0.5), "normal", dim=100)
    >>> round(found.kl, 3), round(found.w2, 3)
    (9.657, 2.929)
    """

    dim: int
    kl: float
    w1: float
    w2: float
    ks: float
    norm_shift: float
    norm_mean: float
    norm_std: float
    prior_norm_mean: float
    prior_norm_std: float
    error: Mapping[str, float] = dataclasses.field(hash=False)
    reasons: Mapping[str, str] = dataclasses.field(hash=False)
    method: str
    judged: str = COMPONENT

    def __getstate__(self) -> dict[str, Any]:
        state = {f.name: getattr(self, f.name) for f in dataclasses.fields(self)}
        return state | {name: dict(state[name]) for name in _MAPPINGS}

    def __setstate__(self, state: dict[str, Any]) -> None:
        for name, value in state.items():
            object.__setattr__(self, name, MappingProxyType(value) if name in _MAPPINGS else value)

    def as_dict(self) -> dict[str, Any]:
        """The figures in JSON types: {name: {value, error, reason}}; "inf" and null are text."""
        figures = {
            name: {
                "value": _json_number(getattr(self, name)),
                "error": _json_number(self.error[name]),
                "reason": self.reasons.get(name),
            }
            for name in FIGURES
        }
        return {"dim": self.dim, "method": self.method, "judged": self.judged} | figures

    def norm_laws(self) -> dict[str, Gamma]:
        """The squared norms as gamma laws with their mean and standard deviation.

        They are the laws themselves for normal components, and close to them for others from some
        tens of dimensions on. Where these moments are not positive and finite, there is none.
        """
        pairs = {
            "raw result": (self.norm_mean, self.norm_std),
            "prior": (self.prior_norm_mean, self.prior_norm_std),
        }
        return {
            name: Gamma((mean / std) ** 2, scale=std * std / mean)
            for name, (mean, std) in pairs.items()
            if 0.0 < std < math.inf and 0.0 < mean < math.inf
        }

    def _repr_html_(self) -> str:
        figures = tuple(zip(FIGURES, self._titles(), strict=True))
        return mismatch_html(self, figures, self.norm_laws())

    def _titles(self) -> list[str]:
        cost = "Euclidean cost" if self.judged == NORM else "l1 cost"
        return [title.format(cost=cost, judged=self.judged) for title in _TITLES]

    def __str__(self) -> str:
        lines = [f"mismatch in {self.dim} dimensions (law of y by {self.method})"]
        titles = self._titles()
        width = max(map(len, titles))
        for name, title in zip(FIGURES, titles, strict=True):
            value, error = getattr(self, name), self.error[name]
            number = format(value, ".6g") + (f" +- {error:.1g}" if error > 0 else "")
            reason = f"  ({self.reasons[name]})" if name in self.reasons else ""
            lines.append(f"  {title:<{width}}  {number}{reason}")
        return "\n".join(lines)


def _json_number(value: float) -> float | str | None:
    if math.isnan(value):
        return None
    return value if math.isfinite(value) else str(value)
