"""Format version 1, held by files that never change: what every reader must take or refuse."""

import hashlib
import json
from pathlib import Path

import numpy as np
import pytest
import safetensors.numpy

from otmaps._errors import StoreWarning, TableError
from otmaps._format import pack, table_key, unpack
from otmaps._stores import TableStore
from otmaps._table import ALGORITHM, from_bytes, load_map

FOLDER = Path(__file__).parent / "data" / "format1"
INDEX = json.loads((FOLDER / "index.json").read_text(encoding="utf-8"))
GOOD = [name for name, entry in INDEX.items() if entry["verdict"] == "good"]
BAD = [name for name in INDEX if name not in GOOD]
RECIPE = {"operation": "lerp", "t": 0.25, "list": [1, None, True, "é"], "inf": float("inf")}


def file(name: str) -> bytes:
    return (FOLDER / f"{name}.safetensors").read_bytes()


def test_the_files_are_those_of_the_day_when_the_format_was_frozen() -> None:
    # A file may be added, and its line with it; none of these may change while version 1 is read.
    frozen = hashlib.sha256((FOLDER / "index.json").read_bytes().replace(b"\r", b"")).hexdigest()
    assert frozen == "5c37e29376ae3984a89c6b8dfe25e86850057c15726e2adcd59d515948910aea"
    assert {path.stem for path in FOLDER.glob("*.safetensors")} == set(INDEX)
    for name, entry in INDEX.items():
        assert hashlib.sha256(file(name)).hexdigest() == entry["sha256"]


@pytest.mark.parametrize("name", GOOD)
def test_good_files_are_read(name: str) -> None:
    data, key = file(name), INDEX[name]["key"]
    arrays, document = unpack(data, key)
    assert table_key(document["recipe"]) == key
    stock = safetensors.numpy.load(data)
    assert arrays.keys() == stock.keys()
    for array_name, array in stock.items():
        np.testing.assert_array_equal(arrays[array_name], array)
        assert arrays[array_name].dtype == array.dtype


@pytest.mark.parametrize("name", BAD)
def test_bad_files_are_refused_for_what_is_bad(name: str) -> None:
    with pytest.raises(TableError, match=INDEX[name]["why"]):
        unpack(file(name))
    with pytest.raises(TableError):
        from_bytes(file(name))


def test_the_writer_writes_what_it_wrote() -> None:
    arrays, document = unpack(file("arrays"))
    rest = {key: document[key] for key in ("algorithm", "certificate")}
    assert pack(arrays, RECIPE, rest) == file("arrays")
    assert arrays["f8"].tolist() == [[1.5, -np.inf], [np.inf, 5e-324]]
    assert arrays["u8"].tolist() == [2**64 - 1]
    assert arrays["empty"].shape == (0, 3)
    assert document["certificate"]["note"] == 'a "quoted" \\ é'


@pytest.mark.parametrize("name", ["map-of-algorithm-0", "affine-map-of-algorithm-0"])
def test_a_map_of_another_algorithm_is_whole_and_a_miss(name: str, tmp_path: Path) -> None:
    data, key = file(name), INDEX[name]["key"]
    store = TableStore(tmp_path)
    store.put(key, data)
    assert store.verify().good == 1
    recipe = unpack(data)[1]["recipe"]
    with pytest.warns(StoreWarning, match=f"algorithm 0, not by {ALGORITHM}") as told:
        assert load_map(store, recipe) is None
    assert len(told) == 1
