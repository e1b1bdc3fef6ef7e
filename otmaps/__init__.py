"""Distribution-preserving latent operations: laws, monotone transport maps, certified tables.

Give it an operation on latents and the law the latents come from; it gives back the same
operation, minimally bent so that its result follows that law.
"""

import importlib
import types

from otmaps._built_in import analogy, barycenter, lerp, linear, slerp, vicinity
from otmaps._check import CheckReport, CheckRow, check
from otmaps._circulant import Circulant
from otmaps._component_maps import ComponentMaps
from otmaps._convert import as_distribution
from otmaps._covariance import Covariance
from otmaps._covariances import Dense, Diagonal, LowRank
from otmaps._diagnosis import Diagnosis, DiagnosisRow, RadialPrior, diagnose
from otmaps._discrete import Discrete
from otmaps._distribution import Distribution
from otmaps._empirical import Empirical
from otmaps._errors import (
    AccuracyError,
    AccuracyWarning,
    AtomError,
    StoreWarning,
    TableError,
    UnservedError,
)
from otmaps._estimators import (
    RQMC,
    Agreement,
    Auto,
    ClosedForm,
    Composition,
    ConditionalRQMC,
    Conditioning,
    Contour,
    Convolution,
    Estimator,
    MonteCarlo,
    choose_estimator,
    pushforward,
)
from otmaps._family import Family
from otmaps._gaussian_map import GaussianMap, gaussian_map
from otmaps._heavy_tails import Levy, Pareto
from otmaps._independent import Independent
from otmaps._isotropic import (
    Ball,
    Isotropic,
    MultivariateCauchy,
    MultivariateT,
    Radial,
    Sphere,
    StandardNormal,
)
from otmaps._map import MonotoneMap
from otmaps._map_between import monotone_map
from otmaps._map_chain import ComposedMap, compose
from otmaps._match import match
from otmaps._matched_family import family
from otmaps._matched_gaussian import MatchedGaussianOperation
from otmaps._matched_independent import MatchedIndependentOperation
from otmaps._matched_isotropic import MatchedIsotropicOperation
from otmaps._matched_operation import MatchedOperation
from otmaps._mismatch import Mismatch
from otmaps._mixture import Mixture
from otmaps._multivariate_normal import MultivariateNormal
from otmaps._one_sided_priors import (
    Beta,
    Exponential,
    Gamma,
    Gumbel,
    LogNormal,
)
from otmaps._operations import Operation
from otmaps._plan import RandomizedPlan, transport_plan
from otmaps._precompute import Job, JobResult, PrecomputeReport, grid, precompute
from otmaps._priors import Arcsine, Cauchy, Laplace, Logistic, Normal, StudentT, Uniform
from otmaps._radial_map import RadialMap
from otmaps._radii import Chi
from otmaps._raw_results import mismatch
from otmaps._registered_forms import RegisteredForm, closed_form
from otmaps._registry import OperationFactory, operation, operations
from otmaps._smoothed import Smoothed
from otmaps._smoothing import as_components, smoothed
from otmaps._stable import Stable
from otmaps._stores import (
    FrontedStore,
    LayeredStore,
    MemoryStore,
    ObjectStore,
    Store,
    StoreEntry,
    TableStore,
    Transfer,
    Verification,
    export_tables,
    import_tables,
)
from otmaps._trajectory import trajectory
from otmaps._walk import random_walk

__version__ = "0.1.0"

__all__ = [
    "RQMC",
    "AccuracyError",
    "AccuracyWarning",
    "Agreement",
    "Arcsine",
    "AtomError",
    "Auto",
    "Ball",
    "Beta",
    "Cauchy",
    "CheckReport",
    "CheckRow",
    "Chi",
    "Circulant",
    "ClosedForm",
    "ComponentMaps",
    "ComposedMap",
    "Composition",
    "ConditionalRQMC",
    "Conditioning",
    "Contour",
    "Convolution",
    "Covariance",
    "Dense",
    "Diagnosis",
    "DiagnosisRow",
    "Diagonal",
    "Discrete",
    "Distribution",
    "Empirical",
    "Estimator",
    "Exponential",
    "Family",
    "FrontedStore",
    "Gamma",
    "GaussianMap",
    "Gumbel",
    "Independent",
    "Isotropic",
    "Job",
    "JobResult",
    "Laplace",
    "LayeredStore",
    "Levy",
    "LogNormal",
    "Logistic",
    "LowRank",
    "MatchedGaussianOperation",
    "MatchedIndependentOperation",
    "MatchedIsotropicOperation",
    "MatchedOperation",
    "MemoryStore",
    "Mismatch",
    "Mixture",
    "MonotoneMap",
    "MonteCarlo",
    "MultivariateCauchy",
    "MultivariateNormal",
    "MultivariateT",
    "Normal",
    "ObjectStore",
    "Operation",
    "OperationFactory",
    "Pareto",
    "PrecomputeReport",
    "Radial",
    "RadialMap",
    "RadialPrior",
    "RandomizedPlan",
    "RegisteredForm",
    "Smoothed",
    "Sphere",
    "Stable",
    "StandardNormal",
    "Store",
    "StoreEntry",
    "StoreWarning",
    "StudentT",
    "TableError",
    "TableStore",
    "Transfer",
    "Uniform",
    "UnservedError",
    "Verification",
    "analogy",
    "as_components",
    "as_distribution",
    "barycenter",
    "check",
    "choose_estimator",
    "closed_form",
    "compose",
    "diagnose",
    "export_tables",
    "family",
    "gaussian_map",
    "grid",
    "import_tables",
    "lerp",
    "linear",
    "match",
    "mismatch",
    "monotone_map",
    "operation",
    "operations",
    "precompute",
    "pushforward",
    "random_walk",
    "slerp",
    "smoothed",
    "trajectory",
    "transport_plan",
    "vicinity",
]

_SUBMODULES = ("cli", "demo", "plot", "testing")


def __getattr__(name: str) -> types.ModuleType:
    """Submodules with heavy or optional dependencies load when they are asked for."""
    if name in _SUBMODULES:
        return importlib.import_module(f"otmaps.{name}")
    raise AttributeError(f"module 'otmaps' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*__all__, *_SUBMODULES, "__version__"])
