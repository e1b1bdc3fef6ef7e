"""
Slerp, matched
==============

Spherical interpolation keeps the norms of latents about right, and many use it for that reason.
It does not keep the prior: halfway the norms have another law. On a normal prior, or any
other that does not care about directions, the remedy is to bend the norm alone, by a monotone
map.
"""

import matplotlib.pyplot as plt

import otmaps

figure, axes = plt.subplots(1, 3, figsize=(10, 3.4), layout="constrained")
for axis, dim in zip(axes, (2, 16, 128), strict=True):
    prior = otmaps.StandardNormal(dim)
    slerp = otmaps.match(otmaps.slerp(0.5), prior)
    z1, z2 = prior.rvs((2, 10_000), random_state=0)
    latents = {
        "linear": otmaps.lerp(0.5).raw(z1, z2),
        "slerp": slerp.raw(z1, z2),
        "matched": slerp(z1, z2),
    }
    otmaps.plot.plot_norms(latents, axis, prior=prior, bins=60)
    axis.set_title(f"{dim} dimensions")
for axis in axes[1:]:
    axis.get_legend().remove()  # the colours are those of the first
plt.show()

# %%
# The grey line is the exact law of the norm, not a histogram. In the plane slerp leaves out the
# middle and reaches too far. In many dimensions it is too narrow: halfway its norm is near the
# mean of two norms, and a mean varies less than one of them.
#
# The map of the norms
# --------------------
# Its slope is the factor by which norms must spread. It is near the root of two, since the
# variance of the mean of two independent norms is half of that of one.

figure, (left, right) = plt.subplots(1, 2, figsize=(9, 3.8), layout="constrained")
otmaps.plot.plot_map(slerp.map, left)
source, target = slerp.source, slerp.target
otmaps.plot.plot_certificate(slerp.map, right, source=source, target=target)
plt.show()

mean = slerp.target.norm.mean()
print("slope at the mean norm:", f"{slerp.map.norms.derivative(mean):.4f}")
