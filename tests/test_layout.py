"""First pieces: they cover the support once, and go down as far as there is mass."""

from __future__ import annotations

import itertools
import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import otmaps
from otmaps._estimators._layout import Batch, Frame, Layout, Source
from otmaps._estimators._terms import _exact_kinks, _LawSource


def layout(law, anchors, split, *, lower_only=False):
    low, high = law.support()
    finite = math.isfinite(low), math.isfinite(high)
    frame = Frame(
        anchors=np.stack([anchors, np.zeros(len(anchors))], axis=1),
        split=split,
        kinks=np.isin(anchors, law.breakpoints),
        finite=finite,
        scale=float(law.isf(0.25) - law.ppf(0.25)),
        depth=(-700.0, -700.0),
        reach=(1e300, 1e300),
        lower_only=lower_only,
    )
    return Layout(_LawSource(law, _exact_kinks(law)), frame)


CASES = {
    "infinite": layout(otmaps.Normal(), [0.0], 0),
    "infinite, a kink beside the split": layout(otmaps.Laplace(2.0), [1.5, 2.0], 0),
    "heavy": layout(otmaps.Cauchy(), [0.0], 0),
    "finite": layout(otmaps.Uniform(0.0, 8.0), [0.0, 3.0, 8.0], 1),
    "half a line": layout(otmaps.Gamma(0.5), [0.0, 0.25], 1),
    "half a line below": layout(otmaps.Exponential().affine(-1.0), [-0.75, 0.0], 0),
    "symmetric": layout(otmaps.Laplace(), [0.0], 0, lower_only=True),
    "symmetric and finite": layout(otmaps.Uniform(0.0, 8.0), [0.0, 4.0, 8.0], 1, lower_only=True),
}


@pytest.fixture(params=CASES.values(), ids=CASES)
def case(request):
    return request.param


def intervals(case, batch):
    """(low, high) of each piece as distances from the anchor, and the anchor's number."""
    ends = batch.distances(np.stack([batch.s_low, batch.s_high], axis=1))
    order = np.lexsort((ends.sum(axis=1), batch.anchor))
    return batch.anchor[order], np.sort(ends, axis=1)[order]


def assert_covering(case, batch):
    """Pieces meet, or leave a gap next to an anchor that is no part of the law in any digit."""
    frame = case.frame
    owner, ends = intervals(case, batch)
    place = frame.anchors[owner, 0]
    for c in range(len(owner) - 1):
        if owner[c] == owner[c + 1]:
            gap = ends[c + 1, 0] - ends[c, 1]
            size = abs(ends[c, 1])
        else:
            gap = (place[c + 1] - place[c]) + ends[c + 1, 0] - ends[c, 1]
            size = abs(place[c + 1] - place[c])
        assert abs(gap) <= 1e-13 * size  # one end is the exponential of a logarithm
    first, last = owner[0], owner[-1]
    if frame.finite[0]:
        assert first == 0
        assert 0.0 < ends[0, 0] < 1e-250
    else:
        assert ends[0, 0] < 0.0
    if frame.lower_only:
        assert last == frame.split
        assert ends[-1, 1] == 0.0
    elif frame.finite[1]:
        assert last == len(frame.anchors) - 1
        assert -1e-250 < ends[-1, 1] < 0.0
    else:
        assert ends[-1, 1] > 0.0


def test_first_pieces_cover_the_support_once(case):
    batch = case.first_pieces()
    assert np.all(batch.s_low < batch.s_high)
    assert_covering(case, batch)


def test_a_gap_and_an_overlap_are_seen(case):
    batch = case.first_pieces()
    for spoilt in range(batch.size):
        missing = batch.take(np.arange(batch.size) != spoilt)
        twice = Batch.join([batch, batch.take(np.array([spoilt]))])
        for wrong in (missing, twice):
            if wrong is missing and spoilt in edge_pieces(case, batch):
                continue
            with pytest.raises(AssertionError):
                assert_covering(case, wrong)


def edge_pieces(case, batch):
    """The outermost pieces: without one the others still meet."""
    ends = batch.distances(np.stack([batch.s_low, batch.s_high], axis=1))
    middle = case.frame.anchors[batch.anchor, 0] + ends.mean(axis=1)
    nearest = np.argsort(np.abs(ends).min(axis=1))[:2]
    return {int(np.argmin(middle)), int(np.argmax(middle)), *nearest.tolist()}


def test_halves_lie_on_their_side_of_the_split(case):
    batch = case.first_pieces()
    frame = case.frame
    ends = batch.distances(np.stack([batch.s_low, batch.s_high], axis=1))
    middle = frame.anchors[batch.anchor, 0] + 0.5 * ends.sum(axis=1)
    split = frame.anchors[frame.split, 0]
    assert np.all((middle > split)[batch.upper])
    assert np.all((middle < split)[~batch.upper | (np.abs(middle - split) == 0.0)])
    assert batch.upper.any() != frame.lower_only


def test_tails_are_followed_to_their_depth(case):
    batch = case.first_pieces()
    frame = case.frame
    owner, ends = intervals(case, batch)
    for side, row in ((0, 0), (1, -1)):
        if frame.finite[side] or (side == 1 and frame.lower_only):
            continue
        d = ends[row, 1 if side else 0]
        tail = case.values_at(owner[row], np.array([d]), upper=bool(side))[0, 0]
        assert 1.01 * frame.depth[side] <= tail <= 0.95 * frame.depth[side]


class Power(Source):
    """Next to 0 the density is that power of the distance."""

    def __init__(self, power):
        self.power = power

    def tails(self, points, *, upper):
        density = self.power * np.log(np.abs(points[:, 2]))
        return np.stack([np.full_like(density, math.log(0.5)), density], axis=1)


SHARE = -41.9  # log of the share of mass that may be left


def left_over(power, deep, top):
    """Log of the share of the mass of a piece from the kink on that is nearer than exp(deep)."""
    return (1.0 + power) * (deep - top)


@pytest.mark.parametrize("side", [-1.0, 1.0])
@pytest.mark.parametrize("power", [0.0, 1.0, -0.5, -0.8])
def test_graded_pieces_reach_down_to_the_share_of_mass(power, side):
    graded = Layout(Power(power), CASES["infinite"].frame).graded
    rows = graded(0, side, 0.25, upper=side > 0)
    assert {(row[0], row[1], row[4]) for row in rows} == {(0, side, side > 0)}
    top, deep = max(row[3] for row in rows), min(row[2] for row in rows)
    assert top == math.log(0.25)
    by_height = sorted(rows, key=lambda row: -row[3])
    assert all(a[2] == b[3] for a, b in itertools.pairwise(by_height))
    assert left_over(power, deep, top) <= SHARE
    if power < 0.0:  # the depth that a bounded density asks for is not enough there
        assert left_over(power, top - 42.0, top) > SHARE


def test_a_depth_below_the_doubles_is_not_asked_for():
    rows = Layout(Power(-0.99), CASES["infinite"].frame).graded(0, 1.0, 0.25, upper=True)
    assert min(row[2] for row in rows) >= -650.0


numbers = st.floats(-1e6, 1e6).map(lambda v: 0.0 if abs(v) < 1e-100 else v)


@given(numbers, st.floats(1e-6, 1e3), st.floats(-1.0, 1.0).map(lambda t: round(t, 15)))
def test_the_variables_of_a_batch_and_what_they_lost(low, width, t):
    batch = Batch.of([(0, 0.0, low, low + width, False)])
    found, lost = (float(v[0, 0]) for v in batch.exact_variables(np.array([t])))
    assert found == pytest.approx(batch.variables(np.array([t]))[0, 0], rel=1e-15, abs=1e-15)
    high = low + width
    middle, half = Fraction(0.5 * (low + high)), Fraction(0.5 * (high - low))
    truth = middle + half * Fraction(t)
    assert abs(Fraction(found) + Fraction(lost) - truth) <= abs(Fraction(lost)) / 2**52
    # The rounded variable alone is beside the truth, unless nothing was lost.
    assert (Fraction(found) == truth) == (lost == 0.0)
