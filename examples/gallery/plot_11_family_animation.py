"""
A family in t, as an animation
==============================

The map of linear interpolation changes with its parameter. A family has the maps of all values
of t, with one bound on the error, and gives each of them in a fraction of a millisecond: enough
for a slider, and for the frames of an animation.
"""

import time

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.animation import FuncAnimation

import otmaps

prior = otmaps.Uniform(-1, 1)
blends = otmaps.family(otmaps.lerp, prior, t=(0, 1), tol=1e-6)
print("panels:", blends.panels, " error of every map:", f"{blends.error:.1e}")

start = time.perf_counter()
for t in np.linspace(0.01, 0.99, 1000):
    blends.map(t=t)
print(f"{(time.perf_counter() - start) * 1000:.0f} microseconds a map")

# %%
# On the left the map, on the right what it does to 800 points of the plane: pairs of
# components, from the square at t = 0 to another square at t = 1. The raw points crowd in the
# middle on the way.

z1, z2 = prior.rvs((2, 800, 2), random_state=0)
colours = otmaps.plot.COLOURS
figure, (left, right) = plt.subplots(1, 2, figsize=(8, 4), dpi=80)
y = np.linspace(-1, 1, 401)
left.plot(y, y, ":", color=colours["prior"], label="unchanged")
(curve,) = left.plot(y, y, color=colours["matched"], label="T(y)")
left.set(xlabel="y, the raw result", ylabel="T(y), the matched result")
left.legend(loc="upper left")
(raw,) = right.plot([], [], ".", ms=3, color=colours["linear"], label="linear")
(matched,) = right.plot([], [], ".", ms=3, color=colours["matched"], label="matched")
right.set(xlim=(-1.1, 1.1), ylim=(-1.1, 1.35), aspect="equal", xlabel="first component")
right.set_ylabel("second component")
right.legend(loc="upper center", ncols=2)
left.set_title("t = 0.00")
figure.tight_layout()  # once, not for each frame


def draw(t):
    """The frame at t."""
    at = blends(t)
    curve.set_ydata(at.map(y))
    raw.set_data(*at.raw(z1, z2).T)
    matched.set_data(*at(z1, z2).T)
    left.set_title(f"t = {t:.2f}")
    return curve, raw, matched


times = 0.5 - 0.5 * np.cos(np.linspace(0, 2 * np.pi, 24, endpoint=False))
animation = FuncAnimation(figure, draw, frames=times, interval=120)
plt.show()
