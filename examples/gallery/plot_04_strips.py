"""
From one image to another
=========================

Two latents of a generator of digits, and what lies between them. In the middle of the linear
path strokes get thin and break: the latents there are too short. On the spherical path they
have about the right length, and on the matched path each frame follows the prior.
"""

from importlib import resources

import matplotlib.pyplot as plt
import numpy as np
import onnxruntime

import otmaps

file = resources.files("otmaps.demo") / "models" / "digits.onnx"
generator = onnxruntime.InferenceSession(file.read_bytes())
prior = otmaps.Uniform(-1, 1)  # the law that this generator was trained on


def images(latents):
    """Images of latents of shape (..., 100)."""
    flat = latents.reshape(-1, 100).astype(np.float32)
    (found,) = generator.run(None, {"z": flat})
    return found.reshape(*latents.shape[:-1], 28, 28)


# %%
# A family has the maps of all times at once. Its path is an array with one frame after another;
# the ends are the latents themselves, bit by bit.

pairs = 2
z1, z2 = prior.rvs((2, pairs, 100), random_state=14)
t = np.linspace(0, 1, 13)
blends = otmaps.family(otmaps.lerp, prior, t=(0, 1), tol=1e-6)
paths = {
    "linear": np.array([otmaps.lerp(s).raw(z1, z2) for s in t]),
    "slerp": np.array([otmaps.slerp(s).raw(z1, z2) for s in t]),
    "matched": blends.path(z1, z2, t=t),
}

figure, axes = plt.subplots(pairs, figsize=(10, 5), layout="constrained")
for pair, axis in enumerate(axes):
    strips = np.array([images(path[:, pair]) for path in paths.values()])
    columns = [f"{s:.2g}" for s in t] if pair == 0 else None
    otmaps.plot.plot_images(strips, axis, rows=list(paths), columns=columns)
axes[0].set_title("t", fontsize="medium")
plt.show()

# %%
# The squared norm of the latents along the path of the first pair tells why. The band is where
# that of a fresh latent lies nearly always: within three standard deviations of the mean.

usual = otmaps.mismatch(otmaps.lerp(0.5), prior, dim=100)
low = usual.prior_norm_mean - 3 * usual.prior_norm_std
high = usual.prior_norm_mean + 3 * usual.prior_norm_std

figure, axis = plt.subplots(figsize=(7, 3.2), layout="constrained")
axis.axhspan(low, high, color=otmaps.plot.COLOURS["prior"], alpha=0.25, label="prior")
for name, path in paths.items():
    axis.plot(t, (path[:, 0] ** 2).sum(-1), color=otmaps.plot.COLOURS[name], label=name)
axis.set(xlabel="t", ylabel="squared norm of the latent", ylim=(0, None))
axis.legend()
plt.show()
