"""
The maps behind the matched results
===================================

Figure 3 of the paper: the monotone maps that bend linear interpolation back to the prior, for
three times. A map acts on each component by itself. Of all maps that restore the prior it moves
the result least, for every convex cost.
"""

import matplotlib.pyplot as plt

import otmaps

priors = {"uniform on [-1, 1]": otmaps.Uniform(-1, 1), "standard normal": otmaps.Normal()}
styles = {0.05: "-", 0.25: "--", 0.5: "-."}

figure, axes = plt.subplots(1, 2, figsize=(9, 4.2), layout="constrained")
for axis, (title, prior) in zip(axes, priors.items(), strict=True):
    for t, style in styles.items():
        T = otmaps.match(otmaps.lerp(t), prior).map
        otmaps.plot.plot_map(T, axis, label=f"t = {t}", linestyle=style)
    axis.set_title(title)
plt.show()

# %%
# For a normal prior the map is a straight line: dividing by the root of the sum of squared
# weights is all that is needed. For a uniform prior it is curved, and flat at the ends, where
# linear results are rare.
#
# A map is an object with an inverse, a derivative and a bound on its own error.

T = otmaps.match(otmaps.lerp(0.5), priors["uniform on [-1, 1]"]).map
print("T(0.5) =", T(0.5))
print("exact: ", 0.75)  # 1 - 2 (1 - y)^2 / 2, from the triangular law of the midpoint
print("error <=", T.error)
