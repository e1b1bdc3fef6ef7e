"""The explorer without a browser: what it answers, whom it refuses, and how it starts and ends."""

from __future__ import annotations

import asyncio
import io
import json
import pickle
import re
import signal
import socket
import subprocess
import sys
import urllib.error
import urllib.request
import zipfile
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from onnx_models import Model, dense

import otmaps
from otmaps import _explorer
from otmaps._explorer import Vocabulary, _server
from otmaps._explorer._application import Opening, make_application
from otmaps._explorer._controls import controls_of
from otmaps._explorer._downloads import latents_npy, latents_npz, present_png
from otmaps._explorer._guard import is_loopback, own_names, refusal
from otmaps._explorer._library import Library
from otmaps._explorer._png import png_bytes
from otmaps._explorer._present import present
from otmaps._explorer._scoring import scores
from otmaps._explorer._settings import Settings, SettingsError, read_settings
from otmaps._explorer._studio import Studio
from otmaps._explorer._way import FRAMES, GRID, way_pixels
from otmaps.cli import main
from otmaps.cli._arguments import REQUIRED, literal, parameters_of, parse_law
from otmaps.demo import ModelError
from otmaps.demo._formats import foreign_format
from otmaps.demo._generators import function_generator, with_classifier

DIM = 16
SIDE = 4


def pixels_of(latents):
    """A generator that shows its latents: component k is pixel k, from -3 to 3."""
    return np.clip(latents.reshape(-1, 1, SIDE, SIDE) / 6 + 0.5, 0, 1)


def generator(prior="normal", name="mirror"):
    return function_generator(pixels_of, name, prior, DIM)


def judge() -> bytes:
    """A classifier of such images: two classes, and the pixels as features."""
    model = Model("images", ("n", 1, SIDE, SIDE)).reshape(-1, DIM)
    dense(model, DIM, 2).add("Softmax", axis=1)
    features = [*model.nodes]
    assert len(features) == 3
    return model.build({model.x: (), "x0": ()})


def studio(*own, operations=None, laws=None):
    vocabulary = Vocabulary(
        {**otmaps.operations(), **(operations or {})}, parse_law, literal, parameters_of, REQUIRED
    )
    return Studio(Library(own or [generator()]), vocabulary)


def lerp_at(t, **others):
    return Settings("mirror", operation="lerp", parameters={"t": t}, **{"prior": "", **others})


def decoded(data: bytes):
    """Pixels of a PNG by another reader, as whole numbers (height, width, 4)."""
    from matplotlib.image import imread

    return np.rint(255 * imread(io.BytesIO(data), format="png")).astype(int)


# ------------------------------------------------------------------------------------- pictures


def test_png_is_read_back_by_another_reader():
    pixels = np.random.default_rng(0).integers(0, 256, (7, 5, 4), dtype=np.uint8)
    assert np.array_equal(decoded(png_bytes(pixels)), pixels)


def test_png_that_is_damaged_is_not_read_back():
    data = bytearray(png_bytes(np.zeros((7, 5, 4), dtype=np.uint8)))
    data[-20] ^= 255
    with pytest.raises((OSError, SyntaxError, ValueError)):
        decoded(bytes(data))


# ------------------------------------------------------------------------------------- settings


def test_settings_are_read():
    text = json.dumps(
        {
            "model": "digits",
            "operation": "linear",
            "parameters": {"weights": [1, 0.5], "on": True},
            "seed": 3,
        }
    )
    found = read_settings(text)
    assert (found.model, found.prior, found.seed, found.layout) == ("digits", "", 3, "strip")
    assert dict(found.parameters) == {"weights": (1, 0.5), "on": True}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "no JSON"),
        ("[" * 100_000, "no JSON"),
        ("[]", "one JSON object"),
        ('{"seed": -1}', "seed"),
        ('{"seed": 1.5}', "seed"),
        ('{"seed": true}', "seed"),
        ('{"layout": "ring"}', "layout"),
        ('{"columns": 5}', "columns"),
        ('{"images": 1000000}', "images"),
        ('{"model": 3}', "model"),
        ('{"prior": "' + 300 * "x" + '"}', "prior"),
        ('{"parameters": 3}', "parameters"),
        ('{"parameters": {"t": NaN}}', "parameter t .* finite"),
        ('{"parameters": {"t": null}}', "parameter t"),
        ('{"parameters": {"w": [1, "2"]}}', "parameter w"),
    ],
)
def test_settings_that_are_wrong_are_named(text, message):
    with pytest.raises(SettingsError, match=message):
        read_settings(text)


@otmaps.operation
def every_kind(z1, z2, *, rate=0.5, far=-4.0, count=3, on=True, taps=(1.0, -2.0), mode="soft"):
    return rate * z1 + far * count * z2 if on else z2


def test_controls_follow_the_parameters():
    vocabulary = studio().vocabulary
    found = {c.name: c for c in controls_of(every_kind, vocabulary)}
    kinds = {name: control.kind for name, control in found.items()}
    assert kinds == {
        "rate": "number",
        "far": "number",
        "count": "number",
        "on": "flag",
        "taps": "vector",
        "mode": "text",
    }
    assert (found["far"].low, found["far"].high) == (-8.0, 0.0)
    assert found["count"].step == 1.0
    assert found["taps"].lengths == (2, 2)
    (weights,) = controls_of(otmaps.barycenter, vocabulary)
    assert (weights.kind, weights.lengths) == ("vector", (2, 6))
    assert [c.name for c in controls_of(otmaps.slerp, vocabulary)] == ["t"]


# -------------------------------------------------------------------------------------- answers


@pytest.fixture(scope="module")
def mirror():
    return studio(with_classifier(generator(), judge(), "judge.onnx"))


def test_present_values_show_what_is_matched_and_what_is_not(mirror):
    answer = present(mirror, lerp_at(0.5))
    panels = {panel["name"]: panel for panel in answer["panels"]}
    assert list(panels) == ["linear", "slerp", "matched"]
    # Half of two normal latents: half the variance, and Kolmogorov-Smirnov distance 0.083.
    assert panels["linear"]["norm"] == pytest.approx(0.5, abs=0.02)
    assert panels["linear"]["ks"] > 0.07
    assert panels["matched"]["norm"] == pytest.approx(1.0, abs=0.04)
    assert panels["matched"]["ks"] < 0.03
    law, curve, norm = answer["charts"]
    assert [c["name"] for c in law["curves"]] == ["prior", "linear", "slerp", "matched"]
    assert [c["name"] for c in curve["curves"]] == ["no change", "matched"]
    straight = curve["curves"][1]
    assert straight["y"] == pytest.approx([2**0.5 * x for x in straight["x"]], rel=1e-4)
    assert [c["name"] for c in norm["curves"]] == ["prior", "linear", "slerp", "matched"]
    for chart in (law, norm):
        for c in chart["curves"]:
            assert np.trapezoid(c["y"], c["x"]) == pytest.approx(1.0, abs=0.05)
    assert answer["problem"] == ""
    assert answer["notes"] == []
    json.dumps(answer, allow_nan=False)


def test_pictures_are_those_of_the_latents_that_are_downloaded(mirror):
    settings = lerp_at(0.25)
    with np.load(io.BytesIO(latents_npz(mirror, settings)), allow_pickle=False) as file:
        held = dict(file)
    told = json.loads(str(held.pop("settings")))
    assert told["operation"] == "lerp(t=0.25)"
    assert sorted(held) == ["input_z1", "input_z2", "linear", "matched", "slerp"]
    assert np.allclose(held["linear"], 0.75 * held["input_z1"] + 0.25 * held["input_z2"], atol=1e-6)
    matched = np.load(io.BytesIO(latents_npy(mirror, settings)), allow_pickle=False)
    assert np.array_equal(matched, held["matched"])
    image = np.rint(255 * pixels_of(matched[:1]))[0, 0]
    found = decoded(present_png(mirror, settings))
    grow = 56 // SIDE
    width = 4 * (56 + 2) - 2
    first = found[:56:grow, 2 * (width + 12) :][:, :56:grow, 0]  # the third block: matched
    assert np.array_equal(first, image)


def test_equal_settings_give_equal_answers_and_another_seed_others(mirror):
    assert present(mirror, lerp_at(0.5)) == present(studio(generator()), lerp_at(0.5))
    other = present(mirror, lerp_at(0.5, seed=1))
    assert other["panels"][0]["src"] != present(mirror, lerp_at(0.5))["panels"][0]["src"]


def test_strips_begin_and_end_at_the_latents(mirror):
    first, second = way_pixels(mirror, lerp_at(0.5))
    z = mirror.latents(lerp_at(0.5), 2)
    for pair, rows in enumerate((first, second)):
        for pixels in rows.values():
            assert pixels.shape[1] == FRAMES * 58 - 2
            for end, place in ((0, slice(0, 56)), (1, slice(-56, None))):
                image = np.rint(255 * pixels_of(z[end, pair][None]))[0, 0]
                shown = pixels[:56:14, place][:, ::14, 0]
                assert np.abs(shown.astype(int) - image).max() <= 1


def test_grids_have_the_latents_in_their_corners(mirror):
    (rows,) = way_pixels(mirror, lerp_at(0.5, layout="grid"))
    assert list(rows) == ["linear", "slerp", "matched"]
    corners = mirror.latents(lerp_at(0.5), 2)[:, :2].reshape(4, DIM)
    last = (GRID - 1) * 58
    for pixels in rows.values():
        for corner, (i, j) in zip(
            corners, ((0, 0), (0, last), (last, 0), (last, last)), strict=True
        ):
            image = np.rint(255 * pixels_of(corner[None]))[0, 0]
            shown = pixels[i : i + 56 : 14, j : j + 56 : 14, 0]
            assert np.abs(shown.astype(int) - image).max() <= 1


def test_scores_see_the_raw_results_and_pass_the_matched_ones(mirror):
    *shares, found = scores(mirror, lerp_at(0.5))
    assert [share["done"] for share in shares] == sorted(share["done"] for share in shares)
    assert shares[-1]["done"] == 1.0
    rows = {row["name"]: row for row in found["rows"]}
    assert rows["linear"]["frechet"] > 3 * rows["prior"]["frechet"]
    assert rows["matched"]["frechet"] < 1.5 * rows["prior"]["frechet"]
    assert rows["prior"]["score"] >= 1.0


def test_scores_without_a_classifier_are_of_latents_alone():
    (found,) = scores(studio(), lerp_at(0.5))
    assert {row["score"] for row in found["rows"]} == {None}
    assert found["rows"][0]["ks"] < 0.03


@pytest.mark.parametrize("prior", ["normal", "uniform(-1, 1)"])
def test_slerp_is_matched_where_that_is_known_and_else_says_why(prior):
    answer = present(studio(), Settings("mirror", prior, "slerp", {"t": 0.5}))
    names = [panel["name"] for panel in answer["panels"]]
    if prior == "normal":
        assert names == ["linear", "slerp", "matched"]
        assert "draws" in answer["notes"][0]
        assert answer["charts"][1]["x"] == "norm of the raw result"
    else:
        assert names == ["linear", "slerp"]
        assert "slerp is matched for normal priors" in answer["problem"]
        assert answer["charts"][1]["curves"] == []
        assert "trained on" in answer["notes"][0]
        with pytest.raises(SettingsError, match="no matched result: slerp"):
            latents_npy(studio(), Settings("mirror", prior, "slerp", {"t": 0.5}))


def test_point_masses_are_spread_and_that_is_said():
    clip = otmaps.operation(lambda z1, z2: np.maximum(0.0, np.minimum(z1, z2)))
    answer = present(studio(operations={"clip": clip}), Settings("mirror", "", "clip"))
    assert "point masses" in answer["notes"][0]
    assert answer["panels"][-1]["ks"] < 0.03
    assert "no one curve" in answer["charts"][1]["empty"]


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (Settings("nobody", "", "lerp", {"t": 0.5}), "no generator 'nobody'"),
        (Settings("mirror", "", "stir"), "no operation 'stir'"),
        (Settings("mirror", "normall", "lerp", {"t": 0.5}), "did you mean 'normal'"),
        (Settings("mirror", "", "lerp", {"s": 0.5}), "'s'"),
        (Settings("mirror", "", "lerp", {"t": "half"}), "t must be"),
        (Settings("mirror", "", "barycenter", {"weights": (0.0, 0.0)}), "weights sum to 0"),
    ],
)
def test_settings_without_an_answer_are_named(mirror, settings, message):
    with pytest.raises((SettingsError, ValueError, TypeError), match=re.escape(message)):
        present(mirror, settings)


def test_weights_of_a_mean_need_not_sum_to_one(mirror):
    settings = Settings("mirror", "", "barycenter", {"weights": (0.5, 0.5, 1.0)})
    assert present(mirror, settings)["operation"] == "barycenter(weights=(0.25, 0.25, 0.5))"


# ---------------------------------------------------------------------------------- model files


class Trap:
    """A pickle that, when it is opened, leaves a trace."""

    def __init__(self, trace: Path) -> None:
        self.trace = trace

    def __reduce__(self):
        return Path.touch, (self.trace,)


def zipped(*names: str) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for name in names:
            archive.writestr(name, b"\x80\x04.")
    return file.getvalue()


@pytest.mark.parametrize(
    ("data", "what"),
    [
        (b"", "empty"),
        (pickle.dumps([1]), "pickle.*torch.onnx.export"),
        (zipped("net/data.pkl", "net/data/0"), "torch file.*never opened here"),
        (zipped("net/code/a.py", "net/constants.pkl"), "TorchScript.*--model"),
        (zipped("net/code/a.py", "net/data.pkl"), "torch file.*never opened here"),
        (zipped("net/archive_format", "net/models/model.json"), "torch.export"),
        (zipped("serialized_exported_program.json", "version"), "torch.export"),
        (zipped("weights.npy"), "zip archive, such as"),
        (b"PK\x03\x04 cut short", "damaged zip"),
        (b"\x89HDF\r\n\x1a\n....", "HDF5"),
        (b"\x10\0\0\0TFL3....", "TensorFlow Lite"),
        ((2).to_bytes(8, "little") + b"{}", "safetensors"),
        (b"version https://git-lfs.github.com/spec/v1\n", "Git LFS pointer"),
    ],
)
def test_files_that_are_no_onnx_are_named(data, what):
    with pytest.raises(ModelError, match=f"g.pt is no ONNX model; it is .*{what}"):
        Library().add(data, "../g.pt", otmaps.Normal(), DIM)


def test_a_model_is_no_foreign_format():
    assert foreign_format(judge()) is None


def test_a_pickle_is_never_opened(tmp_path):
    trace = tmp_path / "trace"
    data = pickle.dumps(Trap(trace))
    with pytest.raises(ModelError, match="pickle"):
        Library().add(data, "net.onnx", otmaps.Normal(), DIM)
    assert not trace.exists()
    pickle.loads(data)
    assert trace.exists(), "the trap is none"


def painter() -> bytes:
    model = Model("z", ("n", DIM))
    return dense(model, DIM, 36).add("Sigmoid").reshape(-1, 1, 6, 6).build()


def test_library_takes_models_and_classifiers():
    library = Library()
    found = library.add(painter(), "C:\\nets\\net one.onnx", otmaps.Normal(), None)
    assert found.name == "net one"
    assert library.names[0] == "net one"
    with pytest.raises(ModelError, match="judge takes images"):
        library.add_classifier(judge(), "judge.onnx", "net one")
    with pytest.raises(ValueError, match="digits has a classifier"):
        library.add_classifier(judge(), "judge.onnx", "digits")
    with pytest.raises(ValueError, match="name of a generator of ours"):
        library.add(painter(), "digits.onnx", otmaps.Normal(), None)
    for k in range(7):
        library.add(painter(), f"{k}.onnx", otmaps.Normal(), None)
    with pytest.raises(ValueError, match="8 generators are open"):
        library.add(painter(), "9.onnx", otmaps.Normal(), None)


# ------------------------------------------------------------------------------------ who may ask


@pytest.mark.parametrize(
    ("host", "origin", "site", "navigates"),
    [
        ("localhost:8421", None, None, False),
        ("127.0.0.1:8421", "http://127.0.0.1:8421", "same-origin", False),
        ("[::1]:8421", "http://[::1]:8421", "same-origin", False),
        ("localhost:9000", None, "none", True),  # forwarded to another port
        ("localhost:8421", None, "cross-site", True),  # a link to the page
    ],
)
def test_the_page_itself_is_answered(host, origin, site, navigates):
    assert refusal(host, origin, site, navigates, own_names("127.0.0.1")) is None


@pytest.mark.parametrize(
    ("host", "origin", "site"),
    [
        ("evil.example:8421", None, None),  # DNS rebinding: a name of another's
        ("evil.example:8421", "http://evil.example:8421", "same-origin"),
        ("localhost.evil.example", None, None),
        (None, None, None),
        ("[::1", None, None),
        ("localhost:8421", "http://evil.example", "cross-site"),
        ("localhost:8421", "http://localhost:3000", "same-site"),  # another local server
        ("localhost:8421", "null", "cross-site"),
        ("localhost:8421", None, "cross-site"),
        ("localhost:8421", None, "same-site"),
    ],
)
def test_pages_of_others_are_refused(host, origin, site):
    assert refusal(host, origin, site, False, own_names("127.0.0.1"))


def test_names_of_the_machine_count_only_where_it_is_open_to_others():
    name = socket.gethostname().lower()
    assert name in own_names("0.0.0.0")
    assert own_names("127.0.0.1") == {"localhost", "127.0.0.1"}
    assert [is_loopback(h) for h in ("127.0.0.1", "::1", "localhost", "0.0.0.0", "box")] == [
        True,
        True,
        True,
        False,
        False,
    ]


# ------------------------------------------------------------------------------------- over HTTP


class Client:
    """Asks the application without a socket."""

    def __init__(self, application) -> None:
        self.application = application

    def __call__(self, path, body=b"", *, method=None, **headers):
        path, _, query = path.partition("?")
        scope = {
            "type": "http",
            "http_version": "1.1",
            "method": method or ("POST" if body else "GET"),
            "scheme": "http",
            "path": path,
            "raw_path": path.encode(),
            "root_path": "",
            "query_string": query.encode(),
            "headers": [
                (k.replace("_", "-").encode(), v.encode())
                for k, v in {"host": "localhost:8421", **headers}.items()
            ],
        }
        sent = []
        unread = [{"type": "http.request", "body": body, "more_body": False}]

        async def receive():
            return unread.pop() if unread else await asyncio.Event().wait()

        async def send(message):
            sent.append(message)

        asyncio.run(self.application(scope, receive, send))
        start = sent[0]
        whole = b"".join(message.get("body", b"") for message in sent[1:])
        return start["status"], {k.decode(): v.decode() for k, v in start["headers"]}, whole

    def json(self, path, question):
        status, _, body = self(
            path, question if isinstance(question, bytes) else json.dumps(question).encode()
        )
        assert status == 200
        return [json.loads(line) for line in body.splitlines()][-1]


@pytest.fixture(scope="module")
def client():
    opening = Opening("mirror", max_upload=2**20)
    return Client(make_application(studio(), opening, own_names("127.0.0.1")))


QUESTION = {"model": "mirror", "operation": "lerp", "parameters": {"t": 0.5}}


def test_page_needs_nothing_from_elsewhere(client):
    status, headers, page = client("/")
    assert status == 200
    assert "default-src 'none'" in headers["content-security-policy"]
    for name in re.findall(rb'(?:src|href)="([^"#]+)"', page):
        status, headers, body = client(name.decode())
        assert status == 200, name
        assert headers["x-content-type-options"] == "nosniff"
        outside = set(re.findall(rb"https?://[^\"' )]+", body)) - {b"http://www.w3.org/2000/svg"}
        assert not outside, name


def test_controls_of_the_page_have_labels(client):
    page = client("/")[2].decode()
    labelled = set(re.findall(r'<label for="([^"]+)"', page))
    controls = set(re.findall(r'<(?:select|input) id="([^"]+)"', page))
    assert controls
    assert controls <= labelled


def test_catalogue_names_everything(client):
    found = json.loads(client("/catalogue")[2])
    assert [model["name"] for model in found["models"]] == ["mirror", "digits", "fashion"]
    assert found["models"][1]["prior"] == "uniform(-1, 1)"
    assert {"lerp", "slerp", "barycenter", "vicinity"} <= {o["name"] for o in found["operations"]}
    assert found["opening"]["max_upload"] == 2**20


def test_answers_over_http(client):
    assert len(client.json("/present", QUESTION)["panels"]) == 3
    assert len(client.json("/way", QUESTION)["rows"]) == 6
    assert len(client.json("/way", {**QUESTION, "layout": "grid"})["rows"]) == 3
    no_number = {"model": "mirror", "operation": "analogy"}
    assert "no number" in client.json("/way", no_number)["empty"]
    assert "is no mean" in client.json("/way", {**no_number, "layout": "grid"})["empty"]
    assert client.json("/scores", QUESTION)["n"] == 500


def test_downloads_have_names_and_types(client):
    query = "settings=" + json.dumps(QUESTION).replace(" ", "%20").replace('"', "%22")
    for file, start in (
        ("latents.npz", b"PK"),
        ("latents.npy", b"\x93NUMPY"),
        ("present.png", b"\x89PNG"),
        ("way.png", b"\x89PNG"),
    ):
        status, headers, body = client(f"/download/{file}?{query}")
        assert status == 200
        assert body.startswith(start)
        assert headers["content-disposition"] == f'attachment; filename="otmaps-mirror-lerp-{file}"'
    assert client(f"/download/passwd?{query}")[0] == 404
    status, _, body = client("/download/way.png?settings=%7B%7D")
    assert (status, body) == (400, b"there is no operation ''; there are " + body[36:])


def test_what_cannot_be_answered_is_told_on_the_page(client, capsys):
    assert "no JSON" in client.json("/present", b"{")["error"]
    assert "no generator" in client.json("/scores", {**QUESTION, "model": "x"})["error"]
    assert "no JSON" in client.json("/present", b"x" * 10**6)["error"]
    assert capsys.readouterr().err == ""


def test_a_fault_of_the_users_code_is_told_and_traced(capsys):
    @otmaps.operation(name="broken")
    def broken(z1):
        raise KeyError("lost")

    application = make_application(
        studio(operations={"broken": broken}), Opening("mirror"), own_names("localhost")
    )
    answer = Client(application).json("/present", {"model": "mirror", "operation": "broken"})
    assert "lost" in answer["error"]
    assert "KeyError" in capsys.readouterr().err


def test_uploads(client):
    found = client.json("/models?file=net.onnx&prior=normal", painter())
    assert (found["name"], found["dim"], found["scored"]) == ("net", DIM, False)
    assert client.json("/present", {**QUESTION, "model": "net"})["problem"] == ""
    for query, data, message in (
        ("file=net.pt&prior=normal", pickle.dumps([1]), "pickle"),
        ("file=net.onnx&prior=normal", b"no model", "no ONNX model"),
        ("file=net.onnx&prior=normal", painter() + b"\0" * 2**20, "more than 1 MiB"),
        ("file=net.onnx&prior=normall", painter(), "did you mean"),
        ("file=net.onnx", painter(), "say which law"),
        ("file=net.onnx&prior=normal&dim=x", painter(), "whole number"),
        ("file=net.onnx&prior=normal&dim=3", painter(), "dimension 16, but dim is 3"),
        ("file=judge.onnx&for=net", judge(), "judge takes images"),
    ):
        assert message in client.json(f"/models?{query}", data)["error"]


def test_pages_of_others_are_refused_over_http(client):
    for headers in ({"host": "evil.example"}, {"origin": "http://evil.example"}):
        status, _, body = client("/present", json.dumps(QUESTION).encode(), **headers)
        assert status == 403
        assert body.startswith(b"Refused: ")
    assert client("/", host="evil.example")[0] == 403


# ------------------------------------------------------------------------------ start and end


def run(*arguments):
    return CliRunner().invoke(main, ["explore", "--no-browser", *arguments])


OWN = """
import numpy as np
import otmaps

own_law = otmaps.Mixture([otmaps.Normal(-1, 0.5), otmaps.Normal(1, 0.5)], [0.5, 0.5])

@otmaps.operation
def sharpen_here(z1, z2, *, strength=0.3):
    return z1 + strength * (z1 - z2)

bound = otmaps.lerp(0.25)

def paint(z):
    return 1 / (1 + np.exp(-z.reshape(-1, 1, 4, 4)))
"""


def test_command_serves_what_the_user_names(tmp_path, monkeypatch):
    file = tmp_path / "own_explorer.py"
    file.write_text(OWN)
    (tmp_path / "judge.onnx").write_bytes(judge())
    served = []

    def serve(studio, opening, **how):
        served.append((studio, opening, how))

    monkeypatch.setattr(_server, "serve", serve)
    options = ["--model", f"{file}:paint", "--prior", "own_law", "--dim", "16"]
    judged = ["--classifier", str(tmp_path / "judge.onnx")]
    result = run(str(file), *options, *judged, "--operation", f"{file}:sharpen_here")
    assert result.exit_code == 0, result.output
    ((found, opening, how),) = served
    assert how["browser"] is False
    assert (opening.model, opening.operation, opening.prior) == ("paint", "sharpen_here", "")
    assert opening.laws == ("own_law",)
    settings = Settings("paint", "own_law", "sharpen_here", {"strength": 0.3})
    assert found.generator(settings).classifier is not None
    answer = present(found, settings)
    assert [panel["name"] for panel in answer["panels"]] == ["raw", "matched"]
    assert answer["panels"][1]["ks"] < 0.03
    with pytest.raises(ValueError, match="named on the command line"):
        found.prior(Settings("paint", "draws.npy", "lerp"))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--dim", "3"], "go with --model"),
        (["--model", "g.onnx"], "--model needs --prior"),
        (["--model", "g.onnx", "--prior", "normal"], "cannot read g.onnx"),
        (["--prior", "normall"], "did you mean 'normal'"),
        (["--operation", "stir"], "no operation is named 'stir'"),
        (["nowhere.py"], "there is no file nowhere.py"),
        (["--operation", "own.py:bound"], "own.py:bound is not registered"),
        (["--model", "own.py:gone", "--prior", "normal", "--dim", "4"], "no function 'gone'"),
        (["--model", "own.py:paint", "--prior", "normal"], "needs --dim"),
        (["--model", "own.py:otmaps", "--prior", "normal"], "no function 'otmaps'"),
    ],
)
def test_command_names_what_is_wrong(arguments, message, tmp_path, monkeypatch):
    (tmp_path / "own.py").write_text(OWN)
    monkeypatch.chdir(tmp_path)
    result = run(*arguments)
    assert result.exit_code == 2
    assert message in result.output


def test_commands_of_its_page_run(tmp_path, monkeypatch):
    page = (Path(__file__).parents[1] / "docs" / "explorer.md").read_text(encoding="utf-8")
    commands = [
        line.split()[3:] for line in page.splitlines() if line.startswith("$ otmaps explore")
    ]
    assert len(commands) == 4
    (own,) = re.findall(r"```python\n(import otmaps\n.*?)```", page, flags=re.DOTALL)
    paint = "def generate(z):\n    return 0.5 + 0.5 * np.tanh(z[:, :16].reshape(-1, 1, 4, 4))\n"
    (tmp_path / "own.py").write_text(f"import numpy as np\n{own}\n{paint}")
    model = dense(Model("z", ("n", 128)), 128, DIM).add("Sigmoid").reshape(-1, 1, SIDE, SIDE)
    (tmp_path / "g.onnx").write_bytes(model.build())
    (tmp_path / "c.onnx").write_bytes(judge())
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("uvicorn.Server.run", lambda self, sockets: None)
    for words in commands:
        result = run(*words, "--port", "0")
        assert result.exit_code == 0, (words, result.output)


def test_missing_extra_is_told(monkeypatch):
    monkeypatch.setattr(_explorer, "_NEEDED", ("starlette", "a_package_that_nobody_has"))
    result = run()
    assert result.exit_code == 2
    assert "needs a_package_that_nobody_has: pip install 'otmaps[explore]'" in result.output


def test_port_that_is_taken_is_told():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        result = run("--port", str(port))
    assert result.exit_code == 2
    assert re.search(rf"cannot listen at 127.0.0.1 port {port} .*--port 0", result.output)


def test_host_that_does_not_exist_is_told():
    result = run("--host", "no.such.host.invalid", "--port", "0")
    assert result.exit_code == 2
    assert "--host no.such.host.invalid" in result.output


def test_server_is_announced_before_it_serves_and_warns_where_others_reach_it(monkeypatch):
    opened, heard = [], []
    monkeypatch.setattr("webbrowser.open", opened.append)
    monkeypatch.setenv("DISPLAY", ":0")
    monkeypatch.setattr(_server.threading, "Thread", _Now)
    monkeypatch.setattr("uvicorn.Server.run", lambda self, sockets: heard.append(sockets))
    for host, exposed in (("127.0.0.1", False), ("0.0.0.0", True)):
        _server.serve(
            studio(),
            Opening("mirror"),
            host=host,
            port=0,
            browser=True,
            announce=lambda *told: heard.append(told),
        )
        address, open_to_others = heard[-2]
        assert re.fullmatch(r"http://(127\.0\.0\.1|localhost):\d+/", address)
        assert open_to_others is exposed
        assert opened[-1] == address
    assert len(heard) == 4


class _Now:
    """A thread that runs where it is started."""

    def __init__(self, target, args=(), **_):
        self.start = lambda: None if target.__name__ == "_work" else target(*args)


def test_it_starts_answers_and_ends_with_an_interrupt(tmp_path):
    command = [sys.executable, "-m", "otmaps", "explore", "--no-browser", "--port", "0"]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=tmp_path
    ) as process:
        assert process.stdout is not None
        line = process.stdout.readline()
        found = re.search(r"http://127\.0\.0\.1:\d+/", line)
        assert found, line
        with urllib.request.urlopen(found[0], timeout=30) as page:
            assert b"otmaps explorer" in page.read()
        forged = urllib.request.Request(found[0], headers={"Host": "evil.example"})
        with pytest.raises(urllib.error.HTTPError, match="403"):
            urllib.request.urlopen(forged, timeout=30)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=30)
    assert (process.returncode, out, err) == (0, "", "Stopped.\n")


def test_json_tells_the_address_and_what_exposes_it(monkeypatch):
    monkeypatch.setattr("uvicorn.Server.run", lambda self, sockets: None)
    result = run("--port", "0", "--host", "0.0.0.0", "--json")
    assert result.exit_code == 0
    told = json.loads(result.stdout)
    assert set(told) == {"address", "exposed"}
    assert told["exposed"] is True
    assert "lets anyone" in json.loads(result.stderr)["warning"]["message"]
