"""
What a map certifies
====================

A map is a table, and a table is an approximation. Each one states a bound on its error, over a
range that reaches to tails of 1e-300. Here the bound of three tables is held against the laws
themselves.
"""

import matplotlib.pyplot as plt

import otmaps

law = otmaps.pushforward(otmaps.lerp(0.3), otmaps.Laplace())

figure, axes = plt.subplots(1, 3, figsize=(10, 3.8), layout="constrained", sharey=True)
for axis, tol in zip(axes, (1e-6, 1e-9, 1e-12), strict=True):
    T = otmaps.monotone_map(law, otmaps.Laplace(), tol=tol)
    otmaps.plot.plot_certificate(T, axis)
    axis.set_title(f"tol = {tol:.0e}")
axes[0].set_ylim(3e-19, 1e-4)
for axis in axes[1:]:
    axis.set_ylabel("")
plt.show()

# %%
# The dots lie at quantiles, dense in the middle and out to one in 10^300. The last map in full:

print("domain:         ", T.domain)
print("error:          ", T.error)
print("in probability: ", T.error_u)
print("of log slope:   ", T.derivative_error)

# %%
# The error in probability bounds how far the law of the matched result can be from the prior:
# the largest difference of the cdf. To see it, a test would need some 1 / error^2 draws.
