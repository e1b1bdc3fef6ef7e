"""The command line: every command on good and on bad input, as a user meets it."""

import dataclasses
import json
import subprocess
import sys
import warnings
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

import otmaps
from otmaps.cli import main
from otmaps.cli._arguments import parse_law

OWN = '''
import otmaps


@otmaps.operation(version="1")
def sharpen(z1, z2, *, strength=0.3):
    """Move z1 away from z2."""
    return z1 + strength * (z1 - z2)


@otmaps.operation
def bare(z):
    return 2.0 * z


def undecorated(z):
    return z


fixed = sharpen(strength=0.25)
answer = 42
'''


@pytest.fixture
def here(tmp_path, monkeypatch):
    """A working directory with latents in files and with operations of the user."""
    folder = tmp_path / "work"
    folder.mkdir()
    monkeypatch.chdir(folder)
    monkeypatch.setattr(sys, "path", [*sys.path])
    for name in ("own", "broken"):  # each test runs the files anew
        monkeypatch.delitem(sys.modules, name, raising=False)
    rng = np.random.default_rng(0)
    for name in ("a", "b", "c", "d"):
        np.save(folder / f"{name}.npy", rng.normal(size=(20, 4)))
    np.save(folder / "half.npy", rng.normal(size=(20, 4)).astype(np.float16))
    np.save(folder / "row.npy", rng.normal(size=4))
    np.save(folder / "three.npy", rng.normal(size=(20, 3)))
    np.save(folder / "integers.npy", rng.integers(-2, 3, size=(20, 4)))
    np.save(folder / "empty.npy", np.zeros((0, 4)))
    np.save(folder / "objects.npy", np.array([1, "a", None], dtype=object))
    np.save(folder / "text.npy", np.array(["a", "b"]))
    np.save(folder / "complex.npy", np.zeros(4, dtype=complex))
    np.savez(folder / "archive.npz", a=np.zeros(4))
    (folder / "short.npy").write_bytes((folder / "a.npy").read_bytes()[:200])
    (folder / "nothing.npy").write_bytes(b"")
    (folder / "noise.npy").write_bytes(b"these are no latents at all")
    (folder / "own.py").write_text(OWN)
    (folder / "broken.py").write_text("import a_module_that_is_not_there\n")
    return folder


def run(*args, width=80, **env):
    runner = CliRunner(env={"COLUMNS": str(width)} | env)
    return runner.invoke(main, [str(a) for a in args])


def good(*args, width=80, code=0, **env):
    result = run(*args, width=width, **env)
    assert result.exit_code == code, result.output
    return result.stdout


def parsed(*args, code=0):
    return json.loads(good(*args, "--json", code=code))


def bad(*args, **env):
    """The one line that a mistake gets."""
    result = run(*args, **env)
    assert result.exit_code == 2, result.output
    assert result.stdout == ""
    assert result.stderr.startswith("Error: ")
    assert result.stderr.count("\n") == 1
    assert "Traceback" not in result.stderr
    return result.stderr


def subprocess_run(*command, **kwargs):
    return subprocess.run(
        [sys.executable, *command], capture_output=True, text=True, check=False, **kwargs
    )


# -------------------------------------------------------------------------------------------- help
COMMANDS = [
    ["ops"],
    ["inspect"],
    ["match"],
    ["check"],
    ["diagnose"],
    ["precompute"],
    ["store"],
    ["store", "list"],
    ["store", "verify"],
    ["store", "prune"],
    ["store", "export"],
    ["store", "import"],
    ["demo"],
]


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_every_command_has_help_with_examples(command):
    text = good(*command, "--help", width=80)
    assert text.startswith(f"Usage: otmaps {' '.join(command)} ")
    examples = text.partition("Examples:\n")[2].partition("\n\n")[0]
    assert f"otmaps {command[0]}" in examples
    assert max(map(len, text.splitlines())) <= 80


@pytest.mark.parametrize("command", [["inspect"], ["match"], ["check"], ["precompute"]])
def test_help_says_that_naming_a_file_runs_it(command):
    text = " ".join(good(*command, "-h").split())
    assert "Naming a file or a module runs its code" in text


def test_without_a_command_the_help_is_shown_in_the_order_of_use():
    text = good()
    listed = [line.split()[0] for line in text.partition("Commands:\n")[2].splitlines()[:12]]
    assert listed == [
        "ops",
        "inspect",
        "match",
        "check",
        "diagnose",
        "precompute",
        "store",
        "demo",
        "explore",
        "doctor",
        "completion",
        "help",
    ]
    assert "..." not in text.partition("Commands:\n")[2].partition("Examples:")[0]


def test_version():
    assert good("--version") == f"otmaps {otmaps.__version__}\n"


def test_the_module_is_the_command():
    done = subprocess_run("-W", "error", "-m", "otmaps", "--version")
    assert (done.returncode, done.stdout) == (0, f"otmaps {otmaps.__version__}\n")


def test_help_loads_nothing_heavy():
    heavy = ["matplotlib", "ot", "plotext", "rich", "scipy.stats", "onnxruntime", "otmaps.demo"]
    code = (
        "import sys; from otmaps.cli import main; main(['inspect', '--help'], "
        f"standalone_mode=False); print(*[m for m in {heavy} if m in sys.modules])"
    )
    done = subprocess_run("-W", "error", "-c", code)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == ""


# ---------------------------------------------------------------------------------- ops, completion
def test_ops_lists_operations_with_parameters():
    text = good("ops", width=120)
    for name in otmaps.operations():
        assert name in text
    assert "weights (required)" in text
    assert "t=0.5" in text


def test_ops_as_json():
    found = {entry["name"]: entry for entry in parsed("ops")}
    assert found.keys() == otmaps.operations().keys()
    assert found["lerp"]["latents"] == ["z1", "z2"]
    assert found["lerp"]["parameters"] == {"t": 0.5}
    assert found["barycenter"]["parameters"] == {"weights": "required"}
    assert not found["slerp"]["pointwise"]
    built_in = ("analogy", "barycenter", "lerp", "linear", "slerp", "vicinity")
    assert all(found[name]["doc"] for name in built_in)  # other tests register their own


def test_ops_lists_the_operations_of_a_file(here):
    found = {entry["name"]: entry for entry in parsed("ops", "own.py")}
    assert found["sharpen"]["parameters"] == {"strength": 0.3}
    assert found["sharpen"]["doc"] == "Move z1 away from z2."


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_scripts(shell):
    assert "_OTMAPS_COMPLETE" in good("completion", shell)
    assert "Install it once" in good("completion", "--help")


def test_completion_knows_operations_and_laws(here):
    def completed(words):
        count = len(words.split()) - (0 if words.endswith(" ") else 1)
        env = {"_OTMAPS_COMPLETE": "bash_complete", "COMP_WORDS": words, "COMP_CWORD": str(count)}
        runner = CliRunner(env=env)
        lines = runner.invoke(main, prog_name="otmaps").output.splitlines()
        return [line.partition(",")[2] for line in lines]

    assert completed("otmaps inspect ler") == ["lerp"]
    assert completed("otmaps inspect lerp --prior unif") == ["uniform"]
    assert "precompute" in completed("otmaps pre")


# ------------------------------------------------------------------------------------------ inspect
@pytest.mark.parametrize("width", [60, 80, 120])
def test_inspect_fits_the_terminal(width):
    text = good("inspect", "lerp", "--prior", "uniform", width=width)
    for expected in ("closed form", "KL", "Wasserstein-1", "E|y|^2", "density", "T(y)", "prior"):
        assert expected in text
    assert max(map(len, text.splitlines())) <= width
    assert "\x1b" not in text  # no colours in a file
    plots = [line for line in text.splitlines() if "┤" in line]
    assert len(plots) >= (10 if width == 60 else 5)


def test_inspect_as_json_is_what_the_library_says():
    found = parsed("inspect", "lerp", "-p", "t=0.3", "--prior", "uniform(-1, 2)", "--dim", "7")
    prior = otmaps.Uniform(-1.0, 2.0)
    op = otmaps.lerp(0.3)
    law = otmaps.pushforward(op, prior)
    assert found["law"]["mean"] == law.mean()
    assert found["law"]["support"] == list(law.support())
    assert found["law"]["quantiles"]["0.25"] == law.ppf(0.25)
    assert found["mismatch"] == otmaps.mismatch(op, prior, dim=7).as_dict()
    assert found["map"]["error"] == otmaps.match(op, prior).map.error
    assert found["map"]["kind"] == "table"
    assert found["map"]["cells"] > 0


def test_json_has_no_bare_infinities():
    text = good("inspect", "lerp", "--prior", "cauchy", "--json")
    found = json.loads(text, parse_constant=lambda name: pytest.fail(f"{name} is not JSON"))
    assert found["law"]["support"] == ["-inf", "inf"]
    assert found["law"]["mean"] is None


def test_inspect_takes_laws_of_single_latents():
    mixed = parsed("inspect", "vicinity", "-p", "eps=.5", "--prior", "normal", "-i", "u=uniform")
    law = otmaps.pushforward(otmaps.vicinity(0.5), otmaps.Normal(), inputs={"u": "uniform"})
    assert mixed["law"]["std"] == law.std()


def test_inspect_without_unicode_leaves_the_plots_out():
    done = subprocess_run(
        "-m", "otmaps", "inspect", "lerp", env={"PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0"}
    )
    assert done.returncode == 0, done.stderr
    assert "no plots" in done.stdout


def test_inspect_draws_a_png(here):
    good("inspect", "lerp", "--prior", "uniform", "--png", "figure.png")
    assert (here / "figure.png").read_bytes().startswith(b"\x89PNG")


def test_inspect_says_what_is_missing_for_a_png(here, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    result = run("inspect", "lerp", "--json", "--png", "figure.png")
    assert result.exit_code == 2
    assert "pip install 'otmaps[plots]'" in result.stderr
    assert not (here / "figure.png").exists()


def test_warnings_are_one_line(here):
    result = run("inspect", "own.py:bare", "--prior", "normal", "--method", "monte_carlo")
    assert result.exit_code == 0, result.output
    lines = result.stderr.splitlines()
    assert lines
    assert all(line.startswith("Warning: ") for line in lines)
    assert len(lines) == len(set(lines))


# -------------------------------------------------------------------------------------------- match
@pytest.mark.parametrize("prior", ["normal", "uniform", "logistic(0, 2)"])
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_match_is_what_the_library_computes(here, prior, dtype):
    law = parse_law(prior)
    z1, z2 = law.rvs((2, 30, 5), 1).astype(dtype)
    np.save("z1.npy", z1)
    np.save("z2.npy", z2)
    text = good("match", "lerp", "z1.npy", "z2.npy", "-p", "t=.3", "--prior", prior, "-o", "o.npy")
    assert "30 x 5" in text
    found = np.load("o.npy", allow_pickle=False)
    expected = otmaps.match(otmaps.lerp(0.3), law)(z1, z2)
    assert found.dtype == dtype
    np.testing.assert_array_equal(found, expected)


MATCHED_FILES = [
    # operation, files, shape, dtype
    (["lerp"], ["a", "row"], (20, 4), "f8"),
    (["lerp"], ["half", "half"], (20, 4), "f2"),
    (["lerp"], ["half", "a"], (20, 4), "f8"),
    (["lerp"], ["integers", "a"], (20, 4), "f8"),
    (["lerp"], ["empty", "row"], (0, 4), "f8"),
    (["analogy"], ["a", "b", "c"], (20, 4), "f8"),
    (["barycenter", "-p", "weights=.25,.25,.25,.25"], ["a", "b", "c", "d"], (20, 4), "f8"),
    (["linear", "-p", "weights=[1, -1]"], ["a", "b"], (20, 4), "f8"),
    (["linear", "-p", "weights=-2,"], ["a"], (20, 4), "f8"),
    (["vicinity", "-p", "eps=.5"], ["a", "b"], (20, 4), "f8"),
    (["own.py:sharpen", "-p", "strength=1"], ["a", "b"], (20, 4), "f8"),
    (["own.py:fixed"], ["a", "b"], (20, 4), "f8"),
    (["own:sharpen"], ["a", "b"], (20, 4), "f8"),
]


@pytest.mark.parametrize(("operation", "files", "shape", "dtype"), MATCHED_FILES)
def test_match_serves(here, operation, files, shape, dtype):
    good("match", *operation, *(f"{name}.npy" for name in files), "-o", "out.npy")
    found = np.load("out.npy", allow_pickle=False)
    assert found.shape == shape
    assert found.dtype == np.dtype(dtype)


def test_match_takes_a_sample_as_prior(here):
    rng = np.random.default_rng(2)
    np.save("sample.npy", rng.exponential(size=4000))
    np.save("z1.npy", rng.exponential(size=2000))
    np.save("z2.npy", rng.exponential(size=2000))
    files = ("z1.npy", "z2.npy", "--prior", "sample.npy", "-o", "out.npy")
    good("match", "lerp", *files, "--method", "monte_carlo")
    assert abs(np.load("out.npy").std() - 1.0) < 0.15  # six standard errors of the sd


def test_match_does_not_overwrite_without_force(here):
    args = ("match", "lerp", "a.npy", "b.npy", "-o", "out.npy")
    good(*args, "-p", "t=0")
    assert "--force" in bad(*args, "-p", "t=1")
    np.testing.assert_array_equal(np.load("out.npy"), np.load("a.npy"))
    good(*args, "-p", "t=1", "--force")
    np.testing.assert_array_equal(np.load("out.npy"), np.load("b.npy"))


def test_match_can_write_over_its_own_input(here):
    expected = otmaps.match(otmaps.lerp(0.5), "normal")(np.load("a.npy"), np.load("b.npy"))
    good("match", "lerp", "a.npy", "b.npy", "-o", "a.npy", "--force")
    np.testing.assert_array_equal(np.load("a.npy"), expected)


def test_match_leaves_nothing_behind_when_writing_fails(here, monkeypatch):
    before = sorted(here.iterdir())

    def full(*args, **kwargs):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(np, "save", full)
    assert "No space left" in bad("match", "lerp", "a.npy", "b.npy", "-o", "out.npy")
    assert sorted(here.iterdir()) == before


def test_match_counts_nan(here):
    np.save("nan.npy", np.array([np.nan, 1.0, np.inf]))
    result = run("match", "lerp", "nan.npy", "nan.npy", "-o", "out.npy")
    assert result.stderr == "Warning: 1 of 3 results are NaN.\n"
    np.testing.assert_array_equal(np.isnan(np.load("out.npy")), [True, False, False])


# ----------------------------------------------------------------------------------------- mistakes
MATCH = ("match", "lerp", "a.npy")
MISTAKES = [
    # arguments, what the line must name
    (["frobnicate"], "frobnicate"),
    (["--frobnicate"], "--frobnicate"),
    (["match"], "OPERATION"),
    (["match", "lerp"], "IN.npy"),
    ([*MATCH, "b.npy"], "--output"),
    ([*MATCH, "-o", "x.npy"], "takes 2 latents (z1, z2), got 1 file"),
    ([*MATCH, "b.npy", "c.npy", "-o", "x.npy"], "got 3 files"),
    ([*MATCH, "missing.npy", "-o", "x.npy"], "missing.npy"),
    ([*MATCH, "three.npy", "-o", "x.npy"], "do not broadcast"),
    ([*MATCH, "objects.npy", "-o", "x.npy"], "objects.npy"),
    ([*MATCH, "text.npy", "-o", "x.npy"], "text.npy"),
    ([*MATCH, "complex.npy", "-o", "x.npy"], "complex.npy"),
    ([*MATCH, "archive.npz", "-o", "x.npy"], "archive.npz"),
    ([*MATCH, "short.npy", "-o", "x.npy"], "short.npy"),
    ([*MATCH, "nothing.npy", "-o", "x.npy"], "nothing.npy"),
    ([*MATCH, "noise.npy", "-o", "x.npy"], "noise.npy"),
    ([*MATCH, "b.npy", "-o", "no/folder/x.npy"], "no/folder/x.npy"),
    ([*MATCH, "b.npy", "-o", "x.npy", "--tol", "-1"], "tol"),
    ([*MATCH, "b.npy", "-o", "x.npy", "--tol", "small"], "--tol"),
    ([*MATCH, "b.npy", "-o", "x.npy", "--method", "guess"], "guess"),
    ([*MATCH, "b.npy", "-o", "x.npy", "--store", "file:///x"], "file:///x"),
    ([*MATCH, "b.npy", "-o", "x.npy", "-i", "q=uniform"], "'q'"),
    ([*MATCH, "b.npy", "-o", "x.npy", "-i", "z1"], "name=LAW"),
    ([*MATCH, "b.npy", "-o", "x.npy", "-i", "z1=nope"], "'nope'"),
    (["match", "slerp", "a.npy", "b.npy", "-o", "x.npy"], "slerp"),
    (["inspect", "lepr"], "did you mean 'lerp'?"),
    (["inspect", "own.py"], "own.py:NAME"),
    (["inspect", "missing.py:f"], "missing.py"),
    (["inspect", "broken.py:f"], "a_module_that_is_not_there"),
    (["inspect", "no_module_here:f"], "no_module_here"),
    (["inspect", "own.py:nothing"], "it has sharpen, bare"),
    (["inspect", "own.py:undecorated"], "@otmaps.operation"),
    (["inspect", "own.py:answer"], "int"),
    (["ops", "broken.py"], "a_module_that_is_not_there"),
    (["inspect", "lerp", "-p", "t"], "name=value"),
    (["inspect", "lerp", "-p", "=3"], "name=value"),
    (["inspect", "lerp", "-p", "s=3"], "it has t"),
    (["inspect", "lerp", "-p", "t=nan"], "finite"),
    (["inspect", "lerp", "-p", "t=half"], "t=half"),
    (["inspect", "lerp", "-p", "t=1,2"], "t=1,2"),
    (["inspect", "lerp", "-p", "t=0", "-p", "t=1"], "twice"),
    (["inspect", "barycenter"], "-p weights=VALUE"),
    (["inspect", "barycenter", "-p", "weights=.5,.6"], "sum to 1"),
    (["inspect", "linear", "-p", "weights=()"], "weights"),
    (["inspect", "linear", "-p", "weights=__import__('os')"], "weights"),
    (["inspect", "lerp", "--dim", "0"], "--dim"),
    (["inspect", "lerp", "--prior", "lapalce"], "did you mean 'laplace'?"),
    (["inspect", "lerp", "--prior", "normal(0, -1)"], "scale"),
    (["inspect", "lerp", "--prior", "normal(0, 1, 2)"], "normal(loc=0.0, scale=1.0)"),
    (["inspect", "lerp", "--prior", "student_t"], "df"),
    (["inspect", "lerp", "--prior", "normal(0"], "--prior"),
    (["inspect", "lerp", "--prior", "normal(open('x'))"], "--prior"),
    (["inspect", "lerp", "--prior", "np.random.normal(1)"], "--prior"),
    (["inspect", "lerp", "--prior", ""], "--prior"),
    (["inspect", "lerp", "--prior", "missing.npy"], "missing.npy"),
    (["inspect", "lerp", "--prior", "a.npy"], "one-dimensional"),
    (["inspect", "lerp", "--png", "x.nonsense"], "nonsense"),
    (["check", "lerp", "-n", "5"], "--draws"),
    (["check", "lerp", "--seed", "-1"], "--seed"),
    (["diagnose", "a.npy", "--axis", "one"], "--axis"),
    (["diagnose", "a.npy", "--axis", "7"], "axis=(7,)"),
    (["diagnose", "a.npy", "--level", "1"], "--level"),
    (["diagnose", "missing.npy"], "missing.npy"),
    (["diagnose", "row.npy"], "axis=0 for one latent"),
    (["precompute", "lerp", "-p", "t=0:1"], "t"),
    (["precompute", "lerp", "-p", "t=0:1:0"], "0:1:0"),
    (["precompute", "lerp", "-p", "t=0:b:3"], "0:b:3"),
    (["precompute", "lerp", "--workers", "0"], "--workers"),
    (["precompute", "lerp", "--prior", "nope"], "nope"),
    (["store", "prune", "--max-bytes", "many"], "many"),
    (["store", "prune", "--max-age", "-3d"], "-3d"),
    (["store", "list", "file:///bucket"], "file:///bucket"),
    (["store", "frobnicate"], "frobnicate"),
    (["demo", "--prior", "normal"], "--model"),
    (["demo", "--model", "own.py"], "--prior"),
    (["demo", "-n", "3"], "--samples"),
    (["completion", "csh"], "csh"),
]


@pytest.mark.parametrize(("args", "named"), MISTAKES, ids=[" ".join(m[0]) for m in MISTAKES])
def test_a_mistake_gets_one_line_that_names_it(here, args, named):
    before = sorted(here.rglob("*.npy"))
    assert named in bad(*args)
    assert sorted(here.rglob("*.npy")) == before


def test_nothing_is_evaluated_or_unpickled(here):
    class Trap:
        def __reduce__(self):
            return (Path.touch, (Path(here, "sprung"),))

    np.save("trap.npy", np.array([Trap()], dtype=object), allow_pickle=True)
    bad("match", "lerp", "trap.npy", "a.npy", "-o", "x.npy")
    bad("inspect", "lerp", "--prior", "trap.npy")
    bad("inspect", "lerp", "--prior", "normal(__import__('pathlib').Path('sprung').touch())")
    bad("inspect", "lerp", "-p", "t=__import__('pathlib').Path('sprung').touch()")
    assert not (here / "sprung").exists()


@pytest.mark.parametrize("how", [["--debug"], []], ids=["option", "environment"])
def test_debug_shows_the_traceback(here, how):
    env = {} if how else {"OTMAPS_DEBUG": "1"}
    result = run(*how, "inspect", "lerp", "--tol", "-1", **env)
    assert result.exit_code == 2
    assert "Traceback" in result.stderr
    assert result.stderr.splitlines()[-1].startswith("Error: tol")


def test_bugs_are_not_hidden(monkeypatch):
    def broken(*args, **kwargs):
        raise KeyError("a bug of ours")

    monkeypatch.setattr(otmaps, "match", broken)
    assert isinstance(run("inspect", "lerp").exception, KeyError)


def test_warnings_of_others_are_lines_too(monkeypatch):
    def noisy(*args, **kwargs):
        for _ in range(2):
            warnings.warn("careful\nwith this", RuntimeWarning, stacklevel=1)
        raise ValueError("over")

    monkeypatch.setattr(otmaps, "match", noisy)
    with warnings.catch_warnings():
        warnings.simplefilter("default")
        result = run("inspect", "lerp")
    assert result.stderr == "Warning: careful with this\nError: over\n"


def test_real_processes_agree(here):
    failed = subprocess_run("-m", "otmaps", "match", "lerp", "a.npy", "-o", "x.npy")
    assert failed.returncode == 2
    assert failed.stderr.count("\n") == 1
    served = subprocess_run("-m", "otmaps", "match", "lerp", "a.npy", "b.npy", "-o", "x.npy")
    assert (served.returncode, served.stderr) == (0, "")
    expected = otmaps.match(otmaps.lerp(0.5), "normal")(np.load("a.npy"), np.load("b.npy"))
    np.testing.assert_array_equal(np.load("x.npy"), expected)


@pytest.mark.skipif(sys.platform == "win32", reason="pipes of POSIX")
def test_a_reader_that_leaves_is_no_error():
    command = f"{sys.executable} -m otmaps ops --json | true"
    done = subprocess.run(["sh", "-c", command], capture_output=True, text=True, check=False)
    assert done.stderr == ""


# -------------------------------------------------------------------------------------------- check
def test_check_holds():
    text = good("check", "lerp", "--prior", "uniform", "-n", "500", width=120)
    assert "The map holds." in text
    found = parsed("check", "lerp", "--prior", "uniform", "-n", "500", "--dim", "1", "--seed", "3")
    m = otmaps.match(otmaps.lerp(0.5), "uniform")
    assert found["holds"] is True
    assert found["rows"] == otmaps.check(m, n=500, dim=1, seed=3).as_dict()["rows"]


def test_check_of_a_wrong_map_exits_with_1(monkeypatch):
    class Shifted:
        def __init__(self, right):
            self.operation, self.inputs = right.operation, right.inputs
            self.source, self.target, self.map = right.source, right.target, right.map
            self.right = right

        def __call__(self, *z):
            return self.right(*z) + 0.1

    match = otmaps.match
    monkeypatch.setattr(otmaps, "match", lambda *a, **k: Shifted(match(*a, **k)))
    text = good("check", "lerp", "--prior", "uniform", "-n", "500", code=1)
    assert "The map does not hold" in text
    assert parsed("check", "lerp", "--prior", "uniform", "-n", "500", code=1)["holds"] is False


# ----------------------------------------------------------------------------------------- diagnose
def test_diagnose(here):
    text = good("diagnose", "a.npy", width=120)
    assert "Nothing contradicts the prior." in text
    found = parsed("diagnose", "row.npy", "--axis", "0", "--seed", "3")
    row = np.load(here / "row.npy")
    assert found["rows"] == otmaps.diagnose(row, "normal", axis=0, seed=3).as_dict()["rows"]
    np.save(here / "raw.npy", 0.5 * np.load(here / "a.npy") + 0.5 * np.load(here / "b.npy"))
    text = good("diagnose", "raw.npy", "--level", "0.01", code=1, width=120)
    assert "The latents do not follow the prior: " in text
    assert parsed("diagnose", "raw.npy", "--level", "0.01", code=1)["fits"] is False


# ----------------------------------------------------------------------------- precompute and store
GRIDS = [
    # operation and parameters, number of tables
    (["lerp", "-p", "t=0.1:0.4:4"], 4),
    (["lerp", "-p", "t=0.1,0.2"], 2),
    (["lerp", "-p", "t=0.1", "-p", "t=0.2", "-p", "t=.3"], 3),
    (["lerp", "-p", "t=0.2,0.2"], 1),
    (["barycenter", "-p", "weights=.5,.3,.2"], 1),
    (["barycenter", "-p", "weights=.5,.3,.2", "-p", "weights=.7,.3"], 2),
    (["own.py:sharpen", "-p", "strength=.1,.2"], 2),
]


@pytest.mark.parametrize(("args", "count"), GRIDS, ids=[" ".join(g[0]) for g in GRIDS])
def test_precompute_makes_the_tables_of_a_grid(here, args, count):
    found = parsed("precompute", *args, "--prior", "uniform")
    assert [r["status"] for r in found["results"]] == ["built"] * count
    assert all(0 < r["error"] < 1e-9 and r["size"] > 0 for r in found["results"])
    again = parsed("precompute", *args, "--prior", "uniform")
    assert {r["status"] for r in again["results"]} == {"found"}
    assert len(parsed("store", "list")["tables"]) == count


def test_match_finds_what_precompute_made(here, store_dir):
    good("precompute", "lerp", "-p", "t=.3", "--prior", "uniform")
    before = {path: path.stat().st_mtime_ns for path in store_dir.rglob("*.safetensors")}
    good("match", "lerp", "a.npy", "b.npy", "-p", "t=.3", "--prior", "uniform", "-o", "x.npy")
    after = {path: path.stat().st_mtime_ns for path in store_dir.rglob("*.safetensors")}
    assert before == after
    assert len(after) == 1


def test_precompute_summary_and_priors(here):
    text = good("precompute", "lerp", "-p", "t=.2,.4", "--prior", "uniform", "--prior", "logistic")
    assert "built" in text
    assert "4 tables in" in text
    assert "largest error" in text


def test_precompute_in_processes(here):
    """An operation of a file, decorated: the workers find it by its name."""
    args = ("own.py:sharpen", "-p", "strength=.2,.4", "--prior", "uniform", "--workers", "2")
    found = parsed("precompute", *args)
    assert [result["status"] for result in found["results"]] == ["built", "built"]


def test_precompute_reports_what_failed(here):
    (here / "relu.py").write_text(
        "import numpy, otmaps\n\n\n@otmaps.operation(version='1')\n"
        "def relu(a, *, slope=1.0):\n    return slope * numpy.maximum(a, 0.0)\n"
    )
    result = run("precompute", "relu.py:relu", "-p", "slope=1,2")
    assert result.exit_code == 1
    lines = result.stderr.splitlines()
    assert [line.partition(")")[0] for line in lines] == [
        "Failed: relu(slope=1",
        "Failed: relu(slope=2",
    ]
    assert all("AtomError" in line for line in lines)


def test_precompute_says_what_is_not_stored(here):
    (here / "square.py").write_text(
        "import otmaps\n\n\n@otmaps.operation\ndef square(a, b):\n    return a * b\n"
    )
    result = run("precompute", "square.py:square")
    assert (result.exit_code, result.stderr) == (0, "")
    assert "1 not stored" in result.stdout
    assert "version=" in result.stdout


def test_store_lists_verifies_and_prunes(here, store_dir):
    assert "0 tables" in good("store", "list")
    good("precompute", "lerp", "-p", "t=.2,.3,.4", "--prior", "uniform(-1, 3)")
    text = good("store", "list", width=140)
    assert "3 tables" in text
    assert "Uniform(high=3, low=-1)" in text
    assert "linear[" in text
    assert parsed("store", "verify")["good"] == 3

    entries = parsed("store", "list")["tables"]
    victim = next(store_dir.rglob(f"{entries[0]['key']}.safetensors"))
    victim.write_bytes(victim.read_bytes()[:-1])
    text = good("store", "verify", code=1)
    assert "2 good, 1 bad" in text
    assert victim.name[:20] in text
    assert len(parsed("store", "verify", code=1)["bad"]) == 1
    assert any(e["message"] for e in parsed("store", "list")["tables"])

    assert parsed("store", "prune", "--max-age", "30d")["removed"] == []
    found = parsed("store", "prune", "--max-bytes", f"{entries[0]['size'] + 10}")
    assert found["kept"] == 1
    assert "1 tables removed" in good("store", "prune", "--max-bytes", "0k")


@pytest.mark.parametrize(
    ("text", "value"),
    [("100", 100), ("2k", 2048), ("1.5M", 1572864), ("1GiB", 2**30), ("3kB", 3072)],
)
def test_sizes(monkeypatch, text, value):
    seen = {}

    def prune(self, **limits):
        seen.update(limits)
        return ()

    monkeypatch.setattr(otmaps.TableStore, "prune", prune)
    good("store", "prune", "--max-bytes", text, "--max-age", "2h")
    assert seen == {"max_bytes": value, "max_age": 7200.0}


def test_store_of_another_place(here):
    good("precompute", "lerp", "-p", "t=.2", "--prior", "uniform", "--store", "tables")
    assert len(parsed("store", "list", "tables")["tables"]) == 1
    assert parsed("store", "list")["tables"] == []


def test_store_exports_and_imports(here, store_dir):
    good("precompute", "lerp", "-p", "t=.2,.3,.4", "--prior", "uniform")
    assert "3 tables copied" in good("store", "export", "all.tar")
    key = parsed("store", "list")["tables"][0]["key"]
    assert parsed("store", "export", "one.tar", "--key", key[:10])["copied"] == 1
    assert "1 tables copied" in good("store", "import", "one.tar", "other")
    assert parsed("store", "import", "all.tar", "other") == {
        "archive": "all.tar",
        "copied": 2,
        "present": 1,
        "left_out": [],
    }
    assert parsed("store", "verify", "other")["good"] == 3

    victim = next(store_dir.rglob("*.safetensors"))
    victim.write_bytes(victim.read_bytes()[:-1])
    text = good("store", "export", "rest.tar", code=1)
    assert "2 tables copied" in text
    assert "SHA-256" in text
    assert run("store", "export", "none.tar", "--key", "zz").exit_code == 2
    Path("noise.tar").write_bytes(b"noise" * 1000)
    result = run("store", "import", "noise.tar")
    assert result.exit_code == 2
    assert "no plain tar archive" in result.stderr


# --------------------------------------------------------------------------------------------- laws
LAWS = [
    ("normal", otmaps.Normal()),
    ("Normal", otmaps.Normal()),
    ("gaussian", otmaps.Normal()),
    ("gaussian(1, scale=2)", otmaps.Normal(1.0, 2.0)),
    ("uniform", otmaps.Uniform(-1.0, 1.0)),
    ("uniform(-1,1)", otmaps.Uniform(-1.0, 1.0)),
    (" uniform( low=0, high=2.5 ) ", otmaps.Uniform(0.0, 2.5)),
    ("student_t(5)", otmaps.StudentT(5)),
    ("studentt(df=5)", otmaps.StudentT(5)),
    ("laplace(0,2)", otmaps.Laplace(0.0, 2.0)),
    ("log_normal(0.5)", otmaps.LogNormal(0.5)),
    ("beta(2, 3)", otmaps.Beta(2, 3)),
    ("cauchy(-1, 1e-3)", otmaps.Cauchy(-1.0, 1e-3)),
]


@pytest.mark.parametrize(("text", "law"), LAWS)
def test_laws_are_read(text, law):
    assert parse_law(text) == law


# --------------------------------------------------------------------------------------------- demo
@pytest.fixture
def fake_demo(monkeypatch):
    """The demo without its work: what it was asked for, and a report with and without scores."""
    from otmaps import demo

    asked = {}

    def fake(output, *, progress, **options):
        asked.update(options, output=output)
        progress("drawing", 0.5)
        scored = demo.Row(
            "digits", "fresh", "random", 3.25, 0.05, 0.0, 0.01, 0.002, 0.008, 1.0, 0.1
        )
        bare = dataclasses.replace(
            scored, score=None, score_std=None, change=None, frechet=None, norm=float("nan")
        )
        model = demo.ModelReport("digits", otmaps.Uniform(), 64, {}, (scored, bare), 0.2)
        page = Path(output) / "index.html"
        return demo.DemoReport(page, page.with_name("results.json"), (model,), 50, 0, 0.2)

    monkeypatch.setattr(demo, "run", fake)
    return asked


def test_demo_passes_its_options_on(here, fake_demo):
    (here / "g.onnx").touch()
    text = good("demo", "--output", "o", "-n", "60", "--seed", "3", "--model", "g.onnx",
                "--prior", "normal", "--dim", "8", "--classifier", "g.onnx")  # fmt: skip
    assert fake_demo == {
        "output": Path("o"),
        "n": 60,
        "seed": 3,
        "model_path": Path("g.onnx"),
        "prior": otmaps.Normal(),
        "dim": 8,
        "classifier_path": Path("g.onnx"),
    }
    assert "3.250 +- 0.050" in text
    assert f"Page: {Path('o/index.html')}" in text


def test_demo_uses_its_own_generators_by_default(here, fake_demo):
    good("demo")
    assert fake_demo["model_path"] is None
    assert fake_demo["n"] == 10_000
