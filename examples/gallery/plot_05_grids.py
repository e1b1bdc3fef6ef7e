"""
Between four images
===================

The corners of each grid are four latents of a generator of digits; what lies between are their
weighted means. A plain mean of four latents has a quarter of the variance of one, so the digits
in the middle of the linear grid fade away. Those of the matched grid keep their strokes.
"""

from importlib import resources

import matplotlib.pyplot as plt
import numpy as np
import onnxruntime

import otmaps

file = resources.files("otmaps.demo") / "models" / "digits.onnx"
generator = onnxruntime.InferenceSession(file.read_bytes())
prior = otmaps.Uniform(-1, 1)  # the law that this generator was trained on

# %%
# Bilinear weights of the four corners, for each place of the grid; one matched operation for
# each.

side = 7
corners = prior.rvs((4, 100), random_state=1)
u = np.linspace(0, 1, side)
grids = {"linear": np.empty((side, side, 100)), "matched": np.empty((side, side, 100))}
for i, down in enumerate(u):
    for j, right in enumerate(u):
        weights = np.outer([1 - down, down], [1 - right, right]).ravel()
        mean = otmaps.match(otmaps.barycenter(weights), prior)
        grids["linear"][i, j] = mean.raw(*corners)
        grids["matched"][i, j] = mean(*corners)

# %%

figure, axes = plt.subplots(1, 2, figsize=(10, 5.3), layout="constrained")
for axis, (name, latents) in zip(axes, grids.items(), strict=True):
    flat = latents.reshape(-1, 100).astype(np.float32)
    (images,) = generator.run(None, {"z": flat})
    otmaps.plot.plot_images(images.reshape(side, side, 28, 28), axis)
    axis.set_title(name, color=otmaps.plot.COLOURS[name])
plt.show()

# %%
# The standard deviation of the components in the nine places around the middle:

for name, latents in grids.items():
    print(f"{name:8} {latents[2:5, 2:5].std():.2f}")
print(f"prior    {prior.std():.2f}")
