"""Kernels on arrays of any layout: the values of contiguous arrays, without a copy of the whole."""

import tracemalloc

import numpy as np
import pytest

from otmaps._parts import LEAST, apply_kernel

SHAPE = (5, LEAST // 2 + 3)  # more than two blocks, and no multiple of one


def kernel(vectors, out):
    """What a compiled kernel may rely on, and a value that differs in each place."""
    for x in (*vectors, out):
        assert x.ndim == 1
        assert x.dtype == out.dtype
        assert x.flags.c_contiguous
        assert x.flags.aligned
        assert x.dtype.isnative
    np.multiply(vectors[0], 2.0, out=out)
    for x in vectors[1:]:
        np.subtract(out, x, out=out)


def ramp(dtype="f8"):
    return np.arange(np.prod(SHAPE), dtype=dtype).reshape(SHAPE)


def misaligned(a):
    place = np.zeros(a.nbytes + 1, np.uint8)[1:].view(a.dtype).reshape(a.shape)
    place[...] = a
    return place


LAYOUTS = {
    "contiguous": lambda a: a.copy(),
    "every other value": lambda a: np.repeat(a, 2, axis=1)[:, ::2],
    "rows of a wider array": lambda a: np.pad(a, ((0, 0), (0, 7)))[:, :-7],
    "columns first": np.asfortranarray,
    "backwards": lambda a: a[::-1, ::-1].copy()[::-1, ::-1],
    "misaligned": misaligned,
    "foreign byte order": lambda a: a.astype(">f8"),
    "float32": lambda a: a.astype("f4"),
}


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("layout", LAYOUTS)
def test_values_do_not_depend_on_the_layout(layout, threads):
    a, b = ramp(), ramp()[::-1].copy()
    x = LAYOUTS[layout](a)
    before = x.copy()
    assert np.array_equal(apply_kernel(kernel, [x, b], None, threads), 2.0 * a - b)
    assert np.array_equal(apply_kernel(kernel, [b, x], None, threads), 2.0 * b - a)
    assert np.array_equal(x, before)
    place = LAYOUTS[layout](np.zeros(SHAPE))
    if place.dtype == np.float64 and place.dtype.isnative:
        assert apply_kernel(kernel, [x, b], place, threads) is place
        assert np.array_equal(place, 2.0 * a - b)
        assert apply_kernel(kernel, [x], x, threads) is x
        assert np.array_equal(x, 2.0 * a)


@pytest.mark.parametrize("threads", [1, 2])
def test_what_is_written_is_not_read(threads):
    """A result on top of other places of an input, which a block before would have changed."""
    a = np.arange(3.0 * LEAST)
    for step in (1, 2):
        shifted = np.concatenate([a, np.zeros(step)])
        apply_kernel(kernel, [shifted[:-step]], shifted[step:], threads)
        assert np.array_equal(shifted[step:], 2.0 * a)
    spread = np.repeat(a, 2)
    apply_kernel(kernel, [spread[::2]], spread[: a.size], threads)
    assert np.array_equal(spread[: a.size], 2.0 * a)
    row = ramp()
    apply_kernel(kernel, [row, row[0]], row, threads)  # the first row serves all others
    assert np.array_equal(row, 2.0 * ramp() - ramp()[0])


def test_arrays_that_broadcast():
    a, row, column = ramp(), ramp()[0], ramp()[:, :1]
    assert np.array_equal(apply_kernel(kernel, [a, row], None), 2.0 * a - row)
    assert np.array_equal(apply_kernel(kernel, [row, column], None), 2.0 * row - column)
    single = apply_kernel(kernel, [a.astype("f4"), row.astype("f4")], None)
    assert single.dtype == np.float32
    none = apply_kernel(kernel, [np.zeros((0, 3), "f4"), np.zeros(3)], None)
    assert none.shape == (0, 3)
    assert none.dtype == np.float64
    assert apply_kernel(kernel, [np.float32(2.0), np.array(0.5)], None) == 3.5


def peak(call):
    """The bytes that a call has at most at a time."""
    tracemalloc.start()
    call()
    found = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return found


@pytest.mark.parametrize("layout", LAYOUTS)
def test_no_layout_is_copied_as_a_whole(layout):
    a = np.zeros((64, LEAST))
    x = LAYOUTS[layout](a)
    out = np.zeros(a.shape, x.dtype.newbyteorder("="))
    few = 4 * 8 * LEAST
    assert few < a.nbytes / 8
    assert peak(lambda: apply_kernel(kernel, [x], out)) < few
    if layout == "every other value":
        assert peak(lambda: apply_kernel(kernel, [out], x)) < few
    assert peak(lambda: apply_kernel(kernel, [x[:, :-1]], out[:, 1:])) < few + x.nbytes
    assert peak(lambda: apply_kernel(kernel, [out[:, :-1]], out[:, 1:])) > a.nbytes / 2  # a copy
