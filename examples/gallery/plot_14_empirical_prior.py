"""
A prior that is known from samples
==================================

The latents of an autoencoder, a flow or a text encoder follow no law with a name. A sample of
them will do: ``smoothed`` makes a smooth law of it, with bands that say how much the sample
leaves open, and matching works as with any other prior.
"""

import matplotlib.pyplot as plt
import numpy as np

import otmaps

# %%
# The sample: 2,000 values of a skewed law with two humps and a heavy right tail.

truth = otmaps.Mixture([otmaps.Normal(-1.5, 0.5), otmaps.Gumbel(0.8, 0.6)], [0.4, 0.6])
sample = truth.rvs(2000, random_state=0)
law = otmaps.smoothed(sample)
print(f"error of the cdf: {law.error:.3f}, with a confidence of {law.confidence}")

# %%
# The law and its band: at every point at once, the truth lies within the band with a
# probability of 99.9 %.

x = np.linspace(-3.5, 5, 400)
low, high = law.cdf_band(x)
colours = otmaps.plot.COLOURS
figure, (left, right) = plt.subplots(1, 2, figsize=(9, 3.6), layout="constrained")
left.hist(sample, bins=60, density=True, color=colours["prior"], alpha=0.35, label="sample")
otmaps.plot.plot_law(law, left, label="smoothed", span=(-3.5, 5), color="black")
otmaps.plot.plot_law(truth, left, label="truth", span=(-3.5, 5), color="black", ls=":")
right.fill_between(x, low - truth.cdf(x), high - truth.cdf(x), color="0.85", label="band")
right.plot(x, law.cdf(x) - truth.cdf(x), "k", label="smoothed")
right.set(xlabel="value of a component", ylabel="cdf minus the true one")
right.legend()
plt.show()

# %%
# Matching
# --------
# ``as_model`` takes the estimate as the prior itself, which is then convolved and matched to
# nine digits. The midpoint of two latents has three humps, the highest of them where the prior
# has a valley; the matched midpoint has two again.

prior = law.as_model()
midpoint = otmaps.match(otmaps.lerp(0.5), prior)
print(f"error of the map: {midpoint.map.error:.1e}")

z1, z2 = np.random.default_rng(1).choice(sample, (2, 200_000))
figure, axis = plt.subplots(figsize=(7, 3.8), layout="constrained")
otmaps.plot.plot_law(prior, axis, label="prior", span=(-3.5, 5))
for name, z in {"linear": midpoint.raw(z1, z2), "matched": midpoint(z1, z2)}.items():
    axis.hist(z, np.linspace(-3.5, 5, 120), density=True, histtype="step", color=colours[name])
    axis.plot([], color=colours[name], label=name)
axis.set_ylim(0, 0.5)
axis.legend()
plt.show()
