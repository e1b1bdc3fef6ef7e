"""Generators in files of torch: TorchScript that is named runs, and no pickle is ever opened."""

from __future__ import annotations

import contextlib
import io
import pickle
import warnings
import zipfile
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from test_backends import installed

import otmaps
from otmaps._explorer._library import Library
from otmaps.cli import main
from otmaps.demo import ModelError, _run
from otmaps.demo._formats import is_torchscript
from otmaps.demo._generators import load_generator

torch = installed("torch")
from torch import nn  # noqa: E402

DIM, SIDE = 6, 4


@contextlib.contextmanager
def writing():
    """What torch itself warns of when it scripts and saves; what otmaps loads must not warn."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def network(dim: int = DIM, last: type[nn.Module] = nn.Sigmoid) -> nn.Sequential:
    torch.manual_seed(0)
    layers = (nn.Linear(dim, 16), nn.BatchNorm1d(16), nn.Dropout(), nn.Linear(16, SIDE * SIDE))
    return nn.Sequential(*layers, last(), nn.Unflatten(1, (1, SIDE, SIDE)))


def convolutions() -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(nn.ConvTranspose2d(DIM, 5, 2), nn.ConvTranspose2d(5, 3, 3), nn.Sigmoid())


class TwoOutputs(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.net = network()

    def forward(self, z):
        return self.net(z), z


class OfWords(nn.Module):
    def forward(self, z):
        return "no tensor"


class Labelled(nn.Module):
    def forward(self, z, label):
        return z.reshape(-1, 1, 2, 3) + label


class Noisy(nn.Module):
    def forward(self, z):
        return torch.sigmoid(z + torch.randn_like(z)).reshape(-1, 1, 2, 3)


class Elementwise(nn.Module):
    def forward(self, z):
        return torch.sigmoid(z).reshape(z.size(0), 1, 2, -1)


def saved(path: Path, module) -> Path:
    with writing():
        torch.jit.save(module, str(path))
    return path


def scripted(module: nn.Module):
    with writing():
        return torch.jit.script(module)


def traced(module: nn.Module, *shape: int):
    with writing():
        return torch.jit.trace(module, torch.zeros(2, *shape))


def latents(n: int = 203) -> np.ndarray:
    return np.random.default_rng(0).normal(size=(n, DIM)).astype(np.float32)


# -------------------------------------------------------------------------------- what is taken

TAKEN = {
    "scripted, in training mode": lambda: (scripted(network()), network()),
    "traced": lambda: (traced(network().eval(), DIM), network()),
    "double": lambda: (scripted(network().double()), network()),
    "two outputs": lambda: (scripted(TwoOutputs()), network()),
    "latents as (N, dim, 1, 1)": lambda: (scripted(convolutions()), convolutions()),
    "[-1, 1]": lambda: (scripted(network(last=nn.Tanh)), network(last=nn.Tanh)),
}


@pytest.mark.parametrize("name", TAKEN)
def test_script_that_is_named_is_taken(tmp_path, name):
    script, module = TAKEN[name]()
    found = load_generator(saved(tmp_path / "mine.pt", script), "normal")
    assert (found.name, found.dim, found.classifier) == ("mine", DIM, None)
    z = latents()
    with torch.no_grad():
        shaped = torch.tensor(z).reshape(-1, DIM, 1, 1) if "(N" in name else torch.tensor(z)
        expected = module.eval()(shaped).numpy()
    expected = 0.5 + 0.5 * expected if name == "[-1, 1]" else expected
    images = found.images(z)
    assert images.dtype == np.float32
    np.testing.assert_allclose(images, expected, atol=1e-6)


def test_frozen_script_has_no_weights_to_tell_its_dimension(tmp_path):
    with writing():
        path = saved(tmp_path / "mine.pt", torch.jit.freeze(scripted(network().eval())))
    with pytest.raises(ModelError, match="do not tell the latent dimension: pass dim"):
        load_generator(path, "normal")
    assert load_generator(path, "normal", dim=DIM).images(latents()).shape == (203, 1, SIDE, SIDE)


@pytest.mark.parametrize(
    ("module", "dim", "message"),
    [
        (network(), 7, r"failed on latents of shape \(3, 7\): .*cannot be multiplied \(3x7 and"),
        (network(), 0, "dim must be at least 1, got 0"),
        (OfWords(), DIM, "must be a tensor"),
        (Labelled(), DIM, "label"),
        (Noisy(), DIM, "every time"),
        (nn.Sequential(nn.Linear(DIM, 4)), None, "must be images"),
        (nn.Sequential(nn.Linear(3, 3), Elementwise()), 4, "cannot be multiplied"),
        (nn.Bilinear(2, 3, 4), None, "pass dim. The last trial"),
    ],
)
def test_script_that_does_not_fit_is_named(tmp_path, module, dim, message):
    path = saved(tmp_path / "mine.pt", scripted(module))
    with pytest.raises(ValueError, match=message):
        load_generator(path, "normal", dim=dim)


def test_dimension_that_two_sizes_fit_is_asked_for(tmp_path):
    module = Elementwise()
    module.unused = nn.Parameter(torch.zeros(4, 6))
    path = saved(tmp_path / "mine.pt", scripted(module))
    with pytest.raises(ModelError, match=r"more than one dimension \(4, 6\): pass dim"):
        load_generator(path, "normal")


# ------------------------------------------------------------------------- what is never opened


class Trap:
    """A pickle that, when it is opened, leaves a trace."""

    def __init__(self, trace: Path) -> None:
        self.trace = trace

    def __reduce__(self):
        return Path.touch, (self.trace,)


def exported() -> bytes:
    file = io.BytesIO()
    with writing():
        torch.export.save(torch.export.export(network().eval(), (torch.zeros(2, DIM),)), file)
    return file.getvalue()


def rewritten(data: bytes, member: str, content: bytes) -> bytes:
    """A zip archive with another content of the members whose names end so."""
    file = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as old, zipfile.ZipFile(file, "w") as new:
        assert any(name.endswith(member) for name in old.namelist())
        for name in old.namelist():
            new.writestr(name, content if name.endswith(member) else old.read(name))
    return file.getvalue()


def by_torch_save(trap: Trap) -> bytes:
    file = io.BytesIO()
    torch.save({"net": trap}, file)
    return file.getvalue()


def by_torch_export(trap: Trap) -> bytes:
    """Where torch.export.load unpickles without limits: the state of torch 2.4, or later inputs."""
    data = exported()
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        members = [name for name in archive.namelist() if name.endswith(".pt")]
    assert members
    return rewritten(data, members[-1], by_torch_save(trap))


def script_with(member: str):
    def build(trap: Trap) -> bytes:
        file = io.BytesIO()
        with writing():
            torch.jit.save(scripted(network()), file)
        return rewritten(file.getvalue(), member, pickle.dumps(trap, protocol=2))

    return build


TRAPS = {
    "torch.save": (by_torch_save, "it is a torch file: a zip archive with a pickle"),
    "a bare pickle": (pickle.dumps, "it is a pickle"),
    "torch.export": (by_torch_export, "it is a program of torch.export.*unpickles parts"),
    "TorchScript with a pickle for data": (script_with("/data.pkl"), "can load: Unknown type"),
    "TorchScript with a pickle for constants": (
        script_with("/constants.pkl"),
        "load: Unknown type",
    ),
}


@pytest.mark.parametrize("suffix", [".pt", ".pt2", ".onnx"])
@pytest.mark.parametrize("name", TRAPS)
def test_no_pickle_is_opened_named_or_sent(tmp_path, name, suffix):
    trace = tmp_path / "trace"
    build, message = TRAPS[name]
    path = tmp_path / f"net{suffix}"
    path.write_bytes(build(Trap(trace)))
    with pytest.raises(ModelError, match=message):
        load_generator(path, "normal", dim=DIM)
    with pytest.raises(ModelError, match="is no ONNX model; it is"):
        Library().add(path.read_bytes(), path.name, otmaps.Normal(), DIM)
    assert not trace.exists()


@pytest.mark.parametrize(
    ("build", "load"),
    [
        (by_torch_save, lambda data: torch.load(io.BytesIO(data), weights_only=False)),
        (by_torch_export, lambda data: torch.export.load(io.BytesIO(data))),
    ],
)
def test_the_traps_are_ones(tmp_path, build, load):
    trace = tmp_path / "trace"
    with writing(), contextlib.suppress(Exception):  # raised once the trap went off
        load(build(Trap(trace)))
    assert trace.exists(), "the trap is none, or torch.export reads without unpickling now"


def test_script_is_refused_for_its_trap_alone(tmp_path):
    data = saved(tmp_path / "mine.pt", scripted(network())).read_bytes()
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        (own,) = (archive.read(name) for name in archive.namelist() if name.endswith("/data.pkl"))
    (tmp_path / "mine.pt").write_bytes(rewritten(data, "/data.pkl", own))
    assert load_generator(tmp_path / "mine.pt", "normal").dim == DIM


def test_script_that_is_sent_is_refused(tmp_path):
    data = saved(tmp_path / "mine.pt", scripted(network())).read_bytes()
    assert is_torchscript(data)
    assert not is_torchscript(exported())
    with pytest.raises(ModelError, match=r"a program, which can touch files.*--model on the"):
        Library().add(data, "mine.pt", otmaps.Normal(), DIM)


# ------------------------------------------------------------------------------- from the outside


def test_commands_take_a_script(tmp_path, monkeypatch):
    for needed in ("starlette", "uvicorn"):
        installed(needed)
    from otmaps._explorer import _server

    path = saved(tmp_path / "mine.pt", scripted(network()))
    served = []
    monkeypatch.setattr(_server, "serve", lambda studio, opening, **how: served.append(opening))
    options = ["explore", "--no-browser", "--prior", "normal", "--model"]
    result = CliRunner().invoke(main, [*options, str(path)])
    assert result.exit_code == 0, result.output
    assert [opening.model for opening in served] == ["mine"]
    path.write_bytes(by_torch_save(Trap(tmp_path / "trace")))
    result = CliRunner().invoke(main, [*options, str(path)])
    assert result.exit_code == 2
    assert "never opened here" in " ".join(result.output.split())
    assert not (tmp_path / "trace").exists()


def test_demo_takes_a_script(tmp_path):
    path = saved(tmp_path / "mine.pt", scripted(network()))
    (found,) = _run._generators(None, path, "normal", None, None)
    assert (found.name, found.dim) == ("mine", DIM)


def test_missing_torch_is_told(tmp_path, monkeypatch):
    path = saved(tmp_path / "mine.pt", scripted(network()))
    monkeypatch.setitem(__import__("sys").modules, "torch", None)
    with pytest.raises(ImportError, match=r"needs torch: pip install 'otmaps\[torch\]'"):
        load_generator(path, "normal")
