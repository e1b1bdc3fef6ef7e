"""
Blending the noise of a diffusion model
=======================================

A diffusion or flow model turns noise into an image by many small steps. The noise is its
latent, and blending noises blends images, if the blend is noise again. A plain mean of n noises
has a standard deviation of one over the root of n: to the model, noise that is nearly gone
where the image should still be open.

The model here is a small flow that was trained on images of clothes, by
``training/train_flow.py``.
"""

from importlib import resources

import matplotlib.pyplot as plt
import numpy as np
import onnxruntime

import otmaps

file = resources.files("otmaps.demo") / "models" / "flow.onnx"
velocity = onnxruntime.InferenceSession(file.read_bytes())
prior = otmaps.Normal()


def sample(noise, steps=12):
    """Images from noise, by Euler's method with few steps."""
    x = noise.reshape(-1, 1, 28, 28).astype(np.float32)
    for k in range(steps):
        t = np.full(len(x), k / steps, np.float32)
        x = x + velocity.run(None, {"x": x, "t": t})[0] / steps
    return (x / 2 + 0.5).reshape(*noise.shape)


# %%
# More and more noises in one blend
# ---------------------------------
# Each column takes the mean of one more noise. The raw blends fade into a grey average; the
# matched ones are as clear as the images of single noises, in the first column.

counts = (1, 2, 3, 4, 6, 8, 16)
noises = prior.rvs((16, 3, 28, 28), random_state=4)
blends = {"linear": [], "matched": []}
for n in counts:
    mean = otmaps.match(otmaps.barycenter([1 / n] * n), prior)
    blends["linear"].append(mean.raw(*noises[:n]))
    blends["matched"].append(mean(*noises[:n]))

figure, axes = plt.subplots(2, figsize=(7, 6.4), layout="constrained")
for axis, (name, blend) in zip(axes, blends.items(), strict=True):
    images = np.swapaxes(sample(np.array(blend)), 0, 1)
    otmaps.plot.plot_images(images, axis, columns=[str(n) for n in counts])
    axis.set_title(f"{name}, number of noises", color=otmaps.plot.COLOURS[name])
plt.show()

# %%
# From one noise to another
# -------------------------
# For a pair, slerp is what most people use for noise; at this many dimensions it does nearly
# the same as matching. It has no counterpart for three noises and more.

z1, z2 = noises[:2, 1]
t = np.linspace(0, 1, 11)
paths = {
    "linear": [otmaps.lerp(s).raw(z1, z2) for s in t],
    "slerp": [otmaps.slerp(s).raw(z1.ravel(), z2.ravel()).reshape(28, 28) for s in t],
    "matched": [otmaps.match(otmaps.lerp(s), prior)(z1, z2) for s in t],
}
strips = sample(np.array(list(paths.values())))

figure, axis = plt.subplots(figsize=(9, 2.8), layout="constrained")
otmaps.plot.plot_images(strips, axis, rows=list(paths), columns=[f"{s:.1f}" for s in t])
plt.show()

# %%
# In numbers: how much the images of different blends differ from each other, as the standard
# deviation of a pixel over 20 blends. Averages of many noises are all alike, and so are their
# images.

many = prior.rvs((16, 20, 28, 28), random_state=9)
fresh = sample(many[0], steps=8)
variety = {"linear": [], "matched": []}
for n in counts[::2]:
    mean = otmaps.match(otmaps.barycenter([1 / n] * n), prior)
    variety["linear"].append(sample(mean.raw(*many[-n:]), steps=8).std(0).mean())
    variety["matched"].append(sample(mean(*many[-n:]), steps=8).std(0).mean())

figure, axis = plt.subplots(figsize=(7, 3.4), layout="constrained")
colours = otmaps.plot.COLOURS
axis.axhline(fresh.std(0).mean(), color=colours["prior"], ls=":", label="single noises")
for name, values in variety.items():
    axis.plot(counts[::2], values, "o-", color=colours[name], label=name)
axis.set(xlabel="noises in a blend", ylabel="variety of the images", ylim=(0, None))
axis.legend()
plt.show()
