"""
How estimators converge
=======================

An operation that no formula covers is integrated or sampled. This compares what is there on one
operation whose law is known, by the number of times that the operation is evaluated.
"""

import warnings

import matplotlib.pyplot as plt
import numpy as np

import otmaps

warnings.simplefilter("ignore", otmaps.AccuracyWarning)

# %%
# The mean of the products of two pairs of latents follows Laplace's law, so the truth is at
# hand. The estimators are not told.

op = otmaps.operation(lambda a, b, c, d: a * b + c * d)()
truth = otmaps.Laplace(0.0, 1.0)
x = np.linspace(-4, 4, 401)

estimators = {
    "Monte Carlo": otmaps.MonteCarlo,
    "RQMC": otmaps.RQMC,
    "conditional RQMC": otmaps.ConditionalRQMC,
}
sizes = 2 ** np.arange(9, 15)
found = {name: [] for name in estimators}
for name, make in estimators.items():
    for n in sizes:
        law = otmaps.pushforward(op, "normal", method=make(n=int(n), seed=1))
        found[name].append((np.abs(law.cdf(x) - truth.cdf(x)).max(), law.error))

# %%
# Dots are the errors that were made, lines the errors that each law states of itself. A stated
# error that lies under its dot would be a lie.

figure, axis = plt.subplots(figsize=(9, 4.4), layout="constrained")
for number, (name, pairs) in enumerate(found.items()):
    made, stated = np.transpose(pairs)
    colour = ["#0072b2", "#cc79a7", "#d55e00"][number]
    axis.loglog(sizes, stated, color=colour, label=f"{name}, stated")
    axis.loglog(sizes, made, "o", color=colour, label=f"{name}, made")
axis.loglog(sizes, 0.5 / np.sqrt(sizes), "k:", label="1 / (2 root n)")
axis.set(xlabel="evaluations of the operation", ylabel="largest error of the cdf")
figure.legend(loc="outside right center")
plt.show()

# %%
# Left alone, ``pushforward`` needs none of them here: it sees that both products share no
# latent and takes the operation apart.

law = otmaps.pushforward(op, "normal")
print(law.method, f"{law.error:.1e}", f"{np.abs(law.cdf(x) - truth.cdf(x)).max():.1e}")
