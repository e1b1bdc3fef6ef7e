"""Conformance suites for laws, operations, closed forms, estimators and stores of one's own.

Inherit a suite in a test module, say what to test, and pytest collects the rest::

    class TestMyLaw(otmaps.testing.DistributionTests):
        def laws(self):
            return [MyLaw(), MyLaw(shape=3.0)]

The suites hold an object to what it states of itself (its ``error`` and ``tail_error``) and to
nothing tighter; they are what the objects of the package itself are tested with.
"""

from __future__ import annotations

from otmaps.testing._closed_forms import ClosedFormTests
from otmaps.testing._estimators import EstimatorTests
from otmaps.testing._laws import DistributionTests
from otmaps.testing._operations import OperationTests
from otmaps.testing._stores import StoreTests

__all__ = ["ClosedFormTests", "DistributionTests", "EstimatorTests", "OperationTests", "StoreTests"]
