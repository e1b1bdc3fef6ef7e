"""
Tables made on a Dask cluster, used by all
==========================================

A table is made once, by whoever comes first, and read from a store by everyone else. Here a
small cluster on this machine makes a grid of tables and then applies one of them to a Dask
array, block by block. With ``Client("tcp://scheduler:8786")`` and a store such as
``s3://bucket/tables`` the same lines serve a large one.
"""

import logging
import tempfile
from pathlib import Path

import dask
import dask.array as da
import matplotlib.pyplot as plt
import numpy as np
from distributed import Client, LocalCluster

import otmaps

# %%
# Two workers, in threads of this process to start quickly.

logging.getLogger("distributed").setLevel(logging.WARNING)
cluster = LocalCluster(n_workers=2, threads_per_worker=1, processes=False, dashboard_address=None)
client = Client(cluster)
store = otmaps.TableStore(Path(tempfile.mkdtemp()) / "tables")

# %%
# A grid of jobs
# --------------
# Two operations, three priors; the client is the executor.

priors = ["uniform", "laplace", "logistic"]
jobs = [
    *otmaps.grid(otmaps.lerp, priors, t=np.linspace(0.1, 0.5, 5)),
    *otmaps.grid(otmaps.vicinity, priors, eps=[0.25, 0.5]),
]
report = otmaps.precompute(jobs, store=store, executor=client)
print(report.count("built"), "tables built, largest error", f"{report.error:.1e}")

# %%
# Where the tables lie, and how large they are: some tens of kilobytes each.

entries = sorted(store.entries(), key=lambda entry: entry.size)
print(f"{len(entries)} tables, {sum(entry.size for entry in entries) / 1024:.0f} kB")

# %%
# A large array
# -------------
# The matched operation keeps the array lazy: a block is computed where it lies, when it is
# asked for.

midpoint = otmaps.match(otmaps.lerp(0.5), otmaps.Uniform(-1, 1), store=store)
draws = da.random.default_rng(0)
z1, z2 = (draws.uniform(-1, 1, (40_000, 128), chunks=(5_000, 128)) for _ in range(2))
results = {"linear": midpoint.raw(z1, z2), "matched": midpoint(z1, z2)}
print(results["matched"].npartitions, "blocks of", results["matched"].chunksize)

edges = np.linspace(-1, 1, 81)
lazy = {name: da.histogram(z, bins=edges)[0] for name, z in results.items()}
(counts,) = dask.compute(lazy)

figure, axis = plt.subplots(figsize=(7, 3.6), layout="constrained")
otmaps.plot.plot_law(otmaps.Uniform(-1, 1), axis, label="prior")
for name, count in counts.items():
    density = count / count.sum() / np.diff(edges)
    axis.stairs(density, edges, lw=1.8, color=otmaps.plot.COLOURS[name], label=name)
axis.set_ylim(0, 1.1)
axis.legend()
plt.show()

client.close()
cluster.close()
