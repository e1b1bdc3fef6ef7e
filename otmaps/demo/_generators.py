"""Image generators and classifiers from files, ours or a user's, behind one checked face.

Whatever the file looks like inside, a `Generator` maps latents of shape (N, dim) to images of
shape (N, C, H, W) in [0, 1], and a `Classifier` maps such images to probabilities and features.
What does not fit is refused when it is loaded, with the reason and a remedy.
"""

from __future__ import annotations

import importlib.resources
import json
import os
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
import numpy.typing as npt

import otmaps
from otmaps.demo._formats import ModelError, foreign_format, is_torchscript, read_file
from otmaps.demo._torchscript import script_function

Array = npt.NDArray[Any]

SHIPPED = ("digits", "fashion")

_CHUNK = 100  # latents a call: large enough to keep a core busy, small enough to stay in its cache
_PROBES = 32
_TYPES = {"tensor(float)": np.float32, "tensor(double)": np.float64, "tensor(float16)": np.float16}


@dataclass(frozen=True)
class Classifier:
    """Images to what they show.

    Attributes
    ----------
    name : str
        The name of its file.
    has_features : bool
        Whether it returns the features that the Frechet distance is taken in.
    """

    name: str
    has_features: bool
    call: Callable[[Array], tuple[Array, Array | None]] = field(repr=False)

    def __call__(self, images: Array) -> tuple[Array, Array | None]:
        """Probabilities (N, classes) and features (N, F) of images (N, C, H, W)."""
        return self.call(images)


@dataclass(frozen=True)
class Generator:
    """Latents to images, with the law the latents come from.

    Attributes
    ----------
    name : str
        "digits", "fashion", or the name of the user's file.
    prior : Distribution
        The law of one component of a latent.
    dim : int
        The latent dimension.
    classifier : Classifier or None
        Without one there are pictures and distances of the latents, and no scores.
    facts : mapping
        What is known of a shipped generator: its data, licence, training.
    """

    name: str
    prior: otmaps.Distribution
    dim: int
    call: Callable[[Array], Array] = field(repr=False)
    classifier: Classifier | None = None
    facts: Mapping[str, Any] = field(default_factory=lambda: MappingProxyType({}))

    def images(self, latents: Array) -> Array:
        """Images (N, C, H, W) in [0, 1] of latents (N, dim)."""
        return np.concatenate(_in_chunks(self.call, latents))

    def classified(self, latents: Array) -> tuple[Array, Array | None]:
        """Probabilities and features of the images of the latents; the images are not kept."""
        classifier = self.classifier
        if classifier is None:
            raise ModelError(f"generator {self.name!r} has no classifier to score it with.")
        parts = _in_chunks(lambda part: classifier(self.call(part)), latents)
        probabilities, features = zip(*parts, strict=True)
        joined = np.concatenate(features) if classifier.has_features else None
        return np.concatenate(probabilities), joined


def _in_chunks(call: Callable[[Array], Any], latents: Array) -> list[Any]:
    """The call on parts of the latents, one thread a core: faster than threads inside a call."""
    parts = [latents[i : i + _CHUNK] for i in range(0, len(latents), _CHUNK)]
    if len(parts) < 2:
        return [call(part) for part in parts]
    with ThreadPoolExecutor(_cores()) as pool:
        return list(pool.map(call, parts))


def _cores() -> int:
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:  # not on Linux
        return os.cpu_count() or 1


def shipped_generator(name: str) -> Generator:
    """One of the generators that come with the library, `SHIPPED`, with its classifier."""
    if name not in SHIPPED:
        raise ValueError(f"models must be among {', '.join(SHIPPED)}, got {name!r}.")
    folder = importlib.resources.files("otmaps.demo") / "models"
    facts = json.loads((folder / f"{name}.json").read_text(encoding="utf-8"))
    session = _session((folder / f"{name}.onnx").read_bytes(), name)
    classes = _session((folder / f"{name}_classifier.onnx").read_bytes(), name)
    prior = otmaps.as_distribution(facts["prior"])
    generator = _checked_generator(session, name, prior, facts["latent_dim"])
    return _with_classifier(generator, classes, f"{name} classifier", facts)


def load_generator(
    path: str | os.PathLike[str],
    prior: Any,
    *,
    dim: int | None = None,
    classifier_path: str | os.PathLike[str] | None = None,
) -> Generator:
    """A user's generator from an ONNX or TorchScript file, checked on a few latents.

    Parameters
    ----------
    path : path
        A file with one input, latents of shape (N, dim) or (N, dim, 1, 1), whose first output is
        images of shape (N, C, H, W) or (N, H, W, C) in [0, 1] or [-1, 1]. TorchScript is a
        program, which can touch files: pass a path that the user named, and no data of others.
    prior : law
        What the generator was trained on: anything `otmaps.as_distribution` takes.
    dim : int, optional
        The latent dimension, where the file leaves it open.
    classifier_path : path, optional
        An ONNX file that takes the images, in [0, 1], and returns class probabilities (or
        logits), and features as its second output if it has them.

    Returns
    -------
    Generator

    Raises
    ------
    ModelError
        Where a file is none of that.
    """
    law, file = otmaps.as_distribution(prior), Path(path)
    data = read_file(file)
    if is_torchscript(data):
        function, size = script_function(data, file.name, dim)
        generator = function_generator(function, file.stem, law, size)
    else:
        generator = read_generator(data, file.name, law, dim=dim)
    if classifier_path is None:
        return generator
    file = Path(classifier_path)
    return with_classifier(generator, read_file(file), file.name)


def read_generator(data: bytes, name: str, prior: Any, *, dim: int | None = None) -> Generator:
    """As `load_generator`, from the bytes of an ONNX file of this name."""
    law = otmaps.as_distribution(prior)
    return _checked_generator(_session(data, name), Path(name).stem, law, dim)


def with_classifier(generator: Generator, data: bytes, name: str) -> Generator:
    """The generator with a classifier from the bytes of an ONNX file of this name."""
    return _with_classifier(generator, _session(data, name), Path(name).stem, {})


def function_generator(
    function: Callable[[Array], Any], name: str, prior: Any, dim: int
) -> Generator:
    """A generator from a function of float32 latents (N, dim), checked as a file is."""

    def raw(latents: Array) -> Array:
        return np.asarray(function(np.ascontiguousarray(latents, dtype=np.float32)))

    return _checked(raw, name, otmaps.as_distribution(prior), dim)


def _session(data: bytes, name: str) -> Any:
    """An onnxruntime session of one thread, since chunks run in threads of their own."""
    try:
        import onnxruntime
    except ImportError:
        message = "the demo needs onnxruntime and matplotlib: pip install 'otmaps[demo]'"
        raise ImportError(message) from None
    foreign = foreign_format(data)
    if foreign is not None:
        raise ModelError(f"{name} is no ONNX model; it is {foreign}")
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.log_severity_level = 3  # errors alone; its warnings are about its own optimiser
    try:
        return onnxruntime.InferenceSession(data, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # its exceptions share no other base class
        reason = str(error).strip().split("\n")[0]
        raise ModelError(f"{name} is no ONNX model that onnxruntime can load: {reason}") from error


def _checked_generator(
    session: Any, name: str, prior: otmaps.Distribution, dim: int | None
) -> Generator:
    source = _only_input(session, name)
    size = _latent_dim(source.shape, dim, name)
    call = _runner(session, source, name)
    trailing = (1,) * (len(source.shape) - 2)

    def raw(latents: Array) -> Array:
        return call(latents.reshape(len(latents), size, *trailing))[0]

    return _checked(raw, name, prior, size)


def _checked(
    raw: Callable[[Array], Array], name: str, prior: otmaps.Distribution, size: int
) -> Generator:
    """The generator of a function, tried on a few latents."""
    probes = np.asarray(prior.rvs((_PROBES, size), np.random.default_rng(0)), dtype=np.float32)
    images = raw(probes)
    to_standard = _standardizer(images, name)
    _refuse_dependence(raw, probes, images, name)
    return Generator(name, prior, size, lambda latents: to_standard(raw(latents)))


def _only_input(session: Any, name: str) -> Any:
    inputs = session.get_inputs()
    if len(inputs) != 1:
        found = ", ".join(repr(value.name) for value in inputs)
        raise ModelError(
            f"{name} must have one input, the latents; it has {len(inputs)} ({found}). "
            "Export it with every other input fixed."
        )
    source = inputs[0]
    if source.type not in _TYPES:
        raise ModelError(f"the input of {name} must be float; it is {source.type}.")
    return source


def _latent_dim(shape: list[Any], dim: int | None, name: str) -> int:
    if len(shape) < 2 or any(size not in (1, None) and not _open(size) for size in shape[2:]):
        raise ModelError(
            f"the input of {name} must be latents of shape (N, dim) or (N, dim, 1, 1); "
            f"it is {tuple(shape)}."
        )
    declared = None if _open(shape[1]) else int(shape[1])
    if declared is None and dim is None:
        raise ModelError(f"{name} leaves the latent dimension open: pass dim.")
    if dim is not None and dim < 1:
        raise ValueError(f"dim must be at least 1, got {dim}.")
    if None not in (declared, dim) and declared != dim:
        raise ModelError(f"{name} takes latents of dimension {declared}, but dim is {dim}.")
    return declared if declared is not None else int(dim or 0)


def _open(size: Any) -> bool:
    """Whether a declared size is left open: ONNX has names or nothing there."""
    return not isinstance(size, int)


def _runner(session: Any, source: Any, name: str) -> Callable[[Array], list[Array]]:
    """Runs the session on any number of rows; a file with a fixed batch is fed whole batches."""
    kind = _TYPES[source.type]
    fixed = None if _open(source.shape[0]) else int(source.shape[0])

    def run(values: Array) -> list[Array]:
        values = np.ascontiguousarray(values, dtype=kind)
        try:
            if fixed is None:
                return list(session.run(None, {source.name: values}))
            padded = np.resize(values, (-(-len(values) // fixed) * fixed, *values.shape[1:]))
            parts = [
                session.run(None, {source.name: part})
                for part in padded.reshape(-1, fixed, *values.shape[1:])
            ]
        except Exception as error:  # its exceptions share no other base class
            reason = str(error).strip().split("\n")[0]
            raise ModelError(f"{name} failed on input of shape {values.shape}: {reason}") from error
        return [np.concatenate(outputs)[: len(values)] for outputs in zip(*parts, strict=True)]

    return run


def _standardizer(images: Array, name: str) -> Callable[[Array], Array]:
    """The function from the images of this generator to (N, C, H, W) in [0, 1]."""
    shape = images.shape
    if (
        len(shape) != 4
        or shape[0] != _PROBES
        or (shape[1] not in (1, 3) and shape[3] not in (1, 3))
    ):
        raise ModelError(
            f"the first output of {name} must be images of shape (N, C, H, W) or (N, H, W, C) "
            f"with 1 or 3 channels; for {_PROBES} latents it is {shape}."
        )
    if not np.isfinite(images).all():
        raise ModelError(f"{name} returns images with NaN or infinite pixels.")
    low, high = float(images.min()), float(images.max())
    slack = 1e-3
    if low < -1 - slack or high > 1 + slack:
        raise ModelError(
            f"{name} must return pixels in [0, 1] or [-1, 1]; they lie in [{low:.3g}, {high:.3g}]. "
            "Scale them inside the model before you export it."
        )
    last = shape[1] not in (1, 3)
    signed = low < -slack

    def standard(values: Array) -> Array:
        values = values.transpose(0, 3, 1, 2) if last else values
        values = values * 0.5 + 0.5 if signed else values
        return np.clip(values, 0.0, 1.0).astype(np.float32, copy=False)

    return standard


def _refuse_dependence(
    raw: Callable[[Array], Array], probes: Array, images: Array, name: str
) -> None:
    """Batch norm with the statistics of the batch undoes what leaves the prior: refuse it.

    It rescales whatever comes in, so that averaged latents look as good as fresh ones.
    """
    half = _PROBES // 2
    again = raw(np.concatenate([probes[:half], 3.0 * probes[half:]]))[:half]
    if float(np.abs(again - images[:half]).max()) > 0.02:
        raise ModelError(
            f"{name} draws a different image of the same latent when the rest of the batch "
            "changes, or every time. Export it in evaluation mode (batch norm frozen) and without "
            "noise inputs of its own."
        )


def _with_classifier(
    generator: Generator, session: Any, name: str, facts: Mapping[str, Any]
) -> Generator:
    """The generator with a classifier that was tried on its images."""
    images = generator.images(np.zeros((2, generator.dim), dtype=np.float32))
    source = _only_input(session, name)
    last = _channels_last(source.shape, images.shape, name)
    call = _runner(session, source, name)

    def classify(batch: Array) -> tuple[Array, Array | None]:
        outputs = call(batch.transpose(0, 2, 3, 1) if last else batch)
        features = outputs[1] if len(outputs) > 1 and outputs[1].ndim == 2 else None
        return _probabilities(outputs[0]), features

    probabilities, features = classify(images)
    if probabilities.ndim != 2 or probabilities.shape[0] != 2 or probabilities.shape[1] < 2:
        raise ModelError(
            f"the first output of {name} must be class probabilities of shape (N, classes); "
            f"for 2 images it is {probabilities.shape}."
        )
    classifier = Classifier(name, features is not None, classify)
    return Generator(
        generator.name,
        generator.prior,
        generator.dim,
        generator.call,
        classifier,
        MappingProxyType(dict(facts)),
    )


def _channels_last(declared: list[Any], images: tuple[int, ...], name: str) -> bool:
    """Whether the classifier wants (N, H, W, C); refuse one for images of another size."""
    _, channels, height, width = images
    for last, wanted in ((False, (channels, height, width)), (True, (height, width, channels))):
        pairs = zip(declared[1:], wanted, strict=False)
        if len(declared) == 4 and all(_open(size) or size == want for size, want in pairs):
            return last
    raise ModelError(
        f"{name} takes images of shape {tuple(declared)}; the generator makes "
        f"(N, {channels}, {height}, {width})."
    )


def _probabilities(values: Array) -> Array:
    """The values themselves where they are probabilities, else their softmax."""
    values = np.asarray(values, dtype=np.float64)
    if values.min() >= 0.0 and np.allclose(values.sum(axis=-1), 1.0, atol=1e-2):
        return values
    shifted = np.exp(values - values.max(axis=-1, keepdims=True))
    return np.asarray(shifted / shifted.sum(axis=-1, keepdims=True))
