"""The networks of the demo, and their ONNX graphs: batch norm folded, weights as float16."""

from __future__ import annotations

import numpy as np
import onnx
import torch
import torch.nn.functional as F
from onnx import TensorProto, helper, numpy_helper
from torch import nn
from torch.nn.utils.parametrizations import spectral_norm

WIDTHS = (64, 96, 48, 16)  # channels of the generator at 7 x 7 (twice), 14 x 14 and 28 x 28 pixels


class Generator(nn.Module):
    """Latents (N, d) to images (N, 1, 28, 28) in [0, 1]: 9 million multiply-adds an image.

    Its activation is x sigmoid(x). A network of ReLUs nearly scales with its input, the more so
    the longer it is trained, and its last sigmoid then hides that averaged latents are too short.
    """

    def __init__(self, latent_dim: int) -> None:
        super().__init__()
        self.dense = nn.Linear(latent_dim, WIDTHS[0] * 49, bias=False)
        self.mix = nn.Conv2d(WIDTHS[0], WIDTHS[1], 3, padding=1, bias=False)
        self.up1 = nn.ConvTranspose2d(WIDTHS[1], WIDTHS[2], 4, 2, 1, bias=False)
        self.up2 = nn.ConvTranspose2d(WIDTHS[2], WIDTHS[3], 4, 2, 1, bias=False)
        self.norms = nn.ModuleList(nn.BatchNorm2d(width) for width in WIDTHS)
        self.last = nn.Conv2d(WIDTHS[3], 1, 3, padding=1)
        for layer in (self.dense, *self.middle, self.last):
            nn.init.normal_(layer.weight, std=0.02)

    @property
    def middle(self) -> tuple[nn.Conv2d, nn.ConvTranspose2d, nn.ConvTranspose2d]:
        """The layers between the first and the last."""
        return self.mix, self.up1, self.up2

    def forward(self, latents: torch.Tensor) -> torch.Tensor:
        x = F.silu(self.norms[0](self.dense(latents).view(-1, WIDTHS[0], 7, 7)))
        for layer, norm in zip(self.middle, self.norms[1:], strict=True):
            x = F.silu(norm(layer(x)))
        return torch.sigmoid(self.last(x))

    def predict(self, latents: torch.Tensor) -> torch.Tensor:
        """What the exported graph returns first."""
        return self(latents)


class Critic(nn.Module):
    """Images to a number, high for real ones; it also sees how much a group of images varies."""

    group = 8

    def __init__(self) -> None:
        super().__init__()
        a, b, c = 32, 96, 192
        self.conv1 = spectral_norm(nn.Conv2d(1, a, 4, 2, 1))
        self.conv2 = spectral_norm(nn.Conv2d(a, b, 4, 2, 1))
        self.conv3 = spectral_norm(nn.Conv2d(b, c, 3, 2, 1))
        self.dense = spectral_norm(nn.Linear(c * 16 + 1, 1))

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        x = F.leaky_relu(self.conv1(images * 2 - 1), 0.1)
        x = F.leaky_relu(self.conv2(x), 0.1)
        x = F.leaky_relu(self.conv3(x), 0.1).flatten(1).float()
        spread = x.view(-1, self.group, x.shape[1]).var(1, unbiased=False).add(1e-8).sqrt().mean(1)
        spread = spread.repeat_interleave(self.group)[
            :, None
        ]  # one number a group: fakes too alike are found out
        return self.dense(torch.cat([x, spread], 1))


class Classifier(nn.Module):
    """Images to ten logits, from 64 features: 2 million multiply-adds an image."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(1, 16, 5, 2, 2, bias=False)
        self.norm1 = nn.BatchNorm2d(16)
        self.conv2 = nn.Conv2d(16, 32, 3, padding=1, bias=False)
        self.norm2 = nn.BatchNorm2d(32)
        self.conv3 = nn.Conv2d(32, 64, 3, padding=1, bias=False)
        self.norm3 = nn.BatchNorm2d(64)
        self.dense = nn.Linear(576, 64)
        self.drop = nn.Dropout(0.2)
        self.last = nn.Linear(64, 10)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        x = F.relu(self.norm1(self.conv1(images)))
        x = F.max_pool2d(F.relu(self.norm2(self.conv2(x))), 2)
        x = F.max_pool2d(F.relu(self.norm3(self.conv3(x))), 2)
        return self.last(self.drop(F.relu(self.dense(x.flatten(1)))))

    def predict(self, images: torch.Tensor) -> torch.Tensor:
        """What the exported graph returns first."""
        return F.softmax(self(images), 1)


def folded(weight: torch.Tensor, norm: nn.BatchNorm2d, axis: int) -> tuple[np.ndarray, np.ndarray]:
    """Weight and bias of a layer with the frozen batch norm in it; ``axis`` holds the channels."""
    assert norm.running_var is not None
    assert norm.running_mean is not None
    scale = norm.weight / torch.sqrt(norm.running_var + norm.eps)
    shape = [1] * weight.ndim
    shape[axis] = -1
    bias = norm.bias - norm.running_mean * scale
    return (weight * scale.view(shape)).detach().numpy(), bias.detach().numpy()


class Graph:
    """An ONNX graph written node after node."""

    def __init__(self, source: str, shape: tuple[int, ...]) -> None:
        self.nodes: list[onnx.NodeProto] = []
        self.constants: list[onnx.TensorProto] = []
        self.inputs = [helper.make_tensor_value_info(source, TensorProto.FLOAT, ["N", *shape])]
        self.outputs: list[onnx.ValueInfoProto] = []
        self.last = source

    def constant(self, value: np.ndarray) -> str:
        """A weight, stored as float16; runtimes fold the cast when they load the graph."""
        name = f"w{len(self.constants)}"
        self.constants.append(numpy_helper.from_array(value.astype(np.float16), name))
        self.nodes.append(helper.make_node("Cast", [name], [name + "_float"], to=TensorProto.FLOAT))
        return name + "_float"

    def add(
        self, kind: str, *weights: np.ndarray, output: str | None = None, **attributes: object
    ) -> None:
        """A node on the last value, with its weights."""
        names = [self.constant(weight) for weight in weights]
        output = output or f"x{len(self.nodes)}"
        self.nodes.append(helper.make_node(kind, [self.last, *names], [output], **attributes))
        self.last = output

    def silu(self) -> None:
        """x * sigmoid(x) of the last value."""
        x, gate = self.last, f"x{len(self.nodes)}"
        self.nodes.append(helper.make_node("Sigmoid", [x], [gate]))
        self.last = f"x{len(self.nodes)}"
        self.nodes.append(helper.make_node("Mul", [x, gate], [self.last]))

    def reshape(self, shape: tuple[int, ...], output: str | None = None) -> None:
        name = f"shape{len(self.constants)}"
        self.constants.append(numpy_helper.from_array(np.array(shape, np.int64), name))
        output = output or f"x{len(self.nodes)}"
        self.nodes.append(helper.make_node("Reshape", [self.last, name], [output]))
        self.last = output

    def model(self, outputs: dict[str, tuple[int, ...]]) -> onnx.ModelProto:
        values = [
            helper.make_tensor_value_info(k, TensorProto.FLOAT, ["N", *shape])
            for k, shape in outputs.items()
        ]
        graph = helper.make_graph(self.nodes, "otmaps-demo", self.inputs, values, self.constants)
        opset = [helper.make_opsetid("", 17)]
        return helper.make_model(
            graph, opset_imports=opset, ir_version=8, producer_name="otmaps training"
        )


def generator_graph(model: Generator) -> onnx.ModelProto:
    """The generator as ONNX: input ``z``, output ``image``."""
    graph = Graph("z", (model.dense.in_features,))
    width = WIDTHS[0]
    weight, bias = folded(model.dense.weight.view(width, 49, -1), model.norms[0], 0)
    graph.add("Gemm", weight.reshape(width * 49, -1), np.repeat(bias, 49), transB=1)
    graph.silu()
    graph.reshape((-1, width, 7, 7))
    graph.add("Conv", *folded(model.mix.weight, model.norms[1], 0), pads=[1] * 4)
    graph.silu()
    for up, norm in zip((model.up1, model.up2), model.norms[2:], strict=True):
        graph.add("ConvTranspose", *folded(up.weight, norm, 1), strides=[2, 2], pads=[1] * 4)
        graph.silu()
    graph.add(
        "Conv",
        *(value.detach().numpy() for value in (model.last.weight, model.last.bias)),
        pads=[1] * 4,
    )
    graph.add("Sigmoid", output="image")
    return graph.model({"image": (1, 28, 28)})


def classifier_graph(model: Classifier) -> onnx.ModelProto:
    """The classifier as ONNX: input ``image``, outputs ``probabilities`` and ``features``."""
    graph = Graph("image", (1, 28, 28))
    graph.add("Conv", *folded(model.conv1.weight, model.norm1, 0), strides=[2, 2], pads=[2] * 4)
    graph.add("Relu")
    for layer, norm in ((model.conv2, model.norm2), (model.conv3, model.norm3)):
        graph.add("Conv", *folded(layer.weight, norm, 0), pads=[1] * 4)
        graph.add("Relu")
        graph.add("MaxPool", kernel_shape=[2, 2], strides=[2, 2])
    graph.reshape((-1, 576))
    graph.add(
        "Gemm",
        *(value.detach().numpy() for value in (model.dense.weight, model.dense.bias)),
        transB=1,
    )
    graph.add("Relu", output="features")
    graph.add(
        "Gemm",
        *(value.detach().numpy() for value in (model.last.weight, model.last.bias)),
        transB=1,
    )
    graph.add("Softmax", axis=1, output="probabilities")
    return graph.model({"probabilities": (10,), "features": (64,)})
