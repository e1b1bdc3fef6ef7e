"""Matched operations in torch: derivatives, batching, compilation, modules and their export."""

from __future__ import annotations

import copy
import io
import pickle
import warnings

import numpy as np
import pytest
from test_backends import MAPS, ROUNDINGS, apart, gap, installed, points

import otmaps

torch = installed("torch")
from otmaps._backends import INVERSE  # noqa: E402
from otmaps._backends import _torch as backend  # noqa: E402

# What torch itself warns of when it traces, compiles or exports.
pytestmark = [
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::FutureWarning"),
    pytest.mark.filterwarnings("ignore::UserWarning:torch"),
]


@pytest.fixture(scope="module")
def laplace():
    return otmaps.match(otmaps.lerp(0.3), "laplace", store=None)


@pytest.fixture(scope="module")
def bent():
    """Not linear, and its steps have derivatives."""
    op = otmaps.operation(lambda a, b: a * np.exp(0.1 * b))()
    return otmaps.match(op, "normal", method=otmaps.MonteCarlo(n=2**14), tol=1e-2, store=None)


def latents(*shape, dtype=torch.float64, seed=0):
    rng = np.random.default_rng(seed)
    return [torch.from_numpy(rng.laplace(size=shape)).to(dtype) for _ in range(2)]


@pytest.mark.parametrize("law", MAPS)
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("exported", [False, True])
def test_the_steps_of_torch_give_the_numbers_of_the_kernels(law, dtype, exported):
    T = MAPS[law]()
    for order, function in ((0, T), (1, T.derivative), (INVERSE, T.inverse)):
        y = points(T, dtype, neighbours=order == 0)
        y = y[~(np.isfinite(y) & (np.abs(T(y)) > 1e36))]
        if order == INVERSE:
            y = T(y[:500])
        found = backend.by_steps(T.curve, torch.from_numpy(y), order, None, exported=exported)
        found, expected = found.numpy(), function(y)
        if order == INVERSE:
            found, expected = T(found), T(expected)
        allowed = {0: apart(T, dtype), 1: ROUNDINGS, INVERSE: 4 * apart(T, dtype)}[order]
        assert gap(found, expected) <= allowed


@pytest.mark.parametrize("method", ["__call__", "inverse"])
@pytest.mark.parametrize("law", ["laplace", "uniform", "between ends"])
def test_first_and_second_derivatives_are_those_of_the_values(law, method):
    T = MAPS[law]()
    rng = np.random.default_rng(1)
    y = torch.from_numpy(T.source.ppf(rng.uniform(0.01, 0.99, 20))).requires_grad_()
    if method == "inverse":
        y = T(y).detach().requires_grad_()
    function = getattr(T, method)
    assert torch.autograd.gradcheck(function, y, check_forward_ad=True, atol=1e-5)
    # A table is smooth to its tolerance from cell to cell, not in its second derivative.
    assert torch.autograd.gradgradcheck(function, y, atol=1e-3, rtol=1e-2)


def test_a_wrong_derivative_is_caught():
    class Wrong(torch.autograd.Function):
        @staticmethod
        def forward(ctx, y):
            return T(y)

        @staticmethod
        def backward(ctx, gradient):
            return gradient * 1.01

    T = MAPS["identity"]()
    y = torch.linspace(0.1, 1, 5, dtype=torch.float64, requires_grad=True)
    assert not torch.autograd.gradcheck(Wrong.apply, y, raise_exception=False, atol=1e-5)


@pytest.mark.parametrize(
    ("dtype", "bound"), [(torch.float64, 1e-10), (torch.float32, 1e-6), (torch.bfloat16, 4e-3)]
)
def test_gradients_are_the_derivative_of_the_map(laplace, dtype, bound):
    (y, _) = latents(1000, dtype=dtype)
    y.requires_grad_()
    (found,) = torch.autograd.grad(laplace.map(y).sum(), y)
    assert found.dtype == dtype
    expected = laplace.map.derivative(y.detach().double().numpy())
    assert np.max(np.abs(found.double().numpy() - expected) / expected) < bound


def test_gradients_are_close_to_those_of_the_exact_map(laplace):
    (y, _) = latents(1000)
    y.requires_grad_()
    z = laplace.map(y)
    (found,) = torch.autograd.grad(z.sum(), y)
    points_, values = y.detach().numpy(), z.detach().numpy()
    exact = np.exp(laplace.source.logpdf(points_) - laplace.target.logpdf(values))
    # The derivative of a table of error 1e-9, cubic in cells of 1/64 and more.
    assert np.max(np.abs(found.numpy() - exact)) < 1e-6


def test_gradients_reach_the_latents(laplace, bent):
    for m in (laplace, bent):
        z = [x.requires_grad_() for x in latents(3, 4)]
        assert torch.autograd.gradcheck(m, z, atol=1e-5)
        mixed = [z[0], z[1].detach()[:1]]
        assert torch.autograd.gradcheck(lambda a, m=m, b=mixed[1]: m(a, b), z[0], atol=1e-5)


def test_functional_transforms(laplace):
    a, b = latents(12)
    each = torch.func.vmap(torch.func.grad(laplace))(a, b)
    x = a.clone().requires_grad_()
    (together,) = torch.autograd.grad(laplace(x, b).sum(), x)
    torch.testing.assert_close(each, together, rtol=0, atol=0)
    hessian = torch.func.hessian(lambda x: laplace(x, b).sum())(a)
    assert torch.count_nonzero(hessian - torch.diag(torch.diag(hessian))) == 0
    _, tangent = torch.func.jvp(lambda x: laplace(x, b), (a,), (torch.ones_like(a),))
    torch.testing.assert_close(tangent, together, rtol=0, atol=1e-15)


def test_the_order_in_memory_is_kept(laplace):
    z = [x.to(memory_format=torch.channels_last) for x in latents(2, 3, 4, 5)]
    found = laplace.map(z[0])
    assert found.is_contiguous(memory_format=torch.channels_last)
    np.testing.assert_array_equal(found.numpy(), laplace.map(z[0].contiguous().numpy()))
    step = laplace.map(z[0][:, :, ::2])
    np.testing.assert_array_equal(step.numpy(), found.numpy()[:, :, ::2])
    assert laplace.map(torch.empty(0, 3)).shape == (0, 3)
    assert laplace.map(torch.tensor(0.5)).shape == ()


def test_nothing_is_read_back_to_the_host(laplace, bent):
    # A tensor of the meta device has no numbers: whatever reads one raises.
    for m in (laplace, bent):
        z = [x.to("meta").requires_grad_() for x in latents(2, 3, 4, 5, dtype=torch.float32)]
        found = m(*z)
        assert (found.device.type, found.shape, found.dtype) == ("meta", z[0].shape, z[0].dtype)
        gradient = torch.autograd.grad(found.sum(), z)[0]
        assert gradient.shape == z[0].shape
        assert m.map.inverse(found.detach()).shape == z[0].shape
    with pytest.raises((RuntimeError, NotImplementedError)):
        found.sum().item()


@pytest.mark.skipif(
    not hasattr(torch.compiler, "is_exporting") or torch.cuda.is_available(),
    reason="torch before 2.7 asks the driver for tensors that are not there",
)
def test_everything_stays_on_a_cuda_device(bent):
    from torch._subclasses.fake_tensor import FakeTensorMode

    matched = otmaps.match(otmaps.lerp(0.3), "laplace", store=None)
    for m in (matched, bent):
        with FakeTensorMode(allow_non_fake_inputs=True):  # two devices in one step raise
            found = m(*(torch.empty(2, 3, device="cuda") for _ in range(2)))
            # What the backward passes compute; the engine of autograd wants a driver.
            orders = [backend.apply(m.map.curve, found, order) for order in (INVERSE, 1, 2)]
        assert {x.device.type for x in (found, *orders)} == {"cuda"}
        assert not any(device.type == "cuda" for device, _ in backend._CONSTANTS[m.map.curve])


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.float16])
def test_a_cuda_device_gives_the_numbers_of_numpy(laplace, bent, dtype):
    for m in (laplace, bent):
        z = latents(2, 3, 4, 5, dtype=dtype)
        found = m(*(x.cuda() for x in z))
        assert found.device.type == "cuda"
        assert gap(found.cpu().numpy(), m(*(x.numpy() for x in z))) <= 4 * ROUNDINGS


# ------------------------------------------------------------------------------------- modules
@pytest.fixture(scope="module", params=["table", "affine", "bent"])
def matched(request, laplace, bent):
    normal = otmaps.match(otmaps.lerp(0.3), "normal", store=None)
    return {"table": laplace, "affine": normal, "bent": bent}[request.param]


def test_a_module_computes_what_the_operation_computes(matched):
    module = matched.to_torch_module()
    assert not list(module.parameters())
    for dtype in (torch.float64, torch.float32, torch.bfloat16, torch.float16):
        z = latents(2, 3, 4, 5, dtype=dtype)
        assert torch.equal(module(*z), matched(*z))
    with pytest.raises(TypeError, match="2 latents"):
        module(z[0])
    assert repr(matched.map.kind)[1:-1] in repr(module)


def test_a_module_comes_back_from_its_state(matched, tmp_path):
    module, z = matched.to_torch_module(), latents(2, 3)
    file = io.BytesIO()
    torch.save(module.state_dict(), file)
    file.seek(0)
    state = torch.load(file, weights_only=True)
    other = matched
    if matched.operation.linear is not None:
        other = otmaps.match(otmaps.lerp(0.1), "logistic", store=None)
        assert torch.equal(pickle.loads(pickle.dumps(module))(*z), module(*z))
    fresh = other.to_torch_module()
    if other is not matched:
        assert not torch.equal(fresh(*z), module(*z))
    fresh.load_state_dict(state)
    assert torch.equal(fresh(*z), module(*z))
    assert fresh.map.error == matched.map.error


def test_a_state_that_is_no_map_is_refused(laplace, bent):
    module = laplace.to_torch_module()
    before = module.state_dict()["records"].clone()
    state = {name: value.clone() for name, value in module.state_dict().items()}
    state["records"][5, 2] += 1.0
    with pytest.raises(RuntimeError, match="ends above"):
        module.load_state_dict(state)
    assert torch.equal(module.state_dict()["records"], before)
    with pytest.raises(RuntimeError, match="weights"):
        module.load_state_dict(bent.to_torch_module().state_dict())
    single = {name: value.float() for name, value in module.state_dict().items()}
    with pytest.raises(RuntimeError, match="not float64"):
        module.load_state_dict(single)
    with pytest.raises(RuntimeError, match="Missing key"):
        module.load_state_dict({"numbers": state["numbers"]})


def test_conversions_leave_the_table_as_it_is(laplace):
    module, z = laplace.to_torch_module(), latents(5)
    expected = module(*z)
    for convert in (torch.nn.Module.half, torch.nn.Module.float, lambda m: m.to(torch.bfloat16)):
        found = convert(copy.deepcopy(module))
        assert found.numbers.dtype == torch.float64
        assert torch.equal(found(*z), expected)
    assert module.to("meta")(*(x.to("meta") for x in z)).device.type == "meta"


def test_a_plan_is_no_module():
    op = otmaps.operation(lambda a, b: np.maximum(a + b, 0))()
    plan = otmaps.match(op, "normal", randomize=0, store=None)
    with pytest.raises(TypeError, match="no module"):
        plan.to_torch_module()


def test_a_module_is_compiled_as_one_graph(matched):
    module = matched.to_torch_module()
    torch._dynamo.reset()
    compiled = torch.compile(module, fullgraph=True, backend="eager")
    z = latents(4, 3)
    torch.testing.assert_close(compiled(*z), module(*z), rtol=4e-15, atol=4e-15)
    x = [a.clone().requires_grad_() for a in z]
    found = torch.autograd.grad(compiled(*x).sum(), x)
    expected = torch.autograd.grad(module(*x).sum(), x)
    torch.testing.assert_close(found, expected, rtol=1e-12, atol=1e-12)


def test_a_compiled_inverse_has_the_derivative_of_the_inverse(laplace):
    torch._dynamo.reset()
    compiled = torch.compile(laplace.map.inverse, backend="eager")
    z = torch.tensor([-2.0, -0.3, 0.1, 1.7, np.inf], dtype=torch.float64, requires_grad=True)
    y, expected = compiled(z), laplace.map.inverse(z)
    torch.testing.assert_close(y, expected, rtol=1e-13, atol=1e-13)
    (found,) = torch.autograd.grad(y[:-1].sum(), z)
    (wanted,) = torch.autograd.grad(expected[:-1].sum(), z)
    torch.testing.assert_close(found[:-1], wanted[:-1], rtol=1e-12, atol=0)


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.float16])
def test_an_exported_module_gives_the_numbers_of_numpy(matched, dtype, tmp_path):
    installed("onnx")
    runtime = installed("onnxruntime")
    module, z = matched.to_torch_module(), latents(2, 3, 4, 5, dtype=dtype)
    path = str(tmp_path / "matched.onnx")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(
            module,
            tuple(z),
            path,
            input_names=["z1", "z2"],
            output_names=["z"],
            dynamic_axes={"z1": {0: "batch"}, "z2": {0: "batch"}},
            opset_version=17,
            dynamo=False,
        )
    session = runtime.InferenceSession(path)
    many = [x.numpy() for x in latents(7, 3, 4, 5, dtype=dtype, seed=5)]
    (found,) = session.run(None, {"z1": many[0], "z2": many[1]})
    assert gap(found, matched(*many)) <= (1.0 if dtype == torch.float16 else 2 * ROUNDINGS)


def test_the_newer_exporter_gives_the_numbers_of_numpy(laplace, tmp_path):
    if not hasattr(torch.compiler, "is_exporting"):
        pytest.skip("since torch 2.7")
    installed("onnxscript")
    runtime = installed("onnxruntime")
    z = latents(2, 3, dtype=torch.float64)
    path = str(tmp_path / "matched.onnx")
    batch = ({0: torch.export.Dim("batch")},) * 2
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        module = laplace.to_torch_module()
        torch.onnx.export(
            module, tuple(z), path, dynamo=True, verbose=False, dynamic_shapes=(batch,)
        )
    session = runtime.InferenceSession(path)
    many = [x.numpy() for x in latents(7, 3, seed=5)]
    names = [x.name for x in session.get_inputs()]
    (found,) = session.run(None, dict(zip(names, many, strict=True)))
    assert gap(found, laplace(*many)) <= 2 * ROUNDINGS
