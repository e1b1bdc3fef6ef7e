"""
Walking at random
=================

A random walk through latents adds a little noise at each step. Without a remedy the latents
grow with each step and leave the prior for good. The matched walk takes each step back to the
prior, so it can go on forever.
"""

from importlib import resources

import matplotlib.pyplot as plt
import numpy as np
import onnxruntime

import otmaps

file = resources.files("otmaps.demo") / "models" / "digits.onnx"
generator = onnxruntime.InferenceSession(file.read_bytes())
prior = otmaps.Uniform(-1, 1)
colours = dict(otmaps.plot.COLOURS)
colours["raw"] = colours["linear"]

# %%
# Both walks start at the same latents and take the same steps.

start = prior.rvs((3, 100), random_state=1)
walks = {
    name: otmaps.random_walk(
        start, prior, eps=0.5, steps=24, matched=name == "matched", random_state=2
    )
    for name in ("raw", "matched")
}

figure, axes = plt.subplots(2, figsize=(10, 5.4), layout="constrained")
for axis, (name, walk) in zip(axes, walks.items(), strict=True):
    shown = np.swapaxes(walk[::2], 0, 1)  # every second step
    (images,) = generator.run(None, {"z": shown.reshape(-1, 100).astype(np.float32)})
    steps = [str(2 * k) for k in range(shown.shape[1])]
    otmaps.plot.plot_images(images.reshape(*shown.shape[:2], 28, 28), axis, columns=steps)
    axis.set_title(f"{name}, after so many steps", color=colours[name])
plt.show()

# %%
# How far the latents have gone after each step, and how many of their components have left the
# support of the prior.

figure, (left, right) = plt.subplots(1, 2, figsize=(9, 3.2), layout="constrained")
for name, walk in walks.items():
    left.plot(np.sqrt((walk**2).mean((1, 2))), color=colours[name], label=name)
    right.plot(100 * (abs(walk) > 1).mean((1, 2)), color=colours[name], label=name)
left.axhline(prior.std(), color=colours["prior"], ls=":", label="prior")
left.set(xlabel="step", ylabel="root mean square of a component", ylim=(0, None))
right.set(xlabel="step", ylabel="components outside [-1, 1], %")
left.legend()
plt.show()
