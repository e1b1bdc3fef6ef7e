"""
Where midpoints fall in the plane
=================================

Figure 1 of the paper, for latents of two components, uniform on a square. The midpoint of two
of them follows another law: linear midpoints crowd in the middle, spherical ones avoid it. The
matched midpoint fills the square again.
"""

import matplotlib.pyplot as plt
import numpy as np

import otmaps

prior = otmaps.Uniform(-1, 1)
colours = otmaps.plot.COLOURS

# %%
# One path
# --------
# From one latent to another. The linear path is straight, slerp bends out of the square (no
# latent of the prior is ever there), and the matched path bends as little as the prior asks
# for.

start, end = np.array([-0.88, -0.4]), np.array([0.4, 0.92])
t = np.linspace(0, 1, 65)
paths = {
    "linear": np.array([otmaps.lerp(s).raw(start, end) for s in t]),
    "slerp": np.array([otmaps.slerp(s).raw(start, end) for s in t]),
    "matched": otmaps.trajectory([start, end], prior, frames=t.size),
}

# %%
# Many midpoints
# --------------
# Each point is the midpoint of two fresh latents. Darker is denser.

z1, z2 = prior.rvs((2, 400_000, 2), random_state=0)
midpoint = otmaps.match(otmaps.lerp(0.5), prior)
midpoints = {
    "linear": midpoint.raw(z1, z2),
    "slerp": otmaps.slerp(0.5).raw(z1, z2),
    "matched": midpoint(z1, z2),
}

figure, axes = plt.subplots(2, 2, figsize=(8, 8), layout="constrained")
path, *planes = axes.flat
otmaps.plot.plot_trajectories(paths, path)
path.set_title("one path")
for axis, (name, points) in zip(planes, midpoints.items(), strict=True):
    otmaps.plot.plot_plane(points, axis, label=name, span=(-1.15, 1.15))
    axis.set_title(f"midpoints, {name}", color=colours[name])
for axis in axes.flat:
    axis.add_patch(plt.Rectangle((-1, -1), 2, 2, fill=False, ls=":", color=colours["prior"]))
    axis.set(xlim=(-1.2, 1.2), ylim=(-1.2, 1.2))
path.legend(loc="lower right")
plt.show()

# %%
# The dotted square is the support of the prior. A Kolmogorov-Smirnov distance of one component
# says the same in numbers: it is 0 where the law is that of the prior.

for name, points in midpoints.items():
    x = np.sort(points[:, 0])
    steps = np.arange(x.size + 1) / x.size
    cdf = prior.cdf(x)
    print(f"{name:8} {max(np.max(steps[1:] - cdf), np.max(cdf - steps[:-1])):.4f}")
