"""
The norm of a midpoint in 100 dimensions
========================================

Figure 2 of the paper. In many dimensions the norm of a latent hardly varies, so a latent with
another norm is one that the generator has never seen. The linear midpoint has half the squared
norm; slerp has about the right one with the wrong spread; the matched midpoint has the law of
the prior.
"""

import matplotlib.pyplot as plt

import otmaps

dim = 100
priors = {"uniform on [-1, 1]": otmaps.Uniform(-1, 1), "standard normal": otmaps.Normal()}

figure, axes = plt.subplots(1, 2, figsize=(9, 3.6), layout="constrained")
for axis, (title, prior) in zip(axes, priors.items(), strict=True):
    z1, z2, fresh = prior.rvs((3, 30_000, dim), random_state=0)
    midpoint = otmaps.match(otmaps.lerp(0.5), prior)
    latents = {
        "prior": fresh,
        "linear": midpoint.raw(z1, z2),
        "slerp": otmaps.slerp(0.5).raw(z1, z2),
        "matched": midpoint(z1, z2),
    }
    otmaps.plot.plot_norms(latents, axis, squared=True)
    axis.set_title(title)
plt.show()

# %%
# The broad grey line under the green one is a histogram of fresh draws. No draws are needed for
# the figures themselves: ``mismatch`` computes them from the laws.

for title, prior in priors.items():
    print(title)
    print(otmaps.mismatch(otmaps.lerp(0.5), prior, dim=dim))
