"""The opt-in to several threads: the same values, and safe wherever it is called from."""

import concurrent.futures
import multiprocessing
import os
import threading

import numpy as np
import pytest

import otmaps
from otmaps._parts import LEAST, in_parts

N = 3 * LEAST + 17
MATCHED = otmaps.match(otmaps.lerp(0.5), otmaps.Uniform(-1, 1), store=None)
Z = np.random.default_rng(0).uniform(-1, 1, (2, N))
ONE = MATCHED(*Z)

pytestmark = pytest.mark.needs_jit  # interpreted kernels take a minute for so many values


def agrees(seed=0, threads=3):
    """Whether several threads give what one gives; at module level, so that workers find it."""
    return seed >= 0 and np.array_equal(MATCHED(*Z, threads=threads), ONE)


def test_values_do_not_depend_on_threads():
    y = MATCHED.raw(*Z)
    for threads in (1, 2, 3, 64):
        assert np.array_equal(MATCHED(*Z, threads=threads), ONE)
        assert np.array_equal(MATCHED.map(y, threads=threads), MATCHED.map(y))
    place = Z[0].copy()
    assert MATCHED(place, Z[1], out=place, threads=2) is place
    assert np.array_equal(place, ONE)
    assert agrees()


def test_threads_share_the_work_and_end_with_the_call():
    before = threading.active_count()
    seen = set()

    def kernel(vectors, out):
        seen.add(threading.get_ident())
        out[:] = vectors[0]

    for size, threads, parts in ((LEAST, 4, 1), (2 * LEAST, 4, 2), (9 * LEAST, 3, 3)):
        seen.clear()
        x, out = np.arange(float(size)), np.zeros(size)
        in_parts(kernel, [x], out, threads)
        assert np.array_equal(x, out)
        assert threading.get_ident() in seen
        assert len(seen) <= parts
        assert parts == 1 or len(seen) > 1
        assert threading.active_count() == before


def test_an_error_in_a_thread_is_raised():
    def kernel(vectors, out):
        if vectors[0][0] > 0:
            raise MemoryError("no room")

    with pytest.raises(MemoryError, match="no room"):
        in_parts(kernel, [np.arange(4.0 * LEAST)], np.zeros(4 * LEAST), 2)


@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this platform")
def test_after_a_fork():
    """The parent has used threads; the child uses its own, and so does the parent again."""
    assert agrees()
    child = os.fork()
    if child == 0:
        os._exit(0 if agrees() else 3)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert agrees()


def test_in_a_pool_of_threads_all_of_which_are_busy():
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        assert all(pool.map(agrees, range(12)))


@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_in_the_workers_of_a_pool_of_processes(method):
    if method not in multiprocessing.get_all_start_methods():
        pytest.skip(f"no {method} on this platform")
    assert agrees()
    with multiprocessing.get_context(method).Pool(2) as pool:
        assert all(pool.map(agrees, range(4)))


@pytest.mark.filterwarnings("ignore")
def test_in_a_data_loader():
    data = pytest.importorskip("torch.utils.data")

    class Batches(data.Dataset):
        def __len__(self):
            return 4

        def __getitem__(self, index):
            return int(agrees(index))

    loader = data.DataLoader(Batches(), batch_size=1, num_workers=2)
    assert [int(batch) for batch in loader] == [1] * 4


@pytest.mark.parametrize(
    ("threads", "error"), [(0, ValueError), (1.5, TypeError), (True, TypeError)]
)
def test_a_bad_number_of_threads(threads, error):
    with pytest.raises(error, match="threads must be"):
        MATCHED(*Z[:, :5], threads=threads)
    with pytest.raises(error, match="threads must be"):
        MATCHED.map(0.5, threads=threads)
