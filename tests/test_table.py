"""Tables as bytes: everything damaged is refused, everything equal has equal bytes and keys."""

import json
import math
import os
import re
import subprocess
import sys
import warnings
from pathlib import Path

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

from otmaps import _format
from otmaps._built_in import lerp, linear
from otmaps._errors import StoreWarning, TableError
from otmaps._format import canonical_json, pack, table_key, unpack
from otmaps._map import MonotoneMap
from otmaps._map_between import monotone_map
from otmaps._priors import Logistic, Normal, Uniform
from otmaps._registry import operation
from otmaps._stores import MemoryStore, TableStore
from otmaps._table import ALGORITHM, fetch_map, from_bytes, load_map, map_recipe, to_bytes

RECIPE = {"operation": "lerp", "t": 0.25}
SMALL = pack(
    {"x": np.array([1.0, 2.0, 4.0]), "index": np.array([[0, 7]], dtype=np.uint16)},
    RECIPE,
    {"algorithm": 1, "certificate": {"error": 1e-9, "text": 'a "quoted" \\ \u00e9'}},
)


def signed(data: bytes | bytearray) -> bytes:
    """The bytes with the digest they should have: what a malicious writer would make."""
    data = bytearray(data)
    data[_format._DIGEST] = _format._digest(data)
    return bytes(data)


def with_header(change, data: bytes = SMALL) -> bytes:
    """The file with its header changed as a parsed object, and signed."""
    size = int.from_bytes(data[:8], "little")
    header = json.loads(data[8 : 8 + size])
    document = json.loads(header["__metadata__"]["otmaps"])
    header, document = change(header, document) or (header, document)
    document = {"sha256": document.pop("sha256"), **document}
    header["__metadata__"]["otmaps"] = json.dumps(document, separators=(",", ":"))
    text = json.dumps(header, separators=(",", ":")).encode()
    return signed(len(text).to_bytes(8, "little") + text + data[8 + size :])


class TestFormat:
    @given(
        arrays=st.dictionaries(
            st.from_regex(r"[a-z][a-z0-9_]{0,9}", fullmatch=True),
            npst.arrays(
                st.sampled_from(list(_format._CODES)),
                npst.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=4),
            ).filter(lambda a: a.dtype.kind != "f" or not np.isnan(a).any()),
            max_size=4,
        )
    )
    def test_round_trip(self, arrays) -> None:
        data = pack(arrays, RECIPE, {"note": [1, None, "x"]})
        found, document = unpack(data, table_key(RECIPE))
        assert found.keys() == arrays.keys()
        for name, array in arrays.items():
            assert found[name].dtype == array.dtype
            assert found[name].shape == array.shape
            assert found[name].tobytes() == array.tobytes()
            assert not found[name].flags.writeable
            assert found[name].flags.aligned
        assert document["note"] == [1, None, "x"]
        assert document["recipe"] == {"operation": "lerp", "t": (0.25).hex()}

    def test_the_stock_package_reads_it(self, tmp_path: Path) -> None:
        import safetensors
        import safetensors.numpy

        path = tmp_path / "table.safetensors"
        path.write_bytes(SMALL)
        arrays = safetensors.numpy.load(SMALL)
        assert arrays["x"].tolist() == [1.0, 2.0, 4.0]
        assert arrays["index"].tolist() == [[0, 7]]
        with safetensors.safe_open(path, "numpy") as file:
            document = json.loads(file.metadata()["otmaps"])
        assert document["format"] == "otmaps.table"
        assert document["version"] == 1

    def test_the_check_in_the_specification_works(self, tmp_path: Path) -> None:
        page = Path(__file__).parents[1].joinpath("docs", "format.md").read_text(encoding="utf-8")
        (code,) = re.findall(r"```python\n(.*?)```", page, re.DOTALL)
        names: dict = {}
        exec(code, names)
        path = tmp_path / "table.safetensors"
        path.write_bytes(SMALL)
        assert names["is_whole"](path)
        path.write_bytes(SMALL[:-1] + b"x")
        assert not names["is_whole"](path)

    def test_equal_contents_have_equal_bytes_in_every_process(self) -> None:
        script = (
            "import hashlib, numpy as np; from otmaps._format import pack;"
            "a = {n: np.arange(3.0) for n in 'cab'};"
            "print(hashlib.sha256(pack(a, {'t': 0.5, 'a': [1]}, {'z': 1, 'y': 2})).hexdigest())"
        )
        told = {
            subprocess.run(
                [sys.executable, "-c", script],
                env={**os.environ, "PYTHONHASHSEED": seed},
                capture_output=True,
                text=True,
                check=True,
            ).stdout
            for seed in ("1", "2")
        }
        assert len(told) == 1
        arrays = {n: np.arange(3.0) for n in "abc"}
        one = pack(arrays, {"a": [1], "t": 0.5}, {"y": 2, "z": 1})
        other = pack(dict(reversed(arrays.items())), {"t": 0.5, "a": (1,)}, {"z": 1, "y": 2})
        assert one == other

    def test_layout_and_byte_order_of_the_arguments_do_not_matter(self) -> None:
        a = np.arange(12.0).reshape(3, 4)
        variants = [a, np.asfortranarray(a), np.repeat(a, 2, axis=1)[:, ::2], a.astype(">f8")]
        assert len({pack({"a": v}, RECIPE, {}) for v in variants}) == 1

    @pytest.mark.parametrize(
        ("array", "error"),
        [
            (np.array([math.nan]), ValueError),
            (np.array(["text"]), TypeError),
            (np.array([1j]), TypeError),
            (np.array([object()]), TypeError),
            (np.array([True]), TypeError),
            (np.array([1.0], dtype=np.longdouble), TypeError),
        ],
    )
    def test_what_is_no_number_is_not_written(self, array, error) -> None:
        with pytest.raises(error, match="array 'a'"):
            pack({"a": array}, RECIPE, {})

    @pytest.mark.parametrize("name", ["", "__metadata__", "A", "../x", "a b", "é", "a" * 65])
    def test_names_are_plain(self, name: str) -> None:
        with pytest.raises(ValueError, match="array name"):
            pack({name: np.zeros(1)}, RECIPE, {})

    @pytest.mark.parametrize("bad", [math.nan, math.inf])
    def test_documents_are_finite(self, bad: float) -> None:
        with pytest.raises(ValueError, match="JSON compliant"):
            pack({}, RECIPE, {"error": bad})

    def test_an_unknown_writer_is_noticed(self, monkeypatch) -> None:
        import safetensors.numpy

        monkeypatch.setattr(safetensors.numpy, "save", lambda tensors, metadata: b"x" * 1000)
        with pytest.raises(RuntimeError, match="unknown place"):
            pack({}, RECIPE, {})


class TestDamage:
    def test_every_flipped_bit_is_noticed(self) -> None:
        for i in range(len(SMALL)):
            for bit in range(8):
                damaged = bytearray(SMALL)
                damaged[i] ^= 1 << bit
                with pytest.raises(TableError):
                    unpack(bytes(damaged))

    def test_every_truncation_and_extension_is_noticed(self) -> None:
        for n in range(len(SMALL)):
            with pytest.raises(TableError):
                unpack(SMALL[:n])
        for tail in (b"\0", b" ", b"\0" * 8, SMALL):
            with pytest.raises(TableError):
                unpack(SMALL + tail)

    def test_zeroed_runs_and_exchanged_blocks_are_noticed(self) -> None:
        rng = np.random.default_rng(0)
        for _ in range(500):
            damaged = bytearray(SMALL)
            i, j, n = (int(v) for v in rng.integers(0, len(SMALL) - 40, 3))
            n = n % 40 + 1
            if rng.integers(2):
                damaged[i : i + n] = bytes(n)
            else:
                damaged[i : i + n], damaged[j : j + n] = SMALL[j : j + n], SMALL[i : i + n]
            if bytes(damaged) != SMALL:
                with pytest.raises(TableError):
                    unpack(bytes(damaged))

    @given(st.binary(max_size=300))
    @example(b"")
    @example(b"\xff" * 8)
    @example((2**63).to_bytes(8, "little") + b"{}")
    @example(b"\x02" + bytes(7) + b"{}")
    def test_noise_is_refused(self, noise: bytes) -> None:
        for data in (noise, SMALL[:8] + noise, SMALL[: _format._DIGEST.stop] + noise):
            with pytest.raises(TableError):
                unpack(data)

    @given(st.binary(min_size=1, max_size=60), st.integers(0, 10**6))
    def test_signed_noise_is_refused_or_harmless(self, noise: bytes, place: int) -> None:
        data = bytearray(SMALL)
        at = 8 + place % (len(SMALL) - 8)
        data[at : at + len(noise)] = noise
        try:
            arrays, document = unpack(signed(data))
        except TableError:
            return
        assert isinstance(document["recipe"], dict)
        assert sum(a.nbytes for a in arrays.values()) <= len(data)


class TestMalice:
    """Files with a right digest: a digest is no proof of good will."""

    def refuse(self, data: bytes, why: str) -> None:
        with pytest.raises(TableError, match=why):
            unpack(data)

    def test_the_helper_makes_good_files(self) -> None:
        assert unpack(with_header(lambda h, d: None))[1]["recipe"]["operation"] == "lerp"

    @pytest.mark.parametrize(
        ("field", "value", "why"),
        [
            ("version", 2, "format version 2; this otmaps reads version 1"),
            ("version", True, "format version"),
            ("version", "1", "format version"),
            ("format", "other", "not an otmaps table"),
            ("recipe", [], "no recipe"),
        ],
    )
    def test_documents(self, field: str, value, why: str) -> None:
        self.refuse(with_header(lambda h, d: d.update({field: value})), why)

    @pytest.mark.parametrize(
        ("entry", "why"),
        [
            ({"dtype": "F16"}, "dtype"),
            ({"dtype": ["F64"]}, "dtype"),
            ({"shape": [-3]}, "shape"),
            ({"shape": "3"}, "shape"),
            ({"shape": [True, 3]}, "shape"),
            ({"shape": [2**62, 0]}, "shape"),
            ({"shape": [1] * 9}, "shape"),
            ({"shape": [2**70]}, "shape"),
            ({"shape": [4]}, "where it should be"),
            ({"shape": [2]}, "where it should be"),
            ({"data_offsets": [8, 32]}, "where it should be"),
            ({"data_offsets": [0, 2**63]}, "where it should be"),
            ({"data_offsets": None}, "where it should be"),
            ({"more": 1}, "not described"),
        ],
    )
    def test_tensors(self, entry: dict, why: str) -> None:
        self.refuse(with_header(lambda h, d: h["x"].update(entry)), why)

    @pytest.mark.parametrize("name", ["../../x", "", "X", "a/b"])
    def test_names(self, name: str) -> None:
        self.refuse(with_header(lambda h, d: h.update({name: h.pop("index")})), "not described")

    def test_the_recipe_is_the_one_of_the_document(self) -> None:
        """Its key is taken from the end of the text: not from a value that looks like it."""
        other = {"operation": "lerp", "t": "0x1.0000000000000p-1"}
        fake = f',"recipe":{canonical_json(other)},"version":1}}'
        key = table_key(other)

        def texts(_, document) -> None:
            document["note"] = fake

        def nested(_, document) -> None:
            document["later"] = {"a": 1, "recipe": other, "version": 1}

        def last(_, document) -> None:
            document.pop("recipe")
            document["recipe"], document["version"] = other, document.pop("version")

        for change in (texts, nested):
            with pytest.raises(TableError, match="another key"):
                unpack(with_header(change), key)
            assert unpack(with_header(change), table_key(RECIPE))[1]["recipe"]["t"] != other["t"]
        assert unpack(with_header(last), key)[1]["recipe"] == other

    def test_overlaps_and_gaps(self) -> None:
        def overlap(header, document) -> None:
            header["y"] = dict(header["x"])

        self.refuse(with_header(overlap), "where it should be")
        self.refuse(with_header(lambda h, d: h.pop("index") and None), "longer than its header")

    def test_nan_in_an_array(self) -> None:
        data = bytearray(SMALL)
        at = data.index(np.float64(2.0).tobytes(), len(data) - 40)
        data[at : at + 8] = np.float64(math.nan).tobytes()
        self.refuse(signed(data), "NaN")

    @pytest.mark.parametrize("text", ["NaN", "Infinity", "[" * 20000, '{"a":1,"a":2}', "1e", "{"])
    def test_json(self, text: str) -> None:
        document = f'"x":{text}'
        start = b'{"__metadata__":{"otmaps":"{\\"sha256\\":\\"' + b"0" * 64 + b'\\",'
        header = start + json.dumps(document)[1:-1].encode() + b'}"}}'
        self.refuse(signed(len(header).to_bytes(8, "little") + header), "not JSON")

    def test_a_huge_header(self, monkeypatch) -> None:
        monkeypatch.setattr(_format, "_MAX_HEADER", 200)
        self.refuse(SMALL, "does not fit")


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False)
    | st.text(st.characters(codec="utf-8"), max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=8,
)


def typed(value):
    """A recipe with its types made visible: Python holds 1, 1.0 and True for equal."""
    if isinstance(value, dict):
        return {k: typed(v) for k, v in value.items()}
    if isinstance(value, list):
        return [typed(v) for v in value]
    if isinstance(value, float):
        return value.hex()
    return (type(value).__name__, value) if not isinstance(value, str) else value


class TestKeys:
    def test_they_never_change(self) -> None:
        # If this fails, every table of every user is lost: raise ALGORITHM instead.
        golden = {
            "{}": "44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a",
            '{"a":"0x1.999999999999ap-4","b":[1,null,true]}': (
                "ff3aa0e01ddf8cef42a1d65994bf15ec14e65738e01f69136c568a0094860d1b"
            ),
        }
        recipes = [{}, {"b": (1, None, True), "a": 0.1}]
        assert [canonical_json(r) for r in recipes] == list(golden)
        assert [table_key(r) for r in recipes] == list(golden.values())

    @pytest.mark.parametrize(
        ("value", "text"),
        [
            (0.5, '"0x1.0000000000000p-1"'),
            (-0.0, '"-0x0.0p+0"'),
            (math.inf, '"inf"'),
            (5e-324, '"0x0.0000000000001p-1022"'),
            (np.float32(0.5), '"0x1.0000000000000p-1"'),
            (np.int16(3), "3"),
            (10**30, str(10**30)),
            ("é\n", '"\\u00e9\\n"'),
            ({"b": 1, "a": 2}, '{"a":2,"b":1}'),
        ],
    )
    def test_canonical_form(self, value, text: str) -> None:
        assert canonical_json(value) == text

    @given(JSON, JSON)
    @example({"t": 1}, {"t": 1.0})
    @example({"t": 1}, {"t": True})
    @example(["a", "b"], ["ab"])
    @example({"t": 0.1 + 0.2}, {"t": 0.3})
    def test_equal_recipes_and_no_others_have_equal_keys(self, one, other) -> None:
        assert (table_key({"r": one}) == table_key({"r": other})) == (typed(one) == typed(other))

    @given(JSON)
    def test_keys_survive_writing(self, value) -> None:
        key = table_key({"r": value})
        _, document = unpack(pack({}, {"r": value}, {}), key)
        assert table_key(document["recipe"]) == key

    @pytest.mark.parametrize("bad", [{1, 2}, b"x", 1j, object(), np.zeros(2), lambda: 0, range(3)])
    def test_only_json(self, bad) -> None:
        with pytest.raises(TypeError, match=r"recipe\['a'\]\[0\] has type"):
            table_key({"a": [bad]})

    def test_no_nan_and_no_odd_keys(self) -> None:
        with pytest.raises(ValueError, match="NaN"):
            table_key({"a": math.nan})
        with pytest.raises(TypeError, match="keys of a recipe are text"):
            table_key({1: 2})


def recipe_of(t: float) -> dict:
    found = map_recipe(lerp(t), (Uniform(), Uniform()), Uniform())
    assert found is not None
    return found


MAPS = {
    "identity": lambda: monotone_map(Normal(), Normal()),
    "affine": lambda: monotone_map(Normal(), Normal(1.0, 2.0)),
    "table": lambda: monotone_map(Logistic(), Normal(), tol=1e-6),
    "bounded": lambda: monotone_map(Uniform(), Normal(), tol=1e-5),
}


@pytest.fixture(scope="module", params=MAPS)
def T(request: pytest.FixtureRequest) -> MonotoneMap:
    return MAPS[request.param]()


CERTIFICATE = MAPS["affine"]().metadata()


class TestMaps:
    def test_round_trip(self, T: MonotoneMap) -> None:
        recipe = recipe_of(0.25)
        data = to_bytes(T, recipe)
        again, found = from_bytes(data, table_key(recipe))
        assert found == recipe
        assert again.metadata() == T.metadata()
        y = np.linspace(-40.0, 40.0, 401)
        for f, g in ((again, T), (again.inverse, T.inverse), (again.derivative, T.derivative)):
            np.testing.assert_array_equal(f(y), g(y))
        assert to_bytes(again, found) == data

    def test_flipped_bits_never_become_a_map(self, T: MonotoneMap) -> None:
        data = to_bytes(T, recipe_of(0.25))
        rng = np.random.default_rng(1)
        for i in rng.integers(0, 8 * len(data), 500):
            damaged = bytearray(data)
            damaged[i // 8] ^= 1 << (i % 8)
            with pytest.raises(TableError):
                from_bytes(bytes(damaged))

    def test_signed_changes_of_the_numbers_are_refused_or_monotone(self) -> None:
        data = to_bytes(MAPS["table"](), recipe_of(0.25))
        start = 8 + int.from_bytes(data[:8], "little")
        rng = np.random.default_rng(2)
        y = np.linspace(-9.0, 9.0, 301)
        refused = 0
        for i in rng.integers(8 * start, 8 * len(data), 200):
            damaged = bytearray(data)
            damaged[i // 8] ^= 1 << (i % 8)
            try:
                changed, _ = from_bytes(signed(damaged))
            except TableError:
                refused += 1
                continue
            z = changed(y)
            assert np.all(np.diff(z) >= -1e-9 * (1.0 + np.abs(z[1:])))
        assert refused > 0

    @pytest.mark.parametrize(
        ("change", "why"),
        [
            ({"algorithm": ALGORITHM + 1}, "computed by algorithm"),
            ({"algorithm": None}, "computed by algorithm"),
            ({"certificate": []}, "no certificate"),
            ({"certificate": {}}, "not a monotone map"),
            ({"certificate": {"kind": "table"}}, "not a monotone map"),
            ({"certificate": {**CERTIFICATE, "domain": ["-0x1p9999", "0x0p0"]}}, "incomplete"),
            ({"certificate": {**CERTIFICATE, "unit": "0x1p9999"}}, "incomplete"),
            ({"certificate": {**CERTIFICATE, "unit": "nan"}}, "not a monotone map"),
        ],
    )
    def test_documents_that_are_no_certificate(self, change: dict, why: str) -> None:
        data = to_bytes(MAPS["affine"](), recipe_of(0.25))
        with pytest.raises(TableError, match=why):
            from_bytes(with_header(lambda h, d: d.update(change), data))

    def test_falling_tables_are_refused(self) -> None:
        good = MAPS["table"]()
        arrays = {name: array[::-1] for name, array in good.arrays().items()}
        data = pack(arrays, {}, {"algorithm": ALGORITHM, "certificate": good.metadata()})
        with pytest.raises(TableError, match="not a monotone map"):
            from_bytes(data)


class TestRecipes:
    def test_one_recipe(self) -> None:
        uniform = {"law": "Uniform", "low": "-0x1.0000000000000p+0", "high": "0x1.0000000000000p+0"}
        assert recipe_of(0.25) == {
            "algorithm": ALGORITHM,
            "inputs": [uniform, uniform],
            "method": "auto",
            "operation": lerp(0.25).recipe(),
            "prior": uniform,
            "tol": (1e-9).hex(),
        }

    def test_its_key_never_changes(self) -> None:
        # Of algorithm 1; a new algorithm has a new key.
        assert table_key({**recipe_of(0.25), "algorithm": 1}) == (
            "134f68ed434e3cd7c95106c9c23bf66483098734131483b622a0e6fdb7942c21"
        )

    def test_everything_that_matters_enters_the_key(self) -> None:
        op, laws, prior = lerp(0.25), (Uniform(), Uniform()), Uniform()
        recipes = [
            map_recipe(op, laws, prior),
            map_recipe(lerp(0.3), laws, prior),
            map_recipe(op, laws[::-1], Normal()),
            map_recipe(op, (Uniform(), Normal()), prior),
            map_recipe(op, (Normal(), Uniform()), prior),
            map_recipe(op, laws, prior, "convolution"),
            map_recipe(op, laws, prior, "auto", 1e-8),
        ]
        assert len({table_key(r) for r in recipes}) == len(recipes)

    def test_affine_operations_are_their_weights(self) -> None:
        laws = (Uniform(), Uniform())
        one = map_recipe(lerp(0.25), laws, Uniform())
        other = map_recipe(linear([0.75, 0.25]), laws, Uniform())
        assert table_key(one) == table_key(other)

    def test_a_function_without_a_version_has_none(self) -> None:
        laws = (Uniform(), Uniform())
        plain = operation(lambda a, b: a * b)()
        assert map_recipe(plain, laws, Uniform()) is None
        stated = operation(lambda a, b: a * b, version="1")()
        assert map_recipe(stated, laws, Uniform()) is not None


class TestFetch:
    def test_built_once(self, tmp_path: Path) -> None:
        store, built = TableStore(tmp_path), []

        def build() -> MonotoneMap:
            built.append(1)
            return MAPS["affine"]()

        recipe = recipe_of(0.25)
        first, second = fetch_map(store, recipe, build), fetch_map(store, recipe, build)
        assert len(built) == 1
        assert first(3.0) == second(3.0) == 7.0
        assert load_map(store, recipe_of(0.3)) is None

    @pytest.mark.parametrize("damage", ["flip", "cut", "foreign", "misplaced", "newer"])
    def test_bad_tables_are_one_warning_and_built_again(self, tmp_path: Path, damage: str) -> None:
        store, recipe = TableStore(tmp_path), recipe_of(0.25)
        key = table_key(recipe)
        good = to_bytes(MAPS["affine"](), recipe)
        bad = {
            "flip": good[:-1] + bytes([good[-1] ^ 1]),
            "cut": good[:100],
            "foreign": b"something else",
            "misplaced": to_bytes(MAPS["affine"](), recipe_of(0.3)),
            "newer": with_header(lambda h, d: d.update(version=2), good),
        }[damage]
        store.put(key, bad)
        with pytest.warns(StoreWarning, match="built anew") as told:
            found = fetch_map(store, recipe, MAPS["affine"])
        assert len(told) == 1
        assert found(3.0) == 7.0
        assert store.get(key) == good
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            assert load_map(store, recipe) is not None

    def test_one_that_another_built_meanwhile_is_taken(self) -> None:
        recipe = recipe_of(0.25)

        class Late(MemoryStore):  # a stand-in for a second process; final for users alone
            def building(self, key: str):
                self.put(key, to_bytes(MAPS["affine"](), recipe))
                return super().building(key)

        assert fetch_map(Late(), recipe, lambda: pytest.fail("built twice"))(3.0) == 7.0

    def test_errors_of_the_builder_come_out(self, tmp_path: Path) -> None:
        def build() -> MonotoneMap:
            raise ArithmeticError("mine")

        with pytest.raises(ArithmeticError, match="mine"):
            fetch_map(TableStore(tmp_path), recipe_of(0.25), build)
