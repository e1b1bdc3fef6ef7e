r"""
An operation of one's own, from formula to images
=================================================

Take two latents and keep the larger of each pair of components:

.. math:: y_i = \max(z_i, w_i)

Each component of the result is one of a latent, so it looks harmless. But the larger of two
draws is no draw: small values are rare among them, and the result leaves the prior. This is how
a formula becomes a matched operation.
"""

from importlib import resources

import matplotlib.pyplot as plt
import numpy as np
import onnxruntime

import otmaps

prior = otmaps.Uniform(-1, 1)

# %%
# The formula
# -----------
# Positional arguments are latents; parameters would be keyword-only arguments.


@otmaps.operation
def larger(z, w):
    """The larger of two components."""
    return np.maximum(z, w)


matched = otmaps.match(larger(), prior)
print(matched)
print("law of the raw result by:", matched.source.method)
print("error of the map:", f"{matched.map.error:.1e}")

# %%
# Its law and its map
# -------------------
# The law was worked out from the code of the function, not sampled. By hand: the cdf of the
# larger one is the square of ((y + 1) / 2), so the map is the parabola that is dotted in black.

figure, (left, right) = plt.subplots(1, 2, figsize=(9, 3.8), layout="constrained")
orange = otmaps.plot.COLOURS["linear"]
otmaps.plot.plot_law(prior, left, label="prior")
otmaps.plot.plot_law(matched.source, left, label="raw result", color=orange)
otmaps.plot.plot_map(matched.map, right)
y = np.linspace(-1, 1, 21)
right.plot(y, 2 * ((y + 1) / 2) ** 2 - 1, "k.", ms=4, label="by hand")
right.legend()
plt.show()

# %%
# A second opinion
# ----------------
# Optimal transport plans between samples, computed by POT, which knows nothing of the formula.

print(otmaps.check(matched, n=1000))

# %%
# Images
# ------
# Joining four latents in pairs, and the results once more. The raw ones are nearly alike: their
# components are all large.

file = resources.files("otmaps.demo") / "models" / "digits.onnx"
generator = onnxruntime.InferenceSession(file.read_bytes())
z = prior.rvs((4, 10, 100), random_state=3)
joined = {
    "raw": matched.raw(matched.raw(z[0], z[1]), matched.raw(z[2], z[3])),
    "matched": matched(matched(z[0], z[1]), matched(z[2], z[3])),
}
latents = np.stack([*z, *joined.values()]).astype(np.float32)
(images,) = generator.run(None, {"z": latents.reshape(-1, 100)})

figure, axis = plt.subplots(figsize=(9, 5.6), layout="constrained")
names = ["first", "second", "third", "fourth", *joined]
otmaps.plot.plot_images(images.reshape(6, 10, 28, 28), axis, rows=names)
axis.get_yticklabels()[4].set_color(orange)
plt.show()
