"""Matched paths: their ends, their pace, the law of their frames; long random walks."""

import math

import numpy as np
import pytest

import otmaps
from otmaps import AccuracyError, Normal, Uniform, diagnose, random_walk, trajectory

NORMAL = Normal()


@pytest.fixture(scope="module")
def uniform_family():
    return otmaps.family(otmaps.lerp, Uniform(), t=(0.0, 1.0), tol=1e-4)


def chords(path):
    flat = path.reshape(len(path), -1)
    return np.linalg.norm(np.diff(flat, axis=0), axis=1)


def lengths_along(frames, points, prior, closed=False):
    """The ways between frames, by a path of many more frames, where each of them is found again."""
    fine = trajectory(points, prior, frames=1601, closed=closed)
    way = np.concatenate([[0.0], np.cumsum(chords(fine))])
    nearest, start = [], 0
    for frame in frames:
        ahead = np.linalg.norm(fine[start:] - frame, axis=1)
        start += int(np.argmin(ahead))
        nearest.append(way[start])
    return np.diff(nearest)


def test_two_orthogonal_normal_latents_are_joined_by_an_arc():
    """Matched lerp of orthogonal latents of one norm is a great arc: constant speed is slerp."""
    z1, z2 = np.array([3.0, 0.0, 0.0]), np.array([0.0, 0.0, 3.0])
    path = trajectory([z1, z2], NORMAL, frames=7, constant_speed=True, evenness=1e-4)
    angles = np.linspace(0.0, math.pi / 2, 7)
    arc = np.cos(angles)[:, None] * z1 + np.sin(angles)[:, None] * z2
    np.testing.assert_allclose(path, arc, atol=1e-3)
    plain = trajectory([z1, z2], NORMAL, frames=7)
    t = np.linspace(0.0, 1.0, 7)
    np.testing.assert_allclose(np.arctan2(plain[:, 2], plain[:, 0]), np.arctan2(t, 1 - t))
    assert np.max(np.abs(plain - arc)) > 0.1


def test_steps_are_even_along_the_path_and_only_if_asked_for(uniform_family):
    points = Uniform().rvs((3, 2), 4)
    even = trajectory(points, uniform_family, frames=9, constant_speed=True, evenness=1e-3)
    steps = lengths_along(even, points, uniform_family)
    assert np.max(np.abs(steps / steps.mean() - 1.0)) < 0.01
    steps = lengths_along(trajectory(points, uniform_family, frames=9), points, uniform_family)
    assert np.max(np.abs(steps / steps.mean() - 1.0)) > 0.2


def test_the_path_meets_its_latents_and_a_loop_returns(uniform_family):
    points = Uniform().rvs((3, 4, 5), 1)
    path = trajectory(points, uniform_family, frames=9)
    np.testing.assert_array_equal(path[[0, 4, 8]], points)
    loop = trajectory(points, uniform_family, frames=9, closed=True)
    np.testing.assert_array_equal(loop[[0, 3, 6]], points)
    back = trajectory(points[[2, 0]], uniform_family, frames=4)
    np.testing.assert_allclose(loop[6:], back[:3], rtol=0, atol=1e-12)
    even = trajectory(points, uniform_family, frames=12, closed=True, constant_speed=True)
    np.testing.assert_array_equal(even[0], points[0])
    steps = chords(np.concatenate([even, even[:1]]))
    assert steps[-1] > 0.5 * steps.mean()  # the loop closes by one more step


def test_frames_follow_the_prior(uniform_family):
    """At a place chosen beforehand, in the corners, and not without the map."""
    z = Uniform().rvs((3, 400, 30), 8)
    frames = trajectory(z, uniform_family, frames=9)
    for k in (1, 4, 6):
        assert diagnose(frames[k], Uniform())
    raw = 0.5 * z[0] + 0.5 * z[1]
    assert not diagnose(raw, Uniform())
    # One path is no sample of the prior: its frames depend on each other.
    one = trajectory(z[:, :2], uniform_family, frames=60).reshape(-1, 30)
    found = {row.name for row in diagnose(one, Uniform()).contradictions}
    assert "between latents: all pairs" in found


def test_paths_without_length_and_in_single_precision():
    still = trajectory(np.ones((3, 2)), NORMAL, frames=4, constant_speed=True, closed=True)
    assert still.shape == (4, 2)
    points = NORMAL.rvs((2, 6), 0).astype(np.float32)
    assert trajectory(points, "normal", frames=3, constant_speed=True).dtype == np.float32
    resting = np.array([[0.0, 1.0], [0.0, 1.0], [1.0, 0.0]])
    path = trajectory(resting, NORMAL, frames=5, constant_speed=True)
    np.testing.assert_array_equal(path[[0, -1]], resting[[0, -1]])


def test_what_cannot_be_even_is_said(monkeypatch):
    monkeypatch.setattr("otmaps._trajectory._LAST", 128)
    points = NORMAL.rvs((2, 3), 0)
    with pytest.raises(AccuracyError, match="take fewer frames, or a larger evenness"):
        trajectory(points, NORMAL, frames=500, constant_speed=True, evenness=1e-9)


Z = np.zeros((2, 3))
BAD = [
    (lambda: trajectory(Z[:1], NORMAL, frames=3), ValueError, "points must be at least two"),
    (lambda: trajectory(Z, NORMAL, frames=1), ValueError, "frames must be at least 2"),
    (lambda: trajectory(Z, NORMAL, frames=2.5), TypeError, "frames must be an integer"),
    (lambda: trajectory(Z * np.nan, NORMAL, frames=3), ValueError, "points has NaN"),
    (lambda: trajectory(Z, NORMAL, frames=3, evenness=0), ValueError, "evenness must be positive"),
    (
        lambda: trajectory(Z, otmaps.family(otmaps.lerp, NORMAL, t=(0, 0.5)), frames=3),
        ValueError,
        "a path needs one",
    ),
]


@pytest.mark.parametrize(("call", "error", "message"), BAD, ids=[b[2] for b in BAD])
def test_bad_input_is_named(call, error, message):
    with pytest.raises(error, match=message):
        call()


@pytest.mark.parametrize("prior", [NORMAL, Uniform()], ids=repr)
def test_long_walks_stay_on_the_prior(prior):
    """Every hundredth point of 3000 steps is as good as independent; for 10^5: benchmarks/paths."""
    start = prior.rvs(100, 5)
    path = random_walk(start, prior, steps=3000, random_state=6)
    assert diagnose(path[::100], prior)
    assert diagnose(path[-1:], prior)
    raw = random_walk(start, prior, steps=100, matched=False, random_state=6)
    assert not diagnose(raw[-1:], prior)


def test_paths_of_isotropic_priors():
    prior = otmaps.StandardNormal(64)
    points = prior.rvs((3, 5), 0)
    options = {"frames": 9, "closed": True, "constant_speed": True}
    np.testing.assert_allclose(
        trajectory(points, prior, **options), trajectory(points, NORMAL, **options), atol=1e-12
    )
    sphere = otmaps.Sphere(64, 8.0)
    points = sphere.rvs((3,), 0)
    even = chords(trajectory(points, sphere, frames=7, closed=True, operation=otmaps.slerp))
    assert np.ptp(even[:2]) < 1e-12
    for operation in (otmaps.slerp, otmaps.lerp):
        path = trajectory(points, sphere, frames=5, operation=operation)
        np.testing.assert_array_equal(path[[0, 2, 4]], points)
        np.testing.assert_allclose(np.linalg.norm(path, axis=1), 8.0)
    images = np.moveaxis(prior.rvs((2, 7), 1).reshape(2, 7, 8, 8), 1, 2)
    path = trajectory(images, prior, frames=3, axis=(0, 2))
    flat = np.moveaxis(path, 2, 1).reshape(3, 7, 64)
    assert np.linalg.norm(flat[1], axis=1).mean() == pytest.approx(8.0, abs=0.7)


def test_frames_of_a_path_by_matched_slerp_follow_the_prior_and_both_halves_share_maps():
    prior = otmaps.StandardNormal(64)
    points = prior.rvs((2, 400), 0)
    path = trajectory(points, prior, frames=4, operation=otmaps.slerp)
    back = trajectory(points[::-1], prior, frames=4, operation=otmaps.slerp)
    np.testing.assert_allclose(path, back[::-1], rtol=0, atol=1e-14)
    assert diagnose(path[1], prior)
    assert not diagnose(otmaps.slerp(1.0 / 3.0).raw(*points), prior)


def test_what_a_path_of_whole_latents_refuses():
    prior = otmaps.StandardNormal(8)
    points = prior.rvs(2, 0)
    with pytest.raises(otmaps.UnservedError, match="thousands of maps"):
        trajectory(points, prior, frames=4, operation=otmaps.slerp, constant_speed=True)
    with pytest.raises(TypeError, match="axis= is for isotropic priors"):
        trajectory(points, NORMAL, frames=4, axis=0)
    with pytest.raises(otmaps.UnservedError, match=r"otmaps\.trajectory"):
        otmaps.family(otmaps.slerp, prior, t=(0, 1))
