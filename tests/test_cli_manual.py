"""What all commands have in common: the manual, JSON, quiet and verbose; and the doctor."""

import dataclasses
import importlib.util
import json
from pathlib import Path

import click
import numpy as np
import pytest
from click.testing import CliRunner

import otmaps
from otmaps.cli import main
from otmaps.cli._command import Command
from otmaps.cli._manual import TOPICS
from otmaps.cli._probes import _package, _release

ROOT = Path(__file__).parents[1]


def leaves(group=main, words=()):
    for name, command in group.commands.items():
        if isinstance(command, click.Group):
            yield from leaves(command, (*words, name))
        else:
            yield (*words, name), command


COMMANDS = dict(leaves())
# Each command that speaks JSON, as a user would call it where the fixture has put files.
CALLS = {
    ("ops",): [],
    ("inspect",): ["lerp"],
    ("match",): ["lerp", "a.npy", "b.npy", "-o", "out.npy", "--force"],
    ("check",): ["lerp", "-n", "200"],
    ("diagnose",): ["a.npy"],
    ("precompute",): ["lerp", "-p", "t=.25", "--prior", "uniform"],
    ("store", "list"): [],
    ("store", "verify"): [],
    ("store", "prune"): ["--max-age", "30d"],
    ("store", "export"): ["all.tar"],
    ("store", "import"): ["all.tar"],
    ("doctor",): [],
}
calls = pytest.mark.parametrize("words", CALLS, ids=" ".join)


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(1)
    for name in ("a", "b"):
        np.save(f"{name}.npy", rng.normal(size=(40, 8)))
    assert run("store", "export", "all.tar", "-q").exit_code == 0
    return tmp_path


def run(*words, **env):
    return CliRunner(env={"COLUMNS": "80"} | env).invoke(main, [str(w) for w in words])


# -------------------------------------------------------------------------------------------- json
def test_every_command_that_shows_something_speaks_json():
    silent = {("completion",), ("help",)}
    spoken = {w for w, c in COMMANDS.items() if any("--json" in p.opts for p in c.params)}
    ours = {w for w, c in COMMANDS.items() if isinstance(c, Command)}
    assert spoken & ours == ours - silent == CALLS.keys() | {("demo",), ("explore",)}


@calls
def test_json_has_the_names_that_the_manual_lists(words):
    result = run(*words, *CALLS[words], "--json")
    assert result.exit_code == 0, result.output
    assert result.stderr == ""
    found = json.loads(result.stdout)
    (found,) = found[:1] if isinstance(found, list) else [found]
    assert set(found) == set(COMMANDS[words].manual.json)


def test_match_as_json_says_what_was_written():
    result = run("match", "lerp", "a.npy", "b.npy", "-p", "t=.3", "-o", "out.npy", "--json")
    found = json.loads(result.stdout)
    assert found["shape"] == list(np.load("out.npy").shape)
    assert found["map"]["kind"] == "affine"
    assert found["map"]["error"] == otmaps.match(otmaps.lerp(0.3), "normal").map.error
    assert found["nan"] == 0


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["inspect", "lrp", "--json"], "did you mean 'lerp'"),
        (["inspect", "lerp", "--json", "--nope"], "No such option"),
        (["match", "slerp", "a.npy", "b.npy", "-o", "x.npy", "--json"], "slerp"),
        (["store", "lst", "--json"], "lst"),
        (["check", "lerp", "--json", "--prior", "sphere(3)"], "law of whole latents"),
    ],
)
def test_errors_are_json_too(words, message):
    result = run(*words)
    assert (result.exit_code, result.stdout) == (2, "")
    (line,) = result.stderr.splitlines()
    error = json.loads(line)["error"]
    assert message in error["message"]
    assert error["exit_code"] == 2


def test_warnings_are_json_too():
    Path("own.py").write_text(
        "import otmaps\n\n\n@otmaps.operation\ndef bare(z):\n    return z * z\n"
    )
    result = run("inspect", "own.py:bare", "--method", "monte_carlo", "--json")
    assert result.exit_code == 0, result.output
    told = [json.loads(line)["warning"] for line in result.stderr.splitlines()]
    assert {w["kind"] for w in told} == {"AccuracyWarning"}
    quiet = run("inspect", "own.py:bare", "--method", "monte_carlo", "-q")
    assert quiet.stdout == ""
    assert len(quiet.stderr.splitlines()) == len(told)
    assert run("inspect", "own.py:bare", "--method", "monte_carlo", "-qq").output == ""


# ------------------------------------------------------------------------------- quiet and verbose
@calls
def test_quiet_says_nothing(words):
    assert run("-q", *words, *CALLS[words]).output == ""
    assert run(*words, *CALLS[words], "--quiet").output == ""


def test_quiet_keeps_errors_and_json():
    assert run("inspect", "lrp", "-qq").stderr.startswith("Error: ")
    assert json.loads(run("ops", "-q", "--json").stdout)


def test_verbose_says_how_long_each_step_took():
    result = run("inspect", "lerp", "-v")
    notes = result.stderr.splitlines()
    assert [note.split(":")[1].strip() for note in notes] == ["law and map", "mismatch"]
    assert "prior=Normal" in run("check", "lerp", "-n", "200", "--verbose").stderr
    assert run("inspect", "lerp").stderr == ""


@pytest.mark.parametrize("env", [{"NO_COLOR": "1"}, {}])
def test_colours_only_where_they_are_wanted(env):
    for words in (["inspect", "-h"], ["ops"], ["help", "laws"], ["inspect", "lrp"]):
        assert "\x1b" not in run(*words, **env).output


def test_colours_can_be_forced():
    for words in (["inspect", "-h"], ["ops"], ["inspect", "lrp"]):
        assert "\x1b[" in run(*words, FORCE_COLOR="1").output


# ------------------------------------------------------------------------------------------ manual
@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_help_is_a_page_of_a_manual(words):
    text = run(*words, "--help").stdout
    assert run("help", *words).stdout == text
    assert max(map(len, text.splitlines())) <= 80
    for section in ("Usage:", "Options:", "Examples:", "Exit status:"):
        assert f"\n{section}" in f"\n{text}"


def test_the_page_of_the_manual_is_up_to_date():
    spec = importlib.util.spec_from_file_location("page", ROOT / "tools" / "write_cli_page.py")
    tool = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(tool)
    assert tool.PAGE.read_text(encoding="utf-8") == tool.page(), "run tools/write_cli_page.py"


def test_topics():
    listed = run("help").stdout
    for topic in TOPICS:
        assert topic in listed
        text = run("help", topic).stdout
        assert "{" not in text.replace('{"', "").replace(": {", "")  # each name became a list
        assert max(map(len, text.splitlines())) <= 80
    for name in ("StudentT(df", "StandardNormal(dim)", "MultivariateCauchy(dim"):
        assert name in run("help", "laws").stdout
    assert "did you mean 'store'" in run("help", "sore").stderr


# ------------------------------------------------------------------------- laws of whole latents
def test_match_takes_laws_of_whole_latents():
    a, b = np.load("a.npy"), np.load("b.npy")
    args = ("a.npy", "b.npy", "-p", "t=.3", "-o", "out.npy", "--force")
    for name, text, prior in [
        ("lerp", "StandardNormal(8)", otmaps.StandardNormal(8)),
        ("slerp", "sphere(8)", otmaps.Sphere(8)),
    ]:
        assert run("match", name, *args, "--prior", text).exit_code == 0
        matched = otmaps.match(otmaps.operations()[name](t=0.3), prior)
        np.testing.assert_array_equal(np.load("out.npy"), matched(a, b))
    args = ("match", "slerp", *args)
    assert "holds 8" in run(*args, "--prior", "sphere(9)").stderr
    assert run(*args, "--prior", "multivariate_t(8)").exit_code == 2


NORMAL = otmaps.StandardNormal(8)


def test_many_latents_are_matched_by_blocks(monkeypatch):
    monkeypatch.setattr("otmaps.cli._latents._BLOCK", 70)  # not a divisor of the rows
    a, b = np.load("a.npy").astype("f4"), np.load("b.npy")[:1].astype("f4")
    np.save("a.npy", a)
    np.save("b.npy", b)
    for prior, law in (("laplace", otmaps.Laplace()), ("standard_normal(8)", NORMAL)):
        assert run("match", "lerp", "a.npy", "b.npy", "-o", "o.npy", "--prior", prior, "--force")
        found, expected = np.load("o.npy"), otmaps.match(otmaps.lerp(0.5), law)(a, b)
        assert found.dtype == expected.dtype
        np.testing.assert_array_equal(found, expected)


def test_inspect_shows_the_norm_for_laws_of_whole_latents():
    text = run("inspect", "lerp", "--prior", "StandardNormal(16)").stdout
    for words in ("law of the norm", "density of the norm", "KS distance of the norm"):
        assert words in text
    prior = otmaps.StandardNormal(16)
    args = ("inspect", "lerp", "--prior", "standard_normal(16)", "--png", "norm.png")
    found = json.loads(run(*args, "--json").stdout)
    assert found["of"] == "the norm"
    assert found["mismatch"] == otmaps.mismatch(otmaps.lerp(0.5), prior).as_dict()
    assert found["prior_law"]["mean"] == prior.norm.mean()
    assert Path("norm.png").stat().st_size > 10_000
    assert "--dim is that of the prior" in run(*args, "--dim", "4").stderr
    sphere = run("inspect", "lerp", "--prior", "sphere(16)", "--png", "norm.png")
    assert "goes to the sphere" in sphere.stdout
    assert json.loads(run("inspect", "lerp", "--prior", "sphere(16)", "--json").stdout)


def test_diagnose_takes_laws_of_whole_latents():
    found = json.loads(run("diagnose", "a.npy", "--prior", "standard_normal(8)", "--json").stdout)
    assert found["fits"] is True
    assert run("diagnose", "a.npy", "--prior", "sphere(8)").exit_code == 1


# ------------------------------------------------------------------------------------------ doctor
def findings(**env):
    result = run("doctor", "--json", **env)
    found = json.loads(result.stdout)
    assert result.exit_code == (0 if found["healthy"] else 1)
    return {(f["area"], f["name"]): f for f in found["findings"]}


def test_doctor_finds_a_working_installation():
    found = findings()
    assert found["result", "a known map"]["verdict"] == "good"
    assert found["system", "otmaps"]["found"].startswith(otmaps.__version__)
    assert found["packages", "numpy"]["found"] == np.__version__
    assert all(f["verdict"] != "BAD" for f in found.values())
    text = run("doctor").stdout
    assert "otmaps works here" in text
    assert max(map(len, text.splitlines())) <= 80


def test_doctor_sees_damaged_tables(tmp_path):
    place = tmp_path / "tables"
    run("precompute", "lerp", "-p", "t=.25", "--prior", "uniform", "--store", place)
    (file,) = place.rglob("*.safetensors")
    file.write_bytes(file.read_bytes()[:-1])
    found = findings(OTMAPS_STORE=str(place))["store", "tables"]
    assert found["verdict"] == "doubtful"
    assert "otmaps store verify" in found["remedy"]


def test_doctor_sees_a_store_that_is_a_file_and_shared_ones_that_are_not_there(tmp_path):
    (tmp_path / "file").touch()
    found = findings(OTMAPS_STORE=str(tmp_path / "file"), OTMAPS_SHARED_STORE=str(tmp_path / "no"))
    assert found["store", "place"]["verdict"] == "BAD"
    assert found["shared store", "place"]["verdict"] == "doubtful"


def test_doctor_sees_metadata_that_are_older_than_the_code(monkeypatch):
    monkeypatch.setattr("importlib.metadata.requires", lambda _: ["numpy>=1.26"])
    found = findings()
    assert found["extras", "plots"]["verdict"] == "doubtful"
    assert "again" in found["extras", "plots"]["remedy"]


def test_doctor_asks_nothing_of_an_object_store():
    found = findings(OTMAPS_STORE="s3://no-such-bucket/tables")
    place = found["store", "place"]
    assert "s3://no-such-bucket/tables" in place["found"]
    assert place["verdict"] == "good" or "otmaps[cloud]" in place["remedy"]
    assert ("store", "tables") not in found


def test_doctor_sees_a_directory_that_cannot_be_written(monkeypatch):
    def refuse(**_):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("tempfile.NamedTemporaryFile", refuse)
    found = findings()
    assert found["store", "place"]["verdict"] == "BAD"
    assert "Permission denied" in found["store", "place"]["found"]
    assert found["compiler", "cache"]["verdict"] in ("doubtful", "good")


def test_doctor_sees_wrong_results(monkeypatch):
    right = otmaps.match(otmaps.lerp(0.5), "uniform", store=None)
    other = otmaps.match(otmaps.lerp(0.4), "uniform", store=None)
    wrong = dataclasses.replace(right, map=other.map)
    monkeypatch.setattr(otmaps, "match", lambda *_, **__: wrong)
    result = run("doctor")
    assert result.exit_code == 1
    assert "Something does not work" in result.stdout


def test_doctor_compares_versions():
    assert _release("2.10.0rc1") == _release("2.10") > _release("2.9.9")
    assert _package("packages", "numpy>=1", optional=False).verdict == "good"
    assert _package("packages", "numpy>=999", optional=False).verdict == "BAD"
    assert _package("packages", "numpy>=1,<1.1", optional=True).verdict == "BAD"
    assert _package("packages", "no-such-thing>=1", optional=False).verdict == "BAD"
    assert _package("extras", "no-such-thing>=1", optional=True).verdict == "absent"
